use std::collections::BTreeSet;

use crate::*;

fn document(main: &str) -> VersionDocument {
    VersionDocument { main: main.into(), source: "test".into(), author: "test".into(), ..Default::default() }
}

fn module(text: &str) -> Module {
    Module { name: "main.js".into(), kind: "application/javascript+module".into(), content: text.into() }
}

#[tokio::test]
async fn a_version_is_kept_with_its_modules_and_deployed() {
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::open(folder.path()).unwrap();
    let account = registry.create_account("Main", "main", "paid").await.unwrap();
    let script = registry.create_script(&account.id, "hello", &new_hex_id()).await.unwrap();
    let again = registry.create_script(&account.id, "hello", &new_hex_id()).await;
    assert!(matches!(again, Err(Error::Taken { .. })), "{again:?}");

    let new = NewVersion::uploaded(document("main.js"), vec![module("one")]);
    let first = registry.add_version(&script.tag, new, Some(NewDeployment::default())).await.unwrap();
    let second = NewVersion::derived(&first, document("main.js"));
    let second = registry.add_version(&script.tag, second, None).await.unwrap();
    assert_eq!((first.number, second.number), (1, 2));
    assert_eq!(registry.modules(&second.id).unwrap(), [module("one")]);

    // It is all there after another start.
    drop(registry);
    let registry = Registry::open(folder.path()).unwrap();
    let deployed = registry.deployment(&script.tag).unwrap().unwrap();
    assert_eq!(deployed.document.versions, [Share { version_id: first.id.clone(), percentage: 100.0 }]);
    let ids: Vec<String> = registry.versions(&script.tag).unwrap().into_iter().map(|version| version.id).collect();
    assert_eq!(ids, [second.id.clone(), first.id.clone()]);

    let unknown =
        NewDeployment { versions: vec![Share { version_id: "x".into(), percentage: 100.0 }], ..Default::default() };
    assert!(matches!(registry.deploy(&script.tag, unknown).await, Err(Error::Missing { .. })));

    registry.delete_script(&script.tag).await.unwrap();
    assert!(registry.versions(&script.tag).unwrap().is_empty());
    let left = registry
        .read(|connection| Ok(connection.query_row("SELECT count(*) FROM content", [], |row| row.get::<_, i64>(0))?));
    assert_eq!(left.unwrap(), 0);
}

#[tokio::test]
async fn old_versions_are_forgotten_but_for_those_deployed() {
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::open(folder.path()).unwrap();
    let account = registry.create_account("Main", "main", "paid").await.unwrap();
    let script = registry.create_script(&account.id, "hello", &new_hex_id()).await.unwrap();
    for number in 0..103 {
        let new = NewVersion::uploaded(document("main.js"), vec![module(&number.to_string())]);
        let deploy = (number == 0).then(NewDeployment::default);
        registry.add_version(&script.tag, new, deploy).await.unwrap();
    }
    let numbers: Vec<u32> = registry.versions(&script.tag).unwrap().iter().map(|version| version.number).collect();
    assert_eq!(numbers.len(), 101);
    assert_eq!(numbers.last(), Some(&1));
    assert_eq!(numbers[99], 4);
}

#[tokio::test]
async fn a_token_is_known_by_its_secret_until_it_expires_or_is_revoked() {
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::open(folder.path()).unwrap();
    let account = registry.create_account("Main", "main", "paid").await.unwrap();
    let scopes = BTreeSet::from([Scope::KvWrite]);
    let made = registry.create_token(&account.id, "ci", scopes.clone(), None).await.unwrap();
    let known = registry.token(&made.secret).unwrap().unwrap();
    assert_eq!(known, made.token);
    assert!(known.may(Scope::KvRead) && known.may(Scope::KvWrite) && !known.may(Scope::WorkersRead));
    assert_eq!(registry.token("x").unwrap(), None);
    let bytes = std::fs::read(folder.path().join("registry.sqlite-wal")).unwrap();
    assert!(!bytes.windows(made.secret.len()).any(|window| window == made.secret.as_bytes()));

    let expired = registry.create_token(&account.id, "old", scopes, Some(Stamp(1))).await.unwrap();
    assert_eq!(registry.token(&expired.secret).unwrap(), None);
    assert!(registry.revoke_token(&made.token.id).await.unwrap());
    assert_eq!(registry.token(&made.secret).unwrap(), None);
}

#[test]
fn a_sealed_secret_opens_for_its_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let vault = Vault::open(&folder.path().join("key")).unwrap();
    let sealed = vault.seal("one", "geheim ☃").unwrap();
    assert_eq!(vault.open_sealed("one", &sealed).unwrap(), "geheim ☃");
    assert!(matches!(vault.open_sealed("two", &sealed), Err(Error::Unsealable)));
    assert!(!serde_json::to_string(&sealed).unwrap().contains("geheim"));

    let again = Vault::open(&folder.path().join("key")).unwrap();
    assert_eq!(again.open_sealed("one", &sealed).unwrap(), "geheim ☃");
    let other = Vault::open(&folder.path().join("other")).unwrap();
    assert!(matches!(other.open_sealed("one", &sealed), Err(Error::Unsealable)));
}

#[test]
fn bindings_are_read_as_the_api_writes_them() {
    let text = r#"[
        {"name":"A","type":"plain_text","text":"x"},
        {"name":"B","type":"kv_namespace","namespace_id":"n","raw":true},
        {"name":"C","type":"version_metadata"},
        {"name":"D","type":"ratelimit","namespace_id":"1","simple":{"limit":5,"period":60}},
        {"name":"E","type":"inherit"}
    ]"#;
    let bindings: Vec<Binding> = serde_json::from_str(text).unwrap();
    let types: Vec<&str> = bindings.iter().map(|binding| binding.kind.type_name()).collect();
    assert_eq!(types, ["plain_text", "kv_namespace", "version_metadata", "ratelimit", "inherit"]);
    for binding in &bindings {
        let written = serde_json::to_value(binding).unwrap();
        assert_eq!(written["type"], binding.kind.type_name());
        assert_eq!(&serde_json::from_value::<Binding>(written).unwrap(), binding);
    }
    assert!(serde_json::from_str::<Binding>(r#"{"name":"X","type":"ai"}"#).is_err());
}

#[tokio::test]
async fn a_queue_has_one_consumer_which_goes_with_its_worker_or_its_queue() {
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::open(folder.path()).unwrap();
    let account = registry.create_account("Main", "main", "paid").await.unwrap();
    let script = registry.create_script(&account.id, "hello", &new_hex_id()).await.unwrap();
    let queue =
        registry.create_resource(&account.id, ResourceKind::Queue, "jobs", serde_json::Value::Null).await.unwrap();
    let settings =
        ConsumerSettings { batch_size: Some(7), dead_letter_queue: Some("dead".into()), ..Default::default() };
    let create =
        async |script: Option<String>| registry.create_queue_consumer(&queue.id, script, settings.clone()).await;
    let consumer = create(Some(script.tag.clone())).await.unwrap();
    assert!(matches!(create(None).await, Err(Error::Taken { .. })));
    assert_eq!(registry.queue_consumers().unwrap(), std::slice::from_ref(&consumer));
    registry.change_queue_consumer(&consumer.id, consumer.script.clone(), ConsumerSettings::default()).await.unwrap();
    assert_eq!(registry.queue_consumer(&queue.id).unwrap().unwrap().settings, ConsumerSettings::default());
    assert!(registry.consumes_queues(&script.tag).unwrap());
    registry.delete_script(&script.tag).await.unwrap();
    assert_eq!(registry.queue_consumer(&queue.id).unwrap(), None);
    create(None).await.unwrap();
    registry.delete_resource(&queue.id).await.unwrap();
    assert!(registry.queue_consumers().unwrap().is_empty());
}
