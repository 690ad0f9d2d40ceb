//! A process and every line that it prints.

use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::PATIENCE;

/// A server that is killed with the test.
pub(crate) struct Process {
    child: Child,
    output: Arc<Log>,
}

/// Every line that the process has printed so far.
#[derive(Default)]
struct Log {
    lines: Mutex<Vec<String>>,
    grown: Notify,
}

// === impl Process ===

impl Process {
    /// Starts `skerry` with these arguments.
    pub(crate) fn start(prepare: impl FnOnce(&mut Command)) -> Self {
        let mut command = Command::new(crate::binary());
        prepare(&mut command);
        Self::run(command)
    }

    /// Starts a command.
    pub(crate) fn run(mut command: Command) -> Self {
        let mut child = command
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("a command starts");
        let output = Arc::new(Log::default());
        record(child.stdout.take().expect("stdout is piped"), &output);
        record(child.stderr.take().expect("stderr is piped"), &output);
        Self { child, output }
    }

    /// Waits for a line that the process prints before it serves; it must not end first.
    pub(crate) async fn ready(&mut self, wanted: impl Fn(&str) -> bool) -> String {
        let ready = self.output.wait(wanted);
        tokio::select! {
            line = ready => line,
            _ = self.child.wait() => panic!("skerry ended before it listened:\n{}", self.output.text()),
        }
    }

    /// Everything printed so far.
    pub(crate) fn output(&self) -> String {
        self.output.text()
    }

    /// Waits until a line holds `wanted`, and returns it.
    pub(crate) async fn line(&self, wanted: &str) -> String {
        let waiting = self.output.wait(|line| line.contains(wanted));
        match timeout(PATIENCE, waiting).await {
            Ok(line) => line,
            Err(_) => panic!("no line with {wanted:?} in:\n{}", self.output()),
        }
    }

    /// Sends a signal by its name.
    pub(crate) async fn signal(&self, name: &str) {
        let status = Command::new("kill").args([&format!("-{name}"), &self.pid().to_string()]).status();
        assert!(status.await.expect("kill runs").success(), "skerry was gone already");
    }

    /// Ends the process at once, as a crash would (SIGKILL).
    pub(crate) async fn kill(&mut self) {
        self.child.kill().await.expect("skerry is killed");
    }

    /// Waits for the process to end.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        timeout(PATIENCE, self.child.wait()).await.expect("skerry ends").expect("a status")
    }

    /// Panics if the process has died.
    pub(crate) fn assert_alive(&mut self) {
        let status = self.child.try_wait().expect("a status");
        assert!(status.is_none(), "skerry died ({status:?}):\n{}", self.output());
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id().expect("skerry runs")
    }

    /// Resident memory now, in MiB.
    pub(crate) fn resident_mib(&self) -> u64 {
        let path = format!("/proc/{}/status", self.pid());
        let status = std::fs::read_to_string(path).expect("the process's status");
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("a VmRSS line");
        line.split_whitespace().nth(1).expect("a figure").parse::<u64>().expect("a number") / 1024
    }
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
