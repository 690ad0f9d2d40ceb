//! Deriving secrets: Diffie-Hellman over curves (ECDH, X25519, X448), HKDF (RFC 5869), PBKDF2 (RFC 8018).

use hkdf::Hkdf;
use isolate::{Args, Op, v8};
use openssl::derive::Deriver;
use openssl::pkcs5::pbkdf2_hmac;
use sha2::{Sha256, Sha384, Sha512};

use super::give;
use super::key::{Kind, hash};

pub const OPS: &[Op] = &[isolate::op!(op_crypto_agree), isolate::op!(op_crypto_hkdf), isolate::op!(op_crypto_pbkdf2)];

/// `op_crypto_agree(curve, private, public)` → the shared secret; undefined when it is all zero (RFC 7748 §6).
fn op_crypto_agree(scope: &mut v8::PinScope, args: Args, rv: v8::ReturnValue) {
    let kind = Kind::of(&isolate::string_arg(scope, &args, 0));
    let private = isolate::bytes_arg(scope, &args, 1).unwrap_or_default();
    let public = isolate::bytes_arg(scope, &args, 2).unwrap_or_default();
    let secret = kind.and_then(|kind| {
        let (private, public) = (kind.private(&private)?, kind.public(&public)?);
        let mut deriver = Deriver::new(&private).ok()?;
        deriver.set_peer(&public).ok()?;
        deriver.derive_to_vec().ok()
    });
    give(scope, rv, secret);
}

/// `op_crypto_hkdf(hash, key, salt, info, length)` → `length` bytes, of which there are 255 digests at most.
fn op_crypto_hkdf(scope: &mut v8::PinScope, args: Args, rv: v8::ReturnValue) {
    let name = isolate::string_arg(scope, &args, 0);
    let length = args.get(4).uint32_value(scope).unwrap_or(0) as usize;
    let bytes = |scope: &mut v8::PinScope, index| isolate::bytes_arg(scope, &args, index).unwrap_or_default();
    let (key, salt, info) = (bytes(scope, 1), bytes(scope, 2), bytes(scope, 3));
    if length > 255 * 64 {
        return;
    }
    let mut out = vec![0; length];
    let expanded = match name.as_str() {
        "SHA-1" => Hkdf::<sha1::Sha1>::new(Some(&salt), &key).expand(&info, &mut out),
        "SHA-256" => Hkdf::<Sha256>::new(Some(&salt), &key).expand(&info, &mut out),
        "SHA-384" => Hkdf::<Sha384>::new(Some(&salt), &key).expand(&info, &mut out),
        "SHA-512" => Hkdf::<Sha512>::new(Some(&salt), &key).expand(&info, &mut out),
        _ => return,
    };
    give(scope, rv, expanded.ok().map(|()| out));
}

/// `op_crypto_pbkdf2(hash, password, salt, iterations, length)` → `length` bytes. It runs on the isolate's thread, so that
/// the time is charged; `js/crypto/kdf.js` bounds iterations and length, and so the time.
fn op_crypto_pbkdf2(scope: &mut v8::PinScope, args: Args, rv: v8::ReturnValue) {
    let Some(digest) = hash(&isolate::string_arg(scope, &args, 0)) else { return };
    let password = isolate::bytes_arg(scope, &args, 1).unwrap_or_default();
    let salt = isolate::bytes_arg(scope, &args, 2).unwrap_or_default();
    let iterations = args.get(3).uint32_value(scope).unwrap_or(0) as usize;
    let mut out = vec![0; args.get(4).uint32_value(scope).unwrap_or(0) as usize];
    let derived = pbkdf2_hmac(&password, &salt, iterations, digest, &mut out);
    give(scope, rv, derived.ok().map(|()| out));
}
