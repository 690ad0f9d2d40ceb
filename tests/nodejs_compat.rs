//! Node's modules. The cases of `nodejs/*.js` ran in node v20.20.2 as well: what it said is the JSON beside them.

use std::collections::BTreeMap;

use harness::{Dev, Project};
use serde_json::Value;

const FLAG: &str = "compatibility_flags = [\"nodejs_compat\"]";
const CASES: &str = include_str!("nodejs/cases.js");
const ANSWERS: &str = include_str!("nodejs/answers.json");

#[tokio::test]
async fn every_case_is_answered_as_by_node() {
    answers_as_node(Project::configured(FLAG, CASES), ANSWERS).await;
}

#[tokio::test]
async fn cryptography_is_answered_as_by_node() {
    answers_as_node(Project::configured(FLAG, include_str!("nodejs/crypto.js")), include_str!("nodejs/crypto.json"))
        .await;
}

#[tokio::test]
async fn keys_and_certificates_are_answered_as_by_node() {
    let project = Project::configured(FLAG, include_str!("nodejs/crypto_keys.js"));
    let project = project.file("keys.js", include_str!("nodejs/keys.js"));
    answers_as_node(project, include_str!("nodejs/crypto_keys.json")).await;
}

async fn answers_as_node(project: Project, answers: &str) {
    let dev = Dev::start(&project).await;
    let answers: BTreeMap<String, Value> = serde_json::from_str(answers).unwrap();
    let mut wrong = Vec::new();
    for (name, answer) in &answers {
        let ours = dev.json(&format!("/{name}")).await;
        if ours != *answer {
            wrong.push(format!("{name}\n  ours {ours}\n  node {answer}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

const STORES: &str = r#"
    import { AsyncLocalStorage } from "node:async_hooks";
    const storage = new AsyncLocalStorage();
    const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
    const late = [];
    export default { fetch: (request, env, ctx) => storage.run(new URL(request.url).search, async () => {
        ctx.waitUntil(wait(20).then(() => late.push(storage.getStore())));
        for (let i = 0; i < 5; i++) { await wait(Math.random() * 10); await Promise.resolve(); }
        return Response.json([storage.getStore(), late, typeof Buffer]);
    }) };
"#;

#[tokio::test]
async fn requests_at_the_same_time_have_stores_of_their_own() {
    let project = Project::configured("compatibility_flags = [\"nodejs_als\"]", STORES);
    let dev = Dev::start(&project).await;
    let paths: Vec<String> = (0..8).map(|n| format!("/?{n}")).collect();
    let answers = futures::future::join_all(paths.iter().map(|path| dev.json(path))).await;
    for (path, answer) in paths.iter().zip(answers) {
        assert_eq!(answer[0], path[1..], "{answer}");
        assert_eq!(answer[2], "undefined", "nodejs_als alone brings no globals");
    }
    harness::eventually(|| async { dev.json("/?last").await[1].as_array().is_some_and(|late| late.len() >= 8) }).await;
}

#[tokio::test]
async fn without_the_flag_there_is_no_such_module() {
    let project = Project::configured("no_bundle = true", STORES);
    let dev = Dev::start(&project).await;
    let page = dev.text("/").await;
    assert!(page.contains("No such module") && page.contains("node:async_hooks"), "{page}");
}

#[tokio::test]
async fn what_is_missing_says_so() {
    let worker = r#"
        import process from "node:process";
        import { AsyncLocalStorage } from "node:async_hooks";
        const told = (run) => { try { return run(); } catch ({ message }) { return message; } };
        export default { async fetch(request) {
            const name = new URL(request.url).searchParams.get("import");
            if (name !== null) return Response.json(await import(name).then(Object.keys, ({ message }) => message));
            const storage = new AsyncLocalStorage();
            return Response.json([
                told(() => storage.enterWith(1)), told(() => storage.disable()), process.version, process.cwd(), process.env, Buffer === globalThis.Buffer,
            ]);
        } };
    "#;
    let flags = "compatibility_flags = [\"nodejs_compat\"]\n[vars]\nNAME = \"value\"\nOBJECT = { a = 1 }\n";
    let project = Project::configured(flags, worker);
    let dev = Dev::start(&project).await;
    // These are workerd's.
    let expected = serde_json::json!([
        "asyncLocalStorage.enterWith() is not implemented",
        "asyncLocalStorage.disable() is not implemented",
        "v22.19.0",
        "/bundle",
        { "NAME": "value", "OBJECT": "{\"a\":1}" },
        true,
    ]);
    assert_eq!(dev.json("/").await, expected);
    for missing in ["node:nothing", "node:sqlite", "test"] {
        let told = dev.json(&format!("/?import={missing}")).await;
        assert_eq!(told, format!("No such module \"{missing}\".\n  imported from \"index.js\""));
    }
}

/// What a WebSocket brings comes from outside: its listeners have nobody's store, as in workerd.
#[tokio::test]
async fn listeners_of_websockets_have_no_store() {
    let worker = r#"
        import { AsyncLocalStorage } from "node:async_hooks";
        const storage = new AsyncLocalStorage();
        export default { async fetch() {
            const { 0: one, 1: other } = new WebSocketPair(), heard = [], ticking = setInterval(() => {}, 5);
            const listen = (name, socket, type) => new Promise((resolve) => socket.addEventListener(type, () => { heard.push([name, storage.getStore() ?? null]); resolve(); }));
            const [first, second] = storage.run("listens", () => [listen("one", one, "message"), listen("other", other, "message")]);
            storage.run("accepts", () => { one.accept(); other.accept(); });
            storage.run("sends", () => other.send("x"));
            await first;
            storage.run("sends", () => one.send("y"));
            await second;
            const closed = listen("closed", other, "close");
            storage.run("closes", () => one.close(1000));
            await closed;
            clearInterval(ticking);
            return Response.json([heard, storage.run("kept", () => storage.getStore())]);
        } };
    "#;
    let project = Project::configured("compatibility_flags = [\"nodejs_als\"]\n", worker);
    let dev = Dev::start(&project).await;
    assert_eq!(dev.json("/").await, serde_json::json!([[["one", null], ["other", null], ["closed", null]], "kept"]));
}

/// Each line is what workerd says with Node's timers as globals, and without.
#[tokio::test]
async fn global_timers_are_nodes() {
    let worker = r#"
        import * as timers from "node:timers";
        const told = (run) => { try { return run() ?? null; } catch (error) { return `${error.name}: ${error.message}`; } };
        export default { async fetch() {
            const timeout = setTimeout(() => {}, 5), interval = setInterval(() => {}, 5), immediate = setImmediate(() => {});
            const all = [
                typeof timeout, timeout.constructor.name, typeof interval, immediate.constructor.name, timers.setTimeout === setTimeout, told(() => timeout.hasRef()), +timeout > 0,
                told(() => { clearTimeout(+timeout); clearInterval(interval); clearImmediate(immediate); clearTimeout("x"); clearTimeout({}); return "cleared"; }), told(() => setTimeout("x")), setTimeout.length, setTimeout.name,
                told(() => timeout.unref() === timeout),
            ];
            all.push(await new Promise((resolve) => setTimeout(function (...rest) { resolve([this === globalThis, rest]); }, 1, 7)));
            return Response.json(all);
        } };
    "#;
    let project = |name: &str, more: &str| {
        Project::named(name, &format!("compatibility_flags = [\"nodejs_compat\"{more}]\n"), worker)
    };
    let (old, new) = (project("old", ""), project("new", ", \"enable_nodejs_global_timers\""));
    let dev = Dev::with(&[], &[old.path(), new.path()]).await;
    let asked = ["new", "old"].map(|name| {
        let request = dev.get("/").header("host", &format!("{name}.localhost"));
        async { serde_json::from_str::<serde_json::Value>(&harness::text(request.send().await).await).unwrap() }
    });
    let [new, old] = futures::future::join_all(asked).await.try_into().unwrap();
    let message = "TypeError: The \"callback\" argument must be of type function. Received type string ('x')";
    assert_eq!(
        new,
        serde_json::json!([
            "object",
            "Timeout",
            "object",
            "Immediate",
            true,
            true,
            true,
            "cleared",
            message,
            2,
            "setTimeout",
            true,
            [true, [7]]
        ])
    );
    let message = "TypeError: Failed to execute 'setTimeout' on 'ServiceWorkerGlobalScope': parameter 1 is not of type 'function'.";
    assert_eq!(old[0], "number");
    assert_eq!((&old[4], &old[8], &old[12]), (&false.into(), &message.into(), &serde_json::json!([true, [7]])));
}

/// With the flag off, the stores of one request may be used in another; these are workerd's words.
#[tokio::test]
async fn a_snapshot_is_of_its_request() {
    let worker = r#"
        import { AsyncLocalStorage, AsyncResource } from "node:async_hooks";
        const storage = new AsyncLocalStorage(), top = AsyncLocalStorage.snapshot();
        const later = async (run) => { try { return (await run()) ?? null; } catch (error) { return `${error.name}: ${error.message}`; } };
        const get = () => storage.getStore();
        let kept, bound, resource;
        export default { async fetch(request) {
            if (new URL(request.url).pathname === "/make") {
                storage.run("one", () => { kept = AsyncLocalStorage.snapshot(); bound = AsyncLocalStorage.bind(get); resource = new AsyncResource("X"); });
            }
            return Response.json([await later(() => kept(get)), await later(() => bound()), await later(() => resource.runInAsyncScope(get)), await later(() => top(get))]);
        } };
    "#;
    let project = |name: &str, more: &str| {
        Project::named(name, &format!("compatibility_flags = [\"nodejs_als\"{more}]\n"), worker)
    };
    let (on, off) = (project("on", ""), project("off", ", \"do_not_bind_asynclocalstorage_snapshot_to-request\""));
    let dev = Dev::with(&[], &[on.path(), off.path()]).await;
    let told =
        "Error: Cannot call this AsyncLocalStorage bound function outside of the request in which it was created.";
    for (name, other) in [("on", told), ("off", "one")] {
        let ask = async |path: &str| {
            let request = dev.get(path).header("host", &format!("{name}.localhost"));
            serde_json::from_str::<serde_json::Value>(&harness::text(request.send().await).await).unwrap()
        };
        assert_eq!(ask("/make").await, serde_json::json!(["one", "one", "one", null]));
        assert_eq!(ask("/use").await, serde_json::json!([other, other, other, null]));
    }
}

const COSTLY: &str = r#"
    import crypto from "node:crypto";
    const open = [];
    const promisify = (run) => (...args) => new Promise((resolve, reject) => run(...args, (error, result) => error ? reject(error) : resolve(result)));
    const attacks = {
      pbkdf2: () => crypto.pbkdf2Sync("a", "b", 2 ** 31 - 1, 64, "sha512"),
      later: () => promisify(crypto.pbkdf2)("a", "b", 2 ** 31 - 1, 64, "sha3-256"),
      long: () => crypto.pbkdf2Sync("a", "b", 1, 2 ** 31 - 1, "sha1"),
      scrypt: () => crypto.scryptSync("a", "b", 64, { N: 2, r: 1, p: 100_000, maxmem: 2 ** 40 }) && crypto.scryptSync("a", "b", 64, { N: 2 ** 14, r: 8, p: 500, maxmem: 2 ** 40 }),
      memory: () => crypto.scryptSync("a", "b", 64, { N: 2 ** 20, r: 8, maxmem: 2 ** 40 }),
      prime: () => crypto.generatePrimeSync(4096, { safe: true }),
      group: () => crypto.createDiffieHellman(2048),
      output: () => crypto.createHash("shake128", { outputLength: 2 ** 32 - 1 }).digest(),
      hashes: () => { for (;;) { const hash = crypto.createHash("sha512"); hash.update(new Uint8Array(70_000)); open.push(hash); } },
      ciphers: () => { for (;;) open.push(crypto.createCipheriv("aes-128-gcm", new Uint8Array(16), new Uint8Array(12))); },
      rsa: () => crypto.generateKeyPairSync("rsa", { modulusLength: 16384 }),
      even: () => crypto.generateKeyPairSync("rsa", { modulusLength: 1024, publicExponent: 4 }),
      modulus: () => crypto.createPublicKey({ key: { kty: "RSA", n: "_".repeat(100_000), e: "AQAB" }, format: "jwk" }),
      random: () => crypto.randomBytes(2 ** 31 - 1),
    };
    export default { async fetch(request) {
        const name = new URL(request.url).pathname.slice(1);
        if (name === "well") return new Response("well");
        const result = await attacks[name]();
        return new Response(`${name}: ${result}`.slice(0, 100));
    } };
"#;

#[tokio::test]
async fn what_costs_too_much_is_stopped() {
    let project = Project::named("costly", "compatibility_flags = [\"nodejs_compat\"]\n[limits]\ncpu_ms = 100", COSTLY);
    let mut dev = Dev::with(&["--enforce-limits"], &[project.path()]).await;
    let attacks = [
        "pbkdf2", "later", "long", "scrypt", "memory", "prime", "group", "output", "hashes", "ciphers", "rsa", "even",
        "modulus", "random",
    ];
    for attack in attacks {
        let answer = dev.get(&format!("/{attack}")).send().await;
        assert!(matches!(answer.status().as_u16(), 500 | 503), "{attack}: {}", answer.status());
        assert_eq!(dev.text("/well").await, "well", "after {attack}");
    }
    dev.assert_alive();
}

#[tokio::test]
async fn what_the_platform_and_other_nodes_say() {
    // The node that gave the answers was built with a system's OpenSSL, which differs in some of these.
    let worker = r#"
        import crypto from "node:crypto";
        import { rsa, rsaPublic, rsaOldSealed, rsaSealed } from "./keys.js";
        const told = (run) => { try { return run(); } catch ({ name, code, message }) { return [name, code, message]; } };
        const padding = crypto.constants.RSA_PKCS1_PADDING;
        const { KeyObject } = crypto;
        const kept = await crypto.subtle.importKey("raw", new Uint8Array(6), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
        export default { fetch: () => Response.json([
            told(() => crypto.createPrivateKey(rsaSealed)), told(() => crypto.createPrivateKey(rsaOldSealed)), told(() => crypto.createPublicKey(rsaSealed)),
            crypto.privateDecrypt({ key: rsa, padding }, crypto.publicEncrypt({ key: rsaPublic, padding }, Buffer.from("text"))).toString(),
            // A wrong padding is answered with other bytes, of which nobody learns why.
            crypto.privateDecrypt({ key: rsa, padding }, Buffer.alloc(256, 1)).toString() === "text",
            told(() => crypto.generateKeyPairSync("dsa", { modulusLength: 1024 })), told(() => crypto.setFips(true)), told(() => crypto.setEngine("any")),
            crypto.generateKeyPairSync("dh", { group: "modp5" }).publicKey.asymmetricKeyType,
            told(() => KeyObject.from(kept).export()), told(() => KeyObject.from(kept).export({ format: "jwk" })), KeyObject.from(kept).symmetricKeySize,
        ]) };
    "#;
    let project = Project::configured(FLAG, worker).file("keys.js", include_str!("nodejs/keys.js"));
    let dev = Dev::start(&project).await;
    let passphrase =
        serde_json::json!(["TypeError", "ERR_MISSING_PASSPHRASE", "Passphrase required for encrypted key"]);
    let missing = |name| {
        serde_json::json!(["Error", "ERR_METHOD_NOT_IMPLEMENTED", format!("The {name} method is not implemented")])
    };
    let expected = serde_json::json!([
        passphrase,
        passphrase,
        passphrase,
        "text",
        false,
        missing("crypto.generateKeyPair"),
        missing("setFips"),
        missing("setEngine"),
        "dh",
        ["TypeError", null, "Unable to export non-extractable key"],
        ["TypeError", null, "Unable to export non-extractable key"],
        6,
    ]);
    assert_eq!(dev.json("/").await, expected);
}

#[tokio::test]
async fn a_hash_that_is_under_way_is_its_events() {
    let worker = r#"
        import { createHash, createCipheriv, randomBytes } from "node:crypto";
        const short = createHash("sha256").update("be");
        const long = createHash("sha256").update(new Uint8Array(100_000));
        const told = (run) => { try { return run(); } catch ({ message }) { return message; } };
        let cipher;
        const atGlobalScope = told(() => randomBytes(1));
        export default { fetch: () => {
            const before = told(() => cipher?.update("a"));
            cipher = createCipheriv("aes-128-cbc", new Uint8Array(16), new Uint8Array(16));
            return Response.json([short.copy().update("gun").digest("hex"), told(() => long.copy()), before ?? null, atGlobalScope]);
        } };
    "#;
    let project = Project::configured(FLAG, worker);
    let dev = Dev::start(&project).await;
    let first = dev.json("/").await;
    let second = dev.json("/").await;
    assert_eq!(first[0], "7bc6220d36ab0e425eecd5e1b916c44e62c71f9379f650ea0d843fdbf8ff2e27");
    assert_eq!(first[0], second[0]);
    for message in [&first[1], &second[1], &second[2]] {
        assert!(message.as_str().is_some_and(|message| message.contains("a different request")), "{message}");
    }
    assert!(first[3].as_str().is_some_and(|message| message.contains("global scope")), "{}", first[3]);
}

/// What workerd 2026-11-17 answers too.
#[tokio::test]
async fn stores_follow_timers_streams_and_calls_but_not_into_other_isolates() {
    let config = r#"
        compatibility_flags = ["nodejs_compat"]
        [[durable_objects.bindings]]
        name = "OBJECTS"
        class_name = "Thing"
        [[migrations]]
        tag = "v1"
        new_sqlite_classes = ["Thing"]
    "#;
    let project = Project::configured(config, include_str!("nodejs/stores.js"));
    let dev = Dev::start(&project).await;
    let expected = serde_json::json!({
        "ticks": ["outer", "outer", "outer"], "seen": ["none", "outer"], "own": "object", "called": [["x", "none"], "object"], "blocked": "object",
        "transaction": "object", "told": ["made", "none"], "value": "chunk outer", "event": "outer", "message": "outer", "aborted": "outer",
        "micro": "micro", "last": "outer",
    });
    assert_eq!(dev.json("/").await, expected);
}
