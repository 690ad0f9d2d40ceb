//! Scripts: a Worker's name within its account, and what is said of all its versions at once.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::rusqlite::{OptionalExtension, Row};

use crate::error::taken;
use crate::{Error, Registry, Stamp};

#[derive(Clone, Debug, PartialEq)]
pub struct Script {
    /// 32 hexadecimal digits; stays the same as long as the Worker is there.
    pub tag: String,
    pub account: String,
    pub name: String,
    pub created: Stamp,
    pub modified: Stamp,
    pub settings: ScriptSettings,
}

/// What holds for all versions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ScriptSettings {
    #[serde(default)]
    pub logpush: bool,
    /// Workers that are told of this one's events.
    #[serde(default)]
    pub tail_consumers: Vec<Value>,
    #[serde(default)]
    pub observability: Option<Value>,
    #[serde(default)]
    pub tags: Vec<String>,
    #[serde(default)]
    pub subdomain: Subdomain,
    /// The tag of the last migration of its Durable Objects.
    #[serde(default)]
    pub migration_tag: Option<String>,
    /// Its Durable Object classes, each with whether its objects have `storage.sql`.
    #[serde(default)]
    pub classes: BTreeMap<String, bool>,
}

/// Where the Worker answers below the base domain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subdomain {
    /// At `<worker>.<base domain>`.
    pub enabled: bool,
    /// Each version at `<first digits of its id>-<worker>.<base domain>`.
    pub previews_enabled: bool,
}

// === impl Registry ===

impl Registry {
    /// Adds a script with this tag.
    pub async fn create_script(&self, account: &str, name: &str, tag: &str) -> Result<Script, Error> {
        let now = Stamp::now();
        let script = Script {
            tag: tag.to_owned(),
            account: account.to_owned(),
            name: name.to_owned(),
            created: now,
            modified: now,
            settings: ScriptSettings::default(),
        };
        let row = script.clone();
        self.write(move |connection| {
            let Script { tag, account, name, created, settings, .. } = &row;
            let document = serde_json::to_string(settings)?;
            connection
                .execute(
                    "INSERT INTO script VALUES (?1, ?2, ?3, ?4, ?4, ?5)",
                    (tag, account, name, created.0, document),
                )
                .map_err(|error| taken(error, "the Worker", name))?;
            Ok(())
        })
        .await?;
        Ok(script)
    }

    pub fn script(&self, account: &str, name: &str) -> Result<Option<Script>, Error> {
        self.read(|connection| {
            let sql = "SELECT * FROM script WHERE account = ?1 AND name = ?2";
            connection.prepare_cached(sql)?.query_row([account, name], |row| Ok(script(row))).optional()?.transpose()
        })
    }

    pub fn script_of_tag(&self, tag: &str) -> Result<Option<Script>, Error> {
        self.read(|connection| {
            let sql = "SELECT * FROM script WHERE tag = ?1";
            connection.prepare_cached(sql)?.query_row([tag], |row| Ok(script(row))).optional()?.transpose()
        })
    }

    /// An account's scripts by name, or those of all accounts.
    pub fn scripts(&self, account: Option<&str>) -> Result<Vec<Script>, Error> {
        self.read(|connection| {
            let sql = "SELECT * FROM script WHERE account = ?1 OR ?1 IS NULL ORDER BY name";
            let mut statement = connection.prepare_cached(sql)?;
            let scripts = statement.query_map([account], |row| Ok(script(row)))?.collect::<Result<Vec<_>, _>>()?;
            scripts.into_iter().collect()
        })
    }

    /// Changes what holds for all versions.
    pub async fn change_script(
        &self,
        tag: &str,
        change: impl FnOnce(&mut ScriptSettings) + Send + 'static,
    ) -> Result<ScriptSettings, Error> {
        let tag = tag.to_owned();
        self.write(move |connection| {
            let document: Option<String> = connection
                .query_row("SELECT document FROM script WHERE tag = ?1", [&tag], |row| row.get(0))
                .optional()?;
            let document = document.ok_or_else(|| Error::Missing { what: "Worker", name: tag.clone() })?;
            let mut settings: ScriptSettings = serde_json::from_str(&document)?;
            change(&mut settings);
            let row = (&tag, serde_json::to_string(&settings)?, Stamp::now().0);
            connection.execute("UPDATE script SET document = ?2, modified = ?3 WHERE tag = ?1", row)?;
            Ok(settings)
        })
        .await
    }

    /// Deletes a script with its versions, deployments, schedules and routes.
    pub async fn delete_script(&self, tag: &str) -> Result<(), Error> {
        let tag = tag.to_owned();
        self.write(move |connection| {
            connection.execute("DELETE FROM script WHERE tag = ?1", [tag])?;
            crate::version::forget_contents(connection)?;
            Ok(())
        })
        .await
    }
}

fn script(row: &Row<'_>) -> Result<Script, Error> {
    Ok(Script {
        tag: row.get(0)?,
        account: row.get(1)?,
        name: row.get(2)?,
        created: Stamp(row.get(3)?),
        modified: Stamp(row.get(4)?),
        settings: serde_json::from_str(&row.get::<_, String>(5)?)?,
    })
}
