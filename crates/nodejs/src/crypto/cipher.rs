//! Ciphers under way. What Node checks of lengths and states is checked in `js/internal/crypto/binding/cipher.js`.

use isolate::{Args, v8};
use openssl::cipher::{Cipher, CipherRef};
use openssl::cipher_ctx::{CipherCtx, CipherCtxFlags};
use openssl::error::ErrorStack;
use openssl::hash::{MessageDigest, hash};
use openssl::nid::Nid;

use super::failure::{Failure, Result};
use super::names;
use super::native::{Value, bytes, integer, native, optional_bytes, optional_integer, reading, text};
use super::running;

native! {
    cipher_info => info,
    cipher_start => start,
    cipher_auto_padding => auto_padding,
    cipher_set_tag => set_tag,
    cipher_set_aad => set_aad,
    cipher_update => update,
    cipher_final => finish,
    cipher_end => end,
    bytes_to_key => derive_key,
}

const UNKNOWN: &str = "Unknown cipher";

fn find(name: &str) -> Result<Cipher> {
    names::cipher(name).ok_or_else(|| Failure::error("ERR_CRYPTO_UNKNOWN_CIPHER", UNKNOWN))
}

/// The mode, by OpenSSL's name for the cipher.
fn mode(cipher: &CipherRef) -> &'static str {
    let name = cipher.nid().long_name().unwrap_or_default().to_ascii_lowercase();
    let modes = ["cbc", "ccm", "cfb", "ctr", "ecb", "gcm", "ocb", "ofb", "wrap", "xts"];
    match modes.into_iter().find(|mode| name.contains(&format!("-{mode}")) || name.ends_with(mode)) {
        Some(mode) => mode,
        None if name.starts_with("des-ede") => "ecb",
        None => "stream",
    }
}

/// `cipherInfo(name, keyLength, ivLength)`, a name or a number → what Node tells of it; undefined: there is none, or it does not
/// take such a length.
fn info(scope: &mut v8::PinScope, args: &Args) -> Result<Value> {
    let name = match optional_integer(scope, args, 0) {
        Some(nid) => match i32::try_from(nid).ok().map(Nid::from_raw).and_then(|nid| nid.short_name().ok()) {
            Some(name) => name.to_owned(),
            None => return Ok(Value::Undefined),
        },
        None => text(scope, args, 0),
    };
    drop(ErrorStack::get());
    let Some(cipher) = names::cipher(&name) else { return Ok(Value::Undefined) };
    let (mut key_length, mut iv_length) = (cipher.key_length(), cipher.iv_length());
    let mode = mode(&cipher);
    let asked = (optional_integer(scope, args, 1), optional_integer(scope, args, 2));
    if let (Some(length), _) = asked {
        let mut context = begin(&cipher, true)?;
        let length = usize::try_from(length).unwrap_or(0);
        if context.set_key_length(length).is_err() {
            return Ok(Value::Undefined);
        }
        key_length = length;
    }
    if let (_, Some(length)) = asked {
        let length = usize::try_from(length).unwrap_or(0);
        let fits = match mode {
            "ccm" => (7..=13).contains(&length),
            "gcm" | "ocb" => length > 0 && begin(&cipher, true)?.set_iv_length(length).is_ok(),
            _ if cipher.nid() == Nid::CHACHA20_POLY1305 => begin(&cipher, true)?.set_iv_length(length).is_ok(),
            _ => length == iv_length,
        };
        if !fits {
            return Ok(Value::Undefined);
        }
        iv_length = length;
    }
    let mut entries: Vec<(String, Value)> = Vec::new();
    let mut tell = |name: &str, value: Value| entries.push((name.to_owned(), value));
    tell("mode", mode.into());
    tell("name", cipher.nid().short_name()?.into());
    tell("nid", cipher.nid().as_raw().into());
    // A stream has no blocks.
    if mode != "stream" {
        tell("blockSize", cipher.block_size().into());
    }
    if iv_length != 0 {
        tell("ivLength", iv_length.into());
    }
    tell("keyLength", key_length.into());
    Ok(Value::Record(entries))
}

fn begin(cipher: &CipherRef, encrypt: bool) -> std::result::Result<CipherCtx, ErrorStack> {
    let mut context = CipherCtx::new()?;
    context.set_flags(CipherCtxFlags::FLAG_WRAP_ALLOW);
    if encrypt {
        context.encrypt_init(Some(cipher), None, None)?
    } else {
        context.decrypt_init(Some(cipher), None, None)?
    }
    Ok(context)
}

/// `cipherStart(name, encrypt, key, iv, tagLength)` → its number. `tagLength` is undefined where there is no tag, or, of GCM, none known.
fn start(scope: &mut v8::PinScope, args: &Args) -> Result<u32> {
    const FAILED: &str = "Failed to initialize cipher";
    let cipher = find(&text(scope, args, 0))?;
    let encrypt = args.get(1).is_true();
    let key = bytes(scope, args, 2);
    let iv = optional_bytes(scope, args, 3).unwrap_or_default();
    let tag_length = optional_integer(scope, args, 4);
    let mut context = begin(&cipher, encrypt).map_err(Failure::or(FAILED))?;
    if args.get(5).is_true() {
        let invalid = |_| Failure::type_error("ERR_CRYPTO_INVALID_IV", "Invalid initialization vector");
        context.set_iv_length(iv.len()).map_err(invalid)?;
        if let Some(length) = tag_length
            && mode(&cipher) != "gcm"
        {
            let invalid = |_| {
                Failure::type_error(
                    "ERR_CRYPTO_INVALID_AUTH_TAG",
                    format!("Invalid authentication tag length: {length}"),
                )
            };
            context.set_tag_length(usize::try_from(length).unwrap_or(0).min(1024)).map_err(invalid)?;
        }
    }
    let invalid = |_| Failure::range_error("ERR_CRYPTO_INVALID_KEYLEN", "Invalid key length");
    context.set_key_length(key.len()).map_err(invalid)?;
    let iv = if context.iv_length() == 0 { None } else { Some(&iv[..]) };
    if context.key_length() > key.len() || iv.is_some_and(|iv| context.iv_length() > iv.len()) {
        return Err(Failure::range_error("ERR_CRYPTO_INVALID_KEYLEN", "Invalid key length"));
    }
    let ready = match encrypt {
        true => context.encrypt_init(None, Some(&key), iv),
        false => context.decrypt_init(None, Some(&key), iv),
    };
    ready.map_err(Failure::or(FAILED))?;
    running::start(scope, context)
}

/// `cipherAutoPadding(number, isOn)`
fn auto_padding(scope: &mut v8::PinScope, args: &Args) -> Result<()> {
    let number = integer(scope, args, 0);
    running::get::<CipherCtx>(scope, number)?.set_padding(args.get(1).is_true());
    Ok(())
}

/// `cipherSetTag(number, tag)`, the one that is expected → whether it could be set
fn set_tag(scope: &mut v8::PinScope, args: &Args) -> Result<bool> {
    let (number, tag) = (integer(scope, args, 0), bytes(scope, args, 1));
    Ok(running::get::<CipherCtx>(scope, number)?.set_tag(&tag).is_ok())
}

/// `cipherSetAad(number, data, plaintextLength)` → whether it could be set. The length is for CCM alone, else undefined.
fn set_aad(scope: &mut v8::PinScope, args: &Args) -> Result<bool> {
    let number = integer(scope, args, 0);
    let length = optional_integer(scope, args, 2);
    let context = running::get::<CipherCtx>(scope, number)?;
    if let Some(length) = length
        && context.set_data_len(usize::try_from(length).unwrap_or(0)).is_err()
    {
        return Ok(false);
    }
    reading(args, 1, |data| context.cipher_update(data, None).is_ok())
}

/// `cipherUpdate(number, data)` → `Uint8Array`
fn update(scope: &mut v8::PinScope, args: &Args) -> Result<Vec<u8>> {
    const FAILED: &str = "Trying to add data in unsupported state";
    let number = integer(scope, args, 0);
    let length = reading(args, 1, <[u8]>::len)?;
    if length > 1 << 16 && !isolate::require_memory(scope, length) {
        return Err(Failure::Stopped);
    }
    let context = running::get::<CipherCtx>(scope, number)?;
    let mut out = Vec::new();
    reading(args, 1, |data| context.cipher_update_vec(data, &mut out))?.map_err(Failure::or(FAILED))?;
    Ok(out)
}

/// `cipherFinal(number, tagLength, message)` → [`Uint8Array`, tag]; the tag where a length is given. The cipher ends with it.
fn finish(scope: &mut v8::PinScope, args: &Args) -> Result<Value> {
    let number = integer(scope, args, 0);
    let tag_length = optional_integer(scope, args, 1);
    let is_authenticated = args.get(2).is_true();
    let result = finish_context(running::get::<CipherCtx>(scope, number)?, tag_length);
    running::end::<CipherCtx>(scope, number);
    let (out, tag) = result.map_err(Failure::or(match is_authenticated {
        true => "Unsupported state or unable to authenticate data",
        false => "Unsupported state",
    }))?;
    Ok(Value::List(vec![out.into(), tag.into()]))
}

fn finish_context(
    context: &mut CipherCtx,
    tag_length: Option<i64>,
) -> std::result::Result<(Vec<u8>, Option<Vec<u8>>), ErrorStack> {
    let mut out = Vec::new();
    context.cipher_final_vec(&mut out)?;
    let Some(length) = tag_length else { return Ok((out, None)) };
    let mut tag = vec![0; usize::try_from(length).unwrap_or(0).min(16)];
    context.tag(&mut tag)?;
    Ok((out, Some(tag)))
}

/// `cipherEnd(number)`
fn end(scope: &mut v8::PinScope, args: &Args) -> Result<()> {
    let number = integer(scope, args, 0);
    running::end::<CipherCtx>(scope, number);
    Ok(())
}

/// `bytesToKey(cipher, password)` → [key, iv], as `EVP_BytesToKey` with MD5, no salt and one round.
fn derive_key(scope: &mut v8::PinScope, args: &Args) -> Result<Value> {
    let cipher = find(&text(scope, args, 0))?;
    let password = bytes(scope, args, 1);
    let (key_length, iv_length) = (cipher.key_length(), cipher.iv_length());
    let mut all: Vec<u8> = Vec::new();
    let mut last: Vec<u8> = Vec::new();
    while all.len() < key_length + iv_length {
        last.extend_from_slice(&password);
        last = hash(MessageDigest::md5(), &last)?.to_vec();
        all.extend_from_slice(&last);
    }
    let iv = all[key_length..key_length + iv_length].to_vec();
    all.truncate(key_length);
    Ok(Value::List(vec![all.into(), iv.into()]))
}
