use std::os::unix::fs::PermissionsExt;

use super::*;

#[test]
fn a_token_is_found_as_soon_as_it_is_made_and_not_after_it_is_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r2/tokens.json");
    let (server, command) = (Tokens::new(path.clone()), Tokens::new(path.clone()));
    assert!(server.find("nothing").unwrap().is_none());
    let new = command.create(Permission::Read, vec!["one".into()], None).unwrap();
    let token = server.find(&new.access_key_id).unwrap().unwrap();
    assert_eq!((token.secret(), token.permission), (&*new.secret_access_key, Permission::Read));
    assert!(token.sees("one") && !token.sees("two"));
    assert!(!format!("{token:?} {server:?}").contains(&new.secret_access_key));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let other = command.create(Permission::ReadWrite, Vec::new(), Some(Duration::from_secs(100))).unwrap();
    let other = server.find(&other.access_key_id).unwrap().unwrap();
    assert!(other.sees("anything") && !other.has_expired(SystemTime::now()));
    assert!(other.has_expired(SystemTime::now() + Duration::from_secs(101)));
    assert!(command.delete(&new.access_key_id).unwrap() && !command.delete(&new.access_key_id).unwrap());
    assert!(server.find(&new.access_key_id).unwrap().is_none());
    assert_eq!(server.list().unwrap().len(), 1);
}

#[test]
fn tokens_made_at_once_are_all_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokens.json");
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| Tokens::new(path.clone()).create(Permission::Read, Vec::new(), None).unwrap());
        }
    });
    assert_eq!(Tokens::new(path).list().unwrap().len(), 8);
}
