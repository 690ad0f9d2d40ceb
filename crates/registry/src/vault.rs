//! Secrets at rest: sealed with AES-256-GCM under a key that lies beside the database, readable by its owner alone.
//! A sealed secret is bound to what it belongs to, so that it can't be moved to another Worker's row.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hmac;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::id::random;

const KEY: usize = 32;

pub struct Vault {
    key: LessSafeKey,
    /// What the keys are made from that sign.
    root: hmac::Key,
}

/// A sealed secret: nonce and ciphertext, in base64.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sealed(String);

// === impl Vault ===

impl Vault {
    /// The key in this file, which is made where there is none.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => make(path)?,
            Err(error) => return Err(failed(path, &error)),
        };
        let key = UnboundKey::new(&AES_256_GCM, &bytes)
            .map_err(|_| Error::Key { path: path.to_owned(), reason: format!("is no key of {KEY} bytes") })?;
        Ok(Self { key: LessSafeKey::new(key), root: hmac::Key::new(hmac::HMAC_SHA256, &bytes) })
    }

    /// `owner`: what the secret belongs to; only with the same one can it be opened.
    pub fn seal(&self, owner: &str, secret: &str) -> Result<Sealed, Error> {
        let nonce = random::<NONCE_LEN>()?;
        let mut bytes = secret.as_bytes().to_vec();
        let aad = Aad::from(owner.as_bytes());
        let sealed = self.key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut bytes);
        sealed.map_err(|_| Error::Refused("the secret is too long to be sealed".into()))?;
        let whole = [&nonce[..], &bytes].concat();
        Ok(Sealed(base64_simd::STANDARD.encode_to_string(whole)))
    }

    /// A signature (HMAC-SHA256) that says that this registry gave `message` out. `purpose`: only with the same one does it hold.
    pub fn sign(&self, purpose: &str, message: &[u8]) -> Vec<u8> {
        hmac::sign(&self.signer(purpose), message).as_ref().to_vec()
    }

    /// Whether `sign` made this signature. The time that it takes says nothing about the right one.
    pub fn verify(&self, purpose: &str, message: &[u8], signature: &[u8]) -> bool {
        hmac::verify(&self.signer(purpose), message, signature).is_ok()
    }

    fn signer(&self, purpose: &str) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&self.root, purpose.as_bytes()).as_ref())
    }

    pub fn open_sealed(&self, owner: &str, sealed: &Sealed) -> Result<String, Error> {
        let mut whole = base64_simd::STANDARD.decode_to_vec(&sealed.0).map_err(|_| Error::Unsealable)?;
        let (nonce, bytes) = whole.split_at_mut_checked(NONCE_LEN).ok_or(Error::Unsealable)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| Error::Unsealable)?;
        let opened = self.key.open_in_place(nonce, Aad::from(owner.as_bytes()), bytes);
        let opened = opened.map_err(|_| Error::Unsealable)?;
        String::from_utf8(opened.to_vec()).map_err(|_| Error::Unsealable)
    }
}

/// Makes a key, durably: what was sealed with a lost one is lost too.
fn make(path: &Path) -> Result<Vec<u8>, Error> {
    let key = random::<KEY>()?;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let mut file = options.open(path).map_err(|error| failed(path, &error))?;
    file.write_all(&key).and_then(|()| file.sync_all()).map_err(|error| failed(path, &error))?;
    if let Some(folder) = path.parent() {
        std::fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| failed(path, &error))?;
    }
    Ok(key.to_vec())
}

fn failed(path: &Path, error: &std::io::Error) -> Error {
    Error::Key { path: path.to_owned(), reason: error.to_string() }
}
