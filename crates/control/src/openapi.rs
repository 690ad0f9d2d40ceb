//! All routes, and their description as OpenAPI at `/client/v4/openapi.json`, made from the handlers themselves.

use axum::Json;
use axum::Router;
use axum::middleware::from_fn;
use axum::routing::get;
use utoipa::OpenApi;
use utoipa::openapi::OpenApi as Description;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;

use crate::Control;

#[derive(OpenApi)]
#[openapi(
    info(title = "Skerry", description = "The part of Cloudflare's API v4 that the stock wrangler calls. Every answer is an envelope: success, errors, messages, result, result_info."),
    servers((url = "/client/v4")),
    security(("token" = []))
)]
struct Api;

pub(crate) fn routes() -> OpenApiRouter<Control> {
    OpenApiRouter::with_openapi(Api::openapi())
        .merge(crate::users::routes())
        .merge(crate::scripts::routes())
        .merge(crate::assets::routes())
        .merge(crate::settings::routes())
        .merge(crate::versions::routes())
        .merge(crate::deployments::routes())
        .merge(crate::secrets::routes())
        .merge(crate::subdomain::routes())
        .merge(crate::schedules::routes())
        .merge(crate::tails::routes())
        .merge(crate::triggers::routes())
        .merge(crate::zones::routes())
        .merge(crate::audit_logs::routes())
        .merge(crate::kv::routes())
        .merge(crate::kv_values::routes())
        .merge(crate::kv_bulk::routes())
        .merge(crate::queues::routes())
        .merge(crate::queue_consumers::routes())
        .merge(crate::queue_messages::routes())
        .merge(crate::hyperdrive::routes())
        .merge(r2())
        .merge(crate::d1::routes())
        .merge(crate::d1_query::routes())
        .merge(crate::d1_transfer::routes())
        .merge(crate::graphql::routes())
        .merge(crate::durable_objects::routes())
        .merge(crate::usage::routes())
        .merge(crate::status::routes())
        .merge(crate::history::routes())
        .merge(crate::analytics_sql::routes())
}

fn r2() -> OpenApiRouter<Control> {
    crate::r2::routes()
        .merge(crate::r2_objects::routes())
        .merge(crate::r2_cors::routes())
        .layer(from_fn(crate::r2::no_jurisdiction))
}

/// The route that serves the description.
pub(crate) fn describe(mut description: Description) -> Router<Control> {
    let components = description.components.get_or_insert_default();
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
    components.add_security_scheme("token", SecurityScheme::Http(bearer));
    Router::new().route("/client/v4/openapi.json", get(move || async move { Json(description) }))
}
