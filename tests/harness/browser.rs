//! Debian's Chromium without a window, driven over its DevTools protocol (https://chromedevtools.github.io/devtools-protocol/).

use std::process::Stdio;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::{PATIENCE, Socket};

pub struct Browser {
    _process: Child,
    /// What it keeps; goes with it.
    profile: TempDir,
}

/// One tab.
pub struct Page {
    socket: Socket,
    last: u64,
}

// === impl Browser ===

impl Browser {
    pub async fn start() -> Self {
        Self::with(&["--disable-quic"]).await
    }

    /// With more options.
    pub async fn with(options: &[&str]) -> Self {
        let profile = TempDir::with_prefix("skerry-browser-").expect("a temporary folder");
        let process = Command::new("chromium")
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"])
            .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
            .args(["--disable-dev-shm-usage", "--remote-debugging-port=0"])
            .args(options)
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("chromium starts: `make test` installs it");
        Self { _process: process, profile }
    }

    /// Opens a page.
    pub async fn open(&self, url: &str) -> Page {
        let (port, browser) = self.endpoint().await;
        let address = std::net::SocketAddr::from(([127, 0, 0, 1], port));
        let mut root = Page { socket: Socket::open(address, &browser, &[]).await.expect("DevTools"), last: 0 };
        let target = root.command("Target.createTarget", json!({ "url": url })).await;
        let target = target["targetId"].as_str().expect("a target's id").to_owned();
        let socket =
            Socket::open(address, &format!("/devtools/page/{target}"), &[]).await.expect("the page's DevTools");
        let mut page = Page { socket, last: 0 };
        // Every page is as if in front, with the focus.
        page.command("Emulation.setFocusEmulationEnabled", json!({ "enabled": true })).await;
        page
    }

    /// The port and path that Chromium writes into its profile once it listens.
    async fn endpoint(&self) -> (u16, String) {
        let file = self.profile.path().join("DevToolsActivePort");
        let read = async {
            loop {
                let text = std::fs::read_to_string(&file).unwrap_or_default();
                if let Some((port, path)) = text.split_once('\n')
                    && let Ok(port) = port.parse()
                {
                    return (port, path.to_owned());
                }
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        };
        timeout(PATIENCE, read).await.expect("chromium listens in time")
    }
}

/// What DevTools answers while a page has no document.
const NO_CONTEXT: i64 = -32000;

fn evaluation(expression: &str) -> Value {
    json!({ "expression": expression, "returnByValue": true, "awaitPromise": true })
}

// === impl Page ===

impl Page {
    async fn command(&mut self, method: &str, params: Value) -> Value {
        self.attempt(method, params).await.unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    /// What a command comes to, or the error that DevTools has for it.
    async fn attempt(&mut self, method: &str, params: Value) -> Result<Value, Value> {
        self.last += 1;
        let id = self.last;
        self.socket.send(json!({ "id": id, "method": method, "params": params }).to_string()).await;
        loop {
            let message: Value = serde_json::from_str(&self.socket.text().await).expect("JSON from DevTools");
            if message["id"] == id {
                return match message.get("error") {
                    None => Ok(message["result"].clone()),
                    Some(error) => Err(error.clone()),
                };
            }
        }
    }

    /// What an expression comes to in the page.
    pub async fn evaluate(&mut self, expression: &str) -> Value {
        let result = self.command("Runtime.evaluate", evaluation(expression)).await;
        assert!(result.get("exceptionDetails").is_none(), "{expression}: {result}");
        result["result"]["value"].clone()
    }

    /// Waits until an expression comes to true. Between two documents a page has nothing that it could be asked in.
    pub async fn until(&mut self, expression: &str) {
        let waiting = async {
            loop {
                let found = self.attempt("Runtime.evaluate", evaluation(expression)).await;
                match found {
                    Ok(result) if result.get("exceptionDetails").is_some() => panic!("{expression}: {result}"),
                    Ok(result) if result["result"]["value"] == true => return,
                    Err(error) if error["code"] != NO_CONTEXT => panic!("{expression}: {error}"),
                    Ok(_) | Err(_) => {}
                }
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        };
        if timeout(PATIENCE, waiting).await.is_err() {
            let text = self.evaluate("document.body.innerText").await;
            panic!("{expression} does not come about in the page:\n{text}");
        }
    }

    /// Closes the tab.
    pub async fn close(mut self) {
        self.command("Page.close", json!({})).await;
    }

    /// Waits until a line can be typed into the page's first field.
    pub async fn ready(&mut self) {
        self.until("document.readyState === 'complete' && document.querySelector('input') !== null").await;
        self.evaluate("document.querySelector('input').focus()").await;
    }

    /// Types a line where the focus is, key by key, and presses Enter.
    pub async fn type_line(&mut self, text: &str) {
        self.type_text(text).await;
        self.press("Enter").await;
    }

    /// Types where the focus is.
    pub async fn type_text(&mut self, text: &str) {
        self.command("Input.insertText", json!({ "text": text })).await;
    }

    /// Presses a key by its name in events: Enter, Tab, Escape, Home, ArrowLeft, …
    pub async fn press(&mut self, key: &str) {
        let (code, text) = match key {
            "Enter" => (13, "\r"),
            "Tab" => (9, ""),
            "Escape" => (27, ""),
            "End" => (35, ""),
            "Home" => (36, ""),
            "ArrowLeft" => (37, ""),
            "ArrowUp" => (38, ""),
            "ArrowRight" => (39, ""),
            "ArrowDown" => (40, ""),
            other => panic!("no such key: {other}"),
        };
        for kind in ["keyDown", "keyUp"] {
            let event = json!({ "type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code, "text": text });
            self.command("Input.dispatchKeyEvent", event).await;
        }
    }
}
