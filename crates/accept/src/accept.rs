//! The accept loop.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Where connections come from.
pub trait Listener: Send {
    type Stream: Send + 'static;

    /// The next connection, and whose it is: nobody's where clients have no address.
    fn accept(&mut self) -> impl Future<Output = io::Result<(Self::Stream, Option<SocketAddr>)>> + Send;
}

impl Listener for TcpListener {
    type Stream = TcpStream;

    async fn accept(&mut self) -> io::Result<(TcpStream, Option<SocketAddr>)> {
        let (stream, remote) = TcpListener::accept(self).await?;
        // Small writes are whole responses here: waiting to fill a segment helps nobody.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY");
        }
        Ok((stream, Some(remote)))
    }
}

impl Listener for UnixListener {
    type Stream = UnixStream;

    async fn accept(&mut self) -> io::Result<(UnixStream, Option<SocketAddr>)> {
        let (stream, _) = UnixListener::accept(self).await?;
        Ok((stream, None))
    }
}

/// How a listener ends its connections.
#[derive(Clone, Debug, Default)]
pub struct Ends {
    /// Begin nothing new.
    pub stop: CancellationToken,
    /// What is in flight has had its time.
    pub cut: CancellationToken,
}

/// How a stop went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// Connections that were cut because they did not finish in time.
    pub cut: usize,
}

/// Has `serve` look after each connection until `stop` fires, at most `max_connections` at a time; then they have `drain` to finish.
pub async fn accept<L: Listener, F>(
    mut listener: L,
    max_connections: usize,
    drain: Duration,
    stop: CancellationToken,
    serve: impl Fn(L::Stream, Option<SocketAddr>, Ends) -> F,
) -> Drained
where
    F: Future<Output = ()> + Send + 'static,
{
    let room = Arc::new(Semaphore::new(max_connections));
    let tasks = TaskTracker::new();
    let ends = Ends { stop, cut: CancellationToken::new() };
    loop {
        // Without room the kernel's backlog holds newcomers, which is all the backpressure that TCP has.
        let (accepted, permit) = tokio::select! {
            biased;
            () = ends.stop.cancelled() => break,
            accepted = async {
                let permit = room.clone().acquire_owned().await;
                (listener.accept().await, permit)
            } => accepted,
        };
        match accepted {
            Ok((stream, remote)) => {
                let served = serve(stream, remote, ends.clone());
                tasks.spawn(async move {
                    let _permit = permit;
                    served.await;
                });
            }
            Err(error) => pause_after(&error).await,
        }
    }
    drop(listener);
    tasks.close();
    let finished = tokio::time::timeout(drain, tasks.wait()).await.is_ok();
    let left = if finished { 0 } else { tasks.len() };
    ends.cut.cancel();
    tasks.wait().await;
    Drained { cut: left }
}

/// A connection that died in the backlog concerns nobody; being out of descriptors passes, but not at once.
async fn pause_after(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    if matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted) {
        return;
    }
    tracing::warn!(%error, "cannot accept connections for the moment");
    tokio::time::sleep(Duration::from_millis(200)).await;
}
