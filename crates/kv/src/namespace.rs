//! One namespace: what `get`, `put`, `delete` and `list` mean.

use std::ops::ControlFlow;
use std::sync::Arc;

use bytes::Bytes;
use store::quota::Share;

use crate::list::cursor;
use crate::{Error, ListOptions, Listed, Operation, Page, Place, Put, PutOptions, Store, Write, limits};

/// A namespace by its id. Clones are the same namespace.
#[derive(Clone, Debug)]
pub struct Namespace {
    store: Arc<Store>,
    id: Arc<str>,
    /// What it has of its owner's quota.
    share: Option<Arc<Share>>,
}

/// A value with what was stored beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub value: Bytes,
    /// JSON text.
    pub metadata: Option<String>,
    /// Seconds since the epoch.
    pub expiration: Option<u64>,
}

/// What a read that wants no large value met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    Nothing,
    Entry(Entry),
    /// There is a value, but a larger one.
    Large,
}

// === impl Namespace ===

impl Namespace {
    pub(crate) fn new(store: Arc<Store>, id: &str) -> Self {
        Self { store, id: id.into(), share: None }
    }

    /// The same namespace; what is written by this handle needs room in its owner's quota.
    pub fn charged(self, share: Arc<Share>) -> Self {
        Self { share: Some(share), ..self }
    }

    /// Bytes that it keeps, with what each entry takes besides.
    pub fn size(&self) -> Result<u64, Error> {
        self.store.log()?.size(&self.id)
    }

    pub fn id(&self) -> &str {
        &self.id
    }

    /// Reads a key's entry, unless its value has more than `at_most` bytes. Waits for no writer.
    pub fn peek(&self, place: Place, key: &str, at_most: usize) -> Result<Found, Error> {
        limits::check_key(Operation::Get, key)?;
        self.store.check(Operation::Get, &self.id)?;
        self.last(place, key, at_most)
    }

    /// Reads a key's entry, whatever its size.
    pub fn get(&self, place: Place, key: &str) -> Result<Option<Entry>, Error> {
        match self.peek(place, key, usize::MAX)? {
            Found::Entry(entry) => Ok(Some(entry)),
            Found::Nothing | Found::Large => Ok(None),
        }
    }

    /// Reads up to 100 keys; the entries are in the order of the keys.
    pub fn get_many(&self, place: Place, keys: &[String]) -> Result<Vec<Option<Entry>>, Error> {
        let refused = |status, reason: String| Err(Error::refused(Operation::GetBulk, status, reason));
        if keys.is_empty() {
            return refused(400, "You must request a minimum of 1 key".into());
        }
        if keys.len() > limits::BULK_KEYS {
            return refused(400, format!("You can request a maximum of {} keys", limits::BULK_KEYS));
        }
        keys.iter().try_for_each(|key| limits::check_bulk_key(key))?;
        self.store.check(Operation::GetBulk, &self.id)?;
        let mut left = limits::BULK_VALUES;
        let mut entries = Vec::with_capacity(keys.len());
        for key in keys {
            entries.push(match self.last(place, key, left)? {
                Found::Nothing => None,
                Found::Entry(entry) => {
                    left -= entry.value.len();
                    Some(entry)
                }
                Found::Large => {
                    let limit = limits::BULK_VALUES / (1024 * 1024);
                    return refused(413, format!("Total size of request exceeds the limit of {limit}MB"));
                }
            });
        }
        Ok(entries)
    }

    /// A page of the keys that have not expired.
    pub fn list(&self, place: Place, options: &ListOptions) -> Result<Page, Error> {
        let limit = options.limit()?;
        let prefix = options.prefix()?;
        let after = options.after()?;
        self.store.check(Operation::Get, &self.id)?;
        let now = self.store.clock().seconds();
        let mut page = Page { keys: Vec::new(), cursor: None };
        self.store.log()?.scan(place, &self.id, prefix.as_bytes(), after.as_deref(), &mut |key, version| {
            if has_expired(version.expiration, now) {
                return ControlFlow::Continue(());
            }
            if page.keys.len() == limit {
                page.cursor = page.keys.last().map(|last| cursor(&last.name));
                return ControlFlow::Break(());
            }
            page.keys.push(Listed {
                name: String::from_utf8_lossy(key).into_owned(),
                expiration: version.expiration,
                metadata: version.metadata,
            });
            ControlFlow::Continue(())
        })?;
        Ok(page)
    }

    /// Checks a `put`. Once its value is there, [`Self::write`] makes it.
    pub fn put(&self, key: &str, options: PutOptions) -> Result<Put, Error> {
        Put::new(key, options, self.store.clock().seconds())
    }

    /// Makes changes, all or none. They are durable when it returns.
    pub async fn write(&self, place: Place, writes: Vec<Write>) -> Result<(), Error> {
        let deletes = writes.iter().all(|write| write.value.is_none());
        self.store.check(if deletes { Operation::Delete } else { Operation::Put }, &self.id)?;
        let bytes: u64 = writes.iter().map(Write::size).sum();
        let charge = match &self.share {
            Some(share) => Some(share.charge(bytes).ok_or_else(limits::no_room)?),
            None => None,
        };
        self.store.log()?.append(&self.id, writes, place, charge).await
    }

    fn last(&self, place: Place, key: &str, at_most: usize) -> Result<Found, Error> {
        let Some(version) = self.store.log()?.last(place, &self.id, key, at_most)? else { return Ok(Found::Nothing) };
        if has_expired(version.expiration, self.store.clock().seconds()) {
            return Ok(Found::Nothing);
        }
        let (metadata, expiration) = (version.metadata, version.expiration);
        Ok(match version.value {
            Some(value) => Found::Entry(Entry { value, metadata, expiration }),
            None => Found::Large,
        })
    }
}

fn has_expired(expiration: Option<u64>, now: u64) -> bool {
    expiration.is_some_and(|expiration| expiration <= now)
}
