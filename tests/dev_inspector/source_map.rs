//! What DevTools does with a script's source map: finds the place in the script that a line of a source became.

use serde_json::Value;

/// Line and column, from 0, in the script of what is first on `line`, from 1, of the source whose name ends so.
pub fn generated(script: &Value, source: &str, line: u64) -> (u64, u64) {
    let url = script["sourceMapURL"].as_str().expect("a source map");
    let data = url.strip_prefix("data:application/json;base64,").expect("a map in the URL");
    let map: Value = serde_json::from_slice(&base64_simd::STANDARD.decode_to_vec(data).expect("base64")).expect("JSON");
    let sources = map["sources"].as_array().expect("sources");
    let is_meant =
        |name: &Value| name.as_str().is_some_and(|name| name.starts_with("file:///") && name.ends_with(source));
    let wanted = sources.iter().position(is_meant).unwrap_or_else(|| panic!("no {source} in {sources:?}")) as i64;
    assert!(map["sourcesContent"][wanted as usize].as_str().is_some_and(|text| text.contains("interface ")));

    // https://tc39.es/ecma426/#sec-mappings: each number is a difference to the one before.
    let (mut from_source, mut from_line) = (0, 0);
    for (generated_line, segments) in map["mappings"].as_str().expect("mappings").split(';').enumerate() {
        let mut column = 0;
        for segment in segments.split(',').filter(|segment| !segment.is_empty()) {
            let numbers = numbers(segment);
            column += numbers[0];
            if numbers.len() > 2 {
                from_source += numbers[1];
                from_line += numbers[2];
                if from_source == wanted && from_line + 1 == line as i64 {
                    return (generated_line as u64, column as u64);
                }
            }
        }
    }
    panic!("nothing came of line {line} of {source}")
}

/// Base64 VLQ: five bits of each digit, a sixth says that more come, the first bit of all is the sign.
fn numbers(segment: &str) -> Vec<i64> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut numbers, mut value, mut shift) = (Vec::new(), 0, 0);
    for byte in segment.bytes() {
        let digit = DIGITS.iter().position(|digit| *digit == byte).expect("a digit of base64") as i64;
        value |= (digit & 31) << shift;
        shift += 5;
        if digit & 32 == 0 {
            numbers.push(if value & 1 == 1 { -(value >> 1) } else { value >> 1 });
            (value, shift) = (0, 0);
        }
    }
    numbers
}
