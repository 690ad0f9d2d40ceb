//! Bindings on their way in and out: secrets are sealed, what is inherited is found in the version before, and nothing secret is
//! ever shown.

use registry::{Binding, BindingKind, Vault, Version};
use serde_json::{Value, json};

use crate::envelope::ApiError;

const MAX_BINDINGS: usize = 1000;

/// The bindings of a new version: those that are named, and those of `before` whose type is kept.
pub(crate) fn incoming(
    named: &[Value],
    keep: &[String],
    before: Option<&Version>,
    vault: &Vault,
    script: &str,
) -> Result<Vec<Binding>, ApiError> {
    let mut bindings: Vec<Binding> = Vec::new();
    for value in named {
        let binding = one(value, before, vault, script)?;
        if bindings.iter().any(|known| known.name == binding.name) {
            return Err(invalid(format!("Two bindings are called {:?}.", binding.name)));
        }
        bindings.push(binding);
    }
    for kept in before.iter().flat_map(|version| &version.document.bindings) {
        let is_kept = keep.iter().any(|kind| kind == kept.kind.type_name());
        if is_kept && bindings.iter().all(|binding| binding.name != kept.name) {
            bindings.push(kept.clone());
        }
    }
    match bindings.len() > MAX_BINDINGS {
        true => {
            Err(invalid(format!("A Worker may have {MAX_BINDINGS} bindings, but this one has {}.", bindings.len())))
        }
        false => Ok(bindings),
    }
}

fn one(value: &Value, before: Option<&Version>, vault: &Vault, script: &str) -> Result<Binding, ApiError> {
    let name = value["name"].as_str().filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| invalid("A binding has no name.".into()))?;
    let kind = value["type"].as_str().unwrap_or_default();
    if let Some(kept) = kept(value, before, name, kind) {
        return Ok(kept.clone());
    }
    if kind == "secret_text" {
        let text = value["text"].as_str();
        let text = text
            .ok_or_else(|| invalid(format!("binding {name} of type secret_text must have a valid `text` specified")))?;
        return Ok(Binding { name: name.into(), kind: BindingKind::SecretText { sealed: vault.seal(script, text)? } });
    }
    let binding: Binding = serde_json::from_value(value.clone()).map_err(|error| {
        let reason = error.to_string();
        match reason.starts_with("unknown variant") {
            true => invalid(format!("binding {name} of type {kind} is not supported by this version of Skerry")),
            false => invalid(format!("binding {name} of type {kind}: {reason}")),
        }
    })?;
    let BindingKind::Inherit { old_name, .. } = &binding.kind else { return Ok(binding) };
    let old = old_name.as_deref().unwrap_or(name);
    let inherited = before.and_then(|version| version.document.bindings.iter().find(|binding| binding.name == old));
    match inherited {
        Some(inherited) => Ok(Binding { name: name.into(), kind: inherited.kind.clone() }),
        None => Err(invalid(format!("binding {name} of type inherit: the version before has no binding {old:?}"))),
    }
}

/// A binding of which name and type alone are said is the one of the version before: so `wrangler secret bulk` keeps all others.
fn kept<'v>(value: &Value, before: Option<&'v Version>, name: &str, kind: &str) -> Option<&'v Binding> {
    let is_bare = value.as_object().is_some_and(|fields| fields.len() == 2);
    let bindings = &before.filter(|_| is_bare)?.document.bindings;
    bindings.iter().find(|known| known.name == name && known.kind.type_name() == kind)
}

fn invalid(message: String) -> ApiError {
    ApiError::bad_request(10021, message)
}

/// As the API shows them.
pub(crate) fn shown(bindings: &[Binding]) -> Vec<Value> {
    bindings
        .iter()
        .map(|binding| match &binding.kind {
            BindingKind::SecretText { .. } => json!({ "name": binding.name, "type": "secret_text" }),
            _ => serde_json::to_value(binding).unwrap_or_else(|error| json!({ "error": error.to_string() })),
        })
        .collect()
}
