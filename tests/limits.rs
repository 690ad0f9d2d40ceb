//! A hostile Worker is stopped with 1102; neither the process nor its neighbours notice.

use std::time::{Duration, Instant};

use harness::{Dev, Project};

/// One path for each way to take more than one's share.
const ATTACKS: &str = r#"
    const kept = [];
    const attacks = {
      loop() { while (true) {} },
      async microtasks() { for (;;) await null; },
      chained() { const again = () => Promise.resolve().then(again); return again(); },
      regex() { return /^(a+)+$/.test("a".repeat(40) + "!"); },
      json() { const text = "[" + "[],".repeat(3_000_000) + "0]"; return JSON.parse(text).length; },
      longer() { const text = "[" + "[],".repeat(30_000_000) + "0]"; return JSON.parse(text).length; },
      array() { for (;;) kept.push(new Array(1000).fill(Math.random())); },
      strings() { let s = "x"; for (;;) { s += s + Math.random(); kept.push(s); } },
      buffer() { const b = new ArrayBuffer(1024 ** 3); return b.byteLength; },
      buffers() { for (;;) kept.push(new Uint8Array(16 * 1024 * 1024).fill(1)); },
      async promises() { const all = []; for (let i = 0; i < 1_000_000; i++) all.push(new Promise((r) => setTimeout(r, 60_000))); await Promise.all(all); },
      recursion() { const deeper = (n) => deeper(n + 1) + 1; return deeper(0); },
      catcher() { for (;;) { try { while (true) {} } catch {} finally { continue; } } },
      getter() { return new Response("x", { get status() { while (true) {} } }); },
      async timers() { for (;;) { setTimeout(() => {}, 1e9); } },
      wasm() { for (let i = 0; i < 8; i++) kept.push(new WebAssembly.Memory({ initial: 992 })); return kept.length; },
      structured() { let deep = []; for (let i = 0; i < 1e7; i++) deep = [deep]; return structuredClone(deep); },
    };
    export default {
      async fetch(request) {
        const { pathname } = new URL(request.url);
        if (pathname === "/well") return new Response("well");
        return new Response(String(await attacks[pathname.slice(1)]()));
      },
    };
"#;

const NEIGHBOUR: &str = r#"
    let answers = 0;
    export default { async fetch() { return new Response(`calm ${++answers}`); } };
"#;

/// The attacks, each with the statuses that are a right answer to it.
/// Recursion ends in a RangeError of the language; so may a buffer or a string that is refused at once.
const CASES: &[(&str, &[u16])] = &[
    ("loop", &[503]),
    ("microtasks", &[503]),
    ("chained", &[503]),
    ("regex", &[503]),
    ("json", &[503]),
    ("longer", &[503]),
    ("array", &[503]),
    ("strings", &[503, 500]),
    ("buffer", &[503, 500]),
    ("buffers", &[503, 500]),
    ("promises", &[503]),
    ("recursion", &[500, 503]),
    ("catcher", &[503]),
    ("getter", &[503]),
    ("timers", &[503, 500]),
    ("wasm", &[503]),
    ("structured", &[503, 500]),
];

#[tokio::test]
async fn attacks_end_and_nobody_else_notices() {
    let hostile = Project::named("hostile", "[limits]\ncpu_ms = 50", ATTACKS);
    let calm = Project::named("calm", "", NEIGHBOUR);
    let mut dev = Dev::with(&["--enforce-limits"], &[hostile.path(), calm.path()]).await;
    let port = dev.address().port();
    let (hostile_host, calm_host) = (format!("hostile.localhost:{port}"), format!("calm.localhost:{port}"));

    let mut expected = 0;
    let mut slowest = Duration::ZERO;
    for (attack, statuses) in CASES {
        let asked = dev.get(&format!("/{attack}")).header("host", &hostile_host).send();
        let attacking = tokio::spawn(asked);
        let start = Instant::now();
        while !attacking.is_finished() {
            expected += 1;
            let asked = Instant::now();
            let answer = dev.get("/").header("host", &calm_host).send().await;
            slowest = slowest.max(asked.elapsed());
            // The count goes on: the neighbour's isolate is the one it was.
            assert_eq!(harness::text(answer).await, format!("calm {expected}"), "during {attack}");
            tokio::time::sleep(Duration::from_millis(5)).await;
            assert!(start.elapsed() < Duration::from_secs(15), "{attack} was not stopped");
        }
        let answer = attacking.await.unwrap();
        let status = answer.status().as_u16();
        let text = harness::text(answer).await;
        assert!(statuses.contains(&status), "{attack} answered {status}: {text}");
        let told = if status == 503 { "error code: 1102" } else { "RangeError: " };
        assert!(text.starts_with(told), "{attack} answered {status} without {told:?}: {text}");

        // The Worker itself is served again at once.
        let answer = dev.get("/well").header("host", &hostile_host).send().await;
        assert_eq!(harness::text(answer).await, "well", "after {attack}");
        dev.assert_alive();
        let resident = dev.resident_mib();
        assert!(resident < 700, "{resident} MiB resident after {attack}");
    }
    assert!(slowest < Duration::from_secs(2), "a neighbour waited {slowest:?}");
}

#[tokio::test]
async fn a_stopped_request_does_not_stop_its_siblings() {
    let project = Project::configured(
        "[limits]\ncpu_ms = 50",
        r#"
        export default {
          async fetch(request) {
            if (new URL(request.url).pathname === "/hog") for (;;);
            await scheduler.wait(400);
            return new Response("patient");
          },
        };
        "#,
    );
    let dev = Dev::flags(&project, &["--enforce-limits"]).await;
    let patient = tokio::spawn(dev.get("/").send());
    tokio::time::sleep(Duration::from_millis(100)).await;
    let hog = dev.get("/hog").send().await;
    assert_eq!(hog.status(), 503);
    let patient = patient.await.unwrap();
    assert_eq!(patient.status(), 200);
    assert_eq!(harness::text(patient).await, "patient");
}

#[tokio::test]
async fn cpu_time_is_not_wall_time() {
    let project = Project::configured(
        "[limits]\ncpu_ms = 50",
        r#"
        export default {
          async fetch() {
            for (let i = 0; i < 10; i++) await scheduler.wait(30);
            return new Response("waited");
          },
        };
        "#,
    );
    let dev = Dev::flags(&project, &["--enforce-limits"]).await;
    assert_eq!(dev.text("/").await, "waited");
}

#[tokio::test]
async fn subrequests_are_counted() {
    let origin = harness::Origin::start(|_| async { harness::Origin::text("ok") }).await;
    let project = Project::configured(
        "[limits]\nsubrequests = 5",
        r#"
        export default {
          async fetch(request, env) {
            let done = 0;
            try { for (; done < 10; done++) await (await fetch(env.ORIGIN)).text(); }
            catch (error) { return new Response(`${done} ${error.message}`); }
            return new Response(`${done}`);
          },
        };
        "#,
    );
    let dev = Dev::flags(&project, &["--enforce-limits", "--var", &format!("ORIGIN:{}", origin.url("/"))]).await;
    let text = dev.text("/").await;
    assert!(text.starts_with("5 Too many subrequests"), "{text}");
    assert_eq!(origin.seen().len(), 5);
}

#[tokio::test]
async fn dev_warns_instead_of_stopping() {
    let project = Project::configured(
        "[limits]\ncpu_ms = 10",
        r#"
        export default {
          async fetch() {
            let x = 1;
            for (let i = 0; i < 200_000_000; i++) x = (x * 1103515245 + 12345) & 0x7fffffff;
            return new Response("done " + (x > 0));
          },
        };
        "#,
    );
    let dev = Dev::start(&project).await;
    assert_eq!(dev.text("/").await, "done true");
    dev.line("CPU").await;
}

/// Bodies are outside V8's heap and count all the same; garbage does not.
#[tokio::test]
async fn memory_outside_the_heap_counts() {
    let project = Project::worker(
        r#"
        const kept = [];
        export default {
          async fetch(request) {
            switch (new URL(request.url).pathname) {
              case "/keep": kept.push(await request.arrayBuffer()); break;
              case "/pass": {
                let bytes = 0;
                for await (const chunk of request.body) bytes += chunk.byteLength;
                return new Response(String(bytes));
              }
            }
            return new Response(`kept ${kept.length}`);
          },
        };
        "#,
    );
    let dev = Dev::start(&project).await;
    let large = vec![1u8; 60 << 20];
    for _ in 0..6 {
        let answer = dev.request("POST", "/keep").body(large.clone()).await;
        if answer.status() == 200 {
            let kept: u32 = harness::text(answer).await.trim_start_matches("kept ").parse().expect("a count");
            assert!(kept <= 3, "{kept} bodies of 60 MiB were kept within 128 MiB");
        } else {
            assert_eq!(answer.status(), 503);
        }
    }
    // A body that only passes through is garbage as it goes.
    for _ in 0..4 {
        let answer = dev.request("POST", "/pass").body(large.clone()).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(harness::text(answer).await, (60 << 20).to_string());
    }
}
