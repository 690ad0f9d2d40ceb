//! Deployments: which versions of a Worker answer, and for which share of the traffic. The newest one holds.

use serde::{Deserialize, Serialize};
use store::rusqlite::{Connection, OptionalExtension, Row};

use crate::{Annotations, Error, Registry, Stamp, new_uuid};

/// Deployments of a Worker that are remembered.
const KEPT: i64 = 100;

#[derive(Clone, Debug, PartialEq)]
pub struct Deployment {
    /// A UUID.
    pub id: String,
    pub created: Stamp,
    pub document: NewDeployment,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NewDeployment {
    /// One or two versions; the shares are 100 together.
    pub versions: Vec<Share>,
    pub source: String,
    pub author: String,
    #[serde(default)]
    pub annotations: Annotations,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Share {
    pub version_id: String,
    /// Per cent of the traffic.
    pub percentage: f64,
}

// === impl NewDeployment ===

impl NewDeployment {
    /// The same, with all traffic on one version.
    pub(crate) fn of(self, version: &str) -> Self {
        Self { versions: vec![Share { version_id: version.to_owned(), percentage: 100.0 }], ..self }
    }
}

// === impl Registry ===

impl Registry {
    /// Deploys versions of the script with this tag.
    pub async fn deploy(&self, script: &str, new: NewDeployment) -> Result<Deployment, Error> {
        let script = script.to_owned();
        self.write(move |connection| {
            for Share { version_id, .. } in &new.versions {
                let known = connection
                    .prepare_cached("SELECT 1 FROM version WHERE script = ?1 AND id = ?2")?
                    .exists([&script, version_id])?;
                if !known {
                    return Err(Error::Missing { what: "version", name: version_id.clone() });
                }
            }
            insert(connection, &script, &new)
        })
        .await
    }

    /// A script's deployments, the newest first.
    pub fn deployments(&self, script: &str) -> Result<Vec<Deployment>, Error> {
        self.read(|connection| {
            let sql = "SELECT * FROM deployment WHERE script = ?1 ORDER BY created DESC, rowid DESC LIMIT ?2";
            let mut statement = connection.prepare_cached(sql)?;
            let found =
                statement.query_map((script, KEPT), |row| Ok(deployment(row)))?.collect::<Result<Vec<_>, _>>()?;
            found.into_iter().collect()
        })
    }

    /// The deployment that holds.
    pub fn deployment(&self, script: &str) -> Result<Option<Deployment>, Error> {
        self.read(|connection| {
            let sql = "SELECT * FROM deployment WHERE script = ?1 ORDER BY created DESC, rowid DESC LIMIT 1";
            connection.prepare_cached(sql)?.query_row([script], |row| Ok(deployment(row))).optional()?.transpose()
        })
    }
}

pub(crate) fn insert(connection: &Connection, script: &str, new: &NewDeployment) -> Result<Deployment, Error> {
    let deployment = Deployment { id: new_uuid(), created: Stamp::now(), document: new.clone() };
    let row = (&deployment.id, script, deployment.created.0, serde_json::to_string(new)?);
    connection.execute("INSERT INTO deployment VALUES (?1, ?2, ?3, ?4)", row)?;
    connection.execute(
        "DELETE FROM deployment WHERE script = ?1 AND rowid NOT IN
           (SELECT rowid FROM deployment WHERE script = ?1 ORDER BY created DESC, rowid DESC LIMIT ?2)",
        (script, KEPT),
    )?;
    Ok(deployment)
}

fn deployment(row: &Row<'_>) -> Result<Deployment, Error> {
    Ok(Deployment {
        id: row.get(0)?,
        created: Stamp(row.get(2)?),
        document: serde_json::from_str(&row.get::<_, String>(3)?)?,
    })
}
