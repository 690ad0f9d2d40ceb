//! The examples of S3's documentation, computed with the key and the secret that it uses:
//! https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html

use bytes::Bytes;
use http::Request;

use super::*;
use crate::chunked::Decoder;

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const DATE: &str = "20130524T000000Z";

fn key() -> hmac::Key {
    signing_key(SECRET, "20130524", "us-east-1")
}

fn signature(request: http::request::Builder, signed: &str, hash: &str) -> String {
    let (parts, ()) = request.header("host", "examplebucket.s3.amazonaws.com").body(()).unwrap().into_parts();
    let query = pairs(parts.uri.query().unwrap_or_default()).unwrap();
    let signed: Vec<&str> = signed.split(';').collect();
    let canonical = canonical::request(&parts, &query, &signed, hash).unwrap();
    let text = format!("{ALGORITHM}\n{DATE}\n20130524/us-east-1/s3/aws4_request\n{}", sha256(canonical.as_bytes()));
    r2::hex(hmac::sign(&key(), text.as_bytes()).as_ref())
}

#[test]
fn the_examples_of_the_documentation_are_signed_so() {
    let get = Request::get("/test.txt").header("range", "bytes=0-9").header("x-amz-date", DATE);
    let get = get.header("x-amz-content-sha256", EMPTY_SHA256);
    assert_eq!(
        signature(get, "host;range;x-amz-content-sha256;x-amz-date", EMPTY_SHA256),
        "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
    );
    let hash = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072";
    let put = Request::put("/test$file.text").header("x-amz-date", DATE).header("x-amz-content-sha256", hash);
    let put = put.header("date", "Fri, 24 May 2013 00:00:00 GMT").header("x-amz-storage-class", "REDUCED_REDUNDANCY");
    assert_eq!(
        signature(put, "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class", hash),
        "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"
    );
    for (query, expected) in [
        ("lifecycle", "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
        ("max-keys=2&prefix=J", "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"),
    ] {
        let get = Request::get(format!("/?{query}")).header("x-amz-date", DATE);
        let get = get.header("x-amz-content-sha256", EMPTY_SHA256);
        assert_eq!(signature(get, "host;x-amz-content-sha256;x-amz-date", EMPTY_SHA256), expected);
    }
}

/// The example of a body in chunks, in pieces of every size.
#[test]
fn chunks_are_decoded_wherever_they_are_torn() {
    let head = |size: &str, signature: &str| format!("{size};chunk-signature={signature}\r\n");
    let encoded = [
        head("10000", "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648"),
        "a".repeat(65536) + "\r\n",
        head("400", "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497"),
        "a".repeat(1024) + "\r\n",
        head("0", "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"),
        "\r\n".to_owned(),
    ]
    .concat()
    .into_bytes();
    let decode = |encoded: &[u8], piece: usize| -> Result<Vec<u8>, crate::body::BodyError> {
        let chain = Chain {
            key: key(),
            date: DATE.into(),
            scope: "20130524/us-east-1/s3/aws4_request".into(),
            last: "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9".into(),
        };
        let (mut decoder, mut decoded) = (Decoder::new(Some(chain), 66560), Vec::new());
        for piece in encoded.chunks(piece) {
            let mut input = Bytes::copy_from_slice(piece);
            while !input.is_empty() {
                decoded.extend(decoder.take(&mut input)?);
            }
        }
        decoder.finish().map(|trailers| assert!(trailers.is_empty()))?;
        Ok(decoded)
    };
    for piece in [1, 7, 64, 1000, 65_536, 1 << 20] {
        assert_eq!(decode(&encoded, piece).unwrap(), vec![b'a'; 66560], "in pieces of {piece}");
    }
    for at in [0, 20, 100, 60_000, 66_000, 66_700] {
        let mut changed = encoded.clone();
        changed[at] ^= 1;
        assert!(decode(&changed, 1000).is_err(), "changed at {at}");
        assert!(decode(&encoded[..at], 1000).is_err(), "cut at {at}");
    }
}

#[test]
fn times_are_read_as_they_are_written() {
    let seconds = |text| time(text).map(|time| time.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs());
    assert_eq!(seconds("19700101T000000Z"), Some(0));
    assert_eq!(seconds("20000229T235959Z"), Some(951_868_799));
    assert_eq!(seconds("20130524T000000Z"), Some(1_369_353_600));
    for wrong in ["", "20130524T000000", "20131324T000000Z", "20130524 000000Z", "2013-05-24T00:00Z", "٢0130524T000000"]
    {
        assert_eq!(seconds(wrong), None, "{wrong}");
    }
}
