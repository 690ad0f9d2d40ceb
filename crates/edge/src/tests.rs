//! The edge over real sockets.

mod attacks;
mod disconnect;
mod drain;
mod http3;
mod requests;
mod tls;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use webapi::body::Outgoing;

use crate::{Bounds, Config, Drained, Geo, Handler, Request, Response, serve};

/// A handler made of a closure.
struct Answer<F>(F);

impl<F, A> Handler for Answer<F>
where
    F: Fn(Request) -> A + Send + Sync + 'static,
    A: Future<Output = Response> + Send,
{
    fn handle(&self, request: Request) -> impl Future<Output = Response> + Send {
        (self.0)(request)
    }
}

struct Edge {
    address: SocketAddr,
    stop: CancellationToken,
    served: JoinHandle<Drained>,
}

/// Bounds short enough to wait for.
fn impatient() -> Bounds {
    let short = Duration::from_millis(300);
    Bounds {
        header_timeout: short,
        tls_timeout: short,
        idle_timeout: short,
        body_stall: short,
        write_stall: short,
        drain: Duration::from_secs(2),
        ..Bounds::default()
    }
}

fn config(bounds: Bounds) -> Config {
    let geo = Arc::new(Geo::new(Some("NRT"), &[]).expect("a colo"));
    Config { bounds, tls: None, passed: None, geo, connections: Arc::default(), alt_svc: None }
}

async fn start<F, A>(config: Config, answer: F) -> Edge
where
    F: Fn(Request) -> A + Send + Sync + 'static,
    A: Future<Output = Response> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its address");
    let stop = CancellationToken::new();
    let served = tokio::spawn(serve(listener, config, Arc::new(Answer(answer)), stop.clone()));
    Edge { address, stop, served }
}

fn text(text: impl Into<String>) -> Response {
    Response::new(Outgoing::from(text.into()))
}

impl Edge {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("connected")
    }

    /// Sends raw bytes and reads until the server closes.
    async fn raw(&self, request: &str) -> String {
        let mut stream = self.connect().await;
        stream.write_all(request.as_bytes()).await.expect("sent");
        to_end(stream).await
    }
}

/// Everything until the close, a reset counting as one.
async fn to_end(mut stream: TcpStream) -> String {
    let mut answer = Vec::new();
    let reading = async {
        let mut buffer = [0; 4096];
        while let Ok(n @ 1..) = stream.read(&mut buffer).await {
            answer.extend_from_slice(&buffer[..n]);
        }
    };
    tokio::time::timeout(Duration::from_secs(10), reading).await.expect("the server closes");
    String::from_utf8_lossy(&answer).into_owned()
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(10), future).await.expect("in time")
}
