//! The server's operator: whoever can read the key in its data directory. What the operator's commands ask is signed with it, for a
//! minute, and is of all accounts.

use axum::extract::Request;
use http::Method;
use registry::{Registry, Stamp, Vault};

use crate::Control;
use crate::access::bearer;

const PURPOSE: &str = "operator";
const PREFIX: &str = "operator";
/// Milliseconds that a token holds.
const LIFETIME: i64 = 60_000;
/// What it is good for, and nothing else.
const PATH: &str = "/skerry/status";

/// A request is the operator's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Operator;

/// A token by which a server with this registry knows its operator, for a minute.
pub fn operator_token(registry: &Registry) -> String {
    sign(registry.vault(), Stamp::now().0 + LIFETIME)
}

/// Whether it is such a token.
pub fn is_operator_token(registry: &Registry, token: &str) -> bool {
    verify(registry.vault(), token)
}

fn sign(vault: &Vault, expires: i64) -> String {
    let signature = vault.sign(PURPOSE, expires.to_string().as_bytes());
    format!("{PREFIX}.{expires}.{}", base64_simd::URL_SAFE_NO_PAD.encode_to_string(signature))
}

fn verify(vault: &Vault, token: &str) -> bool {
    let read = || {
        let (expires, signature) = token.strip_prefix(PREFIX)?.strip_prefix('.')?.split_once('.')?;
        let signature = base64_simd::URL_SAFE_NO_PAD.decode_to_vec(signature).ok()?;
        let holds = expires.parse::<i64>().ok()? > Stamp::now().0;
        Some(holds && vault.verify(PURPOSE, expires.as_bytes(), &signature))
    };
    read().unwrap_or(false)
}

/// Whether it is the operator who asks, for something that operators may ask for.
pub(crate) fn asks(control: &Control, request: &Request) -> bool {
    let path = request.uri().path();
    let path = path.strip_prefix("/client/v4").unwrap_or(path);
    request.method() == Method::GET
        && path == PATH
        && bearer(request.headers()).is_some_and(|token| verify(control.registry().vault(), token))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_key_makes_an_operator() {
        let (here, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let registry = Registry::open(here.path()).unwrap();
        let other = Registry::open(elsewhere.path()).unwrap();
        let token = operator_token(&registry);
        assert!(verify(registry.vault(), &token) && !verify(other.vault(), &token));
        assert!(!verify(registry.vault(), &sign(registry.vault(), Stamp::now().0 - 1)));
        let (start, signature) = token.rsplit_once('.').unwrap();
        let later = format!("operator.{}.{signature}", i64::MAX);
        for wrong in ["", "operator", "operator..", start, &later, &format!("{start}.")] {
            assert!(!verify(registry.vault(), wrong), "{wrong}");
        }
    }
}
