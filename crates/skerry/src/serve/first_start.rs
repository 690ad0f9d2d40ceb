//! The first start of a server: an account, and a token that may do everything in it.

use std::collections::BTreeSet;

use config::ServerConfig;
use registry::{Registry, Scope};

/// What wrangler needs. The token is nowhere else.
pub struct Credentials {
    pub account: String,
    pub token: String,
}

/// The label of the first account's hosts.
pub const SUBDOMAIN: &str = "main";

/// Makes the first account where there is none.
pub async fn credentials(registry: &Registry) -> Result<Option<Credentials>, String> {
    let failed = |error: registry::Error| format!("the first account can't be made: {error}");
    if !registry.accounts().map_err(failed)?.is_empty() {
        return Ok(None);
    }
    let account = registry.create_account("Main", SUBDOMAIN, ServerConfig::default_plan()).await.map_err(failed)?;
    let made = registry.create_token(&account.id, "first", BTreeSet::from([Scope::All]), None).await.map_err(failed)?;
    Ok(Some(Credentials { account: account.id, token: made.secret }))
}
