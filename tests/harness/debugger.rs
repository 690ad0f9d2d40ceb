//! A debugger: a client of the DevTools protocol, attached to a Worker of `skerry dev --inspector-port 0`.

use std::collections::VecDeque;
use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::{Dev, Socket};

pub struct Debugger {
    socket: Socket,
    last: u64,
    /// What came while something else was waited for.
    events: VecDeque<Value>,
}

/// Where the inspector says that it listens.
pub async fn inspector(dev: &Dev) -> SocketAddr {
    let line = dev.line("Inspector on").await;
    let address = line.split("Inspector on ").nth(1).and_then(|rest| rest.split(": ").next());
    address.and_then(|address| address.parse().ok()).unwrap_or_else(|| panic!("no address in {line:?}"))
}

// === impl Debugger ===

impl Debugger {
    /// Attaches to a Worker.
    pub async fn attach(dev: &Dev, worker: &str) -> Self {
        let socket = Socket::open(inspector(dev).await, &format!("/{worker}"), &[]).await.expect("the inspector");
        Self { socket, last: 0, events: VecDeque::new() }
    }

    /// Attaches, and asks for what there is to hear.
    pub async fn listen(dev: &Dev, worker: &str) -> Self {
        let mut debugger = Self::attach(dev, worker).await;
        debugger.command("Runtime.enable", json!({})).await;
        debugger.command("Debugger.enable", json!({})).await;
        debugger
    }

    /// What a command comes to; it must not fail.
    pub async fn command(&mut self, method: &str, params: Value) -> Value {
        let id = self.send(method, params).await;
        self.answer(id).await
    }

    /// Sends a command whose answer is not waited for; its id.
    pub async fn send(&mut self, method: &str, params: Value) -> u64 {
        self.last += 1;
        eprintln!("debugger: {method} {params}");
        self.socket.send(json!({ "id": self.last, "method": method, "params": params }).to_string()).await;
        self.last
    }

    pub async fn answer(&mut self, id: u64) -> Value {
        loop {
            let message = self.receive().await;
            if message["id"] == id {
                assert!(message.get("error").is_none(), "command {id}: {message}");
                return message["result"].clone();
            }
            assert!(message.get("id").is_none(), "an answer to nothing: {message}");
            self.events.push_back(message);
        }
    }

    /// The next event of this name.
    pub async fn event(&mut self, method: &str) -> Value {
        self.event_where(method, |_| true).await
    }

    /// The next event of this name of which this holds.
    pub async fn event_where(&mut self, method: &str, holds: impl Fn(&Value) -> bool) -> Value {
        eprintln!("debugger: waits for {method}");
        let wanted = |message: &Value| message["method"] == method && holds(&message["params"]);
        if let Some(at) = self.events.iter().position(wanted) {
            return self.events.remove(at).expect("it was found")["params"].clone();
        }
        loop {
            let message = self.receive().await;
            eprintln!("debugger: hears {}", message["method"]);
            if wanted(&message) {
                return message["params"].clone();
            }
            self.events.push_back(message);
        }
    }

    /// The value that an expression comes to at global scope.
    pub async fn evaluate(&mut self, expression: &str) -> Value {
        let result = self.command("Runtime.evaluate", json!({ "expression": expression, "returnByValue": true })).await;
        assert!(result.get("exceptionDetails").is_none(), "{expression}: {result}");
        result["result"]["value"].clone()
    }

    /// All events of this name that have come.
    pub fn heard(&self, method: &str) -> Vec<&Value> {
        self.events.iter().filter(|event| event["method"] == method).map(|event| &event["params"]).collect()
    }

    /// Forgets the events that have come.
    pub fn forget(&mut self) {
        self.events.clear();
    }

    /// The server's Close: its code.
    pub async fn closed(mut self) -> u16 {
        self.socket.closed().await.0
    }

    async fn receive(&mut self) -> Value {
        serde_json::from_str(&self.socket.text().await).expect("JSON from the inspector")
    }
}
