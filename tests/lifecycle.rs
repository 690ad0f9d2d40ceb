//! When things end: clients that go away, work that outlives its response, a server told to stop.

use std::time::{Duration, Instant};

use harness::{Dev, PATIENCE, Project};
use http_body_util::BodyExt;

#[tokio::test]
async fn a_client_that_leaves_aborts_the_requests_signal() {
    let project = Project::configured(
        "compatibility_flags = [\"enable_request_signal\"]",
        r#"
        let ended = "nothing";
        export default {
          async fetch(request, env, ctx) {
            if (new URL(request.url).pathname === "/ended") return new Response(ended);
            const { promise, resolve } = Promise.withResolvers();
            request.signal.addEventListener("abort", () => resolve(`aborted: ${request.signal.reason.name}`));
            ctx.waitUntil(promise.then((text) => { ended = text; }));
            await Promise.race([promise, scheduler.wait(20_000)]);
            return new Response("too late");
          },
        };
        "#,
    );
    let dev = Dev::start(&project).await;
    let waiting = tokio::spawn(dev.get("/").send());
    tokio::time::sleep(Duration::from_millis(300)).await;
    waiting.abort();
    let start = Instant::now();
    loop {
        let ended = dev.text("/ended").await;
        if ended == "aborted: AbortError" {
            break;
        }
        assert!(start.elapsed() < PATIENCE, "the signal did not abort: {ended}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn wait_until_outlives_the_response_and_reports_its_failures() {
    let project = Project::worker(
        r#"
        let finished = 0;
        export default {
          async fetch(request, env, ctx) {
            const { pathname } = new URL(request.url);
            if (pathname === "/finished") return new Response(String(finished));
            if (pathname === "/fails") {
              ctx.waitUntil((async () => { await scheduler.wait(10); throw new Error("afterwards"); })());
              return new Response("early");
            }
            ctx.waitUntil((async () => { await scheduler.wait(300); finished++; })());
            return new Response("early");
          },
        };
        "#,
    );
    let dev = Dev::start(&project).await;
    assert_eq!(dev.text("/").await, "early");
    assert_eq!(dev.text("/finished").await, "0");
    let start = Instant::now();
    while dev.text("/finished").await != "1" {
        assert!(start.elapsed() < PATIENCE, "waitUntil's work never finished");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(dev.text("/fails").await, "early");
    dev.line("afterwards").await;
}

#[tokio::test]
async fn an_interrupt_lets_requests_finish() {
    let project = Project::worker(
        r#"
        export default {
          async fetch() {
            const encoder = new TextEncoder();
            return new Response(new ReadableStream({
              async start(controller) {
                for (const word of ["one ", "two ", "three"]) {
                  controller.enqueue(encoder.encode(word));
                  await scheduler.wait(300);
                }
                controller.close();
              },
            }));
          },
        };
        "#,
    );
    let mut dev = Dev::start(&project).await;
    let mut body = dev.get("/").send().await.into_body();
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
    dev.interrupt().await;
    let rest = body.collect().await.expect("the response goes on to its end").to_bytes();
    assert_eq!([&first[..], &rest[..]].concat(), b"one two three");
    let status = dev.ended().await;
    assert!(status.success(), "{status:?}:\n{}", dev.output());
}

#[tokio::test]
async fn unhandled_rejections_are_reported_and_harm_nobody() {
    let project = Project::worker(
        r#"
        export default {
          async fetch() {
            Promise.reject(new Error("nobody caught me"));
            await scheduler.wait(5);
            return new Response("fine");
          },
        };
        "#,
    );
    let mut dev = Dev::start(&project).await;
    assert_eq!(dev.text("/").await, "fine");
    dev.line("nobody caught me").await;
    assert_eq!(dev.text("/").await, "fine");
    dev.assert_alive();
}
