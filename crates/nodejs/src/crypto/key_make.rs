//! Making key pairs. What lasts is bounded, as in Web Cryptography: nothing interrupts it.

use isolate::{Args, v8};
use openssl::bn::BigNum;
use openssl::dh::Dh;
use openssl::ec::{Asn1Flag, EcKey};
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;

use super::dh::modulus;
use super::failure::{Failure, Result};
use super::key::acceptable_private;
use super::names::{curve, digest};
use super::native::{Value, bytes, integer, native, optional_integer, optional_text, text};
use super::pss::{Restrictions, unrestricted};

native! {
    make_rsa => rsa,
    make_rsa_pss => rsa_pss,
    make_ec => ec,
    make_okp => okp,
    make_dh => dh,
    check_pss_hashes => check_hashes,
}

/// Finding primes takes the time of the modulus to the fourth: some seconds for the longest.
const MAX_MODULUS_BITS: i64 = 4096;

/// [PKCS #8, SPKI]
fn pair(key: &PKey<Private>) -> Result<Value> {
    Ok(Value::List(vec![key.private_key_to_pkcs8()?.into(), key.public_key_to_der()?.into()]))
}

fn generate_rsa(scope: &mut v8::PinScope, args: &Args) -> Result<PKey<Private>> {
    let (bits, exponent) = (integer(scope, args, 0), integer(scope, args, 1));
    if bits > MAX_MODULUS_BITS {
        let message = format!(
            "The value of \"options.modulusLength\" is out of range. It must be <= {MAX_MODULUS_BITS}. Received {bits}"
        );
        return Err(Failure::range_error("ERR_OUT_OF_RANGE", message));
    }
    let exponent = u32::try_from(exponent).unwrap_or(0);
    // Few numbers are prime to what an even exponent asks for; OpenSSL would look for them forever.
    if exponent < 3 || exponent.is_multiple_of(2) {
        let rsa = Rsa::generate_with_e(512, BigNum::from_u32(1)?.as_ref());
        return Err(rsa.err().map_or_else(|| Failure::operation("bad exponent"), Failure::from));
    }
    let rsa = Rsa::generate_with_e(bits as u32, BigNum::from_u32(exponent)?.as_ref())?;
    Ok(PKey::from_rsa(rsa)?)
}

/// `makeRsa(bits, exponent)` → [PKCS #8, SPKI]
fn rsa(scope: &mut v8::PinScope, args: &Args) -> Result<Value> {
    pair(&generate_rsa(scope, args)?)
}

/// `makeRsaPss(bits, exponent, hash, mgf1Hash, saltLength)` → [PKCS #8, SPKI]
fn rsa_pss(scope: &mut v8::PinScope, args: &Args) -> Result<Value> {
    let plain = generate_rsa(scope, args)?.private_key_to_pkcs8()?;
    let (hash, mgf1_hash) = (optional_text(scope, args, 2), optional_text(scope, args, 3));
    let salt_length = optional_integer(scope, args, 4);
    let der = if hash.is_none() && mgf1_hash.is_none() && salt_length.is_none() {
        unrestricted(&plain)
    } else {
        let named = |name: &Option<String>| match name {
            Some(name) => Ok(digest(name)?.type_().long_name()?.to_owned()),
            None => Ok::<_, Failure>("sha1".to_owned()),
        };
        let own_length = match &hash {
            Some(hash) => digest(hash)?.size() as i64,
            None => 20,
        };
        let restrictions = Restrictions {
            hash: named(&hash)?,
            mgf1_hash: named(if mgf1_hash.is_some() { &mgf1_hash } else { &hash })?,
            salt_length: salt_length.unwrap_or(own_length).unsigned_abs(),
        };
        restrictions.restrict(&plain)
    };
    let der = der.ok_or_else(|| Failure::operation("Key generation failed"))?;
    pair(&PKey::private_key_from_pkcs8(&der)?)
}

/// `checkPssHashes(hash, mgf1Hash)`: throws for names that are none.
fn check_hashes(scope: &mut v8::PinScope, args: &Args) -> Result<Value> {
    if let Some(name) = optional_text(scope, args, 0) {
        digest(&name)?;
    }
    if let Some(name) = optional_text(scope, args, 1) {
        let invalid = |_| Failure::type_error("ERR_CRYPTO_INVALID_DIGEST", format!("Invalid MGF1 digest: {name}"));
        digest(&name).map_err(invalid)?;
    }
    Ok(Value::Undefined)
}

/// `makeEc(curve, isNamed)` → [PKCS #8, SPKI]
fn ec(scope: &mut v8::PinScope, args: &Args) -> Result<Value> {
    let group = curve(&text(scope, args, 0));
    let mut group = group.ok_or_else(|| Failure::type_error("ERR_CRYPTO_INVALID_CURVE", "Invalid EC curve name"))?;
    // A key whose curve has no name is not taken in again, so none is given out.
    if !args.get(1).is_true() {
        return Err(Failure::error(
            "ERR_METHOD_NOT_IMPLEMENTED",
            "The options.paramEncoding 'explicit' method is not implemented",
        ));
    }
    group.set_asn1_flag(Asn1Flag::NAMED_CURVE);
    pair(&PKey::from_ec_key(EcKey::generate(&group)?)?)
}

/// `makeOkp(id)`, the number that OpenSSL has for the type → [PKCS #8, SPKI]
fn okp(scope: &mut v8::PinScope, args: &Args) -> Result<Value> {
    let key = match integer(scope, args, 0) {
        1087 => PKey::generate_ed25519(),
        1088 => PKey::generate_ed448(),
        1034 => PKey::generate_x25519(),
        _ => PKey::generate_x448(),
    };
    pair(&key?)
}

/// `makeDh(prime, generator)` → [PKCS #8, SPKI]
fn dh(scope: &mut v8::PinScope, args: &Args) -> Result<Value> {
    let (prime, generator) = (modulus(&bytes(scope, args, 0))?, modulus(&bytes(scope, args, 1))?);
    let key = Dh::from_pqg(prime, None, generator).and_then(Dh::generate_key).and_then(PKey::from_dh);
    pair(&acceptable_private(key.map_err(Failure::or("Key generation failed"))?)?)
}
