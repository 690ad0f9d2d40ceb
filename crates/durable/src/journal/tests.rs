use std::collections::BTreeMap;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, Ordering};

use proptest::prelude::*;

use super::segment::{BLOCK, Read};
use super::*;
use crate::{Bookmark, Error, Namespace, ObjectId, Storage};

const KEY: &str = "test-Object";

/// Segments that are soon full.
const SMALL: Sizes = Sizes { smallest: 256 << 10, largest: 256 << 10 };

fn namespace(folder: &Path) -> (Arc<Journal>, Namespace) {
    let journal = Journal::with(folder.to_owned(), SMALL, Arc::new(Kernel));
    (journal.clone(), Namespace::new(KEY, &journal))
}

fn id(number: usize) -> ObjectId {
    ObjectId::from_name(KEY, None, &number.to_string())
}

fn copy(from: &Path, to: &Path) {
    let Ok(entries) = fs::read_dir(from) else { return };
    fs::create_dir_all(to).unwrap();
    for entry in entries.map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else if !target.to_string_lossy().ends_with("-shm") {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// What the power leaves: all that was durable when `synced` was copied, of all that was written later nothing but the journal.
fn lose_power(synced: &Path, now: &Path) -> tempfile::TempDir {
    let left = tempfile::tempdir().unwrap();
    copy(synced, left.path());
    let _ = fs::remove_dir_all(left.path().join("journal"));
    copy(&now.join("journal"), &left.path().join("journal"));
    left
}

fn put(storage: &mut Storage, value: u32) -> u64 {
    // Two entries in pages of their own, which have to agree.
    storage.put("left", &[&value.to_le_bytes()[..], &[1; 3000]].concat()).unwrap();
    storage.put("right", &[&value.to_le_bytes()[..], &[2; 3000]].concat()).unwrap();
    storage.commit().unwrap()
}

fn get(storage: &Storage) -> u32 {
    let [left, right] = ["left", "right"].map(|key| {
        let value = storage.get(key).unwrap()?;
        Some(u32::from_le_bytes(value[..4].try_into().unwrap()))
    });
    assert_eq!(left, right, "a torn commit");
    left.unwrap_or(0)
}

/// Where the records of the only segment are.
fn records(folder: &Path) -> Vec<Range<usize>> {
    let read = Read::open(&folder.join("journal"), 0).unwrap().unwrap();
    let start = read.bytes.as_ptr() as usize;
    read.records()
        .iter()
        .map(|(_, body)| body.as_ptr() as usize - start..body.as_ptr() as usize - start + body.len())
        .collect()
}

/// Cut or broken at any place, the journal gives back the commits before that, whole, and of files that never came to the disk.
#[test]
fn every_prefix_is_a_state_that_was() {
    let (now, before) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (_journal, objects) = namespace(now.path());
    let mut open: Vec<Storage> = (0..3).map(|number| objects.open(&id(number), false).unwrap()).collect();
    let mut states = vec![[0; 3]];
    for step in 0..24 {
        let mut state = states[step];
        state[step % 3] += 1;
        put(&mut open[step % 3], state[step % 3]);
        open[step % 3].durability().wait().unwrap();
        states.push(state);
    }
    let places = records(now.path());
    assert_eq!(places.len(), 24);
    let check = |damage: &dyn Fn(&File), expected: &[u32; 3]| {
        let left = lose_power(before.path(), now.path());
        damage(&OpenOptions::new().write(true).open(left.path().join("journal/segment-0")).unwrap());
        // Recovery itself may be broken off: what it has written is there, and the journal still.
        let again = tempfile::tempdir().unwrap();
        copy(left.path(), again.path());
        let (_journal, objects) = namespace(left.path());
        let found = [0, 1, 2].map(|number| get(&objects.open(&id(number), false).unwrap()));
        assert_eq!(found, *expected);
        copy(&left.path().join(KEY), &again.path().join(KEY));
        let (_journal, objects) = namespace(again.path());
        assert_eq!([0, 1, 2].map(|number| get(&objects.open(&id(number), false).unwrap())), *expected);
    };
    check(&|_| {}, &states[24]);
    for (index, place) in places.iter().enumerate().step_by(3) {
        check(&|file| file.set_len(place.end as u64).unwrap(), &states[index + 1]);
        check(&|file| file.set_len(place.start as u64 + 7).unwrap(), &states[index]);
        check(&|file| file.write_all_at(&[0xa5], place.end as u64 - 1).unwrap(), &states[index]);
    }
}

#[test]
fn a_gap_between_segments_is_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let (_journal, objects) = namespace(folder.path());
    let mut storage = objects.open(&id(0), false).unwrap();
    let mut value = 0;
    while Read::open(&folder.path().join("journal"), 1).unwrap().is_none() {
        value += 1;
        put(&mut storage, value);
        storage.durability().wait().unwrap();
    }
    let left = lose_power(folder.path(), folder.path());
    let file = OpenOptions::new().write(true).open(left.path().join("journal/segment-0")).unwrap();
    file.write_all_at(&[0; 64], BLOCK as u64).unwrap();
    let (_journal, objects) = namespace(left.path());
    let Err(Error::File(error)) = objects.open(&id(0), false) else { panic!("it was opened") };
    assert!(error.to_string().contains("is damaged"), "{error}");
}

#[test]
fn one_process_has_the_journal() {
    let folder = tempfile::tempdir().unwrap();
    let (one, objects) = namespace(folder.path());
    let mut storage = objects.open(&id(0), false).unwrap();
    assert!(!folder.path().join("journal").exists(), "nothing was stored");
    put(&mut storage, 1);
    let (_other, others) = namespace(folder.path());
    let Err(Error::File(error)) = others.open(&id(0), false) else { panic!("two have it") };
    assert!(error.to_string().contains(&format!("another process uses {}", folder.path().display())), "{error}");
    drop((storage, objects, one));
    assert!(Read::open(&folder.path().join("journal"), 0).unwrap().is_none(), "nothing is left to be restored");
    assert_eq!(get(&others.open(&id(0), false).unwrap()), 1);
}

#[test]
fn what_was_removed_stays_so() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, objects) = namespace(folder.path());
    let mut storage = objects.open(&id(0), false).unwrap();
    put(&mut storage, 1);
    drop(storage);
    let classes = crate::Classes::new(folder.path().to_owned());
    classes.remove_files(KEY, &journal).unwrap();
    let left = tempfile::tempdir().unwrap();
    copy(folder.path(), left.path());
    let (_journal, objects) = namespace(left.path());
    assert_eq!(get(&objects.open(&id(0), false).unwrap()), 0);
    assert!(!objects.exists());
}

/// A disk that fails when it is told to.
#[derive(Default)]
struct BadDisk {
    files: AtomicBool,
    file_system: AtomicBool,
}

fn failing(fails: &AtomicBool) -> io::Result<()> {
    if fails.load(Ordering::Relaxed) { Err(io::Error::from_raw_os_error(5)) } else { Ok(()) }
}

impl Sync for BadDisk {
    fn file(&self, file: &File) -> io::Result<()> {
        failing(&self.files)?;
        Kernel.file(file)
    }

    fn file_system(&self, folder: &File) -> io::Result<()> {
        // Once the file system was synced, what is in the way has gone.
        failing(&self.file_system)?;
        self.files.store(false, Ordering::Relaxed);
        Kernel.file_system(folder)
    }
}

#[tokio::test]
async fn a_failed_sync_is_the_end_of_the_instance() {
    let (folder, disk) = (tempfile::tempdir().unwrap(), Arc::new(BadDisk::default()));
    let journal = Journal::with(folder.path().to_owned(), SMALL, disk.clone());
    let objects = Namespace::new(KEY, &journal);
    let [mut storage, mut other, mut idle] = [0, 1, 2].map(|number| objects.open(&id(number), false).unwrap());
    let durability = storage.durability().clone();
    let first = put(&mut storage, 1);
    durability.reach(first).await.unwrap();
    let kept = put(&mut idle, 1);
    idle.durability().reach(kept).await.unwrap();
    let lost = tokio::spawn({
        let durability = durability.clone();
        async move { durability.lost().await }
    });
    disk.files.store(true, Ordering::Relaxed);
    let second = put(&mut storage, 2);
    assert!(matches!(durability.reach(second).await, Err(Error::Sync(_))));
    lost.await.unwrap();
    // A later success would prove nothing, and what follows on what was lost is lost too.
    let third = put(&mut storage, 3);
    assert!(matches!(durability.reach(third).await, Err(Error::Sync(_))));
    durability.lost().await;
    assert!(durability.has(first) && !durability.has(second) && !durability.has(third));
    // Others go on in a journal of new files.
    for (storage, value) in [(&mut other, 1), (&mut idle, 2)] {
        let commit = put(storage, value);
        storage.durability().reach(commit).await.unwrap();
    }
    drop(storage);
    let mut storage = objects.open(&id(0), false).unwrap();
    // Whatever it begins with lasts.
    let value = get(&storage);
    assert!(value >= 1);
    drop((put(&mut storage, value + 1), storage));

    // Where nothing can be made sure of, nothing is acknowledged any more.
    disk.files.store(true, Ordering::Relaxed);
    disk.file_system.store(true, Ordering::Relaxed);
    let commit = put(&mut other, 2);
    assert!(matches!(other.durability().reach(commit).await, Err(Error::Sync(_))));
    let commit = put(&mut idle, 3);
    assert!(matches!(idle.durability().reach(commit).await, Err(Error::Sync(_))));
    disk.files.store(false, Ordering::Relaxed);
    disk.file_system.store(false, Ordering::Relaxed);
    drop((other, idle));
    assert!(matches!(objects.open(&id(1), false), Err(Error::Sync(_))));
    // The next process finds all that was acknowledged.
    drop((objects, journal));
    let (_journal, objects) = namespace(folder.path());
    let found = [0, 1, 2].map(|number| get(&objects.open(&id(number), false).unwrap()));
    assert!(found[0] > value && found[1] >= 1 && found[2] >= 2, "{found:?}");
}

#[test]
fn a_segment_is_not_used_again_when_its_contents_can_not_be_kept() {
    let (folder, disk) = (tempfile::tempdir().unwrap(), Arc::new(BadDisk::default()));
    let journal = Journal::with(folder.path().to_owned(), SMALL, disk.clone());
    let objects = Namespace::new(KEY, &journal);
    let mut storage = objects.open(&id(0), false).unwrap();
    put(&mut storage, 1);
    storage.durability().wait().unwrap();
    disk.file_system.store(true, Ordering::Relaxed);
    let mut kept = 1;
    let error = loop {
        put(&mut storage, kept + 1);
        match storage.durability().wait() {
            Ok(()) => kept += 1,
            Err(error) => break error,
        }
        assert!(kept < 1000, "both segments have to be full long before");
    };
    assert!(matches!(error, Error::Sync(_)) && kept > 30, "{error}: {kept}");
    // What the kernel says now is of what has been written since.
    disk.file_system.store(false, Ordering::Relaxed);
    let mut other = objects.open(&id(1), false).unwrap();
    put(&mut other, 1);
    assert!(matches!(other.durability().wait(), Err(Error::Sync(_))));
    drop((storage, other, objects, journal));
    let (_journal, objects) = namespace(folder.path());
    assert!(get(&objects.open(&id(0), false).unwrap()) >= kept);
}

#[derive(Clone, Debug)]
enum Step {
    Put(usize),
    /// More than a record holds.
    PutLarge(usize),
    Close(usize),
    Checkpoint(usize),
    Bookmark(usize),
    /// Goes back to the n-th bookmark of the object.
    Restore(usize, usize),
    /// All that was written so far comes to the disk by itself.
    Sync,
    /// One object's log does.
    SyncLog(usize),
    LosePower,
}

fn step() -> impl Strategy<Value = Step> {
    let object = || 0..4usize;
    prop_oneof![
        12 => object().prop_map(Step::Put),
        1 => object().prop_map(Step::PutLarge),
        2 => object().prop_map(Step::Close),
        2 => object().prop_map(Step::Checkpoint),
        1 => object().prop_map(Step::Bookmark),
        1 => (object(), any::<usize>()).prop_map(|(object, which)| Step::Restore(object, which)),
        1 => Just(Step::Sync),
        2 => object().prop_map(Step::SyncLog),
        2 => Just(Step::LosePower),
    ]
}

/// Copies what a step has made durable in place. Whatever was written may come to the disk, and what was synced has: here, all
/// of an object's database, history and folder when one of these was synced.
fn keep(now: &Path, synced: &Path, number: usize) {
    let path = |folder: &Path, rest: &str| folder.join(KEY).join(format!("{}.{rest}", id(number)));
    for rest in ["sqlite", "sqlite-wal", "history", "restore"] {
        let (from, to) = (path(now, rest), path(synced, rest));
        fs::create_dir_all(synced.join(KEY)).unwrap();
        let _ = fs::remove_file(&to);
        let _ = fs::remove_dir_all(&to);
        if from.is_dir() {
            copy(&from, &to);
        } else if from.exists() {
            fs::copy(from, to).unwrap();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    /// Objects that are written to, closed, put back; and the power goes when of all that was never synced nothing is there,
    /// or any of it.
    #[test]
    fn nothing_acknowledged_is_lost(steps in proptest::collection::vec(step(), 20..120)) {
        let mut now = tempfile::tempdir().unwrap();
        let mut synced = tempfile::tempdir().unwrap();
        // Of the usual size: in what is done here no segment is full.
        let begin = |folder: &Path| {
            let journal = Journal::new(folder.to_owned());
            (journal.clone(), Namespace::new(KEY, &journal))
        };
        let (mut journal, mut objects) = begin(now.path());
        let mut open: BTreeMap<usize, Storage> = BTreeMap::new();
        let mut values = [0u32; 4];
        let mut bookmarks: [Vec<(Bookmark, u32)>; 4] = Default::default();
        let mut next = 0;
        for step in steps {
            let touched = match step {
                Step::Put(number) | Step::PutLarge(number) | Step::Checkpoint(number) | Step::Bookmark(number)
                | Step::Restore(number, _) | Step::Close(number) => {
                    open.entry(number).or_insert_with(|| objects.open(&id(number), true).unwrap());
                    Some(number)
                }
                Step::Sync | Step::SyncLog(_) | Step::LosePower => None,
            };
            match step {
                Step::Put(number) | Step::PutLarge(number) => {
                    next += 1;
                    let storage = open.get_mut(&number).unwrap();
                    let large = matches!(step, Step::PutLarge(_));
                    if large {
                        storage.put("large", &vec![next as u8; 300_000]).unwrap();
                    }
                    put(storage, next);
                    storage.durability().wait().unwrap();
                    values[number] = next;
                    if large {
                        keep(now.path(), synced.path(), number);
                    }
                }
                Step::Close(number) => {
                    open.remove(&number);
                }
                Step::Checkpoint(number) => {
                    open.get_mut(&number).unwrap().checkpoint().unwrap();
                }
                Step::Bookmark(number) => {
                    let bookmark = open.get_mut(&number).unwrap().bookmark().unwrap();
                    bookmarks[number].push((bookmark, values[number]));
                }
                Step::Restore(number, which) if !bookmarks[number].is_empty() => {
                    let (bookmark, value) = bookmarks[number][which % bookmarks[number].len()].clone();
                    open.get_mut(&number).unwrap().restore_next(bookmark.as_str()).unwrap();
                    open.remove(&number);
                    let storage = objects.open(&id(number), true).unwrap();
                    assert!(storage.is_restored());
                    assert_eq!(get(&storage), value);
                    open.insert(number, storage);
                    values[number] = value;
                }
                Step::Restore(..) => {}
                Step::Sync => (0..4).for_each(|number| keep(now.path(), synced.path(), number)),
                Step::SyncLog(number) => {
                    let name = format!("{KEY}/{}.sqlite-wal", id(number));
                    if now.path().join(&name).exists() {
                        fs::create_dir_all(synced.path().join(KEY)).unwrap();
                        fs::copy(now.path().join(&name), synced.path().join(&name)).unwrap();
                    }
                }
                Step::LosePower => {
                    let left = lose_power(synced.path(), now.path());
                    // What the old one does while it is dropped is not to be seen.
                    let old = (std::mem::take(&mut open), std::mem::replace(&mut now, left));
                    (journal, objects) = begin(now.path());
                    drop(old);
                    for (number, value) in values.iter().enumerate() {
                        let storage = objects.open(&id(number), true).unwrap();
                        assert_eq!(get(&storage), *value, "object {number}");
                        open.insert(number, storage);
                    }
                    synced = tempfile::tempdir().unwrap();
                    (0..4).for_each(|number| keep(now.path(), synced.path(), number));
                }
            }
            // Checkpoints sync the log and the database; so do closing, bookmarks and what is restored.
            if let (Some(number), Step::Checkpoint(_) | Step::Bookmark(_) | Step::Restore(..) | Step::Close(_)) = (touched, &step) {
                keep(now.path(), synced.path(), number);
            }
        }
        drop((open, objects, journal));
    }
}

/// Segments take turns while their contents come to the disk.
#[tokio::test]
async fn many_objects_share_syncs() {
    let folder = tempfile::tempdir().unwrap();
    let (_journal, objects) = namespace(folder.path());
    let mut open: Vec<Storage> = (0..50).map(|number| objects.open(&id(number), false).unwrap()).collect();
    for value in 1..=40 {
        let mut reached = Vec::new();
        for storage in &mut open {
            let (commit, durability) = (put(storage, value), storage.durability().clone());
            reached.push(async move { durability.reach(commit).await.unwrap() });
        }
        futures::future::join_all(reached).await;
    }
    let left = lose_power(folder.path(), folder.path());
    let (_journal, objects) = namespace(left.path());
    for number in 0..50 {
        assert_eq!(get(&objects.open(&id(number), false).unwrap()), 40);
    }
}

/// Has the files of objects in another folder, as they were when the file system was last synced.
struct Copying {
    now: PathBuf,
    synced: Mutex<PathBuf>,
}

impl Sync for Copying {
    fn file(&self, file: &File) -> io::Result<()> {
        Kernel.file(file)
    }

    fn file_system(&self, _: &File) -> io::Result<()> {
        let synced = self.synced.lock().unwrap();
        if self.now.join(KEY).exists() {
            copy(&self.now.join(KEY), &synced.join(KEY));
        }
        Ok(())
    }
}

#[test]
fn a_segment_is_used_again_when_its_contents_are_in_place() {
    let (now, synced) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let disk = Arc::new(Copying { now: now.path().to_owned(), synced: Mutex::new(synced.path().to_owned()) });
    let journal = Journal::with(now.path().to_owned(), SMALL, disk.clone());
    let objects = Namespace::new(KEY, &journal);
    let mut open: Vec<Storage> = (0..5).map(|number| objects.open(&id(number), false).unwrap()).collect();
    for value in 1..=300u32 {
        let number = value as usize % 5;
        put(&mut open[number], value);
        open[number].durability().wait().unwrap();
        if value % 37 == 0 {
            let left = lose_power(&disk.synced.lock().unwrap(), now.path());
            let (_journal, objects) = namespace(left.path());
            for back in 0..5.min(value) {
                assert_eq!(get(&objects.open(&id((value - back) as usize % 5), false).unwrap()), value - back);
            }
        }
    }
    assert!(Read::open(&now.path().join("journal"), 1).unwrap().is_some_and(|segment| segment.first > 30));
}
