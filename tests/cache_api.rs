//! The Cache API, and the cache in front of `fetch`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use harness::{Dev, Origin, OriginBody, Project};
use serde_json::{Value, json};

/// Runs the named function of `body` for each path, with `origin`, and answers what it returns as JSON.
fn scripts(body: &str) -> Project {
    Project::worker(&format!(
        "const U = \"http://example.com/\";\nconst caught = async (f) => {{ try {{ return await f(); }} catch (e) {{ return `${{e.name}}: ${{e.message}}`; }} }};\n\
         export default {{\n  async fetch(request, env) {{\n    const origin = env.ORIGIN;\n    const run = {{\n{body}\n    }};\n    \
         return Response.json(await run[new URL(request.url).pathname.slice(1)](request) ?? null);\n  }},\n}};\n"
    ))
}

#[tokio::test]
async fn a_response_is_put_matched_and_deleted() {
    let project = scripts(
        r#"
        async all() {
          const cache = caches.default, named = await caches.open("named");
          const out = {};
          out.miss = await cache.match(U);
          out.put = (await cache.put(U, new Response("hello", { headers: { "cache-control": "max-age=60", etag: '"v1"', "x-own": "1" } }))) === undefined;
          const hit = await cache.match(U + "\u0023fragment");
          out.hit = [hit.status, hit.statusText, await hit.text(), hit.headers.get("cf-cache-status"), hit.headers.get("age"), hit.headers.get("x-own"), hit.headers.get("content-length")];
          out.elsewhere = (await named.match(U)) === undefined;
          const range = await cache.match(new Request(U, { headers: { range: "bytes=1-3" } }));
          out.range = [range.status, await range.text(), range.headers.get("content-range")];
          const beyond = await cache.match(new Request(U, { headers: { range: "bytes=9-" } }));
          out.beyond = [beyond.status, await beyond.text(), beyond.headers.get("content-range")];
          const same = await cache.match(new Request(U, { headers: { "if-none-match": '"v1"' } }));
          out.same = [same.status, same.body];
          out.head = await cache.match(new Request(U, { method: "HEAD" }));
          out.ignored = await (await cache.match(new Request(U, { method: "POST", body: "x" }), { ignoreMethod: true })).text();
          out.deleted = [await cache.delete(new Request(U, { method: "POST" })), await cache.delete(U), await cache.delete(U)];
          out.gone = await cache.match(U);
          const large = "0123456789abcdef".repeat(1 << 16);
          await named.put(U + "large", new Response(new Blob([large]).stream()));
          out.large = (await (await named.match(U + "large")).text()) === large;
          return out;
        },
        async rules() {
          const cache = caches.default, out = {};
          const kept = async (name, headers, status = 200) => {
            await cache.put(U + name, new Response("x", { status, headers }));
            const found = await cache.match(U + name);
            out[name] = found === undefined ? null : [found.status, found.headers.get("set-cookie")];
          };
          await kept("nostore", { "cache-control": "no-store" });
          await kept("private", { "cache-control": "private, max-age=60" });
          await kept("expired", { "cache-control": "max-age=0" });
          await kept("cookie", { "cache-control": "max-age=60", "set-cookie": "a=b" });
          await kept("nocookie", { "cache-control": "private=Set-Cookie, max-age=60", "set-cookie": "a=b" });
          await kept("default", {});
          await kept("error", {}, 500);
          await kept("notfound", {}, 404);
          const vary = (language) => new Request(U + "vary", { headers: { "accept-language": language } });
          for (const language of ["de", "fr"]) {
            await cache.put(vary(language), new Response(language, { headers: { vary: "Accept-Language", "cache-control": "max-age=60" } }));
          }
          out.vary = [await (await cache.match(vary("de"))).text(), await (await cache.match(vary("fr"))).text(), await cache.match(vary("it"))];
          return out;
        },
        async errors() {
          const cache = caches.default, used = new Response("x");
          await used.text();
          return [
            await caught(() => cache.put(new Request(U, { method: "POST" }), new Response("x"))),
            await caught(() => cache.put(U, new Response("x", { status: 206 }))),
            await caught(() => cache.put(U, new Response("x", { headers: { vary: "accept, *" } }))),
            await caught(() => cache.put(U, used)),
            await caught(() => cache.put(U, Response.error())),
            await caught(() => cache.put(U, "text")),
            await caught(() => cache.match("nonsense")),
            await caught(() => new Cache()),
            await caught(() => new CacheStorage()),
            await caught(() => caches.open("x".repeat(1024))),
            await caught(() => Cache.prototype.match.call({}, U)).then((text) => text.slice(0, 29)),
            Object.prototype.toString.call(caches) + Object.prototype.toString.call(cache),
          ];
        }"#,
    );
    let dev = Dev::start(&project).await;
    assert_eq!(
        dev.json("/all").await,
        json!({
            "put": true, "elsewhere": true, "large": true,
            "hit": [200, "OK", "hello", "HIT", "0", "1", "5"],
            "range": [206, "ell", "bytes 1-3/5"], "beyond": [416, "", "bytes */5"], "same": [304, null],
            "ignored": "hello", "deleted": [false, true, false],
        })
    );
    assert_eq!(
        dev.json("/rules").await,
        json!({
            "nostore": null, "private": null, "expired": null, "cookie": null, "nocookie": [200, null], "default": [200, null],
            "error": null, "notfound": [404, null], "vary": ["de", "fr", null],
        })
    );
    assert_eq!(
        dev.json("/errors").await,
        json!([
            "TypeError: Cannot cache response to non-GET request.",
            "TypeError: Cannot cache response to a range request (206 Partial Content).",
            "TypeError: Cannot cache response with 'Vary: *' header.",
            "TypeError: Body has already been used. It can only be used once. Use tee() first if you need to read it twice.",
            "TypeError: Cache is unable to store an error response",
            "TypeError: Failed to execute 'put' on 'Cache': parameter 2 is not of type 'Response'.",
            "TypeError: Invalid URL: nonsense",
            "TypeError: Illegal constructor",
            "TypeError: Illegal constructor",
            "TypeError: Cache name is too long.",
            "TypeError: Illegal invocation",
            "[object CacheStorage][object Cache]",
        ])
    );
}

#[tokio::test]
async fn what_was_stored_outlives_kill_9_and_is_never_torn() {
    let project = scripts(
        r#"
        async put(request) {
          const n = Number(new URL(request.url).searchParams.get("n"));
          await caches.default.put(U + n, new Response(String.fromCharCode(97 + n % 26).repeat(1000 + n * 20011)));
          return n;
        },
        async check(request) {
          const found = { whole: [], torn: [] };
          for (let n = 0; n < 64; n++) {
            const response = await caches.default.match(U + n);
            if (response === undefined) continue;
            const whole = (await response.text()) === String.fromCharCode(97 + n % 26).repeat(1000 + n * 20011);
            found[whole ? "whole" : "torn"].push(n);
          }
          return found;
        }"#,
    );
    let mut acknowledged = Vec::new();
    for round in 0..4 {
        let dev = Dev::start(&project).await;
        let writing = async {
            for n in round * 16..(round + 1) * 16 {
                let got: Value = dev.json(&format!("/put?n={n}")).await;
                acknowledged.push(got.as_u64().expect("a number"));
                if n % 16 == 11 {
                    break;
                }
            }
        };
        writing.await;
        // One is on its way when the process is killed.
        let last = dev.get(&format!("/put?n={}", round * 16 + 15)).send();
        let _ = tokio::time::timeout(Duration::from_millis(2), last).await;
        // Dropped: SIGKILL.
        drop(dev);
        let dev = Dev::start(&project).await;
        let found = dev.json("/check").await;
        assert_eq!(found["torn"], json!([]));
        let whole: Vec<u64> = serde_json::from_value(found["whole"].clone()).expect("numbers");
        assert!(acknowledged.iter().all(|n| whole.contains(n)), "{acknowledged:?} of {whole:?}");
    }
}

/// An origin that counts what it was asked; each path behaves in its own way.
async fn origin() -> (Origin, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    let origin = Origin::start(move |request: http::Request<hyper::body::Incoming>| {
        let n = counted.fetch_add(1, Ordering::SeqCst) + 1;
        async move {
            let conditional = request.headers().get("if-none-match").is_some();
            let respond = |status: u16, headers: &[(&'static str, &'static str)]| -> http::Response<OriginBody> {
                let mut response = Origin::text(if status == 304 { String::new() } else { format!("answer {n}") });
                *response.status_mut() = status.try_into().unwrap();
                headers
                    .iter()
                    .for_each(|(name, value)| drop(response.headers_mut().insert(*name, value.parse().unwrap())));
                response
            };
            match request.uri().path() {
                "/slow" => {
                    tokio::time::sleep(Duration::from_millis(300)).await;
                    respond(200, &[("cache-control", "max-age=60")])
                }
                "/etag" if conditional => respond(304, &[("cache-control", "max-age=60")]),
                "/etag" => respond(200, &[("cache-control", "max-age=0"), ("etag", "\"v1\"")]),
                "/swr" => respond(200, &[("cache-control", "max-age=0, stale-while-revalidate=60")]),
                "/sie" if n > 1 => respond(500, &[]),
                "/sie" => respond(200, &[("cache-control", "max-age=0, stale-if-error=60")]),
                "/nostore" => respond(200, &[("cache-control", "no-store")]),
                "/404" => respond(404, &[]),
                _ => respond(200, &[("cache-control", "max-age=60")]),
            }
        }
    })
    .await;
    (origin, count)
}

#[tokio::test]
async fn fetch_is_cached_where_the_worker_asks() {
    let project = scripts(
        r#"
        async ask(request) {
          const { path, inits } = JSON.parse(decodeURIComponent(new URL(request.url).search.slice(1)));
          const out = [];
          for (const init of inits) {
            out.push(await caught(async () => {
              const response = await fetch(origin + path, init);
              return [response.status, await response.text(), response.headers.get("cf-cache-status")];
            }));
          }
          return out;
        },
        async together(request) {
          const one = async () => {
            const response = await fetch(origin + "/slow", { cf: { cacheEverything: true } });
            return [await response.text(), response.headers.get("cf-cache-status")];
          };
          return (await Promise.all([one(), one(), one(), one()])).sort();
        }"#,
    );
    let everything = json!({ "cf": { "cacheEverything": true } });
    for (path, inits, expected) in [
        ("/a.css", vec![json!({}), json!({})], json!([[200, "answer 1", null], [200, "answer 2", null]])),
        (
            "/",
            vec![everything.clone(), everything.clone()],
            json!([[200, "answer 1", "MISS"], [200, "answer 1", "HIT"]]),
        ),
        (
            "/nostore",
            vec![everything.clone(), json!({ "cf": { "cacheTtl": 60 } }), json!({ "cf": { "cacheTtl": 60 } })],
            json!([[200, "answer 1", "BYPASS"], [200, "answer 2", "MISS"], [200, "answer 2", "HIT"]]),
        ),
        (
            "/404",
            vec![json!({ "cf": { "cacheTtlByStatus": { "200-299": 60, "404": -1 } } }); 2],
            json!([[404, "answer 1", "BYPASS"], [404, "answer 2", "BYPASS"]]),
        ),
        (
            "/etag",
            vec![everything.clone(), everything.clone(), everything.clone()],
            json!([[200, "answer 1", "MISS"], [200, "answer 1", "REVALIDATED"], [200, "answer 1", "HIT"]]),
        ),
        (
            "/sie",
            vec![everything.clone(), everything.clone()],
            json!([[200, "answer 1", "MISS"], [200, "answer 1", "STALE"]]),
        ),
        (
            "/swr",
            vec![everything.clone(), everything.clone()],
            json!([[200, "answer 1", "MISS"], [200, "answer 1", "UPDATING"]]),
        ),
        (
            "/key",
            vec![json!({ "cf": { "cacheEverything": true, "cacheKey": "k" } }), everything.clone()],
            json!([[200, "answer 1", "MISS"], [200, "answer 2", "MISS"]]),
        ),
        (
            "/mode",
            vec![
                everything.clone(),
                json!({ "cache": "no-store", "cf": { "cacheEverything": true } }),
                json!({ "cache": "no-cache", "cf": { "cacheEverything": true } }),
                json!({ "cache": "no-store", "cf": { "cacheTtl": 5 } }),
            ],
            json!([
                [200, "answer 1", "MISS"],
                [200, "answer 2", "BYPASS"],
                [200, "answer 3", "EXPIRED"],
                "TypeError: CacheTtl: 5, is not compatible with cache: no-store header.",
            ]),
        ),
        (
            "/range",
            vec![
                json!({ "cf": { "cacheEverything": true }, "headers": { "range": "bytes=0-2" } }),
                json!({ "cf": { "cacheEverything": true }, "headers": { "range": "bytes=3-5" } }),
            ],
            json!([[206, "ans", "MISS"], [206, "wer", "HIT"]]),
        ),
    ] {
        let (origin, _) = origin().await;
        let dev = Dev::flags(&project, &["--var", &format!("ORIGIN:{}", origin.url(""))]).await;
        let asked = json!({ "path": path, "inits": inits }).to_string();
        let query: String = asked.bytes().map(|byte| format!("%{byte:02x}")).collect();
        assert_eq!(dev.json(&format!("/ask?{query}")).await, expected, "{path}");
    }
    let (origin, count) = origin().await;
    let dev = Dev::flags(&project, &["--var", &format!("ORIGIN:{}", origin.url(""))]).await;
    let together = dev.json("/together").await;
    assert_eq!(together, json!([["answer 1", "HIT"], ["answer 1", "HIT"], ["answer 1", "HIT"], ["answer 1", "MISS"]]));
    assert_eq!(count.load(Ordering::SeqCst), 1, "one request for all");
}

#[tokio::test]
async fn each_location_has_caches_of_its_own() {
    let project = scripts(
        r#"
        async put() { await caches.default.put(U, new Response("from Tokyo", { headers: { "cache-control": "max-age=60" } })); },
        async match() { return (await caches.default.match(U))?.text(); },
        async fetched() {
          const response = await fetch(origin + "/", { cf: { cacheEverything: true } });
          return [await response.text(), response.headers.get("cf-cache-status")];
        }"#,
    );
    let (origin, _) = origin().await;
    let var = format!("ORIGIN:{}", origin.url(""));
    let dev = Dev::flags(&project, &["--colos", "NRT,GRU", "--var", &var]).await;
    let at = async |colo: &str, path: &str| -> Value {
        let answer = dev.get(path).header("x-skerry-colo", colo).send().await;
        serde_json::from_str(&harness::text(answer).await).expect("JSON")
    };
    at("NRT", "/put").await;
    assert_eq!(at("NRT", "/match").await, json!("from Tokyo"));
    assert_eq!(at("GRU", "/match").await, json!(null));
    for (colo, expected) in [
        ("NRT", json!(["answer 1", "MISS"])),
        ("GRU", json!(["answer 2", "MISS"])),
        ("NRT", json!(["answer 1", "HIT"])),
        ("GRU", json!(["answer 2", "HIT"])),
    ] {
        assert_eq!(at(colo, "/fetched").await, expected, "{colo}");
    }
}
