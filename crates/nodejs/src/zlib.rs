//! `internalBinding('zlib')`: the engines under Node's `zlib`, in steps of [`STEP`] bytes, so that a small input which inflates
//! without end never has more than that in flight, and the script can be stopped between any two.

mod brotli;
mod deflate;
mod inflate;
mod memory;

use isolate::{Args, JsError, Op, op, v8};
use webapi::views::{with_bytes, write_bytes_at};

use self::memory::Memory;

pub(crate) const OPS: &[Op] =
    &[op!(open_zlib), op!(open_brotli), op!(step), op!(params), op!(reset), op!(drop_engine), op!(turn), op!(crc32)];

/// The most bytes that one step takes, and the most that it yields.
const STEP: usize = 64 * 1024;

/// As `node_zlib_mode` of Node.
mod mode {
    pub(super) const DEFLATE: u32 = 1;
    pub(super) const INFLATE: u32 = 2;
    pub(super) const GZIP: u32 = 3;
    pub(super) const GUNZIP: u32 = 4;
    pub(super) const DEFLATERAW: u32 = 5;
    pub(super) const INFLATERAW: u32 = 6;
    pub(super) const UNZIP: u32 = 7;
    pub(super) const BROTLI_ENCODE: u32 = 9;
}

const Z_FINISH: u32 = 4;
const Z_NEED_DICT: i32 = 2;
const Z_STREAM_ERROR: i32 = -2;
const Z_DATA_ERROR: i32 = -3;
const Z_MEM_ERROR: i32 = -4;
const Z_BUF_ERROR: i32 = -5;

/// What Node's `onerror(message, errno, code)` is told.
struct Failure {
    message: String,
    errno: i32,
    code: String,
}

/// What a step did.
#[derive(Default)]
struct Progress {
    taken: usize,
    written: usize,
}

/// Engines are all alike in what JavaScript does with them.
trait Engine: Send {
    /// Takes of `input` and writes to `output` as zlib's `deflate` and `inflate` do.
    fn step(&mut self, flush: u32, input: &[u8], output: &mut [u8], progress: &mut Progress) -> Result<(), Failure>;

    fn reset(&mut self) -> Result<(), Failure>;

    /// Nothing that has parameters to be changed, unless it says otherwise.
    fn params(&mut self, _level: i32, _strategy: i32) -> Result<(), Failure> {
        Ok(())
    }
}

struct Open(Box<dyn Engine>);

// === impl Failure ===

impl Failure {
    /// `message`, or what zlib itself has said.
    fn zlib(message: &str, said: Option<&str>, errno: i32) -> Self {
        let code = match errno {
            Z_NEED_DICT => "Z_NEED_DICT",
            Z_DATA_ERROR => "Z_DATA_ERROR",
            Z_MEM_ERROR => "Z_MEM_ERROR",
            Z_BUF_ERROR => "Z_BUF_ERROR",
            _ => "Z_STREAM_ERROR",
        };
        Self { message: said.unwrap_or(message).to_owned(), errno, code: code.to_owned() }
    }

    /// As a JavaScript array.
    fn into_js<'s>(self, scope: &mut v8::PinScope<'s, '_>) -> v8::Local<'s, v8::Value> {
        let told = [
            isolate::new_string(scope, &self.message).into(),
            v8::Integer::new(scope, self.errno).into(),
            isolate::new_string(scope, &self.code).into(),
        ];
        v8::Array::new_with_elements(scope, &told).into()
    }
}

// === ops ===

/// `openZlib(mode, windowBits, level, memLevel, strategy, dictionary | undefined)` → an engine's number, or `[message, errno, code]`
fn open_zlib(scope: &mut v8::PinScope, args: Args, rv: v8::ReturnValue) {
    let number = |scope: &mut v8::PinScope, index: i32| args.get(index).int32_value(scope).unwrap_or(0);
    let mode = number(scope, 0).unsigned_abs();
    let (window_bits, level, mem_level, strategy) =
        (number(scope, 1), number(scope, 2), number(scope, 3), number(scope, 4));
    let dictionary = isolate::bytes_arg(scope, &args, 5).unwrap_or_default();
    let memory = Memory::of(scope);
    let made = match mode {
        mode::DEFLATE | mode::GZIP | mode::DEFLATERAW => {
            deflate::Deflater::new(mode, window_bits, level, mem_level, strategy, dictionary, &memory).map(boxed)
        }
        _ => inflate::Inflater::new(mode, window_bits, dictionary, &memory).map(boxed),
    };
    give(scope, rv, made);
}

/// `openBrotli(mode, params)` → an engine's number, or `[message, errno, code]`. `params`: a `Uint32Array` by parameter, 2^32 - 1 for
/// those that are not set.
fn open_brotli(scope: &mut v8::PinScope, args: Args, rv: v8::ReturnValue) {
    let mode = args.get(0).uint32_value(scope).unwrap_or(0);
    let params = with_bytes(&args, 1, |bytes| {
        let words = bytes.as_chunks::<4>().0;
        words.iter().map(|word| u32::from_ne_bytes(*word)).collect::<Vec<_>>()
    });
    let set =
        params.unwrap_or_default().into_iter().enumerate().filter(|(_, value)| *value != u32::MAX).collect::<Vec<_>>();
    let memory = Memory::of(scope);
    let made = match mode {
        mode::BROTLI_ENCODE => brotli::Encoder::new(set, &memory).map(boxed),
        _ => brotli::Decoder::new(set, &memory).map(boxed),
    };
    give(scope, rv, made);
}

fn boxed(engine: impl Engine + 'static) -> Open {
    Open(Box::new(engine))
}

fn give(scope: &mut v8::PinScope, mut rv: v8::ReturnValue, made: Result<Open, Failure>) {
    match made {
        Ok(open) => rv.set_uint32(isolate::resources(scope).add(open)),
        Err(failure) => rv.set(failure.into_js(scope)),
    }
}

/// The engine that is argument 0; throws where it isn't one of this event's.
fn engine<'a>(scope: &'a mut v8::PinScope, args: &Args) -> Option<&'a mut Open> {
    let id = args.get(0).uint32_value(scope).unwrap_or(0);
    if isolate::resources(scope).get::<Open>(id).is_none() {
        let error = isolate::foreign(scope);
        isolate::throw(scope, error);
        return None;
    }
    isolate::resources(scope).get::<Open>(id)
}

/// `step(id, flush, input, inputAt, inputLength, output, outputAt, outputLength, [taken, written])` → undefined, or
/// `[message, errno, code]`. The last argument, a `Uint32Array`, is written to. No length is above 65536.
fn step(scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    let number = |scope: &mut v8::PinScope, index: i32| args.get(index).uint32_value(scope).unwrap_or(0) as usize;
    let (flush, input_at, input_length) = (number(scope, 1) as u32, number(scope, 3), number(scope, 4).min(STEP));
    let (output_at, output_length) = (number(scope, 6), number(scope, 7).min(STEP));
    let Ok(target) = args.get(5).try_cast::<v8::ArrayBufferView>() else { return };
    let output_length = output_length.min(target.byte_length().saturating_sub(output_at));
    let Some(Open(engine)) = engine(scope, &args) else { return };
    let mut output = vec![0; output_length];
    let mut progress = Progress::default();
    let stepped = with_bytes(&args, 2, |bytes| {
        let input = bytes.get(input_at..).unwrap_or_default();
        engine.step(flush, &input[..input_length.min(input.len())], &mut output, &mut progress)
    });
    let stepped = stepped.unwrap_or(Ok(()));
    write_bytes_at(target, output_at, &output[..progress.written]);
    if let Ok(result) = args.get(8).try_cast::<v8::ArrayBufferView>() {
        write_bytes_at(result, 0, &(progress.taken as u32).to_ne_bytes());
        write_bytes_at(result, 4, &(progress.written as u32).to_ne_bytes());
    }
    if let Err(failure) = stepped {
        rv.set(failure.into_js(scope));
    }
}

/// `params(id, level, strategy)` → undefined, or `[message, errno, code]`
fn params(scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    let level = args.get(1).int32_value(scope).unwrap_or(0);
    let strategy = args.get(2).int32_value(scope).unwrap_or(0);
    let Some(Open(engine)) = engine(scope, &args) else { return };
    if let Err(failure) = engine.params(level, strategy) {
        rv.set(failure.into_js(scope));
    }
}

/// `reset(id)` → undefined, or `[message, errno, code]`
fn reset(scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    let Some(Open(engine)) = engine(scope, &args) else { return };
    if let Err(failure) = engine.reset() {
        rv.set(failure.into_js(scope));
    }
}

/// `dropEngine(id)`
fn drop_engine(scope: &mut v8::PinScope, args: Args, _rv: v8::ReturnValue) {
    let id = args.get(0).uint32_value(scope).unwrap_or(0);
    drop(isolate::resources(scope).take::<Open>(id));
}

/// `turn()` → a promise of the isolate's next turn, so that other events come in between two steps; undefined at global scope.
fn turn(scope: &mut v8::PinScope, _args: Args, rv: v8::ReturnValue) {
    if isolate::io_owner(scope).is_some() {
        isolate::spawn(scope, rv, async {
            tokio::task::yield_now().await;
            Ok(().into())
        });
    }
}

/// `crc32(string | view, value)` → the CRC of what had the CRC `value` and of these bytes after it
fn crc32(scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    let start = args.get(1).uint32_value(scope).unwrap_or(0);
    if let Some(sum) = with_bytes(&args, 0, |bytes| zlib_rs::crc32::crc32(start, bytes)) {
        return rv.set_uint32(sum);
    }
    let Ok(text) = args.get(0).try_cast::<v8::String>() else {
        return isolate::throw(scope, JsError::type_error("argument must be a buffer or a string"));
    };
    let text = text.to_rust_string_lossy(scope);
    rv.set_uint32(zlib_rs::crc32::crc32(start, text.as_bytes()));
}

#[cfg(test)]
mod tests;
