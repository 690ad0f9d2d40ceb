//! Debuggers attach to a Worker in development.

mod chromium;
mod objects;
mod source_map;

use harness::debugger::{Debugger, inspector};
use harness::socket::tungstenite::Error;
use harness::{Dev, Project, Request, Socket};
use serde_json::{Value, json};

use source_map::generated;

const CONFIG: &str = "name = \"api\"\nmain = \"src/index.ts\"\ncompatibility_date = \"2026-01-01\"\n";

/// Line 8 is where a request is stopped.
const WORKER: &str = r#"interface Order { id: number; items: Map<string, number> }
let served: number = 0;
class Basket { constructor(public order: Order) {} }

function double(number: number): number {
  const parts: number[] = [number];
  console.log("twice", { number, order: { id: 7, items: new Map([["tea", 2]]) } as Order });
  parts.push(number * 2);
  return parts[1];
}

function burn(): number {
  let sum = 0;
  for (let i = 0; i < 3e7; i++) sum += Math.sqrt(i);
  return sum;
}

async function waited(): Promise<string> {
  const before = [served];
  await scheduler.wait(20);
  const after = [...before, served];
  return after.join();
}

let spinning = true;
function spin(): string {
  let turns = 0;
  while (spinning) turns++;
  return "stopped";
}

export default {
  async fetch(request: Request): Promise<Response> {
    served++;
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === "/burn") return new Response(String(burn()));
    if (pathname === "/wait") return new Response(await waited());
    if (pathname === "/spin") return new Response(spin());
    if (pathname === "/throw") throw new TypeError("nobody catches it");
    (globalThis as any).basket = new Basket({ id: 1, items: new Map() });
    return new Response(String(double(Number(searchParams.get("n") ?? 1))));
  },
};
"#;

const STOP: u64 = 8;

fn project() -> Project {
    Project::empty().file("wrangler.toml", CONFIG).file("src/index.ts", WORKER)
}

async fn inspected(project: &Project) -> Dev {
    Dev::flags(project, &["--inspector-port", "0"]).await
}

/// Puts a whole new file in the place of the old, as editors do: what is half written would be a save of its own.
fn save(project: &Project, source: &str) {
    project.write("src/index.new", source);
    std::fs::rename(project.join("src/index.new"), project.join("src/index.ts")).expect("a file is replaced");
}

fn asked(request: Request) -> tokio::task::JoinHandle<String> {
    tokio::spawn(async move { harness::text(request.send().await).await })
}

/// The Worker's own script, as the debugger is told of it.
async fn script(debugger: &mut Debugger) -> Value {
    debugger
        .event_where("Debugger.scriptParsed", |script| {
            script["url"].as_str().is_some_and(|url| url.starts_with("worker://"))
        })
        .await
}

/// Stops at a line of the TypeScript; the breakpoint's name.
async fn stop_at(debugger: &mut Debugger, script: &Value, line: u64) -> Value {
    let (line, column) = generated(script, "src/index.ts", line);
    let place = json!({ "url": script["url"], "lineNumber": line, "columnNumber": column });
    let set = debugger.command("Debugger.setBreakpointByUrl", place).await;
    assert_eq!(set["locations"].as_array().map(Vec::len), Some(1), "{set}");
    set["breakpointId"].clone()
}

#[tokio::test]
async fn a_request_stops_where_the_source_says() {
    let project = project();
    let other = Project::named("other", "", "export default { fetch: () => new Response('other') };");
    let dev = Dev::with(&["--inspector-port", "0"], &[project.path(), other.path()]).await;

    // What debuggers look for.
    let port = inspector(&dev).await;
    let at = |path: &str| Request::new(port, "GET", path).send();
    let targets: Value = serde_json::from_str(&harness::text(at("/json/list").await).await).expect("JSON");
    assert_eq!(targets[0]["webSocketDebuggerUrl"], format!("ws://{port}/api"), "{targets}");
    assert_eq!(targets[1]["title"], "Worker other");
    assert!(targets[0]["devtoolsFrontendUrl"].as_str().is_some_and(|url| url.contains(&format!("ws={port}/api"))));
    let version: Value = serde_json::from_str(&harness::text(at("/json/version").await).await).expect("JSON");
    assert_eq!(version["Protocol-Version"], "1.3");

    // The Worker starts for the debugger, before any request: its script is there with the TypeScript that it was made of.
    let mut debugger = Debugger::listen(&dev, "api").await;
    let script = script(&mut debugger).await;
    assert!(debugger.heard("Debugger.scriptParsed").is_empty(), "the runtime's own scripts are out of sight");
    stop_at(&mut debugger, &script, STOP).await;

    let address = dev.address();
    let get = |worker: &str, path: &str| {
        Request::new(address, "GET", path).header("host", &format!("{worker}.localhost:{}", address.port()))
    };
    let answer = asked(get("api", "/?n=21"));
    let paused = debugger.event("Debugger.paused").await;
    let frame = &paused["callFrames"][0];
    assert_eq!(frame["functionName"], "double", "{paused}");
    assert_eq!(paused["callFrames"][1]["functionName"], "fetch");
    assert_eq!(
        paused["callFrames"].as_array().map(Vec::len),
        Some(2),
        "frames of the runtime are out of sight: {paused}"
    );

    // The other Worker, and the port itself, go on.
    assert_eq!(asked(get("other", "/")).await.unwrap(), "other");
    assert_eq!(at("/json").await.status(), 200);

    let on_frame = |expression: &str| json!({ "callFrameId": frame["callFrameId"], "expression": expression });
    let value = debugger.command("Debugger.evaluateOnCallFrame", on_frame("number * 1000 + served")).await;
    assert_eq!(value["result"]["value"], 21_001);
    let local = frame["scopeChain"].as_array().and_then(|scopes| scopes.iter().find(|scope| scope["type"] == "local"));
    let local = json!({ "objectId": local.expect("a local scope")["object"]["objectId"] });
    let variables = debugger.command("Runtime.getProperties", local).await.to_string();
    assert!(variables.contains("\"number\"") && variables.contains("\"parts\""), "{variables}");

    debugger.command("Debugger.stepOver", json!({})).await;
    let stepped = debugger.event("Debugger.paused").await;
    assert_eq!(stepped["callFrames"][0]["functionName"], "double");
    let stepped = json!({ "callFrameId": stepped["callFrames"][0]["callFrameId"], "expression": "parts[1]" });
    assert_eq!(debugger.command("Debugger.evaluateOnCallFrame", stepped).await["result"]["value"], 42);
    debugger.command("Debugger.resume", json!({})).await;
    assert_eq!(answer.await.unwrap(), "42");
}

#[tokio::test]
async fn a_step_leads_over_an_await() {
    let project = project();
    let dev = inspected(&project).await;
    let mut debugger = Debugger::listen(&dev, "api").await;
    let script = script(&mut debugger).await;
    let line = 1 + WORKER.lines().position(|line| line.contains("scheduler.wait")).expect("the line") as u64;
    stop_at(&mut debugger, &script, line).await;
    let answer = asked(dev.get("/wait"));
    let mut place = debugger.event("Debugger.paused").await["callFrames"][0]["location"]["lineNumber"].clone();
    let (after, _) = generated(&script, "src/index.ts", line + 1);
    // On the line itself there may be more than one stop.
    while place != after {
        assert_eq!(place, generated(&script, "src/index.ts", line).0, "the step led elsewhere");
        debugger.command("Debugger.stepOver", json!({})).await;
        place = debugger.event("Debugger.paused").await["callFrames"][0]["location"]["lineNumber"].clone();
    }
    debugger.command("Debugger.resume", json!({})).await;
    assert_eq!(answer.await.unwrap(), "1,1");
}

#[tokio::test]
async fn the_console_shows_values_and_takes_expressions() {
    let project = project();
    let dev = inspected(&project).await;
    let mut debugger = Debugger::listen(&dev, "api").await;
    script(&mut debugger).await;
    assert_eq!(dev.text("/?n=4").await, "8");
    let said = debugger.event("Runtime.consoleAPICalled").await;
    assert_eq!(said["type"], "log");
    assert_eq!(said["args"][0]["value"], "twice");
    assert!(said["timestamp"].as_f64() > Some(1.7e12), "{said}");
    let frames = said["stackTrace"]["callFrames"].as_array().expect("a stack");
    assert_eq!(frames[0]["functionName"], "double", "{said}");
    // A live object, to be looked into.
    let object = json!({ "objectId": said["args"][1]["objectId"], "ownProperties": true });
    let properties = debugger.command("Runtime.getProperties", object).await.to_string();
    assert!(properties.contains("\"order\"") && properties.contains("\"number\""), "{properties}");
    // The terminal has it as ever.
    dev.line("twice { number: 4").await;

    assert_eq!(debugger.evaluate("basket.order.id + 1").await, 2);
    // What a Worker may not, its developer may: code from strings.
    assert_eq!(debugger.evaluate("new Function('return 6 * 7')()").await, 42);
    let awaited = json!({ "expression": "Promise.resolve(5).then((five) => five + 1)", "awaitPromise": true });
    assert_eq!(debugger.command("Runtime.evaluate", awaited).await["result"]["value"], 6);
    debugger.evaluate("console.warn('from the debugger')").await;
    dev.line("from the debugger").await;

    assert_eq!(dev.get("/throw").send().await.status(), 500);
    let thrown = debugger.event("Runtime.exceptionThrown").await;
    let thrown = &thrown["exceptionDetails"];
    let description = thrown["exception"]["description"].as_str().expect("a description");
    assert!(description.starts_with("TypeError: nobody catches it"), "{thrown}");
    assert!(thrown["stackTrace"]["callFrames"][0]["url"].as_str().is_some_and(|url| url.starts_with("worker://api/")));
}

#[tokio::test]
async fn what_was_set_outlives_a_save() {
    let project = project();
    let dev = inspected(&project).await;
    let mut debugger = Debugger::listen(&dev, "api").await;
    let before = script(&mut debugger).await;
    stop_at(&mut debugger, &before, STOP).await;
    let old = asked(dev.get("/?n=2"));
    debugger.event("Debugger.paused").await;

    // The request that is stopped goes on in the code that it began in; the debugger stays, and is told of the new code.
    debugger.forget();
    save(&project, &WORKER.replace("number * 2", "number * 3"));
    debugger.event("Runtime.executionContextsCleared").await;
    assert_eq!(old.await.unwrap(), "4");
    let after = script(&mut debugger).await;
    assert_eq!(generated(&after, "src/index.ts", STOP), generated(&before, "src/index.ts", STOP));
    dev.line("reloaded").await;
    let new = asked(dev.get("/?n=2"));
    let paused = debugger.event("Debugger.paused").await;
    assert_eq!(paused["callFrames"][0]["functionName"], "double");
    debugger.command("Debugger.resume", json!({})).await;
    assert_eq!(new.await.unwrap(), "6");

    // Code that runs while the Worker starts.
    let line = 1 + WORKER.lines().position(|line| line.starts_with("let served")).expect("the line") as u64;
    let breakpoint = stop_at(&mut debugger, &after, line).await;
    save(&project, &WORKER.replace("number * 2", "number * 5"));
    let paused = debugger.event("Debugger.paused").await;
    assert_eq!(paused["callFrames"][0]["functionName"], "", "{paused}");
    debugger.command("Debugger.removeBreakpoint", json!({ "breakpointId": breakpoint })).await;
    debugger.command("Debugger.resume", json!({})).await;
    script(&mut debugger).await;

    // Code that does not compile, and code that does again.
    save(&project, "export default {");
    dev.line("error").await;
    save(&project, &WORKER.replace("number * 2", "number * 4"));
    script(&mut debugger).await;
    let new = asked(dev.get("/?n=2"));
    debugger.event("Debugger.paused").await;
    debugger.command("Debugger.resume", json!({})).await;
    assert_eq!(new.await.unwrap(), "8");
}

#[tokio::test]
async fn a_stop_is_not_the_workers_time_and_a_limit_not_the_debuggers_end() {
    let project =
        Project::empty().file("wrangler.toml", format!("{CONFIG}[limits]\ncpu_ms = 50\n")).file("src/index.ts", WORKER);
    let dev = Dev::flags(&project, &["--inspector-port", "0", "--enforce-limits"]).await;
    let mut debugger = Debugger::listen(&dev, "api").await;
    let before = script(&mut debugger).await;
    stop_at(&mut debugger, &before, STOP).await;
    let answer = asked(dev.get("/?n=3"));
    let paused = debugger.event("Debugger.paused").await;
    // This takes more than the request may.
    let long = "(() => { let sum = 0; for (let i = 0; i < 3e8; i++) sum += i; return sum > 0; })()";
    let long = json!({ "callFrameId": paused["callFrames"][0]["callFrameId"], "expression": long });
    assert_eq!(debugger.command("Debugger.evaluateOnCallFrame", long).await["result"]["value"], true);
    debugger.command("Debugger.resume", json!({})).await;
    assert_eq!(answer.await.unwrap(), "6");

    // The isolate of a request that takes too long is replaced.
    assert_eq!(dev.get("/burn").send().await.status(), 503);
    debugger.event("Runtime.executionContextsCleared").await;
    script(&mut debugger).await;
    let answer = asked(dev.get("/?n=4"));
    debugger.event("Debugger.paused").await;
    debugger.command("Debugger.resume", json!({})).await;
    assert_eq!(answer.await.unwrap(), "8");
}

#[tokio::test]
async fn a_client_that_leaves_lets_the_worker_go_on() {
    let project = project();
    let mut dev = inspected(&project).await;
    let mut first = Debugger::listen(&dev, "api").await;
    let script_ = script(&mut first).await;
    stop_at(&mut first, &script_, STOP).await;
    let answer = asked(dev.get("/?n=1"));
    first.event("Debugger.paused").await;
    drop(first);
    assert_eq!(answer.await.unwrap(), "2");
    assert_eq!(dev.text("/?n=2").await, "4");

    // One client at a time: a new one takes the place of the old.
    let mut second = Debugger::listen(&dev, "api").await;
    let script_ = script(&mut second).await;
    stop_at(&mut second, &script_, STOP).await;
    let answer = asked(dev.get("/?n=3"));
    second.event("Debugger.paused").await;
    let mut third = Debugger::listen(&dev, "api").await;
    assert_eq!(answer.await.unwrap(), "6");
    assert_eq!(second.closed().await, 1001);

    // A server that is stopped does not wait for who debugs.
    let script_ = script(&mut third).await;
    stop_at(&mut third, &script_, STOP).await;
    let answer = asked(dev.get("/?n=4"));
    third.event("Debugger.paused").await;
    dev.interrupt().await;
    assert_eq!(answer.await.unwrap(), "8");
    assert!(dev.ended().await.success());
}

#[tokio::test]
async fn code_that_runs_can_be_stopped_in_its_middle() {
    let project = project();
    let dev = inspected(&project).await;
    let mut debugger = Debugger::listen(&dev, "api").await;
    script(&mut debugger).await;
    let answer = asked(dev.get("/spin"));
    // Wherever it is by now: the pause comes when it spins, at the latest.
    let frame = loop {
        debugger.command("Debugger.pause", json!({})).await;
        let paused = debugger.event("Debugger.paused").await;
        if paused["callFrames"][0]["functionName"] == "spin" {
            break paused["callFrames"][0]["callFrameId"].clone();
        }
        debugger.command("Debugger.resume", json!({})).await;
    };
    let stop = json!({ "callFrameId": frame, "expression": "spinning = false" });
    debugger.command("Debugger.evaluateOnCallFrame", stop).await;
    debugger.command("Debugger.resume", json!({})).await;
    assert_eq!(answer.await.unwrap(), "stopped");
}

#[tokio::test]
async fn profiles_of_cpu_and_heap() {
    let project = project();
    let dev = inspected(&project).await;
    let mut debugger = Debugger::listen(&dev, "api").await;
    debugger.command("Profiler.enable", json!({})).await;
    debugger.command("Profiler.start", json!({})).await;
    dev.text("/burn").await;
    dev.text("/?n=1").await;
    let profile = debugger.command("Profiler.stop", json!({})).await["profile"].clone();
    let nodes = profile["nodes"].as_array().expect("nodes");
    let burn = nodes.iter().find(|node| node["callFrame"]["functionName"] == "burn");
    let burn = burn.unwrap_or_else(|| panic!("no burn() in {profile}"));
    assert!(burn["callFrame"]["url"].as_str().is_some_and(|url| url.starts_with("worker://api/")), "{burn}");
    let hits = |node: &Value| node["hitCount"].as_u64().unwrap_or_default();
    assert!(hits(burn) > 0, "{burn}");

    // More than may wait for a client at once.
    debugger.evaluate("(globalThis.many = Array.from({ length: 180_000 }, (_, i) => ({ i, list: [i] }))).length").await;
    debugger.command("HeapProfiler.enable", json!({})).await;
    debugger.forget();
    debugger.command("HeapProfiler.takeHeapSnapshot", json!({ "reportProgress": false })).await;
    let chunks = debugger.heard("HeapProfiler.addHeapSnapshotChunk");
    let text: String = chunks.iter().filter_map(|chunk| chunk["chunk"].as_str()).collect();
    assert!(text.len() > 32 << 20, "{} bytes", text.len());
    let snapshot: Value = serde_json::from_str(&text).expect("a snapshot is JSON");
    let strings = snapshot["strings"].as_array().expect("strings");
    assert!(strings.iter().any(|string| string == "Basket"), "the Worker's class is on its heap");
}

#[tokio::test]
async fn strangers_are_refused() {
    let project = project();
    let dev = inspected(&project).await;
    let port = inspector(&dev).await;
    // A page whose name was made to lead here.
    let rebound = Request::new(port, "GET", "/json/list").header("host", "rebound.example").send().await;
    assert_eq!(rebound.status(), 403);
    // A page that opens a WebSocket.
    for origin in ["https://site.example", "http://localhost:8787", "null"] {
        match Socket::open(port, "/api", &[("origin", origin)]).await {
            Err(Error::Http(answer)) => assert_eq!(answer.status(), 403, "{origin}"),
            other => panic!("{origin}: {:?}", other.map(|_| "let in")),
        }
    }
    Socket::open(port, "/api", &[("origin", "devtools://devtools")]).await.expect("DevTools is let in");
    assert_eq!(Request::new(port, "GET", "/nobody").send().await.status(), 400, "no WebSocket");
    match Socket::open(port, "/nobody", &[]).await {
        Err(Error::Http(answer)) => assert_eq!(answer.status(), 404),
        other => panic!("{:?}", other.map(|_| "let in")),
    }

    // Nobody listens unless asked to.
    let plain = Dev::start(&project).await;
    plain.text("/").await;
    assert!(!plain.output().contains("Inspector"), "{}", plain.output());
}
