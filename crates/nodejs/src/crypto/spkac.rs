//! Signed public keys and challenges, as browsers once sent them (`Certificate`).

use isolate::{Args, v8};
use openssl::asn1::Asn1Object;
use openssl::pkey::{PKey, Public};
use openssl::sign::Verifier;

use super::der::Element;
use super::failure::Result;
use super::key::{public, within};
use super::native::{bytes, native};

native! {
    spkac_verify => verify,
    spkac_public_key => public_key,
    spkac_challenge => challenge,
}

fn decoded(scope: &mut v8::PinScope, args: &Args) -> Result<Option<Vec<u8>>> {
    let mut text = bytes(scope, args, 0);
    within(&text)?;
    text.retain(|byte| !byte.is_ascii_whitespace());
    Ok(base64_simd::STANDARD.decode_to_vec(text).ok())
}

/// The part that is signed, and in it the key and the challenge.
struct Signed<'a> {
    whole: Element<'a>,
    body: Element<'a>,
}

impl<'a> Signed<'a> {
    fn of(der: &'a [u8]) -> Option<Self> {
        let whole = Element::first(der)?;
        Some(Self { whole, body: whole.part(0)? })
    }

    fn key(&self) -> Option<PKey<Public>> {
        public(self.body.part(0)?.whole).ok()
    }

    fn is_good(&self) -> Option<bool> {
        let algorithm = Asn1Object::from_str(&self.whole.part(1)?.part(0)?.object()?).ok()?;
        let digest = algorithm.nid().signature_algorithms()?.digest;
        let digest = openssl::hash::MessageDigest::from_nid(digest)?;
        // A string of bits begins with how many of its last are not used.
        let (_, signature) = self.whole.part(2)?.body.split_first()?;
        let key = self.key()?;
        Verifier::new(digest, &key).ok()?.verify_oneshot(signature, self.body.whole).ok()
    }
}

/// `spkacVerify(base64)` → whether the key has signed it
fn verify(scope: &mut v8::PinScope, args: &Args) -> Result<bool> {
    let der = decoded(scope, args)?;
    Ok(der.as_deref().and_then(|der| Signed::of(der)?.is_good()).unwrap_or(false))
}

/// `spkacPublicKey(base64)` → PEM, as bytes; undefined where there is no key
fn public_key(scope: &mut v8::PinScope, args: &Args) -> Result<Option<Vec<u8>>> {
    let der = decoded(scope, args)?;
    Ok(der.as_deref().and_then(|der| Signed::of(der)?.key()?.public_key_to_pem().ok()))
}

/// `spkacChallenge(base64)` → bytes; undefined where there is none
fn challenge(scope: &mut v8::PinScope, args: &Args) -> Result<Option<Vec<u8>>> {
    let der = decoded(scope, args)?;
    Ok(der.as_deref().and_then(|der| Some(Signed::of(der)?.body.part(1)?.body.to_vec())))
}
