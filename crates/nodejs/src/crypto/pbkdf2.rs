//! PBKDF2 (RFC 8018 section 5.2). A step of it may be stopped at any iteration: how many there are is the tenant's choice.

use hmac::digest::KeyInit;
use hmac::{Hmac, Mac};
use isolate::{Args, JsError, v8};
use openssl::hash::MessageDigest;

use super::failure::{Failure, Result};
use super::hash::{Keyed, is_extendable};
use super::names::digest;
use super::native::{bytes, native, size, text, zeroed};

native! { pbkdf2 => of_arguments }

/// How often the limits are asked about; so many iterations take a millisecond or so.
const SLICE: usize = 1024;

/// `pbkdf2(password, salt, iterations, length, digest)` → `Uint8Array`
fn of_arguments(scope: &mut v8::PinScope, args: &Args) -> Result<Vec<u8>> {
    let (password, salt) = (bytes(scope, args, 0), bytes(scope, args, 1));
    let (iterations, length) = (size(scope, args, 2), size(scope, args, 3));
    let digest = digest(&text(scope, args, 4))?;
    if is_extendable(digest) {
        return Err(Failure::Plain(JsError::error("Deriving bits failed")));
    }
    let mut out = zeroed(scope, length)?;
    derive(digest, &password, &salt, iterations, &mut out)?;
    Ok(out)
}

pub(super) fn derive(
    digest: MessageDigest,
    password: &[u8],
    salt: &[u8],
    iterations: usize,
    out: &mut [u8],
) -> Result<()> {
    match digest {
        _ if digest == MessageDigest::sha1() => rust::<Hmac<sha1::Sha1>>(password, salt, iterations, out),
        _ if digest == MessageDigest::sha256() => rust::<Hmac<sha2::Sha256>>(password, salt, iterations, out),
        _ if digest == MessageDigest::sha384() => rust::<Hmac<sha2::Sha384>>(password, salt, iterations, out),
        _ if digest == MessageDigest::sha512() => rust::<Hmac<sha2::Sha512>>(password, salt, iterations, out),
        _ => {
            let keyed = Keyed::new(digest, password)?;
            let code = |parts: &[&[u8]], out: &mut Vec<u8>| {
                *out = keyed.code(parts)?;
                Ok(())
            };
            fill(&code, salt, iterations, out)
        }
    }
}

/// With HMAC as RustCrypto has it, which is the fastest where a message is short.
fn rust<M: Mac + KeyInit + Clone>(password: &[u8], salt: &[u8], iterations: usize, out: &mut [u8]) -> Result<()> {
    let keyed = <M as Mac>::new_from_slice(password).map_err(|_| Failure::operation("PBKDF2 failed"))?;
    let code = |parts: &[&[u8]], out: &mut Vec<u8>| {
        let mut keyed = keyed.clone();
        parts.iter().for_each(|part| keyed.update(part));
        out.clear();
        out.extend_from_slice(&keyed.finalize().into_bytes());
        Ok(())
    };
    fill(&code, salt, iterations, out)
}

/// Fills `out` block by block; `code` puts the code of its parts into a vector.
fn fill(
    code: &impl Fn(&[&[u8]], &mut Vec<u8>) -> Result<()>,
    salt: &[u8],
    iterations: usize,
    mut out: &mut [u8],
) -> Result<()> {
    let (mut last, mut next) = (Vec::new(), Vec::new());
    let mut done = 0_usize;
    for number in 1_u32.. {
        if out.is_empty() {
            break;
        }
        code(&[salt, &number.to_be_bytes()], &mut last)?;
        let mut block = last.clone();
        for iteration in 1..=iterations {
            done += 1;
            if done.is_multiple_of(SLICE) && isolate::must_stop() {
                return Err(Failure::Stopped);
            }
            if iteration < iterations {
                code(&[&last], &mut next)?;
                std::mem::swap(&mut last, &mut next);
                block.iter_mut().zip(&last).for_each(|(sum, byte)| *sum ^= byte);
            }
        }
        let fitting = block.len().min(out.len());
        let (part, rest) = out.split_at_mut(fitting);
        part.copy_from_slice(&block[..fitting]);
        out = rest;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_give_what_openssl_gives() {
        for digest in [
            MessageDigest::sha1(),
            MessageDigest::sha256(),
            MessageDigest::sha512(),
            MessageDigest::sha3_256(),
            MessageDigest::md5(),
        ] {
            let (mut ours, mut theirs) = ([0; 77], [0; 77]);
            assert!(derive(digest, b"password", b"salt", 3, &mut ours).is_ok());
            openssl::pkcs5::pbkdf2_hmac(b"password", b"salt", 3, digest, &mut theirs).unwrap();
            assert_eq!(ours, theirs);
        }
    }
}
