//! A batch of messages on its way through a Worker, and what the Worker makes of each of them.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use isolate::{Args, ContextId, Op, op, v8};
use queue::{ContentType, Message, Metrics, Settlement};

use crate::Invocations;
use crate::event::{Answer, Event, Origin};
use crate::fetch_event::{event_answer, give};

pub(crate) const OPS: &[Op] = &[op!(op_queue_decide), op!(op_queue_answered)];

/// How long a consumer may take for a batch: https://developers.cloudflare.com/queues/platform/limits/
pub(crate) const WALL: Duration = Duration::from_secs(15 * 60);

/// What a queue handler is told.
pub struct QueueBatch {
    /// The queue's name.
    pub queue: String,
    pub messages: Vec<Message>,
    /// What waits in the queue besides.
    pub metrics: Metrics,
    /// The code of the location that runs it.
    pub colo: Arc<str>,
    pub invocations: Invocations,
}

/// What a Worker said of the messages of a batch, by their places in it. It holds however the event ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decisions {
    acks: HashSet<u32>,
    /// With the delay in seconds.
    retries: HashMap<u32, Option<i32>>,
    ack_all: bool,
    retry_all: Option<Option<i32>>,
}

/// The decisions on the batch that is being handled, which JavaScript knows by number.
#[derive(Clone, Default)]
pub(crate) struct Deciding(Arc<Mutex<Decisions>>);

// === impl QueueBatch ===

impl QueueBatch {
    pub(crate) fn job(self, id: ContextId, answer: Answer<()>, deciding: Deciding) -> isolate::Job {
        let origin =
            Origin { colo: Some(self.colo.clone()), invocations: self.invocations.clone(), ..Origin::default() };
        let run: isolate::Begin = Box::new(move |scope, id| {
            isolate::expire_after(scope, WALL);
            let rid = isolate::resources(scope).add(deciding);
            let messages = flat(scope, self.messages);
            let arguments = [
                v8::Integer::new_from_unsigned(scope, id.0).into(),
                isolate::new_string(scope, &self.queue).into(),
                v8::Integer::new_from_unsigned(scope, rid).into(),
                messages,
                crate::queue::told(scope, self.metrics),
            ];
            crate::runtime::call(scope, |hooks| &hooks.queue, &arguments);
        });
        Event::job(id, answer, origin, run)
    }
}

/// `[id, milliseconds, attempts, contentType, body, …]`, a body as text or bytes.
fn flat<'s>(scope: &mut v8::PinScope<'s, '_>, messages: Vec<Message>) -> v8::Local<'s, v8::Value> {
    let mut flat: Vec<v8::Local<v8::Value>> = Vec::with_capacity(messages.len() * 5);
    for Message { id, body, content_type, timestamp, attempts } in messages {
        flat.push(isolate::new_string(scope, &id).into());
        flat.push(v8::Number::new(scope, timestamp as f64).into());
        flat.push(v8::Integer::new_from_unsigned(scope, attempts).into());
        flat.push(isolate::new_string(scope, content_type.name()).into());
        flat.push(match content_type {
            ContentType::Text | ContentType::Json => isolate::new_string(scope, &String::from_utf8_lossy(&body)).into(),
            ContentType::Bytes | ContentType::V8 => isolate::new_bytes(scope, body.into()).into(),
        });
    }
    v8::Array::new_with_elements(scope, &flat).into()
}

// === impl Decisions ===

impl Decisions {
    /// What becomes of the message at this place. What was said of it alone counts for more than what was said of all; where nothing
    /// was said, it is the event's end that counts.
    pub fn settlement(&self, place: usize, ended_well: bool) -> Settlement {
        let place = u32::try_from(place).unwrap_or(u32::MAX);
        let retry =
            |delay: Option<i32>| Settlement::Retry { delay: delay.map(|seconds| seconds.max(0).unsigned_abs()) };
        if self.acks.contains(&place) {
            return Settlement::Ack;
        }
        match (self.retries.get(&place), self.retry_all) {
            (Some(delay), all) => retry(delay.or(all.flatten())),
            (None, _) if self.ack_all => Settlement::Ack,
            (None, Some(delay)) => retry(delay),
            (None, None) if ended_well => Settlement::Ack,
            (None, None) => retry(None),
        }
    }
}

// === impl Deciding ===

impl Deciding {
    /// What was decided so far.
    pub(crate) fn decisions(&self) -> Decisions {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// `op_queue_decide(batch, what, place, delay | undefined)`: "ack" or "retry" of the message at this place, "ackAll" or "retryAll".
fn op_queue_decide(scope: &mut v8::PinScope, args: Args, _rv: v8::ReturnValue) {
    let rid = args.get(0).uint32_value(scope).unwrap_or(0);
    let what = isolate::string_arg(scope, &args, 1);
    let place = args.get(2).uint32_value(scope).unwrap_or(0);
    let delay = if args.get(3).is_undefined() { None } else { args.get(3).int32_value(scope) };
    let Some(deciding) = isolate::resources(scope).get::<Deciding>(rid).cloned() else {
        let error = isolate::foreign(scope);
        return isolate::throw(scope, error);
    };
    let mut decisions = deciding.0.lock().unwrap_or_else(PoisonError::into_inner);
    match what.as_str() {
        "ack" => drop(decisions.acks.insert(place)),
        "retry" => drop(decisions.retries.insert(place, delay)),
        "ackAll" => decisions.ack_all = true,
        _ => decisions.retry_all = Some(delay),
    }
}

/// `op_queue_answered()`: the handler is done with the batch, and nobody waits for what it still waits for.
fn op_queue_answered(scope: &mut v8::PinScope, _args: Args, _rv: v8::ReturnValue) {
    give(scope, event_answer::<()>, Ok(()));
}

#[cfg(test)]
mod tests {
    use super::*;

    const RETRY: Settlement = Settlement::Retry { delay: None };

    #[test]
    fn one_message_counts_for_more_than_all() {
        let mut decisions = Decisions::default();
        assert_eq!([decisions.settlement(0, true), decisions.settlement(0, false)], [Settlement::Ack, RETRY]);
        decisions.acks.insert(0);
        decisions.retries.insert(1, None);
        decisions.retries.insert(2, Some(-7));
        assert_eq!([0, 1, 3].map(|place| decisions.settlement(place, false)), [Settlement::Ack, RETRY, RETRY]);
        assert_eq!(decisions.settlement(2, true), Settlement::Retry { delay: Some(0) });
        decisions.retry_all = Some(Some(9));
        let later = Settlement::Retry { delay: Some(9) };
        assert_eq!([0, 1, 3].map(|place| decisions.settlement(place, true)), [Settlement::Ack, later, later]);
        let acked = Decisions { ack_all: true, retry_all: None, ..decisions };
        assert_eq!([0, 1, 3].map(|place| acked.settlement(place, false)), [Settlement::Ack, RETRY, Settlement::Ack]);
    }
}
