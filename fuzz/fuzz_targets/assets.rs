//! Static assets: rules as they are uploaded, and paths as clients send them.

#![no_main]

use std::sync::OnceLock;

use assets::{Config, HtmlHandling, Manifest, NotFoundHandling, Request, RunWorkerFirst, Site, Store};
use http::{HeaderMap, Method};
use libfuzzer_sys::fuzz_target;
use tokio::runtime::Runtime;
use url::Url;

fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| tokio::runtime::Builder::new_current_thread().build().expect("the async runtime starts"))
}

// Its parts are a number, the path, `_redirects`, `_headers`, and a pattern of `run_worker_first`. No file is there to be read.
fuzz_target!(|text: &str| {
    let mut parts = text.split('\u{1f}');
    let number: u8 = parts.next().and_then(|number| number.parse().ok()).unwrap_or(0);
    let mut part = || parts.next().unwrap_or_default().to_owned();
    let Ok(url) = Url::parse(&format!("http://site.example/{}", part())) else { return };
    let html = [
        HtmlHandling::AutoTrailingSlash,
        HtmlHandling::ForceTrailingSlash,
        HtmlHandling::DropTrailingSlash,
        HtmlHandling::None,
    ];
    let not_found = [NotFoundHandling::None, NotFoundHandling::Page404, NotFoundHandling::SinglePageApplication];
    let config = Config {
        html_handling: Some(html[usize::from(number) % 4]),
        not_found_handling: Some(not_found[usize::from(number / 4) % 3]),
        redirects: Some(part()),
        headers: Some(part()),
        run_worker_first: Some(RunWorkerFirst::Paths(vec![part()])).filter(|_| number > 128),
    };
    let files = r#"{"/index.html":{"hash":"00000000000000000000000000000000","size":1},"/a/b.html":{"hash":"00000000000000000000000000000001","size":1},
        "/a/404.html":{"hash":"00000000000000000000000000000002","size":1},"/a/b/index.html":{"hash":"00000000000000000000000000000003","size":1}}"#;
    let manifest = serde_json::from_str(files).expect("a manifest in JSON");
    let manifest = Manifest::read(&manifest, 10).expect("a manifest");
    let Ok(site) = Site::new(Store::new("/nonexistent".into()).account("a").into(), manifest, &config, true) else {
        return;
    };
    let headers = HeaderMap::new();
    let request = Request { method: &Method::GET, url, headers: &headers };
    site.decide(&request);
    let response = runtime().block_on(site.answer(&request));
    let location = response.headers().get("location").and_then(|location| location.to_str().ok());
    // Only a rule leads to another host.
    if config.redirects.is_some_and(|rules| rules.is_empty()) {
        assert!(
            location.is_none_or(|location| location.starts_with('/') && !location.starts_with("//")),
            "{location:?}"
        );
    }
});
