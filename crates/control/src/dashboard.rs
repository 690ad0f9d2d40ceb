//! The dashboard at `/`: a page that speaks to this API with the token that its reader enters. Plain files inside the binary;
//! nothing is loaded from elsewhere, and no script runs that is not one of them.

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::{CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue, StatusCode};
use include_dir::{Dir, File, include_dir};

use crate::Control;
use crate::envelope::ApiError;

static FILES: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/dashboard");

/// Scripts, styles and connections are this server's own, and text never becomes markup: `innerHTML` and its like throw.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
                      require-trusted-types-for 'script'; trusted-types 'none'";

/// What every file is sent with.
const HEADERS: [(&str, &str); 7] = [
    ("content-security-policy", POLICY),
    ("x-frame-options", "DENY"),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    // Asked for anew each time, so that the files are all of one version.
    ("cache-control", "no-cache"),
];

pub(crate) fn routes() -> Router<Control> {
    Router::new()
        .route("/", get(|headers: HeaderMap| async move { file("index.html", &headers) }))
        .route("/dashboard/{*path}", get(asset))
}

async fn asset(Path(path): Path<String>, headers: HeaderMap) -> Response {
    file(&path, &headers)
}

fn file(path: &str, asked: &HeaderMap) -> Response {
    let Some(file) = FILES.get_file(path) else { return ApiError::no_route().into_response() };
    let etag = etag(file);
    let mut response = match asked.get(IF_NONE_MATCH) == Some(&etag) {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => Body::from(file.contents()).into_response(),
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type(path)));
    headers.insert(ETAG, etag);
    response
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    }
}

/// FNV-1a: it tells the files of one version of Skerry from those of another, and nothing else rests on it.
fn etag(file: &File<'_>) -> HeaderValue {
    let hash = file
        .contents()
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    HeaderValue::try_from(format!("\"{hash:016x}\"")).unwrap_or(HeaderValue::from_static("\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_has_a_type_and_no_script_stands_in_the_page() {
        let mut folders = vec![&FILES];
        let mut count = 0;
        while let Some(folder) = folders.pop() {
            folders.extend(folder.dirs());
            for file in folder.files() {
                count += 1;
                let path = file.path().to_str().unwrap();
                assert_ne!(content_type(path), "application/octet-stream", "{path}");
                let text = file.contents_utf8().unwrap();
                assert!(!text.contains("innerHTML"), "{path}");
            }
        }
        assert!(count > 10, "{count}");
        let page = FILES.get_file("index.html").unwrap().contents_utf8().unwrap();
        for script in page.split("<script").skip(1) {
            assert!(script.contains(" src=\"/dashboard/") && script.contains("></script>"), "{script}");
        }
        assert!(!page.contains("style=") && !page.contains("<style"));
    }

    #[test]
    fn what_is_known_is_not_sent_again() {
        let first = file("index.html", &HeaderMap::new());
        assert_eq!(first.status(), StatusCode::OK);
        let known = HeaderMap::from_iter([(IF_NONE_MATCH, first.headers()[ETAG].clone())]);
        assert_eq!(file("index.html", &known).status(), StatusCode::NOT_MODIFIED);
        assert_eq!(file("../Cargo.toml", &HeaderMap::new()).status(), StatusCode::NOT_FOUND);
    }
}
