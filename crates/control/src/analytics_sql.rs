//! Analytics Engine's SQL API: a query as the body, and the answer in the format that it asks for, in no envelope.
//! <https://developers.cloudflare.com/analytics/analytics-engine/sql-api/>

use analytics::{Answer, QueryError};
use axum::extract::{DefaultBodyLimit, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Control;
use crate::envelope::ApiError;
use crate::extract::{Asked, Segments, Whole};

const MAX_QUERY: usize = 256 << 10;

pub(crate) fn routes() -> OpenApiRouter<Control> {
    OpenApiRouter::new().routes(routes!(get, post)).layer(DefaultBodyLimit::max(MAX_QUERY))
}

#[utoipa::path(post, path = "/accounts/{account}/analytics_engine/sql", tag = "Analytics",
    params(("account" = String, Path)),
    request_body(content_type = "text/plain", description = "A query, as Cloudflare's SQL reference for Analytics Engine has it"),
    responses((status = 200, description = "What was found, as JSON, JSONEachRow or TabSeparated"), (status = 400, description = "The query can't be answered: the error says why")))]
async fn post(
    State(control): State<Control>,
    Segments(account): Segments<String>,
    Whole(query): Whole,
) -> Result<Response, ApiError> {
    let query = std::str::from_utf8(&query).map_err(|_| ApiError::bad_request(10029, "The query is no text."))?;
    answer(&control, &account, query).await
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Query {
    /// The query.
    query: String,
}

#[utoipa::path(get, path = "/accounts/{account}/analytics_engine/sql", tag = "Analytics",
    params(("account" = String, Path), Query),
    responses((status = 200, description = "As for POST")))]
async fn get(
    State(control): State<Control>,
    Segments(account): Segments<String>,
    Asked(Query { query }): Asked<Query>,
) -> Result<Response, ApiError> {
    answer(&control, &account, &query).await
}

async fn answer(control: &Control, account: &str, query: &str) -> Result<Response, ApiError> {
    let Answer { format, body } = control.platform().services().analytics().query(account, query).await?;
    Ok(([(CONTENT_TYPE, format.content_type())], body).into_response())
}

impl From<QueryError> for ApiError {
    fn from(error: QueryError) -> Self {
        let status = match error {
            QueryError::Store(error) => return Self::internal(&error),
            QueryError::Busy => StatusCode::TOO_MANY_REQUESTS,
            QueryError::Refused(_) | QueryError::Time | QueryError::Memory => StatusCode::BAD_REQUEST,
        };
        // The platform's answer has a number of its own, which is nowhere written down.
        Self::new(status, 10029, error.to_string())
    }
}
