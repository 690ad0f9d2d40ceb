//! `skerry kv bulk`: many keys at once, from a file of JSON.

use std::io::{BufRead, IsTerminal, Write as _};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use kv::{Namespace, Place, PutOptions, Write};
use serde_json::{Map, Value as Json, json};

use super::{Target, print, print_json, read_file};

/// Writes that are made as one.
const BATCH: usize = 1000;

#[derive(Subcommand)]
pub enum BulkCommand {
    /// Write the entries of a file: [{ "key", "value", "expiration"?, "expiration_ttl"?, "metadata"?, "base64"? }, …]
    Put(FileArguments),
    /// Read the keys that a file lists: ["key", …]
    Get(FileArguments),
    /// Delete the keys that a file lists: ["key", …]
    Delete(DeleteArguments),
}

#[derive(Args)]
pub struct FileArguments {
    /// A file of JSON
    #[arg(value_name = "FILE")]
    filename: PathBuf,
    #[command(flatten)]
    target: Target,
}

#[derive(Args)]
pub struct DeleteArguments {
    #[command(flatten)]
    file: FileArguments,
    /// Don't ask before deleting
    #[arg(long, short)]
    force: bool,
}

pub async fn run(command: BulkCommand) -> Result<(), String> {
    match command {
        BulkCommand::Put(arguments) => put(&arguments).await,
        BulkCommand::Get(arguments) => get(&arguments),
        BulkCommand::Delete(arguments) => delete(&arguments).await,
    }
}

async fn put(arguments: &FileArguments) -> Result<(), String> {
    let (namespace, _) = arguments.target.open()?;
    let path = &arguments.filename;
    let mut writes = Vec::new();
    for (index, item) in items(path)?.iter().enumerate() {
        let write = entry(&namespace, item).map_err(|why| {
            format!(
                "{}: item {index} can't be written: {why}. An item is {{ \"key\": \"…\", \"value\": \"…\" }}, optionally with \
                 \"expiration\", \"expiration_ttl\", \"metadata\" and \"base64\". Nothing was written.",
                path.display()
            )
        })?;
        writes.push(write);
    }
    write(&namespace, writes, "Wrote").await
}

/// One item of a file for `put`.
fn entry(namespace: &Namespace, item: &Json) -> Result<Write, String> {
    let (Some(key), Some(value)) = (item["key"].as_str(), item["value"].as_str()) else {
        return Err("its \"key\" and \"value\" must be strings".into());
    };
    let seconds = |name: &str| match &item[name] {
        Json::Null => Ok(None),
        // Wrangler takes fractions too.
        number => number.as_f64().map(|seconds| Some(seconds as i64)).ok_or(format!("its \"{name}\" must be a number")),
    };
    let options = PutOptions {
        expiration: seconds("expiration")?,
        expiration_ttl: seconds("expiration_ttl")?,
        metadata: Some(&item["metadata"]).filter(|json| !json.is_null()).map(ToString::to_string),
    };
    let value = match &item["base64"] {
        Json::Null | Json::Bool(false) => value.as_bytes().to_vec(),
        Json::Bool(true) => base64_simd::forgiving_decode_to_vec(value.as_bytes())
            .map_err(|_| "its \"value\" is not base64".to_owned())?,
        _ => return Err("its \"base64\" must be true or false".into()),
    };
    namespace.put(key, options).and_then(|put| put.value(value)).map_err(|error| error.to_string())
}

fn get(arguments: &FileArguments) -> Result<(), String> {
    let (namespace, _) = arguments.target.open()?;
    let mut found = Map::new();
    for key in keys(&arguments.filename)? {
        let entry = namespace.get(Place::Central, &key).map_err(|error| error.to_string())?;
        let value = entry.map(|entry| String::from_utf8_lossy(&entry.value).into_owned());
        found.insert(key, json!({ "value": value }));
    }
    print_json(&found.into())
}

async fn delete(arguments: &DeleteArguments) -> Result<(), String> {
    let FileArguments { filename, target } = &arguments.file;
    let (namespace, called) = target.open()?;
    let keys = keys(filename)?;
    if !arguments.force && std::io::stdin().is_terminal() {
        print!("Delete the {} keys of {} from namespace {called}? [y/N] ", keys.len(), filename.display());
        std::io::stdout().flush().map_err(|error| error.to_string())?;
        let mut answer = String::new();
        std::io::stdin().lock().read_line(&mut answer).map_err(|error| error.to_string())?;
        if !answer.trim().eq_ignore_ascii_case("y") {
            return print(format!("Not deleting the keys of {}.\n", filename.display()).as_bytes());
        }
    }
    let writes = keys.iter().map(|key| Write::delete(key)).collect::<Result<Vec<_>, _>>();
    write(&namespace, writes.map_err(|error| error.to_string())?, "Deleted").await
}

/// Makes changes in batches, and tells how far it is.
async fn write(namespace: &Namespace, writes: Vec<Write>, done: &str) -> Result<(), String> {
    let (all, mut made) = (writes.len(), 0);
    let mut writes = writes.into_iter();
    loop {
        let batch: Vec<_> = writes.by_ref().take(BATCH).collect();
        if batch.is_empty() {
            break;
        }
        made += batch.len();
        namespace.write(Place::Central, batch).await.map_err(|error| error.to_string())?;
        if all > BATCH {
            eprintln!("{done} {made} of {all} keys");
        }
    }
    print(b"Success!\n")
}

/// The keys of a file: strings, or objects with a name, as `kv key list` prints them.
fn keys(path: &Path) -> Result<Vec<String>, String> {
    let key = |(index, item): (usize, &Json)| {
        let key = item.as_str().or_else(|| item["name"].as_str()).map(str::to_owned);
        key.ok_or_else(|| format!("{}: item {index} is neither a key nor an object with a \"name\"", path.display()))
    };
    items(path)?.iter().enumerate().map(key).collect()
}

fn items(path: &Path) -> Result<Vec<Json>, String> {
    let json: Json =
        serde_json::from_slice(&read_file(path)?).map_err(|error| format!("{} is no JSON: {error}", path.display()))?;
    match json {
        Json::Array(items) => Ok(items),
        _ => Err(format!("{} should hold an array", path.display())),
    }
}
