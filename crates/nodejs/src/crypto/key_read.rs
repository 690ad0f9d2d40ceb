//! Keys as Workers hand them in: PEM or DER, PKCS #1, PKCS #8, SEC 1, SPKI, or a certificate.

use isolate::{Args, v8};
use openssl::ec::EcKey;
use openssl::pkey::{PKey, Private, Public};
use openssl::rsa::Rsa;
use openssl::x509::X509;

use super::der::{Element, INTEGER, SEQUENCE};
use super::failure::{Failure, Result};
use super::key::{acceptable_private, acceptable_public, within};
use super::native::{Value, bytes, integer, optional_bytes};

/// Node's numbers of the ways to encode a key.
pub(super) const PKCS1: i64 = 0;
pub(super) const PKCS8: i64 = 1;
pub(super) const SPKI: i64 = 2;

/// How often a passphrase may be hashed, and how much scrypt may do: a second or so.
const MAX_ITERATIONS: u64 = 600_000;
const MAX_SCRYPT: u64 = 1 << 21;

struct Given {
    bytes: Vec<u8>,
    is_pem: bool,
    encoding: i64,
    passphrase: Option<Vec<u8>>,
}

fn given(scope: &mut v8::PinScope, args: &Args) -> Result<Given> {
    let given = Given {
        bytes: bytes(scope, args, 0),
        is_pem: args.get(1).is_true(),
        encoding: integer(scope, args, 2),
        passphrase: optional_bytes(scope, args, 3),
    };
    within(&given.bytes)?;
    Ok(given)
}

/// `keyReadPrivate(bytes, isPem, encoding, passphrase)` → PKCS #8 in DER
pub(super) fn read_private(scope: &mut v8::PinScope, args: &Args) -> Result<Vec<u8>> {
    let key = private(&given(scope, args)?, "Failed to read private key")?;
    Ok(key.private_key_to_pkcs8()?)
}

/// `keyReadAny(bytes, isPem, encoding, passphrase)` → [isPrivate, DER]
pub(super) fn read_any(scope: &mut v8::PinScope, args: &Args) -> Result<Value> {
    const FAILED: &str = "Failed to read asymmetric key";
    let given = given(scope, args)?;
    let key = if given.is_pem {
        public_pem(&given.bytes).transpose()?
    } else if given.encoding == SPKI || (given.encoding == PKCS1 && !is_private_pkcs1(&given.bytes)) {
        Some(public_der(&given.bytes, given.encoding)?)
    } else {
        None
    };
    let (is_private, der) = match key {
        Some(key) => (false, key.public_key_to_der()?),
        None => (true, private(&given, FAILED)?.private_key_to_pkcs8()?),
    };
    Ok(Value::List(vec![is_private.into(), der.into()]))
}

// === Public keys ===

/// A public key in the text, whatever stands around it; `None`: there is none.
fn public_pem(text: &[u8]) -> Option<Result<PKey<Public>>> {
    let key = if let Some(der) = pem_block(text, "PUBLIC KEY") {
        PKey::public_key_from_der(&der)
    } else if let Some(der) = pem_block(text, "RSA PUBLIC KEY") {
        Rsa::public_key_from_der_pkcs1(&der).and_then(PKey::from_rsa)
    } else {
        X509::from_der(&pem_block(text, "CERTIFICATE")?).and_then(|certificate| certificate.public_key())
    };
    Some(key.map_err(Failure::or("Failed to read asymmetric key")).and_then(acceptable_public))
}

fn public_der(der: &[u8], encoding: i64) -> Result<PKey<Public>> {
    let key = match encoding {
        PKCS1 => Rsa::public_key_from_der_pkcs1(der).and_then(PKey::from_rsa),
        _ => PKey::public_key_from_der(der),
    };
    acceptable_public(key.map_err(Failure::or("Failed to read asymmetric key"))?)
}

/// The bytes of the first block of this label.
pub(super) fn pem_block(text: &[u8], label: &str) -> Option<Vec<u8>> {
    let text = String::from_utf8_lossy(text);
    let (_, rest) = text.split_once(&format!("-----BEGIN {label}-----"))?;
    let (block, _) = rest.split_once(&format!("-----END {label}-----"))?;
    let digits: Vec<u8> = block.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    base64_simd::STANDARD.decode_to_vec(digits).ok()
}

/// An RSAPrivateKey begins with its version, 0 or 1; an RSAPublicKey with its modulus.
fn is_private_pkcs1(der: &[u8]) -> bool {
    let first = Element::first(der).and_then(|outer| outer.part(0));
    first.is_some_and(|first| first.tag == INTEGER && matches!(first.body, [0 | 1]))
}

// === Private keys ===

fn private(given: &Given, failed: &'static str) -> Result<PKey<Private>> {
    let key = if given.is_pem { private_pem(given, failed) } else { private_der(given, failed) };
    acceptable_private(key?)
}

fn private_pem(given: &Given, failed: &'static str) -> Result<PKey<Private>> {
    if let Some(der) = pem_block(&given.bytes, "ENCRYPTED PRIVATE KEY") {
        check_cost(&der)?;
    }
    let mut is_missing = false;
    let key = PKey::private_key_from_pem_callback(&given.bytes, |room| passphrase(given, room, &mut is_missing));
    key.map_err(|stack| if is_missing { missing() } else { Failure::or(failed)(stack) })
}

fn private_der(given: &Given, failed: &'static str) -> Result<PKey<Private>> {
    let der = &given.bytes;
    let key = match given.encoding {
        PKCS1 => Rsa::private_key_from_der(der).and_then(PKey::from_rsa),
        PKCS8 if is_encrypted(der) => {
            check_cost(der)?;
            let mut is_missing = false;
            let key = PKey::private_key_from_pkcs8_callback(der, |room| passphrase(given, room, &mut is_missing));
            return key.map_err(|stack| if is_missing { missing() } else { Failure::or(failed)(stack) });
        }
        PKCS8 => PKey::private_key_from_pkcs8(der),
        _ => EcKey::private_key_from_der(der).and_then(PKey::from_ec_key),
    };
    key.map_err(Failure::or(failed))
}

fn passphrase(
    given: &Given,
    room: &mut [u8],
    is_missing: &mut bool,
) -> std::result::Result<usize, openssl::error::ErrorStack> {
    let Some(passphrase) = &given.passphrase else {
        *is_missing = true;
        return Err(openssl::error::ErrorStack::get());
    };
    let Some(room) = room.get_mut(..passphrase.len()) else { return Err(openssl::error::ErrorStack::get()) };
    room.copy_from_slice(passphrase);
    Ok(passphrase.len())
}

fn missing() -> Failure {
    Failure::type_error("ERR_MISSING_PASSPHRASE", "Passphrase required for encrypted key")
}

/// A PrivateKeyInfo begins with a number, an EncryptedPrivateKeyInfo with an algorithm.
fn is_encrypted(der: &[u8]) -> bool {
    Element::first(der).and_then(|outer| outer.part(0)).is_some_and(|first| first.tag == SEQUENCE)
}

/// Throws where the passphrase would be hashed for long: how often is in the key itself.
fn check_cost(der: &[u8]) -> Result<()> {
    /// 1.3.6.1.4.1.11591.4.11
    const SCRYPT: &str = "1.3.6.1.4.1.11591.4.11";
    let (mut numbers, mut is_scrypt) = (Vec::new(), false);
    let mut left: Vec<_> = Element::first(der).and_then(|outer| outer.part(0)).into_iter().collect();
    while let Some(element) = left.pop() {
        is_scrypt |= element.object().is_some_and(|object| object == SCRYPT);
        numbers.extend(element.number());
        let mut parts: Vec<_> = element.parts().collect();
        parts.reverse();
        left.extend(parts);
    }
    let is_cheap = match is_scrypt {
        true => numbers
            .iter()
            .take(3)
            .try_fold(1_u64, |all, number| all.checked_mul(*number))
            .is_some_and(|all| all <= MAX_SCRYPT),
        false => numbers.first().is_none_or(|iterations| *iterations <= MAX_ITERATIONS),
    };
    if is_cheap {
        return Ok(());
    }
    let message =
        format!("The key is encrypted with more than {MAX_ITERATIONS} iterations, or a scrypt of such a cost");
    Err(Failure::range_error("ERR_OUT_OF_RANGE", message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::der::{element, number, sequence};

    #[test]
    fn what_hashes_for_long_is_refused() {
        let kdf = |iterations| sequence(&[&element(4, b"salt"), &number(iterations), &number(32)]);
        let of = |iterations| {
            sequence(&[&sequence(&[&element(6, &[42]), &sequence(&[&kdf(iterations)])]), &element(4, b"")])
        };
        assert!(is_encrypted(&of(2048)) && check_cost(&of(2048)).is_ok());
        assert!(check_cost(&of(u32::MAX)).is_err());
        let scrypt = [0x2b, 0x06, 0x01, 0x04, 0x01, 0xda, 0x47, 0x04, 0x0b];
        let of = |n, r, p| {
            let parameters = sequence(&[&element(4, b"salt"), &number(n), &number(r), &number(p)]);
            sequence(&[&sequence(&[&element(6, &scrypt), &parameters]), &element(4, b"")])
        };
        assert!(check_cost(&of(16384, 8, 1)).is_ok());
        assert!(check_cost(&of(2, 1, 1 << 30)).is_err());
    }
}
