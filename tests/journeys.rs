//! Journeys through the real binary, one file each. `harness/` is what they share.

mod v8_archive;
