//! The connections to one origin: never more than its limit, each one client's at a time, and clean when the next gets it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};

use crate::connect::{self, Connection, Key, Parameters};
use crate::error::{ConnectError, SYSTEM_ERROR, TOO_MANY, fatal};
use crate::limits::{ACQUIRE, CLIENTS, IDLE};
use crate::{Dial, Settings};

pub(crate) struct Pool {
    pub(crate) settings: Settings,
    dial: Arc<dyn Dial>,
    /// One for each connection that is in use, or on its way in or out. Connections that are idle need none: whoever takes one has one.
    permits: Arc<Semaphore>,
    idle: Mutex<Idle>,
    /// A connection has come back, or will not.
    returned: Notify,
    parameters: Mutex<Option<Arc<Parameters>>>,
    /// Its configuration is another's now, or gone: connections are not kept.
    is_closed: AtomicBool,
    clients: Mutex<HashMap<i32, Client>>,
    last_client: AtomicI32,
}

#[derive(Default)]
struct Idle {
    /// The one used last is at the end, and taken first.
    connections: Vec<Connection>,
    is_swept: bool,
    /// Connections that are forgetting a client, and how many others wait for one of these: that takes less time than making another.
    returning: usize,
    awaited: usize,
}

/// One that waits for a connection to come back.
struct Awaiting<'p>(&'p Pool);

#[derive(Clone)]
struct Client {
    secret: i32,
    /// What the connection that it has is cancelled by. Held while that is done: until then nobody else gets the connection.
    running: Running,
}

type Running = Arc<tokio::sync::Mutex<Option<Key>>>;

/// A client, as long as it is connected.
pub(crate) struct Registered {
    pool: Arc<Pool>,
    /// What the client is told that its queries are cancelled by.
    pub(crate) key: Key,
    running: Running,
}

/// A connection that is one client's.
pub(crate) struct Lease {
    pool: Arc<Pool>,
    connection: Option<Connection>,
    permit: Option<OwnedSemaphorePermit>,
    /// What the client may be running in it.
    running: Running,
}

// === impl Pool ===

impl Pool {
    pub(crate) fn new(settings: Settings, dial: Arc<dyn Dial>) -> Arc<Self> {
        Arc::new(Self {
            permits: Arc::new(Semaphore::new(settings.connections)),
            settings,
            dial,
            idle: Mutex::default(),
            returned: Notify::new(),
            parameters: Mutex::default(),
            is_closed: AtomicBool::new(false),
            clients: Mutex::default(),
            last_client: AtomicI32::new(0),
        })
    }

    /// One as it was in its beginning.
    pub(crate) fn renewed(&self) -> Arc<Self> {
        Self::new(self.settings.clone(), self.dial.clone())
    }

    /// Closes what nobody uses, and from now on what is given back.
    pub(crate) fn close(&self) {
        self.is_closed.store(true, Ordering::Release);
        for connection in std::mem::take(&mut self.idle().connections) {
            in_background(connection.close(None));
        }
    }

    /// Lets a client in; the error is what it is told.
    pub(crate) fn register(self: &Arc<Self>) -> Result<Registered, Bytes> {
        let mut clients = self.clients();
        if clients.len() >= CLIENTS {
            return Err(fatal(TOO_MANY, "sorry, too many clients already"));
        }
        let mut secret = [0; 4];
        getrandom::fill(&mut secret).map_err(|_| fatal(SYSTEM_ERROR, "Internal error."))?;
        let process = loop {
            let process = self.last_client.fetch_add(1, Ordering::Relaxed).wrapping_add(1) & i32::MAX;
            if !clients.contains_key(&process) {
                break process;
            }
        };
        let key = Key { process, secret: i32::from_be_bytes(secret) };
        let running = Running::default();
        clients.insert(process, Client { secret: key.secret, running: running.clone() });
        Ok(Registered { pool: self.clone(), key, running })
    }

    /// Cancels what the client of this key is running, if it is running something.
    pub(crate) async fn cancel(&self, key: Key) {
        let client = self.clients().get(&key.process).filter(|client| client.secret == key.secret).cloned();
        let Some(client) = client else { return };
        let running = client.running.lock().await;
        if let Some(key) = *running
            && let Err(error) = connect::cancel(&self.settings.origin, &*self.dial, key).await
        {
            tracing::debug!(%error, "a query can't be cancelled");
        }
    }

    /// What the origin says of itself, which it is asked for once.
    pub(crate) async fn parameters(self: &Arc<Self>) -> Result<Arc<Parameters>, ConnectError> {
        let known = self.known().clone();
        if let Some(known) = known {
            return Ok(known);
        }
        let mut lease = self.acquire(Running::default()).await?;
        if let (Some(connection), Some(permit)) = (lease.connection.take(), lease.permit.take()) {
            if let Some(stale) = self.keep(connection) {
                stale.close(None).await;
            }
            drop(permit);
        }
        let known = self.known().clone();
        known.ok_or(ConnectError::Timeout)
    }

    /// A connection: one that is there, or a new one.
    async fn acquire(self: &Arc<Self>, running: Running) -> Result<Lease, ConnectError> {
        let acquiring = async {
            let permit = self.permits.clone().acquire_owned().await.map_err(|_| ConnectError::Timeout)?;
            let mut lease = Lease { pool: self.clone(), connection: None, permit: Some(permit), running };
            loop {
                let found = self.idle().connections.pop();
                if found.is_none()
                    && let Some(awaiting) = self.awaiting()
                {
                    self.returned.notified().await;
                    drop(awaiting);
                    continue;
                }
                let Some(mut connection) = found else {
                    let (connection, parameters) = connect::open(&self.settings.origin, &*self.dial).await?;
                    *self.known() = Some(Arc::new(parameters));
                    lease.connection = Some(connection);
                    break;
                };
                if connection.patience().is_some() && connection.is_silent() {
                    lease.connection = Some(connection);
                    break;
                }
                connection.close(None).await;
            }
            *lease.running.lock().await = lease.connection.as_ref().and_then(|connection| connection.key);
            Ok(lease)
        };
        timeout(ACQUIRE, acquiring).await.unwrap_or(Err(ConnectError::Timeout))
    }

    /// A claim to a connection that is about to come back and is nobody else's.
    fn awaiting(&self) -> Option<Awaiting<'_>> {
        let mut idle = self.idle();
        let is_due = idle.awaited < idle.returning;
        idle.awaited += usize::from(is_due);
        is_due.then(|| Awaiting(self))
    }

    /// Keeps a connection for the next, unless the pool is closed. Its permit is given back after it.
    fn keep(self: &Arc<Self>, connection: Connection) -> Option<Connection> {
        let mut idle = self.idle();
        if self.is_closed.load(Ordering::Acquire) {
            return Some(connection);
        }
        idle.connections.push(connection);
        if !std::mem::replace(&mut idle.is_swept, true) {
            in_background(sweep(Arc::downgrade(self)));
        }
        None
    }

    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self) -> MutexGuard<'_, Option<Arc<Parameters>>> {
        self.parameters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn clients(&self) -> MutexGuard<'_, HashMap<i32, Client>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes connections that have not been used for long, until there are none.
async fn sweep(pool: Weak<Pool>) {
    loop {
        let Some(here) = pool.upgrade() else { return };
        // The one that is to go has a permit until it is gone. Where there is none, all connections are in use.
        let permit = here.permits.clone().try_acquire_owned().ok();
        let mut next = IDLE;
        let stale = {
            let mut idle = here.idle();
            if idle.connections.is_empty() {
                idle.is_swept = false;
                return;
            }
            let mut stale = None;
            for (at, connection) in idle.connections.iter().enumerate() {
                match connection.patience() {
                    Some(left) => next = next.min(left),
                    None => stale = Some(at),
                }
            }
            match (stale, &permit) {
                (Some(at), Some(_)) => Some(idle.connections.remove(at)),
                _ => None,
            }
        };
        let was_stale = stale.is_some();
        if let Some(stale) = stale {
            stale.close(None).await;
        }
        drop((permit, here));
        if !was_stale {
            sleep(next).await;
        }
    }
}

/// What is done although nobody waits for it.
fn in_background(work: impl Future<Output = ()> + Send + 'static) {
    // At the end of the process there is no runtime any more, and nothing to be done.
    if let Ok(runtime) = Handle::try_current() {
        runtime.spawn(work);
    }
}

// === impl Awaiting ===

impl Drop for Awaiting<'_> {
    fn drop(&mut self) {
        self.0.idle().awaited -= 1;
    }
}

// === impl Registered ===

impl Registered {
    /// A connection to the origin, for this client alone until it is given back.
    pub(crate) async fn acquire(&self) -> Result<Lease, ConnectError> {
        self.pool.acquire(self.running.clone()).await
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.pool.clients().remove(&self.key.process);
    }
}

// === impl Lease ===

impl Lease {
    pub(crate) fn connection(&mut self) -> Option<&mut Connection> {
        self.connection.as_mut()
    }

    /// Gives the connection back, in which nothing is open. The next client gets it when it has forgotten this one.
    pub(crate) fn give_back(mut self) {
        let (Some(mut connection), Some(permit)) = (self.connection.take(), self.permit.take()) else { return };
        let (pool, running) = (self.pool.clone(), self.running.clone());
        pool.idle().returning += 1;
        in_background(async move {
            // Whoever is cancelling the client's query means this connection.
            running.lock().await.take();
            let is_clean = connection.forget().await;
            pool.idle().returning -= 1;
            let stale = if is_clean { pool.keep(connection) } else { Some(connection) };
            pool.returned.notify_one();
            if let Some(stale) = stale {
                stale.close(None).await;
            }
            drop(permit);
        });
    }
}

/// A connection that is not given back is in the middle of something: it is rolled back by being closed.
impl Drop for Lease {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        let (pool, running, permit) = (self.pool.clone(), self.running.clone(), self.permit.take());
        in_background(async move {
            running.lock().await.take();
            connection.close(Some((&pool.settings.origin, &*pool.dial))).await;
            drop(permit);
        });
    }
}
