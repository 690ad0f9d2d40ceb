//! HKDF (RFC 5869) with any digest.

use isolate::{Args, JsError, v8};
use openssl::hash::MessageDigest;

use super::failure::{Failure, Result};
use super::hash::{Keyed, is_extendable};
use super::names::digest;
use super::native::{Value, bytes, native, size, text};

native! {
    hkdf => of_arguments,
    hkdf_check => check,
}

/// `hkdfCheck(digest, length)`: throws unless a digest of this name gives so much.
fn check(scope: &mut v8::PinScope, args: &Args) -> Result<Value> {
    checked(scope, args, 1).map(|_| Value::Undefined)
}

fn checked(scope: &mut v8::PinScope, args: &Args, length: i32) -> Result<(MessageDigest, usize)> {
    let digest = digest(&text(scope, args, 0))?;
    let length = size(scope, args, length);
    if !is_extendable(digest) && length > 255 * digest.size() {
        return Err(Failure::range_error("ERR_CRYPTO_INVALID_KEYLEN", "Invalid key length"));
    }
    Ok((digest, length))
}

/// `hkdf(digest, key, salt, info, length)` → `Uint8Array`
fn of_arguments(scope: &mut v8::PinScope, args: &Args) -> Result<Vec<u8>> {
    let (digest, length) = checked(scope, args, 4)?;
    if is_extendable(digest) {
        return Err(Failure::Plain(JsError::error("Deriving bits failed")));
    }
    let (key, salt, info) = (bytes(scope, args, 1), bytes(scope, args, 2), bytes(scope, args, 3));
    let expanding = Keyed::new(digest, &Keyed::new(digest, &salt)?.code(&[&key])?)?;
    let mut out = Vec::new();
    let mut block = Vec::new();
    for number in 1..=255_u8 {
        if out.len() >= length {
            break;
        }
        block = expanding.code(&[&block, &info, &[number]])?;
        out.extend_from_slice(&block);
    }
    out.truncate(length);
    Ok(out)
}
