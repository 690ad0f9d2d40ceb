//! Where the files of a site are.

use std::io;
use std::sync::Arc;

use crate::store::File;
use crate::{Account, Folder, Hash};

/// Clones are the same files.
#[derive(Clone)]
pub enum Files {
    /// What was uploaded to an account.
    Stored(Account),
    /// A project's own.
    Folder(Arc<Folder>),
}

// === impl Files ===

impl Files {
    pub(crate) fn open(&self, hash: &Hash) -> io::Result<File> {
        match self {
            Self::Stored(account) => account.open(hash),
            Self::Folder(folder) => folder.open(hash),
        }
    }
}

impl From<Account> for Files {
    fn from(account: Account) -> Self {
        Self::Stored(account)
    }
}
