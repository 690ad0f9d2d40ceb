//! `skerry serve` on free ports with data of its own, and wrangler deploying to it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use serde_json::Value;
use tempfile::TempDir;

use crate::command::{wrangler_command, wrangler_with};
use crate::process::Process;
use crate::{Output, Request, text};

pub struct Served {
    process: Process,
    folder: TempDir,
    http: SocketAddr,
    api: SocketAddr,
    pub account: String,
    pub token: String,
}

/// A command that goes on, and what it prints.
pub struct Running(Process);

// === impl Running ===

impl Running {
    /// Everything printed so far.
    pub fn output(&self) -> String {
        self.0.output()
    }

    /// Waits until a line holds `wanted`, and returns it.
    pub async fn line(&self, wanted: &str) -> String {
        self.0.line(wanted).await
    }
}

// === impl Served ===

impl Served {
    /// Serves with the least configuration.
    pub async fn start() -> Self {
        Self::configured("").await
    }

    /// Serves with more tables in its configuration.
    pub async fn configured(more: &str) -> Self {
        Self::with("", more).await
    }

    /// Serves with more top-level keys in its configuration.
    pub async fn with_top(top: &str) -> Self {
        Self::with(top, "").await
    }

    /// Serves with both.
    pub async fn with(top: &str, more: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let listen = "[http]\nlisten = \"127.0.0.1:0\"\n[api]\nlisten = \"127.0.0.1:0\"\n";
        std::fs::write(folder.path().join("skerry.toml"), format!("{top}{listen}{more}")).expect("a configuration");
        let (process, http, api) = launch(folder.path()).await;
        let output = process.output();
        let exported = |name: &str| {
            let wanted = format!("export {name}=");
            let line = output.lines().find_map(|line| line.trim().strip_prefix(&wanted));
            line.unwrap_or_else(|| panic!("no {name} in:\n{output}")).to_owned()
        };
        let (account, token) = (exported("CLOUDFLARE_ACCOUNT_ID"), exported("CLOUDFLARE_API_TOKEN"));
        Self { folder, http, api, account, token, process }
    }

    /// Starts it again with the same data, after it has ended.
    pub async fn again(&mut self) {
        (self.process, self.http, self.api) = launch(self.folder.path()).await;
    }

    /// The stock wrangler, run in `folder` against this server.
    pub async fn wrangler(&self, folder: &Path, args: &[&str]) -> Output {
        self.wrangler_as(&self.token, folder, args).await
    }

    /// The same with another token.
    pub async fn wrangler_as(&self, token: &str, folder: &Path, args: &[&str]) -> Output {
        let url = self.api_url();
        wrangler_with(folder, args, &self.variables(&url, token)).await
    }

    /// A wrangler command that goes on until it is dropped, as `tail` does.
    pub fn wrangler_running(&self, folder: &Path, args: &[&str]) -> Running {
        let url = self.api_url();
        Running(Process::run(wrangler_command(folder, args, &self.variables(&url, &self.token))))
    }

    fn api_url(&self) -> String {
        format!("http://{}/client/v4", self.api)
    }

    fn variables<'v>(&'v self, url: &'v str, token: &'v str) -> [(&'static str, &'v str); 3] {
        [("CLOUDFLARE_API_BASE_URL", url), ("CLOUDFLARE_API_TOKEN", token), ("CLOUDFLARE_ACCOUNT_ID", &self.account)]
    }

    /// A request to the Worker of this name, at its own host.
    pub fn request(&self, method: &str, worker: &str, path: &str) -> Request {
        self.request_to(method, &format!("{worker}.localhost"), path)
    }

    /// A request to any host.
    pub fn request_to(&self, method: &str, host: &str, path: &str) -> Request {
        Request::new(self.http, method, path).header("host", host)
    }

    /// What the Worker answers to a GET, whatever the status.
    pub async fn text(&self, worker: &str, path: &str) -> String {
        text(self.request("GET", worker, path).send().await).await
    }

    /// A request to the API, with the token; `path` is below `/client/v4`.
    pub fn api(&self, method: &str, path: &str) -> Request {
        self.api_without(method, path).header("authorization", &format!("Bearer {}", self.token))
    }

    /// A request to the API without a token.
    pub fn api_without(&self, method: &str, path: &str) -> Request {
        Request::new(self.api, method, &format!("/client/v4{path}"))
    }

    /// A request to the API within the account: its status, and its body as JSON.
    pub async fn ask(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        let request = self.api(method, &format!("/accounts/{}{path}", self.account));
        let answer = request.header("content-type", "application/json").body(body.to_owned()).await;
        let status = answer.status().as_u16();
        let body = text(answer).await;
        let json = serde_json::from_str(&body).unwrap_or_else(|error| panic!("{path} is not JSON ({error}):\n{body}"));
        (status, json)
    }

    /// A request to the API with any token, for any path below `/client/v4`: its status, and its body as JSON.
    pub async fn ask_as(&self, token: &str, method: &str, path: &str, body: impl Into<bytes::Bytes>) -> (u16, Value) {
        let request = self.api_without(method, path).header("authorization", &format!("Bearer {token}"));
        let answer = request.body(body).await;
        let status = answer.status().as_u16();
        let body = text(answer).await;
        let json = serde_json::from_str(&body).unwrap_or_else(|error| panic!("{path} is not JSON ({error}):\n{body}"));
        (status, json)
    }

    /// Makes another account on this server, with the subdomain `other`: its id, and a token that may do everything in it.
    pub async fn another_account(&self) -> (String, String) {
        self.another_account_called("other").await
    }

    /// The same with another subdomain.
    pub async fn another_account_called(&self, subdomain: &str) -> (String, String) {
        let registry = registry::Registry::open(&self.data()).expect("the registry");
        let account = registry.create_account(subdomain, subdomain, "paid").await.expect("an account");
        let scopes = [registry::Scope::All].into();
        let made = registry.create_token(&account.id, "other", scopes, None).await.expect("a token");
        (account.id, made.secret)
    }

    pub fn http(&self) -> SocketAddr {
        self.http
    }

    pub fn api_address(&self) -> SocketAddr {
        self.api
    }

    /// The folder of its configuration.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Where its data is.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("skerry-data")
    }

    pub fn output(&self) -> String {
        self.process.output()
    }

    /// Asks it to stop, as a supervisor does.
    pub async fn terminate(&self) {
        self.process.signal("TERM").await;
    }

    /// Asks it to look at its files again (SIGHUP).
    pub async fn hang_up(&self) {
        self.process.signal("HUP").await;
    }

    /// Waits until a line holds `wanted`, and returns it.
    pub async fn line(&self, wanted: &str) -> String {
        self.process.line(wanted).await
    }

    /// Ends it at once, as a crash would.
    pub async fn kill(&mut self) {
        self.process.kill().await;
    }

    pub async fn ended(&mut self) -> ExitStatus {
        self.process.ended().await
    }

    /// The process, for what the system knows of it.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    pub fn assert_alive(&mut self) {
        self.process.assert_alive();
    }

    /// Resident memory now, in MiB.
    pub fn resident_mib(&self) -> u64 {
        self.process.resident_mib()
    }
}

async fn launch(folder: &Path) -> (Process, SocketAddr, SocketAddr) {
    let config = folder.join("skerry.toml");
    let mut process = Process::start(|command| {
        command.arg("serve").arg("--config").arg(config);
    });
    let ready = process.ready(|line| line.starts_with("Ready on ")).await;
    let api = process.line("the API that wrangler deploys to").await;
    let api = api.split_once("http://").and_then(|(_, rest)| rest.split('/').next()?.parse().ok());
    let port = ready.rsplit(':').next().and_then(|port| port.trim().parse().ok());
    let http = SocketAddr::from(([127, 0, 0, 1], port.expect("a port")));
    (process, http, api.expect("the API's address"))
}
