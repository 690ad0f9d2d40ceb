//! A PostgreSQL server of Debian's, with data of its own on a free port, stopped when the test ends.

use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tokio::process::Command;

use crate::process::Process;

pub const USER: &str = "owner";
pub const PASSWORD: &str = "a-password-that-nobody-sees";

pub struct Postgres {
    process: Process,
    folder: TempDir,
    port: u16,
}

// === impl Postgres ===

impl Postgres {
    /// A server that speaks no TLS.
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// A server with a certificate that nobody has signed.
    pub async fn secured() -> Self {
        Self::with(&["-c", "ssl=on"]).await
    }

    async fn with(options: &[&str]) -> Self {
        let folder = TempDir::with_prefix("skerry-postgres-").expect("a temporary folder");
        let data = folder.path().join("data");
        let password = folder.path().join("password");
        std::fs::write(&password, PASSWORD).expect("a password's file");
        give(folder.path());
        give(&password);
        let mut command = program("initdb");
        command.args([
            "--username",
            USER,
            "--auth",
            "scram-sha-256",
            "--encoding",
            "UTF8",
            "--locale",
            "C",
            "--no-sync",
        ]);
        command.arg("--pwfile").arg(&password).arg("--pgdata").arg(&data);
        let made = command.output().await.expect("initdb runs");
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        if options.contains(&"ssl=on") {
            certificate(&data);
        }
        let (process, port) = launch(&data, folder.path(), options).await;
        Self { process, folder, port }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// What leads to the database `postgres` of this server.
    pub fn url(&self) -> String {
        format!("postgres://{USER}:{PASSWORD}@127.0.0.1:{}/postgres", self.port)
    }

    /// What a query gives, past everything else: rows in lines, columns parted by bars.
    pub async fn sql(&self, query: &str) -> String {
        let mut command = Command::new(binaries().join("psql"));
        command.args([
            "--no-align",
            "--tuples-only",
            "--quiet",
            "--no-psqlrc",
            "--dbname",
            &self.url(),
            "--command",
            query,
        ]);
        let output = command.output().await.expect("psql runs");
        assert!(output.status.success(), "{query}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Ends it at once.
    pub async fn kill(&mut self) {
        self.process.kill().await;
    }

    /// Starts it again with the same data, after it has ended.
    pub async fn again(&mut self) {
        let data = self.folder.path().join("data");
        self.process = serve(&data, self.folder.path(), self.port, &[]).await;
    }
}

async fn launch(data: &Path, sockets: &Path, options: &[&str]) -> (Process, u16) {
    // PostgreSQL chooses no port by itself. This one was free a moment ago.
    let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port").port();
    (serve(data, sockets, port, options).await, port)
}

async fn serve(data: &Path, sockets: &Path, port: u16, options: &[&str]) -> Process {
    let mut command = program("postgres");
    command
        .arg("-D")
        .arg(data)
        .arg("-k")
        .arg(sockets)
        .args(["-h", "127.0.0.1", "-p", &port.to_string(), "-F"])
        .args(options);
    let mut process = Process::run(command);
    process.ready(|line| line.contains("ready to accept connections")).await;
    process
}

fn certificate(data: &Path) {
    let made = rcgen::generate_simple_self_signed(["database.example".to_owned()]).expect("a certificate");
    for (name, pem) in [("server.crt", made.cert.pem()), ("server.key", made.signing_key.serialize_pem())] {
        let path = data.join(name);
        std::fs::write(&path, pem).expect("a file");
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("its mode");
        give(&path);
    }
}

/// Debian keeps each version's programs apart.
fn binaries() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest =
        versions.filter_map(|version| Some((version.file_name().to_str()?.parse::<u32>().ok()?, version.path()))).max();
    newest.expect("Debian's package postgresql: run `.ci/setup test`").1.join("bin")
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// PostgreSQL refuses to run as root: it runs as the user that its package made.
fn program(name: &str) -> Command {
    let path = binaries().join(name);
    if !is_root() {
        return Command::new(path);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(path);
    command
}

/// Makes a file that user's.
fn give(path: &Path) {
    if is_root() {
        let users = std::fs::read_to_string("/etc/passwd").expect("the users");
        let line = users.lines().find(|line| line.starts_with("postgres:")).expect("the user postgres");
        let mut ids = line.split(':').skip(2).map(|id| id.parse().expect("a number"));
        chown(path, ids.next(), ids.next()).expect("a file changes hands");
    }
}
