//! AES in the modes of Web Cryptography (§27 to §30): CBC, CTR, GCM and key wrap (RFC 3394).

use isolate::{Args, Op, v8};
use openssl::aes::{AesKey, unwrap_key, wrap_key};
use openssl::cipher::{Cipher, CipherRef};
use openssl::cipher_ctx::CipherCtx;

use super::give;

pub const OPS: &[Op] = &[isolate::op!(op_crypto_aes)];

const BLOCK: usize = 16;

/// `op_crypto_aes(mode, encrypt, key, data, iv, number, additionalData)` → `Uint8Array`. `number` is the bits of the counter
/// (CTR) or of the tag (GCM), checked before. Undefined: the data or its tag is wrong, or of an impossible length.
fn op_crypto_aes(scope: &mut v8::PinScope, args: Args, rv: v8::ReturnValue) {
    let mode = isolate::string_arg(scope, &args, 0);
    let encrypt = args.get(1).is_true();
    let number = args.get(5).uint32_value(scope).unwrap_or(0);
    let bytes = |scope: &mut v8::PinScope, index| isolate::bytes_arg(scope, &args, index).unwrap_or_default();
    let (key, data, iv, additional) = (bytes(scope, 2), bytes(scope, 3), bytes(scope, 4), bytes(scope, 6));
    let result = match mode.as_str() {
        "AES-CBC" => cbc(encrypt, &key, &data, &iv),
        "AES-CTR" => ctr(&key, &data, &iv, number),
        "AES-GCM" => gcm(encrypt, &key, &data, &iv, number as usize / 8, &additional),
        "AES-KW" => key_wrap(encrypt, &key, &data),
        _ => None,
    };
    give(scope, rv, result);
}

fn start(encrypt: bool, cipher: &CipherRef, key: &[u8], iv: &[u8]) -> Option<CipherCtx> {
    let mut context = CipherCtx::new().ok()?;
    if encrypt {
        context.encrypt_init(Some(cipher), None, None).ok()?;
    } else {
        context.decrypt_init(Some(cipher), None, None).ok()?;
    }
    if iv.len() != context.iv_length() {
        context.set_iv_length(iv.len()).ok()?;
    }
    if encrypt {
        context.encrypt_init(None, Some(key), Some(iv)).ok()?;
    } else {
        context.decrypt_init(None, Some(key), Some(iv)).ok()?;
    }
    Some(context)
}

fn cbc(encrypt: bool, key: &[u8], data: &[u8], iv: &[u8]) -> Option<Vec<u8>> {
    let cipher = match key.len() {
        16 => Cipher::aes_128_cbc(),
        24 => Cipher::aes_192_cbc(),
        _ => Cipher::aes_256_cbc(),
    };
    let mut context = start(encrypt, cipher, key, iv)?;
    let mut out = Vec::with_capacity(data.len() + 2 * BLOCK);
    context.cipher_update_vec(data, &mut out).ok()?;
    context.cipher_final_vec(&mut out).ok()?;
    Some(out)
}

/// Counts in the last `length` bits of the counter block alone, and around: never twice the same block.
fn ctr(key: &[u8], data: &[u8], counter: &[u8], length: u32) -> Option<Vec<u8>> {
    let cipher = match key.len() {
        16 => Cipher::aes_128_ctr(),
        24 => Cipher::aes_192_ctr(),
        _ => Cipher::aes_256_ctr(),
    };
    let block = u128::from_be_bytes(counter.try_into().ok()?);
    let mask = if length >= 128 { u128::MAX } else { (1 << length) - 1 };
    let blocks = data.len().div_ceil(BLOCK) as u128;
    if blocks != 0 && blocks - 1 > mask {
        return None;
    }
    // Blocks until the counter is back at zero; 0 stands for 2^128.
    let until_zero = (mask - (block & mask)).wrapping_add(1);
    let first = if until_zero == 0 || until_zero >= blocks { data.len() } else { until_zero as usize * BLOCK };
    let mut out = Vec::with_capacity(data.len() + BLOCK);
    start(true, cipher, key, counter)?.cipher_update_vec(&data[..first], &mut out).ok()?;
    if first < data.len() {
        let wrapped = (block & !mask).to_be_bytes();
        start(true, cipher, key, &wrapped)?.cipher_update_vec(&data[first..], &mut out).ok()?;
    }
    Some(out)
}

fn gcm(encrypt: bool, key: &[u8], data: &[u8], iv: &[u8], tag_len: usize, additional: &[u8]) -> Option<Vec<u8>> {
    let cipher = match key.len() {
        16 => Cipher::aes_128_gcm(),
        24 => Cipher::aes_192_gcm(),
        _ => Cipher::aes_256_gcm(),
    };
    let mut context = start(encrypt, cipher, key, iv)?;
    let (data, tag) = if encrypt {
        (data, None)
    } else {
        data.split_at_checked(data.len().checked_sub(tag_len)?).map(|(data, tag)| (data, Some(tag)))?
    };
    if let Some(tag) = tag {
        context.set_tag(tag).ok()?;
    }
    if !additional.is_empty() {
        context.cipher_update(additional, None).ok()?;
    }
    let mut out = Vec::with_capacity(data.len() + BLOCK + tag_len);
    if !data.is_empty() {
        context.cipher_update_vec(data, &mut out).ok()?;
    }
    context.cipher_final_vec(&mut out).ok()?;
    if encrypt {
        let mut tag = vec![0; tag_len];
        context.tag(&mut tag).ok()?;
        out.extend_from_slice(&tag);
    }
    Some(out)
}

fn key_wrap(wrap: bool, key: &[u8], data: &[u8]) -> Option<Vec<u8>> {
    let least = if wrap { 16 } else { 24 };
    if data.len() < least || !data.len().is_multiple_of(8) {
        return None;
    }
    if wrap {
        let mut out = vec![0; data.len() + 8];
        wrap_key(&AesKey::new_encrypt(key).ok()?, None, &mut out, data).ok()?;
        Some(out)
    } else {
        let mut out = vec![0; data.len() - 8];
        unwrap_key(&AesKey::new_decrypt(key).ok()?, None, &mut out, data).ok()?;
        Some(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_goes_around_in_its_bits_alone() {
        let key = [7; 16];
        let data = [0; 64];
        let mut counter = [0xff; 16];
        // Two bits: the counter is at 3, so the blocks are those of 3, 0, 1 and 2.
        let out = ctr(&key, &data, &counter, 2).unwrap();
        for (block, low) in out.chunks(BLOCK).zip([0xff, 0xfc, 0xfd, 0xfe]) {
            counter[15] = low;
            assert_eq!(block, ctr(&key, &data[..16], &counter, 128).unwrap());
        }
        assert!(ctr(&key, &[0; 65], &counter, 2).is_none());
        // All bits: from 2^128 - 1 to 0.
        let around = ctr(&key, &data[..32], &[0xff; 16], 128).unwrap();
        assert_eq!(around[16..], ctr(&key, &data[..16], &[0; 16], 128).unwrap());
    }

    #[test]
    fn a_short_tag_is_checked() {
        let (key, iv) = ([1; 32], [2; 20]);
        let mut sealed = gcm(true, &key, b"text", &iv, 4, b"more").unwrap();
        assert_eq!(sealed.len(), 8);
        assert_eq!(gcm(false, &key, &sealed, &iv, 4, b"more").unwrap(), b"text");
        assert!(gcm(false, &key, &sealed, &iv, 4, b"less").is_none());
        sealed[7] ^= 1;
        assert!(gcm(false, &key, &sealed, &iv, 4, b"more").is_none());
        assert!(gcm(false, &key, b"abc", &iv, 4, b"more").is_none());
    }
}
