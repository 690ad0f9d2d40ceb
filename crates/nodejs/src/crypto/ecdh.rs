//! Diffie-Hellman with keys: over curves, X25519, X448, and numbers; and the points of `createECDH`.

use isolate::{Args, v8};
use openssl::bn::{BigNum, BigNumContext};
use openssl::derive::Deriver;
use openssl::ec::{EcGroup, EcGroupRef, EcKey, EcPoint, EcPointRef, PointConversionForm};
use openssl::pkey::PKey;

use super::failure::{Failure, Result};
use super::key::{Key, private};
use super::names::curve;
use super::native::{Value, bytes, integer, native, text};

native! {
    agree => derive,
    ecdh_check => check,
    ecdh_generate => generate,
    ecdh_point => point,
    ecdh_public => public,
    ecdh_compute => compute,
}

fn group(scope: &mut v8::PinScope, args: &Args, index: i32) -> Result<EcGroup> {
    let group = curve(&text(scope, args, index));
    group.ok_or_else(|| Failure::type_error("ERR_CRYPTO_INVALID_CURVE", "Invalid EC curve name"))
}

/// `agree(pkcs8, der, isPrivate)` → what both keys have in common
fn derive(scope: &mut v8::PinScope, args: &Args) -> Result<Vec<u8>> {
    let own = private(&bytes(scope, args, 0))?;
    let peer = Key::of(scope, args, 1)?.public()?;
    let derive = || {
        let mut deriver = Deriver::new(&own)?;
        deriver.set_peer(&peer)?;
        deriver.derive_to_vec()
    };
    derive().map_err(Failure::or("diffieHellman failed"))
}

/// `ecdhCheck(curve)`: throws unless there is such a curve.
fn check(scope: &mut v8::PinScope, args: &Args) -> Result<Value> {
    group(scope, args, 0).map(|_| Value::Undefined)
}

/// `ecdhGenerate(curve)` → [private number, point]
fn generate(scope: &mut v8::PinScope, args: &Args) -> Result<Value> {
    let group = group(scope, args, 0)?;
    let key = EcKey::generate(&group).map_err(|_| Failure::operation("Failed to generate key"))?;
    let point = encoded(&group, key.public_key(), PointConversionForm::UNCOMPRESSED)?;
    Ok(Value::List(vec![key.private_key().to_vec().into(), point.into()]))
}

fn encoded(group: &EcGroupRef, point: &EcPointRef, form: PointConversionForm) -> Result<Vec<u8>> {
    let mut context = BigNumContext::new()?;
    point.to_bytes(group, form, &mut context).map_err(|_| Failure::operation("Failed to get public key length"))
}

fn decoded(group: &EcGroupRef, bytes: &[u8]) -> Option<EcPoint> {
    EcPoint::from_bytes(group, bytes, &mut *BigNumContext::new().ok()?).ok()
}

/// `ecdhPoint(curve, point, form)` → the same point in that form
fn point(scope: &mut v8::PinScope, args: &Args) -> Result<Vec<u8>> {
    let group = group(scope, args, 0)?;
    let point = decoded(&group, &bytes(scope, args, 1));
    let point = point.ok_or_else(|| Failure::operation("Failed to convert Buffer to EC_POINT"))?;
    let form = match integer(scope, args, 2) {
        2 => PointConversionForm::COMPRESSED,
        6 => PointConversionForm::HYBRID,
        _ => PointConversionForm::UNCOMPRESSED,
    };
    encoded(&group, &point, form)
}

/// `ecdhPublic(curve, number)` → the point of a private number
fn public(scope: &mut v8::PinScope, args: &Args) -> Result<Vec<u8>> {
    let group = group(scope, args, 0)?;
    let bytes = bytes(scope, args, 1);
    let invalid =
        || Failure::range_error("ERR_CRYPTO_INVALID_KEYTYPE", "Private key is not valid for specified curve.");
    if bytes.len() > 1024 {
        return Err(invalid());
    }
    let (number, mut order, mut context) = (BigNum::from_slice(&bytes)?, BigNum::new()?, BigNumContext::new()?);
    group.order(&mut order, &mut context)?;
    if number.num_bits() == 0 || number >= order {
        return Err(invalid());
    }
    let mut point = EcPoint::new(&group)?;
    point.mul_generator2(&group, &number, &mut context)?;
    encoded(&group, &point, PointConversionForm::UNCOMPRESSED)
}

/// `ecdhCompute(curve, number, ownPoint, peerPoint)` → the secret; undefined: the peer's point is none of the curve.
fn compute(scope: &mut v8::PinScope, args: &Args) -> Result<Option<Vec<u8>>> {
    let group = group(scope, args, 0)?;
    let number = BigNum::from_slice(&bytes(scope, args, 1))?;
    let invalid = || Failure::range_error("ERR_CRYPTO_INVALID_KEYPAIR", "Invalid key pair");
    let own = decoded(&group, &bytes(scope, args, 2)).ok_or_else(invalid)?;
    let own = EcKey::from_private_components(&group, &number, &own)?;
    own.check_key().map_err(|_| invalid())?;
    let Some(peer) = decoded(&group, &bytes(scope, args, 3)) else { return Ok(None) };
    let compute = || {
        let (own, peer) = (PKey::from_ec_key(own)?, PKey::from_ec_key(EcKey::from_public_key(&group, &peer)?)?);
        let mut deriver = Deriver::new(&own)?;
        deriver.set_peer(&peer)?;
        deriver.derive_to_vec()
    };
    Ok(Some(compute().map_err(|_| Failure::operation("Failed to compute ECDH key"))?))
}
