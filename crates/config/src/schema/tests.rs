//! Every documented key is known, by every table that lists keys.

use std::path::PathBuf;

use super::durable::ExportState;
use super::{Environment, TopLevel, WranglerFile, top_level_keys};
use crate::CompatibilityDate;
use crate::read::Reader;
use crate::source::{Format, Source};
use crate::support::SUPPORT;

fn every_key() -> Source {
    Source {
        path: PathBuf::from("every-key.jsonc"),
        text: include_str!("tests/every-key.jsonc").to_owned(),
        format: Format::Json,
    }
}

#[test]
fn every_key_of_wranglers_schema_is_read() {
    let source = every_key();
    let tree = source.parse().expect("the fixture is valid JSON");
    let keys = top_level_keys();
    let mut reader = Reader::new(&source, CompatibilityDate::today(), &keys);
    let file = WranglerFile::read(&tree, &mut reader);
    let problems: Vec<String> = reader.problems.iter().map(ToString::to_string).collect();
    assert!(problems.is_empty(), "{}", problems.join("\n\n"));
    let file = file.expect("no problem, so a file");

    // What was written arrives, also from deep inside and from renamed keys.
    let top = &file.top;
    assert_eq!(top.routes.as_ref().map(Vec::len), Some(4));
    let exports = top.exports.as_ref().expect("exports");
    assert_eq!(exports["Incoming"].state, Some(ExportState::ExpectingTransfer));
    let local = top.r2_buckets[0].local_dev.as_ref().expect("local_dev");
    assert!(local.experimental_s3_credentials.is_some());
    assert_eq!(top.vpc_networks[1].remote, Some(true));
    let environment = &file.environments["staging"];
    assert_eq!(environment.workers_dev, Some(false));
    assert_eq!(file.top_level.wasm_modules["WASM"], PathBuf::from("a.wasm"));
}

#[test]
fn the_fixture_and_the_support_table_cover_every_key() {
    let source = every_key();
    let tree = source.parse().expect("the fixture is valid JSON");
    let table = tree.as_table().expect("a table");
    let known = [Environment::INHERITED, Environment::OWN, TopLevel::KEYS].concat();
    let written: Vec<&str> = table.entries.iter().map(|entry| entry.key.as_str()).collect();
    for key in &known {
        // `route` excludes `routes`; `legacy_env` and the rest are all there.
        assert!(written.contains(key) || *key == "route", "{key} is not in the fixture");
        let rows = SUPPORT.iter().filter(|(row, _)| row == key).count();
        assert_eq!(rows, 1, "{key} should have one row in SUPPORT");
    }
    for (row, _) in SUPPORT {
        assert!(known.contains(row), "SUPPORT has a row for {row}, which no struct reads");
    }
}
