//! The dashboard in a real browser: who may see it, what it shows of deployed Workers, what it changes.

use harness::browser::{Browser, Page};
use harness::{Project, Request, Served, text};
use serde_json::Value;

/// What runs a script where it is taken for markup.
const HOSTILE: &str = "<img src=x onerror=window.pwned=1>";

fn project(answer: &str) -> Project {
    let source = format!("export default {{ fetch() {{ return new Response('{answer}'); }} }};");
    Project::named("hello", "[vars]\nNAME = \"<script>window.pwned=1</script>\"", &source)
}

async fn open(served: &Served, browser: &Browser) -> Page {
    let mut page = browser.open(&format!("http://{}/", served.api_address())).await;
    page.ready().await;
    page
}

async fn log_in(page: &mut Page, token: &str) {
    page.evaluate("document.querySelector('input').value = ''").await;
    page.evaluate("document.querySelector('input').focus()").await;
    page.type_line(token).await;
}

/// Presses the button with this text, in the open dialog where there is one.
async fn press(page: &mut Page, button: &str) {
    let found = format!(
        "[...(document.querySelector('dialog[open]') ?? document).querySelectorAll('button')].find((b) => b.textContent === {button:?} && !b.disabled)"
    );
    page.until(&format!("Boolean({found})")).await;
    page.evaluate(&format!("{found}.click()")).await;
}

async fn shows(page: &mut Page, text: &str) {
    page.until(&format!("document.querySelector('main').innerText.includes({text:?})")).await;
}

async fn closed(page: &mut Page) {
    page.until("document.querySelector('dialog') === null").await;
}

async fn go(page: &mut Page, address: &str, title: &str) {
    page.evaluate(&format!("location.hash = {address:?}")).await;
    page.until(&format!("document.querySelector('main h1')?.innerText === {title:?} && document.querySelector('[aria-busy=true]') === null")).await;
}

#[tokio::test]
async fn a_worker_is_looked_after_in_a_browser() {
    let served = Served::start().await;
    served.wrangler(project("one").path(), &["deploy", "--message", "the first"]).await.ok();
    served.wrangler(project("two").path(), &["deploy", "--message", HOSTILE]).await.ok();
    let browser = Browser::start().await;
    let mut page = open(&served, &browser).await;

    page.type_line("nonsense").await;
    page.until(
        "document.querySelector('[role=alert]').innerText === 'This token is not known here, or it has expired.'",
    )
    .await;
    assert_eq!(page.evaluate("sessionStorage.length").await, 0);
    log_in(&mut page, &served.token).await;
    shows(&mut page, "1 Worker").await;
    let host = format!("hello.localhost:{}", served.http().port());
    let link = page.evaluate("document.querySelector('main td a[target=_blank]').href").await;
    assert_eq!(link, format!("http://{host}/"));
    shows(&mut page, "v2").await;
    // The token is in no cookie and in no address.
    assert_eq!(page.evaluate("document.cookie + location.search + location.hash").await, "");

    // Back to the first version.
    go(&mut page, "#/workers/hello", "hello").await;
    shows(&mut page, HOSTILE).await;
    press(&mut page, "Roll back").await;
    page.until("document.querySelector('dialog[open] h2')?.innerText === 'Roll back to v1 of hello?'").await;
    page.evaluate("document.querySelector('dialog input[name=message]').focus()").await;
    page.type_text("two was wrong").await;
    press(&mut page, "Roll back").await;
    closed(&mut page).await;
    shows(&mut page, "two was wrong").await;
    assert_eq!(served.text("hello", "/").await, "one");

    // What the server refuses is said in the dialog, which stays: a secret needs the newest version deployed.
    add_secret(&mut page).await;
    page.until("document.querySelector('dialog [role=alert]').innerText.startsWith('Secret edit failed')").await;
    page.press("Escape").await;
    closed(&mut page).await;

    // A share for the newest, then all.
    go(&mut page, "#/workers/hello/deployments", "hello").await;
    press(&mut page, "Roll back").await;
    page.evaluate("(() => { const share = document.querySelector('dialog input[name=share]'); share.value = '25'; share.dispatchEvent(new Event('input')); })()").await;
    press(&mut page, "Roll back").await;
    closed(&mut page).await;
    shows(&mut page, "75 %").await;
    let (_, deployments) = served.ask("GET", "/workers/scripts/hello/deployments", "").await;
    assert_eq!(deployments["result"]["deployments"][0]["versions"][0]["percentage"], 25.0, "{deployments}");

    add_secret(&mut page).await;
    closed(&mut page).await;
    shows(&mut page, HOSTILE).await;
    let (_, secrets) = served.ask("GET", "/workers/scripts/hello/secrets", "").await;
    assert_eq!(secrets["result"][0]["name"], HOSTILE);

    // Hostile names and values are text wherever they stand.
    go(&mut page, "#/workers/hello/settings", "hello").await;
    shows(&mut page, HOSTILE).await;
    shows(&mut page, "<script>window.pwned=1</script>").await;
    assert_eq!(page.evaluate("document.querySelectorAll('main img, main script').length").await, 0);
    go(&mut page, "#/audit", "Audit log").await;
    shows(&mut page, "Set a secret").await;
    shows(&mut page, "refused (400)").await;
    assert_eq!(page.evaluate("typeof window.pwned").await, "undefined");
    // Markup can't even be made of text.
    let refused = page
        .evaluate("(() => { try { document.body.innerHTML = '<p>'; return 'taken'; } catch { return 'refused'; } })()")
        .await;
    assert_eq!(refused, "refused");

    // Pages whose part of the API is missing or empty say so.
    for (address, title, nothing) in [
        ("#/kv", "KV namespaces", "There is no KV namespace yet."),
        ("#/r2", "R2 buckets", "There is no bucket yet."),
        ("#/d1", "D1 databases", "There is no database yet."),
    ] {
        go(&mut page, address, title).await;
        let said = format!(
            "['Not available on this server.', {nothing:?}].some((text) => document.querySelector('main').innerText.includes(text))"
        );
        page.until(&said).await;
    }

    // A Worker without a host of its own says so.
    go(&mut page, "#/workers/hello/triggers", "hello").await;
    page.evaluate("document.querySelector('[role=switch][aria-checked=true]').click()").await;
    press(&mut page, "Switch off").await;
    closed(&mut page).await;
    page.until("document.querySelector('[role=switch]').ariaChecked === 'false'").await;
    assert_eq!(served.request("GET", "hello", "/").send().await.status(), 404);
    go(&mut page, "#/workers", "Workers").await;
    shows(&mut page, "its routes alone").await;

    delete(&mut page).await;
    shows(&mut page, "No Worker is deployed yet.").await;
    assert_eq!(served.request("GET", "hello", "/").send().await.status(), 404);
}

/// Enters a secret with a hostile name.
async fn add_secret(page: &mut Page) {
    go(page, "#/workers/hello/secrets", "hello").await;
    press(page, "Add a secret").await;
    page.until("document.activeElement.name === 'called'").await;
    page.type_text(HOSTILE).await;
    page.press("Tab").await;
    page.type_text("hush").await;
    press(page, "Add and deploy").await;
}

/// Deletes the Worker, which asks for its name.
async fn delete(page: &mut Page) {
    go(page, "#/workers/hello/settings", "hello").await;
    press(page, "Delete this Worker").await;
    page.until("document.activeElement.name === 'typed'").await;
    page.type_text("hell").await;
    let is_closed = "document.querySelector('dialog button.danger').disabled";
    assert_eq!(page.evaluate(is_closed).await, true);
    page.type_text("o").await;
    assert_eq!(page.evaluate(is_closed).await, false);
    press(page, "Delete for good").await;
    closed(page).await;
}

#[tokio::test]
async fn the_keyboard_leads_everywhere() {
    let served = Served::start().await;
    let browser = Browser::start().await;
    let mut page = open(&served, &browser).await;
    log_in(&mut page, &served.token).await;
    shows(&mut page, "No Worker is deployed yet.").await;

    assert_eq!(page.evaluate("document.activeElement.innerText").await, "Workers");

    // Who loads the page anew is still logged in, and begins at the link that skips the menu.
    page.evaluate("window.before = true; location.reload()").await;
    page.until("window.before === undefined && document.querySelector('main')?.innerText.includes('No Worker')").await;
    page.press("Tab").await;
    assert_eq!(page.evaluate("document.activeElement.id").await, "skip");
    page.press("Enter").await;
    page.until("document.activeElement.id === 'main'").await;
    assert_eq!(page.evaluate("location.hash").await, "");

    page.evaluate("document.getElementById('skip').focus()").await;
    let mut steps = 0;
    while page.evaluate("document.activeElement.id").await != "theme" {
        page.press("Tab").await;
        steps += 1;
        assert!(steps < 10, "the theme's switch is not reached");
        let outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle").await;
        assert_eq!(outline, "solid", "the focus is not seen");
    }
    let before = page.evaluate("getComputedStyle(document.documentElement).colorScheme").await;
    page.press("Enter").await;
    page.until("document.documentElement.dataset.theme !== undefined").await;
    assert_ne!(page.evaluate("getComputedStyle(document.documentElement).colorScheme").await, before);

    page.press("Tab").await;
    assert_eq!(page.evaluate("document.activeElement.id").await, "log-out");
    page.press("Enter").await;
    page.until("document.querySelector('h1').innerText === 'Log in to Skerry'").await;
    assert_eq!(page.evaluate("sessionStorage.length").await, 0);
    // No other page is there either.
    page.evaluate("location.hash = '#/audit'").await;
    page.until("document.querySelector('h1').innerText === 'Log in to Skerry'").await;
}

#[tokio::test]
async fn its_files_come_with_strict_headers() {
    let served = Served::start().await;
    let get = |path: &str| Request::new(served.api_address(), "GET", path);
    for (path, kind) in [
        ("/", "text/html; charset=utf-8"),
        ("/dashboard/js/main.js", "text/javascript; charset=utf-8"),
        ("/dashboard/css/base.css", "text/css; charset=utf-8"),
        ("/dashboard/icon.svg", "image/svg+xml"),
    ] {
        let answer = get(path).send().await;
        let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
        assert_eq!((answer.status().as_u16(), header("content-type").as_str()), (200, kind), "{path}");
        let policy = header("content-security-policy");
        for part in ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "trusted-types 'none'"] {
            assert!(policy.contains(part), "{policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(header("x-frame-options"), "DENY");
        assert_eq!(header("referrer-policy"), "no-referrer");
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert_eq!(get(path).header("if-none-match", &header("etag")).send().await.status(), 304);
    }
    for path in
        ["/dashboard/", "/dashboard/js", "/dashboard/../Cargo.toml", "/dashboard/%2e%2e/Cargo.toml", "/index.html"]
    {
        assert_eq!(get(path).send().await.status(), 404, "{path}");
    }
}

#[tokio::test]
async fn the_audit_log_is_read_page_by_page() {
    let served = Served::start().await;
    served.wrangler(project("one").path(), &["deploy"]).await.ok();
    for cron in ["1 * * * *", "2 * * * *", "3 * * * *"] {
        let (status, _) =
            served.ask("PUT", "/workers/scripts/hello/schedules", &format!("[{{\"cron\":\"{cron}\"}}]")).await;
        assert_eq!(status, 200);
    }
    let (status, first) = served.ask("GET", "/audit_logs?limit=2", "").await;
    assert_eq!(status, 200, "{first}");
    let entry = &first["result"][0];
    assert!(entry["action"]["type"].as_str().unwrap().ends_with("/workers/scripts/{script}/schedules"), "{entry}");
    assert_eq!((&entry["action"]["result"], &entry["actor"]["name"]), (&Value::from(true), &Value::from("first")));
    assert!(entry["resource"]["id"].as_str().unwrap().ends_with("/workers/scripts/hello/schedules"), "{entry}");

    let id = |entry: &Value| entry["id"].as_str().unwrap().parse::<i64>().unwrap();
    let mut seen: Vec<i64> = first["result"].as_array().unwrap().iter().map(id).collect();
    let mut before = first["result_info"]["before"].clone();
    while let Some(older) = before.as_i64() {
        let (_, next) = served.ask("GET", &format!("/audit_logs?limit=2&before={older}"), "").await;
        seen.extend(next["result"].as_array().unwrap().iter().map(id));
        before = next["result_info"]["before"].clone();
    }
    assert!(seen.len() >= 4 && seen.is_sorted_by(|one, other| one > other), "{seen:?}");

    for wrong in ["limit=0", "limit=1001", "limit=many", "before=x"] {
        let (status, body) = served.ask("GET", &format!("/audit_logs?{wrong}"), "").await;
        assert_eq!((status, &body["errors"][0]["code"]), (400, &Value::from(10201)), "{wrong}: {body}");
    }
    let made = harness::skerry(
        served.folder(),
        &["token", "create", "writer", "--scope", "workers:write", "--config", "skerry.toml"],
    )
    .await;
    let writer = made.ok().stdout.trim().to_owned();
    let path = format!("/accounts/{}/audit_logs", served.account);
    let refused = served.api_without("GET", &path).header("authorization", &format!("Bearer {writer}")).send().await;
    assert_eq!(refused.status(), 403, "{}", text(refused).await);
}

#[tokio::test]
async fn charts_show_what_was_used_and_outlive_a_restart() {
    let mut served = Served::start().await;
    let source =
        "export default { fetch(r) { if (r.url.endsWith('x')) throw new Error('x'); return new Response('ok'); } };";
    served.wrangler(Project::named("hello", "", source).path(), &["deploy"]).await.ok();
    served.wrangler(Project::named("quiet", "", source).path(), &["deploy"]).await.ok();
    for path in ["/", "/", "/x"] {
        text(served.request("GET", "hello", path).send().await).await;
    }
    let sum = |answer: &Value, key: &str| {
        let numbers = answer["result"][key].as_array().unwrap().iter();
        numbers.map(|number| number.as_f64().unwrap()).sum::<f64>()
    };
    for (query, steps) in [("period=hour", 60), ("period=day&worker=hello", 144), ("", 60)] {
        let (status, used) = served.ask("GET", &format!("/skerry/metrics?{query}"), "").await;
        assert_eq!((status, used["result"]["requests"].as_array().unwrap().len()), (200, steps), "{used}");
        assert_eq!((sum(&used, "requests"), sum(&used, "errors")), (3.0, 1.0), "{used}");
        assert!(sum(&used, "cpu_ms") > 0.0);
    }
    let (_, used) = served.ask("GET", "/skerry/metrics?worker=quiet", "").await;
    assert_eq!(sum(&used, "requests"), 0.0);
    let (status, _) = served.ask("GET", "/skerry/metrics?period=year", "").await;
    assert_eq!(status, 400);
    // Another account sees nothing of it.
    let (other, token) = served.another_account().await;
    let (_, used) = served.ask_as(&token, "GET", &format!("/accounts/{other}/skerry/metrics"), "").await;
    assert_eq!(sum(&used, "requests"), 0.0);

    served.terminate().await;
    assert!(served.ended().await.success(), "{}", served.output());
    served.again().await;
    assert_eq!(served.text("hello", "/").await, "ok");

    let browser = Browser::start().await;
    let mut page = open(&served, &browser).await;
    log_in(&mut page, &served.token).await;
    let chart = |title: &str| {
        format!("[...document.querySelectorAll('figure.chart')].find((f) => f.innerText.startsWith({title:?}))")
    };
    let requests = chart("Requests");
    page.until(&format!("{requests}?.querySelector('.sum').innerText === '4 requests'")).await;
    page.until(&format!("{}.querySelector('.sum').innerText === '1 error'", chart("Errors"))).await;
    assert!(page.evaluate(&format!("{requests}.querySelectorAll('.chart-bar').length")).await.as_i64().unwrap() >= 1);
    // Bars stand on their ground, and the highest reaches up.
    let placed = "(() => { const box = document.querySelector('.plot').getBoundingClientRect(); const bars = [...document.querySelectorAll('.plot')[0].querySelectorAll('.chart-bar')].map((bar) => bar.getBoundingClientRect()); return bars.every((bar) => Math.abs(bar.bottom - box.bottom) < 1 && bar.top > box.top - 1) && bars.some((bar) => bar.top < box.top + 8); })()";
    assert_eq!(page.evaluate(placed).await, true);
    // The keys lead through the steps, which are told in words too.
    page.evaluate(&format!("{requests}.querySelector('svg').focus()")).await;
    let outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle").await;
    assert_eq!(outline, "solid", "the focus is not seen");
    assert_eq!(page.evaluate("document.activeElement.ariaValueNow").await, "59");
    page.press("Home").await;
    page.until("document.activeElement.ariaValueNow === '0'").await;
    let said = page.evaluate("document.activeElement.ariaValueText").await;
    assert!(said.as_str().unwrap().ends_with(": 0 requests"), "{said}");
    assert_eq!(page.evaluate(&format!("{requests}.querySelector('.readout').innerText")).await, said);
    // The same as a table.
    page.evaluate("document.querySelector('.as-table summary').click()").await;
    page.until("document.querySelectorAll('.as-table tbody tr').length >= 1").await;
    let cells = "[...document.querySelectorAll('.as-table tbody tr')].reduce((sum, row) => sum + Number(row.cells[1].innerText), 0)";
    assert_eq!(page.evaluate(cells).await, 4);
    press(&mut page, "Last day").await;
    page.until(&format!("{requests}?.querySelector('svg').ariaValueMax === '143' && {requests}.querySelector('.sum').innerText === '4 requests'")).await;
    assert_eq!(page.evaluate("document.querySelector('[data-period=day]').ariaPressed").await, "true");
    // Bars are seen on their ground in both themes.
    for theme in ["light", "dark"] {
        page.evaluate(&format!("document.documentElement.dataset.theme = {theme:?}")).await;
        let colours = "(() => { const of = (e, p) => getComputedStyle(e)[p]; return of(document.querySelector('.chart-bar'), 'fill') !== of(document.querySelector('.usage'), 'backgroundColor'); })()";
        assert_eq!(page.evaluate(colours).await, true, "{theme}");
    }
    go(&mut page, "#/workers/quiet/metrics", "quiet").await;
    page.until(&format!("{requests}?.querySelector('.sum').innerText === '0 requests'")).await;
    go(&mut page, "#/usage", "Usage").await;
    shows(&mut page, "2 of 500").await;
    shows(&mut page, "Plan: paid").await;
}

#[tokio::test]
async fn durable_objects_are_listed() {
    let served = Served::start().await;
    let config = "[[durable_objects.bindings]]\nname = \"COUNTERS\"\nclass_name = \"Counter\"\n[[migrations]]\ntag = \"v1\"\nnew_sqlite_classes = [\"Counter\"]";
    let source = r#"
import { DurableObject } from "cloudflare:workers";
export class Counter extends DurableObject { add() { return this.ctx.storage.put("n", 1); } none() {} }
export default { async fetch(request, env) {
  for (const name of ["a", "b", "c"]) await env.COUNTERS.getByName(name).add();
  await env.COUNTERS.getByName("empty").none();
  return new Response(env.COUNTERS.idFromName("a").toString());
} };"#;
    served.wrangler(Project::named("counting", config, source).path(), &["deploy"]).await.ok();
    let (_, empty) = served.ask("GET", "/workers/durable_objects/namespaces", "").await;
    let namespace = &empty["result"][0];
    assert_eq!(
        (&namespace["class"], &namespace["script"], &namespace["use_sqlite"]),
        (&"Counter".into(), &"counting".into(), &true.into())
    );
    let path = format!("/workers/durable_objects/namespaces/{}/objects", namespace["id"].as_str().unwrap());
    assert_eq!(served.ask("GET", &path, "").await.1["result"].as_array().unwrap().len(), 0);
    let id = served.text("counting", "/").await;
    let (_, first) = served.ask("GET", &format!("{path}?limit=2"), "").await;
    let cursor = first["result_info"]["cursor"].as_str().unwrap();
    let (_, rest) = served.ask("GET", &format!("{path}?limit=2&cursor={cursor}"), "").await;
    let all: Vec<&Value> = [&first, &rest].iter().flat_map(|part| part["result"].as_array().unwrap()).collect();
    assert_eq!((all.len(), rest["result_info"]["cursor"].is_null()), (3, true), "{first} {rest}");
    assert!(all.iter().any(|object| object["id"] == id.as_str() && object["hasStoredData"] == true));
    assert_eq!(served.ask("GET", &format!("{path}?cursor=x"), "").await.0, 400);
    assert_eq!(served.ask("GET", "/workers/durable_objects/namespaces/none/objects", "").await.0, 404);

    let browser = Browser::start().await;
    let mut page = open(&served, &browser).await;
    log_in(&mut page, &served.token).await;
    go(&mut page, "#/objects", "Durable Objects").await;
    shows(&mut page, "counting").await;
    page.evaluate("document.querySelector('main td a').click()").await;
    page.until("document.querySelector('main h1')?.innerText === 'Counter'").await;
    shows(&mut page, &id).await;
    page.until("document.querySelectorAll('main tbody tr').length === 3").await;
}
