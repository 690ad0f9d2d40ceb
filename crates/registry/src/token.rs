//! API tokens: shown once, kept as hashes. A token belongs to one account and says what it may do there.

use std::collections::BTreeSet;
use std::str::FromStr;

use ring::digest::{SHA256, digest};
use store::rusqlite::{OptionalExtension, Row};

use crate::id::random;
use crate::{Error, Registry, Stamp, new_hex_id};

/// A kind of thing, and whether it may be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Everything in the account.
    All,
    WorkersRead,
    WorkersWrite,
    KvRead,
    KvWrite,
    R2Read,
    R2Write,
    D1Read,
    D1Write,
    QueuesRead,
    QueuesWrite,
    HyperdriveRead,
    HyperdriveWrite,
    TailRead,
    AccountRead,
    AnalyticsRead,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// 32 hexadecimal digits; no secret.
    pub id: String,
    pub account: String,
    pub name: String,
    pub scopes: BTreeSet<Scope>,
    pub created: Stamp,
    pub expires: Option<Stamp>,
}

/// A token as it is made: the only time that its secret is known.
#[derive(Debug)]
pub struct NewToken {
    pub token: Token,
    pub secret: String,
}

const NAMES: &[(Scope, &str)] = &[
    (Scope::All, "all"),
    (Scope::WorkersRead, "workers:read"),
    (Scope::WorkersWrite, "workers:write"),
    (Scope::KvRead, "kv:read"),
    (Scope::KvWrite, "kv:write"),
    (Scope::R2Read, "r2:read"),
    (Scope::R2Write, "r2:write"),
    (Scope::D1Read, "d1:read"),
    (Scope::D1Write, "d1:write"),
    (Scope::QueuesRead, "queues:read"),
    (Scope::QueuesWrite, "queues:write"),
    (Scope::HyperdriveRead, "hyperdrive:read"),
    (Scope::HyperdriveWrite, "hyperdrive:write"),
    (Scope::TailRead, "tail:read"),
    (Scope::AccountRead, "account:read"),
    (Scope::AnalyticsRead, "analytics:read"),
];

// === impl Scope ===

impl Scope {
    pub fn as_str(self) -> &'static str {
        NAMES.iter().find(|(scope, _)| *scope == self).map_or("", |(_, name)| name)
    }

    /// What may be written may be read.
    fn with(self) -> Option<Self> {
        Some(match self {
            Self::WorkersRead => Self::WorkersWrite,
            Self::KvRead => Self::KvWrite,
            Self::R2Read => Self::R2Write,
            Self::D1Read => Self::D1Write,
            Self::QueuesRead => Self::QueuesWrite,
            Self::HyperdriveRead => Self::HyperdriveWrite,
            _ => return None,
        })
    }
}

impl FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = NAMES.iter().find(|(_, name)| *name == text).map(|(scope, _)| *scope);
        found.ok_or_else(|| {
            let names: Vec<&str> = NAMES.iter().map(|(_, name)| *name).collect();
            format!("`{text}` is no scope. There are {}", names.join(", "))
        })
    }
}

// === impl Token ===

impl Token {
    fn holds(&self) -> bool {
        self.expires.is_none_or(|expires| expires > Stamp::now())
    }

    pub fn may(&self, scope: Scope) -> bool {
        let has = |scope| self.scopes.contains(&scope);
        has(Scope::All) || has(scope) || scope.with().is_some_and(has)
    }
}

// === impl Registry ===

impl Registry {
    pub async fn create_token(
        &self,
        account: &str,
        name: &str,
        scopes: BTreeSet<Scope>,
        expires: Option<Stamp>,
    ) -> Result<NewToken, Error> {
        let secret = base64_simd::URL_SAFE_NO_PAD.encode_to_string(random::<32>()?);
        let (id, account, name) = (new_hex_id(), account.to_owned(), name.to_owned());
        let token = Token { id, account, name, scopes, created: Stamp::now(), expires };
        let (row, hash) = (token.clone(), token_hash(&secret));
        self.write(move |connection| {
            let scopes: Vec<&str> = row.scopes.iter().map(|scope| scope.as_str()).collect();
            connection.execute(
                "INSERT INTO token VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                (
                    &row.id,
                    &row.account,
                    &row.name,
                    &hash,
                    scopes.join(" "),
                    row.created.0,
                    row.expires.map(|expires| expires.0),
                ),
            )?;
            Ok(())
        })
        .await?;
        Ok(NewToken { token, secret })
    }

    /// The token of this secret, unless it has expired. The secret is compared by its hash, so the time that it takes says
    /// nothing about it.
    pub fn token(&self, secret: &str) -> Result<Option<Token>, Error> {
        let hash = token_hash(secret);
        let found = self.read(|connection| {
            let mut statement = connection.prepare_cached("SELECT * FROM token WHERE hash = ?1")?;
            Ok(statement.query_row([&hash[..]], |row| Ok(token(row))).optional()?)
        })?;
        let Some(token) = found.transpose()? else { return Ok(None) };
        Ok(Some(token).filter(Token::holds))
    }

    /// The token of this id, unless it has expired.
    pub fn token_of_id(&self, id: &str) -> Result<Option<Token>, Error> {
        let found = self.read(|connection| {
            let mut statement = connection.prepare_cached("SELECT * FROM token WHERE id = ?1")?;
            Ok(statement.query_row([id], |row| Ok(token(row))).optional()?)
        })?;
        Ok(found.transpose()?.filter(Token::holds))
    }

    /// The same with the SHA-256 of its secret, which the S3 API signs with.
    pub fn token_and_hash(&self, id: &str) -> Result<Option<(Token, Vec<u8>)>, Error> {
        let found = self.read(|connection| {
            let mut statement = connection.prepare_cached("SELECT * FROM token WHERE id = ?1")?;
            Ok(statement.query_row([id], |row| Ok((token(row), row.get(3)?))).optional()?)
        })?;
        let Some((token, hash)) = found else { return Ok(None) };
        let token = token?;
        Ok(token.holds().then_some((token, hash)))
    }

    /// All tokens, of one account or of all.
    pub fn tokens(&self, account: Option<&str>) -> Result<Vec<Token>, Error> {
        self.read(|connection| {
            let sql = "SELECT * FROM token WHERE account = ?1 OR ?1 IS NULL ORDER BY created";
            let mut statement = connection.prepare_cached(sql)?;
            let tokens = statement.query_map([account], |row| Ok(token(row)))?.collect::<Result<Vec<_>, _>>()?;
            tokens.into_iter().collect()
        })
    }

    /// Whether there was such a token.
    pub async fn revoke_token(&self, id: &str) -> Result<bool, Error> {
        let id = id.to_owned();
        self.write(move |connection| Ok(connection.execute("DELETE FROM token WHERE id = ?1", [id])? > 0)).await
    }
}

fn token(row: &Row<'_>) -> Result<Token, Error> {
    let scopes: String = row.get(4)?;
    let scopes: Result<_, _> = scopes.split_whitespace().map(Scope::from_str).collect();
    Ok(Token {
        id: row.get(0)?,
        account: row.get(1)?,
        name: row.get(2)?,
        scopes: scopes.map_err(Error::Refused)?,
        created: Stamp(row.get(5)?),
        expires: row.get::<_, Option<i64>>(6)?.map(Stamp),
    })
}

/// The SHA-256 by which a token is known.
pub fn token_hash(secret: &str) -> Vec<u8> {
    digest(&SHA256, secret.as_bytes()).as_ref().to_vec()
}
