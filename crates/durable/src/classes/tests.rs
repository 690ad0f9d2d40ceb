use super::*;

fn migration(tag: &str) -> Migration {
    Migration { tag: tag.into(), ..Migration::default() }
}

fn created(tag: &str, classes: &[&str]) -> Migration {
    Migration { created: classes.iter().map(|class| (*class).into()).collect(), ..migration(tag) }
}

fn renamed(tag: &str, from: &str, to: &str) -> Migration {
    Migration { renamed: vec![(from.into(), to.into())], ..migration(tag) }
}

fn deleted(tag: &str, class: &str) -> Migration {
    Migration { deleted: vec![class.into()], ..migration(tag) }
}

fn transferred(tag: &str, script: &str, from: &str, to: &str) -> Migration {
    Migration { transferred: vec![(script.into(), from.into(), to.into())], ..migration(tag) }
}

fn refusal(result: Result<Vec<String>, MigrationError>) -> (Option<usize>, String) {
    match result {
        Err(MigrationError::Refused { at, message }) => (at, message),
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn a_namespace_keeps_its_key() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("do");
    let classes = Classes::new(root.clone());
    assert_eq!(classes.key("chat", "Room").unwrap(), "chat-Room");
    assert!(!root.exists(), "a look leaves nothing behind");

    let mut migrations = vec![created("v1", &["Room", "Log"])];
    assert_eq!(classes.apply("chat", &migrations).unwrap(), ["v1"]);
    assert_eq!(classes.apply("chat", &migrations).unwrap(), [""; 0]);
    migrations.push(renamed("v2", "Room", "Hall"));
    migrations.push(created("v3", &["Room"]));
    // As after the end of the process, what was applied is known.
    let classes = Classes::new(root.clone());
    assert_eq!(classes.apply("chat", &migrations).unwrap(), ["v2", "v3"]);
    let key = |class: &str| classes.key("chat", class).unwrap();
    assert_eq!([key("Hall"), key("Room"), key("Log")], ["chat-Room", "chat-Room-2", "chat-Log"]);

    std::fs::create_dir_all(root.join("chat-Log")).unwrap();
    migrations.push(deleted("v4", "Log"));
    classes.apply("chat", &migrations).unwrap();
    assert_eq!(classes.removed().unwrap(), ["chat-Log"]);
    classes.remove_files("chat-Log").unwrap();
    assert!(!root.join("chat-Log").exists());
    assert_eq!(classes.removed().unwrap(), [""; 0]);
    assert_eq!(classes.key("chat", "Log").unwrap(), "chat-Log-2", "its ids are good no more");
    assert_eq!(classes.key("chat", "Log").unwrap(), "chat-Log-2");

    assert_eq!(classes.apply("house", &[transferred("t1", "chat", "Hall", "Hall")]).unwrap(), ["t1"]);
    assert_eq!(classes.key("house", "Hall").unwrap(), "chat-Room");
    assert_eq!(classes.key("chat", "Hall").unwrap(), "chat-Hall");
}

#[test]
fn all_or_nothing_and_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let classes = Classes::new(folder.path().to_owned());
    classes.apply("chat", &[created("v1", &["A", "B"]), migration("v2")]).unwrap();
    for (wrong, at, told) in [
        (vec![migration("v2"), migration("v1")], Some(0), "stands where \"v1\" was applied"),
        (vec![migration("v1")], None, "\"v2\" was applied here and is missing"),
        (vec![], None, "\"v1\" was applied here and is missing"),
        (vec![migration("v1"), migration("new")], Some(1), "those applied here so far are \"v1\", \"v2\""),
        (vec![migration("v1"), migration("v2"), migration("v1")], Some(2), "is there twice"),
        (
            vec![migration("v1"), migration("v2"), deleted("v3", "A"), renamed("v4", "A", "B")],
            Some(3),
            "there is a class of this name already",
        ),
    ] {
        let (found, message) = refusal(classes.apply("chat", &wrong));
        assert_eq!(found, at, "{message}");
        assert!(message.to_lowercase().contains(told), "{message}");
    }
    assert_eq!(classes.removed().unwrap(), [""; 0], "v3 was not applied, as v4 could not be");
    assert_eq!(classes.key("chat", "A").unwrap(), "chat-A");
    assert!(classes.apply("other", &[]).unwrap().is_empty(), "another script's are its own");
}

/// State from before anybody noted which migrations were applied: what is there stays what it is.
#[test]
fn what_is_there_already_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["chat-Hall", "chat-Log", "chat-Gone"] {
        std::fs::create_dir(folder.path().join(name)).unwrap();
    }
    let classes = Classes::new(folder.path().to_owned());
    let migrations = [
        created("v1", &["Room", "Log", "Gone"]),
        renamed("v2", "Room", "Hall"),
        deleted("v3", "Log"),
        deleted("v4", "Gone"),
        created("v5", &["Log"]),
    ];
    classes.apply("chat", &migrations).unwrap();
    assert_eq!(classes.key("chat", "Hall").unwrap(), "chat-Hall");
    assert_eq!(classes.key("chat", "Log").unwrap(), "chat-Log");
    assert_eq!(classes.removed().unwrap(), ["chat-Gone"]);
}
