//! Lists of buckets and of objects.

use r2::List;
use s3s::dto::*;
use s3s::{S3Request, S3Response, S3Result};

use crate::api::Api;
use crate::conditions::timestamp;
use crate::error;
use crate::objects::context;

/// How keys are written in XML, which can't hold every character.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    Plain,
    Url,
}

// === impl Encoding ===

impl Encoding {
    pub(crate) fn of(kind: Option<&EncodingType>) -> S3Result<Self> {
        match kind.map(EncodingType::as_str) {
            None | Some("") => Ok(Self::Plain),
            Some("url") => Ok(Self::Url),
            Some(_) => Err(error::invalid("encoding-type")),
        }
    }

    pub(crate) fn text(self, text: String) -> String {
        match self {
            Self::Plain => text,
            Self::Url => crate::sign::encode_key(&text),
        }
    }

    pub(crate) fn prefixes(self, prefixes: Vec<String>) -> Option<CommonPrefixList> {
        let prefix = |prefix| CommonPrefix { prefix: Some(self.text(prefix)) };
        Some(prefixes.into_iter().map(prefix).collect())
    }
}

/// Entries in a page.
pub(crate) fn limit(asked: Option<i32>) -> S3Result<u32> {
    let Some(asked) = asked else { return Ok(r2::limits::KEYS as u32) };
    let fits = u32::try_from(asked).ok().filter(|limit| (1..=r2::limits::KEYS as u32).contains(limit));
    fits.ok_or_else(|| error::r2(r2::Error::InvalidMaxKeys))
}

fn content(object: r2::Object, encoding: Encoding, owner: Option<&Owner>) -> Object {
    let algorithms = crate::body::CHECKSUMS.iter().map(|(algorithm, ..)| *algorithm).filter(|algorithm| {
        object.checksums.of(*algorithm).is_some()
            || object.checksums.composite.as_ref().is_some_and(|composite| composite.algorithm == *algorithm)
    });
    let algorithms: Vec<_> = algorithms.map(crate::metadata::algorithm_name).collect();
    Object {
        checksum_type: crate::metadata::kind_of(&object.checksums),
        checksum_algorithm: (!algorithms.is_empty()).then_some(algorithms),
        e_tag: Some(ETag::Strong(object.etag)),
        key: Some(encoding.text(object.key)),
        last_modified: Some(timestamp(object.uploaded)),
        owner: owner.cloned(),
        restore_status: None,
        size: i64::try_from(object.size).ok(),
        storage_class: Some(ObjectStorageClass::from(crate::objects::class(object.storage_class).as_str().to_owned())),
    }
}

/// There is one account.
fn owner() -> Owner {
    Owner { display_name: Some("skerry".into()), id: Some("skerry".into()) }
}

pub(crate) async fn objects(
    api: &Api,
    request: S3Request<ListObjectsV2Input>,
) -> S3Result<S3Response<ListObjectsV2Output>> {
    let input = request.input;
    let (limit, encoding) = (limit(input.max_keys)?, Encoding::of(input.encoding_type.as_ref())?);
    let options = List {
        prefix: input.prefix.clone().unwrap_or_default(),
        delimiter: input.delimiter.clone().unwrap_or_default(),
        cursor: input.continuation_token.clone().filter(|token| !token.is_empty()),
        start_after: input.start_after.clone(),
        limit: Some(limit),
        ..List::default()
    };
    let page = api.bucket(&input.bucket).list(options).await.map_err(error::r2)?;
    let owner = (input.fetch_owner == Some(true)).then(owner);
    let output = ListObjectsV2Output {
        name: Some(input.bucket),
        key_count: Some((page.objects.len() + page.prefixes.len()) as i32),
        max_keys: Some(limit as i32),
        is_truncated: Some(page.cursor.is_some()),
        contents: Some(page.objects.into_iter().map(|object| content(object, encoding, owner.as_ref())).collect()),
        common_prefixes: encoding.prefixes(page.prefixes),
        continuation_token: input.continuation_token,
        next_continuation_token: page.cursor,
        prefix: Some(encoding.text(input.prefix.unwrap_or_default())),
        delimiter: input.delimiter.map(|delimiter| encoding.text(delimiter)),
        start_after: input.start_after.map(|key| encoding.text(key)),
        encoding_type: input.encoding_type,
        ..ListObjectsV2Output::default()
    };
    Ok(S3Response::new(output))
}

pub(crate) async fn objects_v1(
    api: &Api,
    request: S3Request<ListObjectsInput>,
) -> S3Result<S3Response<ListObjectsOutput>> {
    let input = request.input;
    let (limit, encoding) = (limit(input.max_keys)?, Encoding::of(input.encoding_type.as_ref())?);
    let prefix = input.prefix.clone().unwrap_or_default();
    let delimiter = input.delimiter.clone().unwrap_or_default();
    let marker = input.marker.clone().filter(|marker| !marker.is_empty());
    // A marker that is itself a folded entry stands for all that was folded to it.
    let is_folded = |marker: &String| {
        let rest = marker.strip_prefix(prefix.as_str()).filter(|_| !delimiter.is_empty());
        rest.is_some_and(|rest| rest.find(&delimiter).is_some_and(|at| at + delimiter.len() == rest.len()))
    };
    let folded = marker.as_ref().is_some_and(is_folded);
    let cursor = |marker: &String| r2::hex(&[&[1], marker.as_bytes()].concat());
    let options = List {
        prefix,
        delimiter,
        cursor: marker.as_ref().filter(|_| folded).map(cursor),
        start_after: marker.filter(|_| !folded),
        limit: Some(limit),
        ..List::default()
    };
    let page = api.bucket(&input.bucket).list(options).await.map_err(error::r2)?;
    let last = page.objects.last().map(|object| object.key.clone()).max(page.prefixes.last().cloned());
    let owner = owner();
    let output = ListObjectsOutput {
        name: Some(input.bucket),
        marker: Some(encoding.text(input.marker.unwrap_or_default())),
        max_keys: Some(limit as i32),
        is_truncated: Some(page.cursor.is_some()),
        next_marker: last.filter(|_| page.cursor.is_some()).map(|last| encoding.text(last)),
        contents: Some(page.objects.into_iter().map(|object| content(object, encoding, Some(&owner))).collect()),
        common_prefixes: encoding.prefixes(page.prefixes),
        prefix: Some(encoding.text(input.prefix.unwrap_or_default())),
        delimiter: input.delimiter.map(|delimiter| encoding.text(delimiter)),
        encoding_type: input.encoding_type,
        ..ListObjectsOutput::default()
    };
    Ok(S3Response::new(output))
}

/// Those that the token is for.
pub(crate) async fn buckets(
    api: &Api,
    request: S3Request<ListBucketsInput>,
) -> S3Result<S3Response<ListBucketsOutput>> {
    let token = context(&request.extensions)?.token.clone();
    let input = request.input;
    let limit = limit(input.max_buckets)? as usize;
    let prefix = input.prefix.clone().unwrap_or_default();
    let after = input.continuation_token.unwrap_or_default();
    let all = api.r2().buckets().await.map_err(error::r2)?;
    let seen = |name: &str| name.starts_with(&prefix) && *name > *after && token.sees(name);
    let mut buckets: Vec<_> = all.into_iter().filter(|bucket| seen(&bucket.name)).collect();
    let more = buckets.len() > limit;
    buckets.truncate(limit);
    let output = ListBucketsOutput {
        continuation_token: buckets.last().filter(|_| more).map(|bucket| bucket.name.clone()),
        buckets: Some(
            buckets
                .into_iter()
                .map(|bucket| Bucket {
                    name: Some(bucket.name),
                    creation_date: Some(timestamp(bucket.created)),
                    ..Bucket::default()
                })
                .collect(),
        ),
        owner: Some(owner()),
        prefix: input.prefix,
    };
    Ok(S3Response::new(output))
}
