//! Static assets on their way in: a session says which files are missing, uploads bring them, and the token that the last one is
//! answered with goes into the metadata of a version.
//! <https://developers.cloudflare.com/workers/static-assets/direct-upload/>

use assets::{Config, ConfigError, Hash, Manifest, ManifestError};
use axum::Extension;
use axum::extract::multipart::Field;
use axum::extract::{DefaultBodyLimit, State};
use http::{HeaderValue, StatusCode};
use registry::{Version, VersionAssets};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::task::spawn_blocking;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Control;
use crate::access::{Caller, Session};
use crate::asset_session::{Claims, Kind};
use crate::envelope::{Answer, ApiError, Outcome, ok};
use crate::extract::{Asked, JsonBody, Segments};
use crate::metadata::AssetsMetadata;
use crate::parts::{Parts, unreadable};
use crate::upload::check_name;

const MAX_MANIFEST: usize = 32 << 20;
/// What one upload is asked for: so many files, and so many bytes of them unless it is one alone.
const BUCKET_FILES: usize = 1000;
const BUCKET_BYTES: u64 = 30 << 20;
/// A bucket in base64, with what is around the files.
const MAX_UPLOAD: usize = 48 << 20;
/// A content type that says that there is none.
const NO_TYPE: &str = "application/null";
const MAX_TYPE: usize = 200;

pub(crate) fn routes() -> OpenApiRouter<Control> {
    let sessions = OpenApiRouter::new().routes(routes!(begin)).layer(DefaultBodyLimit::max(MAX_MANIFEST));
    let uploads = OpenApiRouter::new().routes(routes!(upload)).layer(DefaultBodyLimit::max(MAX_UPLOAD));
    OpenApiRouter::new().merge(sessions).merge(uploads)
}

#[utoipa::path(post, path = "/accounts/{account}/workers/scripts/{script}/assets-upload-session", tag = "Assets",
    params(("account" = String, Path), ("script" = String, Path)),
    responses((status = 200, description = "A token, and the hashes of the files that are missing, in the groups in which to upload them")))]
async fn begin(
    State(control): State<Control>,
    Extension(Caller(token)): Extension<Caller>,
    Segments((account, name)): Segments<(String, String)>,
    JsonBody(body): JsonBody<Value>,
) -> Outcome {
    check_name(&name)?;
    let most = control.platform().plan(&account)?.asset_files;
    let manifest = Manifest::read(&body["manifest"], most).map_err(refused)?;
    let services = control.platform().services();
    let files = services.assets().account(&account);
    let room = services.charge_assets(&account, body["manifest"].to_string().len() as u64).ok_or_else(no_room)?;
    let (id, missing) = blocking(move || files.begin(&manifest)).await?;
    room.keep();
    // Said before anything is sent in vain; each file takes its room when it comes.
    drop(services.charge_assets(&account, missing.iter().map(|(_, size)| size).sum()).ok_or_else(no_room)?);
    let claims = Claims::new(Kind::Upload, &account, &name, id, &token.id);
    let claims = if missing.is_empty() { claims.completed() } else { claims };
    ok(json!({ "jwt": signed(&control, &claims)?, "buckets": buckets(missing) }))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Encoding {
    /// The files are in base64.
    #[serde(default)]
    base64: bool,
}

/// Asks for the token of a session, not for one of the API's.
#[utoipa::path(post, path = "/accounts/{account}/workers/assets/upload", tag = "Assets",
    params(("account" = String, Path), Encoding),
    request_body(content_type = "multipart/form-data", description = "A part for each file, named by its hash, with its content type"),
    responses((status = 201, description = "All files are here: the token goes into the metadata of a version"),
        (status = 202, description = "The files are kept, and others are still missing")))]
async fn upload(
    State(control): State<Control>,
    Extension(Session(claims)): Extension<Session>,
    Asked(Encoding { base64 }): Asked<Encoding>,
    mut parts: Parts,
) -> Result<(StatusCode, Answer), ApiError> {
    let files = control.platform().services().assets().account(&claims.account);
    let (account, id) = (files.clone(), claims.manifest.clone());
    let manifest = blocking(move || account.manifest(&id)).await?.ok_or_else(|| wrong("The manifest is gone."))?;
    let mut sizes: std::collections::HashMap<Hash, u64> =
        manifest.files().into_iter().map(|(hash, size)| (hash.clone(), size)).collect();
    while let Some(part) = parts.next().await.map_err(|error| unreadable(&error))? {
        let hash = part.name().and_then(|name| Hash::try_from(name.to_owned()).ok());
        let Some((hash, size)) = hash.and_then(|hash| sizes.remove_entry(&hash)) else {
            return Err(wrong("A part is not named by a hash of the manifest, or its file comes twice."));
        };
        let content_type = content_type(&part)?;
        let bytes = read(part, size, base64).await?;
        let room =
            control.platform().services().charge_assets(&claims.account, bytes.len() as u64).ok_or_else(no_room)?;
        let account = files.clone();
        let put = move || {
            // One that is here already takes no more.
            let is_new = !account.has(&hash);
            account.put(&hash, content_type.as_ref(), &bytes)?;
            if is_new {
                room.keep();
            }
            Ok(())
        };
        blocking(put).await?;
    }
    let id = claims.manifest.clone();
    let missing = blocking(move || {
        files.renew(&id)?;
        files.missing(&manifest)
    });
    match missing.await?.is_empty() {
        true => Ok((StatusCode::CREATED, ok(json!({ "jwt": signed(&control, &claims.completed())? }))?)),
        false => Ok((StatusCode::ACCEPTED, ok(json!({}))?)),
    }
}

/// The assets of a new version: those that a token says are here, or those of the version before.
pub(crate) async fn named(
    control: &Control,
    account: &str,
    name: &str,
    metadata: Option<&AssetsMetadata>,
    keep: bool,
    before: Option<&Version>,
) -> Result<Option<VersionAssets>, ApiError> {
    let before = before.and_then(|version| version.document.assets.clone());
    let Some(AssetsMetadata { jwt, config }) = metadata else {
        return Ok(before.filter(|_| keep));
    };
    let Some(jwt) = jwt else {
        let kept = before.filter(|_| keep).ok_or_else(|| wrong("The metadata has assets without their jwt."))?;
        return Ok(Some(VersionAssets { config: config.clone().unwrap_or(kept.config), ..kept }));
    };
    let claims = Claims::verify(control.registry().vault(), jwt)
        .filter(|claims| claims.kind == Kind::Complete && claims.account == account && claims.script == name);
    let claims = claims.ok_or_else(|| {
        wrong("The jwt of the assets is not one that completes an upload for this Worker, or it has expired.")
    })?;
    Ok(Some(VersionAssets { manifest: claims.manifest, config: config.clone().unwrap_or_default() }))
}

/// What is wrong with the configuration of assets is told before a version is made.
pub(crate) fn check(config: &Config, has_code: bool) -> Result<(), ApiError> {
    config.check(has_code).map_err(|error| match &error {
        ConfigError::Routing(message) => wrong(message),
        ConfigError::Rules { .. } | ConfigError::TooMany { .. } | ConfigError::TooLong { .. } => {
            ApiError::bad_request(100_324, error.to_string())
        }
    })
}

/// In the groups in which they should come.
fn buckets(missing: Vec<(Hash, u64)>) -> Vec<Vec<Hash>> {
    let mut buckets: Vec<Vec<Hash>> = Vec::new();
    let mut room = 0;
    for (hash, size) in missing {
        match buckets.last_mut() {
            Some(bucket) if size <= room && bucket.len() < BUCKET_FILES => {
                room -= size;
                bucket.push(hash);
            }
            _ => {
                room = BUCKET_BYTES.saturating_sub(size);
                buckets.push(vec![hash]);
            }
        }
    }
    buckets
}

fn content_type(part: &Field<'_>) -> Result<Option<HeaderValue>, ApiError> {
    let Some(text) = part.content_type().filter(|text| *text != NO_TYPE) else { return Ok(None) };
    let value = HeaderValue::from_str(text).ok().filter(|_| text.len() <= MAX_TYPE);
    value.map(Some).ok_or_else(|| wrong("A part has a content type that is none."))
}

/// The bytes of a part, which has to have `size` of them.
async fn read(mut part: Field<'_>, size: u64, base64: bool) -> Result<Vec<u8>, ApiError> {
    let most = if base64 { (size as usize).div_ceil(3) * 4 } else { size as usize };
    let mismatch = || wrong("A file does not have the size that the manifest says.");
    let mut bytes = Vec::new();
    while let Some(chunk) = part.chunk().await.map_err(|error| unreadable(&error))? {
        if bytes.len() + chunk.len() > most {
            return Err(mismatch());
        }
        bytes.extend_from_slice(&chunk);
    }
    if base64 {
        bytes = base64_simd::STANDARD.decode_to_vec(&bytes).map_err(|_| wrong("A file is not in base64."))?;
    }
    (bytes.len() as u64 == size).then_some(bytes).ok_or_else(mismatch)
}

fn signed(control: &Control, claims: &Claims) -> Result<String, ApiError> {
    claims.sign(control.registry().vault()).map_err(|error| ApiError::internal(&error))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T, ApiError> {
    let done = spawn_blocking(work).await.map_err(|error| ApiError::internal(&error))?;
    done.map_err(|error| ApiError::internal(&error))
}

fn wrong(message: &str) -> ApiError {
    ApiError::bad_request(10021, message)
}

fn no_room() -> ApiError {
    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, 10027, "The storage limit of the account is exceeded.")
}

fn refused(error: ManifestError) -> ApiError {
    let message = format!("Invalid assets: {error}.");
    match error {
        ManifestError::TooLarge { .. } | ManifestError::TooMany { .. } => {
            ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, 10027, message)
        }
        _ => wrong(&message),
    }
}
