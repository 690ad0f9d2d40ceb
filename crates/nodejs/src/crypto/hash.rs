//! Digests: one call where the data is small, a hash under way where it is not (`js/internal/crypto/binding/hash.js` decides).

use isolate::{Args, JsError, v8};
use openssl::hash::{Hasher, MessageDigest};
use webapi::views::with_bytes;

use super::failure::{Failure, Result};
use super::names::digest;
use super::native::{Value, integer, native, optional_integer, reading, text, zeroed};
use super::running;

native! {
    hash_block => block,
    hash_describe => describe,
    hash_once => once,
    hash_start => start,
    hash_update => update,
    hash_copy => copy,
    hash_is_extendable => extendable,
    hash_finish => finish,
    timing_safe_equal => equal,
}

struct Running {
    hasher: Hasher,
    digest: MessageDigest,
}

/// `hashBlock(name)` → the length of a block of the digest, for HMAC.
fn block(scope: &mut v8::PinScope, args: &Args) -> Result<usize> {
    Ok(digest(&text(scope, args, 0))?.block_size())
}

/// `hashIsExtendable(name)` → boolean
fn extendable(scope: &mut v8::PinScope, args: &Args) -> Result<bool> {
    Ok(is_extendable(digest(&text(scope, args, 0))?))
}

/// `hashDescribe(name, outputLength, message)`: throws unless there is such a digest, and it may have an output of that length.
fn describe(scope: &mut v8::PinScope, args: &Args) -> Result<Value> {
    let Some(digest) = MessageDigest::from_name(&text(scope, args, 0)) else {
        return Err(Failure::Plain(JsError::error(text(scope, args, 2))));
    };
    Hasher::new(digest).map_err(Failure::or("Digest method not supported"))?;
    if let Some(length) = optional_integer(scope, args, 1)
        && !is_extendable(digest)
        && length != digest.size() as i64
    {
        return Err(Failure::Said {
            number: 0x0300_00b2,
            library: "digital envelope routines",
            reason: "not XOF or invalid length",
            code: "ERR_OSSL_EVP_NOT_XOF_OR_INVALID_LENGTH",
        });
    }
    Ok(Value::Undefined)
}

/// `hashOnce(name, outputLength, view)` → `Uint8Array`
fn once(scope: &mut v8::PinScope, args: &Args) -> Result<Vec<u8>> {
    let digest = digest(&text(scope, args, 0))?;
    let mut hasher = Hasher::new(digest)?;
    reading(args, 2, |bytes| hasher.update(bytes))??;
    let length = optional_integer(scope, args, 1);
    output(scope, hasher, digest, length)
}

/// `hashStart(name, view)` → the number of a hash under way, that begins with the bytes of the view.
fn start(scope: &mut v8::PinScope, args: &Args) -> Result<u32> {
    let digest = digest(&text(scope, args, 0))?;
    let mut hasher = Hasher::new(digest)?;
    reading(args, 1, |bytes| hasher.update(bytes))??;
    running::start(scope, Running { hasher, digest })
}

/// `hashUpdate(number, view)`
fn update(scope: &mut v8::PinScope, args: &Args) -> Result<()> {
    let number = integer(scope, args, 0);
    let running = running::get::<Running>(scope, number)?;
    Ok(reading(args, 1, |bytes| running.hasher.update(bytes))??)
}

/// `hashCopy(number)` → the number of another one that is as far.
fn copy(scope: &mut v8::PinScope, args: &Args) -> Result<u32> {
    let number = integer(scope, args, 0);
    let Running { hasher, digest } = running::get::<Running>(scope, number)?;
    let copied = Running { hasher: hasher.clone(), digest: *digest };
    running::start(scope, copied)
}

/// `hashFinish(number, outputLength)` → `Uint8Array`
fn finish(scope: &mut v8::PinScope, args: &Args) -> Result<Vec<u8>> {
    let number = integer(scope, args, 0);
    let Running { hasher, digest } = running::get::<Running>(scope, number)?;
    let (hasher, digest) = (hasher.clone(), *digest);
    running::end::<Running>(scope, number);
    let length = optional_integer(scope, args, 1);
    output(scope, hasher, digest, length)
}

/// `timingSafeEqual(a, b)` → boolean; the views are as long as one another.
fn equal(_scope: &mut v8::PinScope, args: &Args) -> Result<bool> {
    reading(args, 0, |a| with_bytes(args, 1, |b| a.len() == b.len() && openssl::memcmp::eq(a, b)).unwrap_or(false))
}

pub(super) fn is_extendable(digest: MessageDigest) -> bool {
    digest == MessageDigest::shake_128() || digest == MessageDigest::shake_256()
}

/// The length of a digest: of the extendable ones, that which Node gives where none is asked for.
fn size_of(digest: MessageDigest) -> usize {
    match digest {
        _ if digest == MessageDigest::shake_128() => 16,
        _ if digest == MessageDigest::shake_256() => 32,
        _ => digest.size(),
    }
}

fn output(scope: &mut v8::PinScope, mut hasher: Hasher, digest: MessageDigest, length: Option<i64>) -> Result<Vec<u8>> {
    if !is_extendable(digest) {
        return Ok(hasher.finish()?.to_vec());
    }
    let length = length.and_then(|length| usize::try_from(length).ok()).unwrap_or(size_of(digest));
    let mut out = zeroed(scope, length)?;
    if length > 0 {
        hasher.finish_xof(&mut out)?;
    }
    Ok(out)
}

// === HMAC (RFC 2104) ===

/// A key for any number of messages.
#[derive(Clone)]
pub(super) struct Keyed {
    inner: Hasher,
    outer: Hasher,
}

impl Keyed {
    pub(super) fn new(digest: MessageDigest, key: &[u8]) -> Result<Self> {
        let mut block = vec![0; digest.block_size()];
        if key.len() > block.len() {
            let short = openssl::hash::hash(digest, key)?;
            block[..short.len()].copy_from_slice(&short);
        } else {
            block[..key.len()].copy_from_slice(key);
        }
        let padded = |pad: u8| -> Result<Hasher> {
            let mut hasher = Hasher::new(digest)?;
            hasher.update(&block.iter().map(|byte| byte ^ pad).collect::<Vec<_>>())?;
            Ok(hasher)
        };
        Ok(Self { inner: padded(0x36)?, outer: padded(0x5c)? })
    }

    pub(super) fn code(&self, parts: &[&[u8]]) -> Result<Vec<u8>> {
        let mut inner = self.inner.clone();
        for part in parts {
            inner.update(part)?;
        }
        let mut outer = self.outer.clone();
        outer.update(&inner.finish()?)?;
        Ok(outer.finish()?.to_vec())
    }
}
