//! Certificates from a certificate authority: Let's Encrypt's own test server.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;

use harness::{Project, Served, eventually};
use tokio::process::{Child, Command};

use crate::serve_operation::certificate;

/// Pebble, and name servers that lead every name to this machine.
struct Authority {
    directory: String,
    _servers: [Child; 2],
}

const YEAR: u32 = 365 * 24 * 60 * 60;

/// A port that nobody has at this moment.
fn free() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address")
}

// === impl Authority ===

impl Authority {
    /// `http`: where challenges are asked for. Its own certificate is left in `folder`, as `ca.pem`. What it issues lasts `seconds`.
    async fn start(folder: &Path, http: SocketAddr, seconds: u32) -> Self {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
        std::fs::write(folder.join("ca.pem"), made.cert.pem()).expect("a file");
        std::fs::write(folder.join("ca.key"), made.signing_key.serialize_pem()).expect("a file");
        let (api, management, dns, dns_management) = (free(), free(), free(), free());
        let config = serde_json::json!({ "pebble": {
            "listenAddress": api.to_string(), "managementListenAddress": management.to_string(),
            "certificate": folder.join("ca.pem"), "privateKey": folder.join("ca.key"),
            "httpPort": http.port(), "tlsPort": 1, "ocspResponderURL": "", "externalAccountBindingRequired": false,
            "certificateValidityPeriod": seconds,
        }});
        std::fs::write(folder.join("pebble.json"), config.to_string()).expect("a file");
        let mut names = Command::new("pebble-challtestsrv");
        names.args(["-http01", "", "-https01", "", "-tlsalpn01", "", "-defaultIPv6", ""]);
        names.args(["-dns01", &dns.to_string(), "-management", &dns_management.to_string()]);
        let mut pebble = Command::new("pebble");
        pebble.arg("-config").arg(folder.join("pebble.json")).args(["-dnsserver", &dns.to_string()]);
        pebble.env("PEBBLE_VA_NOSLEEP", "1");
        let servers = [names, pebble].map(|mut command| {
            command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).kill_on_drop(true);
            command.spawn().expect("`make test` has installed pebble")
        });
        eventually(|| async { tokio::net::TcpStream::connect(api).await.is_ok() }).await;
        Self { directory: format!("https://{api}/dir"), _servers: servers }
    }
}

/// Who has signed what the server shows for a name.
async fn issuer(port: u16, name: &str) -> String {
    let der = certificate(port, name).await;
    String::from_utf8_lossy(&der).into_owned()
}

/// A server with certificates for one.example from an authority whose certificates last so long.
async fn serve(top: &str, zones: &str, seconds: u32) -> (Served, Authority) {
    let mut served = Served::with(top, zones).await;
    let http = served.http();
    served.terminate().await;
    served.ended().await;
    let authority = Authority::start(served.folder(), http, seconds).await;
    let path = served.folder().join("skerry.toml");
    let text = std::fs::read_to_string(&path).expect("the configuration");
    let text = text.replacen("127.0.0.1:0", &http.to_string(), 1);
    let https = format!(
        "[https]\nlisten = \"127.0.0.1:0\"\n[https.acme]\nterms_of_service_agreed = true\nemail = \"ops@one.example\"
         names = [\"one.example\"]\ndirectory = \"{}\"\nca = \"ca.pem\"\n",
        authority.directory
    );
    std::fs::write(&path, format!("{text}{https}")).expect("a configuration");
    served.again().await;
    (served, authority)
}

/// The port of HTTPS.
fn port(served: &Served) -> u16 {
    let output = served.output();
    let line = output.lines().find(|line| line.contains("HTTPS: ")).expect("an address").to_owned();
    line.rsplit(':').next().expect("a port").parse().expect("a port")
}

#[tokio::test]
async fn an_authority_gives_certificates_for_names_and_custom_domains() {
    it_gives_certificates("").await;
}

#[tokio::test]
async fn it_gives_them_where_each_account_has_a_process_too() {
    it_gives_certificates("isolate_accounts = true\n").await;
}

async fn it_gives_certificates(top: &str) {
    let zones = "[[zones]]\nname = \"one.example\"\n[[zones]]\nname = \"two.example\"\n";
    let (mut served, authority) = serve(top, zones, YEAR).await;
    served.line("got a certificate for one.example").await;
    assert!(issuer(port(&served), "one.example").await.contains("Pebble Intermediate"));

    // A custom domain gets its own when it is deployed; a name without a certificate gets none.
    let project = Project::named(
        "hello",
        "routes = [{ pattern = \"two.example\", custom_domain = true }]",
        "export default { fetch: ({ cf }) => new Response(`over ${cf.tlsVersion} and ${cf.httpProtocol}`) };",
    );
    served.wrangler(project.path(), &["deploy"]).await.ok();
    served.line("got a certificate for two.example").await;
    assert!(issuer(port(&served), "two.example").await.contains("Pebble Intermediate"));
    let output = Command::new("curl")
        .args(["-sS", "--insecure", "--resolve", &format!("two.example:{}:127.0.0.1", port(&served))])
        .arg(format!("https://two.example:{}/", port(&served)))
        .output()
        .await
        .expect("curl runs");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "over TLSv1.3 and HTTP/2");
    let unknown = Command::new("curl")
        .args(["-sS", "--insecure", "--resolve", &format!("three.example:{}:127.0.0.1", port(&served))])
        .arg(format!("https://three.example:{}/", port(&served)))
        .output()
        .await
        .expect("curl runs");
    assert!(!unknown.status.success());

    // They outlive the server, and are not ordered again.
    drop(authority);
    let first = certificate(port(&served), "one.example").await;
    served.kill().await;
    served.again().await;
    assert_eq!(certificate(port(&served), "one.example").await, first);
    assert!(issuer(port(&served), "two.example").await.contains("Pebble Intermediate"));
}

#[tokio::test]
async fn a_certificate_that_ends_is_renewed_in_time() {
    let (served, _authority) = serve("", "[[zones]]\nname = \"one.example\"\n", 12).await;
    served.line("got a certificate for one.example").await;
    let first = certificate(port(&served), "one.example").await;
    eventually(|| async { certificate(port(&served), "one.example").await != first }).await;
    assert!(issuer(port(&served), "one.example").await.contains("Pebble Intermediate"));
}
