//! Tail consumers, as they come: each must be a Worker of the account that has a tail handler.

use registry::Script;
use serde_json::Value;

use crate::Control;
use crate::envelope::ApiError;
use crate::scripts::{deployed, newest};

/// Consumers of one Worker's events.
const MOST: usize = 10;

/// Whether the Worker `name` may have these consumers.
pub(crate) fn check(control: &Control, account: &str, name: &str, consumers: &[Value]) -> Result<(), ApiError> {
    if consumers.len() > MOST {
        return Err(refused(format!("A Worker may have {MOST} tail consumers, but this one has {}.", consumers.len())));
    }
    if let Some(consumer) = consumers.iter().find(|consumer| consumer["service"].as_str().is_none()) {
        return Err(refused(format!("A tail consumer has no `service`: {consumer}")));
    }
    if let Some(consumer) = consumers.iter().find(|consumer| !consumer["namespace"].is_null()) {
        return Err(refused(format!("This version of Skerry does not have dispatch namespaces: {consumer}")));
    }
    for consumer in platform::tail_consumers(consumers) {
        if consumer == name {
            return Err(refused(format!("The Worker {name:?} can't be a tail consumer of its own events.")));
        }
        let Some(script) = control.registry().script(account, &consumer)? else {
            return Err(ApiError::bad_request(
                10203,
                "Tail Worker does not exist on this account. Check the Worker name and try again.",
            ));
        };
        if !has_handler(control, &script)? {
            let message = format!("The Worker {consumer:?} can't be a tail consumer: it has no tail() handler.");
            return Err(refused(message));
        }
    }
    Ok(())
}

fn has_handler(control: &Control, script: &Script) -> Result<bool, ApiError> {
    let version = match deployed(control, script)? {
        Some(version) => Some(version),
        None => newest(control, script)?,
    };
    let handlers = version.map(|version| version.document.handlers).unwrap_or_default();
    Ok(handlers.iter().any(|handler| handler == "tail" || handler == "trace"))
}

fn refused(message: String) -> ApiError {
    ApiError::bad_request(10021, message)
}
