//! How a client's connection begins: who it is, and what it is told of the server.

use std::fmt::Write as _;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use subtle::ConstantTimeEq;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use crate::connect::{Key, Parameters};
use crate::error::{INVALID_PASSWORD, NO_DATABASE, NOT_SUPPORTED, PROTOCOL_VIOLATION, fatal, message_of};

/// Bytes of the first message, as in PostgreSQL.
const MAX_STARTUP: usize = 10_000;

const VERSION: i32 = 3 << 16;
const CANCEL: i32 = 80_877_102;
const TLS: i32 = 80_877_103;
const GSSAPI: i32 = 80_877_104;

/// What a binding's clients connect with. They are made anew with each process, and worth nothing outside of it.
pub(crate) struct Credentials {
    pub(crate) host: String,
    pub(crate) user: String,
    pub(crate) password: String,
    pub(crate) database: String,
}

/// What a client wants first.
pub(crate) enum Opening {
    /// A session. `wanted`: what it wants to be set.
    Session {
        wanted: Vec<(String, String)>,
    },
    Cancel(Key),
}

/// Why a session does not begin.
pub(crate) enum Refusal {
    /// The client has left.
    Gone,
    /// It is told so.
    Told(Bytes),
}

// === impl Credentials ===

impl Credentials {
    pub(crate) fn random() -> Self {
        let hex = || {
            let mut bytes = [0; 16];
            // Without random numbers there is no server: keys, ids and TLS need them too.
            getrandom::fill(&mut bytes).expect("the system has random numbers");
            bytes.iter().fold(String::new(), |mut text, byte| {
                let _ = write!(text, "{byte:02x}");
                text
            })
        };
        Self { host: format!("{}.hyperdrive.local", hex()), user: hex(), password: hex(), database: hex() }
    }
}

// === impl Refusal ===

impl From<std::io::Error> for Refusal {
    fn from(_: std::io::Error) -> Self {
        Self::Gone
    }
}

fn told(code: &str, message: &str) -> Refusal {
    Refusal::Told(fatal(code, message))
}

/// Reads what a client begins with, and asks for its password.
pub(crate) async fn greet(credentials: &Credentials, client: &mut DuplexStream) -> Result<Opening, Refusal> {
    let mut body = loop {
        let mut body = packet(client).await?;
        if body.len() < 4 {
            return Err(told(PROTOCOL_VIOLATION, "invalid length of startup packet"));
        }
        match body.get_i32() {
            // There is no wire to listen at.
            TLS | GSSAPI => client.write_all(b"N").await?,
            CANCEL if body.len() == 8 => {
                return Ok(Opening::Cancel(Key { process: body.get_i32(), secret: body.get_i32() }));
            }
            VERSION => break body,
            version => {
                let message = format!(
                    "unsupported frontend protocol {}.{}: server supports 3.0",
                    version >> 16,
                    version & 0xffff
                );
                return Err(told(PROTOCOL_VIOLATION, &message));
            }
        }
    };
    let (mut user, mut database, mut wanted) = (String::new(), None, Vec::new());
    loop {
        let name = string(&mut body)?;
        if name.is_empty() {
            break;
        }
        let value = string(&mut body)?;
        match name.as_str() {
            "user" => user = value,
            "database" => database = Some(value),
            "replication" if !matches!(value.as_str(), "false" | "off" | "no" | "0") => {
                return Err(told(NOT_SUPPORTED, "replication is not supported by Hyperdrive"));
            }
            "replication" => {}
            "options" if !value.trim().is_empty() => {
                let message =
                    "the startup parameter `options` is not supported by Hyperdrive: name each setting by itself";
                return Err(told(NOT_SUPPORTED, message));
            }
            "options" => {}
            _ => wanted.push((name, value)),
        }
    }
    client.write_all(&message_of(b'R', &3_i32.to_be_bytes())).await?;
    let password = password(client).await?;
    let alike = |one: &str, other: &[u8]| bool::from(one.as_bytes().ct_eq(other));
    if !(alike(&credentials.user, user.as_bytes()) & alike(&credentials.password, &password)) {
        let message = format!("password authentication failed for user \"{user}\"");
        return Err(told(INVALID_PASSWORD, &message));
    }
    let database = database.unwrap_or(user);
    if database != credentials.database {
        return Err(told(NO_DATABASE, &format!("database \"{database}\" does not exist")));
    }
    Ok(Opening::Session { wanted })
}

/// A message without a type, as the first ones are.
async fn packet(client: &mut DuplexStream) -> Result<Bytes, Refusal> {
    let length = usize::try_from(client.read_i32().await?).unwrap_or(0);
    if !(4..=MAX_STARTUP).contains(&length) {
        return Err(told(PROTOCOL_VIOLATION, "invalid length of startup packet"));
    }
    let mut body = vec![0; length - 4];
    client.read_exact(&mut body).await?;
    Ok(body.into())
}

async fn password(client: &mut DuplexStream) -> Result<Vec<u8>, Refusal> {
    if client.read_u8().await? != b'p' {
        return Err(told(PROTOCOL_VIOLATION, "expected password response"));
    }
    let mut password = packet(client).await?.to_vec();
    password.pop();
    Ok(password)
}

fn string(body: &mut Bytes) -> Result<String, Refusal> {
    let end = body.iter().position(|byte| *byte == 0);
    let end = end.ok_or_else(|| told(PROTOCOL_VIOLATION, "invalid startup packet layout: expected terminator"))?;
    let text = body.split_to(end);
    body.advance(1);
    String::from_utf8(text.to_vec()).map_err(|_| told(PROTOCOL_VIOLATION, "a startup parameter is not UTF-8"))
}

/// What a client is told when it is let in.
pub(crate) fn welcome(parameters: &Parameters, wanted: &[(String, String)], key: Key) -> BytesMut {
    let mut out = BytesMut::from(&message_of(b'R', &0_i32.to_be_bytes())[..]);
    for (name, value) in parameters {
        let asked = wanted.iter().find(|(asked, _)| asked.eq_ignore_ascii_case(name));
        let value = asked.map_or(value, |(_, value)| value);
        out.extend_from_slice(&message_of(b'S', format!("{name}\0{value}\0").as_bytes()));
    }
    let mut body = BytesMut::new();
    body.put_i32(key.process);
    body.put_i32(key.secret);
    out.extend_from_slice(&message_of(b'K', &body));
    out.extend_from_slice(&message_of(b'Z', b"I"));
    out
}

/// The query that sets what a client wants and the origin has otherwise; empty: there is nothing.
pub(crate) fn prelude(parameters: &Parameters, wanted: &[(String, String)]) -> Bytes {
    let is_set = |name: &str, value: &str| {
        let known = parameters.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        known.is_some_and(|(_, known)| known.eq_ignore_ascii_case(value))
    };
    let others = wanted.iter().filter(|(name, value)| !is_set(name, value));
    let settings: Vec<String> = others
        .map(|(name, value)| format!("pg_catalog.set_config({}, {}, false)", literal(name), literal(value)))
        .collect();
    if settings.is_empty() {
        return Bytes::new();
    }
    message_of(b'Q', format!("SELECT {}\0", settings.join(", ")).as_bytes())
}

/// A string of SQL, whatever the server thinks of backslashes.
fn literal(text: &str) -> String {
    format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(pairs: &[(&str, &str)]) -> Parameters {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn only_what_is_otherwise_is_set() {
        let parameters = pairs(&[("client_encoding", "UTF8"), ("TimeZone", "Etc/UTC")]);
        assert!(prelude(&parameters, &pairs(&[("client_encoding", "utf8")])).is_empty());
        let set = prelude(&parameters, &pairs(&[("timezone", "Asia/Tokyo"), ("application_name", "it's \\ me")]));
        let set = String::from_utf8(set[5..].to_vec()).unwrap();
        let expected = "SELECT pg_catalog.set_config(E'timezone', E'Asia/Tokyo', false), \
                        pg_catalog.set_config(E'application_name', E'it\\'s \\\\ me', false)\0";
        assert_eq!(set, expected);
    }

    #[test]
    fn a_client_sees_what_it_asked_for() {
        let parameters = pairs(&[("server_version", "15.1"), ("TimeZone", "Etc/UTC")]);
        let welcome = welcome(&parameters, &pairs(&[("timezone", "Asia/Tokyo")]), Key { process: 1, secret: 2 });
        let text = String::from_utf8_lossy(&welcome);
        assert!(text.contains("TimeZone\0Asia/Tokyo\0") && text.contains("server_version\x0015.1\0"), "{text:?}");
        assert!(welcome.ends_with(b"Z\0\0\0\x05I"));
    }

    async fn greeted(bytes: Vec<u8>) -> String {
        let credentials = Credentials::random();
        let (mut client, mut server) = tokio::io::duplex(64 * 1024);
        client.write_all(&bytes).await.unwrap();
        client.shutdown().await.unwrap();
        match greet(&credentials, &mut server).await {
            Ok(_) => "let in".into(),
            Err(Refusal::Gone) => "gone".into(),
            Err(Refusal::Told(told)) => String::from_utf8_lossy(&told).into_owned(),
        }
    }

    fn packet_of(body: &[u8]) -> Vec<u8> {
        [&u32::try_from(body.len() + 4).unwrap().to_be_bytes(), body].concat()
    }

    #[tokio::test]
    async fn nonsense_is_refused() {
        let version = VERSION.to_be_bytes();
        let password = [&b"p"[..], &packet_of(b"guess\0")].concat();
        let hello = packet_of(&[&version[..], b"user\0me\0database\0it\0\0"].concat());
        for (bytes, reason) in [
            (b"".to_vec(), "gone"),
            (b"GET / HTTP/1.1\r\n\r\n".to_vec(), "invalid length"),
            (packet_of(b""), "invalid length"),
            (packet_of(&(2_i32 << 16).to_be_bytes()), "unsupported frontend protocol 2.0"),
            (packet_of(&[&version[..], b"user"].concat()), "expected terminator"),
            (packet_of(&[&version[..], b"user\0me\0replication\0true\0\0"].concat()), "replication"),
            (packet_of(&[&version[..], b"user\0me\0options\0-c x=y\0\0"].concat()), "options"),
            (hello.clone(), "gone"),
            ([hello.clone(), b"Q".to_vec()].concat(), "expected password"),
            ([hello, password].concat(), "password authentication failed for user \"me\""),
        ] {
            let answer = greeted(bytes.clone()).await;
            assert!(answer.contains(reason), "{:?}: {answer}", String::from_utf8_lossy(&bytes));
        }
    }
}
