use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tempfile::TempDir;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use super::*;

/// A store whose clock is moved by hand.
struct Fixture {
    folder: TempDir,
    now: Arc<AtomicU64>,
    store: Arc<Store>,
}

const START: u64 = 1_700_000_000_000;

// === impl Fixture ===

impl Fixture {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let now = Arc::new(AtomicU64::new(START));
        let store = open(&folder, &now, limits::BACKLOG);
        store.create("q", Settings::default()).await.unwrap();
        Self { folder, now, store }
    }

    fn queue(&self) -> Queue {
        self.store.queue("q")
    }

    fn pass(&self, time: Duration) {
        self.now.fetch_add(time.as_millis() as u64, Ordering::Relaxed);
    }

    /// The process ends at once, and another begins.
    fn crash(&mut self) {
        self.store = open(&self.folder, &self.now, limits::BACKLOG);
    }

    async fn send(&self, bodies: &[&str]) {
        self.queue().send(bodies.iter().map(|body| text(body)).collect(), None).await.unwrap();
    }

    async fn lease(&self, terms: &Terms) -> Vec<Leased> {
        self.queue().lease(terms).await.unwrap()
    }
}

fn open(folder: &TempDir, now: &Arc<AtomicU64>, backlog: u64) -> Arc<Store> {
    let now = now.clone();
    let clock: Clock = Arc::new(move || now.load(Ordering::Relaxed));
    Store::new(Options { folder: folder.path().to_owned(), clock, backlog })
}

fn text(body: &str) -> NewMessage {
    NewMessage { body: body.to_owned().into(), content_type: ContentType::Text, delay: None }
}

fn terms() -> Terms {
    Terms {
        holder: Holder::Worker,
        batch: 10,
        lease: Duration::from_secs(30),
        max_retries: 2,
        retry_delay: 0,
        dead_letter: None,
    }
}

fn bodies(leased: &[Leased]) -> Vec<(String, u32)> {
    let body = |leased: &Leased| String::from_utf8(leased.message.body.to_vec()).unwrap();
    leased.iter().map(|leased| (body(leased), leased.message.attempts)).collect()
}

async fn settle(queue: &Queue, leased: &[Leased], settlement: Settlement, terms: &Terms) -> Settled {
    let all = leased.iter().map(|leased| (leased.lease, settlement)).collect();
    queue.settle(all, terms).await.unwrap()
}

const RETRY: Settlement = Settlement::Retry { delay: None };

#[tokio::test]
async fn what_is_acknowledged_is_gone_and_all_else_comes_again() {
    let fixture = Fixture::new().await;
    fixture.send(&["a", "b", "c"]).await;
    let queue = fixture.queue();
    let leased = fixture.lease(&terms()).await;
    assert_eq!(bodies(&leased), [("a".into(), 1), ("b".into(), 1), ("c".into(), 1)]);
    assert_eq!(leased[0].message.timestamp, START);
    assert!(fixture.lease(&terms()).await.is_empty(), "leased messages are nobody else's");
    settle(&queue, &leased[..1], Settlement::Ack, &terms()).await;
    settle(&queue, &leased[1..2], Settlement::Retry { delay: Some(5) }, &terms()).await;
    assert!(fixture.lease(&terms()).await.is_empty());
    fixture.pass(Duration::from_secs(5));
    assert_eq!(bodies(&fixture.lease(&terms()).await), [("b".into(), 2)]);
    // The lease of the third has ended by now, and that of the second lasts.
    fixture.pass(Duration::from_secs(25));
    assert_eq!(bodies(&fixture.lease(&terms()).await), [("c".into(), 2)]);
    assert_eq!(queue.metrics().unwrap(), Metrics { messages: 2, bytes: 2, oldest: Some(START) });
}

#[tokio::test]
async fn a_late_acknowledgement_counts_and_a_late_retry_does_not() {
    let fixture = Fixture::new().await;
    fixture.send(&["a"]).await;
    let first = fixture.lease(&terms()).await;
    fixture.pass(Duration::from_secs(30));
    let second = fixture.lease(&terms()).await;
    assert_eq!(second[0].message.attempts, 2);
    let queue = fixture.queue();
    assert_eq!(settle(&queue, &first, RETRY, &terms()).await, Settled::default());
    assert!(fixture.lease(&terms()).await.is_empty());
    assert_eq!(settle(&queue, &first, Settlement::Ack, &terms()).await.acked, 1);
    assert_eq!(settle(&queue, &second, Settlement::Ack, &terms()).await.acked, 0);
    assert_eq!(queue.metrics().unwrap(), Metrics::default());
}

#[tokio::test]
async fn what_came_too_often_is_a_dead_letter_or_goes() {
    let fixture = Fixture::new().await;
    fixture.store.create("dead", Settings::default()).await.unwrap();
    let dead = Terms { dead_letter: Some("dead".into()), ..terms() };
    for terms in [&dead, &terms()] {
        fixture.send(&["a"]).await;
        let mut last = Settled::default();
        for attempt in 1..=3 {
            let leased = fixture.lease(terms).await;
            assert_eq!(leased[0].message.attempts, attempt);
            fixture.pass(Duration::from_secs(1));
            last = settle(&fixture.queue(), &leased, RETRY, terms).await;
        }
        assert_eq!((last.dead, last.dropped), if terms.dead_letter.is_some() { (1, 0) } else { (0, 1) });
        assert_eq!(fixture.queue().metrics().unwrap(), Metrics::default());
    }
    let letters = fixture.store.queue("dead").lease(&terms()).await.unwrap();
    assert_eq!(bodies(&letters), [("a".into(), 1)]);
    assert_eq!(letters[0].message.timestamp, START, "a dead letter keeps the time at which it was sent");
    // One whose leases always end unanswered is one too.
    fixture.send(&["b"]).await;
    for _ in 0..3 {
        assert_eq!(fixture.lease(&dead).await.len(), 1);
        fixture.pass(Duration::from_secs(30));
    }
    assert!(fixture.lease(&dead).await.is_empty());
    assert_eq!(fixture.store.queue("dead").metrics().unwrap().messages, 2);
    // Where the queue for dead letters is gone, they go.
    fixture.store.delete("dead").await.unwrap();
    let never = Terms { max_retries: 0, ..dead };
    fixture.send(&["c"]).await;
    let leased = fixture.lease(&never).await;
    assert_eq!(settle(&fixture.queue(), &leased, RETRY, &never).await.dropped, 1);
}

#[tokio::test]
async fn delays_of_message_batch_handle_and_queue() {
    let fixture = Fixture::new().await;
    let queue = fixture.queue();
    queue.configure(Settings { delivery_delay: 40, ..Settings::default() }).await.unwrap();
    let handle = queue.clone().delayed(Some(30));
    let own = |body: &str, delay| NewMessage { delay: Some(delay), ..text(body) };
    queue.send(vec![text("queue")], None).await.unwrap();
    handle.send(vec![text("handle")], None).await.unwrap();
    handle.send(vec![text("batch"), own("message", 10), own("at once", 0)], Some(20)).await.unwrap();
    for expected in ["at once", "message", "batch", "handle", "queue"] {
        let leased = fixture.lease(&terms()).await;
        assert_eq!(bodies(&leased), [(expected.to_owned(), 1)]);
        settle(&queue, &leased, Settlement::Ack, &terms()).await;
        fixture.pass(Duration::from_secs(10));
    }
    for delay in [-1, 86_401] {
        assert_eq!(queue.send(vec![own("a", delay)], None).await.unwrap_err().code(), 10203);
        assert_eq!(queue.send(vec![text("a")], Some(delay)).await.unwrap_err().code(), 10202);
    }
}

#[tokio::test]
async fn limits_hold() {
    let fixture = Fixture::new().await;
    let queue = fixture.queue();
    let of = |length: usize| NewMessage { body: vec![0; length].into(), ..text("") };
    let refused = async |messages: Vec<NewMessage>| queue.send(messages, None).await.unwrap_err().code();
    queue.send(vec![of(limits::MESSAGE)], None).await.unwrap();
    assert_eq!(refused(vec![of(limits::MESSAGE + 1)]).await, 10204);
    assert_eq!(refused(vec![of(limits::MESSAGE), of(limits::MESSAGE), of(limits::MESSAGE)]).await, 10205);
    assert_eq!(refused(vec![]).await, 10206);
    assert_eq!(refused((0..101).map(|_| of(1)).collect()).await, 10206);
    assert_eq!(fixture.store.queue("none").send(vec![of(1)], None).await.unwrap_err().code(), 10104);
    for settings in [
        Settings { retention: 59, ..Settings::default() },
        Settings { retention: 1_209_601, ..Settings::default() },
        Settings { delivery_delay: 86_401, ..Settings::default() },
    ] {
        assert_eq!(queue.configure(settings).await.unwrap_err().code(), 100_128);
    }
    // A batch holds so many bytes, but one message in any case.
    queue.send(vec![of(limits::MESSAGE), of(limits::MESSAGE)], None).await.unwrap();
    assert_eq!(fixture.lease(&terms()).await.len(), 2);
    assert_eq!(fixture.lease(&terms()).await.len(), 1);

    let small = open(&fixture.folder, &fixture.now, queue.metrics().unwrap().bytes + 10).queue("q");
    small.send(vec![of(10)], None).await.unwrap();
    assert_eq!(small.send(vec![of(1)], None).await.unwrap_err().code(), 10251);
}

#[tokio::test]
async fn what_is_too_old_goes() {
    let fixture = Fixture::new().await;
    let queue = fixture.queue();
    queue.configure(Settings { retention: 60, ..Settings::default() }).await.unwrap();
    fixture.send(&["a"]).await;
    fixture.pass(Duration::from_secs(59));
    fixture.send(&["b"]).await;
    assert_eq!(fixture.store.sweep().await.unwrap(), 0);
    fixture.pass(Duration::from_secs(1));
    // Nobody gets it, swept or not.
    assert_eq!(bodies(&fixture.lease(&terms()).await), [("b".into(), 1)]);
    fixture.send(&["c"]).await;
    fixture.pass(Duration::from_secs(60));
    assert_eq!(fixture.store.sweep().await.unwrap(), 2);
    assert_eq!(queue.metrics().unwrap(), Metrics::default());
}

#[tokio::test]
async fn a_batch_is_due_when_it_is_full_or_has_waited() {
    let fixture = Fixture::new().await;
    let queue = fixture.queue();
    let due = || queue.due(2, Duration::from_secs(5)).unwrap();
    assert_eq!(due(), Due::Never);
    fixture.send(&["a"]).await;
    assert_eq!(due(), Due::In(Duration::from_secs(5)));
    queue.send(vec![NewMessage { delay: Some(3), ..text("later") }], None).await.unwrap();
    assert_eq!(due(), Due::In(Duration::from_secs(3)));
    fixture.pass(Duration::from_secs(3));
    assert_eq!(due(), Due::Now);
    let leased = fixture.lease(&terms()).await;
    assert_eq!(due(), Due::In(Duration::from_secs(30)));
    settle(&queue, &leased[1..], Settlement::Ack, &terms()).await;
    settle(&queue, &leased[..1], RETRY, &terms()).await;
    assert_eq!(due(), Due::In(Duration::from_secs(5)));
    fixture.pass(Duration::from_secs(5));
    assert_eq!(due(), Due::Now);
    queue.configure(Settings { paused: true, ..Settings::default() }).await.unwrap();
    assert_eq!(due(), Due::Never);
    assert!(fixture.lease(&terms()).await.is_empty());
    fixture.send(&["b"]).await;
    queue.configure(Settings::default()).await.unwrap();
    assert_eq!(fixture.lease(&terms()).await.len(), 2);
}

#[tokio::test]
async fn whoever_listens_is_told() {
    let fixture = Fixture::new().await;
    let changed = fixture.queue().changed();
    fixture.send(&["a"]).await;
    changed.notified().await;
    let leased = fixture.lease(&terms()).await;
    settle(&fixture.queue(), &leased, RETRY, &terms()).await;
    changed.notified().await;
}

#[tokio::test]
async fn a_crash_gives_back_what_workers_had_and_nothing_else() {
    let mut fixture = Fixture::new().await;
    fixture.send(&["worker", "outside", "waits"]).await;
    let one = Terms { batch: 1, ..terms() };
    fixture.lease(&one).await;
    fixture.lease(&Terms { holder: Holder::Outside, ..one.clone() }).await;
    fixture.crash();
    let again = fixture.lease(&terms()).await;
    assert_eq!(bodies(&again), [("worker".into(), 1), ("waits".into(), 1)]);
    fixture.pass(Duration::from_secs(30));
    let outside = fixture.lease(&terms()).await;
    assert!(bodies(&outside).contains(&("outside".into(), 2)), "{outside:?}");
}

#[tokio::test]
async fn a_release_does_not_count() {
    let fixture = Fixture::new().await;
    fixture.send(&["a"]).await;
    for _ in 0..5 {
        let leased = fixture.lease(&terms()).await;
        assert_eq!(bodies(&leased), [("a".into(), 1)]);
        let release = Settlement::Release { delay: 1 };
        assert_eq!(settle(&fixture.queue(), &leased, release, &terms()).await.released, 1);
        fixture.pass(Duration::from_secs(1));
    }
}

#[tokio::test]
async fn purged_and_deleted() {
    let fixture = Fixture::new().await;
    let queue = fixture.queue();
    fixture.store.create("other", Settings::default()).await.unwrap();
    fixture.store.queue("other").send(vec![text("stays")], None).await.unwrap();
    for _ in 0..11 {
        queue.send((0..100).map(|_| text("a")).collect(), None).await.unwrap();
    }
    let leased = fixture.lease(&terms()).await;
    assert_eq!(queue.purge().await.unwrap(), 1100);
    assert_eq!(queue.metrics().unwrap(), Metrics::default());
    assert_eq!(settle(&queue, &leased, RETRY, &terms()).await, Settled::default());
    fixture.send(&["b"]).await;
    fixture.store.delete("q").await.unwrap();
    assert_eq!(queue.send(vec![text("c")], None).await.unwrap_err().code(), 10104);
    assert!(matches!(queue.due(1, Duration::ZERO), Err(Error::NotFound)));
    assert_eq!(fixture.store.queue("other").metrics().unwrap().messages, 1);
    fixture.store.create("q", Settings::default()).await.unwrap();
    assert_eq!(queue.metrics().unwrap(), Metrics::default());
}

#[test]
fn lease_ids_are_read_again() {
    let lease = LeaseId { sequence: 7, id: uuid::Uuid::from_u128(9), attempts: 3 };
    assert_eq!(LeaseId::parse(&lease.to_string()), Some(lease));
    for other in ["", "AAAA", "!", &lease.to_string()[1..], &format!("{lease}AAAA")] {
        assert_eq!(LeaseId::parse(other), None, "{other}");
    }
}

#[tokio::test]
async fn batches_are_delivered_until_it_is_stopped() {
    let fixture = Fixture::new().await;
    let stop = CancellationToken::new();
    let (told, mut heard) = mpsc::unbounded_channel();
    let delivery = Delivery {
        queue: fixture.queue(),
        terms: Terms { batch: 2, ..terms() },
        wait: Duration::ZERO,
        concurrency: 1,
        room: Arc::new(Semaphore::new(1)),
    };
    let mut unavailable = true;
    let handle = std::sync::Mutex::new(move |batch: Vec<Leased>| {
        told.send(bodies(&batch)).unwrap();
        if std::mem::take(&mut unavailable) {
            return Handled::Unavailable;
        }
        let is_refused = |leased: &Leased| &leased.message.body[..] == b"no" && leased.message.attempts < 3;
        Handled::Settled(batch.iter().map(|leased| if is_refused(leased) { RETRY } else { Settlement::Ack }).collect())
    });
    let running = tokio::spawn(delivery.run(stop.clone(), move |batch| {
        let mut handle = handle.lock().unwrap();
        let handled = (*handle)(batch);
        async move { handled }
    }));
    fixture.send(&["yes"]).await;
    assert_eq!(heard.recv().await.unwrap(), [("yes".into(), 1)]);
    fixture.send(&["no"]).await;
    let mut all = Vec::new();
    while all.len() < 4 {
        // However late it was given back.
        fixture.pass(Duration::from_secs(1));
        let next = tokio::time::timeout(Duration::from_millis(50), heard.recv()).await;
        all.extend(next.ok().flatten().into_iter().flatten());
    }
    all.sort();
    assert_eq!(all, [("no".into(), 1), ("no".into(), 2), ("no".into(), 3), ("yes".into(), 1)]);
    stop.cancel();
    running.await.unwrap();
    assert_eq!(fixture.queue().metrics().unwrap(), Metrics::default());
}
