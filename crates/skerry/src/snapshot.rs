//! The startup snapshot that the build script made.

use std::borrow::Cow;

static BYTES: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/snapshot.bin"));

pub fn snapshot() -> workers::Snapshot {
    workers::Snapshot(Cow::Borrowed(BYTES))
}
