//! `skerry.toml`: what Skerry can be told that wrangler has no key for. It lies beside the wrangler file and is optional.

use std::path::{Path, PathBuf};

use crate::date::CompatibilityDate;
use crate::error::ConfigError;
use crate::limits::{DEFAULT_MEMORY_MB, Limits, Preset};
use crate::read::{Read, Reader, whole_number};
use crate::schema::record;
use crate::source::{Format, Source};
use crate::value::Value;

#[cfg(test)]
mod tests;

pub(crate) const FILE_NAME: &str = "skerry.toml";

/// The least heap in which the runtime and a small Worker fit.
const LEAST_MEMORY_MB: u64 = 16;
const MOST_MEMORY_MB: u64 = 64 * 1024;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// A MaxMind database (.mmdb) that `request.cf` is filled from.
    pub geo_database: Option<PathBuf>,
    pub preset: Preset,
    pub memory_mb: Option<u64>,
}

record! {
    struct SettingsFile {
        geo: Option<Geo>,
        limits: Option<LimitSettings>,
    }
}

record! {
    struct Geo {
        database: Option<PathBuf>,
    }
}

record! {
    struct LimitSettings {
        preset: Option<Preset>,
        memory_mb: Option<Megabytes>,
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Megabytes(u64);

impl Read for Megabytes {
    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<Self> {
        whole_number(value, reader, LEAST_MEMORY_MB, MOST_MEMORY_MB).map(Self)
    }
}

// === impl Settings ===

impl Settings {
    /// Reads `skerry.toml` of the project at `root`; its absence means the defaults.
    pub(crate) fn load(root: &Path) -> Result<Self, ConfigError> {
        let path = root.join(FILE_NAME);
        if !path.exists() {
            return Ok(Self::default());
        }
        Self::parse(&Source::read(&path, Format::Toml)?, root)
    }

    pub(crate) fn parse(source: &Source, root: &Path) -> Result<Self, ConfigError> {
        let tree = source.parse().map_err(ConfigError::invalid)?;
        let mut reader = Reader::new(source, CompatibilityDate::today(), &[]);
        let file = SettingsFile::read(&tree, &mut reader);
        let Some(file) = file.filter(|_| reader.problems.is_empty()) else {
            return Err(ConfigError::invalid(reader.problems));
        };
        let limits = file.limits.unwrap_or(LimitSettings { preset: None, memory_mb: None });
        Ok(Self {
            geo_database: file.geo.and_then(|geo| geo.database).map(|path| root.join(path)),
            preset: limits.preset.unwrap_or_default(),
            memory_mb: limits.memory_mb.map(|megabytes| megabytes.0),
        })
    }

    pub fn limits(&self) -> Limits {
        let memory_mb = self.memory_mb.unwrap_or(DEFAULT_MEMORY_MB);
        Limits { memory_bytes: memory_mb << 20, ..self.preset.limits() }
    }
}
