//! `skerry kv key`: one key at a time, and the list of them.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand};
use kv::{ListOptions, Place, PutOptions};
use serde_json::{Value as Json, json};

use super::{Target, print, print_json, read_file};

#[derive(Subcommand)]
pub enum KeyCommand {
    /// Write a value
    Put(PutArguments),
    /// Read a value
    Get(GetArguments),
    /// List keys, as JSON
    List(ListArguments),
    /// Delete a key
    Delete(DeleteArguments),
}

#[derive(Args)]
#[command(group = ArgGroup::new("what").args(["value", "path"]).required(true))]
#[command(after_help = "\
Examples:
  skerry kv key put greeting hello --binding CACHE
  skerry kv key put page --path index.html --binding CACHE --ttl 3600
  skerry kv key put user '{}' --namespace-id users --metadata '{\"role\": \"admin\"}'")]
pub struct PutArguments {
    key: String,
    value: Option<String>,
    /// Take the value from a file
    #[arg(long, value_name = "FILE")]
    path: Option<PathBuf>,
    /// Seconds to live, at least 60
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    ttl: Option<i64>,
    /// When it expires, in seconds since the epoch
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    expiration: Option<i64>,
    /// JSON to store beside the value, at most 1024 bytes
    #[arg(long, value_name = "JSON")]
    metadata: Option<String>,
    #[command(flatten)]
    target: Target,
}

#[derive(Args)]
pub struct GetArguments {
    key: String,
    /// Print the value as text, with a line end
    #[arg(long)]
    text: bool,
    #[command(flatten)]
    target: Target,
}

#[derive(Args)]
pub struct ListArguments {
    /// Only keys that begin with this
    #[arg(long)]
    prefix: Option<String>,
    #[command(flatten)]
    target: Target,
}

#[derive(Args)]
pub struct DeleteArguments {
    key: String,
    #[command(flatten)]
    target: Target,
}

pub async fn run(command: KeyCommand) -> Result<(), String> {
    match command {
        KeyCommand::Put(arguments) => put(arguments).await,
        KeyCommand::Get(arguments) => get(&arguments),
        KeyCommand::List(arguments) => list(&arguments),
        KeyCommand::Delete(arguments) => delete(&arguments).await,
    }
}

async fn put(arguments: PutArguments) -> Result<(), String> {
    let PutArguments { key, value, path, ttl, expiration, metadata, target } = arguments;
    let (namespace, called) = target.open()?;
    let metadata: Option<Json> = metadata
        .map(|text| serde_json::from_str(&text).map_err(|error| format!("--metadata is no JSON: {error}")))
        .transpose()?;
    let beside = metadata.as_ref().map_or(String::new(), |json| format!(" with metadata \"{json}\""));
    let (value, what) = match &path {
        Some(path) => (read_file(path)?, format!("the contents of {} to the key", path.display())),
        None => {
            let value = value.unwrap_or_default();
            let what = format!("the value \"{value}\" to key");
            (value.into_bytes(), what)
        }
    };
    let options = PutOptions { expiration, expiration_ttl: ttl, metadata: metadata.as_ref().map(ToString::to_string) };
    let write = namespace.put(&key, options).and_then(|put| put.value(value)).map_err(|error| error.to_string())?;
    print(format!("Writing {what} \"{key}\" on namespace {called}{beside}.\n").as_bytes())?;
    namespace.write(Place::Central, vec![write]).await.map_err(|error| error.to_string())
}

fn get(arguments: &GetArguments) -> Result<(), String> {
    let (namespace, called) = arguments.target.open()?;
    let found = namespace.get(Place::Central, &arguments.key).map_err(|error| error.to_string())?;
    let Some(entry) = found else {
        return Err(format!("there is no key \"{}\" on namespace {called}", arguments.key));
    };
    match arguments.text {
        true => print(format!("{}\n", String::from_utf8_lossy(&entry.value)).as_bytes()),
        false => print(&entry.value),
    }
}

fn list(arguments: &ListArguments) -> Result<(), String> {
    let (namespace, _) = arguments.target.open()?;
    let mut options = ListOptions { prefix: arguments.prefix.clone(), ..ListOptions::default() };
    let mut listed = Vec::new();
    loop {
        let page = namespace.list(Place::Central, &options).map_err(|error| error.to_string())?;
        for key in page.keys {
            let mut entry = json!({ "name": key.name });
            if let Some(expiration) = key.expiration {
                entry["expiration"] = expiration.into();
            }
            if let Some(metadata) = key.metadata {
                entry["metadata"] = serde_json::from_str(&metadata).map_err(|error| error.to_string())?;
            }
            listed.push(entry);
        }
        options.cursor = page.cursor;
        if options.cursor.is_none() {
            return print_json(&listed.into());
        }
    }
}

async fn delete(arguments: &DeleteArguments) -> Result<(), String> {
    let (namespace, called) = arguments.target.open()?;
    let delete = kv::Write::delete(&arguments.key).map_err(|error| error.to_string())?;
    print(format!("Deleting the key \"{}\" on namespace {called}.\n", arguments.key).as_bytes())?;
    namespace.write(Place::Central, vec![delete]).await.map_err(|error| error.to_string())
}
