//! Bodies are streams both ways: nothing waits for the whole, and a slow reader slows the writer.

use std::time::Duration;

use bytes::Bytes;
use futures::{SinkExt, StreamExt, channel::mpsc, stream};
use harness::{Dev, Project, body_of};
use http_body_util::BodyExt;
use tokio::time::timeout;

const ECHO: &str = r#"
    export default {
      async fetch(request) {
        const { pathname } = new URL(request.url);
        if (pathname === "/transform") {
          const upper = new TransformStream({
            transform(chunk, controller) {
              controller.enqueue(chunk.map((byte) => (byte >= 97 && byte <= 122 ? byte - 32 : byte)));
            },
          });
          return new Response(request.body.pipeThrough(upper));
        }
        if (pathname === "/identity") return new Response(request.body.pipeThrough(new IdentityTransformStream()));
        return new Response(request.body);
      },
    };
"#;

#[tokio::test]
async fn chunks_come_back_before_the_request_ends() {
    let project = Project::worker(ECHO);
    let dev = Dev::start(&project).await;
    for (path, expected) in [("/", "ping"), ("/transform", "PING"), ("/identity", "ping")] {
        let (mut sender, chunks) = mpsc::channel::<Bytes>(1);
        sender.send(Bytes::from_static(b"ping")).await.unwrap();
        let answer = dev.request("POST", path).stream(chunks).await;
        let mut body = answer.into_body();
        for _ in 0..3 {
            // The request's body is still open: what comes back came through while it was.
            let mut got = Vec::new();
            while got.len() < 4 {
                let frame = timeout(harness::PATIENCE, body.frame()).await.expect("a chunk in time").unwrap().unwrap();
                got.extend_from_slice(&frame.into_data().expect("data"));
            }
            assert_eq!(got, expected.as_bytes(), "{path}");
            sender.send(Bytes::from_static(b"ping")).await.unwrap();
        }
        drop(sender);
        let rest = body.collect().await.unwrap().to_bytes();
        assert_eq!(rest, expected.as_bytes(), "{path}");
    }
}

#[tokio::test]
async fn large_bodies_arrive_whole() {
    let project = Project::worker(ECHO);
    let dev = Dev::start(&project).await;
    let body: Vec<u8> = (0..32 * 1024 * 1024u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    for path in ["/", "/identity"] {
        let answer = dev.request("POST", path).body(body.clone()).await;
        let echoed = body_of(answer).await;
        assert_eq!(echoed.len(), body.len(), "{path}");
        assert!(echoed == body, "{path} changed the bytes");
    }
    let answer = dev.request("POST", "/transform").body(body.clone()).await;
    assert!(body_of(answer).await == body.to_ascii_uppercase(), "/transform changed the bytes");
}

#[tokio::test]
async fn a_slow_reader_slows_the_worker() {
    let project = Project::worker(
        r#"
        let made = 0;
        export default {
          async fetch(request) {
            if (new URL(request.url).pathname === "/made") return new Response(String(made));
            const chunk = new Uint8Array(64 * 1024);
            return new Response(new ReadableStream({
              async pull(controller) {
                await scheduler.wait(0);
                made += chunk.length;
                controller.enqueue(chunk);
                if (made >= 256 * 1024 * 1024) controller.close();
              },
            }));
          },
        };
        "#,
    );
    let dev = Dev::start(&project).await;
    let answer = dev.get("/").send().await;
    let mut body = answer.into_body();
    body.frame().await.unwrap().unwrap();

    // Nobody reads: once socket buffers are full, the Worker is no longer asked for more.
    let mut before = u64::MAX;
    let mut now = 0;
    for _ in 0..40 {
        tokio::time::sleep(Duration::from_millis(250)).await;
        now = dev.text("/made").await.parse().unwrap();
        if now == before {
            break;
        }
        before = now;
    }
    assert_eq!(now, before, "the Worker goes on making chunks that nobody reads");
    assert!(now < 64 * 1024 * 1024, "{now} bytes were buffered for a client that reads nothing");
}

#[tokio::test]
async fn a_slow_worker_slows_the_client() {
    let project = Project::worker(
        r#"
        export default {
          async fetch(request) {
            const reader = request.body.getReader();
            const first = await reader.read();
            await scheduler.wait(1500);
            let total = first.value.length;
            for (;;) {
              const { done, value } = await reader.read();
              if (done) break;
              total += value.length;
            }
            return new Response(String(total));
          },
        };
        "#,
    );
    let dev = Dev::start(&project).await;
    let total: usize = 64 * 1024 * 1024;
    let chunk = Bytes::from(vec![b'x'; 64 * 1024]);
    let sent = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counter = sent.clone();
    let chunks = stream::iter(0..total / chunk.len()).map(move |_| {
        counter.fetch_add(chunk.len(), std::sync::atomic::Ordering::Relaxed);
        chunk.clone()
    });
    let sending = tokio::spawn(dev.request("POST", "/").stream(chunks));
    tokio::time::sleep(Duration::from_millis(1000)).await;
    let early = sent.load(std::sync::atomic::Ordering::Relaxed);
    assert!(early < total / 2, "{early} bytes were taken from the client while the Worker read one chunk");
    assert_eq!(harness::text(sending.await.unwrap()).await, total.to_string());
}

#[tokio::test]
async fn lengths_and_errors_of_streams() {
    let project = Project::worker(
        r#"
        export default {
          async fetch(request) {
            switch (new URL(request.url).pathname) {
              case "/fixed": {
                const { readable, writable } = new FixedLengthStream(5);
                const writer = writable.getWriter();
                writer.write(new TextEncoder().encode("hello")).then(() => writer.close());
                return new Response(readable);
              }
              case "/tee": {
                const [one, two] = request.body.tee();
                return new Response((await new Response(one).text()) + (await new Response(two).text()));
              }
              case "/clone": {
                const copy = request.clone();
                return new Response((await copy.text()) + (await request.text()));
              }
              case "/twice": {
                await request.text();
                return await request.text().then(() => new Response("no error"), (e) => new Response(`${e.name}: ${request.bodyUsed}`));
              }
              case "/breaks": return new Response(new ReadableStream({
                start(controller) { controller.enqueue(new TextEncoder().encode("partial")); },
                async pull(controller) { await scheduler.wait(20); controller.error(new Error("broken")); },
              }));
            }
          },
        };
        "#,
    );
    let mut dev = Dev::start(&project).await;
    let answer = dev.get("/fixed").send().await;
    assert_eq!(answer.headers()["content-length"], "5");
    assert_eq!(harness::text(answer).await, "hello");
    assert_eq!(harness::text(dev.request("POST", "/tee").body("ab").await).await, "abab");
    assert_eq!(harness::text(dev.request("POST", "/clone").body("ab").await).await, "abab");
    assert_eq!(harness::text(dev.request("POST", "/twice").body("ab").await).await, "TypeError: true");

    // A body that fails half way must not look like a whole one.
    let answer = dev.get("/breaks").send().await;
    assert_eq!(answer.status(), 200);
    assert!(answer.into_body().collect().await.is_err(), "a broken body ended as if it were whole");
    dev.assert_alive();
}
