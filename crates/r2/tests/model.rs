//! R2 against a simple model: a sorted map of keys to bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use proptest::prelude::*;
use r2::{Body, Bucket, CompletedPart, Conditional, Error, Etag, Get, List, MultipartOptions, Put, R2, Range};

/// Keys that share beginnings, in the order of UTF-8 but not of UTF-16.
const KEYS: [&str; 12] = ["a", "a/", "a/b", "a/b/c", "a/c", "a//", "b", "b/x", "z", "z/\u{ffff}", "z/\u{10000}", "é/ü"];

#[derive(Clone, Debug)]
enum Step {
    Put { key: usize, size: usize, fill: u8 },
    PutIf { key: usize, absent: bool, fill: u8 },
    Delete { keys: Vec<usize> },
    Get { key: usize, offset: u64, length: u64 },
    Suffix { key: usize, suffix: u64 },
    Multipart { key: usize, size: usize, fill: u8, complete: bool },
    List { prefix: usize, delimiter: usize, limit: u32, after: Option<usize> },
    Reopen,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    // Around the size up to which bytes lie in the index.
    let size = || prop_oneof![Just(0_usize), 1..64_usize, 16_380..16_390_usize, Just(70_000_usize)];
    let key = || 0..KEYS.len();
    prop::collection::vec(
        prop_oneof![
            4 => (key(), size(), any::<u8>()).prop_map(|(key, size, fill)| Step::Put { key, size, fill }),
            1 => (key(), any::<bool>(), any::<u8>()).prop_map(|(key, absent, fill)| Step::PutIf { key, absent, fill }),
            1 => prop::collection::vec(key(), 0..4).prop_map(|keys| Step::Delete { keys }),
            3 => (key(), 0..80_000_u64, 0..80_000_u64).prop_map(|(key, offset, length)| Step::Get { key, offset, length }),
            1 => (key(), 0..80_000_u64).prop_map(|(key, suffix)| Step::Suffix { key, suffix }),
            1 => (key(), size(), any::<u8>(), any::<bool>())
                .prop_map(|(key, size, fill, complete)| Step::Multipart { key, size, fill, complete }),
            3 => (0..5_usize, 0..4_usize, 1..6_u32, prop::option::of(key()))
                .prop_map(|(prefix, delimiter, limit, after)| Step::List { prefix, delimiter, limit, after }),
            1 => Just(Step::Reopen),
        ],
        1..40,
    )
}

fn body(bytes: &[u8]) -> impl futures::Stream<Item = Result<Bytes, Infallible>> + Send + use<> {
    let chunks: Vec<_> = bytes.chunks(10_000).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
    stream::iter(chunks)
}

fn pattern(size: usize, fill: u8) -> Vec<u8> {
    (0..size).map(|at| (at % 251) as u8 ^ fill).collect()
}

async fn all(body: Body) -> Vec<u8> {
    body.into_stream().map_ok(|chunk| chunk.to_vec()).try_concat().await.expect("a body")
}

/// What a list should give, entry by entry.
fn entries(model: &BTreeMap<&str, Vec<u8>>, prefix: &str, delimiter: &str, after: Option<&str>) -> Vec<(bool, String)> {
    let mut folded = BTreeSet::new();
    let mut entries = Vec::new();
    for key in model.keys().filter(|key| key.starts_with(prefix) && after.is_none_or(|after| **key > after)) {
        let rest = &key[prefix.len()..];
        match rest.find(delimiter).filter(|_| !delimiter.is_empty()) {
            Some(at) => {
                let beginning = &key[..prefix.len() + at + delimiter.len()];
                if folded.insert(beginning) {
                    entries.push((true, beginning.to_owned()));
                }
            }
            None => entries.push((false, (*key).to_owned())),
        }
    }
    entries
}

async fn check(bucket: &Bucket, model: &mut BTreeMap<&'static str, Vec<u8>>, step: Step) {
    match step {
        Step::Put { key, size, fill } => {
            let bytes = pattern(size, fill);
            let length = fill.is_multiple_of(2).then_some(size as u64);
            let put = bucket.put(KEYS[key], body(&bytes), Put { length, ..Put::default() }).await;
            assert_eq!(put.expect("a put").expect("no condition").size, size as u64);
            model.insert(KEYS[key], bytes);
        }
        Step::PutIf { key, absent, fill } => {
            let wildcard = Some(vec![Etag::Wildcard]);
            let only_if = match absent {
                true => Conditional { etag_does_not_match: wildcard, ..Conditional::default() },
                false => Conditional { etag_matches: wildcard, ..Conditional::default() },
            };
            let bytes = pattern(20, fill);
            let options = Put { only_if: Some(only_if), ..Put::default() };
            let put = bucket.put(KEYS[key], body(&bytes), options).await.expect("a put");
            assert_eq!(put.is_some(), absent != model.contains_key(KEYS[key]));
            if put.is_some() {
                model.insert(KEYS[key], bytes);
            }
        }
        Step::Delete { keys } => {
            bucket.delete(keys.iter().map(|key| KEYS[*key].to_owned()).collect()).await.expect("a deletion");
            keys.iter().for_each(|key| drop(model.remove(KEYS[*key])));
        }
        Step::Get { key, offset, length } => {
            let range = Some(Range::From { offset, length: Some(length) });
            let got = bucket.get(KEYS[key], Get { range, ..Get::default() }).await;
            match model.get(KEYS[key]) {
                None => assert!(got.expect("a get").is_none()),
                Some(bytes) if offset > bytes.len() as u64 || length == 0 => {
                    assert!(matches!(got, Err(Error::InvalidRange)));
                }
                Some(bytes) => {
                    let end = bytes.len().min((offset + length) as usize);
                    let body = got.expect("a get").expect("an object").body.expect("a body");
                    assert_eq!(all(body).await, bytes[offset as usize..end]);
                }
            }
        }
        Step::Suffix { key, suffix } => {
            let got = bucket.get(KEYS[key], Get { range: Some(Range::Suffix(suffix)), ..Get::default() }).await;
            match model.get(KEYS[key]) {
                None => assert!(got.expect("a get").is_none()),
                Some(bytes) if suffix == 0 || bytes.is_empty() => assert!(matches!(got, Err(Error::InvalidRange))),
                Some(bytes) => {
                    let start = bytes.len().saturating_sub(suffix as usize);
                    let body = got.expect("a get").expect("an object").body.expect("a body");
                    assert_eq!(all(body).await, bytes[start..]);
                }
            }
        }
        Step::Multipart { key, size, fill, complete } => {
            let (key, bytes) = (KEYS[key], pattern(size, fill));
            let upload = bucket.create_multipart(key, MultipartOptions::default()).await.expect("an upload");
            let part =
                |number, bytes: &[u8]| bucket.upload_part(key, &upload, number, body(bytes), r2::Part::default());
            part(9, b"never asked for").await.expect("a part");
            part(3, b"overwritten").await.expect("a part");
            let etag = part(3, &bytes).await.expect("a part").etag;
            if complete {
                let parts = vec![CompletedPart { number: 3, etag, ..CompletedPart::default() }];
                let object = bucket.complete_multipart(key, &upload, parts, None).await.expect("an object");
                assert!(object.etag.ends_with("-1"));
                model.insert(key, bytes);
            } else {
                bucket.abort_multipart(key, &upload).await.expect("an end");
            }
            assert!(matches!(part(1, b"late").await, Err(Error::NoSuchUpload)));
        }
        Step::List { prefix, delimiter, limit, after } => {
            let (prefix, delimiter) = (["", "a", "a/", "z/", "nothing"][prefix], ["", "/", "//", "b"][delimiter]);
            let after = after.map(|after| KEYS[after]);
            let mut expected = entries(model, prefix, delimiter, after);
            let mut options = List {
                prefix: prefix.into(),
                delimiter: delimiter.into(),
                start_after: after.map(str::to_owned),
                limit: Some(limit),
                ..List::default()
            };
            loop {
                let page = bucket.list(options.clone()).await.expect("a page");
                let mut found: Vec<_> = page.objects.iter().map(|object| (false, object.key.clone())).collect();
                found.extend(page.prefixes.iter().map(|prefix| (true, prefix.clone())));
                let rest = expected.split_off(expected.len().min(limit as usize));
                expected.sort();
                found.sort();
                assert_eq!(found, expected);
                assert_eq!(page.cursor.is_some(), !rest.is_empty());
                expected = rest;
                options.cursor = page.cursor;
                if options.cursor.is_none() {
                    break;
                }
            }
        }
        Step::Reopen => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn behaves_as_a_sorted_map(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let mut bucket = R2::new(folder.path().into()).bucket("model");
            let mut model = BTreeMap::new();
            for step in steps {
                if matches!(step, Step::Reopen) {
                    bucket = R2::new(folder.path().into()).bucket("model");
                }
                check(&bucket, &mut model, step).await;
            }
            for (key, bytes) in &model {
                let got = bucket.get(key, Get::default()).await.unwrap().expect("an object");
                assert_eq!(all(got.body.expect("a body")).await, *bytes);
            }
        });
    }
}

/// A page that begins in the middle of what is folded to one entry, and the page behind it.
#[tokio::test]
async fn a_list_goes_on_behind_what_it_folded() {
    let folder = tempfile::tempdir().unwrap();
    let bucket = R2::new(folder.path().into()).bucket("folded");
    for key in ["a/c", "b"] {
        bucket.put(key, body(b""), Put::default()).await.unwrap();
    }
    let mut options =
        List { delimiter: "/".into(), start_after: Some("a/b".into()), limit: Some(1), ..List::default() };
    let first = bucket.list(options.clone()).await.unwrap();
    assert_eq!(first.prefixes, ["a/"]);
    options.cursor = first.cursor;
    let second = bucket.list(options).await.unwrap();
    assert_eq!(second.objects.iter().map(|object| object.key.as_str()).collect::<Vec<_>>(), ["b"]);
    assert!(second.prefixes.is_empty() && second.cursor.is_none());
}

/// Writers overwrite and delete one key, in one piece and in parts, while readers read it: what they get is always one whole
/// version.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn readers_never_see_a_torn_object() {
    const PART: usize = 5 << 20;
    let folder = tempfile::tempdir().unwrap();
    let bucket = R2::new(folder.path().into()).bucket("race");
    let writer = |fill: u8| {
        let bucket = bucket.clone();
        async move {
            for round in 0..6_u8 {
                let fill = fill + round * 4;
                if fill.is_multiple_of(2) {
                    bucket.put("key", body(&vec![fill; 300_000]), Put::default()).await.unwrap();
                } else {
                    let upload = bucket.create_multipart("key", MultipartOptions::default()).await.unwrap();
                    let mut parts = Vec::new();
                    for number in [2, 1] {
                        let bytes = vec![fill; PART];
                        let part = bucket.upload_part("key", &upload, number, body(&bytes), r2::Part::default()).await;
                        parts.push(CompletedPart { number, etag: part.unwrap().etag, ..CompletedPart::default() });
                    }
                    bucket.complete_multipart("key", &upload, parts, None).await.unwrap();
                }
                if round == 3 {
                    bucket.delete(vec!["key".into()]).await.unwrap();
                }
            }
        }
    };
    bucket.put("key", body(&[0; 300_000]), Put::default()).await.unwrap();
    let done = Arc::new(AtomicBool::new(false));
    let reader = || {
        let (bucket, done) = (bucket.clone(), done.clone());
        async move {
            let mut seen = 0;
            while !done.load(Ordering::Relaxed) || seen == 0 {
                let Some(got) = bucket.get("key", Get::default()).await.unwrap() else { continue };
                let (size, mut read, mut first) = (got.object.size, 0, None);
                let mut stream = Box::pin(got.body.expect("a body").into_stream());
                while let Some(chunk) = stream.next().await {
                    let chunk = chunk.expect("a chunk");
                    let first = *first.get_or_insert(chunk[0]);
                    assert!(chunk.iter().all(|byte| *byte == first), "torn");
                    read += chunk.len() as u64;
                }
                assert_eq!(read, size);
                seen += 1;
            }
            seen
        }
    };
    let readers = [tokio::spawn(reader()), tokio::spawn(reader())];
    let (a, b) = tokio::join!(tokio::spawn(writer(1)), tokio::spawn(writer(2)));
    a.and(b).unwrap();
    // The last one standing is whole too.
    bucket.put("key", body(&[0; 300_000]), Put::default()).await.unwrap();
    done.store(true, Ordering::Relaxed);
    for reader in readers {
        assert!(reader.await.unwrap() > 0);
    }
}

/// Files that nothing needs go: those of what was overwritten and deleted in a while, those of broken uploads at once, and
/// those of a process that ended at the next start.
#[tokio::test(flavor = "multi_thread")]
async fn no_file_stays_that_nothing_needs() {
    let folder = tempfile::tempdir().unwrap();
    let files = || {
        let mut count = 0;
        let mut folders = vec![folder.path().join("blobs")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let entry = entry.unwrap();
                match entry.file_type().unwrap().is_dir() {
                    true => folders.push(entry.path()),
                    false => count += usize::from(entry.file_name() != "lock"),
                }
            }
        }
        count
    };
    let bytes = pattern(100_000, 1);
    {
        let bucket = R2::new(folder.path().into()).bucket("files");
        for _ in 0..3 {
            bucket.put("key", body(&bytes), Put::default()).await.unwrap();
        }
        let broken = stream::iter([Ok(Bytes::from(bytes.clone())), Err("the client went away")]);
        let error = bucket.put("key", broken, Put::default()).await.unwrap_err();
        assert_eq!(error.to_string(), "the client went away");
        let short = Put { length: Some(100_001), ..Put::default() };
        assert!(matches!(bucket.put("key", body(&bytes), short).await, Err(Error::Length { .. })));
        assert_eq!(bucket.head("key").await.unwrap().unwrap().size, 100_000);
        while files() > 1 {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        // As a process leaves it that ends in the middle of an upload.
        std::fs::write(folder.path().join("blobs/incoming/0123456789abcdef"), "half").unwrap();
    }
    let mut r2 = R2::new(folder.path().into());
    assert_eq!(r2.bucket("files").head("key").await.unwrap().unwrap().size, 100_000);
    while files() > 1 {
        // While the first one is still tidying up, nobody sweeps.
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        r2 = R2::new(folder.path().into());
        r2.buckets().await.unwrap();
    }
    assert!(matches!(r2.delete_bucket("files").await, Err(Error::BucketNotEmpty)));
    r2.bucket("files").delete(vec!["key".into()]).await.unwrap();
    r2.delete_bucket("files").await.unwrap();
    while files() > 0 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encrypted_object_opens_with_its_key_alone() {
    let folder = tempfile::tempdir().unwrap();
    let bucket = R2::new(folder.path().into()).bucket("secret");
    let key = |byte| Some(r2::CustomerKey::new([byte; 32]));
    for size in [100, 200_000] {
        let bytes = pattern(size, 0);
        bucket.put("key", body(&bytes), Put { key: key(1), ..Put::default() }).await.unwrap();
        for wrong in [None, key(2)] {
            let refused = bucket.get("key", Get { key: wrong, ..Get::default() }).await;
            assert!(matches!(refused, Err(Error::WrongKey)));
        }
        let range = Some(Range::From { offset: 50, length: Some(size as u64 - 60) });
        let got = bucket.get("key", Get { range, key: key(1), ..Get::default() }).await.unwrap().unwrap();
        assert_eq!(all(got.body.unwrap()).await, bytes[50..size - 10]);
    }
}

#[tokio::test]
async fn what_is_kept_is_charged_to_the_quota() {
    let folder = tempfile::tempdir().expect("a folder");
    let quota = ::store::quota::Quota::default();
    quota.set_limit(Some(200_000));
    let share = quota.share(::store::quota::Product::R2, "");
    let r2 = R2::charged(folder.path().join("r2"), share.clone());
    let bucket = r2.bucket("files");
    let used = || quota.used()[::store::quota::Product::R2 as usize];
    let put = async |key: &str, size: usize| bucket.put(key, body(&pattern(size, 0)), Put::default()).await;
    put("a", 100_000).await.expect("room");
    put("small", 10).await.expect("room");
    let kept = used();
    assert!((100_500..102_000).contains(&kept), "{kept}");
    assert!(matches!(put("b", 150_000).await, Err(Error::Full)));
    assert_eq!(used(), kept);
    // A replacement needs room beside what it replaces.
    put("a", 60_000).await.expect("room");
    assert_eq!(used(), kept - 40_000);

    let upload = bucket.create_multipart("parts", MultipartOptions::default()).await.expect("an upload");
    let part =
        async |size: usize| bucket.upload_part("parts", &upload, 1, body(&pattern(size, 0)), Default::default()).await;
    part(50_000).await.expect("room");
    assert!(matches!(part(120_000).await, Err(Error::Full)));
    assert!((kept + 10_000..kept + 11_000).contains(&used()), "{}", used());
    bucket.abort_multipart("parts", &upload).await.expect("an end");
    bucket.delete(vec!["a".into(), "small".into()]).await.expect("deletions");
    assert!(used() < 2000, "{}", used());
    put("b", 150_000).await.expect("room");
    let before = used();
    drop((bucket, r2));
    share.set(0);
    R2::charged(folder.path().join("r2"), share).measure().await.expect("a measurement");
    assert_eq!(used(), before);
}
