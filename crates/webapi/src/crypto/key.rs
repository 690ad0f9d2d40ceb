//! The kinds of asymmetric keys, and reading and writing them as DER.

use openssl::bn::BigNumRef;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{HasPublic, Id, PKey, PKeyRef, Private, Public};
use openssl::rsa::Rsa;

/// The longest modulus that a key may have, and any other of its numbers: the time that an operation takes grows with the third
/// power of it, and nothing interrupts one.
pub const MAX_MODULUS_BITS: i32 = 8192;

#[derive(Clone, Copy, PartialEq)]
pub enum Kind {
    Rsa,
    /// A curve of NIST (SEC 1).
    Ec(Nid),
    /// A curve of RFC 8410.
    Okp(Id),
}

// === impl Kind ===

impl Kind {
    /// From "RSA" or the name of a curve, as JSON Web Keys have it.
    pub(super) fn of(name: &str) -> Option<Self> {
        Some(match name {
            "RSA" => Self::Rsa,
            "P-256" => Self::Ec(Nid::X9_62_PRIME256V1),
            "P-384" => Self::Ec(Nid::SECP384R1),
            "P-521" => Self::Ec(Nid::SECP521R1),
            "Ed25519" => Self::Okp(Id::ED25519),
            "Ed448" => Self::Okp(Id::ED448),
            "X25519" => Self::Okp(Id::X25519),
            "X448" => Self::Okp(Id::X448),
            _ => return None,
        })
    }

    fn is_of<T: HasPublic>(self, key: &PKeyRef<T>) -> bool {
        match self {
            Self::Rsa => key.id() == Id::RSA && key.rsa().is_ok_and(|rsa| is_short(rsa.n()) && is_short(rsa.e())),
            Self::Ec(nid) => key.id() == Id::EC && key.ec_key().is_ok_and(|key| key.group().curve_name() == Some(nid)),
            Self::Okp(id) => key.id() == id,
        }
    }

    /// A key in PKCS #8 (RFC 5958).
    pub(super) fn private(self, der: &[u8]) -> Option<PKey<Private>> {
        let key = PKey::private_key_from_pkcs8(whole(der)?).ok()?;
        let is_bounded = self != Self::Rsa || key.rsa().is_ok_and(|rsa| is_bounded(&rsa));
        (self.is_of(&key) && is_bounded).then_some(key)
    }

    /// A key in `SubjectPublicKeyInfo` (RFC 5280).
    pub(super) fn public(self, der: &[u8]) -> Option<PKey<Public>> {
        let key = PKey::public_key_from_der(whole(der)?).ok()?;
        self.is_of(&key).then_some(key)
    }
}

/// Whether a number of a key is no longer than it may be.
pub fn is_short(number: &BigNumRef) -> bool {
    number.num_bits() <= MAX_MODULUS_BITS
}

/// Whether the numbers that make an RSA key private are no longer than a modulus may be, whatever the modulus.
pub fn is_bounded(rsa: &Rsa<Private>) -> bool {
    let numbers = [Some(rsa.d()), rsa.p(), rsa.q(), rsa.dmp1(), rsa.dmq1(), rsa.iqmp()];
    numbers.into_iter().flatten().all(is_short)
}

/// Far more than the longest key takes.
const MAX_DER: usize = 16 * 1024;

/// `der` when it is one element and nothing after it.
fn whole(der: &[u8]) -> Option<&[u8]> {
    if der.len() > MAX_DER {
        return None;
    }
    let (&length, rest) = der.get(1..)?.split_first()?;
    let (length, body) = if length < 0x80 {
        (usize::from(length), rest)
    } else {
        let (bytes, body) = rest.split_at_checked(usize::from(length & 0x7f))?;
        if bytes.len() > 4 {
            return None;
        }
        (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), body)
    };
    (body.len() == length).then_some(der)
}

/// The form in which keys are kept: the curve by name, the point uncompressed, the public key inside of the private one.
pub(super) fn private_der(kind: Kind, key: PKey<Private>) -> Option<Vec<u8>> {
    let Kind::Ec(nid) = kind else { return key.private_key_to_pkcs8().ok() };
    let given = key.ec_key().ok()?;
    let group = EcGroup::from_curve_name(nid).ok()?;
    let key = EcKey::from_private_components(&group, given.private_key(), given.public_key()).ok()?;
    key.check_key().ok()?;
    PKey::from_ec_key(key).ok()?.private_key_to_pkcs8().ok()
}

pub(super) fn public_der(kind: Kind, key: PKey<Public>) -> Option<Vec<u8>> {
    let Kind::Ec(nid) = kind else { return key.public_key_to_der().ok() };
    let given = key.ec_key().ok()?;
    let group = EcGroup::from_curve_name(nid).ok()?;
    let key = EcKey::from_public_key(&group, given.public_key()).ok()?;
    key.check_key().ok()?;
    PKey::from_ec_key(key).ok()?.public_key_to_der().ok()
}

pub(super) fn rsa_public(rsa: &Rsa<Private>) -> Option<PKey<Public>> {
    let public = Rsa::from_public_components(rsa.n().to_owned().ok()?, rsa.e().to_owned().ok()?).ok()?;
    PKey::from_rsa(public).ok()
}

/// By the names of `js/crypto/hashes.js`. MD5 is for digests and HMAC alone.
pub(super) fn hash(name: &str) -> Option<MessageDigest> {
    Some(match name {
        "SHA-1" => MessageDigest::sha1(),
        "SHA-256" => MessageDigest::sha256(),
        "SHA-384" => MessageDigest::sha384(),
        "SHA-512" => MessageDigest::sha512(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use openssl::bn::BigNum;
    use openssl::rsa::RsaPrivateKeyBuilder;

    #[test]
    fn numbers_that_would_take_forever_are_refused() {
        let number = |bits: i32| {
            let mut number = BigNum::from_u32(1).unwrap();
            number.set_bit(bits - 1).unwrap();
            number
        };
        let der = |n, d, p| {
            let rsa = RsaPrivateKeyBuilder::new(number(n), BigNum::from_u32(65537).unwrap(), number(d)).unwrap();
            let rsa = rsa.set_factors(number(p), number(512)).unwrap();
            let rsa = rsa.set_crt_params(number(500), number(500), number(500)).unwrap().build();
            PKey::from_rsa(rsa).unwrap().private_key_to_pkcs8().unwrap()
        };
        assert!(Kind::Rsa.private(&der(1024, 1000, 512)).is_some());
        assert!(Kind::Rsa.private(&der(16384, 1000, 512)).is_none());
        assert!(Kind::Rsa.private(&der(1024, 16384, 512)).is_none());
        assert!(Kind::Rsa.private(&der(1024, 1000, 16384)).is_none());
        assert!(Kind::Rsa.private(&der(1024, 1000, 1 << 20)).is_none());
        assert!(Kind::Ec(Nid::SECP384R1).private(&der(1024, 1000, 512)).is_none());
    }
}
