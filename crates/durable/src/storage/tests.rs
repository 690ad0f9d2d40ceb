use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::{Bookmark, Namespace, ObjectId, Rows, Value};

fn never() -> bool {
    false
}

fn storage(folder: &tempfile::TempDir) -> Storage {
    let namespace = Namespace::new("test-Object", folder.path());
    namespace.open(&ObjectId::from_name("test-Object", None, "one"), true).unwrap()
}

fn sql(storage: &mut Storage, text: &str) -> Result<Rows, String> {
    storage.exec(text, &[], never).map_err(|error| error.to_string())
}

/// A step of a storage's life.
#[derive(Clone, Debug)]
enum Step {
    Put(String, u8),
    Delete(String),
    List(List),
    Commit,
    /// What was committed is acknowledged.
    Sync,
    /// It is closed and opened again: what was not committed is gone.
    Close,
    /// The process is killed: the next one finds the files as they are.
    Kill,
    /// Whether it may wait for others.
    Begin(bool),
    End(bool),
    Clear,
    /// Nobody has used it for a while.
    Rest,
    /// A bookmark of the present.
    Bookmark,
    /// The n-th bookmark that there is, is to be restored; the next time that the storage is opened, it is.
    Restore(usize),
}

fn key() -> impl Strategy<Value = String> {
    proptest::string::string_regex("[a-c\u{7f}\u{ff}\u{10ffff}]{0,3}").unwrap()
}

fn step() -> impl Strategy<Value = Step> {
    let bound = || proptest::option::of(key());
    let list = (bound(), bound(), bound(), bound(), any::<bool>(), proptest::option::of(1u32..5)).prop_map(
        |(prefix, start, start_after, end, reverse, limit)| {
            Step::List(List { prefix, start, start_after, end, reverse, limit })
        },
    );
    prop_oneof![
        6 => (key(), any::<u8>()).prop_map(|(key, value)| Step::Put(key, value)),
        2 => key().prop_map(Step::Delete),
        4 => list,
        2 => Just(Step::Commit),
        1 => Just(Step::Sync),
        1 => Just(Step::Close),
        1 => Just(Step::Kill),
        1 => any::<bool>().prop_map(Step::Begin),
        1 => any::<bool>().prop_map(Step::End),
        1 => Just(Step::Clear),
        2 => Just(Step::Rest),
        2 => Just(Step::Bookmark),
        1 => any::<usize>().prop_map(Step::Restore),
    ]
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Makes what was committed durable.
fn sync(storage: &Storage) {
    if storage.database.is_some() && *storage.commits.borrow() > 0 {
        assert!(storage.disk.sync().unwrap());
        storage.durability.reached(*storage.commits.borrow());
    }
}

type Model = BTreeMap<String, u8>;

fn expected(model: &Model, list: &List) -> Vec<(String, Vec<u8>)> {
    let fits = |key: &String| {
        list.prefix.as_ref().is_none_or(|prefix| key.starts_with(prefix.as_str()))
            && list.start.as_ref().is_none_or(|start| key >= start)
            && list.start_after.as_ref().is_none_or(|after| key > after)
            && list.end.as_ref().is_none_or(|end| key < end)
    };
    let mut entries: Vec<_> =
        model.iter().filter(|(key, _)| fits(key)).map(|(key, value)| (key.clone(), vec![*value])).collect();
    if list.reverse {
        entries.reverse();
    }
    entries.truncate(list.limit.map_or(usize::MAX, |limit| limit as usize));
    entries
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Against a map, with transactions as copies of it.
    #[test]
    fn storage_is_a_map(steps in proptest::collection::vec(step(), 1..60)) {
        let mut folder = tempfile::tempdir().unwrap();
        let mut storage = storage(&folder);
        let (mut model, mut committed, mut saved) = (Model::new(), Model::new(), Vec::<Model>::new());
        let mut bookmarks: Vec<(Bookmark, Model)> = Vec::new();
        // What is to be restored, and the bookmark of what was before.
        let mut restore: Option<(Model, Bookmark)> = None;
        for step in steps {
            match step {
                Step::Put(key, value) => {
                    storage.put(&key, &[value]).unwrap();
                    model.insert(key, value);
                }
                Step::Delete(key) => {
                    assert_eq!(storage.delete(&key).unwrap(), model.remove(&key).is_some());
                }
                Step::List(list) => assert_eq!(storage.list(&list).unwrap(), expected(&model, &list), "{list:?}"),
                Step::Commit => {
                    storage.commit().unwrap();
                    if saved.is_empty() {
                        committed = model.clone();
                    }
                }
                Step::Sync => {
                    let unsealed = storage.database.as_ref().is_some_and(Database::is_unsealed);
                    if unsealed && storage.open {
                        // It is sealed before the next transaction.
                        assert!(!storage.disk.sync().unwrap());
                    } else {
                        sync(&storage);
                    }
                }
                Step::Close | Step::Kill => {
                    if matches!(step, Step::Kill) {
                        if storage.database.as_ref().is_some_and(Database::is_unsealed) {
                            // Of what was never acknowledged all is gone.
                            committed.clear();
                        }
                        let left = tempfile::tempdir().unwrap();
                        copy(folder.path(), left.path());
                        drop(storage);
                        folder = left;
                    } else {
                        drop(storage);
                    }
                    storage = self::storage(&folder);
                    saved.clear();
                    assert_eq!(storage.is_restored(), restore.is_some());
                    if let Some((earlier, before)) = restore.take() {
                        bookmarks.push((before, committed));
                        committed = earlier;
                    }
                    model = committed.clone();
                }
                Step::Bookmark if saved.is_empty() => {
                    let bookmark = storage.bookmark().unwrap();
                    if let Some((last, state)) = bookmarks.iter().max_by_key(|(bookmark, _)| bookmark.clone()) {
                        assert!(*last < bookmark || *last == bookmark && *state == model, "{last} {bookmark}");
                    }
                    bookmarks.push((bookmark, model.clone()));
                    committed = model.clone();
                }
                Step::Bookmark => assert!(matches!(storage.bookmark(), Err(Error::InTransaction))),
                Step::Restore(which) if !bookmarks.is_empty() => {
                    let (bookmark, state) = &bookmarks[which % bookmarks.len()];
                    let before = storage.restore_next(bookmark.as_str()).unwrap();
                    restore = Some((state.clone(), before));
                }
                Step::Restore(_) => {}
                Step::Begin(awaits) => {
                    let unsealed = storage.database.as_ref().is_some_and(Database::is_unsealed);
                    storage.begin(awaits).unwrap();
                    if awaits && unsealed && saved.is_empty() {
                        committed = model.clone();
                    }
                    saved.push(model.clone());
                }
                Step::End(keep) => match saved.pop() {
                    Some(before) => {
                        storage.end(keep).unwrap();
                        if !keep {
                            model = before;
                        }
                    }
                    None => assert!(storage.end(keep).is_err()),
                },
                Step::Rest => storage.rest(),
                Step::Clear => {
                    storage.delete_all().unwrap();
                    model.clear();
                }
            }
            for key in ["", "a", "\u{ff}"] {
                assert_eq!(storage.get(key).unwrap(), model.get(key).map(|value| vec![*value]));
            }
        }
    }
}

#[tokio::test]
async fn commits_become_durable_together() {
    let folder = tempfile::tempdir().unwrap();
    let mut storage = storage(&folder);
    let durability = storage.durability().clone();
    let mut numbers = Vec::new();
    for number in 0..20u8 {
        storage.put("key", &[number]).unwrap();
        numbers.push(storage.commit().unwrap());
    }
    assert!(!durability.has(numbers[19]));
    let reached = numbers.iter().map(|number| durability.reach(*number));
    for reached in futures::future::join_all(reached).await {
        reached.unwrap();
    }
    assert!(durability.has(numbers[19]));
}

#[test]
fn sql_follows_the_rules() {
    let folder = tempfile::tempdir().unwrap();
    let mut storage = storage(&folder);
    let made = sql(&mut storage, "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, data BLOB); INSERT INTO t VALUES (1, 'one', x'00ff'), (2, NULL, NULL)").unwrap();
    assert_eq!(made.written, 2);
    let found =
        storage.exec("SELECT id, name, data, 1.5 AS half FROM t WHERE id < ?", &[Value::Integer(2)], never).unwrap();
    assert_eq!(found.columns, ["id", "name", "data", "half"]);
    let row = vec![Value::Integer(1), Value::Text("one".into()), Value::Blob(vec![0, 255]), Value::Real(1.5)];
    assert_eq!(found.rows, [row]);
    assert_eq!(found.read, 1);

    for (wrong, told) in [
        ("SELEC 1", "near \"SELEC\": syntax error at offset 0: SQLITE_ERROR"),
        ("BEGIN", TRANSACTIONS_BEGIN),
        ("  savepoint x", TRANSACTIONS_BEGIN),
        ("ATTACH 'other.db' AS other", "not authorized: SQLITE_AUTH"),
        ("PRAGMA journal_mode = DELETE", "not authorized: SQLITE_AUTH"),
        ("PRAGMA user_version = 7", "not authorized: SQLITE_AUTH"),
        ("SELECT load_extension('x')", "not authorized to use function: load_extension"),
        ("INSERT INTO t VALUES (1, 'again', NULL)", "UNIQUE constraint failed: t.id: SQLITE_CONSTRAINT"),
        ("SELECT ?", "Wrong number of parameter bindings for SQL query."),
        ("SELECT ?; SELECT 1", "only the last statement can have parameters."),
    ] {
        let error = sql(&mut storage, wrong).unwrap_err();
        assert!(error.contains(told), "{wrong}: {error}");
    }
    for private in [
        "SELECT * FROM _cf_KV",
        "DROP TABLE _cf_METADATA",
        "INSERT INTO _CF_kv VALUES (x'', x'')",
        "CREATE TABLE _cf_x (y)",
    ] {
        assert!(sql(&mut storage, private).is_err(), "{private}");
    }
    assert!(sql(&mut storage, "PRAGMA table_info(t)").unwrap().rows.len() == 3);
    sql(&mut storage, "CREATE VIRTUAL TABLE text USING fts5(body); INSERT INTO text VALUES ('hello world')").unwrap();
    assert_eq!(
        sql(&mut storage, "SELECT count(*) FROM text WHERE text MATCH 'hello'").unwrap().rows,
        [[Value::Integer(1)]]
    );

    let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
    let stopped = storage.exec(endless, &[], || true).unwrap_err().to_string();
    assert!(stopped.contains("SQLITE_INTERRUPT"), "{stopped}");
    let large = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT randomblob(1000000) FROM n";
    assert!(sql(&mut storage, large).unwrap_err().contains("larger than"));

    storage.put("key", b"value").unwrap();
    storage.delete_all().unwrap();
    assert_eq!(storage.get("key").unwrap(), None);
    assert!(sql(&mut storage, "SELECT * FROM t").unwrap_err().contains("no such table"));
}

const TRANSACTIONS_BEGIN: &str = "To execute a transaction, please use the state.storage.transaction()";

#[tokio::test]
async fn alarms_are_found_without_their_objects() {
    let folder = tempfile::tempdir().unwrap();
    let namespace = Namespace::new("test-Object", folder.path());
    let [one, two] = ["one", "two"].map(|name| ObjectId::from_name("test-Object", None, name));
    assert_eq!(namespace.alarms().all().await.unwrap(), []);
    namespace.alarms().set(one, None).await.unwrap();
    assert!(!namespace.exists());
    namespace.alarms().set(one, Some(200)).await.unwrap();
    namespace.alarms().set(two, Some(100)).await.unwrap();
    namespace.alarms().set(one, Some(50)).await.unwrap();
    assert_eq!(namespace.alarms().all().await.unwrap(), [(one, 50), (two, 100)]);
    let again = Namespace::new("test-Object", folder.path());
    again.alarms().set(one, None).await.unwrap();
    assert_eq!(again.alarms().all().await.unwrap(), [(two, 100)]);

    let mut storage = again.open(&one, true).unwrap();
    assert_eq!(storage.alarm().unwrap(), None);
    storage.set_alarm(Some(7)).unwrap();
    assert_eq!(storage.alarm().unwrap(), Some(7));
    assert!(!storage.begin_alarm(6).unwrap());
    assert!(storage.begin_alarm(7).unwrap());
    // It may set itself again while it runs, and is run again when it did not end.
    assert_eq!(storage.alarm().unwrap(), None);
    storage.set_alarm(Some(9)).unwrap();
    storage.commit().unwrap();
    drop(storage);
    let mut storage = again.open(&one, true).unwrap();
    assert!(storage.begin_alarm(8).unwrap());
    storage.end_alarm().unwrap();
    assert!(!storage.begin_alarm(8).unwrap());
    assert_eq!(storage.alarm().unwrap(), Some(9));
    storage.set_alarm(None).unwrap();
    assert_eq!(storage.alarm().unwrap(), None);
}

#[test]
fn a_database_grows_as_far_as_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let quota = ::store::quota::Quota::default();
    quota.set_limit(Some(1 << 20));
    let namespace = Namespace::new("test-Object", folder.path());
    namespace.charge(&quota);
    let open = |name: &str| namespace.open(&ObjectId::from_name("test-Object", None, name), true).unwrap();
    let used = || quota.used()[::store::quota::Product::Objects as usize];
    let mut storage = open("one");
    let full = "database or disk is full: SQLITE_FULL";
    sql(&mut storage, "CREATE TABLE IF NOT EXISTS t (a)").unwrap();
    let insert = "INSERT INTO t VALUES (randomblob(100000))";
    let mut written = 0;
    while let Ok(rows) = storage.exec("INSERT INTO t VALUES (?)", &[Value::Blob(vec![7; 100_000])], never) {
        assert_eq!(rows.written, 1);
        storage.commit().unwrap();
        written += 1;
    }
    assert!((7..=10).contains(&written), "{written}");
    assert!(used() <= 1 << 20, "{}", used());
    assert_eq!(storage.put("key", &[0; 100_000]).unwrap_err().to_string(), full);
    // Nothing of what is being done is lost by that.
    storage.delete("nothing").unwrap();
    sql(&mut storage, "CREATE TABLE IF NOT EXISTS t (a)").unwrap();
    assert_eq!(sql(&mut storage, "SELECT count(*) FROM t").unwrap().rows, [[Value::Integer(written)]]);
    assert_eq!(open("two").put("key", &[0; 100_000]).unwrap_err().to_string(), full);
    sql(&mut storage, "DELETE FROM t").unwrap();
    storage.commit().unwrap();
    assert!(used() < 200_000, "{}", used());

    // One that is larger than it says is taken back by itself where SQLite knows how to.
    storage.put("before", &[1]).unwrap();
    let many = "INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100) SELECT randomblob(100000) FROM n";
    assert_eq!(sql(&mut storage, many).unwrap_err(), full);
    storage.put("after", &[1]).unwrap();
    storage.commit().unwrap();
    // Else it takes all along that is not committed, and the storage says so.
    storage.put("lost", &[1]).unwrap();
    assert_eq!(sql(&mut storage, "INSERT INTO t VALUES (randomblob(2000000))").unwrap_err(), full);
    assert_eq!(storage.put("later", &[1]).unwrap_err().to_string(), full);
    assert!(storage.commit().is_err());
    drop(storage);
    let mut storage = open("one");
    assert_eq!(storage.get("before").unwrap(), Some(vec![1]));
    assert_eq!((storage.get("lost").unwrap(), used()), (None, namespace.size().unwrap()));
    sql(&mut storage, insert).unwrap();
    storage.commit().unwrap();
}
