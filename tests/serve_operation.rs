//! A server as its operator has it: deployments under load, stops, figures, limits, and Workers that make room for each other.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use harness::{Origin, Project, Request, Served, body_of, eventually, text};

fn hello(name: &str, text: &str) -> Project {
    let source =
        format!("export default {{ async fetch() {{ await scheduler.wait(5); return new Response('{text}'); }} }};");
    Project::named(name, "", &source)
}

#[tokio::test]
async fn a_deployment_under_load_drops_no_request() {
    let served = Served::start().await;
    let project = hello("busy", "one");
    served.wrangler(project.path(), &["deploy"]).await.ok();
    let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let address = served.http();
    let load: Vec<_> = (0..4)
        .map(|_| {
            let (stop, answered) = (stop.clone(), answered.clone());
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    let answer = Request::new(address, "GET", "/").header("host", "busy.localhost").send().await;
                    assert_eq!(answer.status(), 200);
                    let body = text(answer).await;
                    assert!(body == "one" || body == "two", "{body}");
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for round in ["two", "one", "two"] {
        project.write("index.js", format!("export default {{ fetch() {{ return new Response('{round}'); }} }};"));
        served.wrangler(project.path(), &["deploy"]).await.ok();
        assert_eq!(served.text("busy", "/").await, round);
    }
    stop.store(true, Ordering::Relaxed);
    for task in load {
        task.await.unwrap();
    }
    assert!(answered.load(Ordering::Relaxed) > 100);
}

#[tokio::test]
async fn a_stop_lets_requests_finish() {
    let mut served = Served::start().await;
    let source = "export default { async fetch() { await scheduler.wait(1500); return new Response('late'); } };";
    let project = Project::named("slow", "", source);
    served.wrangler(project.path(), &["deploy"]).await.ok();
    let address = served.http();
    let late = tokio::spawn(async move {
        text(Request::new(address, "GET", "/").header("host", "slow.localhost").send().await).await
    });
    tokio::time::sleep(Duration::from_millis(500)).await;
    served.terminate().await;
    assert_eq!(late.await.unwrap(), "late");
    assert!(served.ended().await.success(), "{}", served.output());
}

#[tokio::test]
async fn no_odd_host_reaches_a_worker() {
    let mut served = Served::start().await;
    let project = hello("hello", "one");
    served.wrangler(project.path(), &["deploy"]).await.ok();
    for host in ["HELLO.localhost", "hello.localhost.", "hello.localhost:1234"] {
        assert_eq!(text(served.request_to("GET", host, "/").send().await).await, "one", "{host}");
    }
    for host in [
        "localhost",
        "127.0.0.1",
        "[::1]",
        "hello",
        "hello.localhost.evil.com",
        "xhello.localhost",
        ".hello.localhost",
        "hello..localhost",
        "-hello.localhost",
        "a.b.c.localhost",
    ] {
        let answer = served.request_to("GET", host, "/").send().await;
        assert!(matches!(answer.status().as_u16(), 404 | 400), "{host}: {}", answer.status());
        assert!(!text(answer).await.contains("one"), "{host}");
    }
    served.assert_alive();
}

#[tokio::test]
async fn limits_of_the_plan_hold_and_a_worker_may_not_reach_inside() {
    let origin = Origin::start(|_| async { Origin::text("inside") }).await;
    let served = Served::configured("[plans.paid]\ncpu_ms = 20\nscripts = 2\nscript_mb = 1\n").await;
    let source = format!(
        "export default {{ async fetch(request) {{
           if (new URL(request.url).pathname === '/spin') for (;;);
           try {{ return new Response(await (await fetch('{}')).text()); }} catch (error) {{ return new Response('refused: ' + error.message); }}
         }} }};",
        origin.url("/")
    );
    let project = Project::named("hostile", "", &source);
    served.wrangler(project.path(), &["deploy"]).await.ok();
    let spun = served.request("GET", "hostile", "/spin").send().await;
    assert_eq!((spun.status().as_u16(), text(spun).await.as_str()), (503, "error code: 1102"));
    let reached = served.text("hostile", "/").await;
    assert!(reached.starts_with("refused: "), "{reached}");
    assert!(origin.seen().is_empty());

    let large = Project::named(
        "large",
        "",
        &format!("export default {{ fetch() {{ return new Response('{}'); }} }};", "x".repeat(2 << 20)),
    );
    let refused = served.wrangler(large.path(), &["deploy"]).await.refused().text();
    assert!(refused.contains("10027"), "{refused}");
    served.wrangler(hello("second", "2").path(), &["deploy"]).await.ok();
    let refused = served.wrangler(hello("third", "3").path(), &["deploy"]).await.refused().text();
    assert!(refused.contains("10037"), "{refused}");
}

#[tokio::test]
async fn figures_are_told_by_worker() {
    let served = Served::configured("[metrics]\nlisten = \"127.0.0.1:0\"\n").await;
    let source =
        "export default { fetch(r) { if (r.url.endsWith('x')) throw new Error('x'); return new Response('ok'); } };";
    served.wrangler(Project::named("counted", "", source).path(), &["deploy"]).await.ok();
    for path in ["/", "/", "/x"] {
        body_of(served.request("GET", "counted", path).send().await).await;
    }
    let output = served.output();
    let url = output.lines().find_map(|line| line.trim().strip_prefix("metrics: http://")).expect("an address");
    let address = url.strip_suffix("/metrics").unwrap().parse().unwrap();
    let figures = text(Request::new(address, "GET", "/metrics").send().await).await;
    let labels = format!("account=\"{}\",worker=\"counted\"", served.account);
    for line in [
        format!("skerry_requests_total{{{labels}}} 3"),
        format!("skerry_responses_total{{{labels},class=\"2xx\"}} 2"),
        format!("skerry_failures_total{{{labels},outcome=\"exception\"}} 1"),
        format!("skerry_cold_starts_total{{{labels}}} 1"),
        "skerry_isolates 1".to_owned(),
        "skerry_durable_objects 0".to_owned(),
    ] {
        assert!(figures.lines().any(|known| known == line), "{line} is missing in:\n{figures}");
    }
    assert!(figures.contains("process_resident_memory_bytes "));
}

#[tokio::test]
async fn each_request_has_a_line_where_it_is_asked_for() {
    let served = Served::configured("[log]\nformat = \"json\"\nrequests = true\n").await;
    let source =
        "export default { fetch(r) { if (r.url.endsWith('x')) throw new Error('x'); return new Response('ok'); } };";
    served.wrangler(Project::named("logged", "", source).path(), &["deploy"]).await.ok();
    for path in ["/one?token=secret", "/x", "/two"] {
        body_of(served.request("GET", "logged", path).send().await).await;
    }
    body_of(served.request("GET", "nobody", "/none").send().await).await;
    let logged = async |path: &str| -> serde_json::Value {
        let line = served.line(&format!("\"path\":\"{path}\"")).await;
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    };
    let one = logged("/one").await;
    assert_eq!((&one["method"], &one["status"], &one["outcome"]), (&"GET".into(), &200.into(), &"ok".into()), "{one}");
    assert_eq!((&one["worker"], &one["account"]), (&"logged".into(), &served.account.as_str().into()), "{one}");
    assert_eq!((&one["target"], &one["client"]), (&"request".into(), &"127.0.0.1".into()), "{one}");
    assert!(one["cold_start"] == true && one["wall_ms"].as_f64() > Some(0.0), "{one}");
    assert_eq!(logged("/x").await["outcome"], "exception");
    assert_eq!(logged("/two").await["cold_start"], false);
    let none = logged("/none").await;
    assert!(none["status"] == 404 && none["worker"].is_null(), "{none}");
    assert!(!served.output().contains("token="));
}

/// Each has a global of its own, which is gone with its isolate.
#[tokio::test]
async fn idle_workers_make_room_for_others() {
    let served = Served::with_top("isolates = 2\n").await;
    let source = "let n = 0; export default { fetch() { return new Response(String(++n)); } };";
    for name in ["a", "b", "c", "d"] {
        served.wrangler(Project::named(name, "", source).path(), &["deploy"]).await.ok();
    }
    assert_eq!(served.text("a", "/").await, "1");
    assert_eq!(served.text("a", "/").await, "2");
    tokio::time::sleep(Duration::from_millis(1200)).await;
    for name in ["b", "c", "d"] {
        assert_eq!(served.text(name, "/").await, "1");
    }
    // It had to leave, and comes back as new.
    assert_eq!(served.text("a", "/").await, "1");
}

#[tokio::test]
async fn certificates_are_read_again_while_it_runs() {
    let folder = tempfile::tempdir().unwrap();
    let pair = || {
        let made = rcgen::generate_simple_self_signed(["hello.localhost".to_owned()]).unwrap();
        std::fs::write(folder.path().join("cert.pem"), made.cert.pem()).unwrap();
        std::fs::write(folder.path().join("key.pem"), made.signing_key.serialize_pem()).unwrap();
        made.cert.der().to_vec()
    };
    let first = pair();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let served = Served::configured(&format!(
        "[https]\nlisten = \"127.0.0.1:0\"\ncertificate = {:?}\nkey = {:?}\n",
        path("cert.pem"),
        path("key.pem")
    ))
    .await;
    let output = served.output();
    let line = output.lines().find(|line| line.contains("HTTPS: ")).expect("an address");
    let port: u16 = line.rsplit(':').next().unwrap().parse().unwrap();
    assert_eq!(certificate(port, "hello.localhost").await, first);
    let second = pair();
    served.hang_up().await;
    served.line("read the certificates again").await;
    assert_eq!(certificate(port, "hello.localhost").await, second);
    // What can't be read changes nothing.
    std::fs::write(folder.path().join("cert.pem"), "junk").unwrap();
    served.hang_up().await;
    served.line("those from before stay").await;
    assert_eq!(certificate(port, "hello.localhost").await, second);
}

#[tokio::test]
async fn the_configuration_is_read_again_while_it_runs() {
    let origin = Origin::start(|_| async { Origin::text("from the origin") }).await;
    let served = Served::start().await;
    let source = format!(
        "export default {{ async fetch() {{
           const one = () => fetch('{}').then((answer) => answer.text(), (error) => error.message);
           return Response.json([await one(), await one()]);
         }} }};",
        origin.url("/")
    );
    served.wrangler(Project::named("asks", "", &source).path(), &["deploy"]).await.ok();
    let refused = served.text("asks", "/").await;
    assert!(refused.contains("is not a public address"), "{refused}");
    assert_eq!(served.request_to("GET", "example.com", "/").send().await.status(), 404);

    let path = served.folder().join("skerry.toml");
    let before = std::fs::read_to_string(&path).expect("the configuration");
    let more = format!(
        "[outbound]\nallow_private = true\n[plans.paid]\nsubrequests = 1\n[metrics]\nlisten = \"127.0.0.1:0\"\n
         [[zones]]\nname = \"example.com\"\norigin = \"{}\"\n",
        origin.url("/")
    );
    std::fs::write(&path, format!("{before}{more}")).expect("a configuration");
    served.hang_up().await;
    served.line("`metrics` has changed: that needs a new start").await;
    served.line("read the configuration again").await;
    let limited = served.text("asks", "/").await;
    assert_eq!(limited, r#"["from the origin","Too many subrequests."]"#);
    assert_eq!(text(served.request_to("GET", "example.com", "/").send().await).await, "from the origin");

    // What can't be used changes nothing.
    std::fs::write(&path, format!("{before}[plans.paid]\nsubrequests = \"many\"\n")).expect("a configuration");
    served.hang_up().await;
    served.line("the one from before stays: ").await;
    assert_eq!(text(served.request_to("GET", "example.com", "/").send().await).await, "from the origin");
}

/// The kernel holds the whole server to what it needs, every thread of it.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_kernel_narrows_it() {
    let served = Served::with_top("sandbox = \"required\"\n").await;
    served.wrangler(hello("inside", "works").path(), &["deploy"]).await.ok();
    assert_eq!(served.text("inside", "/").await, "works");
    let tasks = std::fs::read_dir(format!("/proc/{}/task", served.pid())).expect("the threads");
    for task in tasks {
        let status = std::fs::read_to_string(task.expect("a thread").path().join("status")).expect("its status");
        let line = |name: &str| status.lines().find(|line| line.starts_with(name)).unwrap_or_default().to_owned();
        assert_eq!((line("Seccomp:"), line("NoNewPrivs:")), ("Seccomp:\t2".into(), "NoNewPrivs:\t1".into()));
    }
    // A file elsewhere, which the same user may read.
    let elsewhere = tempfile::tempdir_in(harness::root().join("target")).expect("a folder");
    let path = served.folder().join("skerry.toml");
    std::fs::copy(&path, elsewhere.path().join("skerry.toml")).expect("a copy");
    std::fs::remove_file(&path).expect("the file goes");
    std::os::unix::fs::symlink(elsewhere.path().join("skerry.toml"), &path).expect("a link");
    assert!(std::fs::read_to_string(&path).is_ok());
    served.hang_up().await;
    let refused = served.line("the one from before stays").await;
    assert!(refused.contains("Permission denied"), "{refused}");
}

/// Workers that keep what they are given take more than there is: neighbours are let in again when the idle ones have left.
#[tokio::test]
async fn requests_are_turned_away_before_memory_runs_out() {
    let mut served = Served::with_top("memory_mb = 500\n").await;
    let hog = "
        const kept = [];
        export default { async fetch() {
          for (let i = 0; i < 90; i++) kept.push(new Uint8Array(1 << 20).fill(i));
          return new Response('kept ' + kept.length);
        } };";
    let names: Vec<String> = (0..8).map(|number| format!("hog{number}")).collect();
    for name in &names {
        served.upload(name, serde_json::json!({ "limits": { "cpu_ms": 1000 } }), hog).await;
    }
    let mut turned_away = 0;
    for _ in 0..3 {
        for name in &names {
            let answer = served.request("GET", name, "/").send().await;
            match answer.status().as_u16() {
                200 => {}
                503 if answer.headers().contains_key("retry-after") => turned_away += 1,
                // Its own limit, where it had two turns.
                503 => {}
                status => panic!("{status}"),
            }
        }
    }
    served.assert_alive();
    let most = std::fs::read_to_string(format!("/proc/{}/status", served.pid())).expect("the process");
    let peak = most.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("its peak").trim();
    let peak: u64 = peak.split_whitespace().next().unwrap().parse().unwrap();
    assert!(peak >> 10 < 800, "{} MiB at most, {turned_away} turned away", peak >> 10);
    let calm = || async { served.request("GET", "hog0", "/").send().await.status() == 200 };
    eventually(calm).await;
}

/// What the server shows of itself, whatever it is.
pub(crate) async fn certificate(port: u16, name: &str) -> Vec<u8> {
    let output = tokio::process::Command::new("openssl")
        .args(["s_client", "-connect", &format!("127.0.0.1:{port}"), "-servername", name])
        .stdin(std::process::Stdio::null())
        .output()
        .await
        .expect("openssl runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let start = text.find("-----BEGIN CERTIFICATE-----").expect("a certificate");
    let end = text.find("-----END CERTIFICATE-----").expect("its end");
    let pem = &text[start..end + "-----END CERTIFICATE-----".len()];
    use rustls::pki_types::pem::PemObject;
    rustls::pki_types::CertificateDer::from_pem_slice(pem.as_bytes()).expect("a PEM").to_vec()
}

#[tokio::test]
async fn a_flooded_worker_is_held_to_its_plan() {
    let served = Served::configured("[plans.paid]\nconcurrent_requests = 2\nrequests_per_second = 20\n").await;
    let source = "export default { async fetch() { await scheduler.wait(1000); return new Response('ok'); } };";
    served.wrangler(Project::named("flooded", "", source).path(), &["deploy"]).await.ok();
    let mut asked = Vec::new();
    for _ in 0..40 {
        asked.push(tokio::spawn(served.request("GET", "flooded", "/").send()));
    }
    let mut statuses = std::collections::BTreeMap::new();
    for answer in asked {
        let answer = answer.await.unwrap();
        if answer.status() != 200 {
            assert_eq!(answer.headers()["retry-after"], "1");
        }
        *statuses.entry(answer.status().as_u16()).or_insert(0) += 1;
    }
    assert_eq!(statuses[&200], 2, "{statuses:?}");
    assert!(statuses[&503] >= 18 && statuses[&429] >= 10, "{statuses:?}");
}
