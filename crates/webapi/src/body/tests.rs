use std::future::poll_fn;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, stream};
use http::Response;
use tokio_util::sync::CancellationToken;

use super::coding::encode;
use super::*;

fn chunks(parts: &[&'static str]) -> BodyReader {
    let parts: Vec<_> = parts.iter().map(|part| Ok(Bytes::from_static(part.as_bytes()))).collect();
    BodyReader::from_stream(stream::iter(parts), None)
}

async fn text(body: BodyReader) -> Result<String, BodyError> {
    Ok(String::from_utf8(body.read_all(1 << 20).await?.to_vec()).expect("text"))
}

fn try_read(body: &mut BodyReader, max: usize) -> Poll<Option<Result<Bytes, BodyError>>> {
    body.poll_read(&mut Context::from_waker(Waker::noop()), max)
}

#[tokio::test]
async fn small_chunks_are_joined_and_large_ones_split() {
    let mut body = chunks(&["ab", "cd", "ef"]);
    let all = poll_fn(|cx| body.poll_read(cx, 64)).await.expect("a chunk").expect("no error");
    assert_eq!(all, "abcdef");
    assert!(poll_fn(|cx| body.poll_read(cx, 64)).await.is_none());

    let mut body = BodyReader::from_bytes(vec![7u8; 150]);
    assert_eq!(body.length(), Some(150));
    let mut sizes = Vec::new();
    while let Some(chunk) = poll_fn(|cx| body.poll_read(cx, 64)).await {
        sizes.push(chunk.expect("no error").len());
        assert_eq!(body.length(), Some(150 - sizes.iter().sum::<usize>() as u64));
    }
    assert_eq!(sizes, [64, 64, 22]);
}

#[tokio::test]
async fn an_error_comes_after_the_bytes_before_it() {
    let failing = stream::iter([Ok(Bytes::from_static(b"ab")), Err(BodyError::Source("no more".into()))]);
    let mut body = BodyReader::from_stream(failing, None);
    assert_eq!(poll_fn(|cx| body.poll_read(cx, 64)).await.expect("chunk").expect("bytes"), "ab");
    let error = poll_fn(|cx| body.poll_read(cx, 64)).await.expect("item").expect_err("the error");
    assert_eq!(error.to_string(), "no more");
    assert!(poll_fn(|cx| body.poll_read(cx, 64)).await.is_none());
}

#[tokio::test]
async fn a_writer_waits_for_room_and_learns_that_its_reader_left() {
    let (writer, mut reader) = channel(None);
    assert!(writer.write(Bytes::from(vec![0; channel::HIGH_WATER - 1])).expect("open"));
    assert!(!writer.write(Bytes::from_static(b"xy")).expect("open"), "full now");
    let waiting = tokio::spawn({
        let writer = writer.clone();
        async move { writer.ready().await }
    });
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    reader.chunk().await.expect("chunk").expect("bytes");
    waiting.await.expect("joined").expect("room");

    let gone = tokio::spawn({
        let watch = writer.watch();
        async move { watch.reader_gone().await }
    });
    tokio::task::yield_now().await;
    assert!(!gone.is_finished());
    drop(reader);
    gone.await.expect("told");
    assert!(matches!(writer.write(Bytes::from_static(b"z")), Err(BodyError::ReaderGone)));
}

#[tokio::test]
async fn a_promised_length_is_kept_or_both_sides_hear() {
    let (writer, reader) = channel(Some(4));
    assert_eq!(reader.length(), Some(4));
    writer.write(Bytes::from_static(b"ab")).expect("fits");
    assert!(matches!(writer.close(), Err(BodyError::Underrun)));
    assert!(matches!(text(reader).await, Err(BodyError::Underrun)));

    let (writer, reader) = channel(Some(1));
    assert!(matches!(writer.write(Bytes::from_static(b"ab")), Err(BodyError::Overrun)));
    assert!(matches!(text(reader).await, Err(BodyError::Overrun)));

    let (writer, reader) = channel(None);
    writer.write(Bytes::from_static(b"ab")).expect("open");
    drop(writer);
    assert!(matches!(text(reader).await, Err(BodyError::ConnectionLost)), "broken off, not ended");

    let short = BodyReader::from_stream(stream::iter([Ok(Bytes::from_static(b"ab"))]), Some(3));
    assert!(matches!(text(short).await, Err(BodyError::ConnectionLost)));
}

#[tokio::test]
async fn abort_reaches_a_read_that_waits() {
    let (_writer, reader) = channel(None);
    let token = CancellationToken::new();
    let reading = tokio::spawn(text(reader.abort_on(token.clone())));
    tokio::task::yield_now().await;
    token.cancel();
    assert!(matches!(reading.await.expect("joined"), Err(BodyError::Aborted)));
}

#[tokio::test]
async fn both_branches_of_a_tee_read_everything_at_their_own_pace() {
    let (writer, reader) = channel(Some(6));
    let (fast, mut slow) = reader.tee();
    assert_eq!((fast.length(), slow.length()), (Some(6), Some(6)));
    let fast = tokio::spawn(text(fast));
    for part in ["ab", "cd", "ef"] {
        writer.write(Bytes::from_static(part.as_bytes())).expect("open");
        tokio::task::yield_now().await;
    }
    writer.close().expect("whole");
    assert_eq!(fast.await.expect("joined").expect("read"), "abcdef");
    assert_eq!(slow.chunk().await.expect("chunk").expect("bytes"), "ab");
    assert_eq!(text(slow).await.expect("rest"), "cdef");

    let (writer, reader) = channel(None);
    let (a, b) = reader.tee();
    drop(a);
    assert!(writer.write(Bytes::from_static(b"x")).is_ok(), "one branch still reads");
    drop(b);
    assert!(matches!(writer.write(Bytes::from_static(b"x")), Err(BodyError::ReaderGone)));
}

#[tokio::test]
async fn a_tee_wakes_the_branch_that_waits_though_the_other_polled_last() {
    let (writer, reader) = channel(None);
    let (mut a, b) = reader.tee();
    let waiting = tokio::spawn(text(b));
    tokio::task::yield_now().await;
    // The other branch polls after it, and goes away: the source's waker must still be the first one's.
    assert!(try_read(&mut a, 64).is_pending());
    drop(a);
    writer.write(Bytes::from_static(b"ab")).expect("open");
    writer.close().expect("whole");
    let read = tokio::time::timeout(Duration::from_secs(5), waiting).await.expect("woken");
    assert_eq!(read.expect("joined").expect("read"), "ab");
}

#[tokio::test]
async fn every_coding_is_undone() {
    let plain: String = (0..20_000).map(|n| format!("{n},")).collect();
    for coding in [Coding::Gzip, Coding::Deflate, Coding::Brotli] {
        let encoded = encode(coding, BodyReader::from_bytes(plain.clone()));
        assert_eq!(encoded.coding(), Some(coding));
        let raw = encoded.read_all(1 << 20).await.expect("encoded");
        assert!(raw.len() < plain.len() / 2, "{coding} made {} of {}", raw.len(), plain.len());
        let body = || BodyReader::from_bytes(raw.clone()).with_coding(Some(coding));
        assert_eq!(text(body().decoded()).await.expect("decoded"), plain);

        let cut = BodyReader::from_bytes(raw.slice(..raw.len() / 2)).with_coding(Some(coding));
        let error = text(cut.decoded()).await.expect_err("half of it is no body");
        assert_eq!(error.to_string(), format!("{coding} decompression failed."));
        let junk = BodyReader::from_bytes("not compressed at all").with_coding(Some(coding));
        assert!(matches!(text(junk.decoded()).await, Err(BodyError::Decode(_))));
        let nothing = BodyReader::empty().with_coding(Some(coding));
        assert_eq!(text(nothing.decoded()).await.expect("nothing"), "");
        // A source that fails says so itself, not that its coding is damaged.
        let failing = stream::iter([Ok(raw.slice(..9)), Err(BodyError::ConnectionLost)]);
        let failing = BodyReader::from_stream(failing, None).with_coding(Some(coding));
        assert!(matches!(text(failing.decoded()).await, Err(BodyError::ConnectionLost)));
    }
}

#[tokio::test]
async fn gzip_members_follow_one_another_and_deflate_may_be_bare() {
    let member = |text: &'static str| encode(Coding::Gzip, BodyReader::from_bytes(text)).read_all(1 << 10);
    let both = [member("one ").await.expect("gz"), member("two").await.expect("gz")].concat();
    let body = BodyReader::from_bytes(both).with_coding(Some(Coding::Gzip));
    assert_eq!(text(body.decoded()).await.expect("decoded"), "one two");

    let zlib = encode(Coding::Deflate, BodyReader::from_bytes("bare")).read_all(1 << 10).await.expect("zlib");
    let bare = zlib.slice(2..zlib.len() - 4);
    let body = BodyReader::from_bytes(bare).with_coding(Some(Coding::Deflate));
    assert_eq!(text(body.decoded()).await.expect("decoded"), "bare");
}

#[tokio::test]
async fn an_encoder_passes_on_what_it_has_while_its_source_waits() {
    for coding in [Coding::Gzip, Coding::Deflate, Coding::Brotli] {
        let (writer, reader) = channel(None);
        let mut decoded = encode(coding, reader).decoded();
        for event in ["data: 1\n\n", "data: 2\n\n"] {
            writer.write(Bytes::from_static(event.as_bytes())).expect("open");
            let got = tokio::time::timeout(Duration::from_secs(5), decoded.chunk()).await.expect("flushed");
            assert_eq!(got.expect("chunk").expect("bytes"), event);
        }
    }
}

fn response(coding: Option<&'static str>, body: impl Into<Outgoing>, encode: EncodeBody) -> Response<Outgoing> {
    let mut body = body.into();
    body.encode = encode;
    let mut response = Response::builder().header("content-length", "5").header("etag", "\"v1\"");
    if let Some(coding) = coding {
        response = response.header("content-encoding", coding);
    }
    response.body(body).expect("a response")
}

/// What goes out: its Content-Encoding, its raw bytes, its length if it has a known one.
async fn settled(response: Response<Outgoing>, accepts: &str) -> (Option<String>, Bytes, http::HeaderMap) {
    let (parts, body) = Outgoing::settle(response, accepts).into_parts();
    let coding = parts.headers.get("content-encoding").map(|value| value.to_str().expect("text").to_owned());
    let bytes: Vec<Bytes> = futures::stream::unfold(Box::pin(body), |mut body| async {
        let frame = poll_fn(|cx| http_body::Body::poll_frame(body.as_mut(), cx)).await?;
        Some((frame.expect("no error").into_data().expect("data"), body))
    })
    .collect()
    .await;
    (coding, bytes.concat().into(), parts.headers)
}

#[tokio::test]
async fn content_encoding_is_settled_with_the_client() {
    let gzipped = encode(Coding::Gzip, BodyReader::from_bytes("hello")).read_all(1 << 10).await.expect("gzip");
    let fetched = || BodyReader::from_bytes(gzipped.clone()).with_coding(Some(Coding::Gzip));

    // Passing through untouched: the very bytes, and the length that describes them.
    let (coding, bytes, headers) = settled(response(Some("gzip"), fetched(), EncodeBody::Automatic), "gzip, br").await;
    assert_eq!((coding.as_deref(), &bytes), (Some("gzip"), &gzipped));
    assert_eq!(headers["etag"], "\"v1\"");
    // The client takes no gzip.
    let (coding, bytes, headers) = settled(response(Some("gzip"), fetched(), EncodeBody::Automatic), "br").await;
    assert_eq!((coding, bytes.as_ref()), (None, &b"hello"[..]));
    assert_eq!(
        (headers.get("content-length"), &headers["etag"], &headers["vary"]),
        (None, &"W/\"v1\"".parse().expect("tag"), &"accept-encoding".parse().expect("name"))
    );
    // The Worker took the header off.
    let (coding, bytes, headers) = settled(response(None, fetched(), EncodeBody::Automatic), "gzip").await;
    assert_eq!((coding, bytes.as_ref(), headers.get("content-length")), (None, &b"hello"[..], None));
    // The Worker wants its own text encoded.
    let (coding, bytes, _) = settled(response(Some("gzip"), "hello", EncodeBody::Automatic), "gzip;q=0.5").await;
    assert_eq!(coding.as_deref(), Some("gzip"));
    let body = BodyReader::from_bytes(bytes).with_coding(Some(Coding::Gzip));
    assert_eq!(text(body.decoded()).await.expect("decoded"), "hello");
    // It is plain where the client refuses the coding, and left alone where the Worker encoded it itself.
    let (coding, bytes, _) = settled(response(Some("gzip"), "hello", EncodeBody::Automatic), "gzip;q=0, *").await;
    assert_eq!((coding, bytes.as_ref()), (None, &b"hello"[..]));
    let (coding, bytes, headers) = settled(response(Some("gzip"), "bytes", EncodeBody::Manual), "").await;
    assert_eq!(
        (coding.as_deref(), bytes.as_ref(), &headers["content-length"]),
        (Some("gzip"), &b"bytes"[..], &"5".parse().expect("n"))
    );
    let (coding, bytes, _) = settled(response(Some("deflate"), "bytes", EncodeBody::Automatic), "deflate").await;
    assert_eq!((coding.as_deref(), bytes.as_ref()), (Some("deflate"), &b"bytes"[..]));
    // A coding that is not ours is the Worker's affair.
    let (coding, bytes, _) = settled(response(Some("zstd"), "bytes", EncodeBody::Automatic), "gzip").await;
    assert_eq!((coding.as_deref(), bytes.as_ref()), (Some("zstd"), &b"bytes"[..]));
}

#[tokio::test]
async fn read_all_is_bounded() {
    assert!(matches!(BodyReader::from_bytes(vec![0; 11]).read_all(10).await, Err(BodyError::MemoryLimit)));
    let endless = stream::repeat_with(|| Ok(Bytes::from_static(&[0; 64])));
    assert!(matches!(BodyReader::from_stream(endless, None).read_all(1000).await, Err(BodyError::MemoryLimit)));
    // A gzip bomb stops where its plain bytes pass the bound.
    let zeros = BodyReader::from_bytes(vec![0u8; 8 << 20]);
    let bomb = encode(Coding::Gzip, zeros).read_all(1 << 20).await.expect("small");
    let bomb = BodyReader::from_bytes(bomb).with_coding(Some(Coding::Gzip)).decoded();
    assert!(matches!(bomb.read_all(1 << 20).await, Err(BodyError::MemoryLimit)));
}
