//! One client's connection: its requests side by side, and everything that may end it.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use accept::Ends;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use h3::error::Code;
use tokio_util::task::TaskTracker;

use super::request;
use super::transport::{Transport, code};
use crate::activity::Activity;
use crate::client::{Info, Tls};
use crate::connection::Shared;
use crate::{Config, Handler};

/// `h3` remembers streams that end before their headers: so many, and the connection ends.
const BROKEN: u32 = 1000;
/// For the frame that says that the connection ends.
const GOAWAY: Duration = Duration::from_secs(1);

/// How something other than HTTP ends a connection.
enum End {
    Gently,
    Now,
    Flooded,
}

/// Serves requests until the connection ends, idles or floods; a stop ends it gently.
pub(super) async fn serve<H: Handler>(quic: quinn::Connection, config: Arc<Config>, handler: Arc<H>, ends: Ends) {
    let remote = quic.remote_address();
    let info = Info { tls: Some(Tls::HTTP3), ..Info::new(remote, None, &config.geo) };
    let activity = Arc::new(Activity::new());
    let shared = Arc::new(Shared {
        handler,
        config: config.clone(),
        info: Arc::new(info),
        activity: activity.clone(),
        upgrade: Mutex::default(),
    });
    let max_header_bytes = config.bounds.max_header_bytes as u64;
    // What is a little larger than allowed gets its 431; what is larger still does not get in.
    let (transport, streams) = Transport::new(&quic, 2 * max_header_bytes);
    let mut builder = h3::server::builder();
    let building = builder.max_field_section_size(max_header_bytes).send_grease(false).build(transport);
    let built = tokio::select! {
        () = ends.stop.cancelled() => return,
        built = tokio::time::timeout(config.bounds.header_timeout, building) => built,
    };
    let Ok(Ok(mut http3)) = built else { return };

    let mut endings = FuturesUnordered::new();
    endings.push(activity.idle_for(config.bounds.idle_timeout).map(|()| End::Now).boxed());
    endings.push(activity.flooded().map(|()| End::Flooded).boxed());
    endings.push(ends.cut.cancelled_owned().map(|()| End::Now).boxed());
    endings.push(ends.stop.cancelled_owned().map(|()| End::Gently).boxed());
    let requests = TaskTracker::new();
    let broken = Arc::new(AtomicU32::new(0));
    let mut draining = false;
    loop {
        tokio::select! {
            biased;
            Some(end) = endings.next() => match end {
                End::Gently => {
                    streams.close();
                    draining = true;
                    requests.close();
                    if !matches!(tokio::time::timeout(GOAWAY, http3.shutdown(1)).await, Ok(Ok(()))) {
                        break;
                    }
                }
                End::Now => break,
                End::Flooded => {
                    tracing::warn!(%remote, "connection cut: a flood of abandoned requests");
                    quic.close(code(Code::H3_EXCESSIVE_LOAD), b"too many requests were abandoned");
                    break;
                }
            },
            () = requests.wait(), if draining => break,
            accepted = http3.accept() => match accepted {
                Ok(Some(resolver)) => {
                    let Some(stopped) = streams.stopped() else { break };
                    if broken.load(Ordering::Relaxed) > BROKEN {
                        quic.close(code(Code::H3_EXCESSIVE_LOAD), b"too many requests were broken");
                        break;
                    }
                    requests.spawn(request::serve(shared.clone(), resolver, stopped, broken.clone()));
                }
                Ok(None) => break,
                Err(error) => {
                    tracing::debug!(%error, %remote, "connection ended");
                    break;
                }
            },
        }
    }
    // Closes the connection, which ends what is left of its requests.
    drop(http3);
    requests.close();
    requests.wait().await;
}
