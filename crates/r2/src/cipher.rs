//! SSE-C: objects encrypted with a key that the customer keeps. Only its MD5 is stored, to tell a wrong key.
//!
//! The stored form is a random salt of 32 bytes, then chunks of 64 KiB, each sealed with AES-256-GCM and followed by its tag. The
//! key of each blob is HMAC-SHA-256(customer's key, salt), so a chunk's number can be its nonce, and any chunk can be opened alone.

use std::fmt;
use std::io;

use digest::Digest;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hmac;

use crate::digests::hex;

pub(crate) const SALT: usize = 32;
pub(crate) const CHUNK: usize = 64 * 1024;
const TAG: usize = 16;

/// 32 bytes that a client sends with each request.
#[derive(Clone)]
pub struct CustomerKey([u8; 32]);

/// Encrypts a blob from its start.
pub(crate) struct Sealer {
    key: LessSafeKey,
    number: u64,
    /// What does not fill a chunk yet.
    rest: Vec<u8>,
}

/// Decrypts any chunk of a blob.
pub(crate) struct Opener {
    key: LessSafeKey,
}

// === impl CustomerKey ===

impl CustomerKey {
    pub fn new(key: [u8; 32]) -> Self {
        Self(key)
    }

    /// What is stored of it.
    pub fn md5(&self) -> String {
        hex(&md5::Md5::digest(self.0))
    }

    fn derive(&self, salt: &[u8]) -> LessSafeKey {
        let derived = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &self.0), salt);
        LessSafeKey::new(UnboundKey::new(&AES_256_GCM, derived.as_ref()).expect("a key of 32 bytes"))
    }
}

impl fmt::Debug for CustomerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CustomerKey")
    }
}

fn nonce(number: u64) -> Nonce {
    let mut nonce = [0; NONCE_LEN];
    nonce[NONCE_LEN - 8..].copy_from_slice(&number.to_be_bytes());
    Nonce::assume_unique_for_key(nonce)
}

// === impl Sealer ===

impl Sealer {
    /// The sealer, and the start of the stored form.
    pub(crate) fn new(key: &CustomerKey) -> (Self, Vec<u8>) {
        let mut salt = vec![0; SALT];
        getrandom::fill(&mut salt).expect("the system has a random source");
        (Self { key: key.derive(&salt), number: 0, rest: Vec::new() }, salt)
    }

    /// The stored form of all chunks that are full now.
    pub(crate) fn update(&mut self, mut bytes: &[u8]) -> Vec<u8> {
        let mut sealed = Vec::with_capacity(bytes.len() + self.rest.len());
        while self.rest.len() + bytes.len() >= CHUNK {
            let (now, later) = bytes.split_at(CHUNK - self.rest.len());
            self.rest.extend_from_slice(now);
            bytes = later;
            self.seal(&mut sealed);
        }
        self.rest.extend_from_slice(bytes);
        sealed
    }

    pub(crate) fn finish(mut self) -> Vec<u8> {
        let mut sealed = Vec::new();
        if !self.rest.is_empty() {
            self.seal(&mut sealed);
        }
        sealed
    }

    fn seal(&mut self, out: &mut Vec<u8>) {
        let tag = self
            .key
            .seal_in_place_separate_tag(nonce(self.number), Aad::empty(), &mut self.rest)
            .expect("a chunk is far below the cipher's limit");
        out.append(&mut self.rest);
        out.extend_from_slice(tag.as_ref());
        self.number += 1;
    }
}

// === impl Opener ===

impl Opener {
    pub(crate) fn new(key: &CustomerKey, salt: &[u8]) -> Self {
        Self { key: key.derive(salt) }
    }

    /// Where the stored form of chunk `number` lies, of a blob with `size` bytes when it is open.
    pub(crate) fn place(number: u64, size: u64) -> (u64, usize) {
        let plain = (size - number * CHUNK as u64).min(CHUNK as u64) as usize;
        (SALT as u64 + number * (CHUNK + TAG) as u64, plain + TAG)
    }

    pub(crate) fn open(&self, number: u64, mut sealed: Vec<u8>) -> io::Result<Vec<u8>> {
        let plain = self
            .key
            .open_in_place(nonce(number), Aad::empty(), &mut sealed)
            .map_err(|_| io::Error::other("a chunk does not fit its key: the file has been changed"))?
            .len();
        sealed.truncate(plain);
        Ok(sealed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_chunk_opens_and_a_changed_one_does_not() {
        let key = CustomerKey::new([7; 32]);
        let plain: Vec<u8> = (0..CHUNK * 2 + 100).map(|at| (at % 251) as u8).collect();
        let (mut sealer, mut stored) = Sealer::new(&key);
        for piece in plain.chunks(999) {
            stored.extend(sealer.update(piece));
        }
        stored.extend(sealer.finish());
        let opener = Opener::new(&key, &stored[..SALT]);
        for number in [2, 0, 1] {
            let (at, length) = Opener::place(number, plain.len() as u64);
            let sealed = stored[at as usize..at as usize + length].to_vec();
            let start = number as usize * CHUNK;
            assert_eq!(opener.open(number, sealed.clone()).unwrap(), plain[start..(start + CHUNK).min(plain.len())]);
            let mut changed = sealed;
            changed[5] ^= 1;
            assert!(opener.open(number, changed).is_err());
        }
    }
}
