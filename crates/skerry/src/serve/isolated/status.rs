//! What the operator's `skerry status` and `skerry top` see: the figures of all processes together.

use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response};
use hyper::body::Incoming;
use serde_json::{Value, json};
use webapi::body::{BodyReader, HttpBody};

use super::accounts::{Accounts, Tenant};
use super::api::bearer;

const PATH: &str = "/client/v4/skerry/status";
/// Bytes of one process's answer that are read.
const MOST: usize = 64 << 20;

/// Whether it is the operator who asks: with a token that the key of any account has signed.
pub fn asks(accounts: &Accounts, request: &Request<Incoming>) -> bool {
    let token = bearer(request.headers());
    let signed =
        |token: &str| accounts.tenants().iter().any(|tenant| control::is_operator_token(&tenant.registry, token));
    request.method() == Method::GET && request.uri().path() == PATH && token.is_some_and(signed)
}

/// `connections`: at the front's listeners.
pub async fn answer(accounts: &Accounts, connections: usize, uptime: f64) -> Response<HttpBody> {
    let mut result = json!({ "workers": [], "processes": [], "memory_bytes": platform::resident() });
    for tenant in accounts.tenants().iter() {
        let process = *tenant.process.borrow();
        let asked = ask(tenant).await.inspect_err(|error| {
            tracing::warn!(account = tenant.subdomain(), error, "the status of a process can't be had");
        });
        let asked = asked.unwrap_or(Value::Null);
        let memory = asked["memory_bytes"].clone();
        if let Some(all) = result["processes"].as_array_mut() {
            all.push(json!({ "account": tenant.account.name, "pid": process, "memory_bytes": memory }));
        }
        add(&mut result, asked);
    }
    result["connections"] = connections.into();
    result["uptime_seconds"] = uptime.into();
    result["version"] = env!("CARGO_PKG_VERSION").into();
    let text = json!({ "success": true, "errors": [], "messages": [], "result": result }).to_string();
    let mut response = Response::new(BodyReader::from_bytes(text).into_http_body());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Sums of what can be summed, lists one behind the other, and all else as the first has it.
fn add(result: &mut Value, of_one: Value) {
    let Value::Object(of_one) = of_one else { return };
    for (name, value) in of_one {
        let known = result[&name].take();
        result[&name] = match (known, value) {
            (Value::Null, value) => value,
            (Value::Array(mut list), Value::Array(more)) => {
                list.extend(more);
                list.into()
            }
            (Value::Number(sum), value) => (sum.as_u64().unwrap_or(0) + value.as_u64().unwrap_or(0)).into(),
            (known, _) => known,
        };
    }
}

async fn ask(tenant: &Tenant) -> Result<Value, String> {
    let token = format!("Bearer {}", control::operator_token(&tenant.registry));
    let request = Request::get(PATH).header("host", "status").header(AUTHORIZATION, token);
    let request = request.body(BodyReader::empty().into_http_body()).map_err(|error| error.to_string())?;
    let answer = tenant.api.send(request).await.map_err(|error| error.to_string())?;
    let body = BodyReader::from_incoming(answer.into_body()).read_all(MOST).await.map_err(|error| error.to_string())?;
    let answer: Value = serde_json::from_slice(&body).map_err(|error| error.to_string())?;
    Ok(answer["result"].clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_add_up() {
        let mut all = json!({ "workers": [], "memory_bytes": 1 });
        for (name, memory) in [("a", 10), ("b", 20)] {
            add(
                &mut all,
                json!({ "workers": [name], "memory_bytes": memory, "isolates": 2, "listeners": { "http": name } }),
            );
        }
        let expected =
            json!({ "workers": ["a", "b"], "memory_bytes": 31, "isolates": 4, "listeners": { "http": "a" } });
        assert_eq!(all, expected);
    }
}
