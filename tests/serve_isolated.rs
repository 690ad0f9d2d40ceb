//! `skerry serve --isolate-accounts`: a process for each account, and one before them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use harness::socket::tungstenite::Message;
use harness::{Client, Project, Served, Socket, eventually, skerry, text};
use http_body_util::BodyExt;
use serde_json::Value;

const APART: &str = "isolate_accounts = true\n";

/// Keeps what it is sent in KV, and can do a few things besides.
const KEEPER: &str = "
    export default {
      async fetch(request, env) {
        const url = new URL(request.url);
        if (url.pathname === '/fetch') return fetch(url.searchParams.get('url'), { headers: { 'x-mine': 'yes' } });
        if (url.pathname === '/ws') return fetch(url.searchParams.get('url'), { headers: { upgrade: 'websocket' } });
        if (url.pathname === '/slow') { await scheduler.wait(2000); return new Response('slow but whole'); }
        if (request.method === 'PUT') { await env.KEPT.put('kept', request.body); return new Response('kept'); }
        return new Response(await env.KEPT.get('kept') ?? 'nothing');
      },
    };";

/// A second account, made beside the running server: its id and a token.
async fn shop(served: &Served) -> (String, String) {
    let folder = served.folder();
    let made = skerry(folder, &["account", "create", "shop", "--config", "skerry.toml"]).await.ok();
    let token =
        skerry(folder, &["token", "create", "first", "--account", "shop", "--config", "skerry.toml"]).await.ok();
    served.line("the account shop is there").await;
    eventually(|| async { processes(served).contains_key("shop") }).await;
    eventually(|| async { served.request_to("GET", "none.shop.localhost", "/").send().await.status() == 404 }).await;
    (made.stdout.trim().to_owned(), token.stdout.trim().to_owned())
}

/// The processes of the accounts by their names, as the system knows them.
fn processes(served: &Served) -> BTreeMap<String, u32> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir("/proc").expect("the processes").flatten() {
        let Ok(pid) = entry.file_name().to_string_lossy().parse::<u32>() else { continue };
        let read = |name: &str| std::fs::read_to_string(entry.path().join(name)).unwrap_or_default();
        if !read("status").lines().any(|line| line == format!("PPid:\t{}", served.pid())) {
            continue;
        }
        let arguments = read("cmdline");
        let arguments: Vec<&str> = arguments.split('\0').collect();
        if let ["skerry", "serve", "--account", name, ..] = arguments[..] {
            found.insert(name.to_owned(), pid);
        }
    }
    found
}

async fn kill(pid: u32) {
    let status = tokio::process::Command::new("kill").args(["-KILL", &pid.to_string()]).status().await;
    assert!(status.expect("kill runs").success());
}

/// A project with a namespace of its own, deployed.
async fn deploy_keeper(served: &Served, token: &str, account: &str) {
    let path = format!("/accounts/{account}/storage/kv/namespaces");
    let (status, made) = served.ask_as(token, "POST", &path, r#"{"title":"kept"}"#).await;
    assert_eq!(status, 200, "{made}");
    let id = made["result"]["id"].as_str().expect("an id");
    let config = format!("account_id = \"{account}\"\n[[kv_namespaces]]\nbinding = \"KEPT\"\nid = \"{id}\"");
    let project = Project::named("keeper", &config, KEEPER);
    served.wrangler_as(token, project.path(), &["deploy"]).await.ok();
}

#[tokio::test]
async fn each_account_has_a_process_of_its_own() {
    let mut served = Served::with_top(APART).await;
    let main = served.account.clone();
    let (shop, token) = shop(&served).await;
    deploy_keeper(&served, &served.token, &main).await;
    served.account = shop.clone();
    deploy_keeper(&served, &token, &shop).await;
    served.account = main.clone();
    let (mine, theirs) = ("keeper.localhost", "keeper.shop.localhost");
    for (host, kept) in [(mine, "of main"), (theirs, "of shop")] {
        assert_eq!(text(served.request_to("PUT", host, "/").body(kept).await).await, "kept");
    }
    let get = async |host: &str| text(served.request_to("GET", host, "/").send().await).await;
    assert_eq!((get(mine).await, get(theirs).await), ("of main".into(), "of shop".into()));
    assert_eq!(get("keeper.main.localhost").await, "of main");
    assert_eq!(get("keeper.none.localhost").await, "There is nothing here.\n");

    // Each is a process that the kernel narrows.
    let before = processes(&served);
    assert_eq!(before.keys().collect::<Vec<_>>(), ["main", "shop"]);
    for pid in before.values() {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("its status");
        assert!(status.contains("Seccomp:\t2") && status.contains("NoNewPrivs:\t1"), "{status}");
    }
    // No token reaches into another account, and what is nobody's looks as ever.
    for (token, account) in [(token.as_str(), &main), (served.token.as_str(), &shop)] {
        let path = format!("/accounts/{account}/workers/scripts");
        let (status, body) = served.ask_as(token, "GET", &path, "").await;
        assert_eq!((status, &body["errors"][0]["code"]), (403, &10000.into()));
    }
    for (path, status) in [("/user/tokens/verify", 401), ("/accounts", 401), (&format!("/accounts/{main}"), 401)] {
        assert_eq!(served.ask_as("wrong", "GET", path, "").await.0, status, "{path}");
    }
    let (_, accounts) = served.ask_as(&token, "GET", "/accounts", "").await;
    assert_eq!(accounts["result"][0]["id"], shop.as_str());
    assert_eq!(served.api_without("GET", "/user").send().await.status(), 400);

    // The end of one account's process is felt by that account alone, and it comes back by itself with all it had.
    let done = Arc::new(AtomicBool::new(false));
    let load = {
        let (done, address) = (done.clone(), served.http());
        tokio::spawn(async move {
            let mut asked = 0;
            while !done.load(Ordering::Relaxed) {
                let answer = harness::Request::new(address, "GET", "/").header("host", theirs).send().await;
                assert_eq!((answer.status().as_u16(), text(answer).await.as_str()), (200, "of shop"));
                asked += 1;
            }
            asked
        })
    };
    kill(before["main"]).await;
    let away = async || served.request_to("GET", mine, "/").send().await;
    let mut seen_503 = false;
    loop {
        let answer = away().await;
        match answer.status().as_u16() {
            200 => break assert_eq!(text(answer).await, "of main"),
            503 => {
                assert_eq!(answer.headers()["retry-after"], "1");
                seen_503 = true;
            }
            other => panic!("status {other}"),
        }
    }
    assert!(seen_503, "it was never away");
    served.line("[main] the process was ended by signal 9").await;
    done.store(true, Ordering::Relaxed);
    assert!(load.await.expect("no request of the other account fails") > 0);
    let after = processes(&served);
    assert_eq!(after["shop"], before["shop"]);
    assert_ne!(after["main"], before["main"]);
}

#[tokio::test]
async fn what_passes_through_the_front_is_as_without() {
    let facts = "
        export default {
          async fetch(request, env, ctx) {
            const path = new URL(request.url).pathname;
            if (path === '/echo') return new Response(request.body);
            if (path === '/log') { console.log('said by the worker'); return new Response('logged'); }
            if (path === '/gone') {
              const gone = new Promise((resolve) => request.signal.addEventListener('abort', resolve));
              ctx.waitUntil(gone.then(() => console.log('the client has left')));
              await Promise.race([gone, scheduler.wait(5000)]);
            }
            if (path === '/ws') {
              const { 0: client, 1: server } = new WebSocketPair();
              server.accept();
              server.addEventListener('message', (event) => server.send('echo: ' + event.data));
              return new Response(null, { status: 101, webSocket: client });
            }
            const { clientTcpRtt, ...cf } = request.cf;
            const headers = Object.fromEntries(request.headers);
            delete headers['cf-ray'];
            delete headers['x-skerry'];
            return Response.json({ url: request.url, method: request.method, headers, cf, rtt: typeof clientTcpRtt });
          },
        };";
    let project = Project::named("facts", "compatibility_flags = [\"enable_request_signal\"]", facts);
    let mut seen: Vec<Value> = Vec::new();
    for top in ["", APART] {
        let served = Served::with_top(top).await;
        served.wrangler(project.path(), &["deploy"]).await.ok();
        let request = served.request("GET", "facts", "/a%20b?c=d&e");
        let request = request.header("accept-encoding", "gzip;q=0.5").header("x-forwarded-for", "192.0.2.1");
        let request = request.header("skerry-passed", "x").header("cf-connecting-ip", "192.0.2.9");
        let answer = request.header("cookie", "a=b").send().await;
        let ray = answer.headers()["cf-ray"].to_str().unwrap().to_owned();
        assert!(ray.ends_with("-SJC"), "{ray}");
        let mut facts: Value = serde_json::from_str(&text(answer).await).expect("JSON");
        // What a client says under this name is its own, until a front says something there.
        facts["headers"].as_object_mut().unwrap().remove("skerry-passed");
        facts["headers"].as_object_mut().unwrap().remove("host");
        facts["url"] = facts["url"].as_str().unwrap().replace(&format!(":{}", served.http().port()), "").into();
        seen.push(facts);
        // As large as the front takes it: what it adds is no reason to refuse it.
        let mut large = served.request("GET", "facts", &format!("/{}", "\"".repeat(16_000)));
        for n in 0..240 {
            large = large.header(&format!("x-large-{n}"), &"x".repeat(400));
        }
        assert_eq!(large.send().await.status(), 200);
        if top.is_empty() {
            continue;
        }

        // Bodies stream both ways.
        let (send, chunks) = futures::channel::mpsc::unbounded::<Bytes>();
        send.unbounded_send("one".into()).unwrap();
        let answer = served.request("POST", "facts", "/echo").stream(chunks).await;
        let mut body = answer.into_body();
        let mut next = async || body.frame().await.unwrap().unwrap().into_data().unwrap();
        assert_eq!(next().await, "one");
        send.unbounded_send("two".into()).unwrap();
        assert_eq!(next().await, "two");
        drop(send);
        assert!(body.frame().await.is_none());

        let host = ("host", "facts.localhost");
        let mut socket = Socket::open(served.http(), "/ws", &[host]).await.expect("a WebSocket");
        socket.send("hello").await;
        assert_eq!(socket.text().await, "echo: hello");
        socket.send(Message::Close(None)).await;

        let tail = served.wrangler_running(project.path(), &["tail", "facts"]);
        eventually(|| async {
            served.text("facts", "/log").await;
            tail.output().contains("said by the worker")
        })
        .await;
        let leaves = tokio::spawn(served.request("GET", "facts", "/gone").send());
        tokio::time::sleep(Duration::from_millis(300)).await;
        leaves.abort();
        tail.line("the client has left").await;
    }
    assert_eq!(seen[0], seen[1]);
}

#[tokio::test]
async fn accounts_fetch_each_others_hosts() {
    let mut served = Served::with_top(APART).await;
    let main = served.account.clone();
    let (shop, token) = shop(&served).await;
    deploy_keeper(&served, &served.token, &main).await;
    served.account = shop.clone();
    let whose = "
        export default {
          async fetch(request) {
            const back = new URL(request.url).searchParams.get('back');
            if (back) return fetch(back);
            if (request.headers.get('upgrade') === 'websocket') {
              const { 0: client, 1: server } = new WebSocketPair();
              server.accept();
              server.addEventListener('message', (event) => server.send('shop: ' + event.data));
              return new Response(null, { status: 101, webSocket: client });
            }
            const { headers } = request;
            return Response.json(['shop', headers.get('x-mine'), headers.get('cf-worker'), headers.get('cf-connecting-ip')]);
          },
        };";
    let project = Project::named("whose", &format!("account_id = \"{shop}\""), whose);
    served.wrangler_as(&token, project.path(), &["deploy"]).await.ok();
    let port = served.http().port();
    let asked = async |url: &str| {
        let url =
            url.replace(':', "%3A").replace('/', "%2F").replace('?', "%3F").replace('=', "%3D").replace('&', "%26");
        text(served.request("GET", "keeper", &format!("/fetch?url={url}")).send().await).await
    };
    let theirs = format!("http://whose.shop.localhost:{port}/");
    assert_eq!(asked(&theirs).await, r#"["shop","yes","main.localhost","2a06:98c0:3600::103"]"#);
    assert_eq!(asked(&format!("http://nobody.shop.localhost:{port}/")).await, "There is nothing here.\n");
    // Who asks for an address gets no further than without the front.
    let inside = asked(&format!("http://127.0.0.1:{port}/")).await;
    assert!(inside.contains("error code: 1101"), "{inside}");

    let url = format!("/ws?url=http%3A%2F%2Fwhose.shop.localhost%3A{port}%2F");
    let mut socket = Socket::open(served.http(), &url, &[("host", "keeper.localhost")]).await.expect("a WebSocket");
    socket.send("hello").await;
    assert_eq!(socket.text().await, "shop: hello");

    // Around and around, sixteen Workers at most.
    let looping = "export default { fetch: (request) => fetch(new URL(request.url).searchParams.get('to') + encodeURIComponent(request.url)) };";
    let project = Project::named("looping", &format!("account_id = \"{shop}\""), looping);
    served.wrangler_as(&token, project.path(), &["deploy"]).await.ok();
    served.account = main.clone();
    let project = Project::named(
        "looping",
        &format!("account_id = \"{main}\""),
        &format!(
            "export default {{ fetch: () => fetch('http://looping.shop.localhost:{port}/?to=http%3A%2F%2Flooping.localhost%3A{port}%2F%3Fx%3D') }};"
        ),
    );
    served.wrangler(project.path(), &["deploy"]).await.ok();
    assert_eq!(served.text("looping", "/").await, "error code: 1019");
}

#[tokio::test]
async fn a_stop_drains_and_an_end_leaves_nobody() {
    let mut served = Served::with_top(APART).await;
    let (main, token) = (served.account.clone(), served.token.clone());
    deploy_keeper(&served, &token, &main).await;
    assert_eq!(text(served.request("PUT", "keeper", "/").body("x").await).await, "kept");
    let before = processes(&served);
    let slow = tokio::spawn(served.request("GET", "keeper", "/slow").send());
    tokio::time::sleep(Duration::from_millis(500)).await;
    served.terminate().await;
    assert_eq!(text(slow.await.expect("an answer")).await, "slow but whole");
    assert!(served.ended().await.success());
    let runs = |pid: &u32| std::fs::exists(format!("/proc/{pid}/cmdline")).unwrap_or(false);
    assert!(!before.values().any(runs));

    served.again().await;
    let before = processes(&served);
    assert_eq!(served.text("keeper", "/").await, "x");
    served.kill().await;
    eventually(|| async { !before.values().any(runs) }).await;
    served.again().await;
    assert_eq!(served.text("keeper", "/").await, "x");

    // The other way to keep accounts is refused, and says what to do.
    served.terminate().await;
    served.ended().await;
    let folder = served.folder();
    let config = std::fs::read_to_string(folder.join("skerry.toml")).expect("the configuration");
    std::fs::write(folder.join("together.toml"), config.replace(APART, "")).expect("a file");
    let refused = skerry(folder, &["serve", "--config", "together.toml"]).await.refused().text();
    assert!(refused.contains("--isolate-accounts"), "{refused}");
    let mut together = Served::start().await;
    together.terminate().await;
    together.ended().await;
    let refused = skerry(together.folder(), &["serve", "--isolate-accounts", "--config", "skerry.toml"]).await;
    let refused = refused.refused().text();
    assert!(refused.contains("keeps all accounts in one registry"), "{refused}");
}

#[tokio::test]
async fn zones_figures_and_the_command_line_know_all_accounts() {
    let metrics = "[metrics]\nlisten = \"127.0.0.1:0\"\n";
    let mut served = Served::with(APART, metrics).await;
    let main = served.account.clone();
    let (shop, token) = shop(&served).await;
    let config = served.folder().join("skerry.toml");
    let before = std::fs::read_to_string(&config).expect("the configuration");
    let zones = "[[zones]]\nname = \"main.test\"\n[[zones]]\nname = \"shop.test\"\naccount = \"shop\"\n";
    std::fs::write(&config, format!("{before}{zones}")).expect("a configuration");
    served.hang_up().await;
    served.line("read the configuration again").await;
    let source = |text: &str| format!("export default {{ fetch() {{ return new Response('{text}'); }} }};");
    let mine = Project::named("site", &format!("account_id = \"{main}\"\nroutes = [\"main.test/*\"]"), &source("mine"));
    served.wrangler(mine.path(), &["deploy"]).await.ok();
    served.account = shop.clone();
    let theirs =
        Project::named("site", &format!("account_id = \"{shop}\"\nroutes = [\"shop.test/*\"]"), &source("theirs"));
    served.wrangler_as(&token, theirs.path(), &["deploy"]).await.ok();
    for (host, says) in [("main.test", "mine"), ("shop.test", "theirs"), ("other.test", "There is nothing here.\n")] {
        assert_eq!(text(served.request_to("GET", host, "/").send().await).await, says, "{host}");
    }

    let address = served.line("metrics: ").await.split_once("http://").unwrap().1.split('/').next().unwrap().parse();
    let figures = text(harness::Request::new(address.unwrap(), "GET", "/metrics").send().await).await;
    for process in ["front", "main", "shop"] {
        let wanted = format!("process_resident_memory_bytes{{process=\"{process}\"}} ");
        assert!(figures.contains(&wanted), "{figures}");
    }
    assert_eq!(figures.matches("# TYPE process_resident_memory_bytes").count(), 1, "{figures}");
    assert!(figures.contains("skerry_process_up{process=\"shop\"} 1"), "{figures}");

    let shown = skerry(served.folder(), &["status", "--json", "--config", "skerry.toml"]).await.ok();
    let shown: Value = serde_json::from_str(&shown.stdout).expect("JSON");
    let workers: Vec<&str> =
        shown["workers"].as_array().unwrap().iter().map(|w| w["account"]["name"].as_str().unwrap()).collect();
    assert_eq!(workers, ["Main", "shop"], "{shown}");
    assert_eq!(shown["processes"].as_array().unwrap().len(), 2, "{shown}");
    skerry(served.folder(), &["status", "--config", "skerry.toml"]).await.ok();

    let listed = skerry(served.folder(), &["token", "list", "--json", "--config", "skerry.toml"]).await.ok();
    let listed: Value = serde_json::from_str(&listed.stdout).expect("JSON");
    let id = listed.as_array().unwrap().iter().find(|known| known["account"] == shop.as_str()).unwrap()["id"]
        .as_str()
        .unwrap();
    assert_eq!(served.ask_as(&token, "GET", "/user/tokens/verify", "").await.0, 200);
    skerry(served.folder(), &["token", "revoke", id, "--config", "skerry.toml"]).await.ok();
    assert_eq!(served.ask_as(&token, "GET", "/user/tokens/verify", "").await.0, 401);
    let again =
        skerry(served.folder(), &["account", "create", "shop", "--config", "skerry.toml"]).await.refused().text();
    assert!(again.contains("is there already"), "{again}");
    let mut client = Client::new(served.http());
    assert_eq!(client.try_text("/").await, None);
}
