use std::path::{Path, PathBuf};

use super::Settings;
use crate::limits::Preset;
use crate::source::{Format, Source};

fn parse(text: &str) -> Result<Settings, String> {
    let source = Source { path: PathBuf::from("skerry.toml"), text: text.to_owned(), format: Format::Toml };
    Settings::parse(&source, Path::new("/project")).map_err(|error| error.to_string())
}

#[test]
fn settings_are_read_strictly() {
    let text = "[geo]\ndatabase = \"geo/city.mmdb\"\n[limits]\npreset = \"free\"\nmemory_mb = 64\n";
    let settings = parse(text).expect("valid");
    assert_eq!(settings.geo_database, Some(PathBuf::from("/project/geo/city.mmdb")));
    let limits = settings.limits();
    assert_eq!((limits.cpu.as_millis(), limits.subrequests), (10, 50));
    assert_eq!(limits.memory_bytes, 64 << 20);

    let defaults = parse("").expect("empty is fine");
    assert_eq!(defaults.preset, Preset::Paid);
    assert_eq!(defaults.limits().memory_bytes, 128 << 20);

    let error = parse("[limits]\npreset = \"payed\"\nmemory_mb = 4\nmemory = 3\n").expect_err("wrong");
    assert_eq!(
        error,
        r#"skerry.toml:2:10: `limits.preset` should be "free" or "paid", but is "payed"; did you mean "paid"?
   |
 2 | preset = "payed"
   |          ^^^^^^^

skerry.toml:3:13: `limits.memory_mb` should be a whole number from 16 to 65536, but is 4
   |
 3 | memory_mb = 4
   |             ^

skerry.toml:4:1: unknown key `memory` in `limits`; the keys known here are `memory_mb` and `preset`
   |
 4 | memory = 3
   | ^^^^^^"#
    );
}
