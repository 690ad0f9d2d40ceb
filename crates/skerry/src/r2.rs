//! `skerry r2`: buckets and objects of local state, with the stock wrangler's names.

mod progress;
mod token;

use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use config::schema::bindings::R2Bucket;
use futures::{Stream, StreamExt, TryStreamExt};
use r2::{Bucket, Get, HttpMetadata, Put, StorageClass};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio_util::io::ReaderStream;

use crate::state::State;
use progress::Progress;

/// Bytes that are read from a file at once.
const READ: usize = 256 * 1024;

#[derive(Args)]
#[command(after_help = "\
Examples:
  skerry r2 bucket create photos
  skerry r2 object put photos/cat.jpg --file cat.jpg --content-type image/jpeg
  skerry r2 object get photos/cat.jpg                into ./cat.jpg
  skerry r2 object get photos/notes.txt --pipe       to the terminal or a pipe
  skerry r2 object delete photos/cat.jpg
  skerry r2 token create --bucket photos --permission read   credentials for the S3 API of `skerry dev --r2-port`

They work on the state that `skerry dev` uses, also while it runs.")]
pub struct R2Arguments {
    #[command(subcommand)]
    command: R2Command,
    /// Where the state of local bindings is kept [default: .skerry in this folder]
    #[arg(long, value_name = "FOLDER", global = true)]
    persist_to: Option<PathBuf>,
    /// As wrangler has it: there is no other state than the local one
    #[arg(long, global = true, hide = true)]
    local: bool,
}

#[derive(Subcommand)]
enum R2Command {
    /// Create, list and delete buckets
    #[command(subcommand)]
    Bucket(BucketCommand),
    /// Put, get and delete objects
    #[command(subcommand)]
    Object(ObjectCommand),
    /// Make, list and delete credentials for the S3 API
    #[command(subcommand)]
    Token(token::TokenCommand),
}

#[derive(Subcommand)]
enum BucketCommand {
    /// Create a bucket
    Create {
        /// 3 to 63 lower case letters, digits and hyphens
        name: String,
        /// Standard or InfrequentAccess: what objects get that are put without one
        #[arg(long, short, default_value = "Standard")]
        storage_class: StorageClass,
    },
    /// List all buckets
    List,
    /// Delete an empty bucket
    Delete { name: String },
}

#[derive(Subcommand)]
enum ObjectCommand {
    /// Store a file, or what comes in through a pipe
    Put(PutArguments),
    /// Fetch an object into a file, or print it
    Get(GetArguments),
    /// Delete an object
    Delete {
        #[arg(value_name = "BUCKET/KEY")]
        path: ObjectPath,
    },
}

#[derive(Args)]
struct PutArguments {
    #[arg(value_name = "BUCKET/KEY")]
    path: ObjectPath,
    /// The file to store
    #[arg(long, short, required_unless_present = "pipe")]
    file: Option<PathBuf>,
    /// Store what comes in through standard input
    #[arg(long, short, conflicts_with = "file")]
    pipe: bool,
    #[arg(long, visible_alias = "ct", value_name = "TYPE")]
    content_type: Option<String>,
    #[arg(long, visible_alias = "cd", value_name = "TEXT")]
    content_disposition: Option<String>,
    #[arg(long, visible_alias = "ce", value_name = "CODING")]
    content_encoding: Option<String>,
    #[arg(long, visible_alias = "cl", value_name = "LANGUAGE")]
    content_language: Option<String>,
    #[arg(long, visible_alias = "cc", value_name = "TEXT")]
    cache_control: Option<String>,
    /// Until when the object may be cached, as in "Wed, 21 Oct 2026 07:28:00 GMT"
    #[arg(long, value_name = "DATE", value_parser = expires)]
    expires: Option<i64>,
    /// Standard or InfrequentAccess [default: the bucket's]
    #[arg(long, short)]
    storage_class: Option<StorageClass>,
}

#[derive(Args)]
struct GetArguments {
    #[arg(value_name = "BUCKET/KEY")]
    path: ObjectPath,
    /// The file to write [default: the key's last part, in this folder]
    #[arg(long, short)]
    file: Option<PathBuf>,
    /// Print the object to standard output
    #[arg(long, short, conflicts_with = "file")]
    pipe: bool,
}

#[derive(Clone, Debug)]
struct ObjectPath {
    bucket: String,
    key: String,
}

impl std::str::FromStr for ObjectPath {
    type Err = String;

    fn from_str(path: &str) -> Result<Self, String> {
        match path.split_once('/') {
            Some((bucket, key)) if !bucket.is_empty() && !key.is_empty() => {
                Ok(Self { bucket: bucket.to_owned(), key: key.to_owned() })
            }
            _ => Err("an object is named by its bucket and its key, as in `photos/2026/cat.jpg`".into()),
        }
    }
}

/// Milliseconds since the epoch, of an HTTP date.
fn expires(text: &str) -> Result<i64, String> {
    let time = httpdate::parse_http_date(text).ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
    let millis = time.and_then(|since| i64::try_from(since.as_millis()).ok());
    millis.ok_or_else(|| "a date is written as in `Wed, 21 Oct 2026 07:28:00 GMT`".into())
}

/// The bucket that a binding means in development: what wrangler's local mode takes, too.
pub fn local_name(bucket: &R2Bucket) -> &str {
    let names = [&bucket.preview_bucket_name, &bucket.bucket_name];
    names.into_iter().flatten().next().unwrap_or(&bucket.binding)
}

pub async fn run(arguments: R2Arguments) -> Result<(), String> {
    let state = State::new(arguments.persist_to.as_deref(), Path::new(""), std::time::Duration::ZERO);
    let r2 = state.r2();
    match arguments.command {
        R2Command::Bucket(command) => bucket(r2, command).await,
        R2Command::Token(command) => token::run(&state.tokens(), command),
        R2Command::Object(ObjectCommand::Put(arguments)) => put(r2, arguments).await,
        R2Command::Object(ObjectCommand::Get(arguments)) => get(r2, arguments).await,
        R2Command::Object(ObjectCommand::Delete { path }) => {
            let bucket = r2.bucket(&path.bucket);
            bucket.delete(vec![path.key.clone()]).await.map_err(|error| error.to_string())?;
            println!("Deleted {:?} from bucket {:?}.", path.key, path.bucket);
            Ok(())
        }
    }
}

async fn bucket(r2: &r2::R2, command: BucketCommand) -> Result<(), String> {
    match command {
        BucketCommand::Create { name, storage_class } => {
            r2.create_bucket(&name, storage_class).await.map_err(|error| format!("bucket {name:?}: {error}"))?;
            println!("Created bucket {name:?} with the storage class {}.", storage_class.name());
        }
        BucketCommand::Delete { name } => {
            r2.delete_bucket(&name).await.map_err(|error| format!("bucket {name:?}: {error}"))?;
            println!("Deleted bucket {name:?}.");
        }
        BucketCommand::List => {
            for bucket in r2.buckets().await.map_err(|error| error.to_string())? {
                println!("{}", bucket.name);
            }
        }
    }
    Ok(())
}

async fn put(r2: &r2::R2, arguments: PutArguments) -> Result<(), String> {
    let ObjectPath { bucket: name, key } = arguments.path;
    let http = HttpMetadata {
        content_type: arguments.content_type,
        content_language: arguments.content_language,
        content_disposition: arguments.content_disposition,
        content_encoding: arguments.content_encoding,
        cache_control: arguments.cache_control,
        cache_expiry: arguments.expires,
    };
    let options = Put { http, storage_class: arguments.storage_class, ..Put::default() };
    let bucket = r2.bucket(&name);
    let object = match &arguments.file {
        None => {
            let stdin = own(&io::stdin()).map_err(|error| format!("standard input can't be read: {error}"))?;
            upload(&bucket, &key, stdin, options).await
        }
        Some(path) => {
            let unreadable = |error| format!("{} can't be read: {error}", path.display());
            let file = tokio::fs::File::open(path).await.map_err(unreadable)?;
            let length = file.metadata().await.map_err(unreadable)?.len();
            upload(&bucket, &key, file, Put { length: Some(length), ..options }).await
        }
    };
    let object = object.map_err(|error| format!("{name}/{key}: {error}"))?;
    println!("Stored {key:?} in bucket {name:?}, {} bytes.", object.size);
    Ok(())
}

async fn upload(
    bucket: &Bucket,
    key: &str,
    source: impl AsyncRead + Send,
    options: Put,
) -> Result<r2::Object, r2::Error> {
    let progress = Progress::new("stored", options.length);
    let body = ReaderStream::with_capacity(source, READ).inspect_ok(|chunk| progress.add(chunk.len()));
    let object = bucket.put(key, body, options).await?;
    object.ok_or(r2::Error::PreconditionFailed)
}

async fn get(r2: &r2::R2, arguments: GetArguments) -> Result<(), String> {
    let ObjectPath { bucket: name, key } = arguments.path;
    let failed = |error: r2::Error| format!("{name}/{key}: {error}");
    let found = r2.bucket(&name).get(&key, Get::default()).await.map_err(failed)?;
    let body = found.and_then(|found| found.body).ok_or_else(|| format!("bucket {name:?} has no object {key:?}"))?;
    let length = body.length();
    let progress = Progress::new("fetched", Some(length));
    let chunks = body.into_stream().inspect_ok(|chunk| progress.add(chunk.len()));
    if arguments.pipe {
        let printed = match own(&io::stdout()) {
            Ok(stdout) => copy(chunks, stdout).await,
            Err(error) => Err(error),
        };
        return printed.map_err(|error| format!("{name}/{key}: {error}"));
    }
    let last = key.rsplit('/').find(|part| !part.is_empty() && *part != "." && *part != "..");
    let path = match (arguments.file, last) {
        (Some(path), _) => path,
        (None, Some(last)) => PathBuf::from(last),
        (None, None) => return Err(format!("{key:?} is no name for a file: say one with --file")),
    };
    let unwritable = |error: &dyn std::fmt::Display| format!("{} can't be written: {error}", path.display());
    // Under another name until it is whole.
    let mut part = path.clone().into_os_string();
    part.push(".part");
    let file = tokio::fs::File::create(&part).await.map_err(|error| unwritable(&error))?;
    if let Err(error) = copy(chunks, file).await {
        let _ = tokio::fs::remove_file(&part).await;
        return Err(unwritable(&error));
    }
    tokio::fs::rename(&part, &path).await.map_err(|error| unwritable(&error))?;
    println!("Fetched {key:?} from bucket {name:?} into {}.", path.display());
    Ok(())
}

/// A standard stream as a file of our own.
fn own(stream: &impl AsFd) -> io::Result<tokio::fs::File> {
    Ok(tokio::fs::File::from_std(stream.as_fd().try_clone_to_owned()?.into()))
}

async fn copy(
    chunks: impl Stream<Item = Result<bytes::Bytes, r2::Error>>,
    mut to: impl AsyncWrite + Unpin,
) -> Result<(), io::Error> {
    let mut chunks = std::pin::pin!(chunks);
    while let Some(chunk) = chunks.next().await {
        to.write_all(&chunk.map_err(io::Error::other)?).await?;
    }
    to.flush().await
}
