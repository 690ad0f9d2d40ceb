//! Which server is meant, and how it is asked: by its operator, who has its data directory, or with a token from anywhere.

use std::path::PathBuf;

use clap::Args;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use registry::Registry;
use serde_json::Value;
use url::Url;
use webapi::fetch::{Outbound, Policy, RedirectMode, Subrequest, SubrequestBody};

use super::Status;
use crate::serve;
use crate::serve::registries::Registries;

/// Bytes of an answer that are read.
const ANSWER: usize = 64 << 20;
const URL: &str = "CLOUDFLARE_API_BASE_URL";
const TOKEN: &str = "CLOUDFLARE_API_TOKEN";

#[derive(Args)]
pub struct ServerArguments {
    /// The configuration of the server on this machine, which says where it is [default: ./skerry-data]
    #[arg(long, value_name = "FILE", conflicts_with_all = ["url", "token"])]
    pub config: Option<PathBuf>,
    /// The address of its API, wherever it is [default: CLOUDFLARE_API_BASE_URL, where there is no ./skerry-data]
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// An API token with account:read [default: CLOUDFLARE_API_TOKEN]
    #[arg(long, value_name = "TOKEN", requires = "url")]
    pub token: Option<String>,
}

/// A server to ask.
pub struct Server {
    outbound: Outbound,
    url: Url,
    pass: Pass,
}

enum Pass {
    Token(String),
    Operator(Registry),
}

// === impl Server ===

impl Server {
    pub fn find(arguments: &ServerArguments) -> Result<Self, String> {
        if let Some(url) = &arguments.url {
            let token = arguments.token.clone().or_else(|| std::env::var(TOKEN).ok());
            return Self::with_token(url, token);
        }
        let config = serve::load(arguments.config.as_deref())?;
        if arguments.config.is_none()
            && !config.data.is_dir()
            && let Ok(url) = std::env::var(URL)
        {
            return Self::with_token(&url, std::env::var(TOKEN).ok());
        }
        // Any account's key makes its reader the operator.
        let registries = Registries::existing(&config)?;
        let registry = registries.all().first().ok_or("there is no account yet")?.clone();
        let address = serve::address::of(&config);
        Ok(Self::new(endpoint(&format!("http://{address}"))?, Pass::Operator(registry)))
    }

    fn with_token(url: &str, token: Option<String>) -> Result<Self, String> {
        let token = token.ok_or_else(|| format!("a server elsewhere wants a token: give --token or set {TOKEN}"))?;
        Ok(Self::new(endpoint(url)?, Pass::Token(token)))
    }

    fn new(url: Url, pass: Pass) -> Self {
        let outbound = Outbound::new(Policy { allow_private: true, ..Policy::public() });
        Self { outbound, url, pass }
    }

    /// What the server answers, out of its envelope.
    pub async fn ask(&self) -> Result<Value, String> {
        let token = match &self.pass {
            Pass::Token(token) => token.clone(),
            Pass::Operator(registry) => control::operator_token(registry),
        };
        let token = HeaderValue::try_from(format!("Bearer {token}"))
            .map_err(|_| "the token can't be sent: it has characters that no token has".to_owned())?;
        let request = Subrequest {
            method: Method::GET,
            url: self.url.clone(),
            headers: HeaderMap::from_iter([(AUTHORIZATION, token)]),
            body: SubrequestBody::None,
            redirect: RedirectMode::Error,
            strip_authorization: true,
            options: None,
            abort: None,
        };
        let at = self.url.origin().ascii_serialization();
        let response = self.outbound.fetch(request).await;
        let response = response.map_err(|error| format!("no server answers at {at}: {error}. Does it run?"))?;
        let status = response.status;
        let body = match response.body {
            Some(body) => body.decoded().read_all(ANSWER).await.map_err(|error| format!("{at}: {error}"))?,
            None => Default::default(),
        };
        let body: Value = serde_json::from_slice(&body)
            .map_err(|_| format!("what answers at {at} with status {status} is no server of Skerry's"))?;
        match status {
            StatusCode::OK => Ok(body["result"].clone()),
            _ => {
                let reason = body["errors"][0]["message"].as_str().unwrap_or_default();
                Err(format!("{at} answered with status {status}: {reason}"))
            }
        }
    }
}

/// `url` may be that of the server, or that of its API.
fn endpoint(url: &str) -> Result<Url, String> {
    let base = url.trim_end_matches('/');
    let base = base.strip_suffix("/client/v4").unwrap_or(base);
    let url = format!("{base}/client/v4/skerry/status");
    let parsed = Url::parse(&url).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    parsed.ok_or_else(|| format!("{base:?} is no address of http or https"))
}

/// An answer's fields.
pub fn status(answer: Value) -> Result<Status, String> {
    serde_json::from_value(answer).map_err(|error| format!("the server's answer can't be read: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_the_address_are_taken() {
        for url in ["http://a:1", "http://a:1/", "http://a:1/client/v4", "http://a:1/client/v4/"] {
            assert_eq!(endpoint(url).unwrap().as_str(), "http://a:1/client/v4/skerry/status");
        }
        assert!(endpoint("a:1").is_err() && endpoint("ftp://a").is_err());
    }
}
