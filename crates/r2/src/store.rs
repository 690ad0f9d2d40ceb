//! The service: its files, opened at first use, and its buckets.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use store::quota::{Charge, Share};
use store::rusqlite::{Connection, OptionalExtension, Row, params};
use store::sqlite::Database;
use tokio::sync::OnceCell;
use tokio::task::spawn_blocking;

use crate::blobs::{BlobId, Blobs, Files};
use crate::receive::{Received, Stored};
use crate::{Bucket, Error, StorageClass, id, index, multipart};

/// The index's name in its folder.
const INDEX: &str = "index.sqlite";
/// How long files wait for their removal, so that many go with one write to the index.
const TIDY_AFTER: Duration = Duration::from_millis(500);
/// How long until files that are still being read are tried again.
const TIDY_AGAIN: Duration = Duration::from_secs(5);

/// R2 in one folder: `index.sqlite`, and `blobs/`. Several processes may have the same folder open.
#[derive(Clone, Debug)]
pub struct R2(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    folder: PathBuf,
    engine: OnceCell<Arc<Engine>>,
    /// What it has of its owner's quota.
    share: Option<Arc<Share>>,
}

#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) index: Database,
    pub(crate) blobs: Arc<dyn Blobs>,
    tidying: AtomicBool,
    share: Option<Arc<Share>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketInfo {
    pub name: String,
    /// Milliseconds since the epoch.
    pub created: i64,
    pub storage_class: StorageClass,
}

/// How much is in a bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BucketUsage {
    pub objects: u64,
    /// Bytes of the objects themselves.
    pub payload: u64,
    /// Bytes of their keys and metadata, about.
    pub metadata: u64,
}

// === impl R2 ===

impl R2 {
    /// Nothing is opened or made until it is used.
    pub fn new(folder: PathBuf) -> Self {
        Self(Arc::new(Inner { folder, engine: OnceCell::new(), share: None }))
    }

    /// The same for an owner who has a quota.
    pub fn charged(folder: PathBuf, share: Arc<Share>) -> Self {
        Self(Arc::new(Inner { folder, engine: OnceCell::new(), share: Some(share) }))
    }

    /// Notes in the quota what is kept, where anything ever was.
    pub async fn measure(&self) -> Result<(), Error> {
        // An engine that is opened notes it.
        if self.0.folder.join(INDEX).exists() { self.engine().await.map(drop) } else { Ok(()) }
    }

    /// A bucket, which need not be there yet: the first write makes it.
    pub fn bucket(&self, name: &str) -> Bucket {
        Bucket::new(self.clone(), name.into(), true)
    }

    /// A bucket that has to be there: where it is not, everything fails with [`Error::NoSuchBucket`].
    pub fn existing(&self, name: &str) -> Bucket {
        Bucket::new(self.clone(), name.into(), false)
    }

    /// The rules for requests from other origins, as they were put.
    pub async fn cors(&self, name: &str) -> Result<Option<String>, Error> {
        self.engine().await?.index.read(|connection| {
            let mut statement = connection.prepare_cached("SELECT cors FROM buckets WHERE name = ?1")?;
            let rules: Option<Option<String>> = statement.query_row([name], |row| row.get(0)).optional()?;
            rules.ok_or(Error::NoSuchBucket)
        })
    }

    /// Puts or removes the rules for requests from other origins.
    pub async fn set_cors(&self, name: &str, rules: Option<String>) -> Result<(), Error> {
        let name = name.to_owned();
        let change = move |connection: &Connection| {
            let changed = connection.execute("UPDATE buckets SET cors = ?2 WHERE name = ?1", params![name, rules])?;
            if changed == 0 { Err(Error::NoSuchBucket) } else { Ok(()) }
        };
        self.engine().await?.index.write(change).await
    }

    pub(crate) async fn engine(&self) -> Result<&Arc<Engine>, Error> {
        let open = || async {
            let folder = self.0.folder.clone();
            let share = self.0.share.clone();
            let opened = spawn_blocking(move || Engine::open(folder, share)).await;
            let engine = Arc::new(opened.map_err(|error| Error::io("R2's files")(io::Error::other(error)))??);
            engine.tidy_soon();
            Ok(engine)
        };
        self.0.engine.get_or_try_init(open).await
    }

    pub async fn create_bucket(&self, name: &str, storage_class: StorageClass) -> Result<(), Error> {
        if !is_bucket_name(name) {
            return Err(Error::InvalidBucketName);
        }
        let name = name.to_owned();
        let create = move |connection: &Connection| match index::bucket(connection, &name)? {
            Some(_) => Err(Error::BucketExists),
            None => insert_bucket(connection, &name, storage_class).map(drop),
        };
        self.engine().await?.write(create).await
    }

    /// Deletes an empty bucket, and the uploads that were begun in it.
    pub async fn delete_bucket(&self, name: &str) -> Result<(), Error> {
        let name = name.to_owned();
        let engine = self.engine().await?;
        let delete = move |connection: &Connection| {
            let bucket = index::bucket(connection, &name)?.ok_or(Error::NoSuchBucket)?;
            if connection.prepare_cached("SELECT 1 FROM objects WHERE bucket = ?1 LIMIT 1")?.exists([bucket])? {
                return Err(Error::BucketNotEmpty);
            }
            multipart::forget_all(connection, bucket)?;
            connection.execute("DELETE FROM buckets WHERE id = ?1", [bucket])?;
            Ok(())
        };
        engine.write(delete).await?;
        engine.tidy_soon();
        Ok(())
    }

    /// All buckets by name.
    pub async fn buckets(&self) -> Result<Vec<BucketInfo>, Error> {
        self.engine().await?.index.read(|connection| {
            let mut statement =
                connection.prepare_cached("SELECT name, created, storage_class FROM buckets ORDER BY name")?;
            let mut rows = statement.query([])?;
            let mut buckets = Vec::new();
            while let Some(row) = rows.next()? {
                buckets.push(bucket_info(row)?);
            }
            Ok(buckets)
        })
    }

    /// What is known of a bucket.
    pub async fn info(&self, name: &str) -> Result<BucketInfo, Error> {
        self.engine().await?.index.read(|connection| {
            let mut statement =
                connection.prepare_cached("SELECT name, created, storage_class FROM buckets WHERE name = ?1")?;
            let mut rows = statement.query([name])?;
            rows.next()?.ok_or(Error::NoSuchBucket).and_then(bucket_info)
        })
    }

    /// The class of objects that are stored in a bucket from now on, where they ask for none.
    pub async fn set_storage_class(&self, name: &str, class: StorageClass) -> Result<(), Error> {
        let name = name.to_owned();
        let change = move |connection: &Connection| {
            let changed = connection
                .execute("UPDATE buckets SET storage_class = ?2 WHERE name = ?1", params![name, class.name()])?;
            if changed == 0 { Err(Error::NoSuchBucket) } else { Ok(()) }
        };
        self.engine().await?.index.write(change).await
    }

    /// How much is in a bucket: every object is looked at.
    pub async fn usage(&self, name: &str) -> Result<BucketUsage, Error> {
        let (engine, name) = (self.engine().await?.clone(), name.to_owned());
        let counting = spawn_blocking(move || {
            engine.index.read(|connection| {
                let bucket = index::bucket(connection, &name)?.ok_or(Error::NoSuchBucket)?;
                let mut statement = connection.prepare_cached(
                    "SELECT count(*), total(size), total(length(key) + length(http) + length(custom))
                     FROM objects WHERE bucket = ?1",
                )?;
                let usage = statement.query_row([bucket], |row| {
                    let [payload, metadata] = [row.get::<_, f64>(1)?, row.get::<_, f64>(2)?].map(|bytes| bytes as u64);
                    Ok(BucketUsage { objects: row.get::<_, i64>(0)?.unsigned_abs(), payload, metadata })
                })?;
                Ok(usage)
            })
        });
        counting.await.map_err(|error| Error::io("counting what is in a bucket")(io::Error::other(error)))?
    }
}

fn bucket_info(row: &Row<'_>) -> Result<BucketInfo, Error> {
    let storage_class = row.get_ref(2)?.as_str().unwrap_or_default().parse()?;
    Ok(BucketInfo { name: row.get(0)?, created: row.get(1)?, storage_class })
}

/// Whether a bucket can be created with this name:
/// https://developers.cloudflare.com/r2/buckets/create-buckets/#bucket-level-operations
pub fn is_bucket_name(name: &str) -> bool {
    (3..=63).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !name.starts_with('-')
        && !name.ends_with('-')
}

/// The bucket's number, made where it is missing.
pub(crate) fn bucket_or_new(connection: &Connection, name: &str) -> Result<i64, Error> {
    match index::bucket(connection, name)? {
        Some(bucket) => Ok(bucket),
        None => insert_bucket(connection, name, StorageClass::default()),
    }
}

fn insert_bucket(connection: &Connection, name: &str, storage_class: StorageClass) -> Result<i64, Error> {
    connection
        .prepare_cached("INSERT INTO buckets (name, created, storage_class) VALUES (?1, ?2, ?3)")?
        .execute(params![name, id::now(), storage_class.name()])?;
    Ok(connection.last_insert_rowid())
}

// === impl Engine ===

impl Engine {
    fn open(folder: PathBuf, share: Option<Arc<Share>>) -> Result<Self, Error> {
        let index = Database::open(&folder.join(INDEX), index::SCHEMA)?;
        if let Some(share) = &share {
            share.set(index.read(index::kept)?);
        }
        let blobs = Files::open(folder.join("blobs")).map_err(Error::io("the folder of R2's files"))?;
        let named = |id: &BlobId| index.read(|connection| index::names(connection, id));
        blobs
            .sweep(&mut |id| named(id).map_err(io::Error::other))
            .map_err(Error::io("looking after files of broken uploads"))?;
        Ok(Self { index, blobs: Arc::new(blobs), tidying: AtomicBool::new(false), share })
    }

    /// Room for a write of so many bytes, where there is a quota.
    pub(crate) fn charge(&self, bytes: u64) -> Result<Option<Charge>, Error> {
        self.share.as_ref().map(|share| share.charge(bytes).ok_or(Error::Full)).transpose()
    }

    /// Changes the index, and notes what is kept then.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        change: impl FnOnce(&Connection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let share = self.share.clone();
        let noted = move |connection: &Connection| {
            let made = change(connection)?;
            if let Some(share) = share {
                share.set(index::kept(connection)?);
            }
            Ok(made)
        };
        self.index.write(noted).await
    }

    /// Makes a change that names what was received. It goes on to its end even if nobody waits for it any more: a file
    /// that the index names must not be removed, and one that it doesn't name must be.
    pub(crate) async fn name<T: Send + 'static>(
        self: &Arc<Self>,
        received: Received,
        change: impl FnOnce(&Connection, &Received) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let engine = self.clone();
        let task = tokio::spawn(async move {
            let file = match &received.stored {
                Stored::Blob(id) => Some(id.clone()),
                Stored::Inline(_) => None,
            };
            let named = move |connection: &Connection| {
                let made = change(connection, &received)?;
                if let Some(charge) = received.charge {
                    charge.settle(index::kept(connection)?);
                }
                Ok(made)
            };
            let result = engine.index.write(named).await;
            if let Some(id) = file {
                let (blobs, named) = (engine.blobs.clone(), result.is_ok());
                let settled =
                    spawn_blocking(move || if named { blobs.keep(&id) } else { blobs.remove(&[id]).map(drop) });
                if let Ok(Err(error)) = settled.await {
                    // It is found where it is, and the next start tries again.
                    tracing::warn!(%error, "a file of R2's could not be put in its place");
                }
            }
            engine.tidy_soon();
            result
        });
        task.await.map_err(|error| Error::io("a write to R2's index")(io::Error::other(error)))?
    }

    /// Removes the files that nothing names any more, in a while.
    pub(crate) fn tidy_soon(self: &Arc<Self>) {
        if self.tidying.swap(true, Ordering::AcqRel) {
            return;
        }
        let engine = Arc::downgrade(self);
        tokio::spawn(async move {
            let mut wait = TIDY_AFTER;
            loop {
                tokio::time::sleep(wait).await;
                // Nobody is left: the next start looks after the rest.
                let Some(engine) = engine.upgrade() else { return };
                engine.tidying.store(false, Ordering::Release);
                match engine.tidy().await {
                    Ok(true) => return,
                    Ok(false) => {}
                    Err(error) => {
                        return tracing::warn!(%error, "files of R2's that nothing needs could not be removed");
                    }
                }
                if engine.tidying.swap(true, Ordering::AcqRel) {
                    return;
                }
                wait = TIDY_AGAIN;
            }
        });
    }

    /// `false`: some are still being read.
    async fn tidy(self: &Arc<Self>) -> Result<bool, Error> {
        let groups = self.index.read(index::doomed)?;
        if groups.is_empty() {
            return Ok(true);
        }
        let blobs = self.blobs.clone();
        let removing = spawn_blocking(move || {
            let (mut removed, mut all) = (Vec::new(), true);
            for group in groups {
                match blobs.remove(&group)? {
                    true => removed.extend(group),
                    false => all = false,
                }
            }
            Ok((removed, all))
        });
        let removed = removing.await.map_err(io::Error::other).and_then(|removed| removed);
        let (removed, all) = removed.map_err(Error::io("removing files"))?;
        if !removed.is_empty() {
            self.index.write(move |connection| index::forget_doomed(connection, &removed)).await?;
        }
        Ok(all)
    }
}
