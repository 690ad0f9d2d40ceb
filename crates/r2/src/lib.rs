//! R2: buckets of objects by key, strongly consistent. The index is one SQLite database, the bytes are files beside it (small
//! ones lie in the index itself). Nothing here knows about JavaScript or HTTP.
//!
//! What a write has returned is durable. An object appears whole, in one step, or not at all: its bytes are on disk before the
//! index names them, and until then nothing can reach them.

mod blobs;
mod body;
mod bucket;
mod cipher;
mod condition;
pub mod cors;
mod digests;
mod error;
mod id;
mod index;
mod list;
mod multipart;
mod object;
mod range;
mod receive;
mod store;
mod uploads;

pub use blobs::{Blob, BlobId, BlobWriter, Blobs};
pub use body::Body;
pub use bucket::{Bucket, Get, Put};
pub use cipher::CustomerKey;
pub use condition::{Conditional, Etag};
pub use digests::{Algorithm, Checksums, Composite, Digests, Expected, Trailer, hex, unhex};
pub use error::Error;
pub use list::{List, Listed};
pub use multipart::{CompletedPart, MultipartOptions, Part, UploadedPart};
pub use object::{HttpMetadata, Object, ObjectBody, StorageClass};
pub use range::{Bytes as ByteRange, Range};
pub use store::{BucketInfo, BucketUsage, R2, is_bucket_name};
pub use uploads::{Parts, UploadInfo, Uploads, UploadsAfter, UploadsPage};

/// The platform's limits: https://developers.cloudflare.com/r2/platform/limits/
pub mod limits {
    /// Bytes of a key in UTF-8.
    pub const KEY: usize = 1024;
    /// Bytes of an object that is put in one piece: 5 GiB less 5 MiB.
    pub const OBJECT: u64 = (5 << 30) - (5 << 20);
    /// Bytes of one part.
    pub const PART: u64 = 5 << 30;
    /// The least bytes of every part but the last.
    pub const LEAST_PART: u64 = 5 << 20;
    /// Parts of an upload.
    pub const PARTS: u16 = 10_000;
    /// Bytes of all names and values of custom metadata.
    pub const CUSTOM_METADATA: usize = 8192;
    /// Keys in one page of a list, and in one deletion.
    pub const KEYS: usize = 1000;
}
