//! Random bytes, from the source of Web Cryptography's.

use isolate::{Args, v8};
use webapi::views::write_bytes_at;

use super::failure::{Failure, Result};
use super::native::{native, size};

native! { random_fill => fill }

/// `randomFill(view, offset, size)`
fn fill(scope: &mut v8::PinScope, args: &Args) -> Result<()> {
    let Ok(view) = args.get(0).try_cast::<v8::ArrayBufferView>() else { return Ok(()) };
    let (mut offset, mut left) = (size(scope, args, 1), size(scope, args, 2));
    left = left.min(view.byte_length().saturating_sub(offset));
    let mut bytes = vec![0; left.min(1 << 16)];
    while left > 0 {
        let part = &mut bytes[..left.min(1 << 16)];
        if !webapi::crypto::random(scope, part) {
            // It has thrown.
            return Err(Failure::Stopped);
        }
        write_bytes_at(view, offset, part);
        offset += part.len();
        left -= part.len();
    }
    Ok(())
}
