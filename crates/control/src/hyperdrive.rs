//! Hyperdrive's configurations. One is tried out before it is kept, and its password is never shown.

use axum::extract::State;
use http::StatusCode;
use hyperdrive::{ConnectError, MAX_CONNECTIONS, MIN_CONNECTIONS, Origin, Secure};
use platform::{Caching, HyperdriveConfig};
use registry::{Resource, ResourceKind, Stamp};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Control;
use crate::envelope::{ApiError, Outcome, ok, page};
use crate::extract::{Asked, JsonBody, Segments};

/// <https://developers.cloudflare.com/hyperdrive/platform/limits/>
const MAX_CONFIGS: usize = 25;
const MAX_NAME: usize = 256;
const DEFAULT_PORT: u16 = 5432;

/// Whatever is wrong with the configuration itself.
const INVALID: u32 = 2001;
const TAKEN: u32 = 2002;
const FULL: u32 = 2003;
const NOT_FOUND: u32 = 2004;

pub(crate) fn routes() -> OpenApiRouter<Control> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(get, put, patch, delete))
}

/// The account's configuration of this id. Another account's looks as if it were not there.
fn known(control: &Control, account: &str, id: &str) -> Result<Resource, ApiError> {
    let found = control.registry().resource(account, ResourceKind::Hyperdrive, id)?;
    let found = found.filter(|resource| resource.id == id);
    let missing = || format!("Hyperdrive configuration '{id}' not found.");
    found.ok_or_else(|| ApiError::new(StatusCode::NOT_FOUND, NOT_FOUND, missing()))
}

#[derive(Debug, Deserialize)]
struct Body {
    name: Option<String>,
    origin: Option<OriginBody>,
    caching: Option<CachingBody>,
    mtls: Option<MtlsBody>,
    origin_connection_limit: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
struct OriginBody {
    scheme: Option<String>,
    host: Option<String>,
    port: Option<i64>,
    database: Option<String>,
    user: Option<String>,
    password: Option<String>,
    access_client_id: Option<String>,
    access_client_secret: Option<String>,
    service_id: Option<String>,
}

#[derive(Debug, Deserialize)]
struct CachingBody {
    disabled: Option<bool>,
    max_age: Option<u32>,
    stale_while_revalidate: Option<u32>,
}

#[derive(Debug, Deserialize)]
struct MtlsBody {
    ca_certificate_id: Option<String>,
    mtls_certificate_id: Option<String>,
    sslmode: Option<String>,
}

/// What a configuration is to be, with its password.
struct Wanted {
    name: String,
    scheme: String,
    origin: Origin,
    connections: Option<usize>,
    caching: Caching,
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::bad_request(INVALID, message)
}

// === impl Body ===

impl Body {
    /// `known`: what holds where the body does not say.
    fn over(self, known: Option<Wanted>) -> Result<Wanted, ApiError> {
        let name = self.name.or_else(|| known.as_ref().map(|known| known.name.clone()));
        let name = name.ok_or_else(|| invalid("A configuration needs a name."))?;
        if name.is_empty() || name.len() > MAX_NAME || name.chars().any(char::is_control) {
            return Err(invalid(format!("A name has 1 to {MAX_NAME} bytes, and no control characters.")));
        }
        let secure = match self.mtls {
            None => known.as_ref().map_or(Secure::Prefer, |known| known.origin.secure),
            Some(mtls) => mtls.secure()?,
        };
        let connections = match self.origin_connection_limit {
            None => known.as_ref().and_then(|known| known.connections),
            Some(limit) => {
                let limit =
                    usize::try_from(limit).ok().filter(|limit| (MIN_CONNECTIONS..=MAX_CONNECTIONS).contains(limit));
                let range = format!("origin_connection_limit must be from {MIN_CONNECTIONS} to {MAX_CONNECTIONS}.");
                Some(limit.ok_or_else(|| invalid(range))?)
            }
        };
        let caching = match self.caching {
            None => known.as_ref().map(|known| known.caching.clone()).unwrap_or_default(),
            Some(caching) => caching.over(known.as_ref().map(|known| &known.caching))?,
        };
        let origin = self.origin.unwrap_or_default();
        let (scheme, origin) = origin.over(known.map(|known| (known.scheme, known.origin)), secure)?;
        Ok(Wanted { name, scheme, origin, connections, caching })
    }
}

// === impl OriginBody ===

impl OriginBody {
    fn over(self, before: Option<(String, Origin)>, secure: Secure) -> Result<(String, Origin), ApiError> {
        if self.access_client_id.is_some() || self.access_client_secret.is_some() || self.service_id.is_some() {
            let message =
                "Origins behind Cloudflare Access, and those of Workers VPC, are not there: name the host and port.";
            return Err(invalid(message));
        }
        let (scheme, before) = before.unzip();
        let scheme = self.scheme.or(scheme).ok_or_else(|| invalid("origin.scheme is missing."))?;
        if scheme == "mysql" {
            return Err(invalid("Skerry's Hyperdrive speaks PostgreSQL: MySQL origins are not supported."));
        }
        if !["postgres", "postgresql"].contains(&scheme.as_str()) {
            return Err(invalid("origin.scheme must be postgres or postgresql."));
        }
        let missing = |name: &str| invalid(format!("origin.{name} is missing."));
        // Whoever changes where it leads must know the password: what was set for one server is sent to no other.
        let moves = |before: &Origin| {
            self.host.as_ref().is_some_and(|host| *host != before.host)
                || self.port.is_some_and(|port| port != i64::from(before.port))
        };
        if self.password.is_none() && before.as_ref().is_some_and(moves) {
            return Err(invalid("Another host or port needs origin.password too."));
        }
        let port = match self.port {
            None => before.as_ref().map_or(DEFAULT_PORT, |before| before.port),
            Some(port) => u16::try_from(port).map_err(|_| invalid("origin.port must be from 1 to 65535."))?,
        };
        let (host, database, user, password) = match before {
            Some(before) => (Some(before.host), Some(before.database), Some(before.user), Some(before.password)),
            None => (None, None, None, None),
        };
        let host = self.host.or(host).ok_or_else(|| missing("host"))?;
        let origin = Origin {
            host: host.trim_start_matches('[').trim_end_matches(']').to_owned(),
            port,
            database: self.database.or(database).ok_or_else(|| missing("database"))?,
            user: self.user.or(user).ok_or_else(|| missing("user"))?,
            password: self.password.or(password).ok_or_else(|| missing("password"))?,
            secure,
        };
        origin.check().map_err(|error| invalid(format!("The origin can't be used: {error}.")))?;
        Ok((scheme, origin))
    }
}

// === impl CachingBody ===

impl CachingBody {
    fn over(self, before: Option<&Caching>) -> Result<Caching, ApiError> {
        let before = before.cloned().unwrap_or_default();
        let disabled = self.disabled.unwrap_or(before.disabled);
        if disabled && (self.max_age.is_some() || self.stale_while_revalidate.is_some()) {
            return Err(invalid("max_age and stale_while_revalidate can't be set when caching is disabled."));
        }
        // As on the platform: they are not kept where caching is disabled.
        Ok(match disabled {
            true => Caching { disabled, ..Caching::default() },
            false => Caching {
                disabled,
                max_age: self.max_age.or(before.max_age),
                stale_while_revalidate: self.stale_while_revalidate.or(before.stale_while_revalidate),
            },
        })
    }
}

// === impl MtlsBody ===

impl MtlsBody {
    fn secure(self) -> Result<Secure, ApiError> {
        if self.ca_certificate_id.is_some() || self.mtls_certificate_id.is_some() {
            return Err(invalid("This version of Skerry has no certificates for Hyperdrive: sslmode can be require."));
        }
        match self.sslmode.as_deref() {
            None => Ok(Secure::Prefer),
            Some("disable" | "allow" | "prefer") => {
                Err(invalid("sslmode can be require. Without it, TLS is used wherever the server has it."))
            }
            Some(sslmode) => Secure::of(sslmode).map_err(|error| invalid(format!("{error}."))),
        }
    }
}

/// What a configuration is now.
fn present(control: &Control, resource: &Resource) -> Result<Wanted, ApiError> {
    let config = HyperdriveConfig::of(resource)?;
    Ok(Wanted {
        name: resource.name.clone(),
        origin: config.origin(control.registry().vault(), &resource.account)?,
        scheme: config.scheme,
        connections: config.connections,
        caching: config.caching,
    })
}

fn shown(resource: &Resource) -> Result<Value, ApiError> {
    let config = HyperdriveConfig::of(resource)?;
    let mut shown = json!({
        "id": resource.id,
        "name": resource.name,
        "origin": {
            "scheme": config.scheme, "host": config.host, "port": config.port, "database": config.database, "user": config.user,
        },
        "caching": config.caching,
        "origin_connection_limit": config.connections(),
        "created_on": resource.created.to_string(),
        "modified_on": config.modified.to_string(),
    });
    if let (Some(sslmode), Some(shown)) = (config.sslmode, shown.as_object_mut()) {
        shown.insert("mtls".into(), json!({ "sslmode": sslmode }));
    }
    Ok(shown)
}

// === impl Wanted ===

impl Wanted {
    /// Tries the origin out, and seals the password.
    async fn document(&self, control: &Control, account: &str) -> Result<Value, ApiError> {
        control.platform().check_hyperdrive(account, &self.origin).await.map_err(|error| refused(&error))?;
        let config = HyperdriveConfig {
            scheme: self.scheme.clone(),
            host: self.origin.host.clone(),
            port: self.origin.port,
            database: self.origin.database.clone(),
            user: self.origin.user.clone(),
            password: HyperdriveConfig::seal(control.registry().vault(), account, &self.origin.password)?,
            sslmode: (self.origin.secure == Secure::Require).then(|| "require".into()),
            connections: self.connections,
            caching: self.caching.clone(),
            modified: Stamp::now(),
        };
        serde_json::to_value(config).map_err(|error| ApiError::internal(&error))
    }
}

/// The numbers are those of <https://developers.cloudflare.com/hyperdrive/observability/troubleshooting/#configuration-errors>.
fn refused(error: &ConnectError) -> ApiError {
    let code = match error {
        ConnectError::Resolve => 2008,
        ConnectError::Denied => 2009,
        ConnectError::Unreachable(_) | ConnectError::Timeout => 2010,
        ConnectError::Refused => 2011,
        ConnectError::NoTls | ConnectError::Tls(_) => 2012,
        ConnectError::Authentication(_) => 2013,
        ConnectError::Server(error) if error.code.starts_with("28") => 2013,
        ConnectError::Server(error) if error.code == "3D000" => 2014,
        ConnectError::Server(_) | ConnectError::Protocol(_) | ConnectError::Lost(_) => 2015,
    };
    ApiError::bad_request(code, format!("Hyperdrive can't connect to the database: {error}."))
}

fn named_twice(error: registry::Error, name: &str) -> ApiError {
    match error {
        registry::Error::Taken { .. } => ApiError::new(
            StatusCode::CONFLICT,
            TAKEN,
            format!("There is a Hyperdrive configuration called '{name}' already."),
        ),
        error => error.into(),
    }
}

#[derive(Debug, Deserialize)]
struct Paging {
    page: Option<usize>,
    per_page: Option<usize>,
}

#[utoipa::path(get, path = "/accounts/{account}/hyperdrive/configs", tag = "Hyperdrive",
    params(("account" = String, Path), ("page" = Option<usize>, Query), ("per_page" = Option<usize>, Query)),
    responses((status = 200, description = "The account's configurations, without their passwords")))]
async fn list(
    State(control): State<Control>,
    Segments(account): Segments<String>,
    Asked(paging): Asked<Paging>,
) -> Outcome {
    let configs = control.registry().resources(&account, ResourceKind::Hyperdrive)?;
    page(configs.iter().map(shown).collect::<Result<_, _>>()?, paging.page, paging.per_page)
}

#[utoipa::path(post, path = "/accounts/{account}/hyperdrive/configs", tag = "Hyperdrive", params(("account" = String, Path)),
    responses((status = 200, description = "The new configuration"), (status = 400, description = "The database does not let one in: why")))]
async fn create(
    State(control): State<Control>,
    Segments(account): Segments<String>,
    JsonBody(body): JsonBody<Body>,
) -> Outcome {
    let wanted = body.over(None)?;
    if control.registry().resources(&account, ResourceKind::Hyperdrive)?.len() >= MAX_CONFIGS {
        let message = format!("An account may have {MAX_CONFIGS} Hyperdrive configurations, and this one has them.");
        return Err(ApiError::bad_request(FULL, message));
    }
    let document = wanted.document(&control, &account).await?;
    let made = control.registry().create_resource(&account, ResourceKind::Hyperdrive, &wanted.name, document).await;
    ok(shown(&made.map_err(|error| named_twice(error, &wanted.name))?)?)
}

#[utoipa::path(get, path = "/accounts/{account}/hyperdrive/configs/{config}", tag = "Hyperdrive",
    params(("account" = String, Path), ("config" = String, Path)),
    responses((status = 200, description = "The configuration, without its password")))]
async fn get(State(control): State<Control>, Segments((account, id)): Segments<(String, String)>) -> Outcome {
    ok(shown(&known(&control, &account, &id)?)?)
}

#[utoipa::path(put, path = "/accounts/{account}/hyperdrive/configs/{config}", tag = "Hyperdrive",
    params(("account" = String, Path), ("config" = String, Path)),
    responses((status = 200, description = "The configuration with these values, and all others as they are by default")))]
async fn put(
    State(control): State<Control>,
    Segments((account, id)): Segments<(String, String)>,
    JsonBody(body): JsonBody<Body>,
) -> Outcome {
    let config = known(&control, &account, &id)?;
    change(&control, config, body.over(None)?).await
}

#[utoipa::path(patch, path = "/accounts/{account}/hyperdrive/configs/{config}", tag = "Hyperdrive",
    params(("account" = String, Path), ("config" = String, Path)),
    responses((status = 200, description = "The configuration with these values, and all others as they were")))]
async fn patch(
    State(control): State<Control>,
    Segments((account, id)): Segments<(String, String)>,
    JsonBody(body): JsonBody<Body>,
) -> Outcome {
    let config = known(&control, &account, &id)?;
    let before = present(&control, &config)?;
    change(&control, config, body.over(Some(before))?).await
}

async fn change(control: &Control, config: Resource, wanted: Wanted) -> Outcome {
    let document = wanted.document(control, &config.account).await?;
    let changing =
        control.registry().change_resource(ResourceKind::Hyperdrive, &config.id, &wanted.name, document.clone());
    changing.await.map_err(|error| named_twice(error, &wanted.name))?;
    let config = Resource { name: wanted.name, document, ..config };
    // Workers that are bound to it use it as it is now.
    control.platform().open_hyperdrive(&config)?;
    ok(shown(&config)?)
}

#[utoipa::path(delete, path = "/accounts/{account}/hyperdrive/configs/{config}", tag = "Hyperdrive",
    params(("account" = String, Path), ("config" = String, Path)),
    responses((status = 200, description = "The configuration is gone, and its connections are closed")))]
async fn delete(State(control): State<Control>, Segments((account, id)): Segments<(String, String)>) -> Outcome {
    let Resource { id, .. } = known(&control, &account, &id)?;
    control.registry().delete_resource(&id).await?;
    control.platform().services().hyperdrive().close(&id);
    ok(Value::Null)
}
