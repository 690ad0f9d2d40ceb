//! scrypt (RFC 7914), written out here so that a step of it may be stopped: its cost is the tenant's choice.

use isolate::{Args, v8};
use openssl::hash::MessageDigest;

use super::failure::{Failure, Result};
use super::native::{Value, bytes, integer, native, size, zeroed};
use super::pbkdf2;

native! {
    scrypt => of_arguments,
    scrypt_check => check,
}

/// The words of a block of Salsa20.
const WORDS: usize = 16;
/// How many blocks are mixed before the limits are asked about.
const SLICE: usize = 4096;

#[derive(Clone, Copy)]
struct Cost {
    n: usize,
    r: usize,
    p: usize,
}

/// `scryptCheck(N, r, p, maxmem)`: throws where OpenSSL would.
fn check(scope: &mut v8::PinScope, args: &Args) -> Result<Value> {
    cost(scope, args, 0).map(|_| Value::Undefined)
}

fn cost(scope: &mut v8::PinScope, args: &Args, first: i32) -> Result<Cost> {
    let number = |scope: &mut v8::PinScope, index| u64::try_from(integer(scope, args, first + index)).unwrap_or(0);
    let (n, r, p) = (number(scope, 0), number(scope, 1), number(scope, 2));
    let memory_limit = number(scope, 3);
    let invalid = |reason: &str| {
        Failure::range_error("ERR_CRYPTO_INVALID_SCRYPT_PARAMS", format!("Invalid scrypt params{reason}"))
    };
    if n < 2 || !n.is_power_of_two() || r == 0 || p == 0 {
        return Err(invalid(""));
    }
    let exceeded = || invalid(": error:030000AC:digital envelope routines::memory limit exceeded");
    if p > (1 << 30) / r {
        return Err(exceeded());
    }
    // N is less than 2^(16 r).
    if 16 * r <= 63 && n >= 1 << (16 * r) {
        return Err(exceeded());
    }
    let needed = 128_u128 * u128::from(r) * u128::from(n + p + 2);
    if needed > u128::from(memory_limit) {
        return Err(exceeded());
    }
    Ok(Cost { n: n as usize, r: r as usize, p: p as usize })
}

/// `scrypt(password, salt, N, r, p, maxmem, length)` → `Uint8Array`
fn of_arguments(scope: &mut v8::PinScope, args: &Args) -> Result<Vec<u8>> {
    let (password, salt) = (bytes(scope, args, 0), bytes(scope, args, 1));
    let cost = cost(scope, args, 2)?;
    let length = size(scope, args, 6);
    let Cost { n, r, p } = cost;
    if !isolate::require_memory(scope, 128 * r * (n + p + 2)) {
        return Err(Failure::Stopped);
    }
    let mut out = zeroed(scope, length)?;
    derive(&password, &salt, cost, &mut out)?;
    Ok(out)
}

fn derive(password: &[u8], salt: &[u8], cost: Cost, out: &mut [u8]) -> Result<()> {
    let Cost { n, r, p } = cost;
    let mut blocks = vec![0; 128 * r * p];
    pbkdf2::derive(MessageDigest::sha256(), password, salt, 1, &mut blocks)?;
    let mut table = vec![0_u32; 2 * WORDS * r * n];
    let mut mixer = Mixer { scratch: vec![0; 2 * WORDS * r], mixed: 0 };
    for block in blocks.chunks_exact_mut(128 * r) {
        let mut words: Vec<u32> = block.as_chunks::<4>().0.iter().map(|bytes| u32::from_le_bytes(*bytes)).collect();
        mixer.mix(&mut words, &mut table, n)?;
        for (bytes, word) in block.as_chunks_mut::<4>().0.iter_mut().zip(&words) {
            *bytes = word.to_le_bytes();
        }
    }
    pbkdf2::derive(MessageDigest::sha256(), password, &blocks, 1, out)
}

struct Mixer {
    scratch: Vec<u32>,
    /// Blocks of Salsa20 so far.
    mixed: usize,
}

// === impl Mixer ===

impl Mixer {
    /// scryptROMix (section 5).
    fn mix(&mut self, block: &mut [u32], table: &mut [u32], n: usize) -> Result<()> {
        let length = block.len();
        for row in table.chunks_exact_mut(length) {
            row.copy_from_slice(block);
            self.mix_block(block)?;
        }
        for _ in 0..n {
            let at = block[length - WORDS] as usize & (n - 1);
            let row = &table[at * length..(at + 1) * length];
            block.iter_mut().zip(row).for_each(|(word, other)| *word ^= other);
            self.mix_block(block)?;
        }
        Ok(())
    }

    /// scryptBlockMix (section 4).
    fn mix_block(&mut self, block: &mut [u32]) -> Result<()> {
        let (parts, _) = block.as_chunks::<WORDS>();
        let half = parts.len() / 2;
        let Some(mut last) = parts.last().copied() else { return Ok(()) };
        let (out, _) = self.scratch.as_chunks_mut::<WORDS>();
        for (number, part) in parts.iter().enumerate() {
            last.iter_mut().zip(part).for_each(|(word, other)| *word ^= other);
            salsa(&mut last);
            out[number / 2 + if number.is_multiple_of(2) { 0 } else { half }] = last;
        }
        block.copy_from_slice(&self.scratch);
        let before = self.mixed / SLICE;
        self.mixed += 2 * half;
        if self.mixed / SLICE != before && isolate::must_stop() { Err(Failure::Stopped) } else { Ok(()) }
    }
}

/// Salsa20/8 (section 3).
fn salsa(block: &mut [u32; WORDS]) {
    let mut x = *block;
    let mut quarter = |a: usize, b: usize, c: usize, d: usize| {
        x[b] ^= x[a].wrapping_add(x[d]).rotate_left(7);
        x[c] ^= x[b].wrapping_add(x[a]).rotate_left(9);
        x[d] ^= x[c].wrapping_add(x[b]).rotate_left(13);
        x[a] ^= x[d].wrapping_add(x[c]).rotate_left(18);
    };
    for _ in 0..4 {
        quarter(0, 4, 8, 12);
        quarter(5, 9, 13, 1);
        quarter(10, 14, 2, 6);
        quarter(15, 3, 7, 11);
        quarter(0, 1, 2, 3);
        quarter(5, 6, 7, 4);
        quarter(10, 11, 8, 9);
        quarter(15, 12, 13, 14);
    }
    block.iter_mut().zip(x).for_each(|(word, mixed)| *word = word.wrapping_add(mixed));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_gives_what_openssl_gives() {
        for (n, r, p) in [(2, 1, 1), (16, 1, 1), (1024, 8, 2), (64, 3, 5)] {
            let (mut ours, mut theirs) = ([0; 64], [0; 64]);
            assert!(derive(b"password", b"NaCl", Cost { n, r, p }, &mut ours).is_ok());
            openssl::pkcs5::scrypt(b"password", b"NaCl", n as u64, r as u64, p as u64, 1 << 30, &mut theirs).unwrap();
            assert_eq!(ours, theirs);
        }
    }
}
