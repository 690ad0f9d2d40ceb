use super::*;

const PAGE: usize = 512;

/// A file with a database's header, and pages that hold nothing but `fill`.
fn database(folder: &Path, pages: u32, fill: u8) -> File {
    let mut bytes = vec![fill; PAGE * pages as usize];
    bytes[16..18].copy_from_slice(&(PAGE as u16).to_be_bytes());
    bytes[PAGES_AT..PAGES_AT + 4].copy_from_slice(&pages.to_be_bytes());
    fs::write(folder.join("database"), bytes).unwrap();
    OpenOptions::new().read(true).write(true).open(folder.join("database")).unwrap()
}

/// What a checkpoint does, of all pages but the first.
fn overwrite(history: &mut History, database: &File, pages: u32, since: i64, fill: u8) {
    let changing: Vec<u32> = (2..=pages).collect();
    history.copy(&Before { database, since, is_whole: true }, &changing).unwrap();
    database.write_all_at(&vec![fill; PAGE * (pages as usize - 1)], PAGE as u64).unwrap();
}

fn fill(database: &File) -> u8 {
    let mut byte = [0];
    database.read_exact_at(&mut byte, PAGE as u64).unwrap();
    byte[0]
}

#[test]
fn points_are_apart_and_the_oldest_are_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("one.history");
    let mut history = History::new(path.clone(), 16 << 20);
    let file = database(folder.path(), 2000, 0);
    assert!(matches!(history.at(5), Err(Error::NoHistory)));
    // A checkpoint each second makes a point each ten seconds.
    for second in 0..600u32 {
        overwrite(&mut history, &file, 2000, i64::from(second) * 1000, second as u8);
    }
    let bytes: u64 = fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum();
    assert!(bytes <= 16 << 20, "{bytes}");
    let first = history.at(550_000).unwrap();
    let plan = history.plan(first, None).unwrap();
    let time = plan.boundary.time;
    assert!((540_000..=550_000).contains(&time), "{time}");
    plan.carry_out(&file).unwrap();
    // The state of a second came to be when the one before was overwritten.
    assert_eq!(fill(&file), (time / 1000 - 1) as u8);
    assert!(matches!(history.at(10_000), Err(Error::BeforeHistory)));
    assert!(matches!(history.plan(Point::FIRST, None), Err(Error::Bookmark)));

    // What is older than 30 days goes too, but for what was still so then.
    overwrite(&mut history, &file, 2000, 600_000 + KEPT + FILE_TIME, 7);
    overwrite(&mut history, &file, 2000, 700_000 + KEPT + FILE_TIME, 8);
    assert!(matches!(history.at(540_000), Err(Error::BeforeHistory)));
    assert!(history.at(600_000 + KEPT).is_ok());
    assert!(history.at(700_000 + KEPT + FILE_TIME).is_ok());
}

#[test]
fn one_point_that_is_too_large_begins_the_history_anew() {
    let folder = tempfile::tempdir().unwrap();
    let mut history = History::new(folder.path().join("one.history"), 100_000);
    let file = database(folder.path(), 20, 0);
    let small = history.mark(&file, 1).unwrap();
    overwrite(&mut history, &file, 20, 2, 1);
    assert!(history.plan(small, None).is_ok());
    let file = database(folder.path(), 1000, 1);
    let large = history.mark(&file, 3).unwrap();
    assert!(large > small);
    overwrite(&mut history, &file, 1000, 4, 2);
    for point in [small, large] {
        assert!(matches!(history.plan(point, None), Err(Error::Bookmark)));
    }
    assert!(matches!(history.at(5), Err(Error::NoHistory)));
    let anew = history.mark(&file, 5).unwrap();
    assert!(history.plan(anew, None).is_ok());
}

/// The process ended in the middle of a write: nothing was overwritten yet that the torn record would have kept.
#[test]
fn a_torn_end_is_cut_off() {
    for garbage in [&b"x"[..], &[0; 40], &encode_pages(&[2, 3], &[9; 2 * PAGE])[..700]] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("one.history");
        let file = database(folder.path(), 10, 1);
        let mut history = History::new(path.clone(), MAX_BYTES);
        let point = history.mark(&file, 1).unwrap();
        let name = history.path(&history.names().unwrap()[0]);
        let mut bytes = fs::read(&name).unwrap();
        bytes.extend(garbage);
        fs::write(&name, bytes).unwrap();
        // One whose first record is torn as well.
        fs::write(path.join("00000000-00000002-000000000002"), garbage).unwrap();

        let mut history = History::new(path, MAX_BYTES);
        overwrite(&mut history, &file, 10, 2, 2);
        assert_eq!(fill(&file), 2);
        history.plan(point, None).unwrap().carry_out(&file).unwrap();
        assert_eq!(fill(&file), 1);
    }
}
