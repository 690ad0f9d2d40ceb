//! `internalBinding('crypto')`: what Node's `lib/internal/crypto` asks of OpenSSL. The classes of the binding are JavaScript
//! (`js/internal/crypto/binding/`) over the functions here, which take bytes and give bytes; only hashes and ciphers that are under
//! way are kept here. Keys are DER (PKCS #8, SPKI) in JavaScript, as those of Web Cryptography are.

mod certificate;
mod certificate_match;
mod certificate_names;
mod cipher;
mod der;
mod dh;
mod ecdh;
mod failure;
mod hash;
mod hkdf;
mod key;
mod key_make;
mod key_read;
mod key_write;
mod keys;
mod names;
mod native;
mod pbkdf2;
mod prime;
mod pss;
mod random;
mod rsa;
mod running;
mod scrypt;
mod sign;
mod spkac;

use isolate::Op;

/// The functions of a part of the binding, by its name after `crypto/`.
pub(crate) fn part(name: &str) -> Option<&'static [Op]> {
    match name {
        "certificate" => Some(certificate::OPS),
        "cipher" => Some(cipher::OPS),
        "dh" => Some(dh::OPS),
        "ecdh" => Some(ecdh::OPS),
        "hash" => Some(hash::OPS),
        "hkdf" => Some(hkdf::OPS),
        "keys" => Some(keys::OPS),
        "make" => Some(key_make::OPS),
        "names" => Some(names::OPS),
        "pbkdf2" => Some(pbkdf2::OPS),
        "prime" => Some(prime::OPS),
        "random" => Some(random::OPS),
        "rsa" => Some(rsa::OPS),
        "scrypt" => Some(scrypt::OPS),
        "sign" => Some(sign::OPS),
        "spkac" => Some(spkac::OPS),
        _ => None,
    }
}
