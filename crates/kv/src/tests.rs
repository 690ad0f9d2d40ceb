//! The semantics on the SQLite log, with a clock that is moved by hand.

mod model;

use std::sync::Arc;
use std::time::Duration;

use crate::*;

const NRT: Place = place("NRT");
const GRU: Place = place("GRU");
const IAD: Place = place("IAD");
const START: u64 = 1_800_000_000_000;

const fn place(code: &str) -> Place {
    let bytes = code.as_bytes();
    Place::Colo(Colo::of([bytes[0], bytes[1], bytes[2]]))
}

struct Fixture {
    clock: Clock,
    store: Arc<Store>,
    folder: tempfile::TempDir,
}

fn fixture(delay_seconds: u64) -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::manual(START);
    let store = open(&folder, delay_seconds, &clock);
    Fixture { clock, store, folder }
}

fn open(folder: &tempfile::TempDir, delay_seconds: u64, clock: &Clock) -> Arc<Store> {
    let (path, of_log) = (folder.path().join("kv.sqlite"), clock.clone());
    let delay = Duration::from_secs(delay_seconds);
    Store::new(clock.clone(), move || Ok(Box::new(Sqlite::open(&path, delay, of_log.clone())?)))
}

impl Fixture {
    fn after(&self, seconds: u64) {
        self.clock.set(self.clock.millis() + seconds * 1000);
    }
}

async fn put(namespace: &Namespace, place: Place, key: &str, value: &str, options: PutOptions) -> Result<(), Error> {
    let write = namespace.put(key, options)?.value(value.to_owned())?;
    namespace.write(place, vec![write]).await
}

async fn delete(namespace: &Namespace, place: Place, key: &str) -> Result<(), Error> {
    namespace.write(place, vec![Write::delete(key)?]).await
}

fn get(namespace: &Namespace, place: Place, key: &str) -> Option<String> {
    let entry = namespace.get(place, key).unwrap();
    entry.map(|entry| String::from_utf8(entry.value.to_vec()).unwrap())
}

fn names(namespace: &Namespace, place: Place, options: &ListOptions) -> Vec<String> {
    namespace.list(place, options).unwrap().keys.into_iter().map(|listed| listed.name).collect()
}

fn ttl(seconds: i64) -> PutOptions {
    PutOptions { expiration_ttl: Some(seconds), ..PutOptions::default() }
}

#[tokio::test]
async fn a_write_is_visible_where_it_was_made_and_elsewhere_after_the_delay() {
    let fixture = fixture(10);
    let namespace = fixture.store.namespace("n");
    put(&namespace, NRT, "k", "one", PutOptions::default()).await.unwrap();
    assert_eq!(get(&namespace, NRT, "k").as_deref(), Some("one"));
    assert_eq!(get(&namespace, GRU, "k"), None);
    assert_eq!(names(&namespace, GRU, &ListOptions::default()), [""; 0]);
    fixture.after(10);
    assert_eq!(get(&namespace, GRU, "k").as_deref(), Some("one"));

    // Two places write at once: each sees its own until the later one has arrived everywhere.
    put(&namespace, GRU, "k", "two", PutOptions::default()).await.unwrap();
    put(&namespace, IAD, "k", "three", PutOptions::default()).await.unwrap();
    assert_eq!(get(&namespace, NRT, "k").as_deref(), Some("one"));
    assert_eq!(get(&namespace, GRU, "k").as_deref(), Some("two"));
    assert_eq!(get(&namespace, IAD, "k").as_deref(), Some("three"));
    assert_eq!(get(&namespace, Place::Central, "k").as_deref(), Some("three"));
    fixture.after(10);
    for place in [NRT, GRU, IAD] {
        assert_eq!(get(&namespace, place, "k").as_deref(), Some("three"));
    }

    // A deletion travels as a write does.
    delete(&namespace, NRT, "k").await.unwrap();
    assert_eq!(get(&namespace, NRT, "k"), None);
    assert_eq!(get(&namespace, GRU, "k").as_deref(), Some("three"));
    fixture.after(10);
    assert_eq!(get(&namespace, GRU, "k"), None);
    // The next write sweeps; nothing comes back.
    put(&namespace, Place::Central, "other", "x", PutOptions::default()).await.unwrap();
    assert_eq!(names(&namespace, GRU, &ListOptions::default()), ["other"]);
    assert_eq!(rows(&fixture), 1);
}

fn rows(fixture: &Fixture) -> i64 {
    let path = fixture.folder.path().join("kv.sqlite");
    let connection = ::store::rusqlite::Connection::open(path).unwrap();
    connection.query_row("SELECT count(*) FROM version", [], |row| row.get(0)).unwrap()
}

#[tokio::test]
async fn what_expired_never_shows_and_leaves_the_disk() {
    let fixture = fixture(0);
    let namespace = fixture.store.namespace("n");
    put(&namespace, NRT, "a", "kept", PutOptions::default()).await.unwrap();
    put(&namespace, NRT, "b", "short", ttl(60)).await.unwrap();
    put(&namespace, NRT, "c", "long", ttl(120)).await.unwrap();
    let listed = namespace.list(NRT, &ListOptions::default()).unwrap();
    assert_eq!(listed.keys[1].expiration, Some(START / 1000 + 60));
    fixture.after(60);
    assert_eq!(get(&namespace, NRT, "b"), None);
    let page = namespace.list(NRT, &ListOptions { limit: Some(2), ..ListOptions::default() }).unwrap();
    assert_eq!(page.keys.len(), 2);
    assert_eq!(page.cursor, None, "only an expired key is left");
    put(&namespace, NRT, "d", "x", PutOptions::default()).await.unwrap();
    assert_eq!(rows(&fixture), 3);
}

#[tokio::test]
async fn an_expired_version_does_not_uncover_the_one_before() {
    let fixture = fixture(60);
    let namespace = fixture.store.namespace("n");
    put(&namespace, NRT, "k", "before", PutOptions::default()).await.unwrap();
    put(&namespace, NRT, "k", "short", ttl(60)).await.unwrap();
    fixture.after(60);
    for _ in 0..2 {
        for place in [NRT, GRU, Place::Central] {
            assert_eq!(get(&namespace, place, "k"), None);
        }
        put(&namespace, NRT, "sweeps", "", PutOptions::default()).await.unwrap();
        fixture.after(1);
    }
}

#[tokio::test]
async fn lists_are_in_byte_order_and_pages_meet() {
    let fixture = fixture(0);
    let namespace = fixture.store.namespace("n");
    // In UTF-16 the emoji comes before U+FFFD, in UTF-8 after it.
    let mut keys = vec!["a", "a\0", "a/b", "ab", "b", "é", "\u{fffd}", "😀", "Z", "prefix:1", "prefix:2", "prefiy"];
    for key in &keys {
        put(&namespace, NRT, key, "v", PutOptions::default()).await.unwrap();
    }
    keys.sort_unstable();
    assert_eq!(names(&namespace, NRT, &ListOptions::default()), keys);
    let prefixed = ListOptions { prefix: Some("prefix:".into()), ..ListOptions::default() };
    assert_eq!(names(&namespace, NRT, &prefixed), ["prefix:1", "prefix:2"]);
    for limit in 1..=keys.len() as i64 {
        let mut options = ListOptions { limit: Some(limit), ..ListOptions::default() };
        let mut all = Vec::new();
        loop {
            let page = namespace.list(NRT, &options).unwrap();
            assert!(page.keys.len() as i64 == limit || page.cursor.is_none());
            all.extend(page.keys.into_iter().map(|listed| listed.name));
            match page.cursor {
                Some(cursor) => options.cursor = Some(cursor),
                None => break,
            }
        }
        assert_eq!(all, keys);
    }
    let other = fixture.store.namespace("other");
    assert_eq!(names(&other, NRT, &ListOptions::default()), [""; 0]);
}

#[tokio::test]
async fn what_is_refused_is_refused_in_the_platforms_words() {
    let fixture = fixture(0);
    let namespace = fixture.store.namespace("n");
    let long = "é".repeat(257);
    let put = |key: &str, options: PutOptions| namespace.put(key, options).map(drop).unwrap_err().to_string();
    assert_eq!(put("", PutOptions::default()), "Key name cannot be empty.");
    assert_eq!(put("..", PutOptions::default()), "\"..\" is not allowed as a key name.");
    assert_eq!(
        put(&long, PutOptions::default()),
        "KV PUT failed: 414 UTF-8 encoded length of 514 exceeds key length limit of 512."
    );
    assert_eq!(
        put("k", ttl(59)),
        "KV PUT failed: 400 Invalid expiration_ttl of 59. Expiration TTL must be at least 60."
    );
    assert_eq!(
        put("k", ttl(0)),
        "KV PUT failed: 400 Invalid expiration_ttl of 0. Please specify integer greater than 0."
    );
    let at = |at: u64| PutOptions { expiration: Some(at as i64), ..PutOptions::default() };
    assert_eq!(
        put("k", at(5)),
        "KV PUT failed: 400 Invalid expiration of 5. Please specify integer greater than the current number of seconds \
         since the UNIX epoch."
    );
    assert_eq!(
        put("k", at(START / 1000 + 59)),
        "KV PUT failed: 400 Invalid expiration of 1800000059. Expiration times must be at least 60 seconds in the future."
    );
    let metadata = PutOptions { metadata: Some("1".repeat(1025)), ..PutOptions::default() };
    assert_eq!(put("k", metadata), "KV PUT failed: 413 Metadata length of 1025 exceeds limit of 1024.");
    let value = namespace.put("k", PutOptions::default()).unwrap().value(vec![0; limits::VALUE + 1]);
    assert_eq!(
        value.unwrap_err().to_string(),
        "KV PUT failed: 413 Value length of 26214401 exceeds limit of 26214400."
    );

    let list = |options: ListOptions| namespace.list(NRT, &options).unwrap_err().to_string();
    assert_eq!(
        list(ListOptions { limit: Some(1001), ..ListOptions::default() }),
        "KV GET failed: 400 Invalid key_count_limit of 1001. Please specify an integer less than 1000."
    );
    assert_eq!(
        list(ListOptions { cursor: Some("!".into()), ..ListOptions::default() }),
        "KV GET failed: 400 Invalid cursor."
    );

    let many = |keys: Vec<String>| namespace.get_many(NRT, &keys).unwrap_err().to_string();
    assert_eq!(many(vec![]), "KV GET_BULK failed: 400 You must request a minimum of 1 key");
    assert_eq!(many(vec!["k".into(); 101]), "KV GET_BULK failed: 400 You can request a maximum of 100 keys");
    assert_eq!(many(vec!["".into()]), "KV GET_BULK failed: 400 Key names must not be empty");
}

#[tokio::test]
async fn large_values_are_left_to_those_who_ask_for_them() {
    let fixture = fixture(0);
    let namespace = fixture.store.namespace("n");
    let value = vec![7; 100_000];
    let write = namespace.put("k", PutOptions::default()).unwrap().value(value.clone()).unwrap();
    namespace.write(NRT, vec![write]).await.unwrap();
    assert_eq!(namespace.peek(NRT, "k", 99_999).unwrap(), Found::Large);
    assert_eq!(namespace.get(NRT, "k").unwrap().unwrap().value, value);

    // Many together have a limit too.
    let large = vec![0; limits::VALUE / 2 + 1];
    for key in ["x", "y"] {
        let write = namespace.put(key, PutOptions::default()).unwrap().value(large.clone()).unwrap();
        namespace.write(NRT, vec![write]).await.unwrap();
    }
    let refused = namespace.get_many(NRT, &["x".into(), "y".into()]).unwrap_err().to_string();
    assert_eq!(refused, "KV GET_BULK failed: 413 Total size of request exceeds the limit of 25MB");
    assert_eq!(namespace.get_many(NRT, &["x".into(), "no".into()]).unwrap()[1], None);
}

/// Writers at three places at once: nobody loses sight of a write that was made where they are, and in the end all agree.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn writers_at_once_agree_in_the_end() {
    let fixture = fixture(10);
    let places = [NRT, GRU, IAD];
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..6 {
        let (namespace, clock) = (fixture.store.namespace("n"), fixture.clock.clone());
        let place = places[writer % 3];
        writers.spawn(async move {
            for n in 0..60 {
                let key = format!("k{}", n % 4);
                put(&namespace, place, &key, &format!("{writer}:{n}"), PutOptions::default()).await.unwrap();
                let seen = get(&namespace, place, &key).unwrap();
                let (by, at) = seen.split_once(':').unwrap();
                if by == writer.to_string() {
                    assert_eq!(at.parse::<usize>().unwrap(), n, "an older write of its own came back");
                }
                clock.set(clock.millis() + 300);
            }
        });
    }
    writers.join_all().await;
    fixture.after(10);
    let namespace = fixture.store.namespace("n");
    for key in ["k0", "k1", "k2", "k3"] {
        let newest = get(&namespace, Place::Central, key);
        assert!(places.iter().all(|place| get(&namespace, *place, key) == newest), "{key}");
    }
}

#[tokio::test]
async fn another_process_sees_the_same_namespace() {
    let fixture = fixture(0);
    let second = open(&fixture.folder, 0, &fixture.clock);
    put(&fixture.store.namespace("n"), NRT, "k", "one", PutOptions::default()).await.unwrap();
    assert_eq!(get(&second.namespace("n"), NRT, "k").as_deref(), Some("one"));
    put(&second.namespace("n"), Place::Central, "k", "two", PutOptions::default()).await.unwrap();
    assert_eq!(get(&fixture.store.namespace("n"), NRT, "k").as_deref(), Some("two"));
    assert_eq!(second.namespaces().unwrap(), ["n"]);
}

#[tokio::test]
async fn a_deleted_namespace_is_empty_and_takes_nothing() {
    let fixture = fixture(10);
    let (namespace, other) = (fixture.store.namespace("n"), fixture.store.namespace("o"));
    let writes = (0..600).map(|number| {
        let put = namespace.put(&format!("k{number}"), PutOptions::default()).unwrap();
        put.value("v").unwrap()
    });
    namespace.write(NRT, writes.collect()).await.unwrap();
    put(&other, NRT, "k", "kept", PutOptions::default()).await.unwrap();
    fixture.store.delete("n").await.unwrap();
    assert_eq!(namespace.get(NRT, "k1").unwrap_err().to_string(), "KV GET failed: 404 Not Found");
    let refused = put(&namespace, NRT, "k", "v", PutOptions::default()).await.unwrap_err();
    assert_eq!(refused.to_string(), "KV PUT failed: 404 Not Found");
    assert_eq!(delete(&namespace, NRT, "k").await.unwrap_err().to_string(), "KV DELETE failed: 404 Not Found");
    assert!(namespace.list(NRT, &ListOptions::default()).is_err());
    assert_eq!(get(&other, NRT, "k").as_deref(), Some("kept"));
    assert_eq!(fixture.store.namespaces().unwrap(), ["o"]);
    // Another store, which never heard of it, finds nothing either.
    let again = open(&fixture.folder, 10, &fixture.clock).namespace("n");
    assert_eq!(names(&again, Place::Central, &ListOptions::default()), [""; 0]);
    assert!(fixture.store.none().get(NRT, "k").is_err());
}

#[tokio::test]
async fn what_is_kept_is_charged_to_the_quota() {
    let fixture = fixture(0);
    let quota = ::store::quota::Quota::default();
    quota.set_limit(Some(1000));
    let namespace = fixture.store.namespace("n").charged(quota.share(::store::quota::Product::Kv, "n"));
    let entry = |key: &str, value: usize| (limits::ENTRY + key.len() + value) as u64;
    put(&namespace, NRT, "a", &"x".repeat(400), PutOptions::default()).await.unwrap();
    assert_eq!((quota.used()[0], namespace.size().unwrap()), (entry("a", 400), entry("a", 400)));
    let refused = put(&namespace, NRT, "b", &"x".repeat(500), PutOptions::default()).await.unwrap_err();
    assert_eq!(refused.to_string(), "KV PUT failed: 413 The storage limit of the account is exceeded.");
    // What is there goes on to be read, replaced and deleted.
    put(&namespace, NRT, "a", "y", PutOptions { metadata: Some("{}".into()), ..PutOptions::default() }).await.unwrap();
    assert_eq!(quota.used()[0], entry("a", 3));
    put(&namespace, NRT, "b", "z", ttl(60)).await.unwrap();
    quota.set_limit(Some(0));
    assert_eq!(get(&namespace, NRT, "a"), Some("y".into()));
    delete(&namespace, NRT, "a").await.unwrap();
    assert_eq!(quota.used()[0], entry("b", 1));
    // What has expired is counted until it is swept.
    fixture.after(61);
    delete(&namespace, NRT, "nothing").await.unwrap();
    assert_eq!((quota.used()[0], namespace.size().unwrap()), (0, 0));
    // It is known again after a restart.
    put(&fixture.store.namespace("n"), NRT, "c", "1", PutOptions::default()).await.unwrap();
    assert_eq!(open(&fixture.folder, 0, &fixture.clock).namespace("n").size().unwrap(), entry("c", 1));
}
