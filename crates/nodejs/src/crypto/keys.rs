//! What keys are made of, and what they are like.

use isolate::{Args, v8};
use openssl::bn::{BigNum, BigNumContext};
use openssl::ec::{EcGroupRef, EcKey, EcPoint};
use openssl::nid::Nid;
use openssl::pkey::{HasPublic, Id, PKey, PKeyRef};
use webapi::crypto::key::Kind;
use webapi::crypto::parts::of_parts;

use super::failure::{Failure, Result};
use super::key::{Key, private, public, public_of};
use super::key_read::{read_any, read_private};
use super::key_write::{export_private, export_public};
use super::names::curve;
use super::native::{Value, bytes, native, text};
use super::pss;

native! {
    key_read_private => read_private,
    key_read_any => read_any,
    key_export_public => export_public,
    key_export_private => export_private,
    key_type => kind,
    key_details => details,
    key_parts => parts,
    key_equal => equal,
    key_check => check,
    key_public => to_public,
    key_of_parts => from_parts,
    key_of_raw => from_raw,
    key_of_ec_point => from_point,
}

/// `keyType(der, isPrivate)` → what Node calls it
fn kind(scope: &mut v8::PinScope, args: &Args) -> Result<Option<&'static str>> {
    Ok(Some(match Key::of(scope, args, 0)?.id() {
        Id::RSA => "rsa",
        Id::RSA_PSS => "rsa-pss",
        Id::DSA => "dsa",
        Id::DH => "dh",
        Id::EC => "ec",
        Id::ED25519 => "ed25519",
        Id::ED448 => "ed448",
        Id::X25519 => "x25519",
        Id::X448 => "x448",
        _ => return Ok(None),
    }))
}

/// `keyDetails(der, isPrivate)` → what Node tells of it
fn details(scope: &mut v8::PinScope, args: &Args) -> Result<Value> {
    let key = Key::of(scope, args, 0)?.public()?;
    let mut entries: Vec<(String, Value)> = Vec::new();
    let mut tell = |name: &str, value: Value| entries.push((name.to_owned(), value));
    match key.id() {
        id @ (Id::RSA | Id::RSA_PSS) => {
            let rsa = key.rsa()?;
            tell("modulusLength", rsa.n().num_bits().into());
            tell("publicExponent", rsa.e().to_vec().into());
            if id == Id::RSA_PSS
                && let Some(pss) = pss::Restrictions::of(&key.public_key_to_der()?)
            {
                tell("hashAlgorithm", pss.hash.into());
                tell("mgf1HashAlgorithm", pss.mgf1_hash.into());
                tell("saltLength", Value::Number(pss.salt_length as f64));
            }
        }
        Id::DSA => {
            let dsa = key.dsa()?;
            tell("modulusLength", dsa.p().num_bits().into());
            tell("divisorLength", dsa.q().num_bits().into());
        }
        Id::EC => tell("namedCurve", curve_name(key.ec_key()?.group())?.into()),
        Id::DH => {}
        _ => return Err(Failure::range_error("ERR_CRYPTO_INVALID_KEYTYPE", "Invalid key type")),
    }
    Ok(Value::Record(entries))
}

fn curve_name(group: &EcGroupRef) -> Result<&'static str> {
    Ok(group.curve_name().unwrap_or(Nid::UNDEF).short_name()?)
}

// === Parts ===

/// `keyParts(der, isPrivate)` → an array of `Uint8Array`s: of RSA n, e and of a private key d, p, q, dp, dq, qi; of curves x, y and d;
/// of the keys of RFC 8410 x and d.
fn parts(scope: &mut v8::PinScope, args: &Args) -> Result<Value> {
    let key = Key::of(scope, args, 0)?;
    let mut parts = public_parts(&*key.public()?)?;
    let Key::Private(key) = key else { return Ok(parts.into_iter().map(Value::from).collect()) };
    match key.id() {
        Id::RSA | Id::RSA_PSS => {
            let rsa = key.rsa()?;
            let numbers = [Some(rsa.d()), rsa.p(), rsa.q(), rsa.dmp1(), rsa.dmq1(), rsa.iqmp()];
            parts.extend(numbers.into_iter().map(|number| number.map(|number| number.to_vec()).unwrap_or_default()));
        }
        Id::EC => {
            let key = key.ec_key()?;
            parts.push(key.private_key().to_vec_padded(order_length(key.group()))?);
        }
        Id::ED25519 | Id::ED448 | Id::X25519 | Id::X448 => parts.push(key.raw_private_key()?),
        _ => {}
    }
    Ok(parts.into_iter().map(Value::from).collect())
}

fn public_parts<T: HasPublic>(key: &PKeyRef<T>) -> Result<Vec<Vec<u8>>> {
    Ok(match key.id() {
        Id::RSA | Id::RSA_PSS => {
            let rsa = key.rsa()?;
            vec![rsa.n().to_vec(), rsa.e().to_vec()]
        }
        Id::EC => {
            let key = key.ec_key()?;
            let (mut x, mut y, mut context) = (BigNum::new()?, BigNum::new()?, BigNumContext::new()?);
            key.public_key().affine_coordinates(key.group(), &mut x, &mut y, &mut context)?;
            let length = field_length(key.group());
            vec![x.to_vec_padded(length)?, y.to_vec_padded(length)?]
        }
        Id::ED25519 | Id::ED448 | Id::X25519 | Id::X448 => vec![key.raw_public_key()?],
        _ => Vec::new(),
    })
}

/// The bytes of a coordinate.
pub(super) fn field_length(group: &EcGroupRef) -> i32 {
    group.degree().div_ceil(8) as i32
}

/// The bytes of a private number, and of each half of a signature.
pub(super) fn order_length(group: &EcGroupRef) -> i32 {
    group.order_bits().div_ceil(8) as i32
}

/// `keyOfParts(kind, parts)` → DER, or undefined where they are none of one key. `kind`: "RSA" or a curve.
fn from_parts(scope: &mut v8::PinScope, args: &Args) -> Result<Option<Vec<u8>>> {
    let kind = text(scope, args, 0);
    let Ok(array) = args.get(1).try_cast::<v8::Array>() else { return Ok(None) };
    let mut parts = Vec::new();
    for index in 0..array.length() {
        let part = array.get_index(scope, index).and_then(|part| part.try_cast::<v8::ArrayBufferView>().ok());
        let Some(part) = part else { return Ok(None) };
        let mut bytes = vec![0; part.byte_length()];
        part.copy_contents(&mut bytes);
        parts.push(bytes);
    }
    if kind == "RSA" {
        return Ok(of_parts(Kind::Rsa, parts.len() > 2, &parts));
    }
    Ok(curve(&kind).and_then(|group| point_of(&group, &parts)))
}

fn point_of(group: &EcGroupRef, parts: &[Vec<u8>]) -> Option<Vec<u8>> {
    if parts.iter().any(|part| part.len() > 128) {
        return None;
    }
    let [x, y, rest @ ..] = parts else { return None };
    let (x, y) = (BigNum::from_slice(x).ok()?, BigNum::from_slice(y).ok()?);
    let public = EcKey::from_public_key_affine_coordinates(group, &x, &y).ok()?;
    let [d] = rest else { return PKey::from_ec_key(public).ok()?.public_key_to_der().ok() };
    let d = BigNum::from_slice(d).ok()?;
    let key = EcKey::from_private_components(group, &d, public.public_key()).ok()?;
    PKey::from_ec_key(key).ok()?.private_key_to_pkcs8().ok()
}

/// `keyOfRaw(type, bytes, isPrivate)` → DER of a key of RFC 8410, or undefined
fn from_raw(scope: &mut v8::PinScope, args: &Args) -> Result<Option<Vec<u8>>> {
    let id = match text(scope, args, 0).as_str() {
        "ed25519" => Id::ED25519,
        "ed448" => Id::ED448,
        "x25519" => Id::X25519,
        "x448" => Id::X448,
        _ => return Ok(None),
    };
    let raw = bytes(scope, args, 1);
    Ok(match args.get(2).is_true() {
        true => PKey::private_key_from_raw_bytes(&raw, id).and_then(|key| key.private_key_to_pkcs8()).ok(),
        false => PKey::public_key_from_raw_bytes(&raw, id).and_then(|key| key.public_key_to_der()).ok(),
    })
}

/// `keyOfEcPoint(curve, point)` → SPKI in DER, or undefined
fn from_point(scope: &mut v8::PinScope, args: &Args) -> Result<Option<Vec<u8>>> {
    let group = curve(&text(scope, args, 0));
    let point = bytes(scope, args, 1);
    let der = |group: &EcGroupRef| {
        let mut context = BigNumContext::new().ok()?;
        let point = EcPoint::from_bytes(group, &point, &mut context).ok()?;
        PKey::from_ec_key(EcKey::from_public_key(group, &point).ok()?).ok()?.public_key_to_der().ok()
    };
    Ok(group.and_then(|group| der(&group)))
}

// === The whole key ===

/// `keyPublic(pkcs8)` → SPKI in DER
fn to_public(scope: &mut v8::PinScope, args: &Args) -> Result<Vec<u8>> {
    Ok(public_of(&*private(&bytes(scope, args, 0))?)?.public_key_to_der()?)
}

/// `keyEqual(der, der, arePrivate)` → boolean
fn equal(scope: &mut v8::PinScope, args: &Args) -> Result<bool> {
    let (one, other) = (bytes(scope, args, 0), bytes(scope, args, 1));
    let same = match args.get(2).is_true() {
        true => private(&one)?.public_eq(&*private(&other)?),
        false => public(&one)?.public_eq(&*public(&other)?),
    };
    // Keys that can't be compared leave a complaint.
    drop(openssl::error::ErrorStack::get());
    Ok(same)
}

/// `keyCheck(der, isPrivate)` → whether the numbers of a key on a curve belong together
fn check(scope: &mut v8::PinScope, args: &Args) -> Result<bool> {
    let is_good = match Key::of(scope, args, 0)? {
        Key::Private(key) => key.ec_key()?.check_key().is_ok(),
        Key::Public(key) => key.ec_key()?.check_key().is_ok(),
    };
    Ok(is_good)
}
