//! Makes the startup snapshot: the runtime's JavaScript, evaluated here and now, never when Skerry starts.

use std::path::Path;
use std::{env, fs, process};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let folder = env::var_os("OUT_DIR").expect("cargo sets OUT_DIR");
    match workers::snapshot() {
        Ok(snapshot) => fs::write(Path::new(&folder).join("snapshot.bin"), &snapshot.0).expect("OUT_DIR is writable"),
        Err(error) => {
            eprintln!("{error}");
            process::exit(1);
        }
    }
}
