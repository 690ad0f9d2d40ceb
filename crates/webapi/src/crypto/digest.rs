//! Digests, HMAC and comparison in constant time.

use hmac::{Hmac, Mac};
use isolate::{Args, JsError, Op, v8};
use openssl::hash::{DigestBytes, Hasher, MessageDigest};
use sha2::{Sha256, Sha384, Sha512};
use subtle::ConstantTimeEq;

use crate::views::with_bytes;

pub const OPS: &[Op] = &[
    isolate::op!(op_digest),
    isolate::op!(op_digest_start),
    isolate::op!(op_digest_update),
    isolate::op!(op_digest_finish),
    isolate::op!(op_hmac),
    isolate::op!(op_timing_safe_equal),
];

/// A digest between two chunks of a `DigestStream`.
struct RunningDigest(Hasher);

// === Digests ===

/// OpenSSL's: where the processor has no instructions for SHA it is twice as fast as what is written in Rust alone. The names are
/// as `js/crypto.js` normalises them.
fn digest_of(name: &str) -> Option<MessageDigest> {
    Some(match name {
        "SHA-1" => MessageDigest::sha1(),
        "SHA-256" => MessageDigest::sha256(),
        "SHA-384" => MessageDigest::sha384(),
        "SHA-512" => MessageDigest::sha512(),
        "MD5" => MessageDigest::md5(),
        _ => return None,
    })
}

fn unknown_hash(name: &str) -> JsError {
    JsError::dom("NotSupportedError", format!("The hash algorithm \"{name}\" is not supported."))
}

/// `op_digest(name, view)` → `Uint8Array`
fn op_digest(scope: &mut v8::PinScope, args: Args, rv: v8::ReturnValue) {
    let name = isolate::string_arg(scope, &args, 0);
    let Some(digest) = digest_of(&name) else { return isolate::throw(scope, unknown_hash(&name)) };
    let hash = |bytes: &[u8]| openssl::hash::hash(digest, bytes).ok();
    let done = with_bytes(&args, 1, hash).unwrap_or_else(|| hash(&[]));
    give(scope, rv, done);
}

/// `op_digest_start(name)` → resource id
fn op_digest_start(scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    let name = isolate::string_arg(scope, &args, 0);
    let Some(digest) = digest_of(&name) else { return isolate::throw(scope, unknown_hash(&name)) };
    let Ok(hasher) = Hasher::new(digest) else { return isolate::throw(scope, failed()) };
    let rid = isolate::resources(scope).add(RunningDigest(hasher));
    rv.set_uint32(rid);
}

/// `op_digest_update(rid, view)`
fn op_digest_update(scope: &mut v8::PinScope, args: Args, _rv: v8::ReturnValue) {
    let rid = args.get(0).uint32_value(scope).unwrap_or(0);
    let Some(digest) = isolate::resources(scope).get::<RunningDigest>(rid) else {
        return isolate::throw(scope, digest_gone());
    };
    let done = with_bytes(&args, 1, |bytes| digest.0.update(bytes).is_ok());
    if done == Some(false) {
        isolate::throw(scope, failed());
    }
}

/// `op_digest_finish(rid)` → `Uint8Array`; the resource is gone.
fn op_digest_finish(scope: &mut v8::PinScope, args: Args, rv: v8::ReturnValue) {
    let rid = args.get(0).uint32_value(scope).unwrap_or(0);
    let Some(mut digest) = isolate::resources(scope).take::<RunningDigest>(rid) else {
        return isolate::throw(scope, digest_gone());
    };
    let done = digest.0.finish().ok();
    give(scope, rv, done);
}

fn give(scope: &mut v8::PinScope, mut rv: v8::ReturnValue, done: Option<DigestBytes>) {
    match done {
        Some(digest) => {
            let array = isolate::new_bytes(scope, digest.to_vec());
            rv.set(array.into());
        }
        None => isolate::throw(scope, failed()),
    }
}

fn failed() -> JsError {
    JsError::dom("OperationError", "The digest failed.")
}

fn digest_gone() -> JsError {
    JsError::error("This DigestStream belongs to a request that is over.")
}

// === HMAC ===

/// `op_hmac(hash, key, data)` → `Uint8Array`
fn op_hmac(scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    let name = isolate::string_arg(scope, &args, 0);
    let tag = with_bytes(&args, 1, |key| with_bytes(&args, 2, |data| hmac(&name, key, data))).flatten().flatten();
    match tag {
        Some(tag) => {
            let array = isolate::new_bytes(scope, tag);
            rv.set(array.into());
        }
        None => isolate::throw(scope, unknown_hash(&name)),
    }
}

fn hmac(hash: &str, key: &[u8], data: &[u8]) -> Option<Vec<u8>> {
    fn tag<M: Mac + digest::KeyInit>(key: &[u8], data: &[u8]) -> Option<Vec<u8>> {
        let mut mac = <M as Mac>::new_from_slice(key).ok()?;
        mac.update(data);
        Some(mac.finalize().into_bytes().to_vec())
    }
    match hash {
        "SHA-1" => tag::<Hmac<sha1::Sha1>>(key, data),
        "SHA-256" => tag::<Hmac<Sha256>>(key, data),
        "SHA-384" => tag::<Hmac<Sha384>>(key, data),
        "SHA-512" => tag::<Hmac<Sha512>>(key, data),
        "MD5" => tag::<Hmac<md5::Md5>>(key, data),
        _ => None,
    }
}

/// `op_timing_safe_equal(a, b)` → boolean, in a time that depends on the lengths alone.
fn op_timing_safe_equal(_scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    let equal = with_bytes(&args, 0, |a| with_bytes(&args, 1, |b| bool::from(a.ct_eq(b)))).flatten();
    rv.set_bool(equal == Some(true));
}
