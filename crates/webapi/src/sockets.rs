//! TCP sockets (<https://developers.cloudflare.com/workers/runtime-apis/tcp-sockets/>) for `js/sockets.js`: the connections themselves.
//! JavaScript names one by its number in the resource table.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use isolate::{Args, JsError, Op, OpValue, op, v8};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio_rustls::client::TlsStream;
use tokio_util::either::Either;
use tokio_util::sync::CancellationToken;

use crate::fetch::{ConnectError, Outbound};

pub const OPS: &[Op] = &[
    op!(op_socket_connect),
    op!(op_socket_read),
    op!(op_socket_write),
    op!(op_socket_end),
    op!(op_socket_start_tls),
    op!(op_socket_drop),
];

/// The most bytes that one read yields.
const CHUNK: usize = 16 * 1024;

/// Mail between servers: no Worker may send any.
const SMTP: u16 = 25;

/// Where it is likely that `fetch` was meant.
const HTTP_PORTS: [u16; 2] = [80, 443];

type Stream = Either<TcpStream, Either<TlsStream<TcpStream>, DuplexStream>>;

/// Makes a connection to something in this process.
pub type Answerer = Arc<dyn Fn() -> DuplexStream + Send + Sync>;

/// The hosts that only this isolate's code reaches, with their one port each.
#[derive(Default)]
struct Answered(HashMap<String, (u16, Answerer)>);

#[derive(Debug, thiserror::Error)]
enum SocketError {
    /// The platform says no more than this; the reason is in the log.
    #[error("proxy request failed, cannot connect to the specified address{}", hint(*.port))]
    Connect { port: u16, errno: i32 },
    #[error("Connections to port 25 are prohibited")]
    Smtp,
    #[error("TLS Handshake Failed.")]
    Handshake,
    #[error("Network connection lost.")]
    Lost,
    #[error("The connection was closed before startTls could be started.")]
    Closed,
    #[error("This Worker has no outbound network.")]
    NoNetwork,
}

/// A connection, shared with the reads and writes under way. A half is taken out when the connection goes over to TLS.
#[derive(Clone)]
struct Connection {
    reading: Arc<Mutex<Option<ReadHalf<Stream>>>>,
    writing: Arc<Mutex<Option<WriteHalf<Stream>>>>,
    /// Ends reads and writes that wait, so that their halves come free.
    detached: CancellationToken,
}

fn hint(port: u16) -> &'static str {
    match HTTP_PORTS.contains(&port) {
        true => ". It looks like you might be trying to connect to a HTTP-based service — consider using fetch instead",
        false => "",
    }
}

// === impl SocketError ===

impl From<SocketError> for JsError {
    fn from(error: SocketError) -> Self {
        JsError::error(error.to_string())
    }
}

// === impl Connection ===

impl Connection {
    fn new(stream: Stream) -> Self {
        let (reading, writing) = tokio::io::split(stream);
        Self {
            reading: Arc::new(Mutex::new(Some(reading))),
            writing: Arc::new(Mutex::new(Some(writing))),
            detached: CancellationToken::new(),
        }
    }

    /// The next bytes; `None` at the end, or when the connection goes over to TLS.
    async fn read(self) -> Result<Option<Vec<u8>>, SocketError> {
        let mut reading = self.reading.lock().await;
        let Some(half) = reading.as_mut() else { return Ok(None) };
        let mut bytes = Vec::with_capacity(CHUNK);
        let read = tokio::select! {
            biased;
            () = self.detached.cancelled() => return Ok(None),
            read = half.read_buf(&mut bytes) => read,
        };
        match read {
            Ok(0) => Ok(None),
            Ok(_) => Ok(Some(bytes)),
            // A TLS peer that closes without saying so is at its end all the same.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
            Err(error) => Err(lost(&error)),
        }
    }

    async fn write(self, bytes: Vec<u8>) -> Result<(), SocketError> {
        let mut writing = self.writing.lock().await;
        let half = writing.as_mut().ok_or(SocketError::Lost)?;
        let sending = async {
            half.write_all(&bytes).await?;
            half.flush().await
        };
        tokio::select! {
            biased;
            () = self.detached.cancelled() => Err(SocketError::Lost),
            sent = sending => sent.map_err(|error| lost(&error)),
        }
    }

    /// Says that nothing more is sent.
    async fn end(self) -> Result<(), SocketError> {
        let mut writing = self.writing.lock().await;
        let Some(half) = writing.as_mut() else { return Ok(()) };
        match half.shutdown().await {
            // Whoever has gone learns nothing more.
            Err(error) if error.kind() != io::ErrorKind::NotConnected => Err(lost(&error)),
            _ => Ok(()),
        }
    }

    /// The connection itself, once what is read and written at the moment is done; nobody else uses it from here on.
    async fn detach(self) -> Result<TcpStream, SocketError> {
        self.detached.cancel();
        let (mut reading, mut writing) = (self.reading.lock().await, self.writing.lock().await);
        match (reading.take(), writing.take()) {
            (Some(reading), Some(writing)) => match reading.unsplit(writing) {
                Either::Left(stream) => Ok(stream),
                Either::Right(_) => Err(SocketError::Closed),
            },
            _ => Err(SocketError::Closed),
        }
    }
}

fn lost(error: &io::Error) -> SocketError {
    tracing::debug!(%error, "a Worker's socket broke off");
    SocketError::Lost
}

fn failed(port: u16, error: &ConnectError) -> SocketError {
    tracing::debug!(port, error = error as &dyn std::error::Error, "a Worker's socket was not connected");
    SocketError::Connect { port, errno: error.errno() }
}

async fn connect(outbound: Outbound, host: String, port: u16, secure: bool) -> Result<Connection, SocketError> {
    if port == SMTP {
        return Err(SocketError::Smtp);
    }
    let stream = outbound.dialer().tcp(&host, port).await.map_err(|error| failed(port, &error))?;
    Ok(Connection::new(match secure {
        false => Either::Left(stream),
        true => {
            let secured = outbound.dialer().tls(&host, stream).await.map_err(|error| failed(port, &error))?;
            Either::Right(Either::Left(secured))
        }
    }))
}

/// From now on what this isolate's code connects to under this name and port is answered here, without a network.
pub fn answer(scope: &mut v8::PinScope, host: &str, port: u16, answerer: Answerer) {
    if isolate::embedder::<Answered>(scope).is_none() {
        isolate::put(scope, Answered::default());
    }
    if let Some(Answered(hosts)) = isolate::embedder::<Answered>(scope) {
        hosts.insert(host.to_ascii_lowercase(), (port, answerer));
    }
}

fn answerer(scope: &mut v8::PinScope, host: &str, port: u16) -> Option<Answerer> {
    let Answered(hosts) = isolate::embedder::<Answered>(scope)?;
    let (known, answerer) = hosts.get(&host.to_ascii_lowercase())?;
    (*known == port).then(|| answerer.clone())
}

// === ops ===

/// `op_socket_connect(host, port, secure, id, tells)` → a promise of the connection's number. `id`, of `op_fetch_id`, is what
/// `op_fetch_abort` ends the attempt by. `tells`: a connection that fails is no error, but the system's number for it, negative.
fn op_socket_connect(scope: &mut v8::PinScope, args: Args, rv: v8::ReturnValue) {
    if !isolate::require_io(scope) {
        return;
    }
    if let Some(Err(error)) = isolate::io_context(scope).map(|context| context.take_subrequest()) {
        return isolate::throw(scope, error);
    }
    let host = isolate::string_arg(scope, &args, 0);
    let port = args.get(1).uint32_value(scope).and_then(|port| u16::try_from(port).ok()).unwrap_or(0);
    let secure = args.get(2).is_true();
    if let Some(answerer) = answerer(scope, &host, port) {
        return isolate::spawn_output(scope, rv, async move {
            match secure {
                true => Err(SocketError::Handshake.into()),
                false => Ok(hold(Connection::new(Either::Right(Either::Right(answerer()))))),
            }
        });
    }
    let Some(outbound) = isolate::embedder::<Outbound>(scope).cloned() else {
        return isolate::throw(scope, SocketError::NoNetwork.into());
    };
    let tells = args.get(4).is_true();
    let aborted = crate::fetch::ops::abort(scope, args.get(3)).unwrap_or_default();
    let mut span = isolate::begin_span(scope, || "socket_connect".into());
    span.fact("server.address", || host.as_str());
    span.fact("server.port", || i64::from(port));
    isolate::spawn_output(scope, rv, async move {
        let connection = tokio::select! {
            biased;
            () = aborted.cancelled() => return Err(SocketError::Closed.into()),
            connection = span.watch(connect(outbound, host, port, secure)) => connection,
        };
        match connection {
            Err(SocketError::Connect { errno, .. }) if tells => Ok(OpValue::Number((-errno).into())),
            connection => Ok(hold(connection?)),
        }
    });
}

fn hold(connection: Connection) -> OpValue {
    OpValue::With(Box::new(move |scope| {
        let rid = isolate::resources(scope).add(connection);
        let rid: v8::Local<v8::Value> = v8::Integer::new_from_unsigned(scope, rid).into();
        v8::Global::new(scope, rid)
    }))
}

/// `op_socket_read(number)` → a promise of bytes, or of null at the end
fn op_socket_read(scope: &mut v8::PinScope, args: Args, rv: v8::ReturnValue) {
    let Some(connection) = connection(scope, &args) else { return };
    isolate::spawn_incoming(scope, rv, true, async move {
        Ok(connection.read().await?.map_or(OpValue::Null, OpValue::Bytes))
    });
}

/// `op_socket_write(number, bytes)` → a promise of their having been handed to the network
fn op_socket_write(scope: &mut v8::PinScope, args: Args, rv: v8::ReturnValue) {
    let Some(connection) = connection(scope, &args) else { return };
    let bytes = isolate::bytes_arg(scope, &args, 1).unwrap_or_default();
    isolate::spawn_output(scope, rv, async move { Ok(connection.write(bytes).await?.into()) });
}

/// `op_socket_end(number)` → a promise: nothing more is sent
fn op_socket_end(scope: &mut v8::PinScope, args: Args, rv: v8::ReturnValue) {
    let Some(connection) = connection(scope, &args) else { return };
    isolate::spawn_output(scope, rv, async move { Ok(connection.end().await?.into()) });
}

/// `op_socket_start_tls(number, host)` → a promise of another number, in the place of this one
fn op_socket_start_tls(scope: &mut v8::PinScope, args: Args, rv: v8::ReturnValue) {
    let Some(plain) = connection(scope, &args) else { return };
    let host = isolate::string_arg(scope, &args, 1);
    let Some(outbound) = isolate::embedder::<Outbound>(scope).cloned() else {
        return isolate::throw(scope, SocketError::NoNetwork.into());
    };
    isolate::spawn_output(scope, rv, async move {
        let stream = plain.detach().await?;
        let secured = outbound.dialer().tls(&host, stream).await.map_err(|error| {
            tracing::debug!(host, error = &error as &dyn std::error::Error, "startTls failed");
            SocketError::Handshake
        })?;
        Ok(hold(Connection::new(Either::Right(Either::Left(secured)))))
    });
}

/// `op_socket_drop(number)`: closes it.
fn op_socket_drop(scope: &mut v8::PinScope, args: Args, _rv: v8::ReturnValue) {
    let rid = args.get(0).uint32_value(scope).unwrap_or(0);
    if let Some(connection) = isolate::resources(scope).take::<Connection>(rid) {
        connection.detached.cancel();
    }
}

/// The connection that is argument 0; throws where it isn't one of this event's.
fn connection(scope: &mut v8::PinScope, args: &Args) -> Option<Connection> {
    let rid = args.get(0).uint32_value(scope).unwrap_or(0);
    let found = isolate::resources(scope).get::<Connection>(rid).cloned();
    if found.is_none() {
        // One that was dropped is not asked for: it went with its event.
        let error = isolate::foreign(scope);
        isolate::throw(scope, error);
    }
    found
}
