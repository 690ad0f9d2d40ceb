//! One client's connection from its beginning to its end: carries messages between the client and whichever connection to the origin it has.

use std::future::pending;
use std::io;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf};
use tokio::time::{Instant, sleep_until, timeout};

use crate::error::{CANCELED, CONNECTION_FAILURE, PROTOCOL_VIOLATION, SYSTEM_ERROR, fatal};
use crate::frame::{Framer, Piece};
use crate::limits::{BUFFER, CHORE, OWED, QUERY, STARTUP};
use crate::pool::{Lease, Pool, Registered};
use crate::session::{Asked, Session, Told};
use crate::startup::{self, Credentials, Opening, Refusal};

/// How much is read at a time.
const CHUNK: usize = 16 * 1024;

/// Serves a client until it leaves, or until it has been told why it must.
pub(crate) async fn serve(pool: Option<Arc<Pool>>, credentials: &Credentials, mut client: DuplexStream) {
    let beginning = timeout(STARTUP, begin(pool, credentials, &mut client));
    let (registered, session, welcome) = match beginning.await {
        Ok(Ok(begun)) => begun,
        Ok(Err(Refusal::Told(why))) => return farewell(client, &why).await,
        Ok(Err(Refusal::Gone)) | Err(_) => return,
    };
    let (reading, writing) = tokio::io::split(client);
    let mut relay = Relay {
        registered,
        session,
        client: Side {
            from: BytesMut::new(),
            to: Outgoing { bytes: welcome, is_flushed: true },
            framer: Framer::default(),
        },
        reading,
        writing,
        leased: None,
        deadline: None,
        has_ended: false,
    };
    let End::Told(why) = relay.run().await else { return };
    // What it owes is closed before the client hears of it.
    relay.leased = None;
    relay.client.to.bytes.extend_from_slice(&why);
    let Relay { reading, writing, client: Side { to, .. }, .. } = relay;
    farewell(reading.unsplit(writing), &to.bytes).await;
}

async fn begin(
    pool: Option<Arc<Pool>>,
    credentials: &Credentials,
    client: &mut DuplexStream,
) -> Result<(Registered, Session, BytesMut), Refusal> {
    let opening = startup::greet(credentials, client).await?;
    let missing = || Refusal::Told(fatal(SYSTEM_ERROR, "This Hyperdrive configuration does not exist any more."));
    let pool = pool.ok_or_else(missing)?;
    let wanted = match opening {
        Opening::Session { wanted } => wanted,
        Opening::Cancel(key) => {
            pool.cancel(key).await;
            return Err(Refusal::Gone);
        }
    };
    let registered = pool.register().map_err(Refusal::Told)?;
    let parameters = pool.parameters().await.map_err(|error| {
        tracing::debug!(%error, "there is no connection to an origin");
        Refusal::Told(error.response())
    })?;
    let welcome = startup::welcome(&parameters, &wanted, registered.key);
    Ok((registered, Session::new(startup::prelude(&parameters, &wanted)), welcome))
}

async fn farewell(mut client: DuplexStream, last: &[u8]) {
    let telling = async {
        if client.write_all(last).await.is_ok() {
            let _ = client.shutdown().await;
        }
    };
    // One that does not listen is not waited for.
    let _ = timeout(CHORE, telling).await;
}

struct Relay {
    registered: Registered,
    session: Session,
    client: Side,
    reading: ReadHalf<DuplexStream>,
    writing: WriteHalf<DuplexStream>,
    /// The connection to the origin that is the client's, while it has one.
    leased: Option<(Lease, Side)>,
    /// When the origin must have answered.
    deadline: Option<Instant>,
    /// The origin has closed the connection; what it said last is still here.
    has_ended: bool,
}

/// What is on its way from and to one side.
#[derive(Default)]
struct Side {
    from: BytesMut,
    framer: Framer,
    to: Outgoing,
}

struct Outgoing {
    bytes: BytesMut,
    is_flushed: bool,
}

enum End {
    /// The client has left, or said that it will.
    Gone,
    /// It must, and is told why.
    Told(Bytes),
}

enum Moved {
    FromClient(io::Result<usize>),
    ToClient(io::Result<()>),
    FromOrigin(io::Result<usize>),
    ToOrigin(io::Result<()>),
    Late,
}

// === impl Outgoing ===

impl Default for Outgoing {
    fn default() -> Self {
        Self { bytes: BytesMut::new(), is_flushed: true }
    }
}

// === impl Relay ===

impl Relay {
    async fn run(&mut self) -> End {
        loop {
            if let Err(end) = self.take_from_client().await.and_then(|()| self.take_from_origin()) {
                return end;
            }
            if self.has_ended && self.client.to.bytes.len() < BUFFER {
                return told(CONNECTION_FAILURE, "server closed the connection unexpectedly");
            }
            self.set_deadline();
            match self.moved().await {
                Moved::FromClient(Ok(0) | Err(_)) | Moved::ToClient(Err(_)) => return End::Gone,
                Moved::FromOrigin(Ok(0) | Err(_)) => self.has_ended = true,
                Moved::ToOrigin(Err(_)) => {
                    // It has said why, perhaps: that is read yet.
                    if let Some((_, origin)) = &mut self.leased {
                        origin.to = Outgoing::default();
                    }
                }
                Moved::Late => return told(CANCELED, &format!("canceling statement: it took {} s", QUERY.as_secs())),
                Moved::FromClient(Ok(_))
                | Moved::FromOrigin(Ok(_))
                | Moved::ToClient(Ok(()))
                | Moved::ToOrigin(Ok(())) => {}
            }
        }
    }

    /// Whichever side has something, or takes something.
    async fn moved(&mut self) -> Moved {
        let (deadline, has_ended) = (self.deadline, self.has_ended);
        let Side { from, to, .. } = &mut self.client;
        let (origin_reading, origin_writing) = match &mut self.leased {
            Some((lease, side)) if !has_ended => match lease.connection() {
                Some(connection) => {
                    (Some((&mut connection.reading, &mut side.from)), Some((&mut connection.writing, &mut side.to)))
                }
                None => (None, None),
            },
            _ => (None, None),
        };
        tokio::select! {
            read = fill(Some((&mut self.reading, from))) => Moved::FromClient(read),
            written = drain(Some((&mut self.writing, to))) => Moved::ToClient(written),
            read = fill(origin_reading) => Moved::FromOrigin(read),
            written = drain(origin_writing) => Moved::ToOrigin(written),
            () = until(deadline) => Moved::Late,
        }
    }

    /// Passes on what the client has sent, as far as the origin can take it.
    async fn take_from_client(&mut self) -> Result<(), End> {
        while self
            .leased
            .as_ref()
            .is_none_or(|(_, origin)| origin.to.bytes.len() < BUFFER && self.session.owed() < OWED)
        {
            let piece = self.client.framer.next(&mut self.client.from);
            let Some(piece) = piece.map_err(|error| told(PROTOCOL_VIOLATION, &error.to_string()))? else { break };
            if self.leased.is_none()
                && let Piece::Begin(frame) = &piece
                && self.session.needs_origin(frame.tag)
            {
                self.lease().await?;
            }
            let Some((_, origin)) = &mut self.leased else {
                match piece {
                    Piece::Begin(frame) if frame.tag == b'X' => return Err(End::Gone),
                    // Data of a COPY that has failed.
                    Piece::Begin(_) => self.session.drop_message(),
                    Piece::Rest(_) => {}
                }
                continue;
            };
            match piece {
                Piece::Rest(bytes) => self.session.asked_rest(&bytes, &mut origin.to.bytes),
                Piece::Begin(frame) => match self.session.asked(&frame, &mut origin.to.bytes) {
                    Ok(Asked::Sent) => {}
                    Ok(Asked::Goodbye) => return Err(End::Gone),
                    Err(violation) => return Err(told(PROTOCOL_VIOLATION, &violation.to_string())),
                },
            }
        }
        Ok(())
    }

    /// Passes on what the origin has sent, as far as the client can take it; gives the connection back when the client needs it no more.
    fn take_from_origin(&mut self) -> Result<(), End> {
        while let Some((_, origin)) = &mut self.leased
            && self.client.to.bytes.len() < BUFFER
        {
            let out = &mut self.client.to.bytes;
            let piece = origin.framer.next(&mut origin.from).map_err(|error| broken(&error))?;
            let told = match piece {
                None => break,
                Some(Piece::Rest(bytes)) => {
                    self.session.told_rest(&bytes, out);
                    Told::More
                }
                Some(Piece::Begin(frame)) => {
                    if frame.tag == b'Z' {
                        // Each query has its own time.
                        self.deadline = None;
                    }
                    self.session.told(&frame, out).map_err(|error| broken(&error))?
                }
            };
            match told {
                Told::More => {}
                Told::Refused => return Err(End::Told(Bytes::new())),
                Told::Free => {
                    let Some((lease, origin)) = self.leased.take() else { break };
                    // In one in which more is on its way, nobody knows what will happen: it is closed.
                    let is_quiet = origin.from.is_empty() && origin.to.bytes.is_empty() && origin.framer.is_between();
                    if is_quiet && self.client.framer.is_between() {
                        lease.give_back();
                    }
                }
            }
        }
        Ok(())
    }

    /// Waits for a connection to the origin. Meanwhile the client gets what it is owed, and may leave.
    async fn lease(&mut self) -> Result<(), End> {
        let Self { registered, client, reading, writing, .. } = self;
        let acquiring = registered.acquire();
        tokio::pin!(acquiring);
        let lease = loop {
            let moved = tokio::select! {
                lease = &mut acquiring => break lease,
                // No more than shows whether it is still there: many may wait.
                read = fill((client.from.len() < CHUNK).then_some((&mut *reading, &mut client.from))) => read.is_ok_and(|read| read > 0),
                written = drain(Some((&mut *writing, &mut client.to))) => written.is_ok(),
            };
            if !moved {
                return Err(End::Gone);
            }
        };
        let lease = lease.map_err(|error| {
            tracing::debug!(%error, "there is no connection to an origin");
            End::Told(error.response())
        })?;
        let mut origin = Side::default();
        self.session.begin(&mut origin.to.bytes);
        self.leased = Some((lease, origin));
        Ok(())
    }

    fn set_deadline(&mut self) {
        match self.leased.is_some() && self.session.is_waiting() {
            true => self.deadline = self.deadline.or_else(|| Some(Instant::now() + QUERY)),
            false => self.deadline = None,
        }
    }
}

fn told(code: &str, message: &str) -> End {
    End::Told(fatal(code, message))
}

/// The origin says what no server would.
fn broken(error: &dyn std::fmt::Display) -> End {
    tracing::warn!(%error, "an origin of Hyperdrive does not keep to PostgreSQL's protocol");
    told(SYSTEM_ERROR, "Internal error.")
}

/// Reads more, where there is room.
async fn fill<R: AsyncRead + Unpin>(side: Option<(&mut R, &mut BytesMut)>) -> io::Result<usize> {
    match side {
        Some((reading, bytes)) if bytes.len() < BUFFER => {
            bytes.reserve(CHUNK);
            reading.read_buf(bytes).await
        }
        _ => pending().await,
    }
}

/// Writes some of what there is. Nothing is lost where it is dropped in its middle.
async fn drain<W: AsyncWrite + Unpin>(side: Option<(&mut W, &mut Outgoing)>) -> io::Result<()> {
    match side {
        Some((writing, out)) if !out.bytes.is_empty() => {
            let written = writing.write_buf(&mut out.bytes).await?;
            out.is_flushed = false;
            if written == 0 { Err(io::ErrorKind::WriteZero.into()) } else { Ok(()) }
        }
        Some((writing, out)) if !out.is_flushed => {
            writing.flush().await?;
            out.is_flushed = true;
            Ok(())
        }
        _ => pending().await,
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => pending().await,
    }
}
