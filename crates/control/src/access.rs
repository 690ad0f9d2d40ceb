//! Who may ask for what: a token's account and scopes against the request's path. What is not known here is refused, so that a
//! new route must say what it needs.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::AUTHORIZATION;
use http::{HeaderMap, Method, StatusCode};
use registry::{Scope, Token};

use crate::Control;
use crate::asset_session::{Claims, Kind};
use crate::envelope::ApiError;
use crate::operator::{self, Operator};

/// The token that a request came with.
#[derive(Clone, Debug)]
pub(crate) struct Caller(pub(crate) Token);

/// The upload of static assets that a request belongs to.
#[derive(Clone, Debug)]
pub(crate) struct Session(pub(crate) Claims);

/// What a path needs.
#[derive(Debug, PartialEq, Eq)]
enum Need<'p> {
    /// Any token that holds.
    Token,
    /// A scope in this account.
    Account(&'p str, Scope),
    /// A scope in whichever account the token belongs to.
    Scope(Scope),
    /// The token of an upload of assets to this account, which is none of the API's.
    Upload(&'p str),
}

/// Lets a request through whose token may do what it asks for.
pub(crate) async fn check(State(control): State<Control>, mut request: Request, next: Next) -> Response {
    if operator::asks(&control, &request) {
        request.extensions_mut().insert(Operator);
        return next.run(request).await;
    }
    match caller(&control, &request) {
        Ok((caller, session)) => {
            let turn = control.turns().wait(&caller.0.account, &request);
            let _turn = turn.await;
            request.extensions_mut().insert(caller);
            session.map(|session| request.extensions_mut().insert(session));
            next.run(request).await
        }
        Err(error) => error.into_response(),
    }
}

fn caller(control: &Control, request: &Request) -> Result<(Caller, Option<Session>), ApiError> {
    let path = request.uri().path();
    let path = path.strip_prefix("/client/v4").unwrap_or(path);
    let secret = bearer(request.headers()).ok_or_else(|| {
        ApiError::new(StatusCode::BAD_REQUEST, 9106, "Missing X-Auth-Key, X-Auth-Email or Authorization headers")
    })?;
    let need = need(request.method(), path);
    if let Some(Need::Upload(account)) = need {
        return uploader(control, account, secret);
    }
    let token = control.registry().token(secret)?.ok_or_else(|| match path {
        "/user/tokens/verify" => ApiError::new(StatusCode::UNAUTHORIZED, 1000, "Invalid API Token"),
        _ => ApiError::new(StatusCode::UNAUTHORIZED, 10000, "Authentication error"),
    })?;
    let allowed = match need {
        None | Some(Need::Upload(_)) => return Err(ApiError::no_route()),
        Some(Need::Token) => true,
        Some(Need::Scope(scope)) => token.may(scope),
        Some(Need::Account(account, scope)) => token.account == account && token.may(scope),
    };
    match allowed {
        true => Ok((Caller(token), None)),
        // Another's account and one that is not there look the same.
        false => Err(ApiError::new(StatusCode::FORBIDDEN, 10000, "Authentication error")),
    }
}

/// Who began an upload to this account, where the token of the upload and the one that it was begun with hold still.
fn uploader(control: &Control, account: &str, secret: &str) -> Result<(Caller, Option<Session>), ApiError> {
    let refused = || ApiError::new(StatusCode::FORBIDDEN, 10000, "Authentication error");
    let claims = Claims::verify(control.registry().vault(), secret);
    let claims = claims.filter(|claims| claims.kind == Kind::Upload && claims.account == account);
    let claims = claims.ok_or_else(refused)?;
    let token = control.registry().token_of_id(&claims.token)?;
    let token = token.filter(|token| token.account == account && token.may(Scope::WorkersWrite));
    Ok((Caller(token.ok_or_else(refused)?), Some(Session(claims))))
}

pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, secret) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| secret.trim())
}

fn need<'p>(method: &Method, path: &'p str) -> Option<Need<'p>> {
    let reads = method == Method::GET || method == Method::HEAD;
    let either = |read, write| if reads { read } else { write };
    let mut segments = path.split('/').skip(1);
    match (segments.next()?, segments.next()) {
        ("user" | "memberships", _) => Some(Need::Token),
        ("accounts", None | Some("")) => Some(Need::Token),
        // Which account it is about stands in the body.
        ("graphql", None) => Some(Need::Token),
        ("skerry", Some("status")) if reads => Some(Need::Scope(Scope::AccountRead)),
        ("zones", _) => Some(Need::Scope(either(Scope::WorkersRead, Scope::WorkersWrite))),
        ("accounts", Some(account)) => {
            let rest: Vec<&str> = segments.collect();
            let scope = match rest[..] {
                [] => Scope::AccountRead,
                ["audit_logs", ..] if reads => Scope::AccountRead,
                ["analytics_engine", "sql"] => Scope::AnalyticsRead,
                ["workers", "assets", "upload"] => return Some(Need::Upload(account)),
                ["workers", "scripts", _, "tails", ..] => Scope::TailRead,
                ["skerry", "metrics" | "usage"] if reads => Scope::WorkersRead,
                ["workers", ..] => either(Scope::WorkersRead, Scope::WorkersWrite),
                ["storage", "kv", "namespaces", _, "bulk", "get"] => Scope::KvRead,
                ["storage", "kv", ..] => either(Scope::KvRead, Scope::KvWrite),
                ["r2", ..] => either(Scope::R2Read, Scope::R2Write),
                ["d1", "database", _, "export"] => Scope::D1Read,
                ["d1", ..] => either(Scope::D1Read, Scope::D1Write),
                ["queues", ..] => either(Scope::QueuesRead, Scope::QueuesWrite),
                ["hyperdrive", ..] => either(Scope::HyperdriveRead, Scope::HyperdriveWrite),
                _ => return None,
            };
            Some(Need::Account(account, scope))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_path_needs_its_scope() {
        let cases = [
            (Method::GET, "/user", Some(Need::Token)),
            (Method::GET, "/accounts", Some(Need::Token)),
            (Method::GET, "/accounts/a", Some(Need::Account("a", Scope::AccountRead))),
            (Method::PUT, "/accounts/a/workers/scripts/x", Some(Need::Account("a", Scope::WorkersWrite))),
            (Method::GET, "/accounts/a/workers/scripts", Some(Need::Account("a", Scope::WorkersRead))),
            (Method::POST, "/accounts/a/workers/assets/upload", Some(Need::Upload("a"))),
            (Method::POST, "/accounts/a/workers/assets", Some(Need::Account("a", Scope::WorkersWrite))),
            (Method::POST, "/accounts/a/workers/assets/upload/x", Some(Need::Account("a", Scope::WorkersWrite))),
            (Method::POST, "/accounts/a/workers/scripts/x/tails", Some(Need::Account("a", Scope::TailRead))),
            (Method::DELETE, "/accounts/a/storage/kv/namespaces/n", Some(Need::Account("a", Scope::KvWrite))),
            (Method::POST, "/accounts/a/storage/kv/namespaces/n/bulk/get", Some(Need::Account("a", Scope::KvRead))),
            (Method::PUT, "/accounts/a/r2/buckets/b/objects/../x", Some(Need::Account("a", Scope::R2Write))),
            (Method::POST, "/accounts/a/d1/database/d/query", Some(Need::Account("a", Scope::D1Write))),
            (Method::POST, "/accounts/a/d1/database/d/export", Some(Need::Account("a", Scope::D1Read))),
            (Method::GET, "/accounts/a/queues/q", Some(Need::Account("a", Scope::QueuesRead))),
            (Method::POST, "/accounts/a/queues/q/messages/pull", Some(Need::Account("a", Scope::QueuesWrite))),
            (Method::GET, "/accounts/a/hyperdrive/configs", Some(Need::Account("a", Scope::HyperdriveRead))),
            (Method::PATCH, "/accounts/a/hyperdrive/configs/h", Some(Need::Account("a", Scope::HyperdriveWrite))),
            (Method::POST, "/accounts/a/analytics_engine/sql", Some(Need::Account("a", Scope::AnalyticsRead))),
            (Method::POST, "/graphql", Some(Need::Token)),
            (Method::GET, "/skerry/status", Some(Need::Scope(Scope::AccountRead))),
            (Method::GET, "/zones", Some(Need::Scope(Scope::WorkersRead))),
            (Method::GET, "/accounts/a/unknown", None),
            (Method::GET, "/unknown", None),
            (Method::GET, "", None),
        ];
        for (method, path, expected) in cases {
            assert_eq!(need(&method, path), expected, "{method} {path}");
        }
    }
}
