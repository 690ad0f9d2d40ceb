//! The S3 API in front of R2: signatures, tokens, and S3's operations on the same store that Workers are bound to. HTTP and XML are
//! here, and nothing of JavaScript.
//!
//! `s3s` knows the shapes of S3: which request is which operation, what its headers and XML hold, what answers look like. Who asks
//! ([`sign`]), what comes in ([`body`]), who may ([`access`]) and what is done are here.

mod access;
mod api;
mod body;
mod chunked;
mod conditions;
mod copy;
mod cors;
mod error;
mod lists;
mod logins;
mod metadata;
mod multipart;
mod objects;
mod service;
mod sign;
mod token;

pub use logins::{Login, Logins, OneStore};
pub use service::Service;
pub use token::{NewToken, Permission, Token, Tokens};

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// How long a body may be awaited.
pub const BODY_STALL: Duration = Duration::from_secs(60);

/// Answers clients at this port until `stop` fires, then lets what is in flight finish.
pub async fn serve(listener: impl accept::Port, service: Arc<Service>, stop: CancellationToken) {
    let answer = move |request| {
        let service = service.clone();
        async move { service.call(request).await }
    };
    accept::serve(listener, accept::Bounds::default(), stop, answer).await;
}
