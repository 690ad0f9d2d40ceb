//! Where a Worker answers besides its own host, as `wrangler deploy` and `wrangler triggers deploy` set it: routes, custom domains.

use axum::extract::State;
use registry::{Route, Script};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Control;
use crate::envelope::{ApiError, Outcome, ok};
use crate::extract::{JsonBody, Segments};
use crate::scripts::known;
use crate::zones::{host_of, zone_of};

/// <https://developers.cloudflare.com/workers/platform/limits/#number-of-routes-per-zone>
const MAX_ROUTES: usize = 1000;

pub(crate) fn routes() -> OpenApiRouter<Control> {
    OpenApiRouter::new()
        .routes(routes!(get_routes, put_routes))
        .routes(routes!(put_domains))
        .routes(routes!(changeset))
        .routes(routes!(domains))
        .routes(routes!(domain))
}

fn of_script(control: &Control, script: &Script, custom_domain: bool) -> Result<Vec<Route>, ApiError> {
    let mut routes = control.registry().routes()?;
    routes.retain(|route| route.script.as_deref() == Some(&script.tag) && route.custom_domain == custom_domain);
    Ok(routes)
}

fn routes_shown(control: &Control, script: &Script) -> Outcome {
    let routes = of_script(control, script, false)?;
    let shown = routes.iter().map(|Route { id, pattern, zone, .. }| {
        json!({ "id": id, "pattern": pattern, "zone_name": zone, "script": script.name })
    });
    ok(shown.collect::<Vec<Value>>())
}

#[utoipa::path(get, path = "/accounts/{account}/workers/scripts/{script}/routes", tag = "Routing",
    params(("account" = String, Path), ("script" = String, Path)), responses((status = 200, description = "The Worker's routes")))]
async fn get_routes(State(control): State<Control>, Segments((account, name)): Segments<(String, String)>) -> Outcome {
    routes_shown(&control, &known(&control, &account, &name)?)
}

#[derive(Debug, Deserialize)]
struct Pattern {
    pattern: String,
}

#[utoipa::path(put, path = "/accounts/{account}/workers/scripts/{script}/routes", tag = "Routing",
    params(("account" = String, Path), ("script" = String, Path)),
    responses((status = 200, description = "The Worker has these routes and no others")))]
async fn put_routes(
    State(control): State<Control>,
    Segments((account, name)): Segments<(String, String)>,
    JsonBody(body): JsonBody<Value>,
) -> Outcome {
    let script = known(&control, &account, &name)?;
    let invalid = |message: String| ApiError::bad_request(10022, message);
    let patterns: Vec<Pattern> =
        Vec::deserialize(body).map_err(|error| invalid(format!("The routes can't be read: {error}")))?;
    if patterns.len() > MAX_ROUTES {
        return Err(invalid(format!("A Worker may have {MAX_ROUTES} routes, but this one has {}.", patterns.len())));
    }
    let mut routes = Vec::new();
    for Pattern { pattern } in patterns {
        platform::check_pattern(&pattern).map_err(&invalid)?;
        routes.push((zone_of(&control, &account, host_of(&pattern))?.name.clone(), pattern));
    }
    control.registry().set_routes(&script.tag, routes, false).await?;
    control.platform().reroute()?;
    routes_shown(&control, &script)
}

#[derive(Debug, Deserialize)]
struct Origins {
    #[serde(default)]
    override_existing_origin: bool,
    origins: Vec<Origin>,
}

#[derive(Debug, Deserialize)]
struct Origin {
    hostname: String,
}

fn domain_shown(control: &Control, route: &Route) -> Result<Value, ApiError> {
    let script = match &route.script {
        Some(tag) => control.registry().script_of_tag(tag)?.map(|script| script.name),
        None => None,
    };
    let zone = control.platform().zones().into_iter().find(|zone| zone.name == route.zone);
    Ok(json!({
        "id": route.id, "hostname": route.pattern, "zone_name": route.zone, "zone_id": zone.map(|zone| zone.id),
        "service": script, "environment": "production", "enabled": true,
    }))
}

#[utoipa::path(put, path = "/accounts/{account}/workers/scripts/{script}/domains/records", tag = "Routing",
    params(("account" = String, Path), ("script" = String, Path)),
    responses((status = 200, description = "The Worker has these custom domains and no others")))]
async fn put_domains(
    State(control): State<Control>,
    Segments((account, name)): Segments<(String, String)>,
    JsonBody(body): JsonBody<Value>,
) -> Outcome {
    let script = known(&control, &account, &name)?;
    let Origins { override_existing_origin, origins } = Origins::deserialize(body)
        .map_err(|error| ApiError::bad_request(10022, format!("The domains can't be read: {error}")))?;
    let mut domains = Vec::new();
    for Origin { hostname } in origins {
        let host = hostname.to_ascii_lowercase();
        platform::check_pattern(&host).map_err(|reason| ApiError::bad_request(10022, reason))?;
        domains.push((zone_of(&control, &account, &host)?.name.clone(), host));
    }
    for other in taken(&control, &script, &domains)? {
        if !override_existing_origin || !belongs(&control, &account, &other)? {
            let message = format!("The domain {:?} is used by another Worker.", other.pattern);
            return Err(ApiError::new(http::StatusCode::CONFLICT, 100_117, message));
        }
        control.registry().delete_route(&other.id).await?;
    }
    control.registry().set_routes(&script.tag, domains, true).await?;
    control.platform().reroute()?;
    let domains = of_script(&control, &script, true)?;
    ok(domains.iter().map(|route| domain_shown(&control, route)).collect::<Result<Vec<Value>, ApiError>>()?)
}

/// Custom domains among these that other Workers have.
fn taken(control: &Control, script: &Script, domains: &[(String, String)]) -> Result<Vec<Route>, ApiError> {
    let mut routes = control.registry().routes()?;
    routes.retain(|route| {
        let other = route.script.as_deref() != Some(&script.tag);
        route.custom_domain && other && domains.iter().any(|(_, host)| *host == route.pattern)
    });
    Ok(routes)
}

fn belongs(control: &Control, account: &str, route: &Route) -> Result<bool, ApiError> {
    let Some(tag) = &route.script else { return Ok(false) };
    Ok(control.registry().script_of_tag(tag)?.is_some_and(|script| script.account == account))
}

/// What a change of a Worker's custom domains would do, for whoever wants to be asked first.
#[utoipa::path(post, path = "/accounts/{account}/workers/scripts/{script}/domains/changeset", tag = "Routing",
    params(("account" = String, Path), ("script" = String, Path)),
    responses((status = 200, description = "Which domains would be added, removed and taken from others")))]
async fn changeset(
    State(control): State<Control>,
    Segments((account, name)): Segments<(String, String)>,
    JsonBody(body): JsonBody<Value>,
) -> Outcome {
    let script = known(&control, &account, &name)?;
    let origins: Vec<Origin> = Vec::deserialize(body)
        .map_err(|error| ApiError::bad_request(10022, format!("The domains can't be read: {error}")))?;
    let wanted: Vec<(String, String)> =
        origins.into_iter().map(|origin| (String::new(), origin.hostname.to_ascii_lowercase())).collect();
    let current = of_script(&control, &script, true)?;
    let mut updated = Vec::new();
    for other in taken(&control, &script, &wanted)? {
        let mut shown = domain_shown(&control, &other)?;
        shown["modified"] = true.into();
        updated.push(shown);
    }
    let known = |host: &str| current.iter().any(|route| route.pattern == host);
    let is_taken = |host: &str| updated.iter().any(|other| other["hostname"] == host);
    let added = wanted.iter().filter(|(_, host)| !known(host) && !is_taken(host));
    let added: Vec<Value> = added.map(|(_, host)| json!({ "hostname": host })).collect();
    let removed = current.iter().filter(|route| wanted.iter().all(|(_, host)| *host != route.pattern));
    let removed: Result<Vec<Value>, ApiError> = removed.map(|route| domain_shown(&control, route)).collect();
    ok(json!({ "added": added, "removed": removed?, "updated": updated, "conflicting": [] }))
}

fn of_account(control: &Control, account: &str) -> Result<Vec<Route>, ApiError> {
    let mut domains = Vec::new();
    for route in control.registry().routes()? {
        if route.custom_domain && belongs(control, account, &route)? {
            domains.push(route);
        }
    }
    Ok(domains)
}

#[utoipa::path(get, path = "/accounts/{account}/workers/domains", tag = "Routing", params(("account" = String, Path)),
    responses((status = 200, description = "The account's custom domains")))]
async fn domains(State(control): State<Control>, Segments(account): Segments<String>) -> Outcome {
    let domains = of_account(&control, &account)?;
    ok(domains.iter().map(|route| domain_shown(&control, route)).collect::<Result<Vec<Value>, ApiError>>()?)
}

#[utoipa::path(get, path = "/accounts/{account}/workers/domains/records/{domain}", tag = "Routing",
    params(("account" = String, Path), ("domain" = String, Path)), responses((status = 200, description = "The custom domain")))]
async fn domain(State(control): State<Control>, Segments((account, id)): Segments<(String, String)>) -> Outcome {
    let found = of_account(&control, &account)?.into_iter().find(|route| route.id == id);
    let missing = || ApiError::new(http::StatusCode::NOT_FOUND, 100_114, format!("There is no custom domain {id:?}."));
    ok(domain_shown(&control, &found.ok_or_else(missing)?)?)
}
