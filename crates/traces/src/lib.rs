//! Finished spans, sent to an OpenTelemetry collector: OTLP over HTTP, as JSON. In batches and in the background: nothing waits for
//! the collector, and what it does not take is dropped and counted.

mod otlp;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use isolate::{Span, SpanSink};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use url::Url;
use webapi::fetch::{Outbound, Policy, RedirectMode, Subrequest, SubrequestBody};

/// Spans that may wait to be sent, some ten megabytes of them.
const QUEUE: usize = 16 * 1024;
/// Spans in one request.
const BATCH: usize = 512;
/// How long a batch waits to be full.
const LINGER: Duration = Duration::from_secs(1);
/// How long the collector may take for one batch.
const PATIENCE: Duration = Duration::from_secs(10);
/// The waits between attempts to send a batch that the collector could not take just now.
const RETRIES: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(3), Duration::from_secs(10)];
/// Bytes of an answer that are read.
const ANSWER: usize = 64 << 10;

/// Where spans go.
pub struct Options {
    /// The collector's address, with `/v1/traces`.
    pub endpoint: Url,
    /// What it wants to see of whoever sends.
    pub headers: HeaderMap,
    /// The version of the program.
    pub version: &'static str,
}

/// What became of the spans that were sent.
#[derive(Debug, Default)]
pub struct Counts {
    exported: AtomicU64,
    failed: AtomicU64,
}

/// Sends what comes through the queue.
pub struct Exporter {
    options: Options,
    outbound: Outbound,
    spans: mpsc::Receiver<Span>,
    counts: Arc<Counts>,
    is_failing: bool,
}

/// How an attempt to send a batch ended, where it did not succeed.
enum Refused {
    /// It may go better later.
    ForNow(String),
    ForGood(String),
}

// === impl Counts ===

impl Counts {
    /// Spans that the collector took.
    pub fn exported(&self) -> u64 {
        self.exported.load(Ordering::Relaxed)
    }

    /// Spans that it did not take.
    pub fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }
}

// === impl Exporter ===

impl Exporter {
    /// An exporter, and the way to it.
    pub fn new(options: Options) -> (SpanSink, Self) {
        let (sink, spans) = SpanSink::new(QUEUE);
        // The operator chose the address: it may be this machine's.
        let outbound = Outbound::new(Policy { allow_private: true, ..Policy::public() });
        (sink, Self { options, outbound, spans, counts: Arc::default(), is_failing: false })
    }

    pub fn counts(&self) -> &Arc<Counts> {
        &self.counts
    }

    /// Sends batches until `stop` fires, and then once what is left.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                more = gather(&mut self.spans, &mut batch) => if !more {
                    break;
                },
            }
            self.send(&batch, &stop).await;
            batch.clear();
        }
        loop {
            while batch.len() < BATCH
                && let Ok(span) = self.spans.try_recv()
            {
                batch.push(span);
            }
            if batch.is_empty() {
                return;
            }
            self.send(&batch, &stop).await;
            batch.clear();
        }
    }

    async fn send(&mut self, batch: &[Span], stop: &CancellationToken) {
        let body = otlp::request(batch, self.options.version);
        let mut retries = RETRIES.into_iter();
        let count = batch.len() as u64;
        loop {
            let reason = match self.post(body.clone()).await {
                Ok(rejected) => {
                    let rejected = rejected.min(count);
                    self.counts.exported.fetch_add(count - rejected, Ordering::Relaxed);
                    self.counts.failed.fetch_add(rejected, Ordering::Relaxed);
                    if std::mem::take(&mut self.is_failing) {
                        tracing::info!("spans are exported again");
                    }
                    return;
                }
                Err(Refused::ForNow(reason)) => match retries.next() {
                    Some(wait) if !stop.is_cancelled() => {
                        tokio::select! {
                            () = stop.cancelled() => {}
                            () = sleep(wait) => {}
                        }
                        continue;
                    }
                    _ => reason,
                },
                Err(Refused::ForGood(reason)) => reason,
            };
            self.counts.failed.fetch_add(count, Ordering::Relaxed);
            // Said once, until it goes well again.
            if !std::mem::replace(&mut self.is_failing, true) {
                tracing::error!(endpoint = self.options.endpoint.host_str(), reason, "spans can't be exported");
            }
            return;
        }
    }

    /// How many spans of the batch the collector rejected, though it took the request.
    async fn post(&self, body: Vec<u8>) -> Result<u64, Refused> {
        let mut headers = self.options.headers.clone();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let request = Subrequest {
            method: Method::POST,
            url: self.options.endpoint.clone(),
            headers,
            body: SubrequestBody::Bytes(body.into()),
            // What the headers say is for this address alone.
            redirect: RedirectMode::Error,
            strip_authorization: true,
            options: None,
            abort: None,
        };
        let exchange = async {
            let response = self.outbound.fetch(request).await.map_err(|error| error.to_string())?;
            let answer = match response.body {
                Some(body) => body.decoded().read_all(ANSWER).await.map_err(|error| error.to_string())?,
                None => Default::default(),
            };
            Ok((response.status, answer))
        };
        let answered = timeout(PATIENCE, exchange).await.unwrap_or_else(|_| Err("it did not answer in time".into()));
        let (status, answer) = answered.map_err(Refused::ForNow)?;
        match status {
            status if status.is_success() => Ok(otlp::rejected(&answer)),
            // The only ones that may be tried again: https://opentelemetry.io/docs/specs/otlp/#retryable-response-codes
            StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => Err(Refused::ForNow(format!("it answered {status}"))),
            status => Err(Refused::ForGood(format!("it answered {status}"))),
        }
    }
}

/// Waits for a span, and a while for more. Whether there can be more.
async fn gather(spans: &mut mpsc::Receiver<Span>, batch: &mut Vec<Span>) -> bool {
    if batch.is_empty() && spans.recv_many(batch, BATCH).await == 0 {
        return false;
    }
    let due = Instant::now() + LINGER;
    while batch.len() < BATCH {
        match timeout_at(due, spans.recv_many(batch, BATCH - batch.len())).await {
            Ok(0) | Err(_) => break,
            Ok(_) => {}
        }
    }
    true
}
