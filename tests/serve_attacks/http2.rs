//! Floods of HTTP/2 frames, over TLS and with prior knowledge.

use harness::wire::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PING, RST_STREAM, SETTINGS, Stream, WINDOW_UPDATE,
    frame, get, http2, read_frame,
};
use harness::{Neighbour, PATIENCE, Served};
use rustls::pki_types::CertificateDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::mirror;

/// A server with HTTPS, and its certificate.
async fn with_tls() -> (Served, CertificateDer<'static>, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["hello.localhost".to_owned()]).unwrap();
    let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let served =
        mirror(&format!("[https]\nlisten = \"127.0.0.1:0\"\ncertificate = {certificate:?}\nkey = {key:?}\n")).await;
    (served, made.cert.der().clone(), folder)
}

/// What a flood came to.
#[derive(Debug, PartialEq, Eq)]
enum Flood {
    /// The server ended the connection.
    Ended,
    /// It took all of it.
    Taken,
    /// It does not read on, so that nothing more can be sent.
    Held,
}

/// Writes the same bytes up to so many times, and reads nothing.
async fn flood(stream: &mut Box<dyn Stream>, times: usize, mut bytes: impl FnMut(usize) -> Vec<u8>) -> Flood {
    for nth in 0..times {
        match timeout(PATIENCE / 8, stream.write_all(&bytes(nth))).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return Flood::Ended,
            Err(_) => return Flood::Held,
        }
    }
    Flood::Taken
}

/// The connection's end, whatever comes before.
async fn ends(stream: &mut Box<dyn Stream>) -> bool {
    let mut sink = [0; 65536];
    let reading = async { while matches!(stream.read(&mut sink).await, Ok(1..)) {} };
    timeout(PATIENCE, reading).await.is_ok()
}

/// The request's answer is none of a Worker's: its stream is reset, the connection ends, or the status is an error's.
async fn refuses(stream: &mut Box<dyn Stream>, what: &str) {
    // Status 200 is entry 8 of the static table.
    let answer = read_frame(stream, &[HEADERS, RST_STREAM, GOAWAY]).await;
    assert!(answer.is_none_or(|(kind, _, block)| kind != HEADERS || block[0] != 0x88), "{what} was taken");
}

fn id(nth: usize) -> u32 {
    u32::try_from(2 * nth + 1).expect("a stream")
}

#[tokio::test]
async fn floods_of_frames_end_their_connection_alone() {
    let (mut served, certificate, _folder) = with_tls().await;
    let output = served.output();
    let line = output.lines().find(|line| line.contains("HTTPS: ")).expect("an address");
    let https = format!("127.0.0.1:{}", line.rsplit(':').next().unwrap()).parse().unwrap();
    let neighbour = Neighbour::start(&served).await;
    let before = served.resident_mib();
    let headers = |nth, flags| frame(HEADERS, flags, id(nth), &get("hello.localhost"));
    for (address, certificate) in [(served.http(), None), (https, Some(&certificate))] {
        let open = || http2(address, certificate);

        // It is spoken at all.
        let mut stream = open().await;
        stream.write_all(&headers(0, END_HEADERS | END_STREAM)).await.unwrap();
        assert_eq!(read_frame(&mut stream, &[HEADERS]).await.expect("an answer").1, 1);
        let body = read_frame(&mut stream, &[DATA]).await.expect("a body").2;
        assert!(body.starts_with(b"<GET http"), "{}", String::from_utf8_lossy(&body));

        // Rapid reset (CVE-2023-44487).
        let met = super::met(&served).await;
        let mut stream = open().await;
        let reset = |nth| {
            [headers(nth, END_HEADERS | END_STREAM), frame(RST_STREAM, 0, id(nth), &8_u32.to_be_bytes())].concat()
        };
        assert_ne!(flood(&mut stream, 100_000, reset).await, Flood::Taken, "rapid reset");
        assert!(ends(&mut stream).await, "rapid reset");
        let met = super::met(&served).await - met;
        assert!(met < 2000, "{met} requests of a reset flood met the Worker");

        // Headers without end (CVE-2024-27316): with something in each frame, and with nothing.
        for fragment in [vec![0; 16384], b"\x00\x01a\x01b".repeat(3000), vec![], vec![0x82; 100]] {
            let mut stream = open().await;
            stream.write_all(&headers(0, END_STREAM)).await.unwrap();
            assert_eq!(
                flood(&mut stream, 100_000, |_| frame(CONTINUATION, 0, 1, &fragment)).await,
                Flood::Ended,
                "{} bytes",
                fragment.len()
            );
        }

        // Frames that want an answer, to a client that reads none.
        for want in [frame(PING, 0, 0, &[0; 8]), frame(SETTINGS, 0, 0, &[0, 4, 0, 1, 0, 0]), frame(SETTINGS, 0, 0, b"")]
        {
            let mut stream = open().await;
            let many = want.repeat(1000);
            let result = flood(&mut stream, 5_000, |_| many.clone()).await;
            assert_ne!(result, Flood::Taken, "five million {:?}", &want[..9]);
            neighbour.answers().await;
        }
        // The same to one that reads: each is answered, and nothing else is lost.
        let mut stream = open().await;
        stream.write_all(&frame(PING, 0, 0, &[7; 8]).repeat(100)).await.unwrap();
        assert_eq!(read_frame(&mut stream, &[PING]).await.expect("an answer").2, [7; 8]);

        // Headers that are small as they come and large when they are unpacked: one entry of the table, many times.
        let mut stream = open().await;
        let entry = [b"\x40\x01a\x7f\xa1\x1e".as_slice(), &[b'v'; 4000]].concat();
        let bomb = [get("hello.localhost"), entry, vec![0xbe; 12_000]].concat();
        stream.write_all(&frame(HEADERS, END_HEADERS | END_STREAM, 1, &bomb)).await.unwrap();
        refuses(&mut stream, "a bomb of headers").await;

        // Frames that carry nothing, and windows that never were.
        for bytes in [
            frame(DATA, 0, 1, b""),
            frame(WINDOW_UPDATE, 0, 0, &0x7fff_ffff_u32.to_be_bytes()),
            frame(WINDOW_UPDATE, 0, 1, &[0; 4]),
        ] {
            let mut stream = open().await;
            stream.write_all(&headers(0, END_HEADERS)).await.unwrap();
            let many = bytes.repeat(1000);
            let _ = flood(&mut stream, 100, |_| many.clone()).await;
            neighbour.answers().await;
            served.assert_alive();
        }

        // Messages that HTTP/1.1 would read otherwise.
        for (what, more) in [
            ("a framing header", b"\x00\x11transfer-encoding\x07chunked".as_slice()),
            ("a header of the hop", b"\x00\x0aconnection\x04host"),
            ("a CR and LF in a value", b"\x00\x01x\x0fa\r\nhost: other!"),
            ("a name with a colon", b"\x00\x03x:y\x01z"),
            ("a name in upper case", b"\x00\x01X\x01z"),
            ("a second path", b"\x00\x05:path\x02/b"),
        ] {
            let mut stream = open().await;
            let block = [get("hello.localhost"), more.to_vec()].concat();
            stream.write_all(&frame(HEADERS, END_HEADERS | END_STREAM, 1, &block)).await.unwrap();
            refuses(&mut stream, what).await;
        }
        // A body that is not as long as it says.
        let mut stream = open().await;
        let block = [get("hello.localhost"), b"\x0f\x0d\x013".to_vec()].concat();
        stream.write_all(&frame(HEADERS, END_HEADERS, 1, &block)).await.unwrap();
        stream.write_all(&frame(DATA, END_STREAM, 1, b"ab")).await.unwrap();
        let answer = read_frame(&mut stream, &[DATA, RST_STREAM, GOAWAY]).await;
        assert!(answer.is_none_or(|(kind, ..)| kind != DATA), "a short body was taken");
        neighbour.answers().await;
    }
    let after = served.resident_mib();
    assert!(after < before + 200, "{before} MiB resident, then {after}");
    neighbour.was_calm().await;
    served.assert_alive();
}
