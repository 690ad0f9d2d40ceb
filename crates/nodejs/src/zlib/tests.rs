use super::memory::Memory;
use super::{Engine, Failure, Progress, Z_FINISH, Z_MEM_ERROR, brotli, deflate, inflate, mode};

const PLENTY: usize = 1 << 30;

fn deflater(mode: u32, level: i32, strategy: i32) -> deflate::Deflater {
    deflate::Deflater::new(mode, 15, level, 8, strategy, Vec::new(), &Memory::with(PLENTY)).ok().unwrap()
}

fn inflater(mode: u32) -> inflate::Inflater {
    inflate::Inflater::new(mode, 15, Vec::new(), &Memory::with(PLENTY)).ok().unwrap()
}

/// What comes out of `engine` through a buffer of `room` bytes.
fn run(engine: &mut dyn Engine, flush: u32, mut input: &[u8], room: usize) -> Result<Vec<u8>, Failure> {
    let mut all = Vec::new();
    loop {
        let mut progress = Progress::default();
        let mut output = vec![0; room];
        engine.step(flush, input, &mut output, &mut progress)?;
        all.extend_from_slice(&output[..progress.written]);
        input = &input[progress.taken..];
        if progress.written < room {
            return Ok(all);
        }
    }
}

fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_103_515_245).wrapping_add(12345);
        (state >> 16) as u8 & 15
    };
    std::iter::repeat_with(&mut next).take(length).collect()
}

#[test]
fn a_stream_goes_on_with_other_parameters_at_any_time() {
    let input = noise(200_000);
    for (mode, back) in [(mode::DEFLATE, mode::INFLATE), (mode::DEFLATERAW, mode::INFLATERAW)] {
        for room in [7, 100, 70_000] {
            let mut engine = deflater(mode, 9, 0);
            let mut all = Vec::new();
            for (n, part) in input.chunks(40_000).enumerate() {
                // Nothing was flushed: the input before it is still inside.
                all.extend(run(&mut engine, 0, part, room).ok().unwrap());
                engine.params(n as i32, n as i32 % 5).ok().unwrap();
            }
            all.extend(run(&mut engine, Z_FINISH, &[], room).ok().unwrap());
            assert!(run(&mut engine, Z_FINISH, &[], room).ok().unwrap().is_empty(), "it ends once");
            assert!(run(&mut inflater(back), Z_FINISH, &all, room).ok().unwrap() == input, "{mode} {room}");
        }
    }
}

#[test]
fn engines_that_do_not_fit_are_refused() {
    let memory = Memory::with(1024 * 1024);
    let mut engines = Vec::new();
    let refused = loop {
        match deflate::Deflater::new(mode::GZIP, 15, 6, 8, 0, Vec::new(), &memory) {
            Ok(engine) => engines.push(engine),
            Err(failure) => break failure,
        }
    };
    assert!((2..4).contains(&engines.len()), "{}", engines.len());
    assert_eq!((refused.errno, refused.code.as_str()), (Z_MEM_ERROR, "Z_MEM_ERROR"));
    engines.clear();
    assert!(inflate::Inflater::new(mode::UNZIP, 0, Vec::new(), &memory).is_ok());

    let mut encoder = brotli::Encoder::new(Vec::new(), &memory).ok().unwrap();
    assert_eq!(run(&mut encoder, 0, &noise(60_000), 1000).err().unwrap().code, "ERR_BROTLI_COMPRESSION_FAILED");
    let mut encoder = brotli::Encoder::new(vec![(1, 11), (2, 10)], &memory).ok().unwrap();
    assert_eq!(
        run(&mut encoder, 2, &[], 1000).err().map(|failure| failure.code),
        Some("ERR_BROTLI_COMPRESSION_FAILED".to_owned())
    );
}

#[test]
fn a_window_that_does_not_fit_is_no_window() {
    let memory = Memory::with(PLENTY);
    let large = vec![(1, 5), (2, 24)];
    let mut encoder = brotli::Encoder::new(large, &memory).ok().unwrap();
    let mut compressed = run(&mut encoder, 0, &noise(3_000_000), 1 << 20).ok().unwrap();
    compressed.extend(run(&mut encoder, 2, &[], 1 << 20).ok().unwrap());
    let mut decoder = brotli::Decoder::new(Vec::new(), &Memory::with(2 << 20)).ok().unwrap();
    let code = run(&mut decoder, 2, &compressed, 1000).err().unwrap().code;
    assert!(code.starts_with("ERR__ERROR_ALLOC_RING_BUFFER"), "{code}");
    let mut decoder = brotli::Decoder::new(Vec::new(), &memory).ok().unwrap();
    assert_eq!(run(&mut decoder, 2, &compressed, 1000).ok().unwrap().len(), 3_000_000);
}
