//! One step of a turn: a piece of work runs for its event, which pays for it, and what follows from it is seen to.

use std::sync::Arc;
use std::time::Duration;

use crate::actor::Actor;
use crate::clock::thread_cpu_nanos;
use crate::context::{Failure, IoContext};
use crate::event_loop::{Begin, Exit, Job, Message};
use crate::inspector::Inspection;
use crate::pending::Settled;
use crate::platform::ForegroundTasks;
use crate::state::{Frame, IsolateState, state};
use crate::timers::Fired;
use crate::{ActorId, ContextId, Limits, watchdog};

/// Something that is ready.
pub(crate) enum Work {
    Event(Job),
    EventOf(ContextId, Job),
    Within(ContextId, Begin),
    /// Ends an actor, or, without a reason, ends it if it is idle.
    Close(ActorId, Option<Failure>),
    /// An event's time is up.
    Expired(ContextId),
    Settled(Settled),
    Timer(u32),
    Foreground,
    /// Who inspects the isolate has asked for something.
    Inspect,
}

impl From<Message> for Work {
    fn from(message: Message) -> Self {
        match message {
            Message::Event(job) => Self::Event(job),
            Message::EventOf(own, job) => Self::EventOf(own, job),
            Message::Within(id, run) => Self::Within(id, run),
        }
    }
}

/// What a step does.
enum Action {
    Begin(Begin),
    Settle(Settled),
    Call(Fired),
    Foreground,
    Inspect,
}

/// Runs one piece of work for its event, and charges the event. `began`: when the step before ended.
pub(crate) fn run(
    scope: &mut v8::PinScope,
    work: Work,
    limits: &Limits,
    tasks: &ForegroundTasks,
    began: &mut std::time::Instant,
) -> Option<Exit> {
    let (id, action) = begin(scope, work, limits)?;
    let limit = id.and_then(|id| state(scope).contexts.get(&id)?.remaining_cpu());
    if let Some(limit) = limit {
        watchdog::arm(state(scope).memory.clone(), limit);
    }
    {
        v8::scope!(let scope, scope);
        v8::tc_scope!(let scope, scope);
        let owner = id.and_then(|id| state(scope).owner(id));
        let frame = match id.zip(owner) {
            Some((id, owner)) => Frame::carried(scope, id, owner),
            None => v8::undefined(scope).into(),
        };
        scope.set_continuation_preserved_embedder_data(frame);
        perform(scope, action, id, tasks);
        scope.perform_microtask_checkpoint();
        report_rejections(scope);
        end_step(scope);
        let undefined = v8::undefined(scope).into();
        scope.set_continuation_preserved_embedder_data(undefined);
    }
    let disarmed = watchdog::disarm();
    if let Some(stood) = state(scope).inspection.as_ref().map(Inspection::take_stood).filter(|stood| !stood.is_zero()) {
        state(scope).postpone(stood);
    }
    let over_cpu = disarmed.fired;
    let over_memory = state(scope).memory.exceeded();
    if over_cpu || over_memory || !state(scope).resets.is_empty() {
        scope.cancel_terminate_execution();
    }
    let end = std::time::Instant::now();
    let used = cpu_used(end - *began, disarmed.met_at);
    *began = end;
    // Steps that took long, or hold much, may have passed the limit in ways that nobody was asked about.
    let suspect = disarmed.met_at.is_some() || state(scope).memory.clone().has_much_external(scope);
    if over_memory || (suspect && !fits(scope)) {
        if let Some(context) = id.and_then(|id| state(scope).contexts.get_mut(&id)) {
            context.charge(used);
        }
        return Some(Exit::MemoryLimit);
    }
    let actor = id.and_then(|id| state(scope).contexts.get(&id)?.actor);
    settle(scope, id, used, over_cpu);
    for (actor, failure) in std::mem::take(&mut state(scope).resets) {
        close(scope, actor, Some(&failure));
    }
    match actor.filter(|_| over_cpu) {
        // The others of the isolate go on.
        Some(actor) => {
            close(scope, actor, Some(&Failure::CpuLimit));
            None
        }
        None => over_cpu.then_some(Exit::CpuLimit),
    }
}

/// Whether the isolate is within its memory limit once garbage is gone.
fn fits(scope: &mut v8::PinScope) -> bool {
    let memory = state(scope).memory.clone();
    let fits = memory.check(scope);
    if !fits {
        scope.cancel_terminate_execution();
    }
    fits
}

/// The CPU time of a step that took `wall`. For one that the watchdog met, the thread's own clock tells. One that it did
/// not was shorter than a tick, or had to wait for a processor, as the watchdog had: that costs a script nothing.
fn cpu_used(wall: Duration, met_at: Option<u64>) -> Duration {
    let met = |met_at| Duration::from_nanos(thread_cpu_nanos() - met_at);
    wall.min(met_at.map_or(watchdog::TICK, met) + watchdog::TICK)
}

/// Who pays for a piece of work, and what to do. A new event gets its context here. `None`: its event has ended.
fn begin(scope: &mut v8::PinScope, work: Work, limits: &Limits) -> Option<(Option<ContextId>, Action)> {
    if let Work::Expired(id) = work {
        if let Some(mut context) = state(scope).end_context(id) {
            context.fail(&Failure::Expired);
            v8::scope!(let scope, scope);
            ended(scope, id);
        }
        return None;
    }
    if let Work::Close(actor, failure) = work {
        v8::scope!(let scope, scope);
        close(scope, actor, failure.as_ref());
        return None;
    }
    let state = state(scope);
    match work {
        Work::Event(job) => {
            if let Some(actor) = job.actor {
                let Some(actor) = state.actors.get_mut(&actor) else {
                    state.strays.push((actor, job));
                    return None;
                };
                actor.events += 1;
            }
            Some(begin_event(state, job, limits))
        }
        Work::EventOf(own, mut job) => {
            job.actor = state.contexts.get(&own)?.actor;
            Some(begin_event(state, job, limits))
        }
        Work::Within(id, run) => state.contexts.contains_key(&id).then_some((Some(id), Action::Begin(run))),
        Work::Expired(_) | Work::Close(..) => None,
        Work::Settled(settled) => {
            let context = state.contexts.get_mut(&settled.context)?;
            context.pending -= u32::from(settled.kind.counts);
            if settled.kind.incoming && context.is_own {
                context.renew(limits.subrequests);
            }
            Some((Some(settled.context), Action::Settle(settled)))
        }
        Work::Timer(timer) => {
            let fired = state.timers.fire(timer)?;
            let context = state.contexts.get_mut(&fired.context)?;
            context.pending -= u32::from(fired.is_last);
            Some((Some(fired.context), Action::Call(fired)))
        }
        Work::Foreground => Some((None, Action::Foreground)),
        Work::Inspect => Some((None, Action::Inspect)),
    }
}

fn begin_event(state: &mut IsolateState, job: Job, limits: &Limits) -> (Option<ContextId>, Action) {
    let Job { id, actor, data, run } = job;
    let mut context = IoContext::new(id, limits.cpu, limits.subrequests, data);
    context.actor = actor;
    state.contexts.insert(id, context);
    if let Some(actor) = actor.and_then(|actor| state.actors.get_mut(&actor)) {
        actor.busy += 1;
        if let Some(own) = state.contexts.get_mut(&actor.own) {
            own.renew(limits.subrequests);
        }
    }
    (Some(id), Action::Begin(run))
}

/// Runs what actors have arranged for the end of the step, each on its own behalf.
fn end_step(scope: &mut v8::PinScope) {
    for (id, end) in std::mem::take(&mut state(scope).step_end) {
        let Some(own) = state(scope).actors.get(&id).map(|actor| actor.own) else { continue };
        let frame = Frame::carried(scope, own, own);
        scope.set_continuation_preserved_embedder_data(frame);
        if let Err(reason) = end(scope) {
            state(scope).resets.push((id, Failure::Reset(Arc::new(reason))));
        }
    }
}

/// Closes an actor, and tells JavaScript.
fn close(scope: &mut v8::PinScope, id: ActorId, failure: Option<&Failure>) {
    let Some((own, events)) = Actor::close(state(scope), id, failure) else { return };
    v8::scope!(let scope, scope);
    events.into_iter().for_each(|event| ended(scope, event));
    let own = v8::Integer::new_from_unsigned(scope, own.0).into();
    report(scope, "actorClosed", &[own]);
}

fn perform(scope: &mut v8::PinScope, action: Action, id: Option<ContextId>, tasks: &ForegroundTasks) {
    match action {
        Action::Begin(run) => {
            if let Some(id) = id {
                run(scope, id);
            }
        }
        Action::Settle(settled) => {
            let resolver = v8::Local::new(scope, settled.resolver);
            match settled.result {
                Ok(value) => {
                    let value = value.into_js(scope);
                    resolver.resolve(scope, value);
                }
                Err(error) => {
                    let error = error.into_js(scope);
                    resolver.reject(scope, error);
                }
            }
        }
        Action::Call(timer) => {
            let frame = v8::Local::new(scope, timer.frame);
            scope.set_continuation_preserved_embedder_data(frame);
            let callback = v8::Local::new(scope, timer.callback);
            let this = v8::undefined(scope).into();
            v8::tc_scope!(let scope, scope);
            callback.call(scope, this, &[]);
            if let Some(exception) = scope.exception() {
                scope.reset();
                report(scope, "uncaughtException", &[exception]);
            }
        }
        Action::Foreground => {
            for task in tasks.take() {
                task.run();
            }
        }
        Action::Inspect => {
            if let Some(inspection) = state(scope).inspection.clone() {
                inspection.serve();
            }
        }
    }
}

/// Calls a hook that takes note of something gone wrong.
fn report(scope: &mut v8::PinScope, name: &str, args: &[v8::Local<v8::Value>]) {
    if let Some(hook) = crate::hook(scope, name) {
        let this = v8::undefined(scope).into();
        hook.call(scope, this, args);
    }
}

/// After a step: charges the event, ends it when it is over, when it passed its limit, or when nothing can bring it on.
fn settle(scope: &mut v8::PinScope, id: Option<ContextId>, used: Duration, over_cpu: bool) {
    let state = state(scope);
    if let Some(context) = id.and_then(|id| state.contexts.get_mut(&id)) {
        context.charge(used);
    }
    for over in std::mem::take(&mut state.finished) {
        if Some(over) != id || !over_cpu {
            state.end_context(over);
        }
    }
    let Some(id) = id else { return };
    let Some(context) = state.contexts.get(&id) else { return };
    let failure = match over_cpu {
        true => Failure::CpuLimit,
        false if context.actor.is_none() && context.is_hung() => Failure::Hung,
        false => return,
    };
    if let Some(mut context) = state.end_context(id) {
        context.fail(&failure);
        ended(scope, id);
    }
}

/// Tells JavaScript of an event that it did not end itself.
fn ended(scope: &mut v8::PinScope, id: ContextId) {
    let id = v8::Integer::new_from_unsigned(scope, id.0).into();
    report(scope, "eventEnded", &[id]);
}

/// Hands rejections that nobody listens to, now that the microtasks have run, to the runtime's hook.
fn report_rejections(scope: &mut v8::PinScope) {
    while !state(scope).rejections.is_empty() {
        if scope.is_execution_terminating() {
            state(scope).rejections.take();
            return;
        }
        for (promise, reason) in state(scope).rejections.take() {
            let promise = v8::Local::new(scope, promise);
            let reason = v8::Local::new(scope, reason);
            report(scope, "unhandledRejection", &[promise.into(), reason]);
        }
        scope.perform_microtask_checkpoint();
    }
}
