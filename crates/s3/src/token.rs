//! Credentials of the S3 API. As R2 has it, a token's id is the access key id and the SHA-256 of the token the secret access key:
//! https://developers.cloudflare.com/r2/api/tokens/
//!
//! The server computes signatures with the secret, so it has to know it: the secrets lie in one file that only its owner may
//! read. The file is looked at anew when it has changed, so that a token works, or ceases to, as soon as the command that made or
//! deleted it has returned.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use ring::digest;
use serde::{Deserialize, Serialize};

/// Tokens that one state may have.
const MOST: usize = 1000;
/// Bytes of the file, by far.
const LARGEST: u64 = 16 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Permission {
    Read,
    ReadWrite,
}

/// What a token allows, and until when.
#[derive(Clone, Serialize, Deserialize)]
pub struct Token {
    /// The access key id: 32 hexadecimal digits.
    pub id: String,
    secret: String,
    pub permission: Permission,
    /// Those that it may see. Empty: all, and buckets may be made and deleted too.
    pub buckets: Vec<String>,
    /// Seconds since the epoch.
    pub created: u64,
    pub expires: Option<u64>,
}

/// A token as it is shown once, when it is made.
#[derive(Debug)]
pub struct NewToken {
    pub access_key_id: String,
    pub secret_access_key: String,
}

/// The file of all tokens.
#[derive(Debug)]
pub struct Tokens {
    path: PathBuf,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    stamp: Option<Stamp>,
    tokens: Vec<Arc<Token>>,
}

/// What changes with the file: each change makes a new one.
type Stamp = (u64, u64, i64, i64);

// === impl Token ===

impl Token {
    /// One for all buckets, kept elsewhere than in a file of tokens. `expires`: seconds since the epoch.
    pub fn kept(id: String, secret: String, permission: Permission, created: u64, expires: Option<u64>) -> Self {
        Self { id, secret, permission, buckets: Vec::new(), created, expires }
    }

    pub(crate) fn secret(&self) -> &str {
        &self.secret
    }

    pub fn has_expired(&self, now: SystemTime) -> bool {
        self.expires.is_some_and(|expires| seconds(now) >= expires)
    }

    /// Whether it is for this bucket too.
    pub fn sees(&self, bucket: &str) -> bool {
        self.buckets.is_empty() || self.buckets.iter().any(|name| name == bucket)
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Token").field("id", &self.id).finish_non_exhaustive()
    }
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

// === impl Tokens ===

impl Tokens {
    /// The file need not be there.
    pub fn new(path: PathBuf) -> Self {
        Self { path, known: Mutex::default() }
    }

    /// The token of an access key id, as the file has it now.
    pub fn find(&self, id: &str) -> io::Result<Option<Arc<Token>>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let stamp = match fs::metadata(&self.path) {
            Ok(file) => Some((file.ino(), file.size(), file.mtime(), file.mtime_nsec())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        if known.stamp != stamp {
            *known = Known { stamp, tokens: self.read()?.into_iter().map(Arc::new).collect() };
        }
        Ok(known.tokens.iter().find(|token| token.id == id).cloned())
    }

    /// All tokens, the oldest first.
    pub fn list(&self) -> io::Result<Vec<Token>> {
        self.read()
    }

    /// Makes a token that works from now on, for the buckets or for all.
    pub fn create(&self, permission: Permission, buckets: Vec<String>, ttl: Option<Duration>) -> io::Result<NewToken> {
        let (mut id, mut value) = ([0; 16], [0; 40]);
        getrandom::fill(&mut id).map_err(io::Error::other)?;
        getrandom::fill(&mut value).map_err(io::Error::other)?;
        let secret = r2::hex(digest::digest(&digest::SHA256, r2::hex(&value).as_bytes()).as_ref());
        let created = seconds(SystemTime::now());
        let expires = ttl.map(|ttl| created.saturating_add(ttl.as_secs()));
        let token = Token { id: r2::hex(&id), secret, permission, buckets, created, expires };
        let new = NewToken { access_key_id: token.id.clone(), secret_access_key: token.secret.clone() };
        self.change(|tokens| {
            if tokens.len() >= MOST {
                return Err(io::Error::other(format!("there are {MOST} tokens already: delete some")));
            }
            tokens.push(token);
            Ok(())
        })?;
        Ok(new)
    }

    /// `false`: there is no such token.
    pub fn delete(&self, id: &str) -> io::Result<bool> {
        self.change(|tokens| {
            let before = tokens.len();
            tokens.retain(|token| token.id != id);
            Ok(tokens.len() < before)
        })
    }

    fn read(&self) -> io::Result<Vec<Token>> {
        let mut text = String::new();
        match File::open(&self.path) {
            Ok(file) => file.take(LARGEST).read_to_string(&mut text)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let unreadable = |error| io::Error::other(format!("{}: {error}", self.path.display()));
        serde_json::from_str(&text).map_err(unreadable)
    }

    /// Puts a new file in the place of the old one, whole, while nobody else does.
    fn change<T>(&self, change: impl FnOnce(&mut Vec<Token>) -> io::Result<T>) -> io::Result<T> {
        let folder = self.path.parent().ok_or(io::ErrorKind::NotFound)?;
        fs::create_dir_all(folder)?;
        let private = || OpenOptions::new().write(true).mode(0o600).clone();
        let lock = private().create(true).truncate(false).open(self.path.with_extension("lock"))?;
        lock.lock()?;
        let mut tokens = self.read()?;
        let result = change(&mut tokens)?;
        let new = self.path.with_extension("new");
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = private().create_new(true).open(&new)?;
        file.write_all(&serde_json::to_vec_pretty(&tokens)?)?;
        file.sync_all()?;
        fs::rename(&new, &self.path)?;
        File::open(folder)?.sync_all()?;
        Ok(result)
    }
}

#[cfg(test)]
mod tests;
