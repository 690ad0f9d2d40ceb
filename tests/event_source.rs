//! EventSource. The cases of `event_source/cases.js` ran in workerd 1.20260426.1 as well (compatibility date 2026-01-01): what it said is
//! `event_source/answers.json`. Skerry says the same, but takes an empty `event` field for none, as the HTML standard does.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures::stream;
use harness::{Dev, Origin, Project};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use serde_json::{Value, json};

const CASES: &str = include_str!("event_source/cases.js");
const ANSWERS: &str = include_str!("event_source/answers.json");

#[tokio::test]
async fn every_case_is_answered_as_by_workerd() {
    let project = Project::worker(CASES);
    let dev = Dev::start(&project).await;
    let mut answers: BTreeMap<String, Value> = serde_json::from_str(ANSWERS).unwrap();
    let fields = answers.get_mut("fields").and_then(Value::as_array_mut).unwrap();
    fields.insert(2, json!(["message", "y", ""]));
    for (name, answer) in &answers {
        assert_eq!(&dev.json(&format!("/{name}")).await, answer, "{name}");
    }
}

const WORKER: &str = r#"
    const failure = (error) => `${error?.name}: ${error?.message}`;
    function gather(source, enough) {
      const seen = [];
      return new Promise((resolve) => {
        const note = (...what) => {
          seen.push(what);
          if (enough(seen)) { source.close(); setTimeout(() => resolve([...seen, source.readyState]), 5); }
        };
        source.onopen = (event) => note("open", source.readyState, event.isTrusted);
        source.onmessage = (event) => note(event.data, event.lastEventId, event.origin === new URL(source.url).origin);
        source.addEventListener("named", (event) => note("named", event.data));
        source.onerror = (event) => { note(failure(event.error), source.readyState); };
      });
    }
    export default {
      async fetch(request, env) {
        const { pathname } = new URL(request.url);
        if (pathname === "/again") {
          return Response.json(await gather(new EventSource(`${env.ORIGIN}/events`), (seen) => seen.at(-1)[0] === "second"));
        }
        if (pathname === "/fetcher") {
          const fetcher = { async fetch(url, init) { return new Response(`data: ${url} ${new Headers(init.headers).get("accept")}\n\n`, { headers: { "content-type": "text/event-stream;charset=utf-8" } }); } };
          return Response.json(await gather(new EventSource("https://inside.example/x", { fetcher }), (seen) => seen.length === 2));
        }
        if (pathname === "/close") {
          const source = new EventSource(`${env.ORIGIN}/open`);
          await new Promise((resolve) => { source.onmessage = resolve; });
          source.close();
          return new Response(`${source.readyState}`);
        }
        return Response.json(await gather(new EventSource(`${env.ORIGIN}${pathname}`), (seen) => seen.at(-1)[0].includes("rror")));
      },
    };
"#;

#[tokio::test]
async fn it_connects_again_and_says_what_it_had() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let origin = Origin::start(move |request| {
        let count = count.clone();
        async move {
            let stream = |text: &'static str| {
                let mut response = Origin::text(text.to_owned());
                response.headers_mut().insert("content-type", "text/event-stream".parse().unwrap());
                response
            };
            match request.uri().path() {
                "/events" if count.fetch_add(1, Ordering::Relaxed) == 0 => {
                    stream("retry: 1\nid: 42\ndata: first\n\nevent: named\ndata: n\n\n")
                }
                "/events" => stream("data: second\n\n"),
                "/moved" => {
                    let mut response = Origin::text(String::new());
                    *response.status_mut() = http::StatusCode::NOT_FOUND;
                    response
                }
                "/open" => {
                    let first = stream::iter([Ok(Frame::data(Bytes::from_static(b"data: x\n\n")))]);
                    let body = StreamBody::new(futures::StreamExt::chain(first, stream::pending())).boxed_unsync();
                    http::Response::builder().header("content-type", "text/event-stream").body(body).unwrap()
                }
                _ => Origin::text("data: x\n\n".to_owned()),
            }
        }
    })
    .await;
    let project = Project::worker(WORKER);
    let address = origin.address();
    let dev = Dev::flags(&project, &["--var", &format!("ORIGIN:http://{address}")]).await;
    assert_eq!(
        dev.json("/again").await,
        json!([
            ["open", 1, true],
            ["first", "42", true],
            ["named", "n"],
            ["Error: The server disconnected.", 0],
            ["open", 1, true],
            ["second", "42", true],
            2,
        ])
    );
    let seen = origin.seen();
    assert_eq!(seen[0].headers["accept"], "text/event-stream");
    assert_eq!(seen[0].headers.get("last-event-id"), None);
    assert_eq!(seen[1].headers["last-event-id"], "42");
    assert_eq!(dev.json("/moved").await, json!([["AbortError: The response status code was 404.", 2], 2]));
    assert!(dev.json("/plain").await[0][0].as_str().unwrap().starts_with("AbortError: No content type header"));
    assert_eq!(
        dev.json("/fetcher").await,
        json!([["open", 1, true], ["https://inside.example/x text/event-stream", "", true], 2])
    );
    assert_eq!(dev.text("/close").await, "2");
}
