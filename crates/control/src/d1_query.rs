//! Queries of a D1 database: statements in, rows out, as objects or as lists.

use axum::extract::{DefaultBodyLimit, State};
use axum::response::Response;
use d1::{ResultsFormat, Statement, Value};
use serde::Deserialize;
use serde_json::Value as Json;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Control;
use crate::d1::{malformed, opened};
use crate::envelope::{ApiError, ok_json};
use crate::extract::{JsonBody, Segments};

const MAX_BODY: usize = 10 << 20;
/// Statements of one request.
const MAX_STATEMENTS: usize = 10_000;

pub(crate) fn routes() -> OpenApiRouter<Control> {
    OpenApiRouter::new().routes(routes!(query)).routes(routes!(raw)).layer(DefaultBodyLimit::max(MAX_BODY))
}

/// One text of SQL, or several.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Query {
    Batch { batch: Vec<One> },
    One(One),
}

#[derive(Debug, Deserialize)]
struct One {
    sql: String,
    #[serde(default)]
    params: Option<Vec<Json>>,
}

// === impl Query ===

impl Query {
    fn statements(self) -> Result<Vec<Statement>, ApiError> {
        let texts = match self {
            Self::Batch { batch } => batch,
            Self::One(one) => vec![one],
        };
        let mut statements = Vec::new();
        for One { sql, params } in texts {
            let before = statements.len();
            statements.extend(d1::split(&sql).into_iter().map(Statement::new));
            // Of several statements in one text, the last one has the parameters.
            if let Some(last) = statements[before..].last_mut() {
                last.params = params.unwrap_or_default().into_iter().map(value).collect::<Result<_, _>>()?;
            }
        }
        match statements.len() {
            0 => Err(d1::Error::NoStatement.into()),
            count if count > MAX_STATEMENTS => Err(malformed(format!(
                "one request may have {MAX_STATEMENTS} statements, but this one has {count}. Use a file: `wrangler d1 execute --file`"
            ))),
            _ => Ok(statements),
        }
    }
}

/// A parameter as D1 takes it over the wire: every number is a double, a list of bytes is a blob.
fn value(json: Json) -> Result<Value, ApiError> {
    Ok(match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Real(f64::from(u8::from(value))),
        Json::Number(number) => number.as_f64().map_or(Value::Null, Value::Real),
        Json::String(text) => Value::Text(text),
        Json::Array(bytes) => {
            let byte = |byte: &Json| byte.as_u64().and_then(|byte| u8::try_from(byte).ok());
            let bytes: Option<Vec<u8>> = bytes.iter().map(byte).collect();
            Value::Blob(bytes.ok_or_else(|| malformed("a parameter that is a list should be one of bytes"))?)
        }
        Json::Object(_) => return Err(malformed("a parameter is neither text, a number, null nor a list of bytes")),
    })
}

async fn run(
    control: &Control,
    (account, id): (String, String),
    query: Query,
    format: ResultsFormat,
) -> Result<Response, ApiError> {
    let database = opened(control, &account, &id)?;
    let statements = query.statements()?;
    let (json, _) = database.query_with(statements, move |outputs| d1::outputs_json(&outputs, format)).await?;
    Ok(ok_json(&json))
}

#[utoipa::path(post, path = "/accounts/{account}/d1/database/{database}/query", tag = "D1",
    params(("account" = String, Path), ("database" = String, Path)),
    responses((status = 200, description = "An answer for each statement; all of them happened, or none")))]
async fn query(
    State(control): State<Control>,
    Segments(database): Segments<(String, String)>,
    JsonBody(query): JsonBody<Query>,
) -> Result<Response, ApiError> {
    run(&control, database, query, ResultsFormat::ArrayOfObjects).await
}

#[utoipa::path(post, path = "/accounts/{account}/d1/database/{database}/raw", tag = "D1",
    params(("account" = String, Path), ("database" = String, Path)),
    responses((status = 200, description = "The same, with rows as lists")))]
async fn raw(
    State(control): State<Control>,
    Segments(database): Segments<(String, String)>,
    JsonBody(query): JsonBody<Query>,
) -> Result<Response, ApiError> {
    run(&control, database, query, ResultsFormat::RowsAndColumns).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statements(json: &str) -> Result<Vec<Statement>, ApiError> {
        serde_json::from_str::<Query>(json).expect("a query").statements()
    }

    #[test]
    fn the_last_statement_of_a_text_has_its_parameters() {
        let made = statements(r#"{"sql":"SELECT 1; SELECT ?, ?","params":["a",2]}"#).unwrap();
        assert_eq!(made[0], Statement::new("SELECT 1;"));
        assert_eq!(made[1], Statement::new("SELECT ?, ?").bind(Value::Text("a".into())).bind(Value::Real(2.0)));
        let made =
            statements(r#"{"batch":[{"sql":"SELECT ?","params":[null]},{"sql":"SELECT ?","params":[[0,255]]}]}"#);
        let made = made.unwrap();
        assert_eq!((&made[0].params[0], &made[1].params[0]), (&Value::Null, &Value::Blob(vec![0, 255])));
    }

    #[test]
    fn what_no_statement_can_take_is_refused() {
        for (json, code) in [
            (r#"{"sql":" -- nothing"}"#, 7500),
            (r#"{"sql":"SELECT ?","params":[{}]}"#, 7400),
            (r#"{"sql":"SELECT ?","params":[[256]]}"#, 7400),
            (r#"{"batch":[]}"#, 7500),
        ] {
            assert_eq!(statements(json).unwrap_err().code, code, "{json}");
        }
        let many = format!(r#"{{"sql":"{}"}}"#, "SELECT 1;".repeat(MAX_STATEMENTS + 1));
        assert_eq!(statements(&many).unwrap_err().code, 7400);
    }
}
