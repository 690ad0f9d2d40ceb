//! Digests, HMAC and comparison in constant time.

use digest::DynDigest;
use hmac::{Hmac, Mac};
use isolate::{Args, JsError, Op, v8};
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
struct RunningDigest(Box<dyn DynDigest + Send>);

// === Digests ===

/// The names as `js/crypto.js` normalises them.
fn new_digest(name: &str) -> Option<Box<dyn DynDigest + Send>> {
    Some(match name {
        "SHA-1" => Box::new(sha1::Sha1::default()),
        "SHA-256" => Box::new(Sha256::default()),
        "SHA-384" => Box::new(Sha384::default()),
        "SHA-512" => Box::new(Sha512::default()),
        "MD5" => Box::new(md5::Md5::default()),
        _ => return None,
    })
}

fn unknown_hash(name: &str) -> JsError {
    JsError::dom("NotSupportedError", format!("The hash algorithm \"{name}\" is not supported."))
}

/// `op_digest(name, view)` → `Uint8Array`
fn op_digest(scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    let name = isolate::string_arg(scope, &args, 0);
    let Some(mut digest) = new_digest(&name) else { return isolate::throw(scope, unknown_hash(&name)) };
    with_bytes(&args, 1, |bytes| digest.update(bytes));
    let array = isolate::new_bytes(scope, digest.finalize().into_vec());
    rv.set(array.into());
}

/// `op_digest_start(name)` → resource id
fn op_digest_start(scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    let name = isolate::string_arg(scope, &args, 0);
    let Some(digest) = new_digest(&name) else { return isolate::throw(scope, unknown_hash(&name)) };
    let rid = isolate::resources(scope).add(RunningDigest(digest));
    rv.set_uint32(rid);
}

/// `op_digest_update(rid, view)`
fn op_digest_update(scope: &mut v8::PinScope, args: Args, _rv: v8::ReturnValue) {
    let rid = args.get(0).uint32_value(scope).unwrap_or(0);
    match isolate::resources(scope).get::<RunningDigest>(rid) {
        Some(digest) => {
            with_bytes(&args, 1, |bytes| digest.0.update(bytes));
        }
        None => isolate::throw(scope, digest_gone()),
    }
}

/// `op_digest_finish(rid)` → `Uint8Array`; the resource is gone.
fn op_digest_finish(scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    let rid = args.get(0).uint32_value(scope).unwrap_or(0);
    let Some(digest) = isolate::resources(scope).take::<RunningDigest>(rid) else {
        return isolate::throw(scope, digest_gone());
    };
    let array = isolate::new_bytes(scope, digest.0.finalize().into_vec());
    rv.set(array.into());
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
