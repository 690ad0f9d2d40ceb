//! Signatures over digests (`createSign`) and over data (`sign`).

use isolate::{Args, v8};
use openssl::bn::{BigNum, BigNumRef};
use openssl::ecdsa::EcdsaSig;
use openssl::error::ErrorStack;
use openssl::md_ctx::MdCtx;
use openssl::pkey::{HasPublic, Id, PKeyRef};
use openssl::pkey_ctx::{PkeyCtx, PkeyCtxRef};
use openssl::rsa::Padding;
use openssl::sign::RsaPssSaltlen;

use super::failure::{Failure, Result};
use super::key::{Key, private};
use super::keys::order_length;
use super::names::md;
use super::native::{bytes, native, optional_integer, optional_text, reading, text};

native! {
    sign_digest => sign_a_digest,
    verify_digest => verify_a_digest,
    sign_data => sign_some_data,
    verify_data => verify_some_data,
}

/// How a signature is made with an RSA key: from arguments `index` (padding) and `index + 1` (length of the salt).
#[derive(Clone, Copy)]
struct RsaOptions {
    padding: Option<i32>,
    salt_length: Option<i32>,
}

// === impl RsaOptions ===

impl RsaOptions {
    fn of(scope: &mut v8::PinScope, args: &Args, index: i32) -> Self {
        let padding = optional_integer(scope, args, index).and_then(|number| i32::try_from(number).ok());
        let salt_length = optional_integer(scope, args, index + 1).and_then(|number| i32::try_from(number).ok());
        Self { padding, salt_length }
    }

    fn apply<T>(self, id: Id, context: &mut PkeyCtxRef<T>) -> std::result::Result<(), ErrorStack> {
        if id != Id::RSA && id != Id::RSA_PSS {
            return Ok(());
        }
        let padding = match self.padding {
            Some(padding) => Padding::from_raw(padding),
            None if id == Id::RSA_PSS => Padding::PKCS1_PSS,
            None => Padding::PKCS1,
        };
        context.set_rsa_padding(padding)?;
        match self.salt_length {
            Some(length) if padding == Padding::PKCS1_PSS => context.set_rsa_pss_saltlen(RsaPssSaltlen::custom(length)),
            _ => Ok(()),
        }
    }
}

fn is_one_shot(id: Id) -> bool {
    id == Id::ED25519 || id == Id::ED448
}

fn unsupported() -> Failure {
    Failure::error("ERR_CRYPTO_UNSUPPORTED_OPERATION", "Unsupported crypto operation")
}

/// `signDigest(key, digest, bytes, padding, saltLength, isP1363)` → `Uint8Array`. `key` is PKCS #8 in DER.
fn sign_a_digest(scope: &mut v8::PinScope, args: &Args) -> Result<Vec<u8>> {
    let key = private(&bytes(scope, args, 0))?;
    if is_one_shot(key.id()) {
        return Err(unsupported());
    }
    let md = md(&text(scope, args, 1))?;
    let options = RsaOptions::of(scope, args, 3);
    let digest = bytes(scope, args, 2);
    let sign = || {
        let mut context = PkeyCtx::new(&*key)?;
        context.sign_init()?;
        options.apply(key.id(), &mut context)?;
        context.set_signature_md(md)?;
        let mut signature = Vec::new();
        context.sign_to_vec(&digest, &mut signature)?;
        Ok(signature)
    };
    let signature = sign().map_err(failed)?;
    if args.get(5).is_true() { to_p1363(&*key, signature) } else { Ok(signature) }
}

fn failed(stack: ErrorStack) -> Failure {
    if stack.errors().is_empty() { Failure::operation("PEM_read_bio_PrivateKey failed") } else { stack.into() }
}

/// `verifyDigest(key, isPrivate, digest, bytes, signature, padding, saltLength, isP1363)` → boolean
fn verify_a_digest(scope: &mut v8::PinScope, args: &Args) -> Result<bool> {
    let key = Key::of(scope, args, 0)?.public()?;
    if is_one_shot(key.id()) {
        return Err(unsupported());
    }
    let md = md(&text(scope, args, 2))?;
    let (digest, mut signature) = (bytes(scope, args, 3), bytes(scope, args, 4));
    let options = RsaOptions::of(scope, args, 5);
    if args.get(7).is_true() {
        let malformed = || Failure::operation("Malformed signature");
        signature = to_der(&*key, signature)?.ok_or_else(malformed)?;
    }
    let verify = || {
        let mut context = PkeyCtx::new(&*key)?;
        context.verify_init()?;
        options.apply(key.id(), &mut context)?;
        context.set_signature_md(md)?;
        context.verify(&digest, &signature)
    };
    // What is no signature at all is not a good one.
    Ok(verify().unwrap_or(false))
}

/// `signData(key, digest, data, padding, saltLength, isP1363)` → `Uint8Array`; `digest` is undefined where the key says which.
fn sign_some_data(scope: &mut v8::PinScope, args: &Args) -> Result<Vec<u8>> {
    let key = private(&bytes(scope, args, 0))?;
    let md = optional_text(scope, args, 1).map(|name| md(&name)).transpose()?;
    let options = RsaOptions::of(scope, args, 3);
    let id = key.id();
    let sign = |data: &[u8]| {
        let mut context = MdCtx::new()?;
        options.apply(id, context.digest_sign_init(md, &*key)?)?;
        let mut signature = Vec::new();
        if is_one_shot(id) {
            context.digest_sign_to_vec(data, &mut signature)?;
        } else {
            context.digest_sign_update(data)?;
            context.digest_sign_final_to_vec(&mut signature)?;
        }
        Ok(signature)
    };
    let signature = reading(args, 2, sign)?.map_err(failed)?;
    if args.get(5).is_true() { to_p1363(&*key, signature) } else { Ok(signature) }
}

/// `verifyData(key, isPrivate, digest, data, signature, padding, saltLength, isP1363)` → boolean
fn verify_some_data(scope: &mut v8::PinScope, args: &Args) -> Result<bool> {
    let key = Key::of(scope, args, 0)?.public()?;
    let md = optional_text(scope, args, 2).map(|name| md(&name)).transpose()?;
    let mut signature = bytes(scope, args, 4);
    let options = RsaOptions::of(scope, args, 5);
    if args.get(7).is_true() {
        signature = to_der(&*key, signature)?.unwrap_or_default();
    }
    let id = key.id();
    let mut context = MdCtx::new()?;
    let pkey_context = context.digest_verify_init(md, &*key).map_err(failed)?;
    options.apply(id, pkey_context).map_err(failed)?;
    let mut verify = |data: &[u8]| {
        if is_one_shot(id) {
            return context.digest_verify(data, &signature);
        }
        context.digest_verify_update(data)?;
        context.digest_verify_final(&signature)
    };
    Ok(reading(args, 3, |data| verify(data))?.unwrap_or(false))
}

// === The form of IEEE P1363: r and s one after the other ===

/// The bytes of r and of s; `None` for keys whose signatures are no two numbers.
fn half_length<T: HasPublic>(key: &PKeyRef<T>) -> Result<Option<i32>> {
    Ok(match key.id() {
        Id::EC => Some(order_length(key.ec_key()?.group())),
        Id::DSA => Some((key.dsa()?.q().num_bits() + 7) / 8),
        _ => None,
    })
}

fn to_p1363<T: HasPublic>(key: &PKeyRef<T>, der: Vec<u8>) -> Result<Vec<u8>> {
    let Some(length) = half_length(key)? else { return Ok(der) };
    let pair = EcdsaSig::from_der(&der)?;
    let half = |number: &BigNumRef| number.to_vec_padded(length);
    Ok([half(pair.r())?, half(pair.s())?].concat())
}

/// `None`: it is not as long as two numbers.
fn to_der<T: HasPublic>(key: &PKeyRef<T>, signature: Vec<u8>) -> Result<Option<Vec<u8>>> {
    let Some(length) = half_length(key)? else { return Ok(Some(signature)) };
    if signature.len() != 2 * length as usize {
        return Ok(None);
    }
    let (r, s) = signature.split_at(length as usize);
    let pair = EcdsaSig::from_private_components(BigNum::from_slice(r)?, BigNum::from_slice(s)?)?;
    Ok(Some(pair.to_der()?))
}
