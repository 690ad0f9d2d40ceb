//! S3's operations, each at its place. Those that R2 has not, and those that are not here, are answered by `s3s` with
//! `NotImplemented`.

use http::HeaderMap;
use s3s::dto::*;
use s3s::{S3, S3Request, S3Response, S3Result};

use crate::{copy, cors, error, lists, multipart, objects};

/// Where R2 says that a bucket may lie; here there is one place.
const LOCATIONS: &[&str] = &["auto", "us-east-1", "", "wnam", "enam", "weur", "eeur", "apac", "oc"];

pub(crate) struct Api {
    r2: r2::R2,
}

// === impl Api ===

impl Api {
    pub(crate) fn new(r2: r2::R2) -> Self {
        Self { r2 }
    }

    pub(crate) fn r2(&self) -> &r2::R2 {
        &self.r2
    }

    pub(crate) fn bucket(&self, name: &str) -> r2::Bucket {
        self.r2.existing(name)
    }

    /// The bucket, which is made where it is missing when a header asks for that:
    /// https://developers.cloudflare.com/r2/api/s3/extensions/#cf-create-bucket-if-missing
    pub(crate) fn bucket_to_write(&self, name: &str, headers: &HeaderMap) -> r2::Bucket {
        let make = headers.get("cf-create-bucket-if-missing").is_some_and(|value| value == "true");
        if make && r2::is_bucket_name(name) { self.r2.bucket(name) } else { self.bucket(name) }
    }

    async fn check_exists(&self, name: &str) -> S3Result<()> {
        match self.bucket(name).exists().await.map_err(error::r2)? {
            true => Ok(()),
            false => Err(error::r2(r2::Error::NoSuchBucket)),
        }
    }
}

#[async_trait::async_trait]
impl S3 for Api {
    // === buckets ===

    async fn list_buckets(&self, request: S3Request<ListBucketsInput>) -> S3Result<S3Response<ListBucketsOutput>> {
        lists::buckets(self, request).await
    }

    async fn head_bucket(&self, request: S3Request<HeadBucketInput>) -> S3Result<S3Response<HeadBucketOutput>> {
        self.check_exists(&request.input.bucket).await?;
        let output = HeadBucketOutput { bucket_region: Some("auto".into()), ..HeadBucketOutput::default() };
        Ok(S3Response::new(output))
    }

    async fn create_bucket(&self, request: S3Request<CreateBucketInput>) -> S3Result<S3Response<CreateBucketOutput>> {
        let input = request.input;
        let location = input.create_bucket_configuration.and_then(|bucket| bucket.location_constraint);
        let location = location.as_ref().map_or("", BucketLocationConstraint::as_str).to_ascii_lowercase();
        if !LOCATIONS.contains(&location.as_str()) {
            let message = "The specified location constraint is not valid.";
            return Err(error::refuse("InvalidLocationConstraint", 400, message));
        }
        self.r2.create_bucket(&input.bucket, r2::StorageClass::default()).await.map_err(error::r2)?;
        Ok(S3Response::new(CreateBucketOutput { location: Some(format!("/{}", input.bucket)) }))
    }

    async fn delete_bucket(&self, request: S3Request<DeleteBucketInput>) -> S3Result<S3Response<DeleteBucketOutput>> {
        self.r2.delete_bucket(&request.input.bucket).await.map_err(error::r2)?;
        Ok(S3Response::with_status(DeleteBucketOutput::default(), http::StatusCode::NO_CONTENT))
    }

    async fn get_bucket_location(
        &self,
        request: S3Request<GetBucketLocationInput>,
    ) -> S3Result<S3Response<GetBucketLocationOutput>> {
        self.check_exists(&request.input.bucket).await?;
        let location_constraint = Some(BucketLocationConstraint::from_static("auto"));
        Ok(S3Response::new(GetBucketLocationOutput { location_constraint }))
    }

    async fn get_bucket_cors(
        &self,
        request: S3Request<GetBucketCorsInput>,
    ) -> S3Result<S3Response<GetBucketCorsOutput>> {
        cors::get(&self.r2, &request.input.bucket).await.map(S3Response::new)
    }

    async fn put_bucket_cors(
        &self,
        request: S3Request<PutBucketCorsInput>,
    ) -> S3Result<S3Response<PutBucketCorsOutput>> {
        let input = request.input;
        cors::put(&self.r2, &input.bucket, input.cors_configuration.cors_rules).await?;
        Ok(S3Response::new(PutBucketCorsOutput::default()))
    }

    async fn delete_bucket_cors(
        &self,
        request: S3Request<DeleteBucketCorsInput>,
    ) -> S3Result<S3Response<DeleteBucketCorsOutput>> {
        self.r2.set_cors(&request.input.bucket, None).await.map_err(error::r2)?;
        Ok(S3Response::with_status(DeleteBucketCorsOutput::default(), http::StatusCode::NO_CONTENT))
    }

    // === objects ===

    async fn list_objects(&self, request: S3Request<ListObjectsInput>) -> S3Result<S3Response<ListObjectsOutput>> {
        lists::objects_v1(self, request).await
    }

    async fn list_objects_v2(
        &self,
        request: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        lists::objects(self, request).await
    }

    async fn head_object(&self, request: S3Request<HeadObjectInput>) -> S3Result<S3Response<HeadObjectOutput>> {
        objects::head(self, request).await
    }

    async fn get_object(&self, request: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        objects::get(self, request).await
    }

    async fn put_object(&self, request: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        objects::put(self, request).await
    }

    async fn delete_object(&self, request: S3Request<DeleteObjectInput>) -> S3Result<S3Response<DeleteObjectOutput>> {
        objects::delete(self, request).await
    }

    async fn delete_objects(
        &self,
        request: S3Request<DeleteObjectsInput>,
    ) -> S3Result<S3Response<DeleteObjectsOutput>> {
        objects::delete_many(self, request).await
    }

    async fn copy_object(&self, request: S3Request<CopyObjectInput>) -> S3Result<S3Response<CopyObjectOutput>> {
        copy::object(self, request).await
    }

    // === uploads in parts ===

    async fn create_multipart_upload(
        &self,
        request: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        multipart::create(self, request).await
    }

    async fn upload_part(&self, request: S3Request<UploadPartInput>) -> S3Result<S3Response<UploadPartOutput>> {
        multipart::upload(self, request).await
    }

    async fn upload_part_copy(
        &self,
        request: S3Request<UploadPartCopyInput>,
    ) -> S3Result<S3Response<UploadPartCopyOutput>> {
        copy::part(self, request).await
    }

    async fn complete_multipart_upload(
        &self,
        request: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        multipart::complete(self, request).await
    }

    async fn abort_multipart_upload(
        &self,
        request: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        multipart::abort(self, request).await
    }

    async fn list_multipart_uploads(
        &self,
        request: S3Request<ListMultipartUploadsInput>,
    ) -> S3Result<S3Response<ListMultipartUploadsOutput>> {
        multipart::list(self, request).await
    }

    async fn list_parts(&self, request: S3Request<ListPartsInput>) -> S3Result<S3Response<ListPartsOutput>> {
        multipart::parts(self, request).await
    }
}
