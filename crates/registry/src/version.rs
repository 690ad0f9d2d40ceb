//! Versions of a Worker: code and what it is bound to. A version never changes. Equal modules of many versions are kept once.

use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use store::rusqlite::{self, Connection, OptionalExtension, Row};

use crate::{Binding, Error, NewDeployment, Registry, Stamp, VersionAssets, new_uuid};

/// Versions that a Worker keeps besides those that are deployed, as the platform does: the newest.
const KEPT: i64 = 100;

#[derive(Clone, Debug, PartialEq)]
pub struct Version {
    /// A UUID.
    pub id: String,
    /// The tag of its script.
    pub script: String,
    /// Counts the script's versions from 1.
    pub number: u32,
    pub created: Stamp,
    pub document: VersionDocument,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct VersionDocument {
    /// The name of the module that runs first; empty: the version has assets alone, and no code.
    pub main: String,
    /// The main module is a classic script with `addEventListener`.
    #[serde(default)]
    pub service_worker: bool,
    /// Hexadecimal; the same for the same modules.
    pub etag: String,
    #[serde(default)]
    pub bindings: Vec<Binding>,
    #[serde(default)]
    pub compatibility_date: Option<String>,
    #[serde(default)]
    pub compatibility_flags: Vec<String>,
    #[serde(default)]
    pub limits: UserLimits,
    #[serde(default)]
    pub annotations: Annotations,
    /// What made it: "wrangler", "api", "dash".
    pub source: String,
    /// The name of the token that made it.
    pub author: String,
    /// The names of the main module's handlers: "fetch", "scheduled", …
    #[serde(default)]
    pub handlers: Vec<String>,
    /// CPU time of its start.
    #[serde(default)]
    pub startup_time_ms: u64,
    #[serde(default)]
    pub migration_tag: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assets: Option<VersionAssets>,
}

/// `limits` as its owner wants them; the plan's hold where they are stricter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserLimits {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subrequests: Option<u32>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Annotations {
    #[serde(rename = "workers/message", default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    #[serde(rename = "workers/tag", default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    #[serde(rename = "workers/alias", default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    #[serde(rename = "workers/triggered_by", default, skip_serializing_if = "Option::is_none")]
    pub triggered_by: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Module {
    pub name: String,
    /// The MIME type that it was uploaded with, which says what kind of module it is.
    pub kind: String,
    pub content: Vec<u8>,
}

// === impl VersionDocument ===

impl VersionDocument {
    /// Whether it has code, and not assets alone.
    pub fn has_code(&self) -> bool {
        !self.main.is_empty()
    }
}

/// A version before it has a number.
#[derive(Clone, Debug)]
pub struct NewVersion {
    pub document: VersionDocument,
    pub modules: Modules,
}

/// Where a new version's modules come from.
#[derive(Clone, Debug)]
pub enum Modules {
    Uploaded(Vec<Module>),
    /// Those of this version.
    Of(String),
}

// === impl NewVersion ===

impl NewVersion {
    pub fn uploaded(document: VersionDocument, modules: Vec<Module>) -> Self {
        Self { document: VersionDocument { etag: etag(&modules), ..document }, modules: Modules::Uploaded(modules) }
    }

    /// The code of `version` under another document.
    pub fn derived(version: &Version, document: VersionDocument) -> Self {
        Self { document, modules: Modules::Of(version.id.clone()) }
    }
}

fn etag(modules: &[Module]) -> String {
    let mut context = ring::digest::Context::new(&SHA256);
    for Module { name, kind, content } in modules {
        for part in [name.as_bytes(), kind.as_bytes(), content] {
            context.update(&(part.len() as u64).to_le_bytes());
            context.update(part);
        }
    }
    context.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

// === impl Registry ===

impl Registry {
    /// Adds a version to the script with this tag, and deploys it where `deploy` says so.
    pub async fn add_version(
        &self,
        script: &str,
        new: NewVersion,
        deploy: Option<NewDeployment>,
    ) -> Result<Version, Error> {
        let script = script.to_owned();
        self.write(move |connection| {
            let number: u32 = connection.query_row(
                "SELECT coalesce(max(number), 0) + 1 FROM version WHERE script = ?1",
                [&script],
                |row| row.get(0),
            )?;
            let NewVersion { document, modules } = new;
            let version = Version { id: new_uuid(), script, number, created: Stamp::now(), document };
            let row =
                (&version.id, &version.script, number, version.created.0, serde_json::to_string(&version.document)?);
            connection.execute("INSERT INTO version VALUES (?1, ?2, ?3, ?4, ?5)", row)?;
            match modules {
                Modules::Uploaded(modules) => keep(connection, &version.id, &modules)?,
                Modules::Of(other) => {
                    let sql = "INSERT INTO module SELECT ?1, place, name, kind, content FROM module WHERE version = ?2";
                    connection.execute(sql, (&version.id, other))?;
                }
            }
            connection
                .execute("UPDATE script SET modified = ?2 WHERE tag = ?1", (&version.script, version.created.0))?;
            if let Some(deployment) = deploy {
                crate::deployment::insert(connection, &version.script, &deployment.of(&version.id))?;
            }
            forget_old(connection, &version.script)?;
            Ok(version)
        })
        .await
    }

    pub fn version(&self, script: &str, id: &str) -> Result<Option<Version>, Error> {
        self.read(|connection| {
            let sql = "SELECT * FROM version WHERE script = ?1 AND id = ?2";
            connection.prepare_cached(sql)?.query_row([script, id], |row| Ok(version(row))).optional()?.transpose()
        })
    }

    /// The version of a script that was added last.
    pub fn newest_version(&self, script: &str) -> Result<Option<Version>, Error> {
        self.read(|connection| {
            let sql = "SELECT * FROM version WHERE script = ?1 ORDER BY number DESC LIMIT 1";
            connection.prepare_cached(sql)?.query_row([script], |row| Ok(version(row))).optional()?.transpose()
        })
    }

    /// A script's versions, the newest first.
    pub fn versions(&self, script: &str) -> Result<Vec<Version>, Error> {
        self.read(|connection| {
            let mut statement =
                connection.prepare_cached("SELECT * FROM version WHERE script = ?1 ORDER BY number DESC")?;
            let versions = statement.query_map([script], |row| Ok(version(row)))?.collect::<Result<Vec<_>, _>>()?;
            versions.into_iter().collect()
        })
    }

    /// A version's modules in the order in which they were uploaded.
    pub fn modules(&self, version: &str) -> Result<Vec<Module>, Error> {
        self.read(|connection| {
            let sql =
                "SELECT name, kind, bytes FROM module JOIN content ON hash = content WHERE version = ?1 ORDER BY place";
            let mut statement = connection.prepare_cached(sql)?;
            let modules = statement
                .query_map([version], |row| Ok(Module { name: row.get(0)?, kind: row.get(1)?, content: row.get(2)? }))?
                .collect::<Result<_, _>>()?;
            Ok(modules)
        })
    }
}

fn version(row: &Row<'_>) -> Result<Version, Error> {
    Ok(Version {
        id: row.get(0)?,
        script: row.get(1)?,
        number: row.get(2)?,
        created: Stamp(row.get(3)?),
        document: serde_json::from_str(&row.get::<_, String>(4)?)?,
    })
}

fn keep(connection: &Connection, version: &str, modules: &[Module]) -> Result<(), Error> {
    for (place, module) in modules.iter().enumerate() {
        let hash = digest(&SHA256, &module.content);
        let hash = hash.as_ref();
        connection.execute("INSERT OR IGNORE INTO content VALUES (?1, ?2)", (hash, &module.content))?;
        let row = (version, place as i64, &module.name, &module.kind, hash);
        connection.execute("INSERT INTO module VALUES (?1, ?2, ?3, ?4, ?5)", row)?;
    }
    Ok(())
}

/// Forgets the versions past [`KEPT`] that no deployment of late names, and what no version needs any more.
fn forget_old(connection: &Connection, script: &str) -> Result<(), Error> {
    let deleted = connection.execute(
        "DELETE FROM version WHERE script = ?1
           AND number <= (SELECT max(number) FROM version WHERE script = ?1) - ?2
           AND NOT EXISTS (
             SELECT 1 FROM (SELECT document FROM deployment WHERE script = ?1 ORDER BY created DESC, rowid DESC LIMIT 1)
             WHERE instr(document, version.id))",
        (script, KEPT),
    )?;
    if deleted > 0 {
        forget_contents(connection)?;
    }
    Ok(())
}

pub(crate) fn forget_contents(connection: &Connection) -> Result<(), rusqlite::Error> {
    let sql = "DELETE FROM content WHERE NOT EXISTS (SELECT 1 FROM module WHERE content = hash)";
    connection.execute(sql, []).map(drop)
}
