//! The S3 API of a server: each account's tokens open each account's buckets. As with R2, a token's id is the access key id and the
//! SHA-256 of the token the secret access key: <https://developers.cloudflare.com/r2/api/tokens/>.

use std::io;
use std::sync::Arc;

use platform::Services;
use registry::{Registry, Scope};
use s3::{Login, Permission, Token};

pub struct Accounts {
    pub registry: Registry,
    pub services: Services,
}

// === impl Accounts ===

impl s3::Logins for Accounts {
    fn find(&self, id: &str) -> io::Result<Option<Login>> {
        let Some((token, secret)) = self.registry.token_and_hash(id).map_err(io::Error::other)? else {
            return Ok(None);
        };
        let permission = match (token.may(Scope::R2Write), token.may(Scope::R2Read)) {
            (true, _) => Permission::ReadWrite,
            (false, true) => Permission::Read,
            (false, false) => return Ok(None),
        };
        let seconds = |stamp: registry::Stamp| u64::try_from(stamp.0 / 1000).unwrap_or_default();
        let (created, expires) = (seconds(token.created), token.expires.map(seconds));
        let r2 = self.services.r2(&token.account);
        let token = Token::kept(token.id, r2::hex(&secret), permission, created, expires);
        Ok(Some(Login { token: Arc::new(token), r2 }))
    }

    fn store(&self, account: Option<&str>) -> Option<r2::R2> {
        let account = match account {
            Some(id) => self.registry.account(id),
            None => self.registry.accounts().map(|accounts| accounts.into_iter().next()),
        };
        let account = account.inspect_err(|error| tracing::error!(%error, "the accounts can't be read")).ok()??;
        Some(self.services.r2(&account.id))
    }
}
