//! A database as the platform's users know it, and a model of what transactions promise.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;
use crate::connection::D1Connection;

struct Fixture {
    _folder: tempfile::TempDir,
    databases: Databases,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let databases = Databases::new(folder.path().join("d1"));
        Self { _folder: folder, databases }
    }

    async fn run(&self, sql: &str) -> Result<Output, String> {
        self.bound(Statement::new(sql)).await
    }

    async fn bound(&self, statement: Statement) -> Result<Output, String> {
        let answer = self.databases.database("test").query(vec![statement]).await;
        answer.map(|(mut outputs, _)| outputs.remove(0)).map_err(|failed| failed.to_string())
    }

    async fn refused(&self, sql: &str) -> String {
        self.run(sql).await.expect_err(sql)
    }
}

#[tokio::test]
async fn values_come_back_as_they_went_in() {
    let fixture = Fixture::new();
    assert!(!fixture.databases.database("test").path().exists(), "nothing is made before the first query");
    let values = [
        Value::Null,
        Value::Real(1.5),
        Value::Text("a\0ü\u{1f600}".into()),
        Value::Blob(vec![0, 255]),
        Value::Integer(i64::MAX),
    ];
    let mut statement = Statement::new("SELECT ?, ?, ?3 AS text, ?, ?");
    statement.params = values.to_vec();
    let output = fixture.bound(statement).await.unwrap();
    assert_eq!(output.rows, [values.to_vec()]);
    assert_eq!(output.columns[2], "text");
}

#[tokio::test]
async fn meta_tells_what_was_done() {
    let fixture = Fixture::new();
    let created = fixture.run("CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT UNIQUE, b REAL)").await.unwrap();
    assert!(created.meta.changed_db && created.meta.changes == 0);
    let inserted = fixture.run("INSERT INTO t (a, b) VALUES ('x', 1), ('y', 2), ('z', 3)").await.unwrap();
    assert_eq!((inserted.meta.changes, inserted.meta.last_row_id, inserted.meta.rows_written), (3, 3, 6));
    let updated = fixture.run("UPDATE t SET b = 7").await.unwrap();
    assert_eq!((updated.meta.changes, updated.meta.rows_read, updated.meta.rows_written), (3, 3, 3));
    let read = fixture.run("SELECT * FROM t").await.unwrap();
    assert_eq!((read.meta.rows_read, read.meta.rows_written, read.meta.changed_db), (3, 0, false));
    assert_eq!(read.meta.size_after % 4096, 0);
    assert_eq!(fixture.run("SELECT 1").await.unwrap().meta.rows_read, 0);
}

#[tokio::test]
async fn errors_are_the_platforms() {
    let fixture = Fixture::new();
    fixture.run("CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT UNIQUE, b CHECK (b > 0))").await.unwrap();
    fixture.run("INSERT INTO t (a) VALUES ('x')").await.unwrap();
    let cases = [
        ("", "No SQL statements detected."),
        (" -- nothing", "No SQL statements detected."),
        ("SELEC", "near \"SELEC\": syntax error at offset 0: SQLITE_ERROR"),
        ("SELECT * FROM nope", "no such table: nope: SQLITE_ERROR"),
        ("SELECT zz FROM t", "no such column: zz at offset 7: SQLITE_ERROR"),
        ("SELECT ?", "Wrong number of parameter bindings for SQL query."),
        ("SELECT ?101", "variable number must be between ?1 and ?100 at offset 7: SQLITE_ERROR"),
        (
            "INSERT INTO t (a) VALUES ('x')",
            "UNIQUE constraint failed: t.a: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_UNIQUE)",
        ),
        (
            "INSERT INTO t (b) VALUES (0)",
            "CHECK constraint failed: b > 0: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_CHECK)",
        ),
        ("SELECT length(zeroblob(3000000))", "string or blob too big: SQLITE_TOOBIG"),
        ("SELECT json('{')", "malformed JSON: SQLITE_ERROR"),
        (
            "INSERT INTO t (a) VALUES (?); SELECT 1",
            "When executing multiple SQL statements in a single call, only the last statement can have parameters.",
        ),
    ];
    for (sql, message) in cases {
        assert_eq!(fixture.refused(sql).await, message, "{sql}");
    }
    let long = format!("SELECT '{}'", "x".repeat(100_000));
    assert_eq!(fixture.refused(&long).await, "statement too long: SQLITE_TOOBIG");
    let columns = format!("SELECT {}", vec!["1"; 101].join(","));
    assert_eq!(fixture.refused(&columns).await, "too many columns in result set: SQLITE_ERROR");
}

#[tokio::test]
async fn what_the_platform_refuses_is_refused() {
    let fixture = Fixture::new();
    fixture.run("CREATE TABLE t (a)").await.unwrap();
    for sql in ["BEGIN", "BEGIN IMMEDIATE", "COMMIT", "ROLLBACK", "SAVEPOINT a", "RELEASE a"] {
        assert!(fixture.refused(sql).await.starts_with("To execute a transaction, please use"), "{sql}");
    }
    let denied = [
        "ATTACH 'x.db' AS y",
        "DETACH y",
        "CREATE TEMP TABLE q (a)",
        "CREATE TABLE _cf_x (a)",
        "CREATE TABLE _CF_x (a)",
        "CREATE VIRTUAL TABLE r USING rtree(id, a, b)",
        "PRAGMA journal_mode = DELETE",
        "PRAGMA synchronous = OFF",
        "PRAGMA writable_schema = ON",
        "PRAGMA application_id = 1",
        "PRAGMA user_version",
        "PRAGMA page_count",
        "PRAGMA page_size",
        "PRAGMA database_list",
        "PRAGMA hard_heap_limit = 1",
        "PRAGMA max_page_count = 1",
        "SELECT * FROM pragma_function_list",
    ];
    for sql in denied {
        assert_eq!(fixture.refused(sql).await, "not authorized: SQLITE_AUTH", "{sql}");
    }
    for call in ["sqlite_version()", "load_extension('x')", "sqlite_compileoption_get(0)", "rtreecheck('t')"] {
        let message = fixture.refused(&format!("SELECT {call}")).await;
        assert!(message.starts_with("not authorized to use function: "), "{call}: {message}");
    }
    assert!(fixture.refused("SELECT * FROM dbstat").await.contains("prohibited"));
    assert!(fixture.refused("DELETE FROM sqlite_master").await.contains("may not be modified"));
    let allowed = [
        "PRAGMA table_list",
        "PRAGMA table_info(t)",
        "PRAGMA foreign_keys = OFF",
        "PRAGMA defer_foreign_keys = ON",
        "PRAGMA optimize",
        "PRAGMA quick_check",
        "SELECT name FROM pragma_table_info('t')",
        "SELECT name FROM sqlite_master",
        "CREATE VIRTUAL TABLE f USING fts5(body)",
        "INSERT INTO f VALUES ('some words')",
        "SELECT highlight(f, 0, '<', '>') FROM f WHERE f MATCH 'words'",
        "ALTER TABLE t RENAME TO u",
        "ALTER TABLE u ADD COLUMN b",
        "ALTER TABLE u DROP COLUMN b",
        "SELECT value, json_extract('{\"a\":1}', '$.a'), '[1]' -> 0 FROM json_each('[1]')",
        "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 9) SELECT sum(x) OVER () FROM c",
        "CREATE TRIGGER g AFTER INSERT ON u BEGIN SELECT 1; SELECT 2; END",
        "EXPLAIN QUERY PLAN SELECT * FROM u",
        "ANALYZE",
    ];
    for sql in allowed {
        fixture.run(sql).await.unwrap_or_else(|message| panic!("{sql}: {message}"));
    }
}

#[tokio::test]
async fn a_batch_happens_whole_or_not_at_all() {
    let fixture = Fixture::new();
    let database = fixture.databases.database("test");
    fixture.run("CREATE TABLE t (a TEXT UNIQUE)").await.unwrap();
    let insert = |value: &str| Statement::new("INSERT INTO t VALUES (?)").bind(Value::Text(value.into()));
    let failed = database.query(vec![insert("1"), insert("2"), insert("1"), insert("3")]).await.unwrap_err();
    assert_eq!(failed.at, 2);
    assert!(fixture.run("SELECT * FROM t").await.unwrap().rows.is_empty());
    // Constraints that wait for the commit fail the batch too.
    fixture.run("CREATE TABLE p (id INTEGER PRIMARY KEY)").await.unwrap();
    fixture.run("CREATE TABLE c (p INTEGER REFERENCES p (id) DEFERRABLE INITIALLY DEFERRED)").await.unwrap();
    let failed = database.query(vec![Statement::new("INSERT INTO c VALUES (9)")]).await.unwrap_err();
    assert!(failed.to_string().starts_with("FOREIGN KEY constraint failed: SQLITE_CONSTRAINT"), "{failed}");
    let orphan_first = vec![Statement::new("INSERT INTO c VALUES (9)"), Statement::new("INSERT INTO p VALUES (9)")];
    assert_eq!(database.query(orphan_first).await.unwrap().0.len(), 2);
}

#[tokio::test]
async fn bookmarks_grow_with_writes_and_openings() {
    let folder = tempfile::tempdir().unwrap();
    let bookmark = async |databases: &Databases, sql: &str| {
        let (_, bookmark) = databases.database("a").query(vec![Statement::new(sql)]).await.unwrap();
        bookmark.as_str().to_owned()
    };
    let databases = Databases::new(folder.path().to_owned());
    let created = bookmark(&databases, "CREATE TABLE t (a)").await;
    let read = bookmark(&databases, "SELECT * FROM t").await;
    let written = bookmark(&databases, "INSERT INTO t VALUES (1)").await;
    assert_eq!(created, read);
    assert!(written > read, "{written} {read}");
    assert_eq!(written.split('-').map(str::len).collect::<Vec<_>>(), [8, 8, 8, 32]);
    drop(databases);
    let databases = Databases::new(folder.path().to_owned());
    let reopened = bookmark(&databases, "INSERT INTO t VALUES (2)").await;
    assert!(reopened > written, "{reopened} {written}");
}

#[test]
fn a_statement_ends_at_its_time() {
    let folder = tempfile::tempdir().unwrap();
    let mut connection = D1Connection::open_with(&folder.path().join("db.sqlite"), Duration::from_millis(100)).unwrap();
    let endless = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c";
    let began = Instant::now();
    let failed = connection.transaction(&[Statement::new(endless)]).unwrap_err();
    assert!(matches!(failed.error, Error::Timeout), "{failed}");
    assert!(began.elapsed() < Duration::from_secs(20));
    assert_eq!(connection.transaction(&[Statement::new("SELECT 1")]).unwrap().len(), 1);
}

#[tokio::test]
async fn a_result_has_a_size() {
    let fixture = Fixture::new();
    let sql = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 100) \
               SELECT zeroblob(1000000) FROM c";
    assert!(fixture.refused(sql).await.contains("larger than 50 MB"));
}

/// What the model test does to a database.
#[derive(Clone, Debug)]
enum Step {
    Batch(Vec<Change>),
    Reopen,
}

#[derive(Clone, Debug)]
enum Change {
    Put(u8, i64),
    /// Fails when the key is there already.
    Insert(u8, i64),
    Delete(u8),
    Add(u8, i64),
}

fn change() -> impl Strategy<Value = Change> {
    let key = 0u8..6;
    prop_oneof![
        (key.clone(), -9i64..9).prop_map(|(key, value)| Change::Put(key, value)),
        (key.clone(), -9i64..9).prop_map(|(key, value)| Change::Insert(key, value)),
        key.clone().prop_map(Change::Delete),
        (key, -9i64..9).prop_map(|(key, value)| Change::Add(key, value)),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![9 => prop::collection::vec(change(), 1..5).prop_map(Step::Batch), 1 => Just(Step::Reopen)]
}

fn statement(change: &Change) -> Statement {
    let (sql, key, value) = match change {
        Change::Put(key, value) => ("INSERT OR REPLACE INTO t VALUES (?, ?)", key, Some(value)),
        Change::Insert(key, value) => ("INSERT INTO t VALUES (?, ?)", key, Some(value)),
        Change::Delete(key) => ("DELETE FROM t WHERE k = ?", key, None),
        Change::Add(key, value) => ("UPDATE t SET v = v + ?2 WHERE k = ?1", key, Some(value)),
    };
    let statement = Statement::new(sql).bind(Value::Integer((*key).into()));
    match value {
        Some(value) => statement.bind(Value::Integer(*value)),
        None => statement,
    }
}

/// The changes on a map, and how many rows each of them changes; `None` when one fails.
fn apply(model: &BTreeMap<u8, i64>, changes: &[Change]) -> Option<(BTreeMap<u8, i64>, Vec<u64>)> {
    let mut model = model.clone();
    let mut counts = Vec::new();
    for change in changes {
        counts.push(match change {
            Change::Put(key, value) => {
                model.insert(*key, *value);
                1
            }
            Change::Insert(key, value) => match model.insert(*key, *value) {
                None => 1,
                Some(_) => return None,
            },
            Change::Delete(key) => u64::from(model.remove(key).is_some()),
            Change::Add(key, value) => u64::from(model.get_mut(key).map(|found| *found += value).is_some()),
        });
    }
    Some((model, counts))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    /// Batches against a map: the same contents and counts after each, failures leave no trace, reopening changes nothing.
    #[test]
    fn batches_agree_with_a_map(steps in prop::collection::vec(step(), 1..20)) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("db.sqlite");
        let mut connection = D1Connection::open(&path).unwrap();
        connection.transaction(&[Statement::new("CREATE TABLE t (k INTEGER PRIMARY KEY, v INTEGER)")]).unwrap();
        let mut model = BTreeMap::new();
        for step in steps {
            match step {
                Step::Reopen => {
                    drop(connection);
                    connection = D1Connection::open(&path).unwrap();
                }
                Step::Batch(changes) => {
                    let statements: Vec<_> = changes.iter().map(statement).collect();
                    let before = connection.generation();
                    let result = connection.transaction(&statements);
                    match (apply(&model, &changes), result) {
                        (Some((next, counts)), Ok(outputs)) => {
                            let changed: Vec<_> = outputs.iter().map(|output| output.meta.changes).collect();
                            prop_assert_eq!(changed, counts);
                            prop_assert!(connection.generation() > before);
                            model = next;
                        }
                        (None, Err(_)) => prop_assert_eq!(connection.generation(), before),
                        (wanted, found) => prop_assert!(false, "{:?} {:?}", wanted, found),
                    }
                }
            }
            let all = connection.transaction(&[Statement::new("SELECT k, v FROM t ORDER BY k")]).unwrap();
            let wanted: Vec<_> =
                model.iter().map(|(key, value)| vec![Value::Integer((*key).into()), Value::Integer(*value)]).collect();
            prop_assert_eq!(&all[0].rows, &wanted);
        }
    }
}

#[tokio::test]
async fn a_database_grows_as_far_as_there_is_room() {
    let fixture = Fixture::new();
    let quota = ::store::quota::Quota::default();
    quota.set_limit(Some(1 << 20));
    fixture.databases.database("test").charge(&quota.share(::store::quota::Product::D1, "test"));
    fixture.run("CREATE TABLE t (a)").await.unwrap();
    let insert = "INSERT INTO t VALUES (randomblob(100000))";
    let mut written = 0;
    let refused = loop {
        match fixture.run(insert).await {
            Ok(_) => written += 1,
            Err(error) => break error,
        }
    };
    assert_eq!((refused.as_str(), written), ("Exceeded maximum DB size.", 10));
    let used = || quota.used()[::store::quota::Product::D1 as usize];
    let size = fixture.run("SELECT 1").await.unwrap().meta.size_after;
    assert!(used() <= 1 << 20 && used() == size, "{} {size}", used());
    // Another one of the same owner finds no room; reads and deletions go on, and give it back.
    let other = fixture.databases.database("other");
    other.charge(&quota.share(::store::quota::Product::D1, "other"));
    let large = "CREATE TABLE t AS SELECT randomblob(200000)";
    assert!(other.query(vec![Statement::new(large)]).await.is_err());
    assert_eq!(fixture.run("SELECT count(*) FROM t").await.unwrap().rows, [[Value::Integer(10)]]);
    fixture.run("DELETE FROM t").await.unwrap();
    assert!(used() < 200_000, "{}", used());
    other.query(vec![Statement::new(large)]).await.unwrap();
    fixture.run(insert).await.unwrap();
    let done: Vec<Done> =
        fixture.databases.database("test").counts().hours().into_iter().map(|(_, done)| done).collect();
    assert_eq!(done.iter().map(|done| done.write_queries).sum::<u64>(), 13);
}
