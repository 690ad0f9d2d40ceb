//! node:fs. `nodejs/fs.js` asks what Node and the platform agree on, and what node v20.20.2 said is `nodejs/fs.json`; `nodejs/fs_platform.js` asks about the
//! platform's own file system, and what workerd 2026-11-17 said is `nodejs/fs_platform.json`.

use harness::{Dev, Project, wrangler};
use serde_json::json;

use crate::nodejs_modules::is_answered_alike;

const FLAG: &str = "compatibility_flags = [\"nodejs_compat\"]";

#[tokio::test]
async fn files_are_as_in_node() {
    is_answered_alike([], include_str!("nodejs/fs.js"), include_str!("nodejs/fs.json")).await;
}

#[tokio::test]
async fn the_file_system_is_the_platforms() {
    is_answered_alike([], include_str!("nodejs/fs_platform.js"), include_str!("nodejs/fs_platform.json")).await;
}

const REQUESTS: &str = r#"
    import fs from "node:fs";
    const told = (run) => { try { return run(); } catch ({ code }) { return code; } };
    fs.writeFileSync("/tmp/start", "made at the start");
    const started = [fs.readdirSync("/tmp"), fs.readFileSync("/tmp/start", "utf8"), fs.readdirSync("/").sort(), told(() => fs.mkdtempSync("/tmp/x")).length];
    const ofStart = fs.openSync("/tmp/start");
    let kept;
    export default { async fetch(request) {
        switch (new URL(request.url).pathname) {
            case "/start": return Response.json([started, fs.readdirSync("/tmp"), ofStart, fs.readFileSync(ofStart, "utf8"), fs.openSync("/dev/null")]);
            case "/keep":
                fs.writeFileSync("/tmp/mine", "kept");
                kept = fs.openSync("/tmp/mine");
                await new Promise((resolve) => setTimeout(resolve, 20));
                return Response.json([fs.readdirSync("/tmp"), fs.readFileSync(kept, "utf8")]);
            case "/find": return Response.json([fs.readdirSync("/tmp"), told(() => fs.readFileSync(kept, "utf8"))]);
            default: {
                const name = new URL(request.url).pathname.slice(1);
                const seen = [];
                for (let i = 0; i < 5; i++) {
                    fs.appendFileSync(`/tmp/${name}`, String(i));
                    await new Promise((resolve) => setTimeout(resolve, 5));
                    seen.push(...fs.readdirSync("/tmp"));
                }
                return Response.json([[...new Set(seen)], fs.readFileSync(`/tmp/${name}`, "utf8")]);
            }
        }
    } };
"#;

#[tokio::test]
async fn every_request_has_a_tmp_of_its_own() {
    let project = Project::configured(FLAG, REQUESTS);
    let dev = Dev::start(&project).await;
    let start = dev.json("/start").await;
    let expected =
        json!([[["start"], "made at the start", ["bundle", "dev", "tmp"], 12], [], 3, "made at the start", 4]);
    assert_eq!(start, expected);
    assert_eq!(dev.json("/keep").await, json!([["mine"], "kept"]));
    assert_eq!(dev.json("/find").await, json!([[], "EBADF"]), "it went with its request");
    let names = ["a", "b", "c", "d", "e", "f"];
    let paths = names.map(|name| format!("/{name}"));
    let answers = futures::future::join_all(paths.iter().map(|path| dev.json(path))).await;
    for (name, answer) in names.iter().zip(answers) {
        assert_eq!(answer, json!([[name], "01234"]));
    }
}

const OBJECTS: &str = r#"
    import fs from "node:fs";
    import { DurableObject } from "cloudflare:workers";
    export class Files extends DurableObject {
        constructor(ctx, env) {
            super(ctx, env);
            fs.writeFileSync("/tmp/made", "by the constructor");
            this.fd = fs.openSync("/tmp/made");
        }
        write(name) { fs.writeFileSync(`/tmp/${name}`, name); return this.list(); }
        async list() { await new Promise((resolve) => setTimeout(resolve, 5)); return fs.readdirSync("/tmp"); }
        read() { return fs.readFileSync(this.fd, "utf8"); }
    }
    export default { async fetch(request, env) {
        const stub = (name) => env.FILES.get(env.FILES.idFromName(name));
        return Response.json([await stub("a").write("one"), await stub("a").list(), await stub("b").list(), await stub("a").write("two"), await stub("a").read(), fs.readdirSync("/tmp")]);
    } };
"#;

#[tokio::test]
async fn an_object_has_one_while_it_is_in_memory() {
    let config = format!(
        "{FLAG}\n[[durable_objects.bindings]]\nname = \"FILES\"\nclass_name = \"Files\"\n[[migrations]]\ntag = \"v1\"\nnew_sqlite_classes = [\"Files\"]"
    );
    let project = Project::configured(&config, OBJECTS);
    let dev = Dev::start(&project).await;
    let answer = dev.json("/").await;
    assert_eq!(
        answer,
        json!([["made", "one"], ["made", "one"], ["made"], ["made", "one", "two"], "by the constructor", []])
    );
    assert_eq!(dev.json("/").await[0], json!(["made", "one", "two"]), "it outlives the event");
}

const BUNDLE: &str = r#"
    import fs from "node:fs";
    import text from "./sub/data.txt";
    import data from "./sub/deep/data.bin";
    const told = (run) => { try { return run(); } catch ({ message }) { return message; } };
    export default { async fetch() {
        const fd = fs.openSync("sub/data.txt");
        const bytes = Buffer.alloc(4);
        return Response.json([
            fs.readdirSync("/bundle", { recursive: true }), process.cwd(), fs.readFileSync("/bundle/sub/data.txt", "utf8"), fs.readFileSync("sub/../sub/./deep/data.bin").equals(Buffer.from(data)), fs.readFileSync("index.js", "utf8").includes("export default { async fetch()"),
            fs.statSync("sub/data.txt").size, fs.readSync(fd, bytes, 0, 4, 3), bytes.toString(), fs.readSync(fd, bytes, 0, 4, 100), told(() => fs.writeSync(fd, "x")), told(() => fs.rmSync("sub", { recursive: true })), told(() => fs.truncateSync("sub/data.txt")),
            told(() => fs.renameSync("sub", "/tmp/sub")), fs.cpSync("/bundle", "/tmp/copy", { recursive: true }), fs.appendFileSync("/tmp/copy/sub/data.txt", "!"), fs.readFileSync("/tmp/copy/sub/data.txt", "utf8"), text,
            fs.linkSync("/bundle/sub/data.txt", "/tmp/linked"), told(() => fs.writeFileSync("/tmp/linked", "x")), fs.realpathSync("sub/../../bundle/../../../bundle/sub"),
        ]);
    } };
"#;

#[tokio::test]
async fn bundle_is_what_was_deployed() {
    let config = "name = \"bundle\"\nmain = \"index.js\"\nno_bundle = true\ncompatibility_date = \"2026-01-01\"\n";
    let project = Project::empty().file("wrangler.toml", format!("{config}{FLAG}\n")).file("index.js", BUNDLE);
    let project = project.file("sub/data.txt", "some text").file("sub/deep/data.bin", [0, 159, 255]);
    let dev = Dev::start(&project).await;
    let expected = json!([
        ["index.js", "sub", "sub/data.txt", "sub/deep", "sub/deep/data.bin"],
        "/bundle",
        "some text",
        true,
        true,
        9,
        4,
        "e te",
        0,
        "EBADF: bad file descriptor, write",
        "EPERM: operation not permitted, unlink 'sub/data.txt'",
        "EPERM: operation not permitted, open 'sub/data.txt'",
        "EPERM: operation not permitted, rename 'sub' -> '/tmp/sub'",
        null,
        null,
        "some text!",
        "some text",
        null,
        "EPERM: operation not permitted, open '/tmp/linked'",
        "/bundle/sub",
    ]);
    assert_eq!(dev.json("/").await, expected);
}

const HOSTILE: &str = r#"
    import fs from "node:fs";
    const told = (run) => { try { return run(); } catch ({ code, name }) { return code ?? name; } };
    const many = (run) => { for (let i = 0; ; i++) { try { run(i); } catch ({ code }) { return [i, code]; } } };
    const attacks = {
        files: () => many((i) => fs.writeFileSync(`/tmp/${i}`, "")),
        folders: () => many((i) => fs.mkdirSync(`/tmp/${i}`)),
        links: () => { fs.writeFileSync("/tmp/a", ""); return many((i) => fs.linkSync("/tmp/a", `/tmp/${i}`)); },
        open: () => many(() => fs.openSync("/dev/null")),
        deep: () => { let path = "/tmp"; return many(() => fs.mkdirSync(path += "/d")); },
        deeper() {
            const chain = "/d".repeat(1500);
            fs.mkdirSync(`/tmp/a${chain}`, { recursive: true });
            fs.mkdirSync(`/tmp/b${chain}`, { recursive: true });
            fs.renameSync("/tmp/a", `/tmp/b${chain}/a`);
            return [told(() => fs.readdirSync("/tmp", { recursive: true }).length), told(() => fs.rmSync("/tmp/b", { recursive: true })), told(() => fs.globSync("**", { cwd: "/tmp" }).length)];
        },
        again: () => { for (let i = 0; i < 20000; i++) { fs.writeFileSync("/tmp/x", "x"); fs.unlinkSync("/tmp/x"); fs.mkdirSync("/tmp/y"); fs.rmdirSync("/tmp/y"); } return fs.readdirSync("/tmp"); },
        up: () => [fs.realpathSync(`/tmp${"/..".repeat(1000)}/tmp`), told(() => fs.realpathSync.native(`/tmp${"/..".repeat(2000)}`)), fs.readdirSync("/../..").sort(), told(() => fs.symlinkSync("x".repeat(5000), "/tmp/l"))],
        large: () => { const fd = fs.openSync("/tmp/x", "w"); return [told(() => fs.writeSync(fd, "x", 2 ** 40)), told(() => fs.ftruncateSync(fd, 2 ** 31)), told(() => fs.writeSync(fd, "x", 2 ** 52)), fs.fstatSync(fd).size, told(() => fs.truncateSync("/tmp/x", 2 ** 52))]; },
        chains() {
            fs.writeFileSync("/tmp/0", "end");
            for (let i = 1; i <= 41; i++) fs.symlinkSync(`${"./".repeat(2000)}${i - 1}`, `/tmp/${i}`);
            return [fs.readFileSync("/tmp/40", "utf8"), told(() => fs.readFileSync("/tmp/41", "utf8"))];
        },
        fill: () => { for (let i = 0; ; i++) fs.writeFileSync(`/tmp/${i}`, Buffer.alloc(4_000_000, 1)); },
        append: () => { const fd = fs.openSync("/tmp/x", "a"); for (;;) fs.writeSync(fd, Buffer.alloc(1_000_000, 1)); },
        zero: () => fs.readFileSync(fs.openSync("/dev/zero")).length,
        braces: () => told(() => fs.globSync("{a,b}".repeat(64))),
        part: () => { for (let i = 0; i < 10; i++) fs.writeFileSync(`/tmp/${i}`, Buffer.alloc(4_000_000, 1)); return fs.readdirSync("/tmp").length; },
    };
    export default { async fetch(request) {
        const name = new URL(request.url).pathname.slice(1);
        return name === "" ? new Response("alive") : Response.json(await attacks[name]());
    } };
"#;

#[tokio::test]
async fn files_are_bounded() {
    let project = Project::configured(FLAG, HOSTILE);
    let mut dev = Dev::start(&project).await;
    assert_eq!(dev.json("/files").await, json!([16384, "ENOSPC"]));
    assert_eq!(dev.json("/folders").await, json!([16384, "ENOSPC"]));
    assert_eq!(dev.json("/links").await, json!([16383, "ENOSPC"]));
    assert_eq!(dev.json("/open").await, json!([1024, "EMFILE"]));
    assert_eq!(dev.json("/deep").await, json!([2045, "ENAMETOOLONG"]));
    let deeper = dev.json("/deeper").await;
    assert_eq!([&deeper[0], &deeper[2]], [2046, 256], "{deeper}");
    assert_eq!(dev.json("/again").await, json!([]));
    assert_eq!(dev.json("/up").await, json!(["/tmp", "ENAMETOOLONG", ["bundle", "dev", "tmp"], "ENAMETOOLONG"]));
    assert_eq!(dev.json("/large").await, json!(["EFBIG", "EFBIG", "EFBIG", 0, "EFBIG"]));
    assert_eq!(dev.json("/chains").await, json!(["end", "ELOOP"]));
    assert_eq!(dev.json("/braces").await, "ERR_INVALID_ARG_VALUE");
    for path in ["/fill", "/append", "/zero"] {
        assert_eq!(dev.get(path).send().await.status(), 503, "{path} takes the isolate's memory");
        assert_eq!(dev.text("/").await, "alive");
    }
    for _ in 0..12 {
        assert_eq!(dev.text("/part").await, "10", "what was in /tmp is gone with its request");
    }
    dev.assert_alive();
}

const OVERWRITTEN: &str = r#"
    import fs from "node:fs";
    import promises from "node:fs/promises";
    const broken = () => { throw new Error("overwritten"); };
    const all = [
        Map.prototype, ["get", "set", "has", "delete", "forEach"], Set.prototype, ["add", "has"], String.prototype, ["split", "slice", "indexOf", "startsWith", "endsWith"],
        Object.getPrototypeOf(Uint8Array.prototype), ["set", "fill", "subarray"], Promise.prototype, ["finally"], RegExp.prototype, ["exec"],
        Array.prototype, ["push", "pop", "shift", "slice", "sort", "map", "join"],
    ];
    for (let i = 0; i < all.length; i += 2) {
        for (let j = 0; j < all[i + 1].length; j++) Object.defineProperty(all[i], all[i + 1][j], { value: broken, configurable: true, writable: true });
    }
    Array.prototype[3] = Array.prototype[7] = { read: broken, write: broken };
    export default { async fetch() {
        fs.mkdirSync("/tmp/a/b", { recursive: true });
        fs.writeFileSync("/tmp/a/f", "text");
        fs.symlinkSync("f", "/tmp/a/l");
        fs.renameSync("/tmp/a/f", "/tmp/a/g");
        fs.copyFileSync("/tmp/a/g", "/tmp/a/f");
        const fd = fs.openSync("/tmp/a/l", "r+");
        fs.writeSync(fd, "T");
        fs.closeSync(fd);
        let code;
        try { fs.openSync("/tmp/none"); } catch (error) { code = error.code; }
        let closed;
        try { fs.fstatSync(7); } catch (error) { closed = error.code; }
        await promises.appendFile("/tmp/a/f", "!");
        return new Response(`${fs.readFileSync("/tmp/a/l", "utf8")} ${fs.readdirSync("/tmp/a").length} ${fs.realpathSync.native("/tmp/a/l")} ${code} ${closed} ${fs.globSync("a/*", { cwd: "/tmp" }).length}`);
    } };
"#;

#[tokio::test]
async fn builtins_that_a_worker_overwrites_change_nothing() {
    let project = Project::configured(FLAG, OVERWRITTEN);
    let dev = Dev::start(&project).await;
    assert_eq!(dev.text("/").await, "Text! 4 /tmp/a/f ENOENT EBADF 4");
}

#[tokio::test]
async fn what_wrangler_bundles_with_files_runs() {
    let head = format!("name = \"files\"\nmain = \"index.js\"\ncompatibility_date = \"2026-01-01\"\n{FLAG}\n");
    let project = Project::copy_of("tests/nodejs/bundled_files").file("wrangler.toml", &head);
    std::os::unix::fs::symlink(harness::root().join("tests/node_modules"), project.join("node_modules")).unwrap();
    wrangler(project.path(), &["deploy", "--dry-run", "--outdir", "out"]).await.ok();
    let bundle = Project::copy_of(project.join("out")).file("wrangler.toml", format!("no_bundle = true\n{head}"));
    let dev = Dev::start(&bundle).await;
    let expected = json!({
        "names": ["a", "a/b", "a/file.gz", "a/b/file"], "same": true, "text": "a text", "bundle": ["index.js", "text.txt"], "source": true, "required": true,
    });
    assert_eq!(dev.json("/").await, expected);
}
