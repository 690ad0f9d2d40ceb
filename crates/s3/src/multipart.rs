//! Uploads in parts.

use r2::{CompletedPart as Completed, MultipartOptions, Part as Received, Uploads, UploadsAfter};
use s3s::dto::*;
use s3s::{S3Request, S3Response, S3Result};

use crate::api::Api;
use crate::conditions::{self, timestamp};
use crate::error;
use crate::lists::{Encoding, limit};
use crate::metadata::{self, http_metadata, set_checksums, sse_key};
use crate::objects::{class, class_of, context, sse};

pub(crate) fn number(number: i32) -> S3Result<u16> {
    let fits = u16::try_from(number).ok().filter(|number| (1..=r2::limits::PARTS).contains(number));
    fits.ok_or_else(|| error::invalid("Part number must be an integer between 1 and 10000, inclusive"))
}

pub(crate) async fn create(
    api: &Api,
    request: S3Request<CreateMultipartUploadInput>,
) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
    let bucket = api.bucket_to_write(&request.input.bucket, &request.headers);
    let mut input = request.input;
    let key = sse_key!(input)?;
    let checksum = input.checksum_algorithm.as_ref().map(metadata::algorithm).transpose()?;
    if let Some(kind) = &input.checksum_type
        && checksum.map(metadata::kind).is_none_or(|known| known != *kind)
    {
        return Err(error::not_implemented(format!(
            "Header 'x-amz-checksum-type' with value '{}' not implemented",
            kind.as_str()
        )));
    }
    let options = MultipartOptions {
        http: http_metadata!(input),
        custom: metadata::custom(input.metadata.take()),
        storage_class: class_of(input.storage_class.as_ref())?,
        key: key.clone(),
        checksum,
    };
    let upload = bucket.create_multipart(&input.key, options).await.map_err(error::r2)?;
    let (sse_customer_algorithm, sse_customer_key_md5) = sse(key.as_ref());
    let output = CreateMultipartUploadOutput {
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id: Some(upload),
        checksum_algorithm: checksum.map(metadata::algorithm_name),
        checksum_type: checksum.map(metadata::kind),
        sse_customer_algorithm,
        sse_customer_key_md5,
        ..CreateMultipartUploadOutput::default()
    };
    Ok(S3Response::new(output))
}

pub(crate) async fn upload(api: &Api, request: S3Request<UploadPartInput>) -> S3Result<S3Response<UploadPartOutput>> {
    let expected = context(&request.extensions)?.expected.clone();
    let input = request.input;
    let key = sse_key!(input)?;
    let length = input.content_length.and_then(|length| u64::try_from(length).ok());
    let part = Received { length, expected, key: key.clone() };
    let body = input.body.unwrap_or_else(|| s3s::Body::empty().into());
    let number = number(input.part_number)?;
    let uploaded = api.bucket(&input.bucket).upload_part(&input.key, &input.upload_id, number, body, part).await;
    let uploaded = uploaded.map_err(error::r2)?;
    let mut output = UploadPartOutput { e_tag: Some(ETag::Strong(uploaded.etag)), ..UploadPartOutput::default() };
    set_checksums!(output, &uploaded.checksums);
    (output.sse_customer_algorithm, output.sse_customer_key_md5) = sse(key.as_ref());
    Ok(S3Response::new(output))
}

pub(crate) async fn complete(
    api: &Api,
    request: S3Request<CompleteMultipartUploadInput>,
) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
    let only_if = conditions::of_headers(&request.headers, "if-")?;
    let input = request.input;
    let parts = input.multipart_upload.and_then(|upload| upload.parts).unwrap_or_default();
    if parts.is_empty() || parts.len() > usize::from(r2::limits::PARTS) {
        return Err(error::refuse("MalformedXML", 400, "The XML you provided has no parts, or too many."));
    }
    let parts = parts.iter().map(completed).collect::<S3Result<Vec<_>>>()?;
    if !parts.is_sorted_by(|one, next| one.number < next.number) {
        return Err(error::r2(r2::Error::PartTwice));
    }
    let bucket = api.bucket(&input.bucket);
    let object = bucket.complete_multipart(&input.key, &input.upload_id, parts, only_if).await.map_err(error::r2)?;
    let mut output = CompleteMultipartUploadOutput {
        location: Some(format!("/{}/{}", input.bucket, input.key)),
        bucket: Some(input.bucket),
        key: Some(input.key),
        e_tag: Some(ETag::Strong(object.etag)),
        checksum_type: metadata::kind_of(&object.checksums),
        ..CompleteMultipartUploadOutput::default()
    };
    set_checksums!(output, &object.checksums);
    Ok(S3Response::new(output))
}

fn completed(part: &CompletedPart) -> S3Result<Completed> {
    let missing = |what| error::refuse("MalformedXML", 400, format!("A part has no {what}."));
    let etag = part.e_tag.as_ref().ok_or_else(|| missing("ETag"))?;
    let mut checksums = r2::Checksums::default();
    let given = [
        (&part.checksum_crc32, &mut checksums.crc32),
        (&part.checksum_crc32c, &mut checksums.crc32c),
        (&part.checksum_crc64nvme, &mut checksums.crc64nvme),
        (&part.checksum_sha1, &mut checksums.sha1),
        (&part.checksum_sha256, &mut checksums.sha256),
    ];
    for (text, place) in given {
        let bytes = text.as_ref().map(|text| base64_simd::STANDARD.decode_to_vec(text));
        *place =
            bytes.transpose().map_err(|_| error::refuse("InvalidDigest", 400, "A part's checksum is not valid."))?;
    }
    Ok(Completed {
        number: number(part.part_number.ok_or_else(|| missing("PartNumber"))?)?,
        etag: etag.value().to_owned(),
        checksums,
    })
}

pub(crate) async fn abort(
    api: &Api,
    request: S3Request<AbortMultipartUploadInput>,
) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
    let input = request.input;
    api.bucket(&input.bucket).abort_multipart(&input.key, &input.upload_id).await.map_err(error::r2)?;
    Ok(S3Response::with_status(AbortMultipartUploadOutput::default(), http::StatusCode::NO_CONTENT))
}

pub(crate) async fn list(
    api: &Api,
    request: S3Request<ListMultipartUploadsInput>,
) -> S3Result<S3Response<ListMultipartUploadsOutput>> {
    let input = request.input;
    let limit = limit(input.max_uploads)?;
    let key = input.key_marker.clone().filter(|key| !key.is_empty());
    let upload = input.upload_id_marker.clone().filter(|upload| !upload.is_empty());
    let options = Uploads {
        prefix: input.prefix.clone().unwrap_or_default(),
        delimiter: input.delimiter.clone().unwrap_or_default(),
        after: key.map(|key| UploadsAfter { key, upload }),
        limit,
    };
    let page = api.bucket(&input.bucket).uploads(options).await.map_err(error::r2)?;
    let encoding = Encoding::of(input.encoding_type.as_ref())?;
    let uploads = page.uploads.into_iter().map(|upload| MultipartUpload {
        key: Some(encoding.text(upload.key)),
        upload_id: Some(upload.id),
        initiated: Some(timestamp(upload.begun)),
        storage_class: Some(class(upload.storage_class)),
        checksum_algorithm: upload.checksum.map(metadata::algorithm_name),
        checksum_type: upload.checksum.map(metadata::kind),
        ..MultipartUpload::default()
    });
    let output = ListMultipartUploadsOutput {
        bucket: Some(input.bucket),
        uploads: Some(uploads.collect()),
        common_prefixes: encoding.prefixes(page.prefixes),
        is_truncated: Some(page.next.is_some()),
        next_key_marker: page.next.as_ref().map(|next| encoding.text(next.key.clone())),
        next_upload_id_marker: page.next.and_then(|next| next.upload),
        max_uploads: Some(limit as i32),
        key_marker: input.key_marker.map(|key| encoding.text(key)),
        upload_id_marker: input.upload_id_marker,
        prefix: input.prefix.map(|prefix| encoding.text(prefix)),
        delimiter: input.delimiter.map(|delimiter| encoding.text(delimiter)),
        encoding_type: input.encoding_type,
        ..ListMultipartUploadsOutput::default()
    };
    Ok(S3Response::new(output))
}

pub(crate) async fn parts(api: &Api, request: S3Request<ListPartsInput>) -> S3Result<S3Response<ListPartsOutput>> {
    let input = request.input;
    let limit = limit(input.max_parts)?;
    let after = input.part_number_marker.unwrap_or(0);
    let after = u16::try_from(after).map_err(|_| error::invalid("part-number-marker"))?;
    let page = api.bucket(&input.bucket).parts(&input.key, &input.upload_id, after, limit).await.map_err(error::r2)?;
    let last = page.parts.last().map(|part| i32::from(part.number));
    let parts = page.parts.into_iter().map(|part| {
        let mut output = Part {
            part_number: Some(i32::from(part.number)),
            e_tag: Some(ETag::Strong(part.etag)),
            size: i64::try_from(part.size).ok(),
            last_modified: Some(timestamp(part.uploaded)),
            ..Part::default()
        };
        set_checksums!(output, &part.checksums);
        output
    });
    let output = ListPartsOutput {
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id: Some(input.upload_id),
        parts: Some(parts.collect()),
        is_truncated: Some(page.more),
        next_part_number_marker: last.filter(|_| page.more),
        part_number_marker: Some(i32::from(after)),
        max_parts: Some(limit as i32),
        storage_class: Some(class(page.storage_class)),
        checksum_algorithm: page.checksum.map(metadata::algorithm_name),
        checksum_type: page.checksum.map(metadata::kind),
        ..ListPartsOutput::default()
    };
    Ok(S3Response::new(output))
}
