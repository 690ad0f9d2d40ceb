//! The two questions that wrangler asks of the platform's analytics: how much is in a bucket, and how often a database was
//! queried. No other GraphQL is understood.

use axum::extract::State;
use axum::{Extension, Json};
use registry::{Scope, Stamp};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::Caller;
use crate::envelope::ApiError;
use crate::extract::JsonBody;
use crate::{Control, d1};

pub(crate) fn routes() -> OpenApiRouter<Control> {
    OpenApiRouter::new().routes(routes!(post))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Question {
    #[serde(default)]
    operation_name: String,
    variables: Variables,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Variables {
    account_tag: String,
    #[serde(default)]
    filter: Value,
}

#[utoipa::path(post, path = "/graphql", tag = "Analytics",
    responses((status = 200, description = "What wrangler asks for with `r2 bucket info`; else an error in `errors`")))]
async fn post(
    State(control): State<Control>,
    Extension(Caller(token)): Extension<Caller>,
    JsonBody(question): JsonBody<Question>,
) -> Result<Json<Value>, ApiError> {
    let Question { operation_name, variables: Variables { account_tag, filter } } = question;
    if token.account != account_tag {
        return Ok(failed("not authorized for that account"));
    }
    match operation_name.as_str() {
        "getR2StorageMetrics" if !token.may(Scope::R2Read) => Ok(failed("not authorized for that account")),
        "getR2StorageMetrics" => {
            let bucket = filter["bucketName"].as_str().unwrap_or_default();
            let usage = control.platform().services().r2(&account_tag).usage(bucket).await?;
            let group = json!({
                "max": { "objectCount": usage.objects, "payloadSize": usage.payload, "metadataSize": usage.metadata },
                "dimensions": { "datetime": Stamp::now().to_string() },
            });
            let viewer = json!({ "accounts": [{ "r2StorageAdaptiveGroups": [group] }] });
            Ok(Json(json!({ "data": { "viewer": viewer }, "errors": null })))
        }
        "getD1MetricsOverviewQuery" if !token.may(Scope::D1Read) => Ok(failed("not authorized for that account")),
        "getD1MetricsOverviewQuery" => {
            let wanted = filter["AND"].as_array().and_then(|all| all.iter().find_map(|one| one["databaseId"].as_str()));
            let id = wanted.or(filter["databaseId"].as_str()).unwrap_or_default();
            let hours = d1::opened(&control, &account_tag, id)?.counts().hours();
            let groups: Vec<Value> = hours.into_iter().map(d1_group).collect();
            let viewer = json!({ "accounts": [{ "d1AnalyticsAdaptiveGroups": groups }] });
            Ok(Json(json!({ "data": { "viewer": viewer }, "errors": null })))
        }
        _ => Ok(failed("this question is not understood")),
    }
}

/// What was asked of a database in an hour.
fn d1_group((hour, done): (u64, ::d1::Done)) -> Value {
    let began = Stamp(i64::try_from(hour * 3_600_000).unwrap_or(i64::MAX));
    json!({
        "sum": {
            "readQueries": done.read_queries,
            "writeQueries": done.write_queries,
            "rowsRead": done.rows_read,
            "rowsWritten": done.rows_written,
        },
        "dimensions": { "datetimeHour": began.to_string() },
    })
}

/// As GraphQL says that there is no answer.
fn failed(message: &str) -> Json<Value> {
    Json(json!({ "data": null, "errors": [{ "message": message }] }))
}
