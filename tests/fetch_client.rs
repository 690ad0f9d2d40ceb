//! `fetch` from a Worker to real origins.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use harness::{Dev, Origin, OriginBody, PATIENCE, Project};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use serde_json::json;

/// Runs `script` with `origin` set to the origin's URL, and returns what it returns as JSON.
fn scripts(body: &str) -> Project {
    Project::worker(&format!(
        "export default {{\n  async fetch(request, env) {{\n    const origin = env.ORIGIN;\n    const run = {{\n{body}\n    }};\n    \
         return Response.json(await run[new URL(request.url).pathname.slice(1)](request));\n  }},\n}};\n"
    ))
}

async fn serve(project: &Project, origin: &Origin) -> Dev {
    Dev::flags(project, &["--var", &format!("ORIGIN:{}", origin.url(""))]).await
}

fn respond(status: u16, headers: &[(&str, &str)], body: impl Into<Bytes>) -> http::Response<OriginBody> {
    let mut response = Origin::text(body);
    *response.status_mut() = status.try_into().unwrap();
    for (name, value) in headers {
        response.headers_mut().append(http::HeaderName::try_from(*name).unwrap(), value.parse().unwrap());
    }
    response
}

/// An origin with a path for each thing that a client must handle.
async fn origin() -> Origin {
    Origin::start(|request: http::Request<Incoming>| async move {
        let path = request.uri().path().to_owned();
        match path.as_str() {
            "/echo" => {
                let described = json!({
                    "method": request.method().as_str(),
                    "headers": request.headers().iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect::<Vec<_>>(),
                });
                let body = request.into_body().collect().await.unwrap().to_bytes();
                let mut described = described;
                described["body"] = json!(String::from_utf8_lossy(&body));
                respond(200, &[("content-type", "application/json")], described.to_string())
            }
            "/302" => respond(302, &[("location", "/echo")], ""),
            "/307" => respond(307, &[("location", "/echo")], ""),
            "/loop" => respond(302, &[("location", "/loop")], ""),
            "/cookies" => respond(418, &[("set-cookie", "a=1"), ("set-cookie", "b=2"), ("x-many", "1"), ("x-many", "2")], "teapot"),
            "/gzip" => respond(200, &[("content-encoding", "gzip")], Bytes::from_static(GZIPPED)),
            "/slow" => {
                tokio::time::sleep(Duration::from_secs(30)).await;
                respond(200, &[], "too late")
            }
            "/large" => {
                let chunks = futures::stream::iter(0..256).map(|_| Ok(Frame::data(Bytes::from(vec![b'x'; 64 * 1024]))));
                http::Response::new(StreamBody::new(chunks).boxed_unsync())
            }
            "/204" => respond(204, &[], ""),
            _ => respond(404, &[], "not here"),
        }
    })
    .await
}

/// `printf compressed | gzip -n`
const GZIPPED: &[u8] = &[
    0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x03, 0x4b, 0xce, 0xcf, 0x2d, 0x28, 0x4a, 0x2d, 0x2e, 0x4e,
    0x4d, 0x01, 0x00, 0x1e, 0x4b, 0x56, 0x97, 0x0a, 0x00, 0x00, 0x00,
];

#[tokio::test]
async fn requests_say_what_they_were_told_to() {
    let origin = origin().await;
    let project = scripts(
        r#"
        async plain() { return (await fetch(`${origin}/echo`)).json(); },
        async post() {
          const response = await fetch(`${origin}/echo`, { method: "POST", body: new URLSearchParams({ a: "1 2" }), headers: { "X-One": "1" } });
          return response.json();
        },
        async object() {
          const request = new Request(`${origin}/echo`, { method: "PUT", body: "from a Request", headers: [["x-two", "2"], ["x-two", "3"]] });
          return (await fetch(request, { headers: { "x-three": "3" } })).json();
        },
        async stream() {
          const body = new ReadableStream({ start(c) { c.enqueue(new TextEncoder().encode("chunk ")); c.enqueue(new TextEncoder().encode("chunk")); c.close(); } });
          return (await fetch(`${origin}/echo`, { method: "POST", body })).json();
        },
        async forward(request) { return (await fetch(`${origin}/echo`, request)).json(); },
        "#,
    );
    let dev = serve(&project, &origin).await;
    let header = |answer: &serde_json::Value, name: &str| -> Vec<String> {
        let pairs = answer["headers"].as_array().expect("headers").iter();
        pairs.filter(|pair| pair[0] == name).map(|pair| pair[1].as_str().unwrap().to_owned()).collect()
    };

    let plain = dev.json("/plain").await;
    assert_eq!(plain["method"], "GET");
    assert_eq!(header(&plain, "host"), [origin.address().to_string()]);

    let post = dev.json("/post").await;
    assert_eq!(post["body"], "a=1+2");
    assert_eq!(header(&post, "content-type"), ["application/x-www-form-urlencoded;charset=UTF-8"]);
    assert_eq!(header(&post, "content-length"), ["5"]);
    assert_eq!(header(&post, "x-one"), ["1"]);

    let object = dev.json("/object").await;
    assert_eq!((object["method"].as_str(), object["body"].as_str()), (Some("PUT"), Some("from a Request")));
    assert_eq!(header(&object, "x-three"), ["3"]);
    assert!(header(&object, "x-two").is_empty(), "init's headers replace the Request's: {object}");

    let stream = dev.json("/stream").await;
    assert_eq!(stream["body"], "chunk chunk");
    assert_eq!(header(&stream, "transfer-encoding"), ["chunked"]);

    let answer = dev.request("PATCH", "/forward").header("x-kept", "yes").body("through").await;
    let forwarded: serde_json::Value = serde_json::from_str(&harness::text(answer).await).unwrap();
    assert_eq!((forwarded["method"].as_str(), forwarded["body"].as_str()), (Some("PATCH"), Some("through")));
    assert_eq!(header(&forwarded, "x-kept"), ["yes"]);

    // One connection after another would be wasteful: idle ones are used again.
    let connections = origin.seen().iter().map(|seen| seen.connection).max().unwrap() + 1;
    assert!(connections < origin.seen().len(), "{connections} connections for {} requests", origin.seen().len());
}

#[tokio::test]
async fn responses_say_what_the_origin_said() {
    let origin = origin().await;
    let project = scripts(
        r#"
        async cookies() {
          const response = await fetch(`${origin}/cookies`);
          let guard = "none";
          try { response.headers.set("x", "y"); } catch (error) { guard = error.name; }
          const copy = new Response(response.body, response);
          copy.headers.set("x", "y");
          return { status: response.status, ok: response.ok, cookies: response.headers.getSetCookie(), many: response.headers.get("x-many"), guard, copy: copy.headers.get("x"), text: await copy.text() };
        },
        async redirects() {
          const results = {};
          const describe = async (name, promise) => {
            try {
              const r = await promise;
              results[name] = { status: r.status, url: r.url.replace(origin, ""), redirected: r.redirected, location: r.headers.get("location"), body: r.status === 200 ? await r.json() : null };
            } catch (error) { results[name] = error.name; }
          };
          await describe("302", fetch(`${origin}/302`, { method: "POST", body: "x" }));
          await describe("307", fetch(`${origin}/307`, { method: "POST", body: "again" }));
          await describe("manual", fetch(`${origin}/302`, { redirect: "manual" }));
          await describe("error", fetch(`${origin}/302`, { redirect: "error" }));
          await describe("loop", fetch(`${origin}/loop`));
          return results;
        },
        async gzip() {
          const response = await fetch(`${origin}/gzip`);
          return { encoding: response.headers.get("content-encoding"), text: await response.text() };
        },
        async empty() { const response = await fetch(`${origin}/204`); return [response.status, response.body]; },
        async abort() {
          const controller = new AbortController();
          setTimeout(() => controller.abort(), 50);
          const errors = [];
          await fetch(`${origin}/slow`, { signal: controller.signal }).catch((error) => errors.push(error.name));
          await fetch(`${origin}/slow`, { signal: AbortSignal.timeout(50) }).catch((error) => errors.push(error.name));
          await fetch(`${origin}/slow`, { signal: AbortSignal.abort(new Error("mine")) }).catch((error) => errors.push(error.message));
          return errors;
        },
        async refused() {
          try { await fetch("http://127.0.0.1:1/"); return "no error"; } catch (error) { return error instanceof Error; }
        },
        async count() {
          let total = 0;
          for await (const chunk of (await fetch(`${origin}/large`)).body) total += chunk.byteLength;
          return total;
        },
        "#,
    );
    let dev = serve(&project, &origin).await;

    let cookies = dev.json("/cookies").await;
    assert_eq!(
        cookies,
        json!({ "status": 418, "ok": false, "cookies": ["a=1", "b=2"], "many": "1, 2", "guard": "TypeError", "copy": "y", "text": "teapot" })
    );

    let redirects = dev.json("/redirects").await;
    assert_eq!(redirects["302"]["body"]["method"], "GET");
    assert_eq!(redirects["302"]["url"], "/echo");
    assert_eq!(redirects["302"]["redirected"], true);
    assert_eq!(redirects["307"]["body"]["method"], "POST");
    assert_eq!(redirects["307"]["body"]["body"], "again");
    assert_eq!(redirects["manual"]["status"], 302);
    assert_eq!(redirects["manual"]["location"], "/echo");
    assert_eq!(redirects["error"], "TypeError");
    assert_eq!(redirects["loop"], "TypeError");

    assert_eq!(dev.json("/gzip").await["text"], "compressed");
    assert_eq!(dev.json("/empty").await, json!([204, null]));
    assert_eq!(dev.json("/abort").await, json!(["AbortError", "TimeoutError", "mine"]));
    assert_eq!(dev.json("/refused").await, true);
    assert_eq!(dev.json("/count").await, 16 * 1024 * 1024);
}

#[tokio::test]
async fn bodies_pass_through_untouched() {
    let origin = origin().await;
    let project = Project::worker(
        "export default { fetch: (request, env) => fetch(env.ORIGIN + new URL(request.url).pathname, request) };",
    );
    let dev = serve(&project, &origin).await;

    // The origin's compression reaches the client as it is.
    let answer = dev.get("/gzip").header("accept-encoding", "gzip").send().await;
    assert_eq!(answer.headers()["content-encoding"], "gzip");
    assert_eq!(harness::body_of(answer).await, GZIPPED);

    let answer = dev.get("/cookies").send().await;
    assert_eq!(answer.status(), 418);
    let cookies: Vec<_> = answer.headers().get_all("set-cookie").iter().collect();
    assert_eq!(cookies, ["a=1", "b=2"]);
    assert_eq!(harness::text(answer).await, "teapot");
    assert_eq!(harness::body_of(dev.get("/large").send().await).await.len(), 16 * 1024 * 1024);
    assert_eq!(dev.request("HEAD", "/echo").send().await.status(), 200);
}

#[tokio::test]
async fn a_worker_compresses_when_it_says_so() {
    let project = Project::worker(
        r#"
        export default {
          async fetch(request) {
            const gzipped = await new Response(new Blob(["by hand"]).stream().pipeThrough(new CompressionStream("gzip"))).arrayBuffer();
            if (new URL(request.url).pathname === "/manual") {
              return new Response(gzipped, { headers: { "content-encoding": "gzip" }, encodeBody: "manual" });
            }
            return new Response("compress me", { headers: { "content-encoding": "gzip" } });
          },
        };
        "#,
    );
    let dev = Dev::start(&project).await;
    let gunzip = |bytes: Bytes| {
        use std::io::Read;
        let mut text = String::new();
        flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut text).expect("a gzip body");
        text
    };
    for (path, expected) in [("/", "compress me"), ("/manual", "by hand")] {
        let answer = dev.get(path).header("accept-encoding", "gzip").send().await;
        assert_eq!(answer.headers()["content-encoding"], "gzip", "{path}");
        assert_eq!(gunzip(harness::body_of(answer).await), expected, "{path}");
    }
}

#[tokio::test]
async fn subrequests_end_when_the_client_goes_away() {
    let dropped = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&dropped);
    let origin = Origin::start(move |_| {
        let flag = Arc::clone(&flag);
        async move {
            struct OnDrop(Arc<AtomicBool>);
            impl Drop for OnDrop {
                fn drop(&mut self) {
                    self.0.store(true, Ordering::SeqCst);
                }
            }
            let _gone = OnDrop(flag);
            tokio::time::sleep(PATIENCE).await;
            Origin::text("too late")
        }
    })
    .await;
    let project = Project::worker("export default { fetch: (request, env) => fetch(env.ORIGIN) };");
    let dev = serve(&project, &origin).await;
    let waiting = tokio::spawn(dev.get("/").send());
    for _ in 0..200 {
        if !origin.seen().is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(origin.seen().len(), 1);
    waiting.abort();
    for _ in 0..200 {
        if dropped.load(Ordering::SeqCst) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the subrequest went on after its client had gone");
}
