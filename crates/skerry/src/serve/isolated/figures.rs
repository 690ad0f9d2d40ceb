//! The figures of all processes as one exposition: each family's samples together, and each sample saying whose it is.

use std::fmt::Write as _;
use std::sync::Arc;

use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use webapi::body::{BodyReader, HttpBody};

use super::accounts::{Accounts, Tenant};

/// Bytes of one process's figures that are read.
const MOST: usize = 32 << 20;

/// A family of samples: its comments, and its lines with whose they are.
struct Family {
    name: String,
    comments: Vec<String>,
    samples: Vec<String>,
}

/// Answers `/metrics`.
pub async fn answer(accounts: Arc<Accounts>, request: Request<Incoming>) -> Response<HttpBody> {
    let mut response = Response::new(BodyReader::from_bytes("There is nothing here.\n").into_http_body());
    if request.uri().path() != "/metrics" {
        *response.status_mut() = StatusCode::NOT_FOUND;
        return response;
    }
    let mut all = vec![("front".to_owned(), own(&accounts))];
    for tenant in accounts.tenants().iter() {
        match ask(tenant).await {
            Ok(text) => all.push((tenant.subdomain().to_owned(), text)),
            Err(error) => tracing::warn!(account = tenant.subdomain(), error, "the figures of a process can't be had"),
        }
    }
    *response.body_mut() = BodyReader::from_bytes(together(&all)).into_http_body();
    let text = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, text);
    response
}

/// The front's own: its memory, and which processes answer.
fn own(accounts: &Accounts) -> String {
    let mut text = String::new();
    if let Some(bytes) = platform::resident() {
        text.push_str("# HELP process_resident_memory_bytes Resident memory of the process.\n");
        text.push_str(&format!("# TYPE process_resident_memory_bytes gauge\nprocess_resident_memory_bytes {bytes}\n"));
    }
    text.push_str(
        "# HELP skerry_process_up Whether the process of an account answers.\n# TYPE skerry_process_up gauge\n",
    );
    for tenant in accounts.tenants().iter() {
        // A subdomain has no character that would need an escape.
        let _ = writeln!(text, "skerry_process_up{{process=\"{}\"}} {}", tenant.subdomain(), u8::from(tenant.is_up()));
    }
    text
}

async fn ask(tenant: &Tenant) -> Result<String, String> {
    let request = Request::get("/metrics").header("host", "metrics").body(BodyReader::empty().into_http_body());
    let request = request.map_err(|error| error.to_string())?;
    let answer = tenant.metrics.send(request).await.map_err(|error| error.to_string())?;
    let body = BodyReader::from_incoming(answer.into_body()).read_all(MOST).await.map_err(|error| error.to_string())?;
    String::from_utf8(body.to_vec()).map_err(|error| error.to_string())
}

/// Expositions of several processes as one.
fn together(all: &[(String, String)]) -> String {
    let mut families: Vec<Family> = Vec::new();
    for (process, text) in all {
        let mut at = None;
        for line in text.lines().filter(|line| !line.is_empty()) {
            if let Some(comment) = line.strip_prefix("# ") {
                let name = comment.split(' ').nth(1).unwrap_or_default();
                let known = families.iter().position(|family| family.name == name);
                let place = known.unwrap_or_else(|| {
                    families.push(Family { name: name.to_owned(), comments: Vec::new(), samples: Vec::new() });
                    families.len() - 1
                });
                if !families[place].comments.iter().any(|comment| comment == line) {
                    families[place].comments.push(line.to_owned());
                }
                at = Some(place);
            } else if let Some(place) = at {
                families[place].samples.push(labelled(line, process));
            }
        }
    }
    let mut text = String::new();
    for line in families.iter().flat_map(|family| family.comments.iter().chain(&family.samples)) {
        text.push_str(line);
        text.push('\n');
    }
    text
}

/// A sample with the process that it is of, unless it says so itself.
fn labelled(line: &str, process: &str) -> String {
    let (series, value) = line.rsplit_once(' ').unwrap_or((line, ""));
    match series.strip_suffix('}') {
        Some(_) if series.contains("process=\"") => line.to_owned(),
        Some(labels) => format!("{labels},process=\"{process}\"}} {value}"),
        None => format!("{series}{{process=\"{process}\"}} {value}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_family_stands_once() {
        let of = |bytes: u32, worker: &str| {
            format!(
                "# HELP a A.\n# TYPE a counter\na{{worker=\"{worker}\"}} 1\n# HELP m M.\n# TYPE m gauge\nm {bytes}\n"
            )
        };
        let text = together(&[
            ("front".into(), "# HELP m M.\n# TYPE m gauge\nm 1\n".into()),
            ("x".into(), of(2, "v w")),
            ("y".into(), of(3, "z")),
        ]);
        let expected = "# HELP m M.\n# TYPE m gauge\nm{process=\"front\"} 1\nm{process=\"x\"} 2\nm{process=\"y\"} 3\n\
                        # HELP a A.\n# TYPE a counter\na{worker=\"v w\",process=\"x\"} 1\na{worker=\"z\",process=\"y\"} 1\n";
        assert_eq!(text, expected);
    }
}
