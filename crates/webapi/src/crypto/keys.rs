//! Making asymmetric keys, and taking them in from PKCS #8, SPKI and raw points.

use isolate::{Args, Op, v8};
use openssl::bn::{BigNum, BigNumContext};
use openssl::ec::{EcGroup, EcKey, EcPoint, PointConversionForm};
use openssl::pkey::{Id, PKey, Private};
use openssl::rsa::Rsa;

use super::key::{Kind, private_der, public_der, rsa_public};
use super::{give, give_all};

pub const OPS: &[Op] = &[
    isolate::op!(op_crypto_generate),
    isolate::op!(op_crypto_import),
    isolate::op!(op_crypto_import_point),
    isolate::op!(op_crypto_export_point),
];

/// `op_crypto_generate(kind, modulusLength, exponent)` → [private key, public key] in DER. It runs on the isolate's thread,
/// so that the time is charged; `js/crypto/rsa.js` bounds the modulus, and so the time.
fn op_crypto_generate(scope: &mut v8::PinScope, args: Args, rv: v8::ReturnValue) {
    if !isolate::require_io(scope) {
        return;
    }
    let kind = Kind::of(&isolate::string_arg(scope, &args, 0));
    let bits = args.get(1).uint32_value(scope).unwrap_or(0);
    let exponent = args.get(2).uint32_value(scope).unwrap_or(0);
    let pair = kind.and_then(|kind| generate(kind, bits, exponent));
    give_all(scope, rv, pair);
}

fn generate(kind: Kind, bits: u32, exponent: u32) -> Option<Vec<Vec<u8>>> {
    let (private, public): (PKey<Private>, _) = match kind {
        Kind::Rsa => {
            let rsa = Rsa::generate_with_e(bits, BigNum::from_u32(exponent).ok()?.as_ref()).ok()?;
            let public = rsa_public(&rsa)?;
            (PKey::from_rsa(rsa).ok()?, public.public_key_to_der().ok()?)
        }
        Kind::Ec(nid) => {
            let group = EcGroup::from_curve_name(nid).ok()?;
            let key = PKey::from_ec_key(EcKey::generate(&group).ok()?).ok()?;
            let public = key.public_key_to_der().ok()?;
            (key, public)
        }
        Kind::Okp(id) => {
            let key = match id {
                Id::ED25519 => PKey::generate_ed25519(),
                Id::ED448 => PKey::generate_ed448(),
                Id::X25519 => PKey::generate_x25519(),
                _ => PKey::generate_x448(),
            };
            let key = key.ok()?;
            let public = key.public_key_to_der().ok()?;
            (key, public)
        }
    };
    Some(vec![private.private_key_to_pkcs8().ok()?, public])
}

/// `op_crypto_import(kind, isPrivate, der)` → the key in the form in which keys are kept, or undefined when it is none.
fn op_crypto_import(scope: &mut v8::PinScope, args: Args, rv: v8::ReturnValue) {
    let kind = Kind::of(&isolate::string_arg(scope, &args, 0));
    let is_private = args.get(1).is_true();
    let der = isolate::bytes_arg(scope, &args, 2).unwrap_or_default();
    let key = kind.and_then(|kind| match is_private {
        true => private_der(kind, kind.private(&der)?),
        false => public_der(kind, kind.public(&der)?),
    });
    give(scope, rv, key);
}

/// `op_crypto_import_point(curve, bytes)` → the public key in DER. `bytes`: a point of SEC 1 §2.3.3, or a key of RFC 7748, 8032.
fn op_crypto_import_point(scope: &mut v8::PinScope, args: Args, rv: v8::ReturnValue) {
    let kind = Kind::of(&isolate::string_arg(scope, &args, 0));
    let bytes = isolate::bytes_arg(scope, &args, 1).unwrap_or_default();
    let key = kind.and_then(|kind| match kind {
        Kind::Rsa => None,
        Kind::Okp(id) => PKey::public_key_from_raw_bytes(&bytes, id).ok()?.public_key_to_der().ok(),
        Kind::Ec(nid) => {
            // The point at infinity is one byte, and no key.
            if bytes.len() < 2 {
                return None;
            }
            let group = EcGroup::from_curve_name(nid).ok()?;
            let mut context = BigNumContext::new().ok()?;
            let point = EcPoint::from_bytes(&group, &bytes, &mut context).ok()?;
            public_der(kind, PKey::from_ec_key(EcKey::from_public_key(&group, &point).ok()?).ok()?)
        }
    });
    give(scope, rv, key);
}

/// `op_crypto_export_point(curve, der)` → the reverse of [`op_crypto_import_point`]; points are not compressed.
fn op_crypto_export_point(scope: &mut v8::PinScope, args: Args, rv: v8::ReturnValue) {
    let kind = Kind::of(&isolate::string_arg(scope, &args, 0));
    let der = isolate::bytes_arg(scope, &args, 1).unwrap_or_default();
    let bytes = kind.and_then(|kind| match kind {
        Kind::Rsa => None,
        Kind::Okp(_) => kind.public(&der)?.raw_public_key().ok(),
        Kind::Ec(_) => {
            let key = kind.public(&der)?.ec_key().ok()?;
            let mut context = BigNumContext::new().ok()?;
            key.public_key().to_bytes(key.group(), PointConversionForm::UNCOMPRESSED, &mut context).ok()
        }
    });
    give(scope, rv, bytes);
}
