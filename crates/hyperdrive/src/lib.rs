//! Hyperdrive: a pool of connections to a PostgreSQL server, shared by all that Workers ask of it. A Worker's connection speaks PostgreSQL's own
//! protocol with this process; an origin's connection is its for as long as a transaction lasts. No JavaScript, no HTTP; connections
//! are made by whoever knows what may be reached ([`Dial`]).

mod connect;
mod error;
mod frame;
mod limits;
mod origin;
mod pool;
mod relay;
mod session;
mod startup;
mod tls;

pub use connect::check;
pub use error::{ConnectError, ServerError};
pub use limits::{CONNECTIONS, MAX_CONNECTIONS, MAX_NAME, MIN_CONNECTIONS};
pub use origin::{BadOrigin, Origin, Secure};

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::DuplexStream;
use tokio::net::TcpStream;

use pool::Pool;
use startup::Credentials;

/// The port of every binding's host, which only that host's name leads to.
pub const PORT: u16 = 5432;

/// What is on its way between a Worker and its pool, in each direction.
const PIPE: usize = 64 * 1024;

/// Connects to origins, within what their account may reach.
pub trait Dial: Send + Sync + 'static {
    /// `host`: a name or an address.
    fn dial(&self, host: &str, port: u16) -> Pin<Box<dyn Future<Output = Result<Dialed, ConnectError>> + Send>>;
}

/// A connection, and where it leads.
#[derive(Debug)]
pub struct Dialed {
    pub stream: TcpStream,
    /// The address is one of the public internet.
    pub is_public: bool,
}

/// An origin, and how it is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    pub origin: Origin,
    /// The most connections to it.
    pub connections: usize,
}

/// The databases of a process, by the ids of their configurations. Clones are the same.
#[derive(Clone, Default)]
pub struct Databases(Arc<Mutex<HashMap<String, Database>>>);

/// What a binding leads to: a host that only its Workers know, and the pool behind it. Clones are the same.
#[derive(Clone)]
pub struct Database(Arc<Inner>);

struct Inner {
    credentials: Credentials,
    /// `None`: there is no such configuration.
    pool: Mutex<Option<Arc<Pool>>>,
}

// === impl Databases ===

impl Databases {
    /// The database of this id, with these settings from now on. What runs in the pool that it had with others runs to its end there.
    pub fn open(&self, id: &str, settings: Settings, dial: Arc<dyn Dial>) -> Database {
        let database = self.all().entry(id.to_owned()).or_insert_with(|| Database::new(None)).clone();
        let mut pool = database.pool();
        if pool.as_ref().is_none_or(|pool| pool.settings != settings)
            && let Some(before) = pool.replace(Pool::new(settings, dial))
        {
            before.close();
        }
        drop(pool);
        database
    }

    /// The configuration is gone: Workers that are bound to it still are told so.
    pub fn close(&self, id: &str) {
        let gone = self.all().remove(id);
        if let Some(pool) = gone.and_then(|database| database.pool().take()) {
            pool.close();
        }
    }

    /// What may be reached is otherwise now: connections that are there already are not used again.
    pub fn renew(&self) {
        for database in self.all().values() {
            let mut pool = database.pool();
            if let Some(before) = pool.take() {
                *pool = Some(before.renewed());
                before.close();
            }
        }
    }

    /// What a Worker is bound to whose configuration is not there any more.
    pub fn none(&self) -> Database {
        Database::new(None)
    }

    fn all(&self) -> MutexGuard<'_, HashMap<String, Database>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Databases {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Databases").field("open", &self.all().len()).finish()
    }
}

// === impl Database ===

impl Database {
    fn new(pool: Option<Arc<Pool>>) -> Self {
        Self(Arc::new(Inner { credentials: Credentials::random(), pool: Mutex::new(pool) }))
    }

    pub fn host(&self) -> &str {
        &self.0.credentials.host
    }

    pub fn user(&self) -> &str {
        &self.0.credentials.user
    }

    pub fn password(&self) -> &str {
        &self.0.credentials.password
    }

    pub fn database(&self) -> &str {
        &self.0.credentials.database
    }

    /// For drivers. There is no TLS: the connection does not leave the process.
    pub fn connection_string(&self) -> String {
        let Credentials { host, user, password, database } = &self.0.credentials;
        format!("postgresql://{user}:{password}@{host}:{PORT}/{database}?sslmode=disable")
    }

    /// A client's connection. What is wrong with the database is said in its own protocol.
    pub fn connect(&self) -> DuplexStream {
        let (client, server) = tokio::io::duplex(PIPE);
        let (pool, database) = (self.pool().clone(), self.clone());
        tokio::spawn(async move { relay::serve(pool, &database.0.credentials, server).await });
        client
    }

    fn pool(&self) -> MutexGuard<'_, Option<Arc<Pool>>> {
        self.0.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database").field("host", &self.host()).finish_non_exhaustive()
    }
}
