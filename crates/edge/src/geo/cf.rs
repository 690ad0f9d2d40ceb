//! `request.cf`, made when a Worker first looks at it.

use std::sync::Arc;

use http::Version;
use serde::Serialize;

use crate::client::Info;

/// What `request.cf` is made of.
#[derive(Debug, Clone)]
pub struct Cf {
    pub(crate) info: Arc<Info>,
    pub(crate) version: Version,
    /// Requests that the connection carried before this one.
    pub(crate) nth: u32,
    pub(crate) accept_encoding: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Json<'a> {
    #[serde(flatten)]
    place: Place<'a>,
    client_accept_encoding: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_tcp_rtt: Option<u32>,
    edge_request_keep_alive_status: u8,
    http_protocol: &'static str,
    request_priority: &'static str,
    tls_cipher: &'static str,
    tls_version: &'static str,
    tls_client_auth: TlsClientAuth,
}

/// Cloudflare gives positions as text, and leaves out what it does not know.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Place<'a> {
    colo: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    asn: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    as_organization: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<&'a str>,
    #[serde(rename = "isEUCountry", skip_serializing_if = "Option::is_none")]
    is_eu_country: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    continent: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    region_code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    city: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    postal_code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metro_code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    latitude: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    longitude: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timezone: Option<&'a str>,
}

/// No client certificate was asked for, in the words that Cloudflare has for it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TlsClientAuth {
    cert_presented: &'static str,
    cert_verified: &'static str,
    cert_revoked: &'static str,
}

// === impl Cf ===

impl Cf {
    pub(crate) fn new(info: Arc<Info>, version: Version, nth: u32, accept_encoding: String) -> Self {
        Self { info, version, nth, accept_encoding }
    }

    /// The code of the colo that the request came in at.
    pub fn colo(&self) -> &Arc<str> {
        &self.info.location.colo
    }

    /// `request.cf` as JSON text.
    pub fn to_json(&self) -> String {
        let location = &self.info.location;
        let json = Json {
            place: Place {
                colo: &location.colo,
                asn: location.asn,
                as_organization: location.organization.as_deref(),
                country: location.country.as_deref(),
                is_eu_country: location.in_eu.then_some("1"),
                continent: location.continent.as_deref(),
                region: location.region.as_deref(),
                region_code: location.region_code.as_deref(),
                city: location.city.as_deref(),
                postal_code: location.postal_code.as_deref(),
                metro_code: location.metro_code.as_deref(),
                latitude: location.latitude.map(degrees),
                longitude: location.longitude.map(degrees),
                timezone: location.timezone.as_deref(),
            },
            client_accept_encoding: &self.accept_encoding,
            client_tcp_rtt: self.info.rtt_millis(),
            // 1: the connection was opened for this request; 3: it carried others before.
            edge_request_keep_alive_status: if self.nth == 0 { 1 } else { 3 },
            http_protocol: match self.version {
                Version::HTTP_10 => "HTTP/1.0",
                Version::HTTP_2 => "HTTP/2",
                Version::HTTP_3 => "HTTP/3",
                _ => "HTTP/1.1",
            },
            request_priority: match self.version {
                Version::HTTP_2 => "weight=16;exclusive=0;group=0;group-weight=0",
                _ => "",
            },
            tls_cipher: self.info.tls.map_or("", |tls| tls.cipher),
            tls_version: self.info.tls.map_or("", |tls| tls.version),
            tls_client_auth: TlsClientAuth { cert_presented: "0", cert_verified: "NONE", cert_revoked: "0" },
        };
        // Text, numbers and maps with text keys: nothing that JSON cannot say.
        serde_json::to_string(&json).unwrap_or_else(|_| "{}".to_owned())
    }
}

fn degrees(value: f64) -> String {
    format!("{value:.5}")
}
