//! RSA-OAEP (RFC 8017 §7.1).

use isolate::{Args, Op, v8};
use openssl::error::ErrorStack;
use openssl::md::{Md, MdRef};
use openssl::pkey_ctx::{PkeyCtx, PkeyCtxRef};
use openssl::rsa::Padding;

use super::give;
use super::key::Kind;

pub const OPS: &[Op] = &[isolate::op!(op_crypto_rsa_oaep)];

/// `op_crypto_rsa_oaep(encrypt, hash, key, label, data)` → `Uint8Array`; undefined when the data is too long or was not
/// encrypted for the key, of which nothing tells why.
fn op_crypto_rsa_oaep(scope: &mut v8::PinScope, args: Args, rv: v8::ReturnValue) {
    let encrypt = args.get(0).is_true();
    let hash = match isolate::string_arg(scope, &args, 1).as_str() {
        "SHA-1" => Md::sha1(),
        "SHA-256" => Md::sha256(),
        "SHA-384" => Md::sha384(),
        "SHA-512" => Md::sha512(),
        _ => return,
    };
    let bytes = |scope: &mut v8::PinScope, index| isolate::bytes_arg(scope, &args, index).unwrap_or_default();
    let (key, label, data) = (bytes(scope, 2), bytes(scope, 3), bytes(scope, 4));
    let result = if encrypt { seal(&key, hash, &label, &data) } else { open(&key, hash, &label, &data) };
    give(scope, rv, result);
}

fn seal(key: &[u8], hash: &MdRef, label: &[u8], data: &[u8]) -> Option<Vec<u8>> {
    let mut context = PkeyCtx::new(&*Kind::Rsa.public(key)?).ok()?;
    let mut out = Vec::new();
    context.encrypt_init().ok()?;
    configure(&mut context, hash, label).ok()?;
    context.encrypt_to_vec(data, &mut out).ok()?;
    Some(out)
}

fn open(key: &[u8], hash: &MdRef, label: &[u8], data: &[u8]) -> Option<Vec<u8>> {
    let mut context = PkeyCtx::new(&*Kind::Rsa.private(key)?).ok()?;
    let mut out = Vec::new();
    context.decrypt_init().ok()?;
    configure(&mut context, hash, label).ok()?;
    context.decrypt_to_vec(data, &mut out).ok()?;
    Some(out)
}

fn configure<T>(context: &mut PkeyCtxRef<T>, hash: &MdRef, label: &[u8]) -> Result<(), ErrorStack> {
    context.set_rsa_padding(Padding::PKCS1_OAEP)?;
    context.set_rsa_oaep_md(hash)?;
    context.set_rsa_mgf1_md(hash)?;
    if label.is_empty() { Ok(()) } else { context.set_rsa_oaep_label(label) }
}
