use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::durability::Sync;
use crate::{Durability, Error, Namespace, ObjectId, Rows, Storage, Value};

fn object(folder: &tempfile::TempDir) -> (Namespace, ObjectId, Files) {
    let namespace = Namespace::new("test-Object", folder.path());
    let id = ObjectId::from_name("test-Object", None, "one");
    let files = Files::new(Arc::new(Folder::new(folder.path().join("test-Object"))), &id.to_string());
    (namespace, id, files)
}

/// Names in a folder.
fn listed(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn an_object_that_stores_nothing_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (namespace, id, files) = object(&folder);
    let mut storage = namespace.open(&id, true).unwrap();
    assert_eq!(storage.get("key").unwrap(), None);
    assert_eq!(storage.list(&Default::default()).unwrap(), []);
    assert_eq!((storage.alarm().unwrap(), storage.size().unwrap()), (None, 0));
    drop(storage);
    assert!(!namespace.exists());

    // What has stored something is one file when it is closed.
    let mut storage = namespace.open(&id, true).unwrap();
    storage.put("key", b"value").unwrap();
    storage.commit().unwrap();
    drop(storage);
    assert_eq!(listed(&files.folder.path), [files.database.file_name().unwrap().to_string_lossy()]);
    assert_eq!(files.find().unwrap(), Found::Database);
}

/// Copies an object's files as the end of the process would leave them.
fn leave(files: &Files, other: &Files) {
    fs::create_dir_all(&other.folder.path).unwrap();
    for name in listed(&files.folder.path) {
        let (from, to) = (files.folder.path.join(&name), other.folder.path.join(&name));
        if from.is_dir() {
            fs::create_dir_all(&to).unwrap();
            for name in listed(&from) {
                fs::copy(from.join(&name), to.join(&name)).unwrap();
            }
        } else if !name.ends_with("-shm") {
            fs::copy(from, to).unwrap();
        }
    }
}

/// What was never acknowledged, whether or not all of it came to the disk, is as if it had never been.
#[test]
fn what_is_left_of_a_database_that_was_not_sealed_is_nothing() {
    for lost in [0..0, 0..1, 1..2, 2..3, 0..3] {
        let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (namespace, id, files) = object(&folder);
        let mut storage = namespace.open(&id, true).unwrap();
        storage.put("key", b"value").unwrap();
        storage.commit().unwrap();
        storage.put("key", b"second").unwrap();
        storage.commit().unwrap();
        assert_eq!(listed(&files.folder.path), [files.database.file_name().unwrap().to_string_lossy()]);
        let (after, _, left) = object(&other);
        leave(&files, &left);
        let file = OpenOptions::new().write(true).open(&left.database).unwrap();
        for page in lost {
            file.write_all_at(&[0; 4096], page * 4096).unwrap();
        }
        let mut storage = after.open(&id, true).unwrap();
        assert_eq!(storage.get("key").unwrap(), None);
        storage.put("key", b"again").unwrap();
        storage.commit().unwrap();
        assert_eq!(storage.get("key").unwrap().as_deref(), Some(&b"again"[..]));
    }
    for length in [0, 10, 4096, 8192, 12_000] {
        let folder = tempfile::tempdir().unwrap();
        let (namespace, id, files) = object(&folder);
        drop(files.create().unwrap());
        OpenOptions::new().write(true).open(&files.database).unwrap().set_len(length).unwrap();
        assert_eq!(namespace.open(&id, true).unwrap().size().unwrap(), 0, "{length}");
        assert_eq!(files.find().unwrap(), Found::Nothing);
    }
}

/// Each commit that was acknowledged is there when the process is killed: of a database that was sealed, and of the log after that.
#[tokio::test]
async fn what_was_acknowledged_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let (namespace, id, files) = object(&folder);
    let mut storage = namespace.open(&id, true).unwrap();
    for number in 0..4u8 {
        storage.put(&number.to_string(), &[number]).unwrap();
        if number == 2 {
            sql(&mut storage, "CREATE TABLE t (x); INSERT INTO t VALUES (7)");
        }
        let commit = storage.commit().unwrap();
        storage.durability().reach(commit).await.unwrap();
        assert_eq!(files.log().exists(), number > 0);

        let other = tempfile::tempdir().unwrap();
        let (after, _, left) = object(&other);
        leave(&files, &left);
        let mut found = after.open(&id, true).unwrap();
        for earlier in 0..=number {
            assert_eq!(found.get(&earlier.to_string()).unwrap(), Some(vec![earlier]));
        }
        if number >= 2 {
            assert_eq!(sql(&mut found, "SELECT x FROM t").rows, [[Value::Integer(7)]]);
        }
        // With the log moved into the database it is a sealed one still.
        drop(found);
        assert_eq!(listed(&left.folder.path).len(), 1 + usize::from(left.history().exists()));
        assert_eq!(after.open(&id, true).unwrap().get("0").unwrap(), Some(vec![0]));
    }
}

fn sql(storage: &mut Storage, text: &str) -> Rows {
    storage.exec(text, &[], || false).unwrap()
}

/// Who waits for a commit is told when a transaction that was open has ended, and none that may wait for others is open meanwhile.
#[tokio::test]
async fn a_new_database_is_sealed_between_two_transactions() {
    let folder = tempfile::tempdir().unwrap();
    let (namespace, id, files) = object(&folder);
    let mut storage = namespace.open(&id, true).unwrap();
    let durability = storage.durability().clone();
    storage.put("key", b"1").unwrap();
    let first = storage.commit().unwrap();
    storage.put("key", b"2").unwrap();
    let reached = tokio::spawn({
        let durability = durability.clone();
        async move { durability.reach(first).await }
    });
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    assert!(!durability.has(first));
    let second = storage.commit().unwrap();
    storage.put("key", b"3").unwrap();
    reached.await.unwrap().unwrap();
    assert!(durability.has(second) && files.log().exists());
    let third = storage.commit().unwrap();
    durability.reach(third).await.unwrap();

    let two = ObjectId::from_name("test-Object", None, "two");
    let mut storage = namespace.open(&two, true).unwrap();
    storage.put("key", b"1").unwrap();
    let first = storage.commit().unwrap();
    storage.put("key", b"2").unwrap();
    storage.begin(true).unwrap();
    storage.put("key", b"3").unwrap();
    storage.durability().reach(first + 1).await.unwrap();
    storage.end(false).unwrap();
    assert_eq!(storage.get("key").unwrap().as_deref(), Some(&b"2"[..]));
}

/// A database as it was made before there was a template, with all of it still in the log.
#[test]
fn databases_of_other_making_are_left_alone() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (_, id, files) = object(&folder);
    fs::create_dir_all(&files.folder.path).unwrap();
    let connection = store::sqlite::open(&files.database, SCHEMA).unwrap();
    connection.execute("INSERT INTO _cf_KV VALUES (?1, ?2)", (b"key", b"value")).unwrap();
    assert!(fs::metadata(&files.database).unwrap().len() < 12_288);
    let (after, _, left) = object(&other);
    leave(&files, &left);
    let mut storage = after.open(&id, true).unwrap();
    assert_eq!(storage.get("key").unwrap().as_deref(), Some(&b"value"[..]));
}

/// A disk that fails from some time on.
struct BadDisk(AtomicBool);

impl Sync for BadDisk {
    fn sync(&self) -> io::Result<bool> {
        if self.0.load(Ordering::Relaxed) { Err(io::Error::from_raw_os_error(5)) } else { Ok(true) }
    }
}

#[tokio::test]
async fn a_failed_sync_is_the_end_of_the_instance() {
    let disk = Arc::new(BadDisk(AtomicBool::new(false)));
    let (commits, committed) = tokio::sync::watch::channel(0);
    let durability = Arc::new(Durability::new(committed, disk.clone()));
    commits.send_replace(1);
    durability.reach(1).await.unwrap();
    let lost = tokio::spawn({
        let durability = durability.clone();
        async move { durability.lost().await }
    });
    disk.0.store(true, Ordering::Relaxed);
    commits.send_replace(2);
    assert!(matches!(durability.reach(2).await, Err(Error::Sync(_))));
    lost.await.unwrap();
    // A later success would prove nothing: what could not be written is forgotten.
    disk.0.store(false, Ordering::Relaxed);
    commits.send_replace(3);
    assert!(matches!(durability.reach(3).await, Err(Error::Sync(_))));
    durability.lost().await;
    assert!(durability.has(1) && !durability.has(2));
}

/// A hundred thousand objects on disk, a few open: what the process holds does not grow with their number.
#[test]
fn objects_on_disk_cost_no_memory() {
    const OBJECTS: usize = 100_000;
    const OPEN: usize = 32;
    let folder = tempfile::tempdir().unwrap();
    let namespace = Namespace::new("test-Object", folder.path());
    let status = |line: &str| {
        let text = fs::read_to_string("/proc/self/status").unwrap();
        let line = text.lines().find(|found| found.starts_with(line)).unwrap().to_owned();
        line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap()
    };
    let handles = || fs::read_dir("/proc/self/fd").unwrap().count();
    let id = |number: usize| ObjectId::from_name("test-Object", None, &number.to_string());
    let mut open: std::collections::VecDeque<Storage> = Default::default();
    // One that SQLite has made, and the rest as copies of it: a database is a file and nothing else.
    let mut first = namespace.open(&id(0), false).unwrap();
    first.put("key", b"value").unwrap();
    first.commit().unwrap();
    drop(first);
    let path =
        |number| Files::new(Arc::new(Folder::new(folder.path().join("test-Object"))), &id(number).to_string()).database;
    let bytes = fs::read(path(0)).unwrap();
    for number in 1..OBJECTS {
        fs::write(path(number), &bytes).unwrap();
    }
    let (memory, files) = (status("VmRSS:"), handles());
    for step in 0..4_000 {
        let mut storage = namespace.open(&id(step * 7919 % OBJECTS), false).unwrap();
        assert_eq!(storage.get("key").unwrap().as_deref(), Some(&b"value"[..]));
        storage.begin(false).unwrap();
        storage.end(false).unwrap();
        open.push_back(storage);
        if open.len() > OPEN {
            open.pop_front();
        }
    }
    assert!(handles() <= files + OPEN * 6, "{} file handles, {files} before", handles());
    assert!(status("VmRSS:") <= memory + 64 * 1024, "{} KiB, {memory} KiB before", status("VmRSS:"));
}
