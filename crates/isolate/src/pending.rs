//! Native work that a script waits for: futures that end in a promise's settlement, owned by the event that began them.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use crate::{ContextId, JsError, OpValue};

type BoxedOp = Pin<Box<dyn Future<Output = Result<OpValue, JsError>> + Send>>;

/// What an op means to its event.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OpKind {
    /// It by itself keeps its event alive.
    pub(crate) counts: bool,
    /// It ends with something new from outside, as an event begins.
    pub(crate) incoming: bool,
}

// === impl OpKind ===

impl OpKind {
    pub(crate) const WORK: Self = Self { counts: true, incoming: false };
}

/// A promise and the future that settles it.
pub(crate) struct PendingOp {
    pub(crate) context: ContextId,
    pub(crate) kind: OpKind,
    resolver: Option<v8::Global<v8::PromiseResolver>>,
    future: Option<BoxedOp>,
    waker: Option<Waker>,
}

/// The outcome of a [`PendingOp`].
pub(crate) struct Settled {
    pub(crate) context: ContextId,
    pub(crate) kind: OpKind,
    pub(crate) resolver: v8::Global<v8::PromiseResolver>,
    pub(crate) result: Result<OpValue, JsError>,
}

// === impl PendingOp ===

impl PendingOp {
    pub(crate) fn new(
        context: ContextId,
        kind: OpKind,
        resolver: v8::Global<v8::PromiseResolver>,
        future: impl Future<Output = Result<OpValue, JsError>> + Send + 'static,
    ) -> Self {
        Self { context, kind, resolver: Some(resolver), future: Some(Box::pin(future)), waker: None }
    }

    /// Drops the work. The op then ends without an outcome.
    pub(crate) fn cancel(self: Pin<&mut Self>) {
        let this = self.get_mut();
        this.future = None;
        this.resolver = None;
        if let Some(waker) = this.waker.take() {
            waker.wake();
        }
    }
}

impl Future for PendingOp {
    /// `None`: the op was cancelled.
    type Output = Option<Settled>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let Some(future) = this.future.as_mut() else { return Poll::Ready(None) };
        match future.as_mut().poll(cx) {
            Poll::Ready(result) => {
                this.future = None;
                let settled = this.resolver.take().map(|resolver| Settled {
                    context: this.context,
                    kind: this.kind,
                    resolver,
                    result,
                });
                Poll::Ready(settled)
            }
            Poll::Pending => {
                if !this.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
                    this.waker = Some(cx.waker().clone());
                }
                Poll::Pending
            }
        }
    }
}
