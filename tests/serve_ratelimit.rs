//! The rate limiting binding: in a deployment by wrangler, in both of its forms, and in development.

use std::time::{SystemTime, UNIX_EPOCH};

use harness::{Dev, Project, Served};

const SOURCE: &str = "
    export default {
      async fetch(request, env) {
        const url = new URL(request.url);
        if (url.pathname === '/wrong') return Response.json(await Promise.all([
          undefined, 'key', { key: 1 }, { key: 'x', kye: 1, l: 2 }, { key: 'x', limit: '1' }, { key: 'x', period: '10' }, { key: 'x', period: 11 },
        ].map((options) => env.LIMITER.limit(options).then(() => 'fine', (error) => `${error.name}: ${error.message}`))));
        if (url.pathname === '/shape') return Response.json([Object.keys(await env.LIMITER.limit({})), Object.prototype.toString.call(env.LIMITER)]);
        const { success } = await env.LIMITER.limit({ key: url.pathname });
        return new Response(success ? 'in' : 'out', { status: success ? 200 : 429 });
      },
    };";

const CONFIG: &str = "[[ratelimits]]\nname = \"LIMITER\"\nnamespace_id = \"1001\"\nsimple = { limit = 3, period = 60 }";
const OLDER: &str = "[[unsafe.bindings]]\nname = \"LIMITER\"\ntype = \"ratelimit\"\nnamespace_id = \"1001\"\nsimple = { limit = 3, period = 60 }";

fn minute() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() / 60
}

/// What `ask` gives for a key whose requests all came within one window.
async fn within_a_window<T, F: Future<Output = T>>(ask: impl Fn(String) -> F) -> T {
    loop {
        let before = minute();
        let answers = ask(format!("/key-{before}")).await;
        if minute() == before {
            return answers;
        }
    }
}

#[tokio::test]
async fn a_deployed_worker_is_limited_with_all_others_of_its_namespace() {
    let served = Served::start().await;
    let one = Project::named("one", CONFIG, SOURCE);
    let deployed = served.wrangler(one.path(), &["deploy"]).await.ok().text();
    assert!(deployed.contains("env.LIMITER (3 requests/60s)"), "{deployed}");
    served.wrangler(Project::named("two", OLDER, SOURCE).path(), &["deploy"]).await.ok();
    let other = CONFIG.replace("1001", "1002");
    served.wrangler(Project::named("three", &other, SOURCE).path(), &["deploy"]).await.ok();
    let answers = within_a_window(|key| {
        let served = &served;
        async move {
            let mut answers = Vec::new();
            for worker in ["one", "two", "one", "two", "one", "three"] {
                answers.push(served.text(worker, &key).await);
            }
            answers
        }
    })
    .await;
    assert_eq!(answers, ["in", "in", "in", "out", "out", "in"]);

    let wrong: Vec<String> = serde_json::from_str(&served.text("one", "/wrong").await).unwrap();
    assert_eq!(
        wrong,
        [
            "Error: invalid rate limit options",
            "Error: invalid rate limit options",
            "Error: invalid key: 1",
            "Error: bad rate limit options: [kye,l]",
            "Error: limit must be a number: 1",
            "Error: period must be a number: 10",
            "Error: unsupported period: 11",
        ]
    );
    assert_eq!(served.text("one", "/shape").await, r#"[["success"],"[object Ratelimit]"]"#);
    let (_, settings) = served.ask("GET", "/workers/scripts/two/settings", "").await;
    let binding = &settings["result"]["bindings"][0];
    assert_eq!((&binding["type"], &binding["namespace_id"]), (&"ratelimit".into(), &"1001".into()));
}

#[tokio::test]
async fn a_rule_that_the_platform_does_not_know_is_refused() {
    let served = Served::start().await;
    for (from, to, why) in
        [("period = 60", "period = 30", "10 or 60"), ("1001", "mine", "`namespace_id` must be an integer")]
    {
        let project = Project::named("wrong", &OLDER.replace(from, to), SOURCE);
        let refused = served.wrangler(project.path(), &["deploy"]).await.refused().text();
        assert!(refused.contains(why) && refused.contains("10021"), "{refused}");
    }
}

#[tokio::test]
async fn in_development_each_location_counts_by_itself() {
    for config in [CONFIG, OLDER] {
        let project = Project::configured(config, SOURCE);
        let dev = Dev::flags(&project, &["--colos", "NRT,GRU"]).await;
        let answers = within_a_window(|key| {
            let dev = &dev;
            async move {
                let mut answers = Vec::new();
                for colo in ["NRT", "NRT", "NRT", "NRT", "GRU", "NRT"] {
                    answers.push(dev.get(&key).header("x-skerry-colo", colo).send().await.status().as_u16());
                }
                answers
            }
        })
        .await;
        assert_eq!(answers, [200, 200, 200, 429, 200, 429]);
        assert!(!dev.output().contains("not supported"), "{}", dev.output());
    }
}
