//! Import and export of D1 databases as files of SQL, in the steps that wrangler asks for: a link to upload to, the import,
//! and questions until it is done; the export, the same questions, and a link to download from.

use axum::extract::State;
use d1::{Database, ExportOptions};
use http::HeaderMap;
use http::header::HOST;
use http::uri::Authority;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Control;
use crate::d1::{malformed, opened};
use crate::envelope::{ApiError, Outcome, ok};
use crate::extract::{JsonBody, Segments};
use crate::transfers::{self, Imported, Upload, What};

/// Tables that an export may name.
const MAX_TABLES: usize = 1000;

pub(crate) fn routes() -> OpenApiRouter<Control> {
    OpenApiRouter::new().routes(routes!(import)).routes(routes!(export))
}

/// Where this server is, as the client calls it.
fn origin(headers: &HeaderMap) -> Result<String, ApiError> {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()?.parse::<Authority>().ok());
    let host = host.ok_or_else(|| malformed("it names no host"))?;
    let encrypted = headers.get("x-forwarded-proto").is_some_and(|proto| proto == "https");
    Ok(format!("{}://{host}", if encrypted { "https" } else { "http" }))
}

#[derive(Debug, Deserialize)]
#[serde(tag = "action", rename_all = "lowercase")]
enum Import {
    Init { etag: String },
    Ingest { etag: String },
    Poll {},
}

#[utoipa::path(post, path = "/accounts/{account}/d1/database/{database}/import", tag = "D1",
    params(("account" = String, Path), ("database" = String, Path)),
    responses((status = 200, description = "init: where to upload the file; ingest: the import begins; poll: how it stands")))]
async fn import(
    State(control): State<Control>,
    Segments((account, id)): Segments<(String, String)>,
    headers: HeaderMap,
    JsonBody(step): JsonBody<Import>,
) -> Outcome {
    let database = opened(&control, &account, &id)?;
    let transfers = control.transfers();
    match step {
        Import::Init { etag } => {
            let etag = digest(etag)?;
            let filename = format!("{id}-{etag}.sql");
            let what = What::Upload { etag, state: Upload::Awaited };
            let (secret, _) = transfers.link(&account, &id, what)?;
            let url = format!("{}/d1/uploads/{secret}", origin(&headers)?);
            return ok(
                json!({ "upload_url": url, "filename": filename, "type": "import", "success": true, "messages": [] }),
            );
        }
        Import::Ingest { etag } => {
            let file = transfers.take(&id, &digest(etag)?);
            let file = file.ok_or_else(|| malformed("no such file was uploaded for this database, or too long ago"))?;
            let kept = file.clone();
            if !transfers.imports.begin(&id, async move { ingest(database, file).await }) {
                transfers::remove(&kept);
                return Err(ApiError::bad_request(7500, "Another import into this database is under way."));
            }
        }
        Import::Poll {} => {}
    }
    let none = || ApiError::bad_request(7500, "No import into this database is under way.");
    let stands = transfers.imports.wait(&id).await.ok_or_else(none)?;
    let mut answer = json!({ "type": "import", "success": true, "at_bookmark": id, "messages": [] });
    match stands {
        None => answer["status"] = "active".into(),
        Some(Ok(Imported { done, bookmark })) => {
            let meta: Value =
                serde_json::from_str(&d1::meta_json(&done.meta)).map_err(|error| ApiError::internal(&error))?;
            answer["status"] = "complete".into();
            answer["at_bookmark"] = bookmark.as_str().into();
            answer["result"] = json!({ "num_queries": done.queries, "final_bookmark": bookmark, "meta": meta });
        }
        Some(Err(message)) => {
            answer["status"] = "error".into();
            answer["errors"] = json!([message]);
            answer["error"] = message.into();
        }
    }
    ok(answer)
}

/// The MD5 of a file.
fn digest(etag: String) -> Result<String, ApiError> {
    match etag.len() == 32 && etag.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        true => Ok(etag.to_ascii_lowercase()),
        false => Err(malformed("the etag should be the file's MD5 in hexadecimal")),
    }
}

async fn ingest(database: Database, file: std::path::PathBuf) -> Result<Imported, String> {
    let opened =
        std::fs::File::open(&file).map_err(|error| format!("the file that was uploaded can't be read: {error}"));
    let done = match opened {
        Ok(opened) => database.import(opened).await.map_err(|failed| match failed.error.is_internal() {
            true => failed.error.to_string(),
            false => format!("{}: in statement {} of the file. Nothing was changed.", failed.error, failed.at + 1),
        }),
        Err(error) => Err(error),
    };
    transfers::remove(&file);
    done.map(|(done, bookmark)| Imported { done, bookmark: bookmark.as_str().to_owned() })
}

#[derive(Debug, Deserialize)]
struct Export {
    output_format: String,
    current_bookmark: Option<String>,
    #[serde(default)]
    dump_options: DumpOptions,
}

#[derive(Debug, Default, Deserialize)]
struct DumpOptions {
    #[serde(default)]
    no_schema: bool,
    #[serde(default)]
    no_data: bool,
    #[serde(default)]
    tables: Option<Vec<String>>,
}

#[utoipa::path(post, path = "/accounts/{account}/d1/database/{database}/export", tag = "D1",
    params(("account" = String, Path), ("database" = String, Path)),
    responses((status = 200, description = "The export begins, or how it stands, with where to download the file")))]
async fn export(
    State(control): State<Control>,
    Segments((account, id)): Segments<(String, String)>,
    headers: HeaderMap,
    JsonBody(asked): JsonBody<Export>,
) -> Outcome {
    let database = opened(&control, &account, &id)?;
    let origin = origin(&headers)?;
    if asked.output_format != "polling" {
        return Err(malformed("output_format should be \"polling\""));
    }
    if asked.current_bookmark.is_none() {
        let DumpOptions { no_schema, no_data, tables } = asked.dump_options;
        let tables = tables.unwrap_or_default();
        if (no_schema && no_data) || tables.len() > MAX_TABLES {
            return Err(malformed("an export of nothing, or of too many tables"));
        }
        let options = ExportOptions { schema: !no_schema, data: !no_data, tables };
        let (secret, file) = control.transfers().link(&account, &id, What::Download)?;
        let (of_job, ended) = (control.clone(), secret.clone());
        let work = async move {
            let done = dump(database, options, &file).await;
            if done.is_err() {
                of_job.transfers().forget(&ended);
            }
            done.map(|()| ended)
        };
        if !control.transfers().exports.begin(&id, work) {
            control.transfers().forget(&secret);
            return Err(ApiError::bad_request(7500, "Another export of this database is under way."));
        }
    }
    let none = || ApiError::bad_request(7500, "No export of this database is under way.");
    let stands = control.transfers().exports.wait(&id).await.ok_or_else(none)?;
    let mut answer = json!({ "type": "export", "success": true, "at_bookmark": id, "messages": [] });
    match stands {
        None => answer["status"] = "active".into(),
        Some(Ok(secret)) => {
            let url = format!("{origin}/d1/exports/{secret}");
            answer["status"] = "complete".into();
            answer["result"] = json!({ "filename": format!("{id}.sql"), "signed_url": url });
        }
        Some(Err(message)) => {
            answer["status"] = "error".into();
            answer["error"] = format!("D1 Export error: {message}").into();
        }
    }
    ok(answer)
}

async fn dump(database: Database, options: ExportOptions, file: &std::path::Path) -> Result<(), String> {
    let file = std::fs::File::create(file).map_err(|error| format!("its file can't be made: {error}"))?;
    database.export(options, file).await.map(drop).map_err(|failed| failed.error.to_string())
}
