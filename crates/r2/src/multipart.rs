//! Uploads in parts, which become an object in one step.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use bytes::Bytes;
use futures::Stream;
use store::rusqlite::{Connection, OptionalExtension, params};

use crate::bucket::{check_custom, check_key, class_of};
use crate::digests::{hex, multipart_checksum, multipart_etag};
use crate::receive::{Terms, receive};
use crate::{
    Algorithm, Bucket, Checksums, Conditional, CustomerKey, Error, Expected, HttpMetadata, Object, StorageClass, id,
    index, limits,
};

/// An upload that is neither completed nor aborted is aborted after a week:
/// https://developers.cloudflare.com/r2/objects/multipart-objects/
const LIFETIME: Duration = Duration::from_hours(7 * 24);

#[derive(Clone, Debug, Default)]
pub struct MultipartOptions {
    pub http: HttpMetadata,
    pub custom: Vec<(String, String)>,
    /// The bucket's own when it isn't given.
    pub storage_class: Option<StorageClass>,
    pub key: Option<CustomerKey>,
    /// What each part gets, and the object in the end.
    pub checksum: Option<Algorithm>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadedPart {
    pub number: u16,
    pub etag: String,
    pub size: u64,
    /// Milliseconds since the epoch.
    pub uploaded: i64,
    pub checksums: Checksums,
}

/// How a part comes.
#[derive(Debug, Default)]
pub struct Part {
    /// Where it is known; another one is an error.
    pub length: Option<u64>,
    pub expected: Expected,
    /// The one that the upload was begun with.
    pub key: Option<CustomerKey>,
}

/// A part that an upload is completed with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CompletedPart {
    pub number: u16,
    pub etag: String,
    /// Those that it has to have.
    pub checksums: Checksums,
}

/// What is known of an upload that has begun.
pub(crate) struct Upload {
    pub(crate) version: String,
    pub(crate) ended: bool,
    http: HttpMetadata,
    custom: Vec<(String, String)>,
    pub(crate) storage_class: StorageClass,
    key_md5: Option<String>,
    pub(crate) checksum: Option<Algorithm>,
}

/// A part as it lies in the index.
struct Stored {
    size: u64,
    md5: Vec<u8>,
    checksums: Checksums,
}

// === impl Bucket ===

impl Bucket {
    /// Begins an upload; returns its id.
    pub async fn create_multipart(&self, key: &str, options: MultipartOptions) -> Result<String, Error> {
        check_key(key)?;
        check_custom(&options.custom)?;
        let engine = self.r2.engine().await?;
        let charge = engine.charge(index::entry(key, &options.http, &options.custom))?;
        let (this, key, upload) = (self.clone(), key.to_owned(), id::secret());
        let create = move |connection: &Connection| {
            // Until it is noted what is kept.
            let _charge = charge;
            let bucket = this.number_or_new(connection)?;
            forget_old(connection)?;
            let storage_class = match options.storage_class {
                Some(class) => class,
                None => class_of(connection, bucket)?,
            };
            connection
                .prepare_cached(
                    "INSERT INTO uploads (id, bucket, key, version, begun, http, custom, storage_class, key_md5, checksum)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
                )?
                .execute(params![
                    upload,
                    bucket,
                    key.as_bytes(),
                    id::unique(),
                    id::now(),
                    index::to_json(&options.http),
                    index::to_json(&options.custom),
                    storage_class.name(),
                    options.key.as_ref().map(CustomerKey::md5),
                    options.checksum.as_ref().map(index::to_json),
                ])?;
            Ok::<_, Error>(upload)
        };
        let upload = engine.write(create).await?;
        engine.tidy_soon();
        Ok(upload)
    }

    /// Stores a part in the place of an earlier one of its number. Returns when it is durable.
    pub async fn upload_part<E>(
        &self,
        key: &str,
        upload: &str,
        number: u16,
        body: impl Stream<Item = Result<Bytes, E>> + Send,
        part: Part,
    ) -> Result<UploadedPart, Error>
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        check_key(key)?;
        if !(1..=limits::PARTS).contains(&number) {
            return Err(Error::InvalidPart);
        }
        let engine = self.r2.engine().await?;
        let Part { length, mut expected, key: customer } = part;
        // A body that is wanted by nobody need not be stored first.
        let begun = engine.index.read(|connection| self.find_upload(connection, key, upload))?;
        let begun = begun.filter(|begun| !begun.ended).ok_or(Error::NoSuchUpload)?;
        if begun.key_md5 != customer.as_ref().map(CustomerKey::md5) {
            return Err(Error::WrongKey);
        }
        expected.wanted = begun.checksum;
        let charge = engine.charge(0)?;
        let terms = Terms { length, limit: limits::PART, expected, key: customer, charge };
        let received = receive(&engine.blobs, body, terms).await?;
        let part = UploadedPart {
            number,
            etag: hex(received.checksums.md5.as_deref().unwrap_or_default()),
            size: received.size,
            uploaded: id::now(),
            checksums: received.checksums.clone(),
        };
        let (bucket, key, upload) = (self.clone(), key.to_owned(), upload.to_owned());
        let uploaded = part.uploaded;
        let change = move |connection: &Connection, received: &_| {
            let begun = bucket.find_upload(connection, &key, &upload)?;
            let begun = begun.filter(|begun| !begun.ended).ok_or(Error::NoSuchUpload)?;
            index::doom_part(connection, &begun.version, number)?;
            index::add_segment(connection, &begun.version, number, uploaded, received)
        };
        engine.name(received, change).await?;
        Ok(part)
    }

    /// Makes the object of the parts, when the condition holds, and forgets parts that are not among them.
    pub async fn complete_multipart(
        &self,
        key: &str,
        upload: &str,
        parts: Vec<CompletedPart>,
        only_if: Option<Conditional>,
    ) -> Result<Object, Error> {
        check_key(key)?;
        let engine = self.r2.engine().await?;
        let (bucket, key, upload) = (self.clone(), key.to_owned(), upload.to_owned());
        let complete = move |connection: &Connection| {
            let begun = bucket.find_upload(connection, &key, &upload)?.ok_or(Error::UnknownUpload)?;
            if begun.ended {
                return Err(Error::NoSuchUpload);
            }
            let number = bucket.number_or_new(connection)?;
            if let Some(condition) = only_if
                && !condition.holds(index::find(connection, number, &key)?.as_ref())
            {
                return Err(Error::PreconditionFailed);
            }
            let mut there = find_parts(connection, &begun.version)?;
            let chosen = choose(&mut there, parts)?;
            for number in there.into_keys() {
                index::doom_part(connection, &begun.version, number)?;
            }
            let object = Object {
                key,
                version: begun.version,
                size: chosen.iter().map(|(_, part)| part.size).sum(),
                etag: multipart_etag(chosen.iter().map(|(_, part)| &part.md5[..])),
                uploaded: id::now(),
                checksums: checksums(begun.checksum, &chosen),
                http: begun.http,
                custom: begun.custom,
                storage_class: begun.storage_class,
                key_md5: begun.key_md5,
            };
            index::insert(connection, number, &object)?;
            if chosen.is_empty() {
                index::add_empty(connection, &object)?;
            }
            end(connection, &upload)?;
            Ok(object)
        };
        let object = engine.write(complete).await?;
        engine.tidy_soon();
        Ok(object)
    }

    /// Forgets the upload and its parts. One that has ended already is no error.
    pub async fn abort_multipart(&self, key: &str, upload: &str) -> Result<(), Error> {
        check_key(key)?;
        let engine = self.r2.engine().await?;
        let (bucket, key, upload) = (self.clone(), key.to_owned(), upload.to_owned());
        let abort = move |connection: &Connection| {
            let begun = bucket.find_upload(connection, &key, &upload)?.ok_or(Error::UnknownUpload)?;
            if !begun.ended {
                abort(connection, &upload, &begun.version)?;
            }
            Ok(())
        };
        engine.write(abort).await?;
        engine.tidy_soon();
        Ok(())
    }

    pub(crate) fn find_upload(
        &self,
        connection: &Connection,
        key: &str,
        upload: &str,
    ) -> Result<Option<Upload>, Error> {
        let Some(bucket) = self.number(connection)? else { return Ok(None) };
        let mut statement = connection.prepare_cached(
            "SELECT version, ended, http, custom, storage_class, key_md5, checksum FROM uploads
             WHERE id = ?1 AND bucket = ?2 AND key = ?3",
        )?;
        let mut rows = statement.query(params![upload, bucket, key.as_bytes()])?;
        let Some(row) = rows.next()? else { return Ok(None) };
        Ok(Some(Upload {
            version: row.get(0)?,
            ended: row.get::<_, Option<i64>>(1)?.is_some(),
            http: index::json(row, 2)?,
            custom: index::json(row, 3)?,
            storage_class: row.get_ref(4)?.as_str().unwrap_or_default().parse()?,
            key_md5: row.get(5)?,
            checksum: index::optional_json(row, 6)?,
        }))
    }
}

fn find_parts(connection: &Connection, version: &str) -> Result<HashMap<u16, Stored>, Error> {
    let mut statement =
        connection.prepare_cached("SELECT part, size, md5, checksums FROM segments WHERE owner = ?1")?;
    let mut rows = statement.query([version])?;
    let mut parts = HashMap::new();
    while let Some(row) = rows.next()? {
        let checksums = index::optional_json(row, 3)?.unwrap_or_default();
        parts.insert(row.get(0)?, Stored { size: index::size(row, 1)?, md5: row.get(2)?, checksums });
    }
    Ok(parts)
}

/// Takes the parts that were asked for, in their order, when an object can be made of them.
fn choose(there: &mut HashMap<u16, Stored>, asked: Vec<CompletedPart>) -> Result<Vec<(u16, Stored)>, Error> {
    let mut numbers = HashSet::new();
    if asked.iter().any(|part| !numbers.insert(part.number)) {
        return Err(Error::PartTwice);
    }
    let mut chosen = Vec::with_capacity(asked.len());
    let last = asked.len().saturating_sub(1);
    for CompletedPart { number, etag, checksums } in asked {
        let known = there.remove(&number).filter(|part| hex(&part.md5) == etag);
        let right = |part: &Stored| {
            Algorithm::ALL.iter().all(|algorithm| {
                checksums.of(*algorithm).is_none_or(|checksum| part.checksums.of(*algorithm) == Some(checksum))
            })
        };
        let part = known.filter(right).ok_or(Error::InvalidPart)?;
        chosen.push((number, part));
    }
    if chosen.iter().take(last).any(|(_, part)| part.size < limits::LEAST_PART) {
        return Err(Error::EntityTooSmall);
    }
    chosen.sort_unstable_by_key(|(number, _)| *number);
    // All but the last are of one size, and the last one is no larger.
    if let [(_, first), .., (_, end)] = &chosen[..]
        && (chosen[..last].iter().any(|(_, part)| part.size != first.size || part.size < limits::LEAST_PART)
            || end.size > first.size)
    {
        return Err(Error::BadUpload);
    }
    Ok(chosen)
}

/// The object's checksum, when all its parts have one.
fn checksums(algorithm: Option<Algorithm>, chosen: &[(u16, Stored)]) -> Checksums {
    let Some(algorithm) = algorithm else { return Checksums::default() };
    let parts: Option<Vec<_>> =
        chosen.iter().map(|(_, part)| Some((part.checksums.of(algorithm)?, part.size))).collect();
    parts.map(|parts| multipart_checksum(algorithm, &parts)).unwrap_or_default()
}

fn abort(connection: &Connection, upload: &str, version: &str) -> Result<(), Error> {
    doom_parts(connection, version)?;
    end(connection, upload)
}

/// Parts go one by one: nobody reads them.
fn doom_parts(connection: &Connection, version: &str) -> Result<(), Error> {
    let numbers: Vec<u16> = find_parts(connection, version)?.into_keys().collect();
    numbers.into_iter().try_for_each(|number| index::doom_part(connection, version, number))
}

fn end(connection: &Connection, upload: &str) -> Result<(), Error> {
    connection.prepare_cached("UPDATE uploads SET ended = ?2 WHERE id = ?1")?.execute(params![upload, id::now()])?;
    Ok(())
}

/// Aborts uploads that have been forgotten, and forgets those that ended long ago.
fn forget_old(connection: &Connection) -> Result<(), Error> {
    let before = id::now() - LIFETIME.as_millis() as i64;
    let old: Option<(String, String, Option<i64>)> = connection
        .prepare_cached("SELECT id, version, ended FROM uploads WHERE begun < ?1 LIMIT 1")?
        .query_row([before], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    // One at each beginning is enough to keep up.
    if let Some((id, version, ended)) = old {
        if ended.is_none() {
            doom_parts(connection, &version)?;
        }
        connection.prepare_cached("DELETE FROM uploads WHERE id = ?1")?.execute([id])?;
    }
    Ok(())
}

/// Forgets all uploads of a bucket.
pub(crate) fn forget_all(connection: &Connection, bucket: i64) -> Result<(), Error> {
    let mut statement = connection.prepare_cached("SELECT version FROM uploads WHERE bucket = ?1 AND ended IS NULL")?;
    let versions: Vec<String> = statement.query_map([bucket], |row| row.get(0))?.collect::<Result<_, _>>()?;
    versions.iter().try_for_each(|version| doom_parts(connection, version))?;
    connection.execute("DELETE FROM uploads WHERE bucket = ?1", [bucket])?;
    Ok(())
}
