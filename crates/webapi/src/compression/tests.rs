use super::{Codec, CodecError, STEP};

const FORMATS: [&str; 3] = ["gzip", "deflate", "deflate-raw"];

/// Feeds `input` in pieces and drains every step; checks the bound on each.
fn feed(codec: &mut Codec, input: &[u8], piece: usize) -> Result<Vec<u8>, CodecError> {
    let mut all = Vec::new();
    for chunk in input.chunks(piece) {
        let mut step = codec.write(chunk)?;
        loop {
            assert!(step.len() <= STEP);
            let full = step.len() == STEP;
            all.append(&mut step);
            if !full {
                break;
            }
            step = codec.write(&[])?;
        }
    }
    Ok(all)
}

fn finish(codec: &mut Codec) -> Result<Vec<u8>, CodecError> {
    let mut all = Vec::new();
    loop {
        let mut step = codec.finish()?;
        let full = step.len() == STEP;
        all.append(&mut step);
        if !full {
            return Ok(all);
        }
    }
}

fn compress(format: &str, input: &[u8], piece: usize) -> Vec<u8> {
    let mut codec = Codec::new(format, true, true).expect("a known format");
    let mut bytes = feed(&mut codec, input, piece).expect("compression");
    bytes.append(&mut finish(&mut codec).expect("the end"));
    bytes
}

/// Neither constant nor random, so that there is something to find.
fn sample(len: usize) -> Vec<u8> {
    let mut state = 1u32;
    (0..len)
        .map(|i| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            if i % 7 < 3 { (state >> 24) as u8 } else { (i / 100) as u8 }
        })
        .collect()
}

#[test]
fn every_format_round_trips_in_pieces_of_any_size() {
    let input = sample(300_000);
    for format in FORMATS {
        for piece in [1000, 65_536, 300_000] {
            let packed = compress(format, &input, piece);
            assert!(packed.len() < input.len());
            let mut codec = Codec::new(format, false, true).expect("a known format");
            assert_eq!(feed(&mut codec, &packed, 777).expect("decompression"), input, "{format} {piece}");
            assert_eq!(finish(&mut codec), Ok(Vec::new()));
        }
    }
    assert!(Codec::new("brotli", true, true).is_none());
}

#[test]
fn a_bomb_comes_out_in_bounded_steps() {
    let packed = compress("gzip", &vec![0; 50_000_000], 1 << 20);
    assert!(packed.len() < 100_000);
    let mut codec = Codec::new("gzip", false, true).expect("a known format");
    let first = codec.write(&packed).expect("the first step");
    assert_eq!(first.len(), STEP);
    let rest = feed(&mut codec, &[0; 0], 1).expect("nothing more to feed");
    assert!(rest.is_empty());
    let mut total = first.len();
    loop {
        let step = codec.write(&[]).expect("a step");
        total += step.len();
        if step.len() < STEP {
            break;
        }
    }
    assert_eq!(total, 50_000_000);
    assert_eq!(finish(&mut codec), Ok(Vec::new()));
}

#[test]
fn broken_input_is_told_apart() {
    for format in FORMATS {
        let packed = compress(format, &sample(10_000), 10_000);

        let mut codec = Codec::new(format, false, true).expect("a known format");
        feed(&mut codec, &packed[..packed.len() - 5], 4096).expect("all but the end");
        assert_eq!(finish(&mut codec), Err(CodecError::Incomplete));

        let mut codec = Codec::new(format, false, true).expect("a known format");
        let mut trailing = packed.clone();
        trailing.push(0);
        assert_eq!(feed(&mut codec, &trailing, 1 << 20).err(), Some(CodecError::Trailing));

        let mut codec = Codec::new(format, false, true).expect("a known format");
        feed(&mut codec, &packed, 1 << 20).expect("everything");
        assert_eq!(codec.write(&[1]).err(), Some(CodecError::Trailing));

        let mut codec = Codec::new(format, false, true).expect("a known format");
        let result = feed(&mut codec, &[0xff; 100], 100);
        assert_eq!(result.err(), Some(CodecError::Corrupt), "{format}");
    }
    let mut packed = compress("gzip", &sample(10_000), 10_000);
    let crc = packed.len() - 8;
    packed[crc] ^= 1;
    let mut codec = Codec::new("gzip", false, true).expect("a known format");
    assert_eq!(feed(&mut codec, &packed, 4096).err(), Some(CodecError::Corrupt));
}

#[test]
fn without_strictness_what_ends_too_early_or_too_late_is_let_pass() {
    let mut codec = Codec::new("gzip", true, true).expect("a known format");
    let mut whole = codec.write(b"hello").unwrap();
    whole.extend(codec.finish().unwrap());
    for bytes in [whole[..whole.len() - 4].to_vec(), [&whole[..], b"more"].concat()] {
        let mut lenient = Codec::new("gzip", false, false).expect("a known format");
        let mut text = lenient.write(&bytes).unwrap();
        text.extend(lenient.finish().unwrap());
        assert_eq!(text, b"hello");
    }
}
