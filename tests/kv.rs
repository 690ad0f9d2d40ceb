//! KV as a Worker sees it: forms of values, metadata, lists, what is refused and how it is said.

use std::time::Duration;

use harness::{Dev, Project, Request, skerry, text};
use serde_json::{Value, json};

const NAMESPACE: &str = "[[kv_namespaces]]\nbinding = \"KV\"\nid = \"n\"\n";

/// Runs the lines of a test in the Worker, which answers with what they return.
fn script(body: &str) -> Project {
    let source = format!(
        r#"
        const thrown = async (f) => {{
          try {{ await f(); return "nothing"; }} catch (error) {{ return `${{error.constructor.name}}: ${{error.message}}`; }}
        }};
        export default {{ async fetch(request, {{ KV }}) {{ {body} }} }};
        "#
    );
    Project::configured(NAMESPACE, &source)
}

async fn answer(body: &str) -> Value {
    let project = script(body);
    Dev::start(&project).await.json("/").await
}

#[tokio::test]
async fn values_come_back_in_every_form() {
    let answer = answer(
        r#"
        const bytes = new Uint8Array([0, 255, 104, 105]);
        const encoded = new TextEncoder().encode("from a stream");
        await KV.put("text", "naïve ☃");
        await KV.put("json", JSON.stringify({ a: [1, null] }));
        await KV.put("buffer", bytes.buffer);
        await KV.put("view", bytes.subarray(2));
        await KV.put("data view", new DataView(bytes.buffer, 3));
        await KV.put("native stream", new Response("from a response").body);
        await KV.put("stream", new ReadableStream({ start(c) { c.enqueue(encoded); c.enqueue(encoded); c.close(); } }));
        await KV.put("number", 12.5);
        await KV.put("null", null);
        await KV.put("empty", "");
        await KV.put("a/b?c#d%20\0☃", "odd key");
        const { readable, writable } = new FixedLengthStream(200000);
        const writer = writable.getWriter();
        const writing = (async () => { for (let i = 0; i < 20; i++) await writer.write(new Uint8Array(10000).fill(i)); await writer.close(); })();
        await KV.put("large", readable);
        await writing;
        const large = new Uint8Array(await KV.get("large", "arrayBuffer"));
        return Response.json({
          face: [String(KV), typeof KvNamespace, Object.keys(KV)],
          text: await KV.get("text"), again: await KV.get("text", { type: "text", cacheTtl: 60 }),
          json: await KV.get("json", "json"),
          buffer: [...new Uint8Array(await KV.get("buffer", "arrayBuffer"))],
          view: await KV.get("view"), dataView: await KV.get("data view", {}),
          streams: [await KV.get("native stream"), await KV.get("stream")],
          stream: await new Response(await KV.get("text", "stream")).text(),
          largeStream: (await new Response(await KV.get("large", { type: "stream" })).arrayBuffer()).byteLength,
          large: [large.length, large[0], large[199999]],
          number: await KV.get("number"), null: await KV.get("null"), empty: await KV.get("empty"),
          odd: await KV.get("a/b?c#d%20\0☃"),
          missing: [await KV.get("no"), await KV.get("no", "json"), await KV.get("no", "stream"), await KV.getWithMetadata("no")],
          deleted: [await KV.delete("text") ?? "undefined", await KV.get("text"), await KV.delete("text") ?? "undefined"],
        });
        "#,
    )
    .await;
    let missing = json!({ "value": null, "metadata": null, "cacheStatus": null });
    assert_eq!(
        answer,
        json!({
            "face": ["[object KvNamespace]", "undefined", []],
            "text": "naïve ☃", "again": "naïve ☃", "json": { "a": [1, null] }, "buffer": [0, 255, 104, 105],
            "view": "hi", "dataView": "i", "streams": ["from a response", "from a streamfrom a stream"],
            "stream": "naïve ☃", "largeStream": 200000, "large": [200000, 0, 19],
            "number": "12.5", "null": "null", "empty": "", "odd": "odd key",
            "missing": [null, null, null, missing], "deleted": ["undefined", null, "undefined"],
        })
    );
}

#[tokio::test]
async fn metadata_lists_and_many_keys_at_once() {
    let answer = answer(
        r#"
        const now = Math.floor(Date.now() / 1000);
        await KV.put("a", "1", { metadata: { tag: "é" } });
        await KV.put("b", '{"x":2}', { expirationTtl: 100 });
        await KV.put("c:1", "3", { expiration: now + 1000, metadata: 0 });
        await KV.put("c:2", "", { metadata: null });
        const page = await KV.list({ limit: 3 });
        const rest = await KV.list({ limit: 3, cursor: page.cursor });
        const b = page.keys[1].expiration - now;
        delete page.keys[1].expiration;
        const many = await KV.get(["a", "no", "b", "a"]);
        return Response.json({
          got: await KV.getWithMetadata("a"), zero: (await KV.getWithMetadata("c:1", "json")), none: await KV.getWithMetadata("c:2"),
          keys: page.keys, complete: [page.list_complete, rest.list_complete], rest: rest.keys, cursor: [typeof page.cursor, "cursor" in rest],
          b: b >= 100 && b <= 102, c: page.keys[2].expiration === now + 1000,
          prefix: (await KV.list({ prefix: "c:", limit: 0, cursor: null })).keys.map((key) => key.name),
          many: [many instanceof Map, ...many], json: [...await KV.get(["b", "no"], { type: "json" })],
          withMetadata: [...await KV.getWithMetadata(["a", "c:2", "no"])],
        });
        "#,
    )
    .await;
    let expiration = &answer["keys"][2]["expiration"];
    assert_eq!(
        answer,
        json!({
            "got": { "value": "1", "metadata": { "tag": "é" }, "cacheStatus": null },
            "zero": { "value": 3, "metadata": 0, "cacheStatus": null },
            "none": { "value": "", "metadata": null, "cacheStatus": null },
            "keys": [
                { "name": "a", "metadata": { "tag": "é" } }, { "name": "b" },
                { "name": "c:1", "expiration": expiration, "metadata": 0 },
            ],
            "complete": [false, true], "rest": [{ "name": "c:2" }], "cursor": ["string", false], "b": true, "c": true,
            "prefix": ["c:1", "c:2"],
            "many": [true, ["a", "1"], ["no", null], ["b", "{\"x\":2}"]], "json": [["b", { "x": 2 }], ["no", null]],
            "withMetadata": [
                ["a", { "value": "1", "metadata": { "tag": "é" } }], ["c:2", { "value": "", "metadata": null }], ["no", null],
            ],
        })
    );
}

#[tokio::test]
async fn what_is_refused_is_refused_in_the_platforms_words() {
    let answer = answer(
        r#"
        const failing = new ReadableStream({ start(c) { c.error(new RangeError("boom")); } });
        const locked = new Response("x").body;
        locked.getReader();
        await KV.put("text", "not json");
        let operations = 0;
        const cases = [
          () => KV.get(), () => KV.get(""), () => KV.get(".."), () => KV.get("x".repeat(513)), () => KV.put("é".repeat(257), ""),
          () => KV.delete("."), () => KV.put("k"), () => KV.put("k", {}), () => KV.put("k", new Blob(["x"])),
          () => KV.get("text", "xml"), () => KV.get("text", "json"), () => KV.get("text", { cacheTtl: 29 }),
          () => KV.put("k", "v", { expirationTtl: 59 }), () => KV.put("k", "v", { expiration: 5 }), () => KV.put("k", "v", "x"),
          () => KV.put("k", "v", { metadata: "x".repeat(1023) }), () => KV.put("k", new Uint8Array(26214401)),
          () => KV.put("k", failing), () => KV.put("k", locked), () => KV.list({ limit: 1001 }), () => KV.list("x"),
          () => KV.get([]), () => KV.get(["text"], "stream"), () => KV.get(["text"], "json"),
          () => KV.get(Array.from({ length: 101 }, (_, i) => `k${i}`)), () => KV.get.call({}, "k"), () => KV.put.call({}, "k"),
          () => new KV.constructor(), async () => { while (operations++ < 1000) await KV.get("k"); },
        ];
        const said = [];
        for (const f of cases) said.push(await thrown(f));
        return Response.json(said);
        "#,
    )
    .await;
    let said: Vec<_> = answer.as_array().expect("a list").iter().map(|said| said.as_str().expect("text")).collect();
    let only = "KV put() accepts only strings, ArrayBuffers, ArrayBufferViews, and ReadableStreams as values.";
    let illegal = "TypeError: Illegal invocation: function called with incorrect `this` reference. See \
        https://developers.cloudflare.com/workers/observability/errors/#illegal-invocation-errors for details.";
    let expected = [
        "TypeError: Failed to execute 'get' on 'KvNamespace': parameter 1 is not of type 'string or Array'.",
        "TypeError: Key name cannot be empty.",
        "TypeError: \"..\" is not allowed as a key name.",
        "Error: KV GET failed: 414 UTF-8 encoded length of 513 exceeds key length limit of 512.",
        "Error: KV PUT failed: 414 UTF-8 encoded length of 514 exceeds key length limit of 512.",
        "TypeError: \".\" is not allowed as a key name.",
        "TypeError: Failed to execute 'put' on 'KvNamespace': parameter 2 is not of type 'string or JsObject'.",
        &format!("TypeError: {only}"),
        &format!("TypeError: {only}"),
        "TypeError: Unknown response type. Possible types are \"text\", \"arrayBuffer\", \"json\", and \"stream\".",
        "SyntaxError: Unexpected token 'o', \"not json\" is not valid JSON",
        "Error: KV GET failed: 400 Invalid cache_ttl of 29. Cache TTL must be at least 30.",
        "Error: KV PUT failed: 400 Invalid expiration_ttl of 59. Expiration TTL must be at least 60.",
        "Error: KV PUT failed: 400 Invalid expiration of 5. Please specify integer greater than the current number of seconds \
         since the UNIX epoch.",
        "TypeError: Failed to execute 'put' on 'KvNamespace': parameter 3 is not of type 'PutOptions'.",
        "Error: KV PUT failed: 413 Metadata length of 1025 exceeds limit of 1024.",
        "Error: KV PUT failed: 413 Value length of 26214401 exceeds limit of 26214400.",
        "RangeError: boom",
        "TypeError: The ReadableStream has been locked to a reader.",
        "Error: KV GET failed: 400 Invalid key_count_limit of 1001. Please specify an integer less than 1000.",
        "TypeError: Failed to execute 'list' on 'KvNamespace': parameter 1 is not of type 'ListOptions'.",
        "Error: KV GET_BULK failed: 400 You must request a minimum of 1 key",
        "Error: KV GET_BULK failed: 400 \"stream\" is not a valid type. Use \"json\" or \"text\"",
        "Error: KV GET_BULK failed: 400 At least one of the requested keys corresponds to a non-json value",
        "Error: KV GET_BULK failed: 400 You can request a maximum of 100 keys",
        illegal,
        illegal,
        "TypeError: Illegal constructor",
        "Error: Too many API requests by single worker invocation.",
    ];
    for (index, (said, expected)) in said.iter().zip(expected).enumerate() {
        assert_eq!(*said, expected, "case {index}");
    }
    assert_eq!(said.len(), 29);
}

#[tokio::test]
async fn state_outlives_the_process_and_is_made_at_first_use() {
    let project = script(
        r#"
        const { pathname } = new URL(request.url);
        if (pathname === "/none") return new Response("none");
        if (request.method === "PUT") await KV.put("k", request.body, { metadata: 1 });
        return new Response(await KV.get("k"));
        "#,
    );
    let elsewhere = Project::empty();
    let flags = ["--persist-to", elsewhere.path().to_str().expect("a path in UTF-8")];
    let dev = Dev::flags(&project, &flags).await;
    assert_eq!(dev.text("/none").await, "none");
    assert!(!elsewhere.join("state").exists(), "state without a use");
    assert_eq!(text(dev.request("PUT", "/").body("kept").await).await, "kept");
    drop(dev);
    let dev = Dev::flags(&project, &flags).await;
    assert_eq!(dev.text("/").await, "kept");
    assert!(!project.join(".skerry").exists());
}

#[tokio::test]
async fn no_operation_at_global_scope() {
    let project = Project::configured(
        NAMESPACE,
        r#"
        import { env } from "cloudflare:workers";
        const early = await env.KV.put("k", "v").then(() => "none", (error) => error.message);
        export default { fetch: () => new Response(early) };
        "#,
    );
    assert!(Dev::start(&project).await.text("/").await.starts_with("Disallowed operation called within global scope."));
}

/// Each location reads its own replica; a write takes its time to reach the others.
#[tokio::test]
async fn several_locations_in_one_process() {
    let project = script(
        r#"
        if (request.method === "PUT") await KV.put("k", request.body);
        if (request.method === "DELETE") await KV.delete("k");
        const { keys } = await KV.list();
        return Response.json([await KV.get("k"), keys.length, request.cf.colo, request.cf.country, request.headers.get("x-skerry-colo")]);
        "#,
    );
    let dev = Dev::flags(&project, &["--colos", "NRT,gru,IAD", "--replication-delay", "3"]).await;
    let at = async |request: Request, colo: &str| -> Value {
        let answer = request.header("x-skerry-colo", colo).body("").await;
        assert!(answer.headers()["cf-ray"].to_str().expect("text").ends_with(&format!("-{}", colo.to_uppercase())));
        serde_json::from_str(&text(answer).await).expect("JSON")
    };
    let put = async |colo: &str, value: &'static str| {
        text(dev.request("PUT", "/").header("x-skerry-colo", colo).body(value).await).await
    };
    // The first is where requests go that choose none.
    assert_eq!(dev.json("/").await, json!([null, 0, "NRT", "JP", null]));
    assert_eq!(put("GRU", "one").await, r#"["one",1,"GRU","BR",null]"#);
    assert_eq!(at(dev.get("/"), "nrt").await, json!([null, 0, "NRT", "JP", null]));
    let by_host = dev.get("/").header("host", "gru.journey.localhost").send().await;
    assert_eq!(text(by_host).await, r#"["one",1,"GRU","BR",null]"#);

    let soon = async |colo: &str, expected: Value| {
        for _ in 0..200 {
            if at(dev.get("/"), colo).await[0] == expected {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("{expected} never reached {colo}");
    };
    soon("NRT", json!("one")).await;
    // Two write at once: each sees its own at first, and the last one wins everywhere.
    put("NRT", "two").await;
    put("IAD", "three").await;
    assert_eq!(at(dev.get("/"), "GRU").await[0], "one");
    assert_eq!(at(dev.get("/"), "NRT").await[0], "two");
    assert_eq!(at(dev.get("/"), "IAD").await[0], "three");
    for colo in ["GRU", "NRT"] {
        soon(colo, json!("three")).await;
    }
    assert_eq!(at(dev.request("DELETE", "/"), "NRT").await[0], Value::Null);
    assert_eq!(at(dev.get("/"), "GRU").await[0], "three");
    soon("GRU", Value::Null).await;

    for request in [dev.get("/").header("x-skerry-colo", "LHR"), dev.get("/").header("host", "lhr.journey.localhost")] {
        let answer = request.send().await;
        assert_eq!(answer.status(), 400);
        let said = text(answer).await;
        assert!(said.to_lowercase().contains("\"lhr\" is no location") && said.contains("NRT, GRU, IAD"), "{said}");
    }
    let refused = skerry(project.path(), &["dev", "--colos", "NRT,XYZ"]).await.refused();
    assert!(refused.stderr.contains("\"XYZ\" is no known colo"), "{}", refused.stderr);
    skerry(project.path(), &["dev", "--replication-delay", "61"]).await.refused();
}

#[tokio::test]
async fn the_template_keeps_notes() {
    let folder = Project::empty();
    skerry(folder.path(), &["init", "notes", "--template", "kv"]).await.ok();
    let dev = Dev::with(&[], &[&folder.join("notes")]).await;
    assert_eq!(dev.request("PUT", "/shopping").body("buy milk").await.status(), 201);
    assert_eq!(dev.text("/shopping").await, "buy milk");
    assert_eq!(dev.json("/").await, json!(["shopping"]));
    assert_eq!(dev.request("DELETE", "/shopping").send().await.status(), 204);
    assert_eq!(dev.get("/shopping").send().await.status(), 404);
}
