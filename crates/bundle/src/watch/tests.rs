use super::*;

async fn expect(watcher: &mut Watcher, files: &[&Path]) {
    let changed = tokio::time::timeout(Duration::from_secs(5), watcher.changed()).await.expect("a change");
    assert_eq!(changed, files);
}

async fn expect_nothing(watcher: &mut Watcher) {
    let changed = tokio::time::timeout(Duration::from_millis(400), watcher.changed()).await;
    assert!(changed.is_err(), "unexpected change: {changed:?}");
}

#[tokio::test]
async fn sees_writes_replacements_removals_and_arrivals() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    let (written, replaced, missing) = (root.join("a.ts"), root.join("b.ts"), root.join("lib/deep/c.ts"));
    fs::write(&written, "1").unwrap();
    fs::write(&replaced, "1").unwrap();
    let mut watcher = Watcher::new([written.clone(), root.join("./x/../b.ts"), missing.clone()]).unwrap();

    fs::write(&written, "22").unwrap();
    expect(&mut watcher, &[&written]).await;

    // As vim and others save: to a new file, then over the old one. Twice, for the first loses the old inode.
    for text in ["new", "newer"] {
        fs::write(root.join("b.ts~"), text).unwrap();
        fs::rename(root.join("b.ts~"), &replaced).unwrap();
        expect(&mut watcher, &[&replaced]).await;
    }

    // Neighbours and reads are not changes.
    fs::write(root.join("other.txt"), "noise").unwrap();
    fs::read(&written).unwrap();
    expect_nothing(&mut watcher).await;

    fs::create_dir_all(missing.parent().unwrap()).unwrap();
    fs::write(&missing, "here").unwrap();
    expect(&mut watcher, &[&missing]).await;
    fs::remove_dir_all(root.join("lib")).unwrap();
    expect(&mut watcher, &[&missing]).await;
    // The folder is another one now; its watch must be too.
    fs::create_dir_all(missing.parent().unwrap()).unwrap();
    tokio::time::sleep(PATIENCE * 2).await;
    fs::write(&missing, "again").unwrap();
    expect(&mut watcher, &[&missing]).await;

    fs::remove_file(&written).unwrap();
    expect(&mut watcher, &[&written]).await;
}

#[tokio::test]
async fn the_set_can_change_without_losing_changes() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    let (kept, dropped, added) = (root.join("kept.ts"), root.join("dropped.ts"), root.join("sub/added.ts"));
    fs::create_dir(root.join("sub")).unwrap();
    for file in [&kept, &dropped] {
        fs::write(file, "1").unwrap();
    }
    let mut watcher = Watcher::new([kept.clone(), dropped.clone()]).unwrap();

    // A change that came while the bundle was being made survives the new set, whether the file is new to it or not.
    let read_at = SystemTime::now() - Duration::from_secs(1);
    fs::write(&kept, "22").unwrap();
    fs::write(&added, "1").unwrap();
    watcher.set([kept.clone(), added.clone()], read_at).unwrap();
    let mut changed = BTreeSet::new();
    while changed.len() < 2 {
        let more = tokio::time::timeout(Duration::from_secs(5), watcher.changed()).await.expect("both changes");
        changed.extend(more);
    }
    assert_eq!(changed, BTreeSet::from([kept.clone(), added.clone()]));

    fs::write(&dropped, "333").unwrap();
    expect_nothing(&mut watcher).await;
    // Many saves at once are told at once.
    for text in ["a", "ab", "abc"] {
        fs::write(&added, text).unwrap();
        fs::write(&kept, text).unwrap();
    }
    expect(&mut watcher, &[&kept, &added]).await;
    expect_nothing(&mut watcher).await;
}

#[tokio::test]
async fn what_changed_while_it_was_read_is_told_once() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    let (late, future) = (root.join("late.ts"), root.join("future.ts"));
    let read_at = SystemTime::now() - Duration::from_secs(1);
    fs::write(&late, "1").unwrap();
    fs::File::create(&future).unwrap().set_modified(SystemTime::now() + Duration::from_secs(3600)).unwrap();
    let files = [late.clone(), future.clone()];
    let mut watcher = Watcher::new(files.clone()).unwrap();
    watcher.set(files.clone(), read_at).unwrap();
    expect(&mut watcher, &[&late]).await;
    watcher.set(files, SystemTime::now()).unwrap();
    expect_nothing(&mut watcher).await;
}

#[tokio::test]
async fn a_folder_in_the_set_changes_with_what_is_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    let lang = root.join("lang");
    fs::create_dir(&lang).unwrap();
    fs::write(lang.join("en.js"), "1").unwrap();
    let mut watcher = Watcher::new([lang.clone()]).unwrap();
    fs::write(lang.join("en.js"), "22").unwrap();
    expect_nothing(&mut watcher).await;
    fs::write(lang.join("de.js"), "1").unwrap();
    expect(&mut watcher, &[&lang]).await;
    fs::remove_file(lang.join("en.js")).unwrap();
    expect(&mut watcher, &[&lang]).await;
}

/// More sets than inotify gives instances (128), some over the same folder.
#[tokio::test]
async fn many_sets_share_one_watch() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    let files: Vec<_> = (0..300).map(|n| root.join(format!("{}/{n}.ts", n / 2))).collect();
    let mut watchers = Vec::new();
    for file in &files {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, "1").unwrap();
        watchers.push(Watcher::new([file.clone()]).unwrap());
    }
    // The other set over this folder ends; this one goes on.
    drop(watchers.remove(298));
    let mut last = watchers.pop().unwrap();
    fs::write(&files[299], "22").unwrap();
    expect(&mut last, &[&files[299]]).await;
    expect_nothing(&mut watchers[0]).await;
}
