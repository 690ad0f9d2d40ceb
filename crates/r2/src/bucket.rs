//! A bucket: objects by key.

use std::sync::Arc;

use bytes::Bytes;
use futures::Stream;

use crate::digests::hex;
use crate::receive::{Terms, receive};
use crate::store::bucket_or_new;
use crate::{
    Body, ByteRange, Conditional, CustomerKey, Error, Expected, HttpMetadata, Object, ObjectBody, R2, Range,
    StorageClass, id, index, limits,
};

/// How often a read looks anew when the object that it found is replaced under its hands.
const TRIES: usize = 100;

#[derive(Clone, Debug)]
pub struct Bucket {
    pub(crate) r2: R2,
    name: Arc<str>,
    /// Writes make it where it is missing, and to reads it is empty then.
    implied: bool,
}

#[derive(Clone, Debug, Default)]
pub struct Get {
    pub range: Option<Range>,
    /// One part of an object that was made of several, counted from 1, in the place of a range.
    pub part: Option<u16>,
    pub only_if: Option<Conditional>,
    pub key: Option<CustomerKey>,
}

#[derive(Debug, Default)]
pub struct Put {
    /// The body's length, where it is known; another one is an error.
    pub length: Option<u64>,
    pub http: HttpMetadata,
    pub custom: Vec<(String, String)>,
    pub only_if: Option<Conditional>,
    pub expected: Expected,
    /// The bucket's own when it isn't given.
    pub storage_class: Option<StorageClass>,
    pub key: Option<CustomerKey>,
}

pub(crate) fn check_key(key: &str) -> Result<(), Error> {
    if key.len() > limits::KEY { Err(Error::InvalidObjectName) } else { Ok(()) }
}

pub(crate) fn check_custom(custom: &[(String, String)]) -> Result<(), Error> {
    let size: usize = custom.iter().map(|(name, value)| name.len() + value.len()).sum();
    if size > limits::CUSTOM_METADATA { Err(Error::MetadataTooLarge) } else { Ok(()) }
}

// === impl Bucket ===

impl Bucket {
    pub(crate) fn new(r2: R2, name: Arc<str>, implied: bool) -> Self {
        Self { r2, name, implied }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub async fn exists(&self) -> Result<bool, Error> {
        Ok(self.r2.engine().await?.index.read(|connection| index::bucket(connection, &self.name))?.is_some())
    }

    /// The bucket's number; `None` where it is missing and may be.
    pub(crate) fn number(&self, connection: &store::rusqlite::Connection) -> Result<Option<i64>, Error> {
        match index::bucket(connection, &self.name)? {
            None if !self.implied => Err(Error::NoSuchBucket),
            number => Ok(number),
        }
    }

    /// The number of a bucket that is to be written to.
    pub(crate) fn number_or_new(&self, connection: &store::rusqlite::Connection) -> Result<i64, Error> {
        if self.implied {
            return bucket_or_new(connection, &self.name);
        }
        index::bucket(connection, &self.name)?.ok_or(Error::NoSuchBucket)
    }

    pub async fn head(&self, key: &str) -> Result<Option<Object>, Error> {
        check_key(key)?;
        self.r2.engine().await?.index.read(|connection| match self.number(connection)? {
            Some(bucket) => index::find(connection, bucket, key),
            None => Ok(None),
        })
    }

    pub async fn get(&self, key: &str, options: Get) -> Result<Option<ObjectBody>, Error> {
        check_key(key)?;
        let engine = self.r2.engine().await?;
        for _ in 0..TRIES {
            let found = engine.index.read(|connection| {
                let Some(bucket) = self.number(connection)? else { return Ok::<_, Error>(None) };
                let Some(object) = index::find(connection, bucket, key)? else { return Ok(None) };
                let segments = index::segments(connection, &object.version)?;
                Ok(Some((object, segments)))
            })?;
            let Some((object, segments)) = found else { return Ok(None) };
            let whole = ByteRange { offset: 0, length: object.size };
            let parts = segments.len();
            if options.only_if.as_ref().is_some_and(|condition| !condition.holds(Some(&object))) {
                return Ok(Some(ObjectBody { object, range: whole, parts, body: None }));
            }
            if object.key_md5 != options.key.as_ref().map(CustomerKey::md5) {
                return Err(Error::WrongKey);
            }
            let range = match (options.part, &options.range) {
                (Some(part), _) if !segments.is_empty() => part_of(&segments, part)?,
                (None, Some(range)) => range.resolve(object.size)?,
                _ => whole,
            };
            // Without segments the object was replaced between two looks at the index.
            if !segments.is_empty()
                && let Some(body) = Body::open(&engine.blobs, segments, range, options.key.clone()).await?
            {
                return Ok(Some(ObjectBody { object, range, parts, body: Some(body) }));
            }
        }
        Err(Error::Damaged(format!("the bytes of {key:?} are not where the index says")))
    }

    /// Stores an object; `None` when its condition does not hold. Returns when it is durable.
    pub async fn put<E>(
        &self,
        key: &str,
        body: impl Stream<Item = Result<Bytes, E>> + Send,
        options: Put,
    ) -> Result<Option<Object>, Error>
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        check_key(key)?;
        check_custom(&options.custom)?;
        let engine = self.r2.engine().await?;
        // A body that has nowhere to go need not be taken in first.
        engine.index.read(|connection| self.number(connection))?;
        let Put { length, http, custom, only_if, expected, storage_class, key: customer } = options;
        let key_md5 = customer.as_ref().map(CustomerKey::md5);
        let charge = engine.charge(index::entry(key, &http, &custom))?;
        let terms = Terms { length, limit: limits::OBJECT, expected, key: customer, charge };
        let received = receive(&engine.blobs, body, terms).await?;
        let mut object = Object {
            key: key.to_owned(),
            version: id::unique(),
            size: received.size,
            etag: hex(received.checksums.md5.as_deref().unwrap_or_default()),
            uploaded: id::now(),
            checksums: received.checksums.clone(),
            http,
            custom,
            storage_class: storage_class.unwrap_or_default(),
            key_md5,
        };
        let this = self.clone();
        let change = move |connection: &store::rusqlite::Connection, received: &_| {
            let bucket = this.number_or_new(connection)?;
            if let Some(condition) = only_if
                && !condition.holds(index::find(connection, bucket, &object.key)?.as_ref())
            {
                return Err(Error::PreconditionFailed);
            }
            if storage_class.is_none() {
                object.storage_class = class_of(connection, bucket)?;
            }
            index::insert(connection, bucket, &object)?;
            index::add_segment(connection, &object.version, 1, object.uploaded, received)?;
            Ok(object)
        };
        match engine.name(received, change).await {
            Ok(object) => Ok(Some(object)),
            Err(Error::PreconditionFailed) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Deletes objects, all at once; keys that are not there are no error.
    pub async fn delete(&self, keys: Vec<String>) -> Result<(), Error> {
        if keys.len() > limits::KEYS {
            return Err(Error::TooManyKeys);
        }
        keys.iter().try_for_each(|key| check_key(key))?;
        let engine = self.r2.engine().await?;
        let this = self.clone();
        let delete = move |connection: &store::rusqlite::Connection| {
            let Some(bucket) = this.number(connection)? else { return Ok(()) };
            keys.iter().try_for_each(|key| index::remove(connection, bucket, key).map(drop))
        };
        engine.write(delete).await?;
        engine.tidy_soon();
        Ok(())
    }
}

/// Where a part lies, counted from 1.
fn part_of(segments: &[index::Segment], part: u16) -> Result<ByteRange, Error> {
    let before = usize::from(part).checked_sub(1).filter(|before| *before < segments.len());
    let before = before.ok_or(Error::InvalidRange)?;
    let offset = segments[..before].iter().map(|segment| segment.size).sum();
    Ok(ByteRange { offset, length: segments[before].size })
}

pub(crate) fn class_of(connection: &store::rusqlite::Connection, bucket: i64) -> Result<StorageClass, Error> {
    let mut statement = connection.prepare_cached("SELECT storage_class FROM buckets WHERE id = ?1")?;
    let name: String = statement.query_row([bucket], |row| row.get(0))?;
    name.parse()
}
