//! `skerry dev` serving a project on a free port, stopped when the test ends.

use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitStatus;

use crate::process::Process;
use crate::{Project, Request, text};

pub struct Dev {
    process: Process,
    address: SocketAddr,
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
        let mut process = Process::start(|command| {
            command
                .arg("dev")
                .args(["--ip", "127.0.0.1", "--port", "0"])
                .args(flags)
                .args(folders)
                .envs(variables.iter().copied());
        });
        let line = process.ready(|line| listening(line).is_some()).await;
        let address = listening(&line).expect("the line that was waited for");
        Self { process, address }
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
        self.process.output()
    }

    /// Waits until a line holds `wanted`, and returns it.
    pub async fn line(&self, wanted: &str) -> String {
        self.process.line(wanted).await
    }

    /// Asks the process to stop as an operator would (SIGINT).
    pub async fn interrupt(&self) {
        self.process.signal("INT").await;
    }

    /// Ends the process at once, as a crash would (SIGKILL).
    pub async fn kill(&mut self) {
        self.process.kill().await;
    }

    /// A client that bears the server's death.
    pub fn client(&self) -> crate::Client {
        crate::Client::new(self.address)
    }

    /// Waits for the process to end.
    pub async fn ended(&mut self) -> ExitStatus {
        self.process.ended().await
    }

    /// Panics if the process has died.
    pub fn assert_alive(&mut self) {
        self.process.assert_alive();
    }

    /// The process, for signals.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Resident memory now, in MiB.
    pub fn resident_mib(&self) -> u64 {
        self.process.resident_mib()
    }
}

/// The address in a line such as `Ready on http://127.0.0.1:8787`.
fn listening(line: &str) -> Option<SocketAddr> {
    let (_, rest) = line.split_once("http://")?;
    let authority = rest.split(|c: char| c != '.' && c != ':' && !c.is_ascii_alphanumeric()).next()?;
    let (_, port) = authority.rsplit_once(':')?;
    Some(SocketAddr::from(([127, 0, 0, 1], port.parse().ok()?)))
}
