//! Encrypting with RSA keys, in either direction.

use isolate::{Args, v8};
use openssl::error::ErrorStack;
use openssl::pkey_ctx::{PkeyCtx, PkeyCtxRef};
use openssl::rsa::Padding;

use super::failure::{Failure, Result};
use super::key::{Key, private};
use super::names::md;
use super::native::{bytes, integer, native, optional_bytes, optional_text};

native! {
    rsa_public_encrypt => public_encrypt,
    rsa_private_decrypt => private_decrypt,
    rsa_private_encrypt => private_encrypt,
    rsa_public_decrypt => public_decrypt,
}

type Tried = std::result::Result<Vec<u8>, ErrorStack>;

struct Options {
    data: Vec<u8>,
    padding: Padding,
    hash: Option<String>,
    label: Option<Vec<u8>>,
}

/// Arguments from `index` on: data, padding, OAEP's hash and label.
fn options(scope: &mut v8::PinScope, args: &Args, index: i32) -> Result<Options> {
    let hash = optional_text(scope, args, index + 2);
    if let Some(name) = &hash {
        md(name).map_err(|_| Failure::error("ERR_OSSL_EVP_INVALID_DIGEST", "Invalid digest used"))?;
    }
    Ok(Options {
        data: bytes(scope, args, index),
        padding: Padding::from_raw(i32::try_from(integer(scope, args, index + 1)).unwrap_or(0)),
        hash,
        label: optional_bytes(scope, args, index + 3).filter(|label| !label.is_empty()),
    })
}

fn configure<T>(options: &Options, context: &mut PkeyCtxRef<T>) -> std::result::Result<(), ErrorStack> {
    context.set_rsa_padding(options.padding)?;
    if let Some(hash) = options.hash.as_deref().and_then(|name| md(name).ok()) {
        context.set_rsa_oaep_md(hash)?;
    }
    match &options.label {
        Some(label) => context.set_rsa_oaep_label(label),
        None => Ok(()),
    }
}

/// `rsaPublicEncrypt(key, isPrivate, data, padding, oaepHash, oaepLabel)` → `Uint8Array`
fn public_encrypt(scope: &mut v8::PinScope, args: &Args) -> Result<Vec<u8>> {
    let key = Key::of(scope, args, 0)?.public()?;
    let options = options(scope, args, 2)?;
    let encrypt = || -> Tried {
        let mut context = PkeyCtx::new(&*key)?;
        context.encrypt_init()?;
        configure(&options, &mut context)?;
        let mut out = Vec::new();
        context.encrypt_to_vec(&options.data, &mut out)?;
        Ok(out)
    };
    Ok(encrypt()?)
}

/// `rsaPrivateDecrypt(key, data, padding, oaepHash, oaepLabel)` → `Uint8Array`
fn private_decrypt(scope: &mut v8::PinScope, args: &Args) -> Result<Vec<u8>> {
    let key = private(&bytes(scope, args, 0))?;
    let options = options(scope, args, 1)?;
    let decrypt = || -> Tried {
        let mut context = PkeyCtx::new(&*key)?;
        context.decrypt_init()?;
        configure(&options, &mut context)?;
        let mut out = Vec::new();
        context.decrypt_to_vec(&options.data, &mut out)?;
        Ok(out)
    };
    Ok(decrypt()?)
}

/// `rsaPrivateEncrypt(key, data, padding, oaepHash, oaepLabel)` → `Uint8Array`
fn private_encrypt(scope: &mut v8::PinScope, args: &Args) -> Result<Vec<u8>> {
    let key = private(&bytes(scope, args, 0))?;
    let options = options(scope, args, 1)?;
    let encrypt = || -> Tried {
        let mut context = PkeyCtx::new(&*key)?;
        context.sign_init()?;
        configure(&options, &mut context)?;
        let mut out = Vec::new();
        context.sign_to_vec(&options.data, &mut out)?;
        Ok(out)
    };
    Ok(encrypt()?)
}

/// `rsaPublicDecrypt(key, isPrivate, data, padding, oaepHash, oaepLabel)` → `Uint8Array`
fn public_decrypt(scope: &mut v8::PinScope, args: &Args) -> Result<Vec<u8>> {
    let key = Key::of(scope, args, 0)?.public()?;
    let options = options(scope, args, 2)?;
    let decrypt = || -> Tried {
        let mut context = PkeyCtx::new(&*key)?;
        context.verify_recover_init()?;
        configure(&options, &mut context)?;
        let mut out = vec![0; key.size()];
        let length = context.verify_recover(&options.data, Some(&mut out))?;
        out.truncate(length);
        Ok(out)
    };
    Ok(decrypt()?)
}
