//! A connection to an origin: made, authenticated, brought back to how it began, closed.
//! <https://www.postgresql.org/docs/current/protocol-flow.html>

use std::io;
use std::time::Duration;

use bytes::BytesMut;
use fallible_iterator::FallibleIterator;
use postgres_protocol::authentication::md5_hash;
use postgres_protocol::authentication::sasl::{ChannelBinding, SCRAM_SHA_256, ScramSha256};
use postgres_protocol::message::backend::{AuthenticationSaslBody, Message};
use postgres_protocol::message::frontend;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_rustls::client::TlsStream;
use tokio_util::either::Either;

use crate::error::{ConnectError, ServerError};
use crate::limits::{ACQUIRE, CHORE, IDLE, LIFETIME};
use crate::origin::{Origin, Secure};
use crate::{Dial, tls};

pub(crate) type Stream = Either<TcpStream, Box<TlsStream<TcpStream>>>;

/// Forgets all that a session has set, prepared, locked and listened to.
const FORGET: &str = "DISCARD ALL";

/// PostgreSQL has some fifteen.
const MAX_PARAMETERS: usize = 64;

/// What one message of a handshake may take.
const MAX_HANDSHAKE: usize = 16 * 1024;

/// What the origin says of itself when a connection begins.
pub(crate) type Parameters = Vec<(String, String)>;

/// What a query is cancelled by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) process: i32,
    pub(crate) secret: i32,
}

pub(crate) struct Connection {
    pub(crate) reading: ReadHalf<Stream>,
    pub(crate) writing: WriteHalf<Stream>,
    /// `None`: this server's queries can't be cancelled.
    pub(crate) key: Option<Key>,
    began: Instant,
    used: Instant,
}

/// Tries an origin out: connects, and asks for nothing.
pub async fn check(origin: &Origin, dial: &dyn Dial) -> Result<(), ConnectError> {
    let trying = async {
        let (mut connection, _) = open(origin, dial).await?;
        connection.ask(";").await?;
        connection.close(None).await;
        Ok(())
    };
    timeout(ACQUIRE, trying).await.unwrap_or(Err(ConnectError::Timeout))
}

/// A new connection that waits for its first query.
pub(crate) async fn open(origin: &Origin, dial: &dyn Dial) -> Result<(Connection, Parameters), ConnectError> {
    let mut stream = reach(origin, dial).await?;
    let mut out = BytesMut::new();
    let parameters = [
        ("user", origin.user.as_str()),
        ("database", &origin.database),
        ("client_encoding", "UTF8"),
        ("application_name", "skerry hyperdrive"),
    ];
    frontend::startup_message(parameters, &mut out)?;
    stream.write_all(&out).await?;
    stream.flush().await?;
    let mut buffer = BytesMut::new();
    authenticate(origin, &mut stream, &mut buffer).await?;

    let (mut parameters, mut key) = (Parameters::new(), None);
    loop {
        match next(&mut stream, &mut buffer).await? {
            Message::ParameterStatus(_) if parameters.len() >= MAX_PARAMETERS => {
                return Err(unexpected("about one more of many parameters"));
            }
            Message::ParameterStatus(body) => parameters.push((body.name()?.to_owned(), body.value()?.to_owned())),
            Message::BackendKeyData(body) => {
                key = Some(Key { process: body.process_id(), secret: body.secret_key() });
            }
            Message::NoticeResponse(_) => {}
            Message::ReadyForQuery(_) => break,
            _ => return Err(unexpected("after authentication")),
        }
    }
    if !buffer.is_empty() {
        return Err(unexpected("before any query"));
    }
    let (reading, writing) = tokio::io::split(stream);
    let now = Instant::now();
    Ok((Connection { reading, writing, key, began: now, used: now }, parameters))
}

/// Ends what the connection with this key is doing. Returns when the origin has heard of it.
pub(crate) async fn cancel(origin: &Origin, dial: &dyn Dial, key: Key) -> Result<(), ConnectError> {
    let cancelling = async {
        let mut stream = reach(origin, dial).await?;
        let mut out = BytesMut::new();
        frontend::cancel_request(key.process, key.secret, &mut out);
        stream.write_all(&out).await?;
        stream.flush().await?;
        // It says nothing: it closes the connection when it has done so.
        let mut nothing = [0; 16];
        while stream.read(&mut nothing).await.unwrap_or(0) > 0 {}
        Ok(())
    };
    timeout(CHORE, cancelling).await.unwrap_or(Err(ConnectError::Timeout))
}

/// TCP, and TLS where there should be.
async fn reach(origin: &Origin, dial: &dyn Dial) -> Result<Stream, ConnectError> {
    let crate::Dialed { mut stream, is_public } = dial.dial(&origin.host, origin.port).await?;
    if origin.secure == Secure::Disable {
        return Ok(Either::Left(stream));
    }
    let mut out = BytesMut::new();
    frontend::ssl_request(&mut out);
    stream.write_all(&out).await?;
    // Not a byte more is read: what came with the answer would not be the TLS server's.
    match stream.read_u8().await? {
        b'S' => Ok(Either::Right(Box::new(tls::secure(&origin.host, stream).await?))),
        b'N' if origin.secure == Secure::Prefer && !is_public => Ok(Either::Left(stream)),
        b'N' => Err(ConnectError::NoTls),
        _ => Err(unexpected("to a request for TLS")),
    }
}

async fn authenticate(origin: &Origin, stream: &mut Stream, buffer: &mut BytesMut) -> Result<(), ConnectError> {
    let mut out = BytesMut::new();
    loop {
        match next(stream, buffer).await? {
            Message::AuthenticationOk => return Ok(()),
            Message::AuthenticationCleartextPassword if matches!(stream, Either::Left(_)) => {
                return Err(ConnectError::Authentication("the password in plain text without TLS"));
            }
            Message::AuthenticationCleartextPassword => {
                frontend::password_message(origin.password.as_bytes(), &mut out)?;
            }
            Message::AuthenticationMd5Password(body) => {
                let hash = md5_hash(origin.user.as_bytes(), origin.password.as_bytes(), body.salt());
                frontend::password_message(hash.as_bytes(), &mut out)?;
            }
            Message::AuthenticationSasl(body) => {
                scram(origin, &body, stream, buffer).await?;
                continue;
            }
            Message::AuthenticationGss | Message::AuthenticationKerberosV5 | Message::AuthenticationSspi => {
                return Err(ConnectError::Authentication("Kerberos"));
            }
            Message::AuthenticationScmCredential => return Err(ConnectError::Authentication("SCM credentials")),
            _ => return Err(unexpected("while it authenticates")),
        }
        stream.write_all(&out.split()).await?;
        stream.flush().await?;
    }
}

/// RFC 5802, RFC 7677. The server proves that it knows the password too.
async fn scram(
    origin: &Origin,
    offer: &AuthenticationSaslBody,
    stream: &mut Stream,
    buffer: &mut BytesMut,
) -> Result<(), ConnectError> {
    let mut mechanisms = offer.mechanisms();
    let mut is_offered = false;
    while let Some(mechanism) = mechanisms.next()? {
        is_offered |= mechanism == SCRAM_SHA_256;
    }
    if !is_offered {
        return Err(ConnectError::Authentication("a mechanism other than SCRAM-SHA-256"));
    }
    let mut scram = ScramSha256::new(origin.password.as_bytes(), ChannelBinding::unsupported());
    let mut out = BytesMut::new();
    frontend::sasl_initial_response(SCRAM_SHA_256, scram.message(), &mut out)?;
    stream.write_all(&out.split()).await?;
    stream.flush().await?;
    let Message::AuthenticationSaslContinue(body) = next(stream, buffer).await? else {
        return Err(unexpected("in the middle of SCRAM"));
    };
    // The server says how often the password is hashed: not on a thread that others wait for.
    let hashed = tokio::task::spawn_blocking(move || scram.update(body.data()).map(|()| scram)).await;
    let mut scram = hashed.map_err(io::Error::from)??;
    frontend::sasl_response(scram.message(), &mut out)?;
    stream.write_all(&out.split()).await?;
    stream.flush().await?;
    let Message::AuthenticationSaslFinal(body) = next(stream, buffer).await? else {
        return Err(unexpected("at the end of SCRAM"));
    };
    Ok(scram.finish(body.data())?)
}

/// The origin's next message; an error of its is one.
async fn next(stream: &mut (impl AsyncRead + Unpin), buffer: &mut BytesMut) -> Result<Message, ConnectError> {
    loop {
        let parsed = Message::parse(buffer).map_err(|error| ConnectError::Protocol(error.to_string()))?;
        match parsed {
            Some(Message::ErrorResponse(body)) => return Err(ConnectError::Server(ServerError::of(&body))),
            Some(message) => return Ok(message),
            None if buffer.len() > MAX_HANDSHAKE => return Err(unexpected("of such a length")),
            None => {}
        }
        if stream.read_buf(buffer).await? == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
    }
}

fn unexpected(when: &str) -> ConnectError {
    ConnectError::Protocol(format!("a message {when} that has no place there"))
}

// === impl Connection ===

impl Connection {
    /// Runs a query that has no rows; the connection must be idle before and is idle after it.
    async fn ask(&mut self, query: &str) -> Result<(), ConnectError> {
        let (mut out, mut buffer) = (BytesMut::new(), BytesMut::new());
        frontend::query(query, &mut out)?;
        self.writing.write_all(&out).await?;
        self.writing.flush().await?;
        let mut is_done = false;
        loop {
            match next(&mut self.reading, &mut buffer).await? {
                Message::CommandComplete(body) if !is_done && body.tag()? == query => is_done = true,
                Message::EmptyQueryResponse if !is_done => is_done = true,
                Message::NoticeResponse(_) | Message::ParameterStatus(_) | Message::NotificationResponse(_) => {}
                Message::ReadyForQuery(body) if is_done && body.status() == b'I' && buffer.is_empty() => return Ok(()),
                // An answer to something else: this connection is in another state than it should be.
                _ => return Err(unexpected("to a query of Hyperdrive's own")),
            }
        }
    }

    /// Brings it back to how it was when it began; `false`: it can't be used any more.
    pub(crate) async fn forget(&mut self) -> bool {
        let forgotten = timeout(CHORE, self.ask(FORGET)).await;
        self.used = Instant::now();
        match forgotten {
            Ok(Ok(())) => true,
            Ok(Err(error)) => {
                tracing::debug!(%error, "a connection to an origin does not forget its session");
                false
            }
            Err(_) => false,
        }
    }

    /// How long it may still wait for the next to use it; `None`: no longer.
    pub(crate) fn patience(&self) -> Option<Duration> {
        let (idle, life) = (self.used + IDLE, self.began + LIFETIME);
        let left = idle.min(life).saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left)
    }

    /// Whether nothing has come since it was used last: an origin that has left says so, and one that says something else is not idle.
    pub(crate) fn is_silent(&mut self) -> bool {
        use futures::FutureExt;
        let mut byte = [0; 1];
        self.reading.read(&mut byte).now_or_never().is_none()
    }

    /// Ends it, and waits until the origin has. `running`: what cancels what it may be doing.
    pub(crate) async fn close(mut self, running: Option<(&Origin, &dyn Dial)>) {
        if let (Some((origin, dial)), Some(key)) = (running, self.key)
            && let Err(error) = cancel(origin, dial, key).await
        {
            tracing::debug!(%error, "a query of a client that has left can't be cancelled");
        }
        let ending = async {
            let mut out = BytesMut::new();
            frontend::terminate(&mut out);
            let _ = self.writing.write_all(&out).await;
            let _ = self.writing.shutdown().await;
            let mut rest = vec![0; 16 * 1024];
            while self.reading.read(&mut rest).await.unwrap_or(0) > 0 {}
        };
        let _ = timeout(CHORE, ending).await;
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}
