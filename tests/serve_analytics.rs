//! Analytics Engine: points that deployed Workers write, and the SQL that they are asked with.

use std::collections::BTreeSet;

use harness::{Dev, Project, Served, eventually, skerry, text};
use serde_json::{Value, json};

const SOURCE: &str = "
    export default {
      async fetch(request, env) {
        const url = new URL(request.url);
        if (url.pathname === '/refused') {
          const attempts = [
            { indexes: ['a', 'b'] }, { indexes: ['x'.repeat(97)] }, { blobs: Array(21).fill('x') }, { blobs: ['x'.repeat(16385)] },
            { doubles: Array(21).fill(1) }, { blobs: 'x' }, 7,
          ];
          return Response.json(attempts.map((point) => { try { return String(env.READINGS.writeDataPoint(point)); } catch (error) { return String(error); } }));
        }
        if (url.pathname === '/many') {
          let written = 0;
          try { for (;;) { env.UNNAMED.writeDataPoint({ doubles: [written] }); written++; } } catch (error) { return new Response(`${written} ${error}`); }
        }
        const [city, celsius] = url.pathname.slice(1).split('/');
        const returned = env.READINGS.writeDataPoint({ indexes: [city], blobs: [city, new TextEncoder().encode('bytes'), null, 'fourth'], doubles: [Number(celsius)] });
        return new Response(String(returned));
      },
    };";

const CONFIG: &str =
    "analytics_engine_datasets = [{ binding = \"READINGS\", dataset = \"weather\" }, { binding = \"UNNAMED\" }]";

async fn query(served: &Served, token: &str, account: &str, sql: &str) -> (u16, String) {
    let path = format!("/accounts/{account}/analytics_engine/sql");
    let request = served.api_without("POST", &path).header("authorization", &format!("Bearer {token}"));
    let answer = request.body(sql.to_owned()).await;
    (answer.status().as_u16(), text(answer).await)
}

async fn rows(served: &Served, sql: &str) -> Value {
    let (status, body) = query(served, &served.token, &served.account, sql).await;
    assert_eq!(status, 200, "{sql}: {body}");
    serde_json::from_str::<Value>(&body).unwrap_or_else(|error| panic!("{error}: {body}"))["data"].clone()
}

/// Whether as many points of a dataset are there as should be.
async fn has(served: &Served, dataset: &str, count: &str) -> bool {
    let tables = rows(served, "SHOW TABLES").await;
    if !tables.as_array().unwrap().iter().any(|table| table["dataset"] == dataset) {
        return false;
    }
    rows(served, &format!("SELECT count() AS n FROM {dataset}")).await[0]["n"] == count
}

#[tokio::test]
async fn points_are_asked_for_with_sql() {
    let mut served = Served::start().await;
    served.wrangler(Project::named("station", CONFIG, SOURCE).path(), &["deploy"]).await.ok();
    assert_eq!(rows(&served, "SHOW TABLES").await, json!([]));
    for reading in ["oslo/-3.5", "oslo/1", "lima/19", "lima/21", "lima/18"] {
        assert_eq!(served.text("station", &format!("/{reading}")).await, "undefined");
    }
    eventually(|| has(&served, "weather", "5")).await;
    // What was seen to be there survives a crash.
    served.kill().await;
    served.again().await;
    let found = rows(
        &served,
        "SELECT index1 AS city, sum(_sample_interval) AS readings, sum(_sample_interval * double1) / sum(_sample_interval) AS average
         FROM weather WHERE timestamp > NOW() - INTERVAL '1' DAY GROUP BY city ORDER BY average DESC",
    )
    .await;
    let expected = json!([
        { "city": "lima", "readings": "3", "average": 19.333333333333332 },
        { "city": "oslo", "readings": "2", "average": -1.25 },
    ]);
    assert_eq!(found, expected);
    let found =
        rows(&served, "SELECT blob1, blob2, blob3, blob4, blob5, double2 FROM weather WHERE double1 = 21").await;
    assert_eq!(
        found,
        json!([{ "blob1": "lima", "blob2": "bytes", "blob3": "", "blob4": "fourth", "blob5": "", "double2": 0 }])
    );
    let (_, lines) = query(
        &served,
        &served.token,
        &served.account,
        "SELECT blob1, double1 FROM weather WHERE double1 < 10 ORDER BY double1 FORMAT TabSeparated",
    )
    .await;
    assert_eq!(lines, "oslo\t-3.5\noslo\t1\n");
    let request = served
        .api("GET", &format!("/accounts/{}/analytics_engine/sql?query=SELECT%201%20AS%20one", served.account))
        .send()
        .await;
    assert_eq!(text(request).await, r#"{"meta":[{"name":"one","type":"UInt8"}],"data":[{"one":1}],"rows":1}"#);
}

#[tokio::test]
async fn what_a_worker_may_write_is_limited() {
    let served = Served::start().await;
    served.wrangler(Project::named("station", CONFIG, SOURCE).path(), &["deploy"]).await.ok();
    let refused: Vec<String> = serde_json::from_str(&served.text("station", "/refused").await).unwrap();
    assert_eq!(
        refused,
        [
            "TypeError: writeDataPoint(): Maximum of 1 indexes supported.",
            "TypeError: writeDataPoint(): Size of indexes[0] exceeds 96 bytes).",
            "TypeError: writeDataPoint(): Maximum of 20 blobs supported.",
            "TypeError: writeDataPoint(): Cumulative size of blobs exceeds 16384 bytes).",
            "TypeError: writeDataPoint(): Maximum of 20 doubles supported.",
            "TypeError: Incorrect type for the 'blobs' field on 'AnalyticsEngineEvent': the provided value is not of type 'Array'.",
            "TypeError: Failed to execute 'writeDataPoint' on 'AnalyticsEngine': parameter 1 is not of type 'AnalyticsEngineEvent'.",
        ]
    );
    assert_eq!(served.text("station", "/many").await, "250 Error: Analytics Engine write limit exceeded.");
    // Without a name, the dataset has the binding's.
    eventually(|| has(&served, "UNNAMED", "250")).await;
    assert_eq!(
        rows(&served, "SELECT min(double1) AS least, max(double1) AS most FROM UNNAMED").await,
        json!([{ "least": 0, "most": 249 }])
    );
}

#[tokio::test]
async fn an_account_sees_its_own_and_only_who_may() {
    let served = Served::start().await;
    served.wrangler(Project::named("station", CONFIG, SOURCE).path(), &["deploy"]).await.ok();
    served.text("station", "/oslo/1").await;
    eventually(|| has(&served, "weather", "1")).await;
    let (other, token) = served.another_account().await;
    let (status, body) = query(&served, &token, &other, "SELECT * FROM weather").await;
    assert_eq!(status, 400, "{body}");
    assert!(body.contains("there is no dataset"), "{body}");
    assert_eq!(query(&served, &token, &served.account, "SHOW TABLES").await.0, 403);
    assert_eq!(
        served
            .api_without("POST", &format!("/accounts/{}/analytics_engine/sql", served.account))
            .body("SHOW TABLES")
            .await
            .status(),
        400
    );
    let registry = registry::Registry::open(&served.data()).unwrap();
    for (scope, status) in [(registry::Scope::AnalyticsRead, 200), (registry::Scope::WorkersWrite, 403)] {
        let made = registry.create_token(&served.account, "reader", BTreeSet::from([scope]), None).await.unwrap();
        let (found, body) = query(&served, &made.secret, &served.account, "SELECT count() FROM weather").await;
        assert_eq!(found, status, "{scope:?}: {body}");
    }
    for (sql, why) in [
        ("DELETE FROM weather", "DELETE is not supported"),
        ("SELECT uniq(blob1) FROM weather", "the function uniq is not supported"),
        ("SELECT * FROM weather JOIN weather", "JOIN"),
        ("nonsense", "can't be read"),
    ] {
        let (status, body) = query(&served, &served.token, &served.account, sql).await;
        assert_eq!(status, 400, "{sql}: {body}");
        assert!(body.contains(why), "{sql}: {body}");
    }
    let (status, body) = query(&served, &served.token, &served.account, &"x".repeat(300 << 10)).await;
    assert_eq!(status, 413, "{body}");
}

#[tokio::test]
async fn in_development_the_command_line_asks() {
    let project = Project::configured(CONFIG, SOURCE);
    let dev = Dev::start(&project).await;
    assert_eq!(dev.text("/oslo/4").await, "undefined");
    let asked = || async {
        let found =
            skerry(project.path(), &["analytics", "SELECT blob1, double1 FROM weather FORMAT TabSeparated"]).await;
        found.success && found.stdout == "oslo\t4\n"
    };
    eventually(asked).await;
    let refused = skerry(project.path(), &["analytics", "SELECT nothing FROM weather"]).await.refused();
    assert!(refused.stderr.contains("there is no column \"nothing\""), "{}", refused.stderr);
}
