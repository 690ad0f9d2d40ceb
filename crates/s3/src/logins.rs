//! Who may ask, and whose buckets a request is about: one store with tokens of its own, or a store for each account.

use std::io;
use std::sync::Arc;

use crate::token::{Token, Tokens};

/// A token, and the store that it is for.
pub struct Login {
    pub token: Arc<Token>,
    pub r2: r2::R2,
}

/// All tokens and stores behind one port.
pub trait Logins: Send + Sync {
    /// The token of an access key id.
    fn find(&self, id: &str) -> io::Result<Option<Login>>;

    /// The store of an account, as the host names it (`<account>.<domain>`), for a request that nobody has signed.
    fn store(&self, account: Option<&str>) -> Option<r2::R2>;
}

/// One store, and its tokens.
pub struct OneStore {
    pub r2: r2::R2,
    pub tokens: Tokens,
}

// === impl OneStore ===

impl Logins for OneStore {
    fn find(&self, id: &str) -> io::Result<Option<Login>> {
        Ok(self.tokens.find(id)?.map(|token| Login { token, r2: self.r2.clone() }))
    }

    fn store(&self, _account: Option<&str>) -> Option<r2::R2> {
        Some(self.r2.clone())
    }
}
