//! The static assets of versions: the manifest that a version names, and which of them versions still need. The files are not here.

use std::collections::BTreeSet;

use ::assets::{Config, ManifestId};
use serde::{Deserialize, Serialize};

use crate::{Error, Registry};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VersionAssets {
    pub manifest: ManifestId,
    #[serde(default)]
    pub config: Config,
}

// === impl Registry ===

impl Registry {
    /// The manifests that versions of an account's Workers name.
    pub fn asset_manifests(&self, account: &str) -> Result<BTreeSet<ManifestId>, Error> {
        self.read(|connection| {
            let sql = "SELECT DISTINCT version.document ->> '$.assets.manifest' FROM version
                         JOIN script ON script.tag = version.script
                         WHERE script.account = ?1 AND version.document ->> '$.assets.manifest' IS NOT NULL";
            let mut statement = connection.prepare_cached(sql)?;
            let ids = statement.query_map([account], |row| row.get(0))?.collect::<Result<Vec<String>, _>>()?;
            ids.into_iter().map(|id| ManifestId::try_from(id).map_err(Error::Refused)).collect()
        })
    }
}
