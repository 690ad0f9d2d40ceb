//! The index: which objects, uploads and parts there are, and where their bytes lie.

use store::rusqlite::{Connection, OptionalExtension, Row, params};

use crate::blobs::BlobId;
use crate::receive::{Received, Stored};
use crate::{Checksums, Error, Object};

/// Keys are bytes, so that they are in the order of UTF-8. A segment belongs to the object, or to the upload, of its `owner`: an
/// upload hands them to the object by its version. `doomed` holds files that nothing names any more, those of one object
/// together, until they have been removed. `usage` is what is kept in all, which triggers count.
pub(crate) const SCHEMA: &[&str] = &[
    "
    CREATE TABLE buckets (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        created INTEGER NOT NULL,
        storage_class TEXT NOT NULL
    );
    CREATE TABLE objects (
        bucket INTEGER NOT NULL REFERENCES buckets (id),
        key BLOB NOT NULL,
        version TEXT NOT NULL,
        size INTEGER NOT NULL,
        etag TEXT NOT NULL,
        uploaded INTEGER NOT NULL,
        checksums TEXT NOT NULL,
        http TEXT NOT NULL,
        custom TEXT NOT NULL,
        storage_class TEXT NOT NULL,
        key_md5 TEXT,
        PRIMARY KEY (bucket, key)
    ) WITHOUT ROWID;
    CREATE TABLE uploads (
        id TEXT PRIMARY KEY,
        bucket INTEGER NOT NULL REFERENCES buckets (id),
        key BLOB NOT NULL,
        version TEXT NOT NULL,
        begun INTEGER NOT NULL,
        ended INTEGER,
        http TEXT NOT NULL,
        custom TEXT NOT NULL,
        storage_class TEXT NOT NULL,
        key_md5 TEXT
    ) WITHOUT ROWID;
    CREATE INDEX uploads_by_key ON uploads (bucket, key, id);
    CREATE INDEX uploads_by_begun ON uploads (begun);
    CREATE TABLE segments (
        owner TEXT NOT NULL,
        part INTEGER NOT NULL,
        size INTEGER NOT NULL,
        md5 BLOB NOT NULL,
        uploaded INTEGER NOT NULL,
        file TEXT,
        bytes BLOB,
        PRIMARY KEY (owner, part)
    );
    CREATE UNIQUE INDEX segments_by_file ON segments (file) WHERE file IS NOT NULL;
    CREATE TABLE doomed (
        file TEXT PRIMARY KEY,
        owner TEXT NOT NULL,
        part INTEGER NOT NULL
    ) WITHOUT ROWID;
",
    "
    ALTER TABLE buckets ADD COLUMN cors TEXT;
    ALTER TABLE uploads ADD COLUMN checksum TEXT;
    ALTER TABLE segments ADD COLUMN checksums TEXT;
",
    "
    CREATE TABLE usage (bytes INTEGER NOT NULL);
    INSERT INTO usage VALUES (
        (SELECT coalesce(sum(size), 0) FROM segments)
        + (SELECT coalesce(sum(256 + length(key) + length(http) + length(custom)), 0) FROM objects)
        + (SELECT coalesce(sum(256 + length(key) + length(http) + length(custom)), 0) FROM uploads)
    );
    CREATE TRIGGER segment_added AFTER INSERT ON segments BEGIN UPDATE usage SET bytes = bytes + NEW.size; END;
    CREATE TRIGGER segment_removed AFTER DELETE ON segments BEGIN UPDATE usage SET bytes = bytes - OLD.size; END;
    CREATE TRIGGER object_added AFTER INSERT ON objects BEGIN
        UPDATE usage SET bytes = bytes + 256 + length(NEW.key) + length(NEW.http) + length(NEW.custom);
    END;
    CREATE TRIGGER object_removed AFTER DELETE ON objects BEGIN
        UPDATE usage SET bytes = bytes - 256 - length(OLD.key) - length(OLD.http) - length(OLD.custom);
    END;
    CREATE TRIGGER upload_added AFTER INSERT ON uploads BEGIN
        UPDATE usage SET bytes = bytes + 256 + length(NEW.key) + length(NEW.http) + length(NEW.custom);
    END;
    CREATE TRIGGER upload_removed AFTER DELETE ON uploads BEGIN
        UPDATE usage SET bytes = bytes - 256 - length(OLD.key) - length(OLD.http) - length(OLD.custom);
    END;
",
];

/// What an object or an upload takes besides its bytes, key and metadata, in `usage`.
const ENTRY: usize = 256;

/// Bytes of an object that lie together.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    pub stored: Stored,
    pub size: u64,
}

pub(crate) const OBJECT: &str = "key, version, size, etag, uploaded, checksums, http, custom, storage_class, key_md5";

/// The object in a row of the columns [`OBJECT`].
pub(crate) fn object(row: &Row<'_>) -> Result<Object, Error> {
    Ok(Object {
        key: key(row.get(0)?)?,
        version: row.get(1)?,
        size: size(row, 2)?,
        etag: row.get(3)?,
        uploaded: row.get(4)?,
        checksums: json(row, 5)?,
        http: json(row, 6)?,
        custom: json(row, 7)?,
        storage_class: row.get_ref(8)?.as_str().unwrap_or_default().parse()?,
        key_md5: row.get(9)?,
    })
}

/// A size: no object is larger than 2⁶³ bytes, which is what an integer of the index holds.
pub(crate) fn size(row: &Row<'_>, column: usize) -> store::rusqlite::Result<u64> {
    Ok(row.get::<_, i64>(column)?.unsigned_abs())
}

pub(crate) fn key(bytes: Vec<u8>) -> Result<String, Error> {
    String::from_utf8(bytes).map_err(|_| Error::Damaged("a key in the index is not UTF-8".into()))
}

pub(crate) fn json<T: serde::de::DeserializeOwned>(row: &Row<'_>, column: usize) -> Result<T, Error> {
    let text = row.get_ref(column)?.as_str().unwrap_or_default();
    serde_json::from_str(text).map_err(|error| Error::Damaged(format!("column {column} of the index: {error}")))
}

pub(crate) fn optional_json<T: serde::de::DeserializeOwned>(row: &Row<'_>, column: usize) -> Result<Option<T>, Error> {
    match row.get_ref(column)? {
        store::rusqlite::types::ValueRef::Null => Ok(None),
        _ => json(row, column).map(Some),
    }
}

pub(crate) fn to_json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("text and numbers are always JSON")
}

/// Bytes that are kept in all buckets.
pub(crate) fn kept(connection: &Connection) -> Result<u64, Error> {
    let mut statement = connection.prepare_cached("SELECT bytes FROM usage")?;
    Ok(statement.query_row([], |row| row.get::<_, i64>(0))?.unsigned_abs())
}

/// Bytes of an object or an upload without what is in it.
pub(crate) fn entry(key: &str, http: &impl serde::Serialize, custom: &impl serde::Serialize) -> u64 {
    (ENTRY + key.len() + to_json(http).len() + to_json(custom).len()) as u64
}

pub(crate) fn bucket(connection: &Connection, name: &str) -> Result<Option<i64>, Error> {
    let mut statement = connection.prepare_cached("SELECT id FROM buckets WHERE name = ?1")?;
    Ok(statement.query_row([name], |row| row.get(0)).optional()?)
}

pub(crate) fn find(connection: &Connection, bucket: i64, key: &str) -> Result<Option<Object>, Error> {
    let query = format!("SELECT {OBJECT} FROM objects WHERE bucket = ?1 AND key = ?2");
    let mut statement = connection.prepare_cached(&query)?;
    let mut rows = statement.query(params![bucket, key.as_bytes()])?;
    rows.next()?.map(object).transpose()
}

/// Puts the object in the place of what its key had.
pub(crate) fn insert(connection: &Connection, bucket: i64, object: &Object) -> Result<(), Error> {
    remove(connection, bucket, &object.key)?;
    let mut statement = connection.prepare_cached(
        "INSERT INTO objects (bucket, key, version, size, etag, uploaded, checksums, http, custom, storage_class, key_md5)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?;
    statement.execute(params![
        bucket,
        object.key.as_bytes(),
        object.version,
        object.size as i64,
        object.etag,
        object.uploaded,
        to_json(&object.checksums),
        to_json(&object.http),
        to_json(&object.custom),
        object.storage_class.name(),
        object.key_md5,
    ])?;
    Ok(())
}

/// Removes what the key has; its files are doomed.
pub(crate) fn remove(connection: &Connection, bucket: i64, key: &str) -> Result<bool, Error> {
    let mut statement =
        connection.prepare_cached("DELETE FROM objects WHERE bucket = ?1 AND key = ?2 RETURNING version")?;
    let version: Option<String> = statement.query_row(params![bucket, key.as_bytes()], |row| row.get(0)).optional()?;
    if let Some(version) = &version {
        doom(connection, version)?;
    }
    Ok(version.is_some())
}

/// Removes all segments of an owner; their files are doomed.
pub(crate) fn doom(connection: &Connection, owner: &str) -> Result<(), Error> {
    connection
        .prepare_cached(
            "INSERT INTO doomed SELECT file, owner, part FROM segments WHERE owner = ?1 AND file IS NOT NULL",
        )?
        .execute([owner])?;
    connection.prepare_cached("DELETE FROM segments WHERE owner = ?1")?.execute([owner])?;
    Ok(())
}

/// Removes one part of an upload. Its file is doomed by itself: nobody reads parts.
pub(crate) fn doom_part(connection: &Connection, owner: &str, part: u16) -> Result<(), Error> {
    connection
        .prepare_cached(
            "INSERT INTO doomed SELECT file, file, part FROM segments WHERE owner = ?1 AND part = ?2 AND file IS NOT NULL",
        )?
        .execute(params![owner, part])?;
    connection.prepare_cached("DELETE FROM segments WHERE owner = ?1 AND part = ?2")?.execute(params![owner, part])?;
    Ok(())
}

pub(crate) fn add_segment(
    connection: &Connection,
    owner: &str,
    part: u16,
    uploaded: i64,
    received: &Received,
) -> Result<(), Error> {
    let (file, bytes) = match &received.stored {
        Stored::Inline(bytes) => (None, Some(bytes)),
        Stored::Blob(id) => (Some(id.as_str()), None),
    };
    connection
        .prepare_cached(
            "INSERT INTO segments (owner, part, size, md5, uploaded, file, bytes, checksums)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            owner,
            part,
            received.size as i64,
            received.checksums.md5.as_deref().unwrap_or_default(),
            uploaded,
            file,
            bytes,
            to_json(&received.checksums),
        ])?;
    Ok(())
}

/// The bytes of an object that has none.
pub(crate) fn add_empty(connection: &Connection, object: &Object) -> Result<(), Error> {
    let received =
        Received { stored: Stored::Inline(Vec::new()), size: 0, checksums: Checksums::default(), charge: None };
    add_segment(connection, &object.version, 1, object.uploaded, &received)
}

pub(crate) fn segments(connection: &Connection, owner: &str) -> Result<Vec<Segment>, Error> {
    let mut statement =
        connection.prepare_cached("SELECT size, file, bytes FROM segments WHERE owner = ?1 ORDER BY part")?;
    let rows = statement.query_map([owner], |row| {
        let file: Option<String> = row.get(1)?;
        let stored = match file {
            Some(name) => Stored::Blob(BlobId::known(name)),
            None => Stored::Inline(row.get(2)?),
        };
        Ok(Segment { size: size(row, 0)?, stored })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Whether an object or an upload has this file.
pub(crate) fn names(connection: &Connection, id: &BlobId) -> Result<bool, Error> {
    let mut statement = connection.prepare_cached("SELECT 1 FROM segments WHERE file = ?1")?;
    Ok(statement.exists([id.as_str()])?)
}

/// The doomed files, those of one owner together.
pub(crate) fn doomed(connection: &Connection) -> Result<Vec<Vec<BlobId>>, Error> {
    // The first part is the one that readers hold.
    let mut statement = connection.prepare_cached("SELECT owner, file FROM doomed ORDER BY owner, part")?;
    let mut rows = statement.query([])?;
    let mut groups: Vec<Vec<BlobId>> = Vec::new();
    let mut last = None;
    while let Some(row) = rows.next()? {
        let owner: String = row.get(0)?;
        let id = BlobId::known(row.get(1)?);
        match groups.last_mut() {
            Some(group) if last.as_ref() == Some(&owner) => group.push(id),
            _ => groups.push(vec![id]),
        }
        last = Some(owner);
    }
    Ok(groups)
}

pub(crate) fn forget_doomed(connection: &Connection, ids: &[BlobId]) -> Result<(), Error> {
    let mut statement = connection.prepare_cached("DELETE FROM doomed WHERE file = ?1")?;
    ids.iter().try_for_each(|id| statement.execute([id.as_str()]).map(drop))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_of_the_first_version_is_taken_over() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("index.sqlite");
        let first = store::sqlite::open(&path, &SCHEMA[..1]).expect("the first version");
        first
            .execute_batch(
                "INSERT INTO buckets VALUES (1, 'old', 0, 'Standard');
                 INSERT INTO segments (owner, part, size, md5, uploaded, bytes) VALUES ('v', 1, 3, x'', 0, x'616263');",
            )
            .expect("rows");
        drop(first);
        let now = store::sqlite::open(&path, SCHEMA).expect("the version of now");
        let kept = segments(&now, "v").expect("the segments");
        assert_eq!(kept.len(), 1);
        let cors: Option<String> =
            now.query_row("SELECT cors FROM buckets WHERE name = 'old'", [], |row| row.get(0)).expect("the bucket");
        assert_eq!(cors, None);
        let sums: Option<Checksums> = now
            .query_row("SELECT checksums FROM segments", [], |row| Ok(optional_json(row, 0).ok().flatten()))
            .expect("the row");
        assert!(sums.is_none());
    }
}
