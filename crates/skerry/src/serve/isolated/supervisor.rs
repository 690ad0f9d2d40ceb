//! An account's process, for as long as the front runs: started, told what to do, and started again when it has ended by itself.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::accounts::Tenant;
use super::orders::{Orders, Said};

/// What a process prints when it answers.
pub const READY: &str = "\u{1}ready";

/// How long the first pause is before another start; then twice as long each time, up to the second.
const PAUSE: Duration = Duration::from_millis(100);
const PAUSE_AT_MOST: Duration = Duration::from_secs(10);
/// A process that has lasted so long had no fault at its start.
const LASTED: Duration = Duration::from_secs(30);
/// From the word to stop to the end by force: what the process itself gives its requests, and some.
const GRACE: Duration = Duration::from_secs(40);
/// Bytes of one line of a process that are printed together.
const LINE: u64 = 64 << 10;

/// How the processes are started.
#[derive(Clone, Debug)]
pub struct Start {
    pub log_level: &'static str,
    /// What all are told; each gets its own secret and whether it is the first.
    pub orders: watch::Receiver<Orders>,
    pub first: bool,
}

// === impl Start ===

impl Start {
    /// Keeps a process running until `stop` fires, then lets it finish.
    pub async fn keep(mut self, tenant: Arc<Tenant>, stop: CancellationToken) {
        let mut pause = PAUSE;
        loop {
            let began = Instant::now();
            let ended = self.once(&tenant, &stop).await;
            tenant.process.send_replace(None);
            if stop.is_cancelled() {
                return;
            }
            if began.elapsed() > LASTED {
                pause = PAUSE;
            }
            let how = match ended {
                Ok(status) => told(status),
                Err(error) => format!("can't run: {error}"),
            };
            tracing::warn!("[{}] the process {how}; another starts in {} ms", tenant.subdomain(), pause.as_millis());
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
            pause = (pause * 2).min(PAUSE_AT_MOST);
        }
    }

    async fn once(&mut self, tenant: &Arc<Tenant>, stop: &CancellationToken) -> io::Result<ExitStatus> {
        let temporary = tenant.folder.join("tmp");
        std::fs::create_dir_all(&temporary)?;
        let mut command = Command::new(itself()?);
        command.arg0("skerry").args(["serve", "--account", tenant.subdomain(), "--log-level", self.log_level]);
        command.env("TMPDIR", &temporary).env("SQLITE_TMPDIR", &temporary);
        // What the terminal sends to the front's group is the front's to pass on.
        command.process_group(0).kill_on_drop(true);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let missing = || io::Error::other("the process has no pipes");
        let mut stdin = child.stdin.take().ok_or_else(missing)?;
        let (out, err) = (child.stdout.take().ok_or_else(missing)?, child.stderr.take().ok_or_else(missing)?);
        tokio::spawn(print(BufReader::new(out), tenant.clone(), false, child.id()));
        tokio::spawn(print(BufReader::new(err), tenant.clone(), true, None));
        let orders = self.orders.borrow_and_update().clone();
        self.say(tenant, &mut stdin, orders).await?;
        loop {
            tokio::select! {
                status = child.wait() => return status,
                () = stop.cancelled() => return end(tenant, child, stdin).await,
                changed = self.orders.changed() => {
                    let orders = self.orders.borrow_and_update().clone();
                    if changed.is_ok() {
                        self.say(tenant, &mut stdin, orders).await?;
                    }
                }
            }
        }
    }

    async fn say(&self, tenant: &Tenant, stdin: &mut ChildStdin, orders: Orders) -> io::Result<()> {
        let orders = Orders { secret: tenant.secret.clone(), first: self.first, ..orders };
        write(stdin, &Said::Orders(Box::new(orders))).await
    }
}

/// The program, also where its file has been replaced by a newer version since.
fn itself() -> io::Result<PathBuf> {
    if cfg!(target_os = "linux") { Ok("/proc/self/exe".into()) } else { std::env::current_exe() }
}

async fn write(stdin: &mut ChildStdin, said: &Said) -> io::Result<()> {
    stdin.write_all(said.line().map_err(io::Error::other)?.as_bytes()).await?;
    stdin.flush().await
}

/// Lets the process finish what it has begun.
async fn end(tenant: &Tenant, mut child: Child, mut stdin: ChildStdin) -> io::Result<ExitStatus> {
    write(&mut stdin, &Said::Stop).await?;
    match tokio::time::timeout(GRACE, child.wait()).await {
        Ok(status) => status,
        Err(_) => {
            tracing::warn!("[{}] the process does not end and is killed", tenant.subdomain());
            child.kill().await?;
            child.wait().await
        }
    }
}

/// Prints what a process says under its account's name, objects of JSON as they are; `ready`: its id, which the word of being ready makes known.
async fn print(mut lines: impl AsyncBufRead + Unpin, tenant: Arc<Tenant>, is_error: bool, ready: Option<u32>) {
    let mut line = Vec::new();
    loop {
        line.clear();
        match (&mut lines).take(LINE).read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end();
        match (is_error, text == READY) {
            (false, true) => {
                tenant.process.send_replace(ready);
            }
            (false, false) => anstream::println!("[{}] {text}", tenant.subdomain()),
            (true, _) if text.starts_with('{') => anstream::eprintln!("{text}"),
            (true, _) => anstream::eprintln!("[{}] {text}", tenant.subdomain()),
        }
    }
}

fn told(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("has ended with status {code}"),
        (None, Some(signal)) => format!("was ended by signal {signal}"),
        (None, None) => "has ended".into(),
    }
}
