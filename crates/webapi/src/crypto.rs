//! Web Cryptography (<https://w3c.github.io/webcrypto/>) for `js/crypto.js` and `js/crypto/`: random values here, a family of
//! algorithms in each file below. Keys are bytes that JavaScript holds where no script reaches: secrets as they are, the others
//! in DER (PKCS #8, SPKI). Ops answer undefined where the data or the key is bad; JavaScript says which error that is.

pub mod aes;
pub mod derive;
pub mod digest;
pub mod key;
pub mod keys;
pub mod parts;
pub mod rsa_oaep;
pub mod sign;

use std::cell::RefCell;

use isolate::{Args, JsError, Op, v8};

use crate::views::{latin1_string, write_bytes};

pub const OPS: &[Op] = &[isolate::op!(op_random_fill), isolate::op!(op_random_uuid), isolate::op!(op_random_bytes)];

// === Random values ===

/// Random bytes from the system, fetched ahead: Workers ask for few at a time.
struct Pool {
    bytes: [u8; 2048],
    used: usize,
}

thread_local! {
    static POOL: RefCell<Pool> = const { RefCell::new(Pool { bytes: [0; 2048], used: 2048 }) };
}

impl Pool {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), getrandom::Error> {
        if out.len() > 256 {
            return getrandom::fill(out);
        }
        if self.bytes.len() - self.used < out.len() {
            getrandom::fill(&mut self.bytes)?;
            self.used = 0;
        }
        let taken = &mut self.bytes[self.used..self.used + out.len()];
        out.copy_from_slice(taken);
        // Nobody gets to see them a second time.
        taken.fill(0);
        self.used += out.len();
        Ok(())
    }
}

/// Fills `bytes`; `false`: an exception is pending, as at global scope.
pub fn random(scope: &mut v8::PinScope, bytes: &mut [u8]) -> bool {
    if !isolate::require_io(scope) {
        return false;
    }
    if let Err(error) = POOL.with_borrow_mut(|pool| pool.fill(bytes)) {
        isolate::throw(
            scope,
            JsError::dom("OperationError", format!("The system has no random values to give: {error}")),
        );
        return false;
    }
    true
}

/// `op_random_fill(view)`, at most 64 KiB.
fn op_random_fill(scope: &mut v8::PinScope, args: Args, _rv: v8::ReturnValue) {
    let Ok(view) = args.get(0).try_cast::<v8::ArrayBufferView>() else { return };
    let mut bytes = vec![0; view.byte_length()];
    if random(scope, &mut bytes) {
        write_bytes(view, &bytes);
    }
}

/// `op_random_bytes(length)` → `Uint8Array`
fn op_random_bytes(scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    let length = args.get(0).uint32_value(scope).unwrap_or(0);
    let mut bytes = vec![0; length as usize];
    if random(scope, &mut bytes) {
        let array = isolate::new_bytes(scope, bytes);
        rv.set(array.into());
    }
}

/// `op_random_uuid()` → a version 4 UUID (RFC 9562 §5.4).
fn op_random_uuid(scope: &mut v8::PinScope, _args: Args, mut rv: v8::ReturnValue) {
    let mut bytes = [0; 16];
    if !random(scope, &mut bytes) {
        return;
    }
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    if let Some(string) = latin1_string(scope, &hyphenated(&bytes)) {
        rv.set(string.into());
    }
}

fn hyphenated(bytes: &[u8; 16]) -> [u8; 36] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = [b'-'; 36];
    let mut at = 0;
    for (i, byte) in bytes.iter().enumerate() {
        if matches!(i, 4 | 6 | 8 | 10) {
            at += 1;
        }
        text[at] = DIGITS[usize::from(byte >> 4)];
        text[at + 1] = DIGITS[usize::from(byte & 15)];
        at += 2;
    }
    text
}

/// What an op gives back: bytes, or undefined where there are none.
fn give(scope: &mut v8::PinScope, mut rv: v8::ReturnValue, bytes: Option<Vec<u8>>) {
    if let Some(bytes) = bytes {
        let array = isolate::new_bytes(scope, bytes);
        rv.set(array.into());
    }
}

/// Several byte strings, as an array of `Uint8Array`s.
fn give_all(scope: &mut v8::PinScope, mut rv: v8::ReturnValue, all: Option<Vec<Vec<u8>>>) {
    let Some(all) = all else { return };
    let elements: Vec<_> = all.into_iter().map(|bytes| isolate::new_bytes(scope, bytes).into()).collect();
    let array = v8::Array::new_with_elements(scope, &elements);
    rv.set(array.into());
}
