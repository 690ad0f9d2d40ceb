//! Finding and testing primes, a round at a time, so that a step may be stopped between two.

use isolate::{Args, v8};
use openssl::bn::{BigNum, BigNumContext, BigNumRef, MsbOption};

use super::failure::{Failure, Result};
use super::native::{bytes, native, optional_bytes, size};

native! {
    prime_find => find,
    prime_check => check,
}

/// The longest number that may be asked about: a round takes half a second then.
pub(super) const MAX_BITS: usize = 8192;

/// `primeFind(bits, safe, add, rem)` → `Uint8Array`
fn find(scope: &mut v8::PinScope, args: &Args) -> Result<Vec<u8>> {
    let bits = size(scope, args, 0);
    let safe = args.get(1).is_true();
    let add = optional_bytes(scope, args, 2).map(|bytes| BigNum::from_slice(&bytes)).transpose()?;
    let rem = optional_bytes(scope, args, 3).map(|bytes| BigNum::from_slice(&bytes)).transpose()?;
    if let Some(add) = &add {
        if add.num_bits() as usize > bits {
            return Err(Failure::range_error("ERR_OUT_OF_RANGE", "invalid options.add"));
        }
        if rem.as_ref().is_some_and(|rem| *add <= **rem) {
            return Err(Failure::range_error("ERR_OUT_OF_RANGE", "invalid options.rem"));
        }
    }
    if bits > MAX_BITS {
        return Err(Failure::range_error("ERR_OUT_OF_RANGE", format!("size must be <= {MAX_BITS}")));
    }
    Ok(search(bits as i32, safe, add, rem)?.to_vec())
}

/// `primeCheck(candidate, rounds)` → boolean
fn check(scope: &mut v8::PinScope, args: &Args) -> Result<bool> {
    let candidate = bytes(scope, args, 0);
    if candidate.len() > MAX_BITS / 8 {
        return Err(Failure::range_error("ERR_OUT_OF_RANGE", format!("candidate must have {MAX_BITS} bits at most")));
    }
    let candidate = BigNum::from_slice(&candidate)?;
    let rounds = size(scope, args, 1);
    is_prime(&candidate, rounds)
}

/// A prime of so many bits, the highest two of them set where nothing else is asked for; `safe`: (p - 1) / 2 is one, too.
pub(super) fn search(bits: i32, safe: bool, add: Option<BigNum>, rem: Option<BigNum>) -> Result<BigNum> {
    // Of so few bits there are none.
    let least = if safe { 3 } else { 2 };
    if bits < least {
        return Err(no_more(bits));
    }
    let mut context = BigNumContext::new()?;
    let (mut candidate, mut part) = (BigNum::new()?, BigNum::new()?);
    let rem = match (&add, rem) {
        (Some(_), Some(rem)) => rem,
        (Some(_), None) => BigNum::from_u32(if safe { 3 } else { 1 })?,
        (None, _) => BigNum::new()?,
    };
    for _ in 0..1_000_000 {
        // Two bits set make a modulus of two such primes as long as it should be. Short numbers have no room for that.
        let msb = if bits > 4 && add.is_none() { MsbOption::TWO_ONES } else { MsbOption::ONE };
        candidate.rand(bits, msb, add.is_none())?;
        if let Some(add) = &add {
            part.checked_rem(&candidate, add, &mut context)?;
            let mut aligned = BigNum::new()?;
            aligned.checked_sub(&candidate, &part)?;
            candidate.checked_add(&aligned, &rem)?;
        }
        if candidate.num_bits() != bits {
            continue;
        }
        if safe {
            part.rshift1(&candidate)?;
            if !(has_no_small_factor(&candidate)? && has_no_small_factor(&part)? && is_prime(&part, 0)?) {
                stop_in_time()?;
                continue;
            }
        }
        if has_no_small_factor(&candidate)? && is_prime(&candidate, 0)? {
            return Ok(candidate);
        }
        stop_in_time()?;
    }
    Err(Failure::operation("could not generate prime"))
}

/// A safe prime that leaves the remainder `rem` when it is divided by `add`.
pub(super) fn search_residue(bits: i32, add: u32, rem: u32) -> Result<BigNum> {
    search(bits, true, Some(BigNum::from_u32(add)?), Some(BigNum::from_u32(rem)?))
}

fn no_more(bits: i32) -> Failure {
    // OpenSSL says it in its own words.
    let mut number = match BigNum::new() {
        Ok(number) => number,
        Err(stack) => return stack.into(),
    };
    match number.generate_prime(bits.max(0), false, None, None) {
        Err(stack) => stack.into(),
        Ok(()) => Failure::operation("could not generate prime"),
    }
}

fn stop_in_time() -> Result<()> {
    if isolate::must_stop() { Err(Failure::Stopped) } else { Ok(()) }
}

const SMALL: u32 = 2048;

/// Whether no small number divides it, but for itself.
fn has_no_small_factor(number: &BigNumRef) -> Result<bool> {
    for factor in std::iter::once(2).chain((3..SMALL).step_by(2)) {
        if number.mod_word(factor)? == 0 {
            return Ok(number.num_bits() <= 31 && *number == *BigNum::from_u32(factor)?);
        }
    }
    Ok(true)
}

/// Miller and Rabin's test, in as many rounds as OpenSSL makes at least.
pub(super) fn is_prime(number: &BigNumRef, rounds: usize) -> Result<bool> {
    let one = BigNum::from_u32(1)?;
    if number.is_negative() || *number <= *one || !has_no_small_factor(number)? {
        return Ok(false);
    }
    if number.num_bits() <= 22 {
        // Smaller than the square of what was tried.
        return Ok(true);
    }
    let mut context = BigNumContext::new()?;
    let (mut before, mut odd, mut range) = (BigNum::new()?, BigNum::new()?, BigNum::new()?);
    before.checked_sub(number, &one)?;
    let mut twos = 0;
    while !before.is_bit_set(twos) {
        twos += 1;
    }
    odd.rshift(&before, twos)?;
    range.checked_sub(&before, &one)?;
    let (mut base, mut power, mut square) = (BigNum::new()?, BigNum::new()?, BigNum::new()?);
    let least = if number.num_bits() > 2048 { 128 } else { 64 };
    'rounds: for _ in 0..rounds.max(least) {
        stop_in_time()?;
        // From 1 to n - 2; 1 says nothing.
        range.rand_range(&mut base)?;
        base.add_word(1)?;
        power.mod_exp(&base, &odd, number, &mut context)?;
        if power == one || power == before {
            continue;
        }
        for _ in 1..twos {
            square.mod_sqr(&power, number, &mut context)?;
            std::mem::swap(&mut power, &mut square);
            if power == before {
                continue 'rounds;
            }
        }
        return Ok(false);
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(n: u32) -> BigNum {
        BigNum::from_u32(n).unwrap()
    }

    #[test]
    fn primes_are_told_from_others() {
        let is_prime = |number: &BigNumRef| is_prime(number, 0).ok().unwrap();
        let primes: Vec<u32> = (0..60).filter(|n| is_prime(&number(*n))).collect();
        assert_eq!(primes, [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59]);
        for composite in [2047 * 2053, 3_215_031_751, 4_294_967_295] {
            assert!(!is_prime(&number(composite)));
        }
        assert!(is_prime(&number(4_294_967_291)) && is_prime(&number(2053)) && is_prime(&number(4_194_301)));
        assert!(is_prime(&BigNum::get_rfc2409_prime_768().unwrap()));
    }

    #[test]
    fn a_search_finds_what_is_asked_for() {
        for bits in [2, 3, 8, 64, 256] {
            let prime = search(bits, false, None, None).ok().unwrap();
            assert_eq!(prime.num_bits(), bits);
        }
        let safe = search(64, true, None, None).ok().unwrap();
        let mut half = BigNum::new().unwrap();
        half.rshift1(&safe).unwrap();
        assert!(is_prime(&half, 0).ok().unwrap());
        let prime = search(32, false, Some(number(12)), Some(number(11))).ok().unwrap();
        assert_eq!(prime.mod_word(12).unwrap(), 11);
        assert!(search(1, false, None, None).is_err());
    }
}
