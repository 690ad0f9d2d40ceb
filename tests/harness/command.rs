//! One run of a command line to its end.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

/// What a command said and how it ended.
#[derive(Debug)]
pub struct Output {
    pub success: bool,
    pub stdout: String,
    pub stderr: String,
}

// === impl Output ===

impl Output {
    /// Both streams, for messages that may go to either.
    pub fn text(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }

    /// Asserts that the command succeeded.
    #[track_caller]
    pub fn ok(self) -> Self {
        assert!(self.success, "the command failed:\n{}", self.text());
        self
    }

    /// Asserts that the command failed with a message, not with a panic.
    #[track_caller]
    pub fn refused(self) -> Self {
        assert!(!self.success, "the command should have failed:\n{}", self.text());
        let text = self.text();
        assert!(!text.contains("panicked at") && !text.contains("RUST_BACKTRACE"), "a Rust backtrace:\n{text}");
        self
    }
}

/// `skerry ARGS…` run in `folder`.
pub async fn skerry(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(crate::binary());
    command.args(args);
    run(command, folder, Duration::from_secs(60)).await
}

/// The stock `wrangler ARGS…` (pinned in tests/package.json) run in `folder`, kept off the network.
pub async fn wrangler(folder: &Path, args: &[&str]) -> Output {
    wrangler_with(folder, args, &[]).await
}

/// The same with more environment variables: those that say which API it calls.
pub(crate) async fn wrangler_with(folder: &Path, args: &[&str], variables: &[(&str, &str)]) -> Output {
    run(wrangler_command(folder, args, variables), folder, Duration::from_secs(120)).await
}

pub(crate) fn wrangler_command(folder: &Path, args: &[&str], variables: &[(&str, &str)]) -> Command {
    let program = crate::root().join("tests/node_modules/wrangler/bin/wrangler.js");
    assert!(program.is_file(), "{} is missing: run `make test`", program.display());
    let mut command = Command::new("node");
    command.arg(program).args(args).env("WRANGLER_SEND_METRICS", "false").env("CI", "1").current_dir(folder);
    command.envs(variables.iter().copied());
    command
}

async fn run(mut command: Command, folder: &Path, limit: Duration) -> Output {
    let running = command.current_dir(folder).env("NO_COLOR", "1").stdin(Stdio::null()).kill_on_drop(true).output();
    let output = timeout(limit, running).await.expect("a command ends in time").expect("a command starts");
    Output {
        success: output.status.success(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
