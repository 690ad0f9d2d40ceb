//! Signatures: RSASSA-PKCS1-v1_5 and RSA-PSS (RFC 8017 §8), ECDSA in the form of IEEE P1363, EdDSA (RFC 8032).

use isolate::{Args, Op, v8};
use openssl::bn::BigNum;
use openssl::ecdsa::EcdsaSig;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::rsa::Padding;
use openssl::sign::{RsaPssSaltlen, Signer, Verifier};

use super::give;
use super::key::{Kind, hash};
use super::parts::coordinate_len;

pub const OPS: &[Op] = &[isolate::op!(op_crypto_sign), isolate::op!(op_crypto_verify)];

enum Scheme {
    Pkcs1(MessageDigest),
    /// With the length of the salt in bytes.
    Pss(MessageDigest, i32),
    Ecdsa(MessageDigest, Nid),
    EdDsa,
}

/// `op_crypto_sign(kind, hash, saltLength, key, data)` → `Uint8Array`. `saltLength` is negative for RSASSA-PKCS1-v1_5.
fn op_crypto_sign(scope: &mut v8::PinScope, args: Args, rv: v8::ReturnValue) {
    let Some((kind, scheme)) = scheme(scope, &args) else { return };
    let key = isolate::bytes_arg(scope, &args, 3).unwrap_or_default();
    let data = isolate::bytes_arg(scope, &args, 4).unwrap_or_default();
    let signature = sign(kind, &scheme, &key, &data);
    give(scope, rv, signature);
}

/// `op_crypto_verify(kind, hash, saltLength, key, data, signature)` → boolean
fn op_crypto_verify(scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    let Some((kind, scheme)) = scheme(scope, &args) else { return };
    let bytes = |scope: &mut v8::PinScope, index| isolate::bytes_arg(scope, &args, index).unwrap_or_default();
    let (key, data, signature) = (bytes(scope, 3), bytes(scope, 4), bytes(scope, 5));
    rv.set_bool(verify(kind, &scheme, &key, &data, &signature) == Some(true));
}

fn scheme(scope: &mut v8::PinScope, args: &Args) -> Option<(Kind, Scheme)> {
    let kind = Kind::of(&isolate::string_arg(scope, args, 0))?;
    let digest = hash(&isolate::string_arg(scope, args, 1));
    let salt_len = args.get(2).int32_value(scope)?;
    let scheme = match kind {
        Kind::Rsa if salt_len < 0 => Scheme::Pkcs1(digest?),
        Kind::Rsa => Scheme::Pss(digest?, salt_len),
        Kind::Ec(nid) => Scheme::Ecdsa(digest?, nid),
        Kind::Okp(_) => Scheme::EdDsa,
    };
    Some((kind, scheme))
}

fn sign(kind: Kind, scheme: &Scheme, key: &[u8], data: &[u8]) -> Option<Vec<u8>> {
    let key = kind.private(key)?;
    match *scheme {
        Scheme::Pkcs1(digest) => Signer::new(digest, &key).ok()?.sign_oneshot_to_vec(data).ok(),
        Scheme::Pss(digest, salt_len) => {
            let mut signer = Signer::new(digest, &key).ok()?;
            signer.set_rsa_padding(Padding::PKCS1_PSS).ok()?;
            signer.set_rsa_pss_saltlen(RsaPssSaltlen::custom(salt_len)).ok()?;
            signer.set_rsa_mgf1_md(digest).ok()?;
            signer.sign_oneshot_to_vec(data).ok()
        }
        Scheme::Ecdsa(digest, nid) => {
            let der = Signer::new(digest, &key).ok()?.sign_oneshot_to_vec(data).ok()?;
            let pair = EcdsaSig::from_der(&der).ok()?;
            let mut signature = pair.r().to_vec_padded(coordinate_len(nid)).ok()?;
            signature.extend(pair.s().to_vec_padded(coordinate_len(nid)).ok()?);
            Some(signature)
        }
        Scheme::EdDsa => Signer::new_without_digest(&key).ok()?.sign_oneshot_to_vec(data).ok(),
    }
}

fn verify(kind: Kind, scheme: &Scheme, key: &[u8], data: &[u8], signature: &[u8]) -> Option<bool> {
    let key = kind.public(key)?;
    match *scheme {
        Scheme::Pkcs1(digest) => Verifier::new(digest, &key).ok()?.verify_oneshot(signature, data).ok(),
        Scheme::Pss(digest, salt_len) => {
            let mut verifier = Verifier::new(digest, &key).ok()?;
            verifier.set_rsa_padding(Padding::PKCS1_PSS).ok()?;
            verifier.set_rsa_pss_saltlen(RsaPssSaltlen::custom(salt_len)).ok()?;
            verifier.set_rsa_mgf1_md(digest).ok()?;
            verifier.verify_oneshot(signature, data).ok()
        }
        Scheme::Ecdsa(digest, nid) => {
            let len = coordinate_len(nid) as usize;
            if signature.len() != 2 * len {
                return Some(false);
            }
            let (r, s) = signature.split_at(len);
            let pair = EcdsaSig::from_private_components(BigNum::from_slice(r).ok()?, BigNum::from_slice(s).ok()?);
            let der = pair.ok()?.to_der().ok()?;
            Verifier::new(digest, &key).ok()?.verify_oneshot(&der, data).ok()
        }
        Scheme::EdDsa => Verifier::new_without_digest(&key).ok()?.verify_oneshot(signature, data).ok(),
    }
}
