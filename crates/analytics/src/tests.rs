use std::time::Duration;

use serde_json::{Value, json};

use super::*;

async fn written(engine: &Engine, account: &str) {
    while !engine.is_idle(account) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn point(index: &str, blobs: &[&str], doubles: &[f64]) -> Point {
    let blobs = blobs.iter().map(|blob| Some((*blob).to_owned())).collect();
    Point::new(vec![Some(index.to_owned())], blobs, doubles.to_vec()).unwrap()
}

/// The rows of a query, as JSON.
async fn ask(engine: &Engine, text: &str) -> Value {
    let answer = engine.query("a", text).await.unwrap_or_else(|error| panic!("{text}: {error}"));
    serde_json::from_str(&answer.body).unwrap_or_else(|error| panic!("{text}: {error}: {}", answer.body))
}

async fn one(engine: &Engine, expression: &str) -> Value {
    ask(engine, &format!("SELECT {expression} AS v")).await["data"][0]["v"].clone()
}

async fn refused(engine: &Engine, text: &str) -> String {
    match engine.query("a", text).await {
        Err(QueryError::Refused(why)) => why,
        other => panic!("{text}: {other:?}"),
    }
}

async fn weather() -> (tempfile::TempDir, Engine) {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::new(folder.path());
    let dataset = engine.dataset("a", "weather");
    for (city, kind, celsius, humidity) in [
        ("Oslo", "dry", -3.5, 40.0),
        ("Oslo", "wet", 1.0, 80.0),
        ("Lima", "dry", 19.0, 60.0),
        ("Lima", "dry", 21.0, 62.0),
        ("Lima", "wet", 18.0, 90.0),
    ] {
        dataset.write(point(city, &[city, kind], &[celsius, humidity]));
    }
    engine.dataset("a", "empty-ish").write(point("", &[], &[]));
    engine.dataset("b", "secret").write(point("x", &["theirs"], &[]));
    written(&engine, "a").await;
    written(&engine, "b").await;
    (folder, engine)
}

#[tokio::test]
async fn points_are_found_again() {
    let (folder, engine) = weather().await;
    let all = ask(&engine, "SELECT * FROM weather").await;
    assert_eq!(all["rows"], 5);
    assert_eq!(all["meta"].as_array().unwrap().len(), 44);
    let first = &all["data"][0];
    assert_eq!(
        (&first["dataset"], &first["index1"], &first["blob1"]),
        (&"weather".into(), &"Oslo".into(), &"Oslo".into())
    );
    assert_eq!((&first["double1"], &first["double3"], &first["blob3"]), (&json!(-3.5), &json!(0), &"".into()));
    assert_eq!(first["_sample_interval"], 1);
    // Another engine on the same files, as after a crash.
    let again = Engine::new(folder.path());
    assert_eq!(ask(&again, "SELECT count() AS n FROM weather").await["data"], json!([{ "n": "5" }]));
}

#[tokio::test]
async fn rows_are_grouped_filtered_and_sorted() {
    let (_folder, engine) = weather().await;
    let found = ask(
        &engine,
        "SELECT blob1 AS city, count() AS readings, avg(double1) AS temp, max(double2), sum(_sample_interval) AS n
         FROM weather WHERE timestamp > now() - INTERVAL '1' DAY GROUP BY city HAVING readings > 1 ORDER BY temp DESC",
    )
    .await;
    assert_eq!(
        found,
        json!({
            "meta": [
                { "name": "city", "type": "String" }, { "name": "readings", "type": "UInt64" },
                { "name": "temp", "type": "Float64" }, { "name": "max(double2)", "type": "Float64" },
                { "name": "n", "type": "UInt64" },
            ],
            "data": [
                { "city": "Lima", "readings": "3", "temp": 19.333333333333332, "max(double2)": 90, "n": "3" },
                { "city": "Oslo", "readings": "2", "temp": -1.25, "max(double2)": 80, "n": "2" },
            ],
            "rows": 2,
        })
    );
    for (query, expected) in [
        ("SELECT double1 FROM weather ORDER BY double1 LIMIT 2 OFFSET 1", json!([[1], [18]])),
        ("SELECT double1 FROM weather WHERE blob1 = 'Oslo' AND NOT blob2 = 'wet'", json!([[-3.5]])),
        ("SELECT double1 FROM weather WHERE blob1 IN ('Oslo', 'Rome') ORDER BY double1 DESC", json!([[1], [-3.5]])),
        ("SELECT double1 FROM weather WHERE double1 BETWEEN 18 AND 19 ORDER BY double1", json!([[18], [19]])),
        ("SELECT blob1 FROM weather WHERE blob1 ILIKE 'l%' AND blob2 NOT LIKE 'd_y'", json!([["Lima"]])),
        ("SELECT count(DISTINCT blob1) FROM weather", json!([["2"]])),
        ("SELECT sum(DISTINCT double2 - double2 + 1) FROM weather", json!([[1]])),
        (
            "SELECT countIf(double1 > 0), sumIf(double1, blob2 = 'dry'), avgIf(double2, blob2 = 'wet') FROM weather",
            json!([["4", 36.5, 85]]),
        ),
        ("SELECT argMax(blob1, double1), argMin(blob2, double2) FROM weather", json!([["Lima", "dry"]])),
        ("SELECT quantileExactWeighted(0.5)(double1, _sample_interval) FROM weather", json!([[18]])),
        ("SELECT quantileWeighted(0.95, double1, 1) FROM weather", json!([[21]])),
        ("SELECT min(blob1), max(timestamp) > toDateTime('2020-01-01') FROM weather", json!([["Lima", 1]])),
        ("SELECT count() FROM weather WHERE double1 > 1000", json!([["0"]])),
        ("SELECT count(), blob1 FROM weather WHERE double1 > 1000 GROUP BY blob1", json!([])),
        ("SELECT blob1, double1 * 2 + 1 AS x FROM weather WHERE x > 40 ORDER BY x", json!([["Lima", 43]])),
        (
            "SELECT n, count() FROM (SELECT blob1 AS city, count() AS n FROM weather GROUP BY city) GROUP BY n ORDER BY n",
            json!([["2", "1"], ["3", "1"]]),
        ),
        (
            "SELECT toStartOfInterval(timestamp, INTERVAL '1' DAY) = toStartOfDay(now()) AS today, count() FROM weather GROUP BY today",
            json!([[1, "5"]]),
        ),
        (
            "SELECT upper(blob1), count() FROM weather GROUP BY blob1 ORDER BY blob1",
            json!([["LIMA", "3"], ["OSLO", "2"]]),
        ),
    ] {
        let found = ask(&engine, query).await;
        let names: Vec<&str> =
            found["meta"].as_array().unwrap().iter().map(|column| column["name"].as_str().unwrap()).collect();
        let rows = found["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| names.iter().map(|name| row[name].clone()).collect::<Vec<_>>());
        assert_eq!(json!(rows.collect::<Vec<_>>()), expected, "{query}");
    }
}

#[tokio::test]
async fn expressions_are_as_documented() {
    let (_folder, engine) = weather().await;
    for (expression, expected) in [
        ("'Hello'", json!("Hello")),
        ("1 + 2 * 3", json!(7)),
        ("7 / 2", json!(3.5)),
        ("7 % 4", json!(3)),
        ("intDiv(7, 2)", json!(3)),
        ("intDiv(-7, 2)", json!(-4)),
        ("-42", json!(-42)),
        ("1 / 0", json!(null)),
        ("if(1 < 2, 'yes', 'no')", json!("yes")),
        ("true AND NOT false", json!(1)),
        ("toUInt32('12')", json!(12)),
        ("toUInt8(300)", json!(44)),
        ("round(5.5)", json!(6)),
        ("round(3.14, 1)", json!(3.1)),
        ("floor(3.14, 1)", json!(3.1)),
        ("floor(5.5)", json!(5)),
        ("ceil(3.14, 1)", json!(3.2)),
        ("pow(2, 10)", json!(1024)),
        ("log(1)", json!(0)),
        ("length('größe')", json!("5")),
        ("empty('')", json!(1)),
        ("lower('ABC')", json!("abc")),
        ("upperUTF8('é')", json!("É")),
        ("startsWith('prefix', 'pre')", json!(1)),
        ("endsWith('prefix', 'pre')", json!(0)),
        ("position(':' IN 'hello: world')", json!("6")),
        ("substring('hello world', 7)", json!("world")),
        ("substring('hello: world', 1, 5)", json!("hello")),
        ("format('{} of {}', 1, 'two')", json!("1 of two")),
        ("toDateTime('2022-12-01 16:17:00')", json!("2022-12-01 16:17:00")),
        ("toDateTime(355924804)", json!("1981-04-12 12:00:04")),
        ("toDateTime('355924804')", json!("1981-04-12 12:00:04")),
        ("toUnixTimestamp(toDateTime('1981-04-12 12:00:04', 'Etc/UTC'))", json!(355924804)),
        ("formatDateTime(toDateTime('2022-12-01 16:17:00'), '%Y-%m-%d %H:%i')", json!("2022-12-01 16:17")),
        ("toStartOfInterval(toDateTime('2025-10-27 16:55:25'), INTERVAL '15' MINUTE)", json!("2025-10-27 16:45:00")),
        ("toStartOfInterval(toDateTime('2025-10-27 16:55:25'), INTERVAL '3' MONTH)", json!("2025-10-01 00:00:00")),
        ("toStartOfWeek(toDateTime('2025-10-29 00:00:00'))", json!("2025-10-27 00:00:00")),
        ("toStartOfFifteenMinutes(toDateTime('2025-10-27 16:55:25'))", json!("2025-10-27 16:45:00")),
        ("toStartOfYear(toDateTime('2025-10-27 00:00:00'))", json!("2025-01-01 00:00:00")),
        ("toDayOfWeek(toDateTime('2025-11-02 00:00:00'))", json!(7)),
        ("toYYYYMM(toDateTime('2025-10-27 16:55:25'))", json!(202510)),
        ("extract(SECOND from toDateTime('2022-06-06 11:30:15'))", json!(15)),
        ("toDateTime('2024-01-31 00:00:00') + INTERVAL '1' MONTH", json!("2024-02-29 00:00:00")),
        ("toDateTime('2024-03-01 00:00:00') - INTERVAL '2' HOUR", json!("2024-02-29 22:00:00")),
        ("bitAnd(6, 3)", json!(2)),
        ("bitCount(7)", json!(3)),
    ] {
        assert_eq!(one(&engine, expression).await, expected, "{expression}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_refused_by_its_name() {
    let (_folder, engine) = weather().await;
    for (query, why) in [
        ("", "empty"),
        ("SELEC 1", "can't be read"),
        ("SELECT 1; SELECT 2", "one query at a time"),
        ("INSERT INTO weather VALUES (1)", "INSERT is not supported"),
        ("DROP TABLE weather", "DROP is not supported"),
        ("SELECT * FROM secret", "there is no dataset \"secret\""),
        ("SELECT * FROM sqlite_master", "there is no dataset \"sqlite_master\""),
        ("SELECT * FROM main.point", "more than one part"),
        ("SELECT nothing FROM weather", "there is no column \"nothing\""),
        ("SELECT uniq(blob1) FROM weather", "the function uniq is not supported"),
        ("SELECT topK(3)(blob1) FROM weather", "topK"),
        ("SELECT load_extension('x')", "the function load_extension is not supported"),
        ("SELECT DISTINCT blob1 FROM weather", "SELECT DISTINCT is not supported"),
        ("SELECT 1 UNION ALL SELECT 2", "UNION is not supported"),
        ("SELECT a.blob1 FROM weather a JOIN weather b ON 1 = 1", "JOIN is not supported"),
        ("SELECT 1 FROM weather, weather", "more than one dataset"),
        ("WITH x AS (SELECT 1) SELECT * FROM x", "WITH is not supported"),
        ("SELECT blob1 FROM weather GROUP BY 1", "GROUP BY by a column's number is not supported"),
        ("SELECT blob1, count() FROM weather", "\"blob1\" is neither in GROUP BY nor within an aggregate"),
        ("SELECT count() FROM weather WHERE count() > 1", "the aggregate count can't be used in WHERE"),
        ("SELECT sum(count()) FROM weather", "an aggregate can't be of an aggregate"),
        ("SELECT sum(blob1) FROM weather", "sum does not take these arguments"),
        ("SELECT blob1 + 1 FROM weather", "+ is not for values of the types String and UInt8"),
        ("SELECT blob1 > 1 FROM weather", "can't be compared"),
        ("SELECT intDiv(1, 0)", "divided by zero"),
        ("SELECT toDateTime('x')", "is no time"),
        (
            "SELECT toDateTime('2022-12-01 16:17:00', 'America/New_York')",
            "the time zone \"America/New_York\" is not supported",
        ),
        ("SELECT now() - INTERVAL '1' WEEK", "the unit WEEK is not supported"),
        ("SELECT count() OVER () FROM weather", "OVER"),
        ("SELECT CASE WHEN 1 THEN 2 END", "CASE"),
        ("SELECT 1 FORMAT CSV", "the format \"CSV\" is not supported"),
        ("SHOW DATABASES", "SHOW DATABASES is not supported"),
        ("SELECT 9223372036854775807 + 1", "64 bits"),
    ] {
        let said = refused(&engine, query).await;
        assert!(said.contains(why), "{query}: {said}");
    }
}

#[tokio::test]
async fn formats_and_lists() {
    let (_folder, engine) = weather().await;
    let body = async |query: &str| engine.query("a", query).await.unwrap().body;
    assert_eq!(body("SELECT 'a\tb' AS x, 1 AS n FORMAT TabSeparated").await, "a\\tb\t1\n");
    assert_eq!(
        body("SELECT blob2, double2 FROM weather WHERE blob1 = 'Oslo' FORMAT JSONEachRow").await,
        "{\"blob2\":\"dry\",\"double2\":40}\n{\"blob2\":\"wet\",\"double2\":80}\n"
    );
    assert_eq!(
        ask(&engine, "show tables format json;").await["data"],
        json!([{ "dataset": "empty-ish" }, { "dataset": "weather" }])
    );
    assert_eq!(ask(&engine, "SELECT count() AS n FROM \"empty-ish\"").await["data"][0]["n"], "1");
    assert_eq!(ask(&engine, "SHOW TIMEZONE").await["data"][0]["timezone"], "Etc/UTC");
    let nobody: Value = serde_json::from_str(&engine.query("nobody", "SHOW TABLES").await.unwrap().body).unwrap();
    assert_eq!(nobody["rows"], 0);
}

#[tokio::test]
async fn queries_are_bounded() {
    let (_folder, engine) = weather().await;
    let long = format!("SELECT {}", vec!["1"; 4000].join(" + "));
    assert_eq!(ask(&engine, &format!("{long} AS v")).await["data"][0]["v"], "4000");
    assert!(refused(&engine, &format!("SELECT {}", vec!["1"; 6000].join(" + "))).await.contains("too long"));
    let deep = format!("SELECT {}1{}", "(".repeat(3000), ")".repeat(3000));
    assert!(refused(&engine, &deep).await.contains("can't be read"));
    // Each name stands for two of the next.
    let names: Vec<String> = (0..40).map(|n| format!("a{} + a{} AS a{n}", n + 1, n + 1)).collect();
    assert!(refused(&engine, &format!("SELECT {}, 1 AS a40", names.join(", "))).await.contains("too long"));
    let mut nested = "SELECT 1 AS x".to_owned();
    for _ in 0..10 {
        nested = format!("SELECT x FROM ({nested})");
    }
    assert!(refused(&engine, &nested).await.contains("within each other"));
}
