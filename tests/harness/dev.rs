//! `skerry dev` serving a project on a free port, stopped when the test ends.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::{PATIENCE, Project, Request, text};

pub struct Dev {
    child: Child,
    address: SocketAddr,
    output: Arc<Log>,
}

/// Every line that the process has printed so far.
#[derive(Default)]
struct Log {
    lines: Mutex<Vec<String>>,
    grown: Notify,
}

// === impl Dev ===

impl Dev {
    /// Serves one project with no further flags.
    pub async fn start(project: &Project) -> Self {
        Self::with(&[], &[project.path()]).await
    }

    /// Serves one project with further flags.
    pub async fn flags(project: &Project, flags: &[&str]) -> Self {
        Self::with(flags, &[project.path()]).await
    }

    /// Serves folders with further flags.
    pub async fn with(flags: &[&str], folders: &[&Path]) -> Self {
        Self::environment(&[], flags, folders).await
    }

    /// The same with more environment variables; returns when the server says that it listens.
    pub async fn environment(variables: &[(&str, &str)], flags: &[&str], folders: &[&Path]) -> Self {
        let mut child = Command::new(crate::binary())
            .arg("dev")
            .args(["--ip", "127.0.0.1", "--port", "0"])
            .args(flags)
            .args(folders)
            .env("NO_COLOR", "1")
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("skerry starts");
        let output = Arc::new(Log::default());
        record(child.stdout.take().expect("stdout is piped"), &output);
        record(child.stderr.take().expect("stderr is piped"), &output);
        let ready = output.wait(|line| listening(line).is_some());
        let address = tokio::select! {
            line = ready => listening(&line).expect("the line that was waited for"),
            _ = child.wait() => panic!("skerry ended before it listened:\n{}", output.text()),
        };
        Self { child, address, output }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of a path, for Workers that fetch.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn get(&self, path: &str) -> Request {
        Request::new(self.address, "GET", path)
    }

    pub fn request(&self, method: &str, path: &str) -> Request {
        Request::new(self.address, method, path)
    }

    /// GETs a path and returns its body, whatever the status.
    pub async fn text(&self, path: &str) -> String {
        text(self.get(path).send().await).await
    }

    /// GETs a path and returns its body as JSON.
    #[track_caller]
    pub fn json(&self, path: &str) -> impl Future<Output = serde_json::Value> {
        let path = path.to_owned();
        async move {
            let body = self.text(&path).await;
            serde_json::from_str(&body).unwrap_or_else(|error| panic!("{path} is not JSON ({error}):\n{body}"))
        }
    }

    /// Everything printed so far.
    pub fn output(&self) -> String {
        self.output.text()
    }

    /// Waits until a line holds `wanted`, and returns it.
    pub async fn line(&self, wanted: &str) -> String {
        let waiting = self.output.wait(|line| line.contains(wanted));
        match timeout(PATIENCE, waiting).await {
            Ok(line) => line,
            Err(_) => panic!("no line with {wanted:?} in:\n{}", self.output()),
        }
    }

    /// Asks the process to stop as an operator would (SIGINT).
    pub async fn interrupt(&self) {
        let pid = self.child.id().expect("skerry runs").to_string();
        let status = Command::new("kill").args(["-INT", &pid]).status().await.expect("kill runs");
        assert!(status.success(), "skerry was gone already");
    }

    /// Ends the process at once, as a crash would (SIGKILL).
    pub async fn kill(&mut self) {
        self.child.kill().await.expect("skerry is killed");
    }

    /// A client that bears the server's death.
    pub fn client(&self) -> crate::Client {
        crate::Client::new(self.address)
    }

    /// Waits for the process to end.
    pub async fn ended(&mut self) -> ExitStatus {
        timeout(PATIENCE, self.child.wait()).await.expect("skerry ends").expect("a status")
    }

    /// Panics if the process has died.
    pub fn assert_alive(&mut self) {
        let status = self.child.try_wait().expect("a status");
        assert!(status.is_none(), "skerry died ({status:?}):\n{}", self.output());
    }

    /// The process, for signals.
    pub fn pid(&self) -> u32 {
        self.child.id().expect("skerry runs")
    }

    /// Resident memory now, in MiB.
    pub fn resident_mib(&self) -> u64 {
        let path = format!("/proc/{}/status", self.child.id().expect("skerry runs"));
        let status = std::fs::read_to_string(path).expect("the process's status");
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("a VmRSS line");
        line.split_whitespace().nth(1).expect("a figure").parse::<u64>().expect("a number") / 1024
    }
}

/// The address in a line such as `Ready on http://127.0.0.1:8787`.
fn listening(line: &str) -> Option<SocketAddr> {
    let (_, rest) = line.split_once("http://")?;
    let authority = rest.split(|c: char| c != '.' && c != ':' && !c.is_ascii_alphanumeric()).next()?;
    let (_, port) = authority.rsplit_once(':')?;
    Some(SocketAddr::from(([127, 0, 0, 1], port.parse().ok()?)))
}

fn record(stream: impl AsyncRead + Unpin + Send + 'static, log: &Arc<Log>) {
    let log = Arc::clone(log);
    tokio::spawn(async move {
        let mut lines = BufReader::new(stream).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            log.lines.lock().expect("no panic while it is held").push(line);
            log.grown.notify_waiters();
        }
    });
}

// === impl Log ===

impl Log {
    fn text(&self) -> String {
        self.lines.lock().expect("no panic while it is held").join("\n")
    }

    async fn wait(&self, wanted: impl Fn(&str) -> bool) -> String {
        loop {
            let grown = self.grown.notified();
            if let Some(line) = self.lines.lock().expect("no panic while it is held").iter().find(|line| wanted(line)) {
                return line.clone();
            }
            // A line may have come between the look and the wait: look again soon in any case.
            let _ = timeout(Duration::from_millis(50), grown).await;
        }
    }
}
