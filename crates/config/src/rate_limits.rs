//! The rate limits that a Worker is bound to: those of `ratelimits`, and those in the older form, `unsafe.bindings` of the type "ratelimit".

use serde_json::Value as Json;

use crate::schema::Environment;
use crate::schema::bindings::{RateLimit, RateLimitRule, RatePeriod, UnsafeBinding};
use crate::value::{Table, Value};

pub(crate) const UNSAFE_TYPE: &str = "ratelimit";

// === impl Environment ===

impl Environment {
    /// All of them. An error says which one of the older form can't be read.
    pub fn rate_limits(&self) -> Result<Vec<RateLimit>, String> {
        let older = self.unsafe_.iter().flat_map(|of_unsafe| &of_unsafe.bindings);
        let older = older.filter(|binding| binding.kind == UNSAFE_TYPE).map(older_form);
        self.ratelimits.iter().cloned().map(Ok).chain(older).collect()
    }
}

fn older_form(binding: &UnsafeBinding) -> Result<RateLimit, String> {
    let UnsafeBinding { name, rest, .. } = binding;
    let wrong = |what: &str| format!("the rate limit `{name}` in `unsafe.bindings` should have {what}");
    let namespace_id = match rest.get("namespace_id") {
        Some(Json::String(id)) => id.clone(),
        Some(Json::Number(id)) => id.to_string(),
        _ => return Err(wrong("a `namespace_id`, which is a text")),
    };
    let simple = |key: &str| rest.get("simple").and_then(|simple| simple.get(key)?.as_f64());
    let limit = simple("limit").ok_or_else(|| wrong("a number as its `simple.limit`"))?;
    let period = match simple("period") {
        Some(10.0) => RatePeriod::TenSeconds,
        Some(60.0) => RatePeriod::Minute,
        _ => return Err(wrong("10 or 60 as its `simple.period`")),
    };
    Ok(RateLimit { name: name.clone(), namespace_id, simple: RateLimitRule { limit, period } })
}

/// Whether all that stands in the table `unsafe` is rate limits.
pub(crate) fn are_all(of_unsafe: &Value) -> bool {
    let is_one = |binding: &Value| {
        let kind = binding.as_table().and_then(|binding| binding.get("type")?.value.as_str());
        kind == Some(UNSAFE_TYPE)
    };
    let Some(Table { entries }) = of_unsafe.as_table() else { return false };
    entries
        .iter()
        .all(|entry| entry.key == "bindings" && entry.value.as_array().is_some_and(|all| all.iter().all(is_one)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;
    use crate::schema::bindings::Unsafe;

    fn environment(rest: Json) -> Environment {
        let rest: BTreeMap<String, Json> = serde_json::from_value(rest).unwrap();
        let binding = UnsafeBinding { name: "OLD".into(), kind: "ratelimit".into(), dev: None, rest };
        let other = UnsafeBinding { name: "OTHER".into(), kind: "x".into(), dev: None, rest: BTreeMap::new() };
        let of_unsafe = Unsafe { bindings: vec![other, binding], metadata: None, capnp: None };
        Environment { unsafe_: Some(of_unsafe), ..Environment::default() }
    }

    #[test]
    fn the_older_form_is_read() {
        let found = environment(json!({ "namespace_id": "7", "simple": { "limit": 3, "period": 60 } })).rate_limits();
        let rule = RateLimitRule { limit: 3.0, period: RatePeriod::Minute };
        assert_eq!(found, Ok(vec![RateLimit { name: "OLD".into(), namespace_id: "7".into(), simple: rule }]));
        for wrong in [
            json!({}),
            json!({ "namespace_id": "7" }),
            json!({ "namespace_id": "7", "simple": { "limit": "3", "period": 60 } }),
            json!({ "namespace_id": "7", "simple": { "limit": 3, "period": 5 } }),
        ] {
            assert!(environment(wrong.clone()).rate_limits().is_err(), "{wrong}");
        }
    }
}
