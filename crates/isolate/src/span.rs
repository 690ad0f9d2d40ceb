//! Spans: what an event asks of the world outside its isolate, and how long it takes, for whoever follows the event. An event that
//! nobody follows has none, which costs it a look.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Instant, SystemTime};

use tokio::sync::mpsc;

/// Spans that one event from outside may have, with all that it leads to.
const SPANS: u32 = 500;
/// Characters of one fact's text.
const TEXT: usize = 512;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TraceId(pub u128);

/// Names a span within its trace; not 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SpanId(pub u64);

/// What is said of a span.
#[derive(Clone, Debug, PartialEq)]
pub enum Fact {
    Text(String),
    Integer(i64),
    Decimal(f64),
    Flag(bool),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpanKind {
    /// An event that came.
    Server,
    /// Something that was asked of others.
    Client,
}

/// Whose spans they are: facts that hold for all of them.
pub type SpanSource = Arc<[(&'static str, Fact)]>;

/// One that has ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    pub source: SpanSource,
    pub trace: TraceId,
    pub id: SpanId,
    pub parent: Option<SpanId>,
    pub name: Cow<'static, str>,
    pub kind: SpanKind,
    pub began: SystemTime,
    pub ended: SystemTime,
    pub facts: Vec<(&'static str, Fact)>,
    pub failed: bool,
}

/// Where spans go when they have ended: a queue, past whose length they are lost and counted.
#[derive(Clone, Debug)]
pub struct SpanSink {
    queue: mpsc::Sender<Span>,
    lost: Arc<AtomicU64>,
}

/// An event's place in a trace: what it begins is below it. Clones are the same place.
#[derive(Clone, Debug)]
pub struct Followed {
    trace: Arc<Trace>,
    source: SpanSource,
    span: SpanId,
}

#[derive(Debug)]
struct Trace {
    id: TraceId,
    sink: SpanSink,
    left: AtomicU32,
    ids: AtomicU64,
    /// Whether others outside are told of the trace.
    propagates: bool,
}

/// A span that goes on; it ends when it is dropped.
#[derive(Debug, Default)]
pub struct OpenSpan(Option<Box<Open>>);

#[derive(Debug)]
struct Open {
    span: Option<Span>,
    trace: Arc<Trace>,
    began: Instant,
}

/// The span of what the running code begins now; none where nobody follows its event.
pub fn begin_span(scope: &mut v8::PinScope, name: impl FnOnce() -> Cow<'static, str>) -> OpenSpan {
    match crate::io_context(scope).and_then(|context| context.followed()) {
        Some(followed) => followed.begin(name()),
        None => OpenSpan::default(),
    }
}

// === impl SpanSink ===

impl SpanSink {
    /// A queue of this length, and its end.
    pub fn new(length: usize) -> (Self, mpsc::Receiver<Span>) {
        let (queue, spans) = mpsc::channel(length);
        (Self { queue, lost: Arc::default() }, spans)
    }

    /// Spans that were lost because the queue was full, or because one event had too many.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    fn send(&self, span: Span) {
        if self.queue.try_send(span).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

// === impl Followed ===

impl Followed {
    /// Begins a trace, or one's own part of it, with its first span. `seed`: any number, unlike that of others in the same trace.
    pub fn first(
        sink: SpanSink,
        source: &SpanSource,
        (trace, parent): (TraceId, Option<SpanId>),
        seed: u64,
        propagates: bool,
        name: Cow<'static, str>,
    ) -> OpenSpan {
        let (left, ids) = (AtomicU32::new(SPANS), AtomicU64::new(seed));
        let trace = Arc::new(Trace { id: trace, sink, left, ids, propagates });
        trace.begin(source, parent, name, SpanKind::Server)
    }

    /// The span of an event that came from here, and that is another's.
    pub fn begin_event(&self, source: &SpanSource, name: Cow<'static, str>) -> OpenSpan {
        self.trace.begin(source, Some(self.span), name, SpanKind::Server)
    }

    /// The span of something that is asked of others.
    fn begin(&self, name: Cow<'static, str>) -> OpenSpan {
        self.trace.begin(&self.source, Some(self.span), name, SpanKind::Client)
    }
}

// === impl Trace ===

impl Trace {
    fn begin(
        self: &Arc<Self>,
        source: &SpanSource,
        parent: Option<SpanId>,
        name: Cow<'static, str>,
        kind: SpanKind,
    ) -> OpenSpan {
        let less = |left: u32| left.checked_sub(1);
        if self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_err() {
            self.sink.lost.fetch_add(1, Ordering::Relaxed);
            return OpenSpan::default();
        }
        let began = SystemTime::now();
        let span = Span {
            source: source.clone(),
            trace: self.id,
            id: self.next_id(),
            parent,
            name,
            kind,
            began,
            ended: began,
            facts: Vec::new(),
            failed: false,
        };
        OpenSpan(Some(Box::new(Open { span: Some(span), trace: self.clone(), began: Instant::now() })))
    }

    /// Steps of an odd width pass through all numbers before one comes again.
    fn next_id(&self) -> SpanId {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        match self.ids.fetch_add(STEP, Ordering::Relaxed) {
            0 => SpanId(self.ids.fetch_add(STEP, Ordering::Relaxed)),
            id => SpanId(id),
        }
    }
}

// === impl OpenSpan ===

impl OpenSpan {
    /// Says something of the span, when somebody wants to know.
    pub fn fact<F: Into<Fact>>(&mut self, name: &'static str, value: impl FnOnce() -> F) {
        if let Some(span) = self.span() {
            span.facts.push((name, value().into()));
        }
    }

    /// What it is about has failed.
    pub fn fail(&mut self) {
        if let Some(span) = self.span() {
            span.failed = true;
        }
    }

    /// Waits for what the span is about, and sees whether it failed.
    pub async fn watch<T, E>(&mut self, work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        let result = work.await;
        if result.is_err() {
            self.fail();
        }
        result
    }

    /// The place below this span, for what it leads to.
    pub fn followed(&self) -> Option<Followed> {
        let open = self.0.as_ref()?;
        let span = open.span.as_ref()?;
        Some(Followed { trace: open.trace.clone(), source: span.source.clone(), span: span.id })
    }

    /// The trace and the span, where others outside are told of them.
    pub fn propagated(&self) -> Option<(TraceId, SpanId)> {
        let open = self.0.as_ref().filter(|open| open.trace.propagates)?;
        Some((open.trace.id, open.span.as_ref()?.id))
    }

    fn span(&mut self) -> Option<&mut Span> {
        self.0.as_mut()?.span.as_mut()
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if let Some(span) = self.span.take() {
            // The clock may be set meanwhile: how long it took is of the other one.
            let ended = span.began + self.began.elapsed();
            self.trace.sink.send(Span { ended, ..span });
        }
    }
}

// === impl Fact ===

impl From<String> for Fact {
    fn from(mut text: String) -> Self {
        if let Some((end, _)) = text.char_indices().nth(TEXT) {
            text.truncate(end);
        }
        Self::Text(text)
    }
}

impl From<&str> for Fact {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl From<i64> for Fact {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<f64> for Fact {
    fn from(number: f64) -> Self {
        Self::Decimal(number)
    }
}

impl From<bool> for Fact {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(sink: &SpanSink) -> OpenSpan {
        let source = Arc::from([("service.name", Fact::from("hello"))]);
        Followed::first(sink.clone(), &source, (TraceId(7), Some(SpanId(1))), 0, true, "fetch".into())
    }

    #[test]
    fn spans_know_their_parents_and_end_when_they_are_dropped() {
        let (sink, mut ended) = SpanSink::new(10);
        let mut root = first(&sink);
        root.fact("long", || "x".repeat(10_000));
        let child = root.followed().unwrap().begin("kv_get".into());
        assert!(ended.try_recv().is_err());
        drop(child);
        let child = ended.try_recv().unwrap();
        drop(root);
        let root = ended.try_recv().unwrap();
        assert_eq!((child.parent, root.parent), (Some(root.id), Some(SpanId(1))));
        assert_eq!((child.trace, child.failed), (TraceId(7), false));
        assert!(root.id != child.id && root.id != SpanId(0) && root.ended >= child.ended);
        assert_eq!(root.facts, [("long", Fact::Text("x".repeat(TEXT)))]);
    }

    #[test]
    fn what_is_too_much_is_lost_and_counted() {
        let (sink, mut ended) = SpanSink::new(1000);
        let root = first(&sink);
        for _ in 0..SPANS + 9 {
            drop(root.followed().map(|followed| followed.begin("fetch".into())));
        }
        assert_eq!(sink.lost(), 10);
        let mut count = 0;
        while ended.try_recv().is_ok() {
            count += 1;
        }
        assert_eq!(count, SPANS - 1);
        let (sink, _ended) = SpanSink::new(1);
        drop((first(&sink), first(&sink)));
        assert_eq!(sink.lost(), 1);
    }
}
