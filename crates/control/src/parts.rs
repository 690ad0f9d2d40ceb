//! Forms, a part at a time. What comes before a part's content is bounded: all of it is searched anew each time that more comes.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use axum::body::{Body, BodyDataStream, Bytes};
use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{FromRequest, Multipart, Request};
use futures::Stream;

use crate::envelope::ApiError;

/// Bytes that may come until a part's headers are whole.
const MAX_HEAD: usize = 16 << 10;

/// A form in a request's body.
pub(crate) struct Parts {
    form: Multipart,
    room: Room,
}

/// How many bytes the form's reader may still be given. Clones are the same.
#[derive(Clone)]
struct Room(Arc<AtomicUsize>);

/// The body, as long as there is room.
struct Paced {
    body: BodyDataStream,
    room: Room,
    /// Its reader has been sent to look through what it has.
    paused: bool,
}

// === impl Parts ===

impl<S: Send + Sync> FromRequest<S> for Parts {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let room = Room(Arc::new(AtomicUsize::new(MAX_HEAD)));
        let paced = |body: Body| Paced { body: body.into_data_stream(), room: room.clone(), paused: false };
        let form = Multipart::from_request(request.map(|body| Body::from_stream(paced(body))), state).await;
        let unread = |text: String| ApiError::bad_request(10021, format!("The form can't be read: {text}"));
        let form = form.map_err(|error| unread(error.body_text()))?;
        Ok(Self { form, room })
    }
}

impl Parts {
    /// The next part. The one before has to be read to its end.
    pub(crate) async fn next(&mut self) -> Result<Option<Field<'_>>, MultipartError> {
        self.room.be(MAX_HEAD);
        let part = self.form.next_field().await;
        self.room.be(usize::MAX);
        part
    }
}

/// What is wrong with a form that could not be read on.
pub(crate) fn unreadable(error: &MultipartError) -> ApiError {
    // A body that breaks off is the client's doing, which axum takes for the server's.
    let status = Some(error.status()).filter(http::StatusCode::is_client_error);
    let status = status.unwrap_or(http::StatusCode::BAD_REQUEST);
    let reason = match status {
        http::StatusCode::BAD_REQUEST => innermost(error).to_string(),
        _ => error.body_text(),
    };
    ApiError::new(status, 10021, format!("The form can't be read: {reason}"))
}

/// The reader of forms says that a stream failed, and what it failed with says why.
fn innermost<'e>(error: &'e (dyn std::error::Error + 'static)) -> &'e (dyn std::error::Error + 'static) {
    error.source().map_or(error, innermost)
}

// === impl Room ===

impl Room {
    fn be(&self, bytes: usize) {
        self.0.store(bytes, Ordering::Relaxed);
    }

    fn left(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    fn take(&self, bytes: usize) {
        let left = self.left();
        if left != usize::MAX {
            self.be(left.saturating_sub(bytes));
        }
    }
}

// === impl Paced ===

impl Stream for Paced {
    type Item = Result<Bytes, axum::BoxError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.room.left() == 0 {
            if self.paused {
                return Poll::Ready(Some(
                    Err(format!("the headers of a part are longer than {MAX_HEAD} bytes").into()),
                ));
            }
            self.paused = true;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.paused = false;
        let chunk = ready!(Pin::new(&mut self.body).poll_next(cx));
        if let Some(Ok(chunk)) = &chunk {
            self.room.take(chunk.len());
        }
        Poll::Ready(chunk.map(|chunk| chunk.map_err(Into::into)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A form whose body comes in pieces of this size.
    async fn parts(body: Vec<u8>, piece: usize) -> Parts {
        let pieces: Vec<_> =
            body.chunks(piece).map(|piece| Ok::<_, axum::BoxError>(Bytes::copy_from_slice(piece))).collect();
        let request = Request::builder().header("content-type", "multipart/form-data; boundary=b");
        let request = request.body(Body::from_stream(futures::stream::iter(pieces))).expect("a request");
        Parts::from_request(request, &()).await.expect("a form")
    }

    #[tokio::test]
    async fn contents_may_be_long_and_headers_may_not() {
        let content = "x".repeat(3 * MAX_HEAD);
        let part = |name: &str| format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{content}\r\n");
        let form = format!("{}{}--b--\r\n", part("one"), part("two"));
        for piece in [1, 1000, usize::MAX] {
            let mut parts = parts(form.clone().into_bytes(), piece).await;
            for name in ["one", "two"] {
                let part = parts.next().await.expect("readable").expect("a part");
                assert_eq!(part.name(), Some(name));
                assert_eq!(part.bytes().await.expect("its content").len(), content.len());
            }
            assert!(parts.next().await.expect("readable").is_none());
        }
        let form = format!("--b\r\nContent-Disposition: form-data; name=\"one\"\r\nx: {content}{content}");
        for (form, piece) in [(form.clone(), 100), (form.clone(), 20_000), ("y".repeat(100_000), 100)] {
            let error = parts(form.into_bytes(), piece).await.next().await.expect_err("too long");
            assert_eq!(unreadable(&error).status, 400);
            assert!(unreadable(&error).message.contains("headers of a part"), "{}", unreadable(&error).message);
        }
    }
}
