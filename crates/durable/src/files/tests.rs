use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::durability::Sync;
use crate::{Durability, Error, Namespace, ObjectId, Storage};

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
    let storage = namespace.open(&id, true).unwrap();
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

/// Pages that never came to the disk, of an object that has not acknowledged anything: as if it had never been.
#[test]
fn what_a_loss_of_power_leaves_of_a_new_object_is_nothing() {
    for (lost, keeps_log) in [(0..1, true), (1..2, true), (2..3, false), (0..3, false), (0..3, true)] {
        let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (namespace, id, files) = object(&folder);
        let mut storage = namespace.open(&id, true).unwrap();
        storage.put("key", b"value").unwrap();
        storage.commit().unwrap();
        let (after, _, left) = object(&other);
        leave(&files, &left);
        let file = OpenOptions::new().write(true).open(&left.database).unwrap();
        for page in lost {
            file.write_all_at(&[0; 4096], page * 4096).unwrap();
        }
        if !keeps_log {
            fs::remove_file(left.log()).unwrap();
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
    let storage = after.open(&id, true).unwrap();
    assert_eq!(storage.get("key").unwrap().as_deref(), Some(&b"value"[..]));
}

/// A disk that fails from some time on.
struct BadDisk(AtomicBool);

impl Sync for BadDisk {
    fn sync(&self) -> io::Result<()> {
        if self.0.load(Ordering::Relaxed) { Err(io::Error::from_raw_os_error(5)) } else { Ok(()) }
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
        storage.begin().unwrap();
        storage.end(false).unwrap();
        open.push_back(storage);
        if open.len() > OPEN {
            open.pop_front();
        }
    }
    assert!(handles() <= files + OPEN * 6, "{} file handles, {files} before", handles());
    assert!(status("VmRSS:") <= memory + 64 * 1024, "{} KiB, {memory} KiB before", status("VmRSS:"));
}
