use http::{HeaderMap, Method, Version};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use webapi::fetch::{Outbound, Policy, RedirectMode, Subrequest, SubrequestBody};

use super::*;

fn certificate() -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    (made.cert.der().clone(), key.into())
}

async fn secure() -> (Edge, CertificateDer<'static>) {
    let (certificate, key) = certificate();
    let mut config = config(Bounds { tls_timeout: Duration::from_millis(300), ..Bounds::default() });
    config.tls = Some(crate::tls::server(vec![certificate.clone()], key).expect("a configuration"));
    let edge = start(config, |request: Request| async move {
        let version = match request.version {
            Version::HTTP_2 => "h2",
            _ => "h1",
        };
        text(format!("{version} {} {}", request.url, request.cf.to_json()))
    })
    .await;
    (edge, certificate)
}

fn get(url: &str) -> Subrequest {
    Subrequest {
        method: Method::GET,
        url: url::Url::parse(url).expect("a URL"),
        headers: HeaderMap::new(),
        body: SubrequestBody::None,
        redirect: RedirectMode::Follow,
        strip_authorization: true,
        abort: None,
        options: None,
    }
}

#[tokio::test]
async fn https_speaks_http2_by_alpn_and_tells_the_worker() {
    let (edge, certificate) = secure().await;
    let url = format!("https://localhost:{}/x", edge.address.port());
    let outbound = Outbound::trusting(Policy::development(), vec![certificate]);
    for _ in 0..2 {
        let response = outbound.fetch(get(&url)).await.expect("a response");
        let body = response.body.expect("a body").read_all(1 << 20).await.expect("read");
        let body = String::from_utf8_lossy(&body).into_owned();
        let (head, cf) = body.split_at(body.find('{').expect("JSON"));
        assert_eq!(head, format!("h2 {url} "));
        let cf: serde_json::Value = serde_json::from_str(cf).expect("JSON");
        assert_eq!(cf["httpProtocol"], "HTTP/2");
        assert_eq!(cf["tlsVersion"], "TLSv1.3");
        assert!(cf["tlsCipher"].as_str().is_some_and(|cipher| cipher.starts_with("AEAD-")), "{cf}");
    }
    // Nobody vouches for the certificate.
    let error = Outbound::new(Policy::development()).fetch(get(&url)).await.expect_err("not trusted");
    assert!(error.to_string().contains("TLS handshake failed"), "{error}");
}

#[tokio::test]
async fn a_handshake_that_does_not_come_ends_the_connection() {
    let (edge, _) = secure().await;
    assert_eq!(to_end(edge.connect().await).await, "");
    let answer = edge.raw("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert!(!answer.contains("HTTP/1.1 200"), "{answer}");
}

#[test]
fn pem_files_are_read_and_their_faults_named() {
    let folder = std::env::temp_dir().join(format!("skerry-tls-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let (cert, key, junk) = (folder.join("cert.pem"), folder.join("key.pem"), folder.join("junk.pem"));
    std::fs::write(&cert, made.cert.pem()).expect("written");
    std::fs::write(&key, made.signing_key.serialize_pem()).expect("written");
    std::fs::write(&junk, "nothing").expect("written");
    crate::tls::Certificates::load(&cert, &key).expect("a pair");
    let missing = crate::tls::Certificates::load(&folder.join("none.pem"), &key).expect_err("no file").to_string();
    assert!(missing.contains("none.pem"), "{missing}");
    assert!(
        crate::tls::Certificates::load(&junk, &key).expect_err("junk").to_string().contains("holds no certificate")
    );
    assert!(crate::tls::Certificates::load(&cert, &junk).expect_err("junk").to_string().contains("private key"));
    std::fs::remove_dir_all(&folder).expect("removed");
}
