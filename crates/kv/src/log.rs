//! The seam under KV: a durable log of writes, and what of it a location has seen. A location's replica is what follows
//! from the log; it is kept nowhere else, so it can't differ from it.

use std::ops::ControlFlow;

use bytes::Bytes;
use futures::future::BoxFuture;

use store::quota::Charge;

use crate::{Error, Place, Write};

/// One state of a key, as a write left it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// `None`: larger than the reader wanted it.
    pub value: Option<Bytes>,
    /// JSON text.
    pub metadata: Option<String>,
    /// Seconds since the epoch.
    pub expiration: Option<u64>,
}

/// Takes writes in one order and tells what a place has seen of them. Of two writes to a key, the later in this order wins
/// wherever both have arrived. Expiration is data here: whoever reads decides what has expired.
pub trait Log: Send + Sync {
    /// Appends `writes`, all or none. When it returns they are durable and visible at `origin`. `charge` is settled with what the
    /// namespace keeps then.
    fn append<'a>(
        &'a self,
        namespace: &'a str,
        writes: Vec<Write>,
        origin: Place,
        charge: Option<Charge>,
    ) -> BoxFuture<'a, Result<(), Error>>;

    /// The last version of a key that has arrived at `place`, unless it is a deletion. Values of more than `at_most`
    /// bytes are left out.
    fn last(&self, place: Place, namespace: &str, key: &str, at_most: usize) -> Result<Option<Version>, Error>;

    /// Calls `each` for the keys that begin with `prefix` and come after `after`, in byte order, with the last version
    /// that has arrived at `place`, without its value.
    fn scan(
        &self,
        place: Place,
        namespace: &str,
        prefix: &[u8],
        after: Option<&[u8]>,
        each: &mut dyn FnMut(&[u8], Version) -> ControlFlow<()>,
    ) -> Result<(), Error>;

    /// Removes up to `at_most` versions of a namespace, wherever they are visible. `true`: there was nothing left to remove, and
    /// the namespace is forgotten.
    fn clear<'a>(&'a self, namespace: &'a str, at_most: usize) -> BoxFuture<'a, Result<bool, Error>>;

    /// The names of all namespaces that were ever written to.
    fn namespaces(&self) -> Result<Vec<String>, Error>;

    /// Bytes that a namespace keeps, with what each entry takes besides.
    fn size(&self, namespace: &str) -> Result<u64, Error>;
}
