//! Asymmetric keys from the DER that JavaScript keeps, and the bounds that every key is within: nothing interrupts what is done with one.

use isolate::{Args, v8};
use openssl::error::ErrorStack;
use openssl::pkey::{HasPublic, Id, PKey, PKeyRef, Private, Public};
use webapi::crypto::key::{is_bounded, is_short};

use super::failure::{Failure, Result};
use super::native::bytes;

/// Far more than the longest key takes.
pub(super) const MAX_DER: usize = 64 * 1024;

pub(super) enum Key {
    Private(PKey<Private>),
    Public(PKey<Public>),
}

// === impl Key ===

impl Key {
    /// Arguments `index` and `index + 1`: DER, and whether it is PKCS #8.
    pub(super) fn of(scope: &mut v8::PinScope, args: &Args, index: i32) -> Result<Self> {
        let der = bytes(scope, args, index);
        match args.get(index + 1).is_true() {
            true => Ok(Self::Private(private(&der)?)),
            false => Ok(Self::Public(public(&der)?)),
        }
    }

    pub(super) fn id(&self) -> Id {
        match self {
            Self::Private(key) => key.id(),
            Self::Public(key) => key.id(),
        }
    }

    /// The public half of either.
    pub(super) fn public(&self) -> Result<PKey<Public>> {
        match self {
            Self::Private(key) => public_of(key),
            Self::Public(key) => Ok(key.clone()),
        }
    }
}

pub(super) fn public_of(key: &PKeyRef<Private>) -> Result<PKey<Public>> {
    Ok(PKey::public_key_from_der(&key.public_key_to_der()?)?)
}

pub(super) fn private(der: &[u8]) -> Result<PKey<Private>> {
    within(der)?;
    acceptable_private(PKey::private_key_from_pkcs8(der).map_err(Failure::or("Failed to read private key"))?)
}

pub(super) fn public(der: &[u8]) -> Result<PKey<Public>> {
    within(der)?;
    acceptable_public(PKey::public_key_from_der(der).map_err(Failure::or("Failed to read asymmetric key"))?)
}

pub(super) fn within(encoded: &[u8]) -> Result<()> {
    if encoded.len() > 4 * MAX_DER { Err(too_long()) } else { Ok(()) }
}

fn too_long() -> Failure {
    Failure::range_error("ERR_OUT_OF_RANGE", "The key is longer than any that may be used: 8192 bits")
}

fn is_public_bounded<T: HasPublic>(key: &PKeyRef<T>) -> std::result::Result<bool, ErrorStack> {
    Ok(match key.id() {
        Id::RSA | Id::RSA_PSS => {
            let rsa = key.rsa()?;
            is_short(rsa.n()) && is_short(rsa.e())
        }
        Id::DSA => {
            let dsa = key.dsa()?;
            is_short(dsa.p()) && is_short(dsa.q()) && is_short(dsa.g()) && is_short(dsa.pub_key())
        }
        Id::DH | Id::DHX => {
            let dh = key.dh()?;
            is_short(dh.prime_p()) && is_short(dh.generator()) && is_short(dh.public_key())
        }
        _ => true,
    })
}

/// Whether it is of a type that Node knows, and of a curve that has a name.
fn is_known<T: HasPublic>(key: &PKeyRef<T>) -> bool {
    match key.id() {
        Id::EC => key.ec_key().is_ok_and(|key| key.group().curve_name().is_some()),
        Id::RSA | Id::RSA_PSS | Id::DSA | Id::DH | Id::DHX | Id::ED25519 | Id::ED448 | Id::X25519 | Id::X448 => true,
        _ => false,
    }
}

fn unknown() -> Failure {
    Failure::error(
        "ERR_CRYPTO_UNSUPPORTED_OPERATION",
        "Keys of this type, or of a curve without a name, are not supported",
    )
}

pub(super) fn acceptable_public(key: PKey<Public>) -> Result<PKey<Public>> {
    if !is_known(&*key) {
        return Err(unknown());
    }
    if is_public_bounded(&*key)? { Ok(key) } else { Err(too_long()) }
}

pub(super) fn acceptable_private(key: PKey<Private>) -> Result<PKey<Private>> {
    if !is_known(&*key) {
        return Err(unknown());
    }
    let is_short = is_public_bounded(&*key)?
        && match key.id() {
            Id::RSA | Id::RSA_PSS => is_bounded(&key.rsa()?),
            Id::DSA => is_short(key.dsa()?.priv_key()),
            Id::DH | Id::DHX => is_short(key.dh()?.private_key()),
            _ => true,
        };
    if is_short { Ok(key) } else { Err(too_long()) }
}
