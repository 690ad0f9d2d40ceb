//! Copies, whole or as parts of an upload: the source is read as anybody reads it, the target written as anybody writes it.

use futures::StreamExt;
use r2::{Expected, Get, Put, Range};
use s3s::dto::*;
use s3s::{S3Error, S3Request, S3Response, S3Result};

use crate::api::Api;
use crate::conditions::{self, Given, timestamp};
use crate::error;
use crate::metadata::{self, http_metadata, set_checksums, sse_key};
use crate::objects::{class_of, context, current, sse};

/// Where a copy comes from, as both operations have it.
macro_rules! source {
    ($api:expr, $request:expr, $range:expr) => {{
        let input = &mut $request.input;
        let given = Given {
            matches: input.copy_source_if_match.take(),
            none_match: input.copy_source_if_none_match.take(),
            modified_since: input.copy_source_if_modified_since.take(),
            unmodified_since: input.copy_source_if_unmodified_since.take(),
        };
        let key = metadata::customer_key(
            input.copy_source_sse_customer_algorithm.as_deref(),
            input.copy_source_sse_customer_key.as_deref(),
            input.copy_source_sse_customer_key_md5.as_deref(),
        )?;
        let options = Get { range: $range, part: None, only_if: given.conditional(), key };
        source($api, &$request.input.copy_source, &$request.extensions, options).await?
    }};
}

async fn source(
    api: &Api,
    source: &CopySource,
    extensions: &http::Extensions,
    options: Get,
) -> Result<(r2::Object, r2::ByteRange, r2::Body), S3Error> {
    let CopySource::Bucket { bucket, key, version_id } = source else {
        return Err(error::not_implemented("Access points are not implemented"));
    };
    current(version_id.as_deref())?;
    if !context(extensions)?.token.sees(bucket) {
        return Err(error::denied());
    }
    let found = api.bucket(bucket).get(key, options).await.map_err(error::r2)?.ok_or_else(error::no_such_key)?;
    // Whatever did not hold, there is nothing to copy.
    let body = found.body.ok_or_else(|| error::r2(r2::Error::PreconditionFailed))?;
    Ok((found.object, found.range, body))
}

pub(crate) async fn object(
    api: &Api,
    mut request: S3Request<CopyObjectInput>,
) -> S3Result<S3Response<CopyObjectOutput>> {
    let (source, _, body) = source!(api, request, None);
    let only_if = conditions::of_headers(&request.headers, "cf-copy-destination-if-")?;
    let bucket = api.bucket(&request.input.bucket);
    let mut input = request.input;
    let key = sse_key!(input)?;
    let (http, custom) = (http_metadata!(input), metadata::custom(input.metadata.take()));
    let (http, custom) = match input.metadata_directive.as_ref().map_or("COPY", MetadataDirective::as_str) {
        "COPY" => (source.http, source.custom),
        "REPLACE" => (http, custom),
        "MERGE" => {
            let kept = source.custom.into_iter().filter(|(name, _)| custom.iter().all(|(known, _)| known != name));
            (metadata::merged(source.http, http), kept.chain(custom.iter().cloned()).collect())
        }
        _ => return Err(error::invalid("x-amz-metadata-directive")),
    };
    // The bytes are the same, and so are their checksums, or the copy is none.
    let mut expected = Expected::from(r2::Checksums { composite: None, ..source.checksums });
    expected.wanted = input.checksum_algorithm.as_ref().map(metadata::algorithm).transpose()?;
    let options = Put {
        length: Some(source.size),
        http,
        custom,
        only_if,
        expected,
        storage_class: class_of(input.storage_class.as_ref())?,
        key: key.clone(),
    };
    let put = bucket.put(&input.key, body.into_stream().boxed(), options).await.map_err(error::r2)?;
    let object = put.ok_or_else(|| error::r2(r2::Error::PreconditionFailed))?;
    let mut result = CopyObjectResult {
        e_tag: Some(ETag::Strong(object.etag)),
        last_modified: Some(timestamp(object.uploaded)),
        checksum_type: metadata::kind_of(&object.checksums),
        ..CopyObjectResult::default()
    };
    set_checksums!(result, &object.checksums);
    let (sse_customer_algorithm, sse_customer_key_md5) = sse(key.as_ref());
    let output = CopyObjectOutput {
        copy_object_result: Some(result),
        sse_customer_algorithm,
        sse_customer_key_md5,
        ..CopyObjectOutput::default()
    };
    Ok(S3Response::new(output))
}

pub(crate) async fn part(
    api: &Api,
    mut request: S3Request<UploadPartCopyInput>,
) -> S3Result<S3Response<UploadPartCopyOutput>> {
    let asked = request.input.copy_source_range.as_deref().map(range).transpose()?;
    let (_, range, body) = source!(api, request, asked.clone());
    if let Some(Range::From { length: Some(length), .. }) = asked
        && range.length != length
    {
        return Err(error::r2(r2::Error::InvalidRange));
    }
    let input = request.input;
    let key = sse_key!(input)?;
    let part = r2::Part { length: Some(range.length), expected: Expected::default(), key: key.clone() };
    let number = crate::multipart::number(input.part_number)?;
    let bucket = api.bucket(&input.bucket);
    let uploaded = bucket.upload_part(&input.key, &input.upload_id, number, body.into_stream().boxed(), part).await;
    let uploaded = uploaded.map_err(error::r2)?;
    let mut result = CopyPartResult {
        e_tag: Some(ETag::Strong(uploaded.etag)),
        last_modified: Some(timestamp(uploaded.uploaded)),
        ..CopyPartResult::default()
    };
    set_checksums!(result, &uploaded.checksums);
    let (sse_customer_algorithm, sse_customer_key_md5) = sse(key.as_ref());
    let output = UploadPartCopyOutput {
        copy_part_result: Some(result),
        sse_customer_algorithm,
        sse_customer_key_md5,
        ..UploadPartCopyOutput::default()
    };
    Ok(S3Response::new(output))
}

/// `bytes=first-last`, both of which have to be there.
fn range(text: &str) -> S3Result<Range> {
    match s3s::dto::Range::parse(text) {
        Ok(s3s::dto::Range::Int { first, last: Some(last) }) => {
            Ok(Range::From { offset: first, length: Some(last - first + 1) })
        }
        _ => Err(error::invalid("x-amz-copy-source-range")),
    }
}
