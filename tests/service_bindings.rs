//! Requests from Worker to Worker in one process, without HTTP between them.

use bytes::Bytes;
use futures::StreamExt;
use harness::{Dev, Project, body_of, text};
use http_body_util::BodyExt;
use serde_json::json;

fn front(services: &str, source: &str) -> Project {
    Project::named("front", services, source)
}

const BACK: &str = "[[services]]\nbinding = \"BACK\"\nservice = \"back\"\n";

async fn both(front: &Project, back: &Project) -> Dev {
    Dev::with(&[], &[front.path(), back.path()]).await
}

/// GETs a path of the Worker `front`.
async fn at_front(dev: &Dev, path: &str) -> String {
    text(dev.get(path).header("host", "front.localhost").send().await).await
}

async fn json_at_front(dev: &Dev, path: &str) -> serde_json::Value {
    let body = at_front(dev, path).await;
    serde_json::from_str(&body).unwrap_or_else(|error| panic!("{path} is not JSON ({error}):\n{body}"))
}

#[tokio::test]
async fn requests_and_responses_pass_whole() {
    let front = front(
        BACK,
        r#"
        const cases = {
          passed: (request, env) => env.BACK.fetch(request),
          async made(request, env) {
            const response = await env.BACK.fetch("http://inner.example/echo?x=1", {
              method: "POST", headers: { "x-a": "1" }, body: JSON.stringify({ n: 1 }), cf: { own: true },
            });
            return Response.json({
              status: response.status, text: response.statusText, url: response.url, header: response.headers.get("x-b"),
              cookies: response.headers.getSetCookie(), body: await response.json(),
            });
          },
          async plain(request, env) { return Response.json(await (await env.BACK.fetch("http://inner.example/echo")).json()); },
          async bytes(request, env) {
            const response = await env.BACK.fetch(new Request("http://inner.example/length", { method: "PUT", body: new Uint8Array(100000) }));
            return new Response(await response.text());
          },
          async none(request, env) {
            const response = await env.BACK.fetch("http://inner.example/none");
            return Response.json([response.status, response.body, await response.text()]);
          },
          async redirect(request, env) {
            const followed = await env.BACK.fetch("http://inner.example/redirect");
            const manual = await env.BACK.fetch("http://inner.example/redirect", { redirect: "manual" });
            return Response.json([followed.url, followed.redirected, await followed.text(), manual.status]);
          },
          async gzip(request, env) { return new Response(await (await env.BACK.fetch("http://inner.example/gzip")).text()); },
          async wrong(request, env) {
            const told = [];
            for (const call of [() => env.BACK.fetch(), () => env.BACK.fetch("/relative"), () => env.BACK.fetch("ftp://x/")]) {
              told.push(await call().then(() => "fine", (error) => error.name));
            }
            return Response.json(told);
          },
        };
        export default { fetch: (request, env) => cases[new URL(request.url).pathname.split("/")[1]](request, env) };
        "#,
    );
    let back = Project::named(
        "back",
        "",
        r#"
        export default {
          async fetch(request) {
            const { pathname } = new URL(request.url);
            if (pathname === "/length") return new Response(String((await request.bytes()).length));
            if (pathname === "/none") return new Response(null, { status: 204 });
            if (pathname === "/redirect") return Response.redirect("http://other.example/end", 302);
            if (pathname === "/end") return new Response("the end");
            if (pathname === "/gzip") {
              const zipped = new Response("unzipped").body.pipeThrough(new CompressionStream("gzip"));
              return new Response(zipped, { headers: { "content-encoding": "gzip" }, encodeBody: "manual" });
            }
            const headers = new Headers({ "x-b": "2" });
            headers.append("set-cookie", "a=1");
            headers.append("set-cookie", "b=2");
            const { method, url, cf } = request;
            const body = { method, url, a: request.headers.get("x-a"), cf: cf && (cf.own ?? typeof cf.colo), text: await request.text() };
            return Response.json(body, { status: 201, statusText: "Done", headers });
          },
        };
        "#,
    );
    let dev = both(&front, &back).await;
    let request = dev.request("POST", "/passed").header("host", "front.localhost").header("x-a", "sent");
    let answer = request.body("the body").await;
    assert_eq!((answer.status().as_u16(), answer.headers()["x-b"].to_str().unwrap()), (201, "2"));
    let passed: serde_json::Value = serde_json::from_slice(&body_of(answer).await).unwrap();
    let url = "http://front.localhost/passed";
    assert_eq!(passed, json!({ "method": "POST", "url": url, "a": "sent", "cf": "string", "text": "the body" }));
    let url = "http://inner.example/echo?x=1";
    assert_eq!(
        json_at_front(&dev, "/made").await,
        json!({
            "status": 201, "text": "Done", "url": url, "header": "2", "cookies": ["a=1", "b=2"],
            "body": { "method": "POST", "url": url, "a": "1", "cf": true, "text": "{\"n\":1}" },
        })
    );
    let plain = json_at_front(&dev, "/plain").await;
    assert_eq!(plain, json!({ "method": "GET", "url": "http://inner.example/echo", "a": null, "text": "" }));
    assert_eq!(at_front(&dev, "/bytes").await, "100000");
    assert_eq!(json_at_front(&dev, "/none").await, json!([204, null, ""]));
    assert_eq!(json_at_front(&dev, "/redirect").await, json!(["http://other.example/end", true, "the end", 302]));
    assert_eq!(at_front(&dev, "/gzip").await, "unzipped");
    assert_eq!(json_at_front(&dev, "/wrong").await, json!(["TypeError", "TypeError", "TypeError"]));
}

#[tokio::test]
async fn bodies_stream_both_ways() {
    let front = front(BACK, "export default { fetch: (request, env) => env.BACK.fetch(request) };");
    let back = Project::named(
        "back",
        "",
        r#"
        export default {
          fetch(request) {
            const upper = new TransformStream({
              transform(chunk, controller) { controller.enqueue(new TextEncoder().encode(new TextDecoder().decode(chunk).toUpperCase())); },
            });
            return new Response(request.body.pipeThrough(upper));
          },
        };
        "#,
    );
    let dev = both(&front, &back).await;
    let (send, chunks) = futures::channel::mpsc::unbounded();
    send.unbounded_send(Bytes::from("one ")).unwrap();
    let request = dev.request("POST", "/").header("host", "front.localhost");
    let mut body = request.stream(chunks).await.into_body().into_data_stream();
    // Each chunk comes back before the next one is sent.
    assert_eq!(body.next().await.unwrap().unwrap(), "ONE ");
    send.unbounded_send(Bytes::from("two")).unwrap();
    assert_eq!(body.next().await.unwrap().unwrap(), "TWO");
    drop(send);
    assert!(body.next().await.is_none());
}

#[tokio::test]
async fn entrypoints_and_props() {
    let services = format!(
        "{BACK}[[services]]\nbinding = \"ADMIN\"\nservice = \"back\"\nentrypoint = \"Admin\"\nprops = {{ role = \"root\", n = 1 }}\n\
         [[services]]\nbinding = \"PLAIN\"\nservice = \"back\"\nentrypoint = \"plain\"\n\
         [[services]]\nbinding = \"GONE\"\nservice = \"back\"\nentrypoint = \"Gone\"\n\
         [[services]]\nbinding = \"SELF\"\nservice = \"front\"\nentrypoint = \"Inner\"\n"
    );
    let front = front(
        &services,
        r#"
        import { WorkerEntrypoint } from "cloudflare:workers";
        export class Inner extends WorkerEntrypoint { fetch() { return new Response("inner of front"); } }
        export default {
          async fetch(request, env) {
            const told = {};
            for (const name of ["BACK", "ADMIN", "PLAIN", "GONE", "SELF"]) {
              told[name] = await env[name].fetch("http://x/").then((response) => response.text(), (error) => `${error.name}: ${error.message}`);
            }
            told.rpc = await env.BACK.add(1, 2);
            told.awaited = (await env.BACK) === env.BACK;
            told.kind = [typeof env.BACK, String(env.BACK), env.BACK.constructor.name, env.BACK instanceof Object];
            return Response.json(told);
          },
        };
        "#,
    );
    let back = Project::named(
        "back",
        "",
        r#"
        import { WorkerEntrypoint } from "cloudflare:workers";
        export class Admin extends WorkerEntrypoint {
          fetch() { return Response.json([this.ctx.props, typeof this.env, typeof this.ctx.waitUntil]); }
        }
        export const plain = { fetch: (request, env, ctx) => Response.json([ctx.props]) };
        export default class extends WorkerEntrypoint {
          fetch() { return new Response("default"); }
          add(a, b) { return a + b; }
        }
        "#,
    );
    let dev = both(&front, &back).await;
    let told = json_at_front(&dev, "/").await;
    assert_eq!(told["BACK"], "default");
    assert_eq!(told["ADMIN"], r#"[{"n":1,"role":"root"},"object","function"]"#);
    assert_eq!(told["PLAIN"], "[{}]");
    assert!(told["GONE"].as_str().unwrap().contains("no entrypoint \"Gone\""), "{told}");
    assert_eq!(told["SELF"], "inner of front");
    assert_eq!(told["rpc"], 3);
    assert_eq!(told["awaited"], true);
    assert_eq!(told["kind"], json!(["object", "[object Fetcher]", "Fetcher", true]));
}

#[tokio::test]
async fn errors_are_carried_and_missing_workers_named() {
    let services = format!("{BACK}[[services]]\nbinding = \"ABSENT\"\nservice = \"elsewhere\"\n");
    let front = front(
        &services,
        r#"
        export default {
          async fetch(request, env) {
            const { pathname } = new URL(request.url);
            if (pathname === "/abort") {
              const failed = await env.BACK.fetch("http://x/wait", { signal: AbortSignal.timeout(100) }).catch((error) => error.name);
              await scheduler.wait(100);
              return Response.json([failed, await (await env.BACK.fetch("http://x/aborted")).text()]);
            }
            const service = pathname === "/absent" ? env.ABSENT : env.BACK;
            try {
              return await service.fetch(request);
            } catch (error) {
              return new Response(`${error.constructor.name}: ${error.message}`);
            }
          },
        };
        "#,
    );
    let back = Project::named(
        "back",
        "compatibility_flags = [\"enable_request_signal\"]",
        r#"
        let aborted = "no";
        export default {
          async fetch(request) {
            const { pathname } = new URL(request.url);
            if (pathname === "/type") throw new TypeError("of the back");
            if (pathname === "/hang") return new Promise(() => {});
            if (pathname === "/nothing") return;
            if (pathname === "/wait") {
              request.signal.addEventListener("abort", () => { aborted = "yes"; });
              await scheduler.wait(10000);
            }
            return new Response(aborted);
          },
        };
        "#,
    );
    let dev = both(&front, &back).await;
    assert_eq!(at_front(&dev, "/type").await, "TypeError: of the back");
    // Its own owner is told too.
    dev.line("TypeError: of the back").await;
    assert!(at_front(&dev, "/hang").await.contains("would never generate a response"));
    assert!(at_front(&dev, "/nothing").await.contains("did not resolve to 'Response'"));
    let absent = at_front(&dev, "/absent").await;
    for part in ["\"ABSENT\"", "\"elsewhere\"", "skerry dev"] {
        assert!(absent.contains(part), "no {part} in {absent}");
    }
    assert_eq!(json_at_front(&dev, "/abort").await, json!(["TimeoutError", "yes"]));
}

#[tokio::test]
async fn three_workers_in_a_row_and_loops_that_end() {
    let next = |name: &str, service: &str| {
        let source = format!(
            r#"
            export default {{
              async fetch(request, env) {{
                const depth = Number(request.headers.get("depth"));
                const limit = Number(request.headers.get("limit"));
                if (depth === limit) return new Response("{name}");
                const headers = {{ depth: depth + 1, limit }};
                return new Response("{name} " + (await (await env.NEXT.fetch("http://x/", {{ headers }})).text()));
              }},
            }};"#
        );
        let services = format!("[[services]]\nbinding = \"NEXT\"\nservice = \"{service}\"\n");
        Project::named(name, &services, &source)
    };
    let projects = [next("front", "middle"), next("middle", "back"), next("back", "front")];
    let dev = Dev::with(&[], &projects.each_ref().map(Project::path)).await;
    let walk = async |limit: &str| {
        let request = dev.get("/").header("host", "front.localhost").header("depth", "0").header("limit", limit);
        text(request.send().await).await
    };
    assert_eq!(walk("4").await, "front middle back front middle");
    assert_eq!(walk("31").await.split(' ').count(), 32);
    let endless = walk("32").await;
    assert!(endless.contains("Subrequest depth limit exceeded"), "{endless}");
    assert_eq!(walk("1").await, "front middle");
}

#[tokio::test]
async fn a_binding_follows_reloads_and_counts_as_a_subrequest() {
    let front = front(
        &format!("{BACK}[limits]\nsubrequests = 2\n"),
        r#"
        export default {
          async fetch(request, env) {
            const told = [];
            for (let i = 0; i < 3; i++) told.push(await env.BACK.fetch("http://x/").then((response) => response.text(), (error) => error.message));
            return Response.json(told);
          },
        };
        "#,
    );
    let back = Project::named("back", "", "export default { fetch: () => new Response('old') };");
    let dev = both(&front, &back).await;
    assert_eq!(json_at_front(&dev, "/").await, json!(["old", "old", "Too many subrequests."]));
    back.write("index.js", "export default { fetch: () => new Response('new') };");
    dev.line("reloaded back").await;
    assert_eq!(json_at_front(&dev, "/").await, json!(["new", "new", "Too many subrequests."]));
    back.write("index.js", "export default {");
    dev.line("reloaded back").await;
    let began = std::time::Instant::now();
    loop {
        let told = at_front(&dev, "/").await;
        if told.contains("can't run") && told.contains("index.js") {
            break;
        }
        assert!(began.elapsed() < harness::PATIENCE, "{told}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}
