//! What accounts own besides Workers: KV namespaces, D1 databases, queues, Hyperdrive configurations. Here are their names and
//! whose they are; what is in them is their service's.

use serde_json::Value;
use store::rusqlite::{OptionalExtension, Row};

use crate::error::taken;
use crate::{Error, Registry, Stamp, new_hex_id, new_uuid};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResourceKind {
    KvNamespace,
    D1Database,
    Queue,
    Hyperdrive,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Resource {
    /// A UUID for a D1 database, 32 hexadecimal digits for all else.
    pub id: String,
    pub account: String,
    pub name: String,
    pub created: Stamp,
    /// What else is known of it, in its service's own shape.
    pub document: Value,
}

// === impl ResourceKind ===

impl ResourceKind {
    fn column(self) -> &'static str {
        match self {
            Self::KvNamespace => "kv",
            Self::D1Database => "d1",
            Self::Queue => "queue",
            Self::Hyperdrive => "hyperdrive",
        }
    }

    fn noun(self) -> &'static str {
        match self {
            Self::KvNamespace => "the namespace",
            Self::D1Database => "the database",
            Self::Queue => "the queue",
            Self::Hyperdrive => "the configuration",
        }
    }
}

// === impl Registry ===

impl Registry {
    pub async fn create_resource(
        &self,
        account: &str,
        kind: ResourceKind,
        name: &str,
        document: Value,
    ) -> Result<Resource, Error> {
        let id = if kind == ResourceKind::D1Database { new_uuid() } else { new_hex_id() };
        let resource =
            Resource { id, account: account.to_owned(), name: name.to_owned(), created: Stamp::now(), document };
        let row = resource.clone();
        self.write(move |connection| {
            let Resource { id, account, name, created, document } = &row;
            let document = document.to_string();
            connection
                .execute(
                    "INSERT INTO resource VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                    (id, account, kind.column(), name, created.0, document),
                )
                .map_err(|error| taken(error, kind.noun(), name))?;
            Ok(())
        })
        .await?;
        Ok(resource)
    }

    /// An account's resources of one kind, by name.
    pub fn resources(&self, account: &str, kind: ResourceKind) -> Result<Vec<Resource>, Error> {
        self.read(|connection| {
            let sql = "SELECT * FROM resource WHERE account = ?1 AND kind = ?2 ORDER BY name";
            let mut statement = connection.prepare_cached(sql)?;
            let found = statement
                .query_map([account, kind.column()], |row| Ok(resource(row)))?
                .collect::<Result<Vec<_>, _>>()?;
            found.into_iter().collect()
        })
    }

    /// The account's resource that `key` names, by its id or by its name.
    pub fn resource(&self, account: &str, kind: ResourceKind, key: &str) -> Result<Option<Resource>, Error> {
        self.read(|connection| {
            let sql =
                "SELECT * FROM resource WHERE account = ?1 AND kind = ?2 AND (id = ?3 OR name = ?3) ORDER BY id != ?3";
            connection
                .prepare_cached(sql)?
                .query_row([account, kind.column(), key], |row| Ok(resource(row)))
                .optional()?
                .transpose()
        })
    }

    /// Changes a resource's name and document.
    pub async fn change_resource(
        &self,
        kind: ResourceKind,
        id: &str,
        name: &str,
        document: Value,
    ) -> Result<(), Error> {
        let (id, name) = (id.to_owned(), name.to_owned());
        self.write(move |connection| {
            connection
                .execute(
                    "UPDATE resource SET name = ?2, document = ?3 WHERE id = ?1",
                    (&id, &name, document.to_string()),
                )
                .map_err(|error| taken(error, kind.noun(), &name))?;
            Ok(())
        })
        .await
    }

    /// Whether there was such a resource.
    pub async fn delete_resource(&self, id: &str) -> Result<bool, Error> {
        let id = id.to_owned();
        self.write(move |connection| Ok(connection.execute("DELETE FROM resource WHERE id = ?1", [id])? > 0)).await
    }
}

fn resource(row: &Row<'_>) -> Result<Resource, Error> {
    Ok(Resource {
        id: row.get(0)?,
        account: row.get(1)?,
        name: row.get(3)?,
        created: Stamp(row.get(4)?),
        document: serde_json::from_str(&row.get::<_, String>(5)?)?,
    })
}
