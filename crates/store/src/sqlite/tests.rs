use super::*;

const SCHEMA: &[&str] = &["CREATE TABLE entry (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID"];

fn insert(key: &'static str, value: i64) -> impl FnOnce(&Connection) -> Result<(), Error> + Send + 'static {
    move |connection| {
        connection.prepare_cached("INSERT INTO entry VALUES (?1, ?2)")?.execute((key, value))?;
        Ok(())
    }
}

fn keys(database: &Database) -> Vec<String> {
    database
        .read::<_, Error>(|connection| {
            let mut statement = connection.prepare_cached("SELECT key FROM entry ORDER BY key")?;
            let keys = statement.query_map([], |row| row.get(0))?;
            Ok(keys.collect::<Result<_, _>>()?)
        })
        .unwrap()
}

#[tokio::test]
async fn a_failed_write_takes_nobody_along() {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(&folder.path().join("sub/db.sqlite"), SCHEMA).unwrap();
    let (a, again, b, panic, c) = tokio::join!(
        database.write(insert("a", 1)),
        database.write(|connection| {
            insert("x", 1)(connection)?;
            insert("a", 2)(connection)
        }),
        database.write(insert("b", 1)),
        database.write(|_| -> Result<(), Error> { panic!("on purpose") }),
        database.write(insert("c", 1)),
    );
    assert!(a.is_ok() && b.is_ok() && c.is_ok());
    assert!(matches!(again, Err(Error::Sqlite(_))), "{again:?}");
    assert!(matches!(panic, Err(Error::Commit(_))), "{panic:?}");
    assert_eq!(keys(&database), ["a", "b", "c"]);
}

#[tokio::test]
async fn what_was_written_is_there_after_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db.sqlite");
    let database = Database::open(&path, SCHEMA).unwrap();
    database.write(insert("kept", 1)).await.unwrap();
    drop(database);
    let more = [SCHEMA[0], "ALTER TABLE entry ADD COLUMN extra TEXT"];
    let database = Database::open(&path, &more).unwrap();
    assert_eq!(keys(&database), ["kept"]);
    database.read::<_, Error>(|connection| Ok(connection.prepare("SELECT extra FROM entry").map(drop)?)).unwrap();
    assert!(matches!(Database::open(&path, SCHEMA), Err(Error::Newer { found: 2, known: 1, .. })));
}
