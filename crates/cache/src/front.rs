//! The cache in front of `fetch`: what a subrequest asks of it, hits and revalidation, and one request to the origin where
//! many would ask for the same.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, stream};
use http::header::{
    ETAG, HeaderMap, HeaderName, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, LAST_MODIFIED, RANGE,
};
use tokio::sync::{mpsc, watch};

use crate::answer::{Answer, answer};
use crate::head::{Entry, Head, Key};
use crate::policy::{Forced, Lifetime, Refusal, lifetime};
use crate::store::Store;

pub type StreamError = Box<dyn std::error::Error + Send + Sync>;
pub type Stream = stream::BoxStream<'static, Result<Bytes, StreamError>>;

/// How long a request waits for another one's answer before it goes to the origin itself.
const PATIENCE: Duration = Duration::from_secs(10);

/// Chunks of a body on its way to whoever asked, while it is stored.
const CHUNKS: usize = 8;

const STATUS: HeaderName = HeaderName::from_static("cf-cache-status");

/// `Request.cache`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mode {
    #[default]
    Default,
    NoStore,
    NoCache,
    /// What is stored is not looked at, and replaced.
    Reload,
}

/// What a subrequest asks of the cache: its `cf` and `cache`
/// (https://developers.cloudflare.com/workers/runtime-apis/request/#the-cf-property-requestinitcfproperties).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ask {
    pub mode: Mode,
    pub everything: bool,
    pub key: Option<String>,
    pub tags: Vec<String>,
    pub forced: Forced,
}

#[derive(Debug, thiserror::Error)]
pub enum AskError {
    #[error("CacheTtl: {0}, is not compatible with cache: {1} header.")]
    Contradiction(i64, &'static str),
}

/// What the origin answered.
pub struct Fetched {
    pub status: u16,
    pub reason: Option<String>,
    pub headers: HeaderMap,
    pub body: Stream,
    pub length: Option<u64>,
}

/// What `fetch` gets.
pub struct Served {
    pub status: u16,
    pub reason: Option<String>,
    pub headers: HeaderMap,
    pub body: Stream,
    pub length: Option<u64>,
}

/// The way to the origin, for one GET.
pub trait Origin: Send + Sync + 'static {
    type Error: Send;
    /// Sends the request with these headers.
    fn send(&self, headers: HeaderMap) -> impl Future<Output = Result<Fetched, Self::Error>> + Send;
}

/// A store with the requests that are on their way for it.
#[derive(Clone)]
pub struct Front {
    store: Store,
    flights: Arc<Flights>,
}

type Flights = Mutex<HashMap<Key, watch::Receiver<()>>>;

/// The one that went to the origin for a key. Dropped when the others may look again.
struct Flight {
    key: Key,
    flights: Arc<Flights>,
    _lands: watch::Sender<()>,
}

// === impl Ask ===

impl Ask {
    /// From `{ "cf": { … }, "cache": … }`. What has not the type that it should have is as good as absent.
    pub fn parse(json: &str) -> Result<Self, AskError> {
        let value: serde_json::Value = serde_json::from_str(json).unwrap_or_default();
        let cf = &value["cf"];
        let mode = match value["cache"].as_str() {
            Some("no-store") => Mode::NoStore,
            Some("no-cache") => Mode::NoCache,
            Some("reload") => Mode::Reload,
            _ => Mode::Default,
        };
        let ttl = cf["cacheTtl"].as_f64().map(|ttl| ttl as i64);
        if let (Mode::NoStore, Some(ttl)) = (mode, ttl)
            && ttl != -1
        {
            return Err(AskError::Contradiction(ttl, "no-store"));
        }
        let by_status = cf["cacheTtlByStatus"].as_object().into_iter().flatten().filter_map(|(range, ttl)| {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            Some((first.trim().parse().ok()?, last.trim().parse().ok()?, ttl.as_f64()? as i64))
        });
        let tags = cf["cacheTags"].as_array().into_iter().flatten().filter_map(|tag| tag.as_str());
        Ok(Self {
            mode,
            everything: cf["cacheEverything"].as_bool().unwrap_or(false),
            key: cf["cacheKey"].as_str().map(str::to_owned),
            tags: tags.map(str::to_ascii_lowercase).collect(),
            forced: Forced { ttl, by_status: by_status.collect() },
        })
    }

    /// Whether a GET with this is to be cached though its path has no extension that says so.
    pub fn wants_cache(&self) -> bool {
        self.mode != Mode::NoStore
            && (self.everything || self.forced.ttl.is_some_and(|ttl| ttl >= 0) || !self.forced.by_status.is_empty())
    }
}

// === impl Front ===

impl Front {
    pub fn new(store: Store) -> Self {
        Self { store, flights: Arc::default() }
    }

    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Answers a GET (or a HEAD, for which the whole is fetched and stored) from the store or from the origin.
    pub async fn fetch<O: Origin>(
        &self,
        key: Key,
        ask: &Ask,
        request: HeaderMap,
        origin: Arc<O>,
    ) -> Result<Served, O::Error> {
        let mut waited = false;
        loop {
            let found = match ask.mode {
                Mode::Reload => None,
                _ => self.store.get(&key, &request).await,
            };
            let now = crate::now();
            if let Some(entry) = found.as_ref().filter(|_| ask.mode != Mode::NoCache) {
                if entry.head.lifetime.is_fresh(now)
                    && let Some(served) = self.serve(entry, &request, "HIT").await
                {
                    return Ok(served);
                }
                if !entry.head.lifetime.is_fresh(now)
                    && entry.head.lifetime.may_wait(now)
                    && let Some(served) = self.serve(entry, &request, "UPDATING").await
                {
                    if let Ok(flight) = self.take_off(&key) {
                        let (front, entry, ask) = (self.clone(), entry.clone(), ask.clone());
                        tokio::spawn(async move {
                            // Whoever asks next finds what has become of it.
                            let _ = front.lead(key, &ask, request, origin, Some(entry), Some(flight)).await;
                        });
                    }
                    return Ok(served);
                }
            }
            match self.take_off(&key) {
                Ok(flight) => return self.lead(key, ask, request, origin, found, Some(flight)).await,
                Err(_) if waited => return self.lead(key, ask, request, origin, found, None).await,
                Err(mut lands) => {
                    waited = true;
                    // The sender never sends: it is dropped.
                    let _ = tokio::time::timeout(PATIENCE, lands.changed()).await;
                }
            }
        }
    }

    /// The first for a key goes; the others get what tells them when it is back.
    fn take_off(&self, key: &Key) -> Result<Flight, watch::Receiver<()>> {
        let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lands) = flights.get(key) {
            return Err(lands.clone());
        }
        let (sender, lands) = watch::channel(());
        flights.insert(key.clone(), lands);
        Ok(Flight { key: key.clone(), flights: self.flights.clone(), _lands: sender })
    }

    /// Asks the origin, for the whole or whether what was found is still good, and stores what may be stored.
    async fn lead<O: Origin>(
        &self,
        key: Key,
        ask: &Ask,
        request: HeaderMap,
        origin: Arc<O>,
        found: Option<Entry>,
        flight: Option<Flight>,
    ) -> Result<Served, O::Error> {
        let answer = origin.send(unconditional(&request, found.as_ref())).await;
        let now = crate::now();
        let failed = answer.as_ref().map_or(true, |fetched| fetched.status >= 500);
        if failed
            && let Some(entry) = found.as_ref().filter(|entry| entry.head.lifetime.may_replace_error(now))
            && let Some(served) = self.serve(entry, &request, "STALE").await
        {
            return Ok(served);
        }
        let mut fetched = answer?;
        if fetched.status == 304
            && let Some(entry) = &found
        {
            let entry = self.freshen(entry, &fetched.headers, &request, ask, now);
            drop(flight);
            if let Some(served) = self.serve(&entry, &request, "REVALIDATED").await {
                return Ok(served);
            }
            fetched = origin.send(unconditional(&request, None)).await?;
            return Ok(fetched.labelled("MISS"));
        }
        let label = if found.is_some() { "EXPIRED" } else { "MISS" };
        let lifetime = match lifetime(fetched.status, &mut fetched.headers, &request, &ask.forced, now) {
            Ok(lifetime) => lifetime,
            Err(refusal) => {
                // It was good once, and the origin says that it is no more.
                if found.is_some() && fetched.status < 500 {
                    self.store.delete(&key).await;
                }
                let told = matches!(refusal, Refusal::Headers) || (refusal == Refusal::SetCookie && !ask.everything);
                return Ok(fetched.labelled(if told { "BYPASS" } else { label }));
            }
        };
        Ok(self.keep(key, ask, &request, fetched, lifetime, label, flight).await)
    }

    fn freshen(&self, entry: &Entry, newer: &HeaderMap, request: &HeaderMap, ask: &Ask, now: u64) -> Entry {
        let mut headers = entry.head.headers();
        for (name, value) in newer {
            headers.insert(name, value.clone());
        }
        match lifetime(entry.head.status, &mut headers, request, &ask.forced, now) {
            Ok(lifetime) => self.store.freshen(entry, newer, lifetime),
            // Good for this once.
            Err(_) => entry.clone(),
        }
    }

    /// Stores a response while it goes to whoever asked; it is stored whole though nobody waits for it any more.
    #[expect(clippy::too_many_arguments, reason = "one exchange, all of it")]
    async fn keep(
        &self,
        key: Key,
        ask: &Ask,
        request: &HeaderMap,
        fetched: Fetched,
        lifetime: Lifetime,
        label: &'static str,
        flight: Option<Flight>,
    ) -> Served {
        let Fetched { status, reason, mut headers, body, length } = fetched;
        if let Some(length) = length {
            headers.insert(http::header::CONTENT_LENGTH, HeaderValue::from(length));
        }
        let mut head = Head::new(status, reason.clone(), &headers, request, lifetime);
        head.tags.extend(ask.tags.iter().cloned());
        let (out, chunks) = mpsc::channel(CHUNKS);
        let store = self.store.clone();
        let pump = async move {
            let failing = out.clone();
            let mut both: Stream = body
                .then(move |chunk| {
                    let out = out.clone();
                    async move {
                        if let Ok(chunk) = &chunk {
                            // Nobody may read any more; it is stored all the same.
                            let _ = out.send(Ok(chunk.clone())).await;
                        }
                        chunk
                    }
                })
                .boxed();
            let error = match store.put(key, head, &mut both).await {
                Ok(true) => None,
                // Too large to keep: the rest still goes to whoever asked.
                Ok(false) => loop {
                    match both.next().await {
                        Some(Ok(_)) if !failing.is_closed() => {}
                        Some(Err(error)) => break Some(error),
                        _ => break None,
                    }
                },
                Err(error) => {
                    tracing::debug!(%error, "a response was not stored");
                    match error {
                        crate::CacheError::Body(error) => Some(error),
                        other => Some(other.into()),
                    }
                }
            };
            if let Some(error) = error {
                let _ = failing.send(Err(error)).await;
            }
            drop(flight);
        };
        tokio::spawn(pump);
        headers.insert(STATUS, HeaderValue::from_static(label));
        let body = stream::unfold(chunks, |mut chunks| async { Some((chunks.recv().await?, chunks)) }).boxed();
        narrow(Served { status, reason, headers, body, length }, request, lifetime)
    }

    async fn serve(&self, entry: &Entry, request: &HeaderMap, label: &'static str) -> Option<Served> {
        let Answer { status, reason, headers, body } =
            answer(&entry.head, entry.length(), request, label, crate::now());
        let (body, length) = match body {
            None => (stream::empty().boxed(), Some(0)),
            Some((first, count)) => match self.store.read(entry, first, count).await {
                Ok(body) => (body, Some(count)),
                Err(error) => {
                    tracing::debug!(%error, "a stored response can't be read");
                    return None;
                }
            },
        };
        Some(Served { status, reason, headers, body, length })
    }

    /// As `fetch` serves a hit, for the Cache API: only what is fresh.
    pub async fn matches(&self, key: &Key, request: &HeaderMap) -> Option<Served> {
        let entry = self.store.get(key, request).await?;
        if !entry.head.lifetime.is_fresh(crate::now()) {
            return None;
        }
        self.serve(&entry, request, "HIT").await
    }
}

/// What the origin is asked, so that its answer can be stored: without conditions and ranges of the one who asks, with
/// conditions on what was found.
fn unconditional(request: &HeaderMap, found: Option<&Entry>) -> HeaderMap {
    let mut headers = request.clone();
    for name in [IF_NONE_MATCH, IF_MODIFIED_SINCE, IF_RANGE, RANGE] {
        headers.remove(name);
    }
    if let Some(entry) = found {
        let stored = entry.head.headers();
        if let Some(etag) = stored.get(ETAG) {
            headers.insert(IF_NONE_MATCH, etag.clone());
        }
        if let Some(modified) = stored.get(LAST_MODIFIED) {
            headers.insert(IF_MODIFIED_SINCE, modified.clone());
        }
    }
    headers
}

/// Cuts a whole answer on its way down to the condition or range that was asked for.
fn narrow(served: Served, request: &HeaderMap, lifetime: Lifetime) -> Served {
    if ![IF_NONE_MATCH, IF_MODIFIED_SINCE, RANGE].iter().any(|name| request.contains_key(name)) {
        return served;
    }
    let whole = Head::new(served.status, served.reason.clone(), &served.headers, request, lifetime);
    let cut = answer(&whole, served.length.unwrap_or(0), request, "MISS", crate::now());
    let mut headers = cut.headers;
    headers.remove(http::header::AGE);
    if let Some(label) = served.headers.get(STATUS) {
        headers.insert(STATUS, label.clone());
    }
    let (body, length) = match cut.body {
        None => (stream::empty().boxed(), Some(0)),
        Some(_) if cut.status != 206 => (served.body, served.length),
        Some((first, count)) => (part(served.body, first, count), Some(count)),
    };
    Served { status: cut.status, reason: cut.reason, headers, body, length }
}

fn part(body: Stream, first: u64, count: u64) -> Stream {
    let state = (body, first, count);
    stream::unfold(state, |(mut body, mut skip, left)| async move {
        if left == 0 {
            return None;
        }
        loop {
            match body.next().await? {
                Err(error) => return Some((Err(error), (body, 0, 0))),
                Ok(chunk) if (chunk.len() as u64) <= skip => skip -= chunk.len() as u64,
                Ok(chunk) => {
                    let end = (chunk.len() as u64).min(skip + left);
                    let piece = chunk.slice(skip as usize..end as usize);
                    let left = left - piece.len() as u64;
                    return Some((Ok(piece), (body, 0, left)));
                }
            }
        }
    })
    .boxed()
}

// === impl Fetched ===

impl Fetched {
    fn labelled(self, label: &'static str) -> Served {
        let Self { status, reason, mut headers, body, length } = self;
        headers.insert(STATUS, HeaderValue::from_static(label));
        Served { status, reason, headers, body, length }
    }
}

// === impl Flight ===

impl Drop for Flight {
    fn drop(&mut self) {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

#[cfg(test)]
mod tests;
