//! Diffie-Hellman with numbers (`createDiffieHellman`), and the groups of RFC 2409 and RFC 3526.

use isolate::{Args, v8};
use openssl::bn::{BigNum, BigNumContext, BigNumRef};
use openssl::dh::Dh;
use openssl::error::ErrorStack;

use super::failure::{Failure, Result};
use super::native::{Value, bytes, integer, native, optional_bytes, text};
use super::prime::{MAX_BITS, is_prime, search_residue};

native! {
    dh_group => group,
    dh_check => check,
    dh_find => find,
    dh_generate => generate,
    dh_compute => compute,
}

const NOT_PRIME: u32 = 1;
const NOT_SAFE_PRIME: u32 = 2;
const NOT_SUITABLE_GENERATOR: u32 = 8;
const MODULUS_TOO_SMALL: u32 = 0x80;

/// The groups, and how long a private number is that is as strong as the modulus.
fn known(name: &str) -> Option<(std::result::Result<BigNum, ErrorStack>, i32)> {
    Some(match name.to_ascii_lowercase().as_str() {
        "modp1" => (BigNum::get_rfc2409_prime_768(), 767),
        "modp2" => (BigNum::get_rfc2409_prime_1024(), 1023),
        "modp5" => (BigNum::get_rfc3526_prime_1536(), 200),
        "modp14" => (BigNum::get_rfc3526_prime_2048(), 225),
        "modp15" => (BigNum::get_rfc3526_prime_3072(), 275),
        "modp16" => (BigNum::get_rfc3526_prime_4096(), 325),
        "modp17" => (BigNum::get_rfc3526_prime_6144(), 375),
        "modp18" => (BigNum::get_rfc3526_prime_8192(), 400),
        _ => return None,
    })
}

const GROUPS: [&str; 8] = ["modp1", "modp2", "modp5", "modp14", "modp15", "modp16", "modp17", "modp18"];

fn is_known(prime: &BigNumRef) -> Option<i32> {
    GROUPS
        .iter()
        .filter_map(|name| known(name))
        .find(|(known, _)| known.as_ref().is_ok_and(|known| *prime == **known))
        .map(|(_, bits)| bits)
}

/// `dhGroup(name)` → its prime; the generator is 2.
fn group(scope: &mut v8::PinScope, args: &Args) -> Result<Vec<u8>> {
    let unknown = || Failure::error("ERR_CRYPTO_UNKNOWN_DH_GROUP", "Unknown DH group");
    Ok(known(&text(scope, args, 0)).ok_or_else(unknown)?.0?.to_vec())
}

/// A number that is no longer than a prime may be.
pub(super) fn modulus(bytes: &[u8]) -> Result<BigNum> {
    if bytes.len() > MAX_BITS / 8 {
        return Err(Failure::range_error("ERR_OUT_OF_RANGE", format!("The prime must have {MAX_BITS} bits at most")));
    }
    Ok(BigNum::from_slice(bytes)?)
}

/// `dhCheck(prime, generator)` → what is wrong with them, as `DH_check` has it
fn check(scope: &mut v8::PinScope, args: &Args) -> Result<u32> {
    let prime = modulus(&bytes(scope, args, 0))?;
    let generator = modulus(&bytes(scope, args, 1))?;
    let mut wrong = 0;
    if prime.num_bits() < 512 {
        wrong |= MODULUS_TOO_SMALL;
    }
    if prime.is_even() {
        wrong |= NOT_PRIME;
    }
    let mut last = prime.to_owned()?;
    if last.num_bits() > 0 {
        last.sub_word(1)?;
    }
    if generator.num_bits() <= 1 || generator >= last {
        wrong |= NOT_SUITABLE_GENERATOR;
    }
    if is_known(&prime).is_some() {
        return Ok(wrong);
    }
    if !is_prime(&prime, 0)? {
        return Ok(wrong | NOT_PRIME);
    }
    let mut half = BigNum::new()?;
    half.rshift1(&last)?;
    Ok(if is_prime(&half, 0)? { wrong } else { wrong | NOT_SAFE_PRIME })
}

/// `dhFind(bits, generator)` → a safe prime for that generator
fn find(scope: &mut v8::PinScope, args: &Args) -> Result<Vec<u8>> {
    let (bits, generator) = (integer(scope, args, 0), integer(scope, args, 1));
    if bits > MAX_BITS as i64 {
        return Err(Failure::range_error("ERR_OUT_OF_RANGE", format!("The prime must have {MAX_BITS} bits at most")));
    }
    if bits < 512 || generator <= 1 {
        // OpenSSL says why.
        let bits = u32::try_from(bits).unwrap_or(0).min(511);
        let params =
            Dh::generate_params(if generator <= 1 { 512 } else { bits }, u32::try_from(generator).unwrap_or(0));
        return Err(params
            .err()
            .map_or_else(|| Failure::operation("Initialization failed"), Failure::or("Initialization failed")));
    }
    let (add, rem) = match generator {
        2 => (24, 23),
        5 => (60, 59),
        _ => (12, 11),
    };
    Ok(search_residue(bits as i32, add, rem)?.to_vec())
}

/// `dhGenerate(prime, generator, privateNumber)` → [private number, public number]; one of its own where none is given.
fn generate(scope: &mut v8::PinScope, args: &Args) -> Result<Value> {
    let (prime, generator) = (modulus(&bytes(scope, args, 0))?, modulus(&bytes(scope, args, 1))?);
    if prime.num_bits() < 512 {
        // OpenSSL says why.
        let key = Dh::from_pqg(prime, None, generator).and_then(Dh::generate_key);
        return Err(key
            .err()
            .map_or_else(|| Failure::operation("Key generation failed"), Failure::or("Key generation failed")));
    }
    let number = match optional_bytes(scope, args, 2) {
        Some(number) => modulus(&number)?,
        None => random_number(&prime)?,
    };
    let mut public = BigNum::new()?;
    let power = public.mod_exp(&generator, &number, &prime, &mut *BigNumContext::new()?);
    power.map_err(Failure::or("Key generation failed"))?;
    Ok(Value::List(vec![number.to_vec().into(), public.to_vec().into()]))
}

fn random_number(prime: &BigNumRef) -> Result<BigNum> {
    let mut number = BigNum::new()?;
    let bits = is_known(prime).unwrap_or(prime.num_bits() - 1);
    if bits < 2 {
        return Err(Failure::operation("Key generation failed"));
    }
    number.rand(bits, openssl::bn::MsbOption::ONE, false)?;
    number.set_const_time();
    Ok(number)
}

/// `dhCompute(prime, privateNumber, publicNumber)` → the secret, as long as the prime
fn compute(scope: &mut v8::PinScope, args: &Args) -> Result<Vec<u8>> {
    let prime = modulus(&bytes(scope, args, 0))?;
    let mut own = modulus(&bytes(scope, args, 1))?;
    let peer = modulus(&bytes(scope, args, 2))?;
    let mut last = prime.to_owned()?;
    last.sub_word(1)?;
    if peer.num_bits() <= 1 {
        return Err(Failure::range_error("ERR_CRYPTO_INVALID_KEYLEN", "Supplied key is too small"));
    }
    if peer >= last {
        return Err(Failure::range_error("ERR_CRYPTO_INVALID_KEYLEN", "Supplied key is too large"));
    }
    own.set_const_time();
    let mut secret = BigNum::new()?;
    secret.mod_exp(&peer, &own, &prime, &mut *BigNumContext::new()?).map_err(Failure::or("Invalid Key"))?;
    if secret.num_bits() <= 1 {
        return Err(Failure::range_error("ERR_CRYPTO_INVALID_KEYTYPE", "Invalid key type"));
    }
    Ok(secret.to_vec_padded(prime.num_bytes())?)
}
