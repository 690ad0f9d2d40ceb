//! Keys as Workers want them: PEM or DER, encrypted or not.

use isolate::{Args, v8};
use openssl::pkey::{PKey, Private};
use openssl::symm;

use super::failure::{Failure, Result};
use super::key::{private, public};
use super::key_read::{PKCS1, PKCS8};
use super::names;
use super::native::{Value, bytes, integer, optional_bytes, optional_text};

/// `keyExportPublic(der, isPem, encoding)` → a string of PEM, or DER
pub(super) fn export_public(scope: &mut v8::PinScope, args: &Args) -> Result<Value> {
    let key = public(&bytes(scope, args, 0))?;
    let is_pkcs1 = integer(scope, args, 2) == PKCS1;
    let exported = match (args.get(1).is_true(), is_pkcs1) {
        (true, true) => key.rsa()?.public_key_to_pem_pkcs1(),
        (true, false) => key.public_key_to_pem(),
        (false, true) => key.rsa()?.public_key_to_der_pkcs1(),
        (false, false) => key.public_key_to_der(),
    };
    encoded(args, exported.map_err(Failure::or("Failed to encode public key"))?)
}

/// `keyExportPrivate(der, isPem, encoding, cipher, passphrase)` → a string of PEM, or DER
pub(super) fn export_private(scope: &mut v8::PinScope, args: &Args) -> Result<Value> {
    let key = private(&bytes(scope, args, 0))?;
    let encoding = integer(scope, args, 2);
    let cipher = match optional_text(scope, args, 3) {
        Some(name) => Some(cipher(&name)?),
        None => None,
    };
    let passphrase = optional_bytes(scope, args, 4).unwrap_or_default();
    let exported = match (args.get(1).is_true(), cipher) {
        (true, Some(cipher)) => sealed_pem(&key, encoding, cipher, &passphrase),
        (true, None) => pem(&key, encoding),
        (false, Some(cipher)) => Ok(key.private_key_to_pkcs8_passphrase(cipher, &passphrase)?),
        (false, None) => der(&key, encoding),
    };
    encoded(args, exported.map_err(Failure::or("Failed to encode private key"))?)
}

fn encoded(args: &Args, exported: Vec<u8>) -> Result<Value> {
    Ok(match args.get(1).is_true() {
        true => String::from_utf8_lossy(&exported).into_owned().into(),
        false => exported.into(),
    })
}

fn cipher(name: &str) -> Result<symm::Cipher> {
    names::cipher(name)
        .and_then(|cipher| symm::Cipher::from_nid(cipher.nid()))
        .ok_or_else(|| Failure::error("ERR_CRYPTO_UNKNOWN_CIPHER", "Unknown cipher"))
}

type Encoded = std::result::Result<Vec<u8>, openssl::error::ErrorStack>;

fn sealed_pem(key: &PKey<Private>, encoding: i64, cipher: symm::Cipher, passphrase: &[u8]) -> Encoded {
    match encoding {
        PKCS1 => key.rsa()?.private_key_to_pem_passphrase(cipher, passphrase),
        PKCS8 => key.private_key_to_pem_pkcs8_passphrase(cipher, passphrase),
        _ => key.ec_key()?.private_key_to_pem_passphrase(cipher, passphrase),
    }
}

fn pem(key: &PKey<Private>, encoding: i64) -> Encoded {
    match encoding {
        PKCS1 => key.rsa()?.private_key_to_pem(),
        PKCS8 => key.private_key_to_pem_pkcs8(),
        _ => key.ec_key()?.private_key_to_pem(),
    }
}

fn der(key: &PKey<Private>, encoding: i64) -> Encoded {
    match encoding {
        PKCS1 => key.rsa()?.private_key_to_der(),
        PKCS8 => key.private_key_to_pkcs8(),
        _ => key.ec_key()?.private_key_to_der(),
    }
}
