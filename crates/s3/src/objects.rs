//! Objects: read, put, deleted.

use r2::{Bucket, CustomerKey, Get, Object, Put, Range};
use s3s::dto::*;
use s3s::{S3Error, S3Request, S3Response, S3Result};

use crate::api::Api;
use crate::conditions::{self, Given, timestamp};
use crate::error;
use crate::metadata::{self, expires, header, http_metadata, set_checksums, sse_key};
use crate::service::Context;

// === reading ===

/// What GET and HEAD have in common.
struct Read {
    key: String,
    options: Get,
    /// Whether only some of the bytes were asked for.
    partial: bool,
    checksums: bool,
}

struct Found {
    object: Object,
    range: r2::ByteRange,
    parts: usize,
    body: r2::Body,
}

impl Read {
    async fn of(self, bucket: &Bucket) -> S3Result<Found> {
        let only_if = self.options.only_if.clone();
        let found = bucket.get(&self.key, self.options).await.map_err(error::r2)?.ok_or_else(error::no_such_key)?;
        let Some(body) = found.body else { return Err(conditions::failed(only_if.as_ref(), &found.object)) };
        if self.partial && found.range.length == 0 && found.object.size > 0 {
            return Err(error::r2(r2::Error::InvalidRange));
        }
        Ok(Found { object: found.object, range: found.range, parts: found.parts, body })
    }
}

/// The input of GET or of HEAD, which have the same fields.
macro_rules! read {
    ($input:expr, $range:expr) => {{
        let (range, part) = ($range, part($input.part_number)?);
        if range.is_some() && part.is_some() {
            return Err(error::invalid("Cannot specify both Range header and partNumber query parameter"));
        }
        current($input.version_id.as_deref())?;
        let given = Given {
            matches: $input.if_match.take(),
            none_match: $input.if_none_match.take(),
            modified_since: $input.if_modified_since.take(),
            unmodified_since: $input.if_unmodified_since.take(),
        };
        Read {
            partial: range.is_some() || part.is_some(),
            checksums: $input.checksum_mode.as_ref().is_some_and(|mode| mode.as_str() == ChecksumMode::ENABLED),
            key: std::mem::take(&mut $input.key),
            options: Get { range, part, only_if: given.conditional(), key: sse_key!($input)? },
        }
    }};
}

/// What is known of an object, in the output of GET or of HEAD.
macro_rules! describe {
    ($output:expr, $found:expr, $partial:expr, $checksums:expr) => {{
        let Found { object, range, parts, .. } = $found;
        let r2::ByteRange { offset, length } = *range;
        $output.accept_ranges = Some("bytes".into());
        $output.content_length = i64::try_from(length).ok();
        $output.content_range =
            $partial.then(|| format!("bytes {offset}-{}/{}", offset + length.saturating_sub(1), object.size));
        if $checksums && !$partial {
            set_checksums!($output, &object.checksums);
            $output.checksum_type = metadata::kind_of(&object.checksums);
        }
        let http = object.http.clone();
        $output.expires = expires(&http);
        $output.cache_control = header(http.cache_control);
        $output.content_disposition = header(http.content_disposition);
        $output.content_encoding = header(http.content_encoding);
        $output.content_language = header(http.content_language);
        $output.content_type = header(http.content_type).or_else(|| Some("application/octet-stream".into()));
        $output.e_tag = Some(ETag::Strong(object.etag.clone()));
        $output.last_modified = Some(timestamp(object.uploaded));
        ($output.metadata, $output.missing_meta) = metadata::metadata(object.custom.clone());
        $output.parts_count = ($partial && *parts > 1).then_some(*parts as i32);
        $output.storage_class =
            (object.storage_class != r2::StorageClass::Standard).then(|| class(object.storage_class));
        if let Some(md5) = &object.key_md5 {
            $output.sse_customer_algorithm = Some("AES256".into());
            $output.sse_customer_key_md5 = metadata::md5_header(md5);
        }
    }};
}

pub(crate) async fn get(api: &Api, request: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
    let mut input = request.input;
    let overrides = overrides(&input)?;
    let range = input.range.map(range);
    let read = read!(input, range);
    let (partial, checksums) = (read.partial, read.checksums);
    let found = read.of(&api.bucket(&input.bucket)).await?;
    let partial = partial && found.object.size > 0;
    let mut output = GetObjectOutput::default();
    describe!(output, &found, partial, checksums);
    output.body = Some(stream(found.body));
    Ok(S3Response::with_headers(output, overrides))
}

/// A range makes no difference here: https://developers.cloudflare.com/r2/api/s3/api/
pub(crate) async fn head(api: &Api, request: S3Request<HeadObjectInput>) -> S3Result<S3Response<HeadObjectOutput>> {
    let mut input = request.input;
    let read = read!(input, None);
    let (partial, checksums) = (read.partial, read.checksums);
    let found = read.of(&api.bucket(&input.bucket)).await?;
    let mut output = HeadObjectOutput::default();
    describe!(output, &found, partial, checksums);
    Ok(S3Response::new(output))
}

fn range(range: s3s::dto::Range) -> Range {
    match range {
        s3s::dto::Range::Suffix { length } => Range::Suffix(length),
        s3s::dto::Range::Int { first, last } => {
            Range::From { offset: first, length: last.map(|last| last - first + 1) }
        }
    }
}

fn part(number: Option<i32>) -> S3Result<Option<u16>> {
    let Some(number) = number else { return Ok(None) };
    let fits = u16::try_from(number).ok().filter(|number| (1..=r2::limits::PARTS).contains(number));
    fits.map(Some).ok_or_else(|| error::invalid("partNumber"))
}

/// Objects have no versions; `null` is S3's name for the only one.
pub(crate) fn current(version: Option<&str>) -> S3Result<()> {
    match version {
        None | Some("null") => Ok(()),
        Some(_) => Err(error::not_implemented("versionId is not implemented")),
    }
}

pub(crate) fn class(class: r2::StorageClass) -> StorageClass {
    StorageClass::from_static(match class {
        r2::StorageClass::Standard => StorageClass::STANDARD,
        r2::StorageClass::InfrequentAccess => StorageClass::STANDARD_IA,
    })
}

pub(crate) fn class_of(class: Option<&StorageClass>) -> S3Result<Option<r2::StorageClass>> {
    class.map(|class| class.as_str().parse().map_err(error::r2)).transpose()
}

/// `response-…` in the query, which a signed request may say the headers with.
fn overrides(input: &GetObjectInput) -> S3Result<http::HeaderMap> {
    let mut headers = http::HeaderMap::new();
    let pairs = [
        (http::header::CACHE_CONTROL, &input.response_cache_control),
        (http::header::CONTENT_DISPOSITION, &input.response_content_disposition),
        (http::header::CONTENT_ENCODING, &input.response_content_encoding),
        (http::header::CONTENT_LANGUAGE, &input.response_content_language),
        (http::header::CONTENT_TYPE, &input.response_content_type),
    ];
    for (name, value) in pairs {
        let Some(value) = value else { continue };
        let value = http::HeaderValue::try_from(value.as_str());
        headers.insert(name.clone(), value.map_err(|_| error::invalid(&format!("response-{name}")))?);
    }
    if let Some(expires) = &input.response_expires {
        let mut text = Vec::new();
        let written = expires.format(TimestampFormat::HttpDate, &mut text);
        let value = written.ok().and_then(|()| http::HeaderValue::from_bytes(&text).ok());
        headers.insert(http::header::EXPIRES, value.ok_or_else(|| error::invalid("response-expires"))?);
    }
    Ok(headers)
}

pub(crate) fn stream(body: r2::Body) -> StreamingBlob {
    let frames = futures::StreamExt::map(body.into_stream(), |chunk| {
        let chunk = chunk.inspect_err(|error| tracing::error!(%error, "S3: reading an object failed"));
        chunk.map(http_body::Frame::data).map_err(s3s::StdError::from)
    });
    s3s::Body::http_body_unsync(http_body_util::StreamBody::new(frames)).into()
}

// === writing ===

pub(crate) async fn put(api: &Api, request: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
    let only_if = conditions::of_headers(&request.headers, "if-")?;
    let bucket = api.bucket_to_write(&request.input.bucket, &request.headers);
    let context = context(&request.extensions)?;
    let mut input = request.input;
    let key = sse_key!(input)?;
    let options = Put {
        length: input.content_length.and_then(|length| u64::try_from(length).ok()),
        http: http_metadata!(input),
        custom: metadata::custom(input.metadata.take()),
        only_if,
        expected: context.expected.clone(),
        storage_class: class_of(input.storage_class.as_ref())?,
        key: key.clone(),
    };
    let body = input.body.unwrap_or_else(|| s3s::Body::empty().into());
    let put = bucket.put(&input.key, body, options).await.map_err(error::r2)?;
    let object = put.ok_or_else(|| error::r2(r2::Error::PreconditionFailed))?;
    let mut output = PutObjectOutput { e_tag: Some(ETag::Strong(object.etag)), ..PutObjectOutput::default() };
    set_checksums!(output, &object.checksums);
    output.checksum_type = metadata::kind_of(&object.checksums);
    (output.sse_customer_algorithm, output.sse_customer_key_md5) = sse(key.as_ref());
    Ok(S3Response::new(output))
}

/// What an answer says of the customer's key.
pub(crate) fn sse(key: Option<&CustomerKey>) -> (Option<String>, Option<String>) {
    (key.map(|_| "AES256".to_owned()), key.and_then(|key| metadata::md5_header(&key.md5())))
}

pub(crate) fn context(extensions: &http::Extensions) -> S3Result<&Context> {
    extensions.get().ok_or_else(|| error::internal("a request came without who sent it"))
}

pub(crate) async fn delete(
    api: &Api,
    request: S3Request<DeleteObjectInput>,
) -> S3Result<S3Response<DeleteObjectOutput>> {
    let input = request.input;
    current(input.version_id.as_deref())?;
    if input.if_match.is_some() {
        return Err(error::not_implemented("Header 'if-match' of DeleteObject not implemented"));
    }
    api.bucket(&input.bucket).delete(vec![input.key]).await.map_err(error::r2)?;
    Ok(S3Response::with_status(DeleteObjectOutput::default(), http::StatusCode::NO_CONTENT))
}

pub(crate) async fn delete_many(
    api: &Api,
    request: S3Request<DeleteObjectsInput>,
) -> S3Result<S3Response<DeleteObjectsOutput>> {
    let input = request.input;
    let Delete { objects, quiet } = input.delete;
    if objects.is_empty() || objects.len() > r2::limits::KEYS {
        return Err(error::r2(r2::Error::TooManyKeys));
    }
    let (mut keys, mut errors) = (Vec::new(), Vec::new());
    for object in objects {
        let refusal = match current(object.version_id.as_deref()) {
            Ok(()) if object.e_tag.is_some() || object.size.is_some() || object.last_modified_time.is_some() => {
                Some(error::not_implemented("Conditions of DeleteObjects are not implemented"))
            }
            Ok(()) if object.key.len() > r2::limits::KEY => Some(error::r2(r2::Error::InvalidObjectName)),
            Ok(()) => None,
            Err(error) => Some(error),
        };
        match refusal {
            None => keys.push(object.key),
            Some(error) => errors.push(one_error(object.key, &error)),
        }
    }
    api.bucket(&input.bucket).delete(keys.clone()).await.map_err(error::r2)?;
    let deleted = keys.into_iter().map(|key| DeletedObject { key: Some(key), ..DeletedObject::default() });
    let output = DeleteObjectsOutput {
        deleted: (quiet != Some(true)).then(|| deleted.collect()),
        errors: (!errors.is_empty()).then_some(errors),
        request_charged: None,
    };
    Ok(S3Response::new(output))
}

fn one_error(key: String, error: &S3Error) -> s3s::dto::Error {
    s3s::dto::Error {
        code: Some(error.code().as_str().to_owned()),
        key: Some(key),
        message: error.message().map(str::to_owned),
        version_id: None,
    }
}
