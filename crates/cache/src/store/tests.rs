use super::*;
use crate::policy::Lifetime;

fn head(tag: &str) -> Head {
    let lifetime = Lifetime { from: 0, fresh: u64::MAX, while_revalidate: 0, if_error: 0, always_revalidate: false };
    let headers = [(http::HeaderName::from_static("cache-tag"), tag.parse().expect("value"))].into_iter().collect();
    Head::new(200, None, &headers, &HeaderMap::new(), lifetime)
}

fn key(name: &str) -> Key {
    Key::new("SJC", "worker", None, name)
}

async fn put(store: &Store, name: &str, body: Vec<u8>) -> bool {
    let mut body =
        stream::iter(body.chunks(100_000).map(|c| Ok(Bytes::copy_from_slice(c))).collect::<Vec<_>>()).boxed();
    store.put(key(name), head(name), &mut body).await.expect("stored")
}

async fn get(store: &Store, name: &str) -> Option<Vec<u8>> {
    let entry = store.get(&key(name), &HeaderMap::new()).await?;
    let chunks = store.read(&entry, 0, entry.length()).await.expect("readable");
    Some(chunks.map(|chunk| chunk.expect("whole")).collect::<Vec<_>>().await.concat())
}

#[tokio::test]
async fn what_was_stored_is_there_after_a_restart_and_what_was_torn_is_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let (small, large) = (vec![7; 1000], vec![8; 3_000_000]);
    let store = Store::new(folder.path().join("cache"), Limits::default());
    assert!(!folder.path().join("cache").exists() && get(&store, "small").await.is_none());
    put(&store, "small", small.clone()).await;
    put(&store, "large", large.clone()).await;
    put(&store, "torn", large.clone()).await;
    put(&store, "short", large.clone()).await;
    assert_eq!(get(&store, "large").await, Some(large.clone()));
    let mut files: Vec<_> =
        std::fs::read_dir(folder.path().join("cache")).expect("files").map(|f| f.expect("file").path()).collect();
    files.sort();
    // One byte of one body is another; another file has lost its end.
    let mut bytes = std::fs::read(&files[2]).expect("a file");
    bytes[1_000_000] ^= 1;
    std::fs::write(&files[2], bytes).expect("written");
    let file = std::fs::OpenOptions::new().write(true).open(&files[3]).expect("a file");
    file.set_len(1_000_000).expect("cut");
    std::fs::write(folder.path().join("cache/x.part"), "half").expect("written");

    let store = Store::new(folder.path().join("cache"), Limits::default());
    assert_eq!(get(&store, "small").await, Some(small));
    assert_eq!(get(&store, "large").await, Some(large));
    assert_eq!((get(&store, "torn").await, get(&store, "short").await), (None, None));
    assert_eq!(std::fs::read_dir(folder.path().join("cache")).expect("files").count(), 2, "what is not whole is gone");
    assert_eq!(store.purge_tags("SJC", "worker", &["LARGE".into()]).await, 1);
    assert!(store.delete(&key("small")).await && !store.delete(&key("small")).await);
    assert_eq!(std::fs::read_dir(folder.path().join("cache")).expect("files").count(), 0);
}

#[tokio::test]
async fn the_least_recently_used_goes_first() {
    let folder = tempfile::tempdir().expect("a folder");
    let limits = Limits { disk: 3_000_000, memory: 150_000, entries: 10, body: 2_000_000 };
    let store = Store::new(folder.path().to_owned(), limits);
    assert!(!put(&store, "huge", vec![0; 2_000_001]).await);
    for name in ["a", "b"] {
        put(&store, name, vec![1; 1_000_000]).await;
    }
    get(&store, "a").await;
    put(&store, "c", vec![1; 1_000_000]).await;
    assert!(get(&store, "b").await.is_none() && get(&store, "a").await.is_some() && get(&store, "c").await.is_some());
    for n in 0..20 {
        put(&store, &n.to_string(), vec![n; 50_000]).await;
    }
    {
        let index = lock(&store.inner.index);
        let (memory, disk) = (index.memory, index.disk);
        assert!(index.len() <= 10 && memory <= 150_000 && disk <= 3_000_000, "{memory} {disk}");
    }
    for n in 11..20 {
        assert_eq!(
            get(&store, &n.to_string()).await,
            Some(vec![n; 50_000]),
            "{n} is read from its file or from memory"
        );
    }
}
