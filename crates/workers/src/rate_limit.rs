//! The op behind `env.LIMITER`: counts are in this process' memory, so there is nothing to wait for.

use isolate::{Args, JsError, Op, op, v8};
use ratelimit::{Limiter, Period, Rule};

use crate::binding::service_arg;

pub(crate) const OPS: &[Op] = &[op!(op_rate_limit)];

/// `op_rate_limit(limiter, key, limit | undefined, period | undefined)` → whether there was room, or undefined: there is no such period
fn op_rate_limit(scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    if !isolate::require_io(scope) {
        return;
    }
    let Some(limiter) = service_arg::<Limiter>(scope, &args, 0) else {
        return isolate::throw(scope, JsError::error("This rate limit is not bound to the Worker."));
    };
    let key = isolate::string_arg(scope, &args, 1);
    let mut rule: Rule = limiter.rule;
    if let Some(limit) = number(scope, &args, 2) {
        rule.limit = limit;
    }
    if let Some(seconds) = number(scope, &args, 3) {
        match Period::of_seconds(seconds) {
            Some(period) => rule.period = period,
            None => return,
        }
    }
    let colo = crate::event::colo(scope).unwrap_or_default();
    rv.set_bool(limiter.limit(&colo, &key, rule));
}

fn number(scope: &mut v8::PinScope, args: &Args, index: i32) -> Option<f64> {
    let value = args.get(index);
    value.is_number().then(|| value.number_value(scope)).flatten()
}
