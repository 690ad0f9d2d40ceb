//! HTMLRewriter. The cases of `rewriter/cases.js` ran in workerd 1.20260426.1 as well (compatibility date 2026-01-01): what it said is
//! `rewriter/answers.json`, and Skerry says the same but for what `DIFFERENT` tells.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures::SinkExt;
use futures::channel::mpsc;
use harness::{Dev, Project, eventually, text};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tokio::time::timeout;

const CASES: &str = include_str!("rewriter/cases.js");
const ANSWERS: &str = include_str!("rewriter/answers.json");

/// Whether an answer is the one that is expected here.
type Judge = fn(&Value) -> bool;

/// workerd has a parser that is older and says two things in other words (`ambiguous`, `commentError`). It has attributes as properties of each token, not of its prototype (`assigns`); it tells a source only later that nobody reads
/// any more (`cancelled`); and it parses a body of one chunk in one piece, so that no limit is met and output waits earlier.
const DIFFERENT: [(&str, Judge); 6] = [
    ("ambiguous", |answer| answer[0].as_str().is_some_and(|text| text.contains("text content tag (`<xmp>`)"))),
    ("commentError", |answer| {
        answer == "TypeError: Parser error: Comment text shouldn't contain a comment-closing sequence."
    }),
    ("assigns", |answer| answer[0] == 1 && answer[4] == true),
    ("cancelled", |answer| *answer == json!([true, ["cancelled enough"]])),
    ("tooMuchMemory", |answer| {
        let limit = "TypeError: Parser error: The memory limit has been exceeded.";
        *answer == json!([limit, 4194311, limit])
    }),
    ("whenItRuns", |answer| answer[0][1] == "p" && answer[1] == json!(["transformed", "p", "p", "p"])),
];

#[tokio::test]
async fn every_case_is_answered_as_by_workerd() {
    let project = Project::worker(CASES);
    let dev = Dev::start(&project).await;
    let answers: BTreeMap<String, Value> = serde_json::from_str(ANSWERS).unwrap();
    let cases = dev.json("/").await;
    assert_eq!(cases.as_array().unwrap().len(), answers.len());
    let mut wrong = Vec::new();
    for (name, answer) in &answers {
        let ours = dev.json(&format!("/{name}")).await;
        let right = match DIFFERENT.iter().find(|(different, _)| different == name) {
            Some((_, holds)) => holds(&ours),
            None => ours == *answer,
        };
        if !right {
            wrong.push(format!("{name}\n  ours    {ours}\n  workerd {answer}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

const WORKER: &str = r#"
    const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
    const page = (body) => new Response(body, { headers: { "content-type": "text/html" } });
    let events = [];
    export default {
      async fetch(request) {
        const { pathname, searchParams } = new URL(request.url);
        const title = new HTMLRewriter().on("title", { element(e) { e.setInnerContent("a much longer title than before"); } });
        switch (pathname) {
          case "/length":
            return title.transform(new Response("<title>x</title>", { headers: { "content-type": "text/html", "content-length": "16", "x-own": "1" } }));
          case "/stream":
            return new HTMLRewriter().on("p", { async element(e) { await wait(1); e.append("!"); } }).transform(page(request.body));
          case "/slow": {
            const source = new ReadableStream({
              pull(controller) { controller.enqueue(new TextEncoder().encode("<p>x</p>")); },
              cancel() { events.push("cancelled"); },
            });
            return new HTMLRewriter().on("p", { async element() { await wait(10); } }).transform(page(source));
          }
          case "/events": return Response.json(events);
          case "/spin": return new HTMLRewriter().on("p", { element() { for (;;); } }).transform(page("<p>"));
          case "/unread": {
            new HTMLRewriter().on("p", { async element() { await new Promise(() => {}); } }).transform(page("<p>"));
            return new Response("left");
          }
          case "/many": {
            let open;
            const gate = new Promise((resolve) => { open = resolve; });
            let waiting = 0;
            const rewriter = new HTMLRewriter().on("p", { async element(e) { waiting++; await gate; e.append("y"); } });
            const count = Number(searchParams.get("count"));
            const all = Array.from({ length: count }, async () => {
              try { return await rewriter.transform(page("<p>x</p>")).text(); } catch (error) { return error.message; }
            });
            await wait(50);
            open();
            const tally = {};
            for (const one of await Promise.all(all)) tally[one] = (tally[one] ?? 0) + 1;
            return Response.json([waiting, tally]);
          }
          case "/flood": {
            const big = "x".repeat(1 << 20);
            return page(await new HTMLRewriter().on("p", { element(e) { for (let i = 0; i < 1000; i++) e.append(big); } }).transform(page("<p>")).text().catch((error) => error.message));
          }
          case "/deep": {
            const answers = ["(".repeat(1e6), ":not(".repeat(1e5), "a ".repeat(1e5) + "a", "[x='('] ".repeat(1e5), ":not([x=')']".repeat(1e5)].map((selector) => {
              try { new HTMLRewriter().on(selector, {}); return "fine"; } catch (error) { return error.message.slice(0, 40); }
            });
            return Response.json(answers);
          }
          case "/large": {
            let count = 0;
            const part = "<div><p class=a>some text &amp; more</p></div>\n".repeat(100);
            const source = new ReadableStream({ pull(c) { if (count++ < 1000) c.enqueue(new TextEncoder().encode(part)); else c.close(); } });
            return new HTMLRewriter().on("p", { element(e) { e.setAttribute("b", "c"); } }).transform(page(source));
          }
        }
      },
    };
"#;

#[tokio::test]
async fn bodies_stream_through_it() {
    let project = Project::worker(WORKER);
    let dev = Dev::start(&project).await;
    let answer = dev.get("/length").send().await;
    assert_eq!(answer.headers().get("content-length"), None);
    assert_eq!(answer.headers()["x-own"], "1");
    assert_eq!(text(answer).await, "<title>a much longer title than before</title>");

    let (mut sender, chunks) = mpsc::channel::<Bytes>(1);
    sender.send(Bytes::from_static(b"<p>on")).await.unwrap();
    let mut body = dev.request("POST", "/stream").stream(chunks).await.into_body();
    let mut got = Vec::new();
    // The rest of the page is yet to come: what comes back came through before.
    while got.len() < 5 {
        let frame = timeout(harness::PATIENCE, body.frame()).await.expect("a chunk in time").unwrap().unwrap();
        got.extend_from_slice(&frame.into_data().expect("data"));
    }
    sender.send(Bytes::from_static(b"e</p>")).await.unwrap();
    drop(sender);
    got.extend_from_slice(&body.collect().await.unwrap().to_bytes());
    assert_eq!(String::from_utf8(got).unwrap(), "<p>one!</p>");

    let large = dev.text("/large").await;
    assert_eq!(large.matches("<p class=a b=\"c\">some text &amp; more</p>").count(), 100_000);
    assert_eq!(large.len(), 100_000 * ("<div><p class=a b=\"c\">some text &amp; more</p></div>\n".len()));
}

#[tokio::test]
async fn who_goes_away_takes_it_along() {
    let project = Project::worker(WORKER);
    let mut dev = Dev::with(&["--enforce-limits"], &[project.path()]).await;
    let mut body = dev.get("/slow").send().await.into_body();
    body.frame().await.unwrap().unwrap();
    drop(body);
    eventually(|| async { dev.json("/events").await == json!(["cancelled"]) }).await;
    assert_eq!(dev.text("/unread").await, "left");
    // Whether its limit is met before or after the answer's head, which then may not come: the process and the Worker go on.
    let _ = dev.client().try_text("/spin").await;
    dev.assert_alive();
    assert_eq!(dev.text("/length").await, "<title>a much longer title than before</title>");
}

#[tokio::test]
async fn many_at_once_and_much_at_once_are_bounded() {
    let project = Project::worker(WORKER);
    let mut dev = Dev::start(&project).await;
    for _ in 0..3 {
        assert_eq!(dev.json("/many?count=500").await, json!([500, { "<p>xy</p>": 500 }]));
    }
    let refused = dev.json("/many?count=3000").await;
    let done = refused[1]["<p>xy</p>"].as_u64().unwrap();
    assert!((500..1500).contains(&done), "{refused}");
    let message = "Too many responses are being rewritten at once: their parsers may take up 256 MiB together.";
    assert_eq!(refused[1][message].as_u64().unwrap(), 3000 - done);
    assert!(
        dev.text("/flood").await.starts_with("The content that HTMLRewriter's handlers have inserted is too large")
    );
    assert_eq!(dev.json("/deep").await, json!(vec!["Parser error: A selector may have 128 co"; 5]));
    assert_eq!(dev.json("/many?count=500").await[0], 500);
    dev.assert_alive();
}
