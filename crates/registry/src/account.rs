//! Accounts: who owns Workers and what they are bound to.

use store::rusqlite::{self, OptionalExtension, Row};

use crate::error::taken;
use crate::{Error, Registry, Stamp, new_hex_id};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// 32 hexadecimal digits.
    pub id: String,
    pub name: String,
    /// The label before the base domain that its Workers are under: `<worker>.<subdomain>.<base domain>`.
    pub subdomain: String,
    /// The name of the plan whose limits hold for it.
    pub plan: String,
    pub created: Stamp,
}

// === impl Registry ===

impl Registry {
    pub async fn create_account(&self, name: &str, subdomain: &str, plan: &str) -> Result<Account, Error> {
        let account = Account {
            id: new_hex_id(),
            name: name.to_owned(),
            subdomain: subdomain.to_owned(),
            plan: plan.to_owned(),
            created: Stamp::now(),
        };
        let row = account.clone();
        self.write(move |connection| {
            let Account { id, name, subdomain, plan, created } = &row;
            connection
                .execute("INSERT INTO account VALUES (?1, ?2, ?3, ?4, ?5)", (id, name, subdomain, plan, created.0))
                .map_err(|error| taken(error, "the subdomain", subdomain))?;
            Ok(())
        })
        .await?;
        Ok(account)
    }

    /// All accounts, the first made first.
    pub fn accounts(&self) -> Result<Vec<Account>, Error> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached("SELECT * FROM account ORDER BY created, rowid")?;
            Ok(statement.query_map([], account)?.collect::<Result<_, _>>()?)
        })
    }

    pub fn account(&self, id: &str) -> Result<Option<Account>, Error> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached("SELECT * FROM account WHERE id = ?1")?;
            Ok(statement.query_row([id], account).optional()?)
        })
    }
}

fn account(row: &Row<'_>) -> rusqlite::Result<Account> {
    Ok(Account {
        id: row.get(0)?,
        name: row.get(1)?,
        subdomain: row.get(2)?,
        plan: row.get(3)?,
        created: Stamp(row.get(4)?),
    })
}
