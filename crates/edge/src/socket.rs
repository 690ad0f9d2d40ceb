//! A client's connection: bytes read ahead to tell the protocol, a bound on how long it may refuse to take ours, and
//! the kernel's word that the other side has closed, which needs no reading.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::time::Sleep;

use crate::stream::Stream;

/// The stream that hyper or rustls drives. The stream is shared with whoever watches it.
pub(crate) struct Socket {
    stream: Arc<Stream>,
    ahead: Bytes,
    write_stall: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
}

// === impl Socket ===

impl Socket {
    pub(crate) fn new(stream: Arc<Stream>, write_stall: Duration) -> Self {
        Self { stream, ahead: Bytes::new(), write_stall, stalled: None }
    }

    /// Gives back bytes that were read to look at.
    pub(crate) fn unread(mut self, ahead: Vec<u8>) -> Self {
        self.ahead = ahead.into();
        self
    }

    /// Waits until the client has closed its side.
    pub(crate) async fn closed(stream: &Stream) {
        // Priority interest is never met by data, only by urgent data and by the close.
        loop {
            match stream.ready(Interest::PRIORITY).await {
                Ok(ready) if !ready.is_read_closed() => tokio::time::sleep(Duration::from_millis(50)).await,
                _ => return,
            }
        }
    }

    fn write_with(
        &mut self,
        cx: &mut Context<'_>,
        write: impl Fn(&Stream) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            if self.stream.poll_write_ready(cx)?.is_pending() {
                let stall = self.write_stall;
                let timer = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep(stall)));
                ready!(timer.as_mut().poll(cx));
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            match write(&self.stream) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => {
                    self.stalled = None;
                    return Poll::Ready(result);
                }
            }
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.ahead.has_remaining() {
            let n = self.ahead.len().min(buf.remaining());
            buf.put_slice(&self.ahead.split_to(n));
            return Poll::Ready(Ok(()));
        }
        loop {
            ready!(self.stream.poll_read_ready(cx))?;
            let (room, mut n) = (buf.remaining(), 0);
            let read = self.stream.try_io(Interest::READABLE, || {
                n = self.stream.try_read_buf(buf)?;
                // Less than there was room for is all that there is: to ask again would only tell so.
                if 0 < n && n < room { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
            });
            match read {
                Err(error) if n == 0 && error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if n == 0 => return Poll::Ready(Err(error)),
                _ => return Poll::Ready(Ok(())),
            }
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.write_with(cx, |stream| stream.try_write(buf))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.write_with(cx, |stream| stream.try_write_vectored(bufs))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // The watcher's share of the stream goes with the connection's task, and with it the socket closes.
        Poll::Ready(match rustix::net::shutdown(&*self.stream, rustix::net::Shutdown::Write) {
            Err(rustix::io::Errno::NOTCONN) | Ok(()) => Ok(()),
            Err(error) => Err(error.into()),
        })
    }
}
