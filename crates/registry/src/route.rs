//! Routes and custom domains that were set over the API: which hosts and paths lead to which Worker.

use store::rusqlite::{OptionalExtension, Row};

use crate::error::taken;
use crate::{Error, Registry, new_hex_id};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// 32 hexadecimal digits.
    pub id: String,
    /// The zone's name.
    pub zone: String,
    /// `example.com/*`, or a custom domain's host.
    pub pattern: String,
    /// The tag of the script that answers; none: no Worker does, though a wider pattern has one.
    pub script: Option<String>,
    pub custom_domain: bool,
}

// === impl Registry ===

impl Registry {
    /// Adds a route.
    pub async fn add_route(
        &self,
        zone: &str,
        pattern: &str,
        script: Option<&str>,
        custom_domain: bool,
    ) -> Result<Route, Error> {
        let route = Route {
            id: new_hex_id(),
            zone: zone.to_owned(),
            pattern: pattern.to_owned(),
            script: script.map(str::to_owned),
            custom_domain,
        };
        let row = route.clone();
        self.write(move |connection| {
            let Route { id, zone, pattern, script, custom_domain } = &row;
            connection
                .execute("INSERT INTO route VALUES (?1, ?2, ?3, ?4, ?5)", (id, zone, pattern, script, custom_domain))
                .map_err(|error| taken(error, "the route", pattern))?;
            Ok(())
        })
        .await?;
        Ok(route)
    }

    /// A script's routes (or custom domains) are these, and no others. One that leads to another Worker stays there, and is the
    /// error.
    pub async fn set_routes(
        &self,
        script: &str,
        routes: Vec<(String, String)>,
        custom_domain: bool,
    ) -> Result<(), Error> {
        let tag = script.to_owned();
        self.write(move |connection| {
            let sql = "DELETE FROM route WHERE script = ?1 AND custom_domain = ?2";
            connection.execute(sql, (&tag, custom_domain))?;
            for (zone, pattern) in &routes {
                connection
                    .execute(
                        "INSERT INTO route VALUES (?1, ?2, ?3, ?4, ?5)",
                        (new_hex_id(), zone, pattern, &tag, custom_domain),
                    )
                    .map_err(|error| taken(error, "the route", pattern))?;
            }
            Ok(())
        })
        .await
    }

    pub fn routes(&self) -> Result<Vec<Route>, Error> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached("SELECT * FROM route ORDER BY pattern")?;
            Ok(statement.query_map([], route)?.collect::<Result<_, _>>()?)
        })
    }

    pub fn route(&self, id: &str) -> Result<Option<Route>, Error> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached("SELECT * FROM route WHERE id = ?1")?;
            Ok(statement.query_row([id], route).optional()?)
        })
    }

    /// Changes a route's pattern and script.
    pub async fn change_route(&self, route: &Route) -> Result<(), Error> {
        let Route { id, pattern, script, .. } = route.clone();
        self.write(move |connection| {
            connection
                .execute("UPDATE route SET pattern = ?2, script = ?3 WHERE id = ?1", (id, &pattern, script))
                .map_err(|error| taken(error, "the route", &pattern))?;
            Ok(())
        })
        .await
    }

    /// Whether there was such a route.
    pub async fn delete_route(&self, id: &str) -> Result<bool, Error> {
        let id = id.to_owned();
        self.write(move |connection| Ok(connection.execute("DELETE FROM route WHERE id = ?1", [id])? > 0)).await
    }
}

fn route(row: &Row<'_>) -> store::rusqlite::Result<Route> {
    Ok(Route {
        id: row.get(0)?,
        zone: row.get(1)?,
        pattern: row.get(2)?,
        script: row.get(3)?,
        custom_domain: row.get(4)?,
    })
}
