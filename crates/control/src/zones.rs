//! Zones, and routes by zone: the hosts and paths at which Workers answer besides their own.

use axum::Extension;
use axum::extract::State;
use platform::Zone;
use registry::{Route, Token};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Control;
use crate::access::Caller;
use crate::envelope::{ApiError, Outcome, ok, page};
use crate::extract::{Asked, JsonBody, Segments};
use crate::scripts::known;

pub(crate) fn routes() -> OpenApiRouter<Control> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get))
        .routes(routes!(list_routes, add_route))
        .routes(routes!(get_route, change_route, delete_route))
}

/// The zone of a host, which must be the account's.
pub(crate) fn zone_of(control: &Control, account: &str, host: &str) -> Result<Zone, ApiError> {
    let mine = control.platform().zones().into_iter().filter(|zone| zone.account == account && zone.has(host));
    mine.max_by_key(|zone| zone.name.len()).ok_or_else(|| {
        ApiError::bad_request(
            10009,
            format!("Could not find a zone for {host:?}. Zones stand in the server's configuration, as [[zones]]."),
        )
    })
}

/// The host of a route's pattern, without its star.
pub(crate) fn host_of(pattern: &str) -> &str {
    let rest = pattern.split_once("://").map_or(pattern, |(_, rest)| rest);
    let host = rest.split('/').next().unwrap_or_default();
    host.trim_start_matches('*').trim_start_matches('.')
}

fn own(control: &Control, token: &Token, id: &str) -> Result<Zone, ApiError> {
    let found = control.platform().zones().into_iter().find(|zone| zone.id == id && zone.account == token.account);
    found.ok_or_else(|| ApiError::new(http::StatusCode::FORBIDDEN, 9109, "Unauthorized to access requested resource"))
}

fn shown(control: &Control, zone: &Zone) -> Result<Value, ApiError> {
    let account = control.registry().account(&zone.account)?;
    Ok(json!({
        "id": zone.id, "name": zone.name, "status": "active", "paused": false, "type": "full",
        "account": { "id": zone.account, "name": account.map(|account| account.name) },
    }))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Named {
    /// Only the zone of this name.
    name: Option<String>,
    page: Option<usize>,
    per_page: Option<usize>,
}

#[utoipa::path(get, path = "/zones", tag = "Routing", params(Named), responses((status = 200, description = "The account's zones")))]
async fn list(
    State(control): State<Control>,
    Extension(Caller(token)): Extension<Caller>,
    Asked(query): Asked<Named>,
) -> Outcome {
    let wanted = |zone: &&Zone| {
        zone.account == token.account && query.name.as_ref().is_none_or(|name| zone.name.eq_ignore_ascii_case(name))
    };
    let zones: Result<Vec<Value>, ApiError> =
        control.platform().zones().iter().filter(wanted).map(|zone| shown(&control, zone)).collect();
    page(zones?, query.page, query.per_page)
}

#[utoipa::path(get, path = "/zones/{zone}", tag = "Routing", params(("zone" = String, Path)),
    responses((status = 200, description = "The zone")))]
async fn get(
    State(control): State<Control>,
    Extension(Caller(token)): Extension<Caller>,
    Segments(zone): Segments<String>,
) -> Outcome {
    ok(shown(&control, &own(&control, &token, &zone)?)?)
}

fn route_shown(control: &Control, route: &Route) -> Result<Value, ApiError> {
    let script = match &route.script {
        Some(tag) => control.registry().script_of_tag(tag)?.map(|script| script.name),
        None => None,
    };
    Ok(json!({ "id": route.id, "pattern": route.pattern, "script": script }))
}

fn of_zone(control: &Control, zone: &Zone) -> Result<Vec<Route>, ApiError> {
    let mut routes = control.registry().routes()?;
    routes.retain(|route| route.zone == zone.name && !route.custom_domain);
    Ok(routes)
}

#[utoipa::path(get, path = "/zones/{zone}/workers/routes", tag = "Routing", params(("zone" = String, Path)),
    responses((status = 200, description = "The zone's routes")))]
async fn list_routes(
    State(control): State<Control>,
    Extension(Caller(token)): Extension<Caller>,
    Segments(zone): Segments<String>,
) -> Outcome {
    let routes = of_zone(&control, &own(&control, &token, &zone)?)?;
    ok(routes.iter().map(|route| route_shown(&control, route)).collect::<Result<Vec<Value>, ApiError>>()?)
}

#[derive(Debug, Deserialize)]
struct Body {
    pattern: String,
    script: Option<String>,
}

/// A route as it is to be: its pattern, and the tag of its script.
fn wanted(control: &Control, token: &Token, zone: &Zone, body: Value) -> Result<(String, Option<String>), ApiError> {
    let invalid = |message: String| ApiError::bad_request(10022, message);
    let Body { pattern, script } =
        Body::deserialize(body).map_err(|error| invalid(format!("The route can't be read: {error}")))?;
    platform::check_pattern(&pattern).map_err(&invalid)?;
    if !zone.has(host_of(&pattern)) {
        return Err(invalid(format!("The route {pattern:?} is not in the zone {:?}.", zone.name)));
    }
    let script = script.map(|name| known(control, &token.account, &name)).transpose()?;
    Ok((pattern, script.map(|script| script.tag)))
}

#[utoipa::path(post, path = "/zones/{zone}/workers/routes", tag = "Routing", params(("zone" = String, Path)),
    responses((status = 200, description = "The route holds")))]
async fn add_route(
    State(control): State<Control>,
    Extension(Caller(token)): Extension<Caller>,
    Segments(zone): Segments<String>,
    JsonBody(body): JsonBody<Value>,
) -> Outcome {
    let zone = &own(&control, &token, &zone)?;
    let (pattern, script) = wanted(&control, &token, zone, body)?;
    let route = control.registry().add_route(&zone.name, &pattern, script.as_deref(), false).await?;
    control.platform().reroute()?;
    ok(route_shown(&control, &route)?)
}

fn found(control: &Control, zone: &Zone, id: &str) -> Result<Route, ApiError> {
    let route = control.registry().route(id)?.filter(|route| route.zone == zone.name && !route.custom_domain);
    route.ok_or_else(|| ApiError::new(http::StatusCode::NOT_FOUND, 10020, format!("There is no route {id:?}.")))
}

#[utoipa::path(get, path = "/zones/{zone}/workers/routes/{route}", tag = "Routing",
    params(("zone" = String, Path), ("route" = String, Path)), responses((status = 200, description = "The route")))]
async fn get_route(
    State(control): State<Control>,
    Extension(Caller(token)): Extension<Caller>,
    Segments((zone, id)): Segments<(String, String)>,
) -> Outcome {
    let zone = &own(&control, &token, &zone)?;
    ok(route_shown(&control, &found(&control, zone, &id)?)?)
}

#[utoipa::path(put, path = "/zones/{zone}/workers/routes/{route}", tag = "Routing",
    params(("zone" = String, Path), ("route" = String, Path)),
    responses((status = 200, description = "The route holds as it is now")))]
async fn change_route(
    State(control): State<Control>,
    Extension(Caller(token)): Extension<Caller>,
    Segments((zone, id)): Segments<(String, String)>,
    JsonBody(body): JsonBody<Value>,
) -> Outcome {
    let zone = &own(&control, &token, &zone)?;
    let route = found(&control, zone, &id)?;
    let (pattern, script) = wanted(&control, &token, zone, body)?;
    let route = Route { pattern, script, ..route };
    control.registry().change_route(&route).await?;
    control.platform().reroute()?;
    ok(route_shown(&control, &route)?)
}

#[utoipa::path(delete, path = "/zones/{zone}/workers/routes/{route}", tag = "Routing",
    params(("zone" = String, Path), ("route" = String, Path)), responses((status = 200, description = "The route is gone")))]
async fn delete_route(
    State(control): State<Control>,
    Extension(Caller(token)): Extension<Caller>,
    Segments((zone, id)): Segments<(String, String)>,
) -> Outcome {
    let zone = &own(&control, &token, &zone)?;
    let route = found(&control, zone, &id)?;
    control.registry().delete_route(&route.id).await?;
    control.platform().reroute()?;
    ok(json!({ "id": route.id }))
}
