//! Random values, digests and HMAC for `js/crypto.js` (<https://w3c.github.io/webcrypto/>).

use std::cell::RefCell;

use digest::DynDigest;
use hmac::{Hmac, Mac};
use isolate::{Args, JsError, Op, v8};
use sha2::{Sha256, Sha384, Sha512};
use subtle::ConstantTimeEq;

use crate::views::{latin1_string, with_bytes, write_bytes};

pub const OPS: &[Op] = &[
    isolate::op!(op_random_fill),
    isolate::op!(op_random_uuid),
    isolate::op!(op_random_bytes),
    isolate::op!(op_digest),
    isolate::op!(op_digest_start),
    isolate::op!(op_digest_update),
    isolate::op!(op_digest_finish),
    isolate::op!(op_hmac),
    isolate::op!(op_timing_safe_equal),
];

/// A digest between two chunks of a `DigestStream`.
struct RunningDigest(Box<dyn DynDigest + Send>);

// === Random values ===

/// Random bytes from the system, fetched ahead: Workers ask for few at a time.
struct Pool {
    bytes: [u8; 2048],
    used: usize,
}

thread_local! {
    static POOL: RefCell<Pool> = const { RefCell::new(Pool { bytes: [0; 2048], used: 2048 }) };
}

impl Pool {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), getrandom::Error> {
        if out.len() > 256 {
            return getrandom::fill(out);
        }
        if self.bytes.len() - self.used < out.len() {
            getrandom::fill(&mut self.bytes)?;
            self.used = 0;
        }
        let taken = &mut self.bytes[self.used..self.used + out.len()];
        out.copy_from_slice(taken);
        // Nobody gets to see them a second time.
        taken.fill(0);
        self.used += out.len();
        Ok(())
    }
}

fn random(scope: &mut v8::PinScope, bytes: &mut [u8]) -> bool {
    if !isolate::require_io(scope) {
        return false;
    }
    if let Err(error) = POOL.with_borrow_mut(|pool| pool.fill(bytes)) {
        isolate::throw(
            scope,
            JsError::dom("OperationError", format!("The system has no random values to give: {error}")),
        );
        return false;
    }
    true
}

/// `op_random_fill(view)`, at most 64 KiB.
fn op_random_fill(scope: &mut v8::PinScope, args: Args, _rv: v8::ReturnValue) {
    let Ok(view) = args.get(0).try_cast::<v8::ArrayBufferView>() else { return };
    let mut bytes = vec![0; view.byte_length()];
    if random(scope, &mut bytes) {
        write_bytes(view, &bytes);
    }
}

/// `op_random_bytes(length)` → `Uint8Array`
fn op_random_bytes(scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    let length = args.get(0).uint32_value(scope).unwrap_or(0);
    let mut bytes = vec![0; length as usize];
    if random(scope, &mut bytes) {
        let array = isolate::new_bytes(scope, bytes);
        rv.set(array.into());
    }
}

/// `op_random_uuid()` → a version 4 UUID (RFC 9562 §5.4).
fn op_random_uuid(scope: &mut v8::PinScope, _args: Args, mut rv: v8::ReturnValue) {
    let mut bytes = [0; 16];
    if !random(scope, &mut bytes) {
        return;
    }
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    if let Some(string) = latin1_string(scope, &hyphenated(&bytes)) {
        rv.set(string.into());
    }
}

fn hyphenated(bytes: &[u8; 16]) -> [u8; 36] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = [b'-'; 36];
    let mut at = 0;
    for (i, byte) in bytes.iter().enumerate() {
        if matches!(i, 4 | 6 | 8 | 10) {
            at += 1;
        }
        text[at] = DIGITS[usize::from(byte >> 4)];
        text[at + 1] = DIGITS[usize::from(byte & 15)];
        at += 2;
    }
    text
}

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
