//! `env.HYPERDRIVE`: a host that the Worker's own isolates alone can connect to, and the way from a pool to its origin.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use hyperdrive::{ConnectError, Database, Dial, Dialed, PORT};
use isolate::v8;
use webapi::fetch::{Outbound, Unreachable, is_public};

/// The `Hyperdrive` object of a database.
pub(crate) fn face<'s>(scope: &mut v8::PinScope<'s, '_>, database: &Database) -> Option<v8::Local<'s, v8::Value>> {
    let open = database.clone();
    webapi::sockets::answer(scope, database.host(), PORT, Arc::new(move || open.connect()));
    let make = isolate::hook(scope, "makeHyperdrive")?;
    let connection_string = database.connection_string();
    let facts = [&connection_string, database.host(), database.user(), database.password(), database.database()];
    let mut arguments: Vec<v8::Local<v8::Value>> =
        facts.map(|fact| isolate::new_string(scope, fact).into()).into_iter().collect();
    arguments.push(v8::Integer::new_from_unsigned(scope, PORT.into()).into());
    let this = v8::undefined(scope).into();
    make.call(scope, this, &arguments)
}

/// Connects to origins by the way out that its account has at the moment. `None`: the server is stopping.
pub struct Dialer<F>(pub F);

// === impl Dialer ===

impl<F: Fn() -> Option<Outbound> + Send + Sync + 'static> Dial for Dialer<F> {
    fn dial(&self, host: &str, port: u16) -> Pin<Box<dyn Future<Output = Result<Dialed, ConnectError>> + Send>> {
        let (outbound, host) = ((self.0)(), host.to_owned());
        Box::pin(async move {
            let outbound = outbound.ok_or_else(|| ConnectError::Unreachable("the server is stopping".into()))?;
            let stream = outbound.connect(&host, port).await.map_err(|error| failed(&error))?;
            let is_public = is_public(stream.peer_addr()?.ip().to_canonical());
            Ok(Dialed { stream, is_public })
        })
    }
}

fn failed(error: &webapi::fetch::NotConnected) -> ConnectError {
    const ECONNREFUSED: i32 = 111;
    match error.why {
        Unreachable::Dns => ConnectError::Resolve,
        Unreachable::Denied => ConnectError::Denied,
        Unreachable::Timeout => ConnectError::Timeout,
        Unreachable::Lost if error.errno == ECONNREFUSED => ConnectError::Refused,
        Unreachable::Lost | Unreachable::Tls => ConnectError::Unreachable(error.reason.clone()),
    }
}
