//! An upload on its way in: its bytes are digested, encrypted where asked, and written, a batch at a time, while the next batch
//! arrives.

use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use futures::{Stream, StreamExt, pin_mut};
use store::quota::Charge;
use tokio::task::{JoinHandle, spawn_blocking};

use crate::blobs::{BlobId, BlobWriter, Blobs};
use crate::cipher::Sealer;
use crate::digests::Digests;
use crate::{Checksums, CustomerKey, Error, Expected};

/// Bodies up to this size lie in the index: a small object costs one write to one file.
pub(crate) const INLINE: usize = 16 * 1024;
/// Bytes that are handed to the disk at once.
const BATCH: usize = 1 << 20;

type SourceError = Box<dyn std::error::Error + Send + Sync>;

/// Where stored bytes are.
#[derive(Clone, Debug)]
pub(crate) enum Stored {
    Inline(Vec<u8>),
    Blob(BlobId),
}

/// An upload that is durable (or small) and not yet in the index.
#[derive(Debug)]
pub(crate) struct Received {
    pub stored: Stored,
    pub size: u64,
    pub checksums: Checksums,
    /// Its room in the owner's quota, until it is in the index.
    pub charge: Option<Charge>,
}

/// What an upload has to be.
pub(crate) struct Terms {
    pub length: Option<u64>,
    pub limit: u64,
    pub expected: Expected,
    pub key: Option<CustomerKey>,
    /// Where there is a quota: room for what is kept besides the body.
    pub charge: Option<Charge>,
}

/// Counts what has come.
struct Meter {
    length: Option<u64>,
    limit: u64,
    size: u64,
    charge: Option<Charge>,
}

/// What the blocking side works with.
struct Work {
    digests: Digests,
    sealer: Option<Sealer>,
    writer: Box<dyn BlobWriter>,
}

/// Takes a body in. Dropped on the way, or failing, it leaves nothing.
pub(crate) async fn receive<E: Into<SourceError>>(
    blobs: &Arc<dyn Blobs>,
    body: impl Stream<Item = Result<Bytes, E>> + Send,
    terms: Terms,
) -> Result<Received, Error> {
    let Terms { length, limit, expected, key, charge } = terms;
    let mut meter = Meter { length, limit, size: 0, charge };
    if length.is_some_and(|length| length > limit) {
        return Err(Error::EntityTooLarge);
    }
    pin_mut!(body);
    let (mut batch, mut ended) = meter.take(body.as_mut(), INLINE + 1).await?;
    if ended {
        meter.check()?;
        return inline(&batch.concat(), expected, key.as_ref(), meter.charge);
    }
    let id = BlobId::new();
    let mut job = begin(blobs.clone(), id.clone(), expected, key);
    loop {
        // The next batch comes in while this one is written.
        let work = done(job).await?;
        job = spawn_blocking(move || work.take(&batch));
        if ended {
            break;
        }
        (batch, ended) = meter.take(body.as_mut(), BATCH).await?;
    }
    meter.check()?;
    let work = done(job).await?;
    let checksums = done(spawn_blocking(move || work.finish())).await?;
    Ok(Received { stored: Stored::Blob(id), size: meter.size, checksums, charge: meter.charge })
}

fn inline(
    bytes: &[u8],
    expected: Expected,
    key: Option<&CustomerKey>,
    charge: Option<Charge>,
) -> Result<Received, Error> {
    let mut digests = Digests::new(expected);
    digests.update(bytes);
    let checksums = digests.finish()?;
    let stored = match key {
        None => bytes.to_vec(),
        Some(key) => {
            let (mut sealer, mut stored) = Sealer::new(key);
            stored.extend(sealer.update(bytes));
            stored.extend(sealer.finish());
            stored
        }
    };
    Ok(Received { stored: Stored::Inline(stored), size: bytes.len() as u64, checksums, charge })
}

fn begin(
    blobs: Arc<dyn Blobs>,
    id: BlobId,
    expected: Expected,
    key: Option<CustomerKey>,
) -> JoinHandle<Result<Work, Error>> {
    spawn_blocking(move || {
        let mut writer = blobs.create(&id).map_err(Error::io("an upload can't be begun"))?;
        let sealer = match &key {
            None => None,
            Some(key) => {
                let (sealer, start) = Sealer::new(key);
                writer.write(&start).map_err(Error::io("an upload can't be written"))?;
                Some(sealer)
            }
        };
        Ok(Work { digests: Digests::new(expected), sealer, writer })
    })
}

async fn done<T>(job: JoinHandle<Result<T, Error>>) -> Result<T, Error> {
    job.await.map_err(|error| Error::io("an upload broke off")(std::io::Error::other(error)))?
}

// === impl Meter ===

impl Meter {
    /// At least `enough` bytes of the body, or its end, which the second value tells.
    async fn take<E: Into<SourceError>>(
        &mut self,
        mut body: Pin<&mut (impl Stream<Item = Result<Bytes, E>> + Send)>,
        enough: usize,
    ) -> Result<(Vec<Bytes>, bool), Error> {
        let mut batch = Vec::new();
        let mut taken = 0;
        while taken < enough {
            let Some(chunk) = body.next().await else { return Ok((batch, true)) };
            let chunk = chunk.map_err(|error| Error::Source(error.into()))?;
            taken += chunk.len();
            self.size += chunk.len() as u64;
            if self.size > self.limit {
                return Err(Error::EntityTooLarge);
            }
            if self.charge.as_mut().is_some_and(|charge| !charge.grow(chunk.len() as u64)) {
                return Err(Error::Full);
            }
            batch.push(chunk);
        }
        Ok((batch, false))
    }

    fn check(&self) -> Result<(), Error> {
        match self.length {
            Some(expected) if expected != self.size => Err(Error::Length { expected, actual: self.size }),
            _ => Ok(()),
        }
    }
}

// === impl Work ===

impl Work {
    fn take(mut self, batch: &[Bytes]) -> Result<Self, Error> {
        for chunk in batch {
            self.digests.update(chunk);
            let written = match &mut self.sealer {
                None => self.writer.write(chunk),
                Some(sealer) => self.writer.write(&sealer.update(chunk)),
            };
            written.map_err(Error::io("an upload can't be written"))?;
        }
        Ok(self)
    }

    /// Returns when all is durable, and right.
    fn finish(mut self) -> Result<Checksums, Error> {
        let checksums = self.digests.finish()?;
        if let Some(sealer) = self.sealer {
            self.writer.write(&sealer.finish()).map_err(Error::io("an upload can't be written"))?;
        }
        self.writer.finish().map_err(Error::io("an upload can't be made durable"))?;
        Ok(checksums)
    }
}
