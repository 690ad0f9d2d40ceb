//! A Worker's project: its configuration found, read, and resolved for one environment.

use std::path::{Path, PathBuf};

use crate::date::CompatibilityDate;
use crate::dev_vars::{DevVars, ProcessEnv, VarArgument};
use crate::error::{ConfigError, Warning};
use crate::name::WorkerName;
use crate::resolve::resolve;
use crate::settings::{FILE_NAME, Settings};
use crate::source::{Format, Source};
use crate::worker::WorkerConfig;

#[cfg(test)]
mod tests;

#[derive(Clone, Debug)]
pub struct Project {
    /// The folder that relative paths start from, absolute.
    pub root: PathBuf,
    /// The wrangler file, absolute; `None` for a script alone.
    pub config_path: Option<PathBuf>,
    /// The environment chosen with `--env`.
    pub env: Option<String>,
    pub worker: WorkerConfig,
    pub settings: Settings,
    pub warnings: Vec<Warning>,
}

/// In the order in which wrangler looks for them.
const FILE_NAMES: &[&str] = &["wrangler.json", "wrangler.jsonc", "wrangler.toml"];

const SCRIPT_EXTENSIONS: &[&str] = &["js", "mjs", "cjs", "jsx", "ts", "mts", "cts", "tsx"];

// === impl Project ===

impl Project {
    /// Loads what `path` names: a project folder, a wrangler file, or a script without one.
    ///
    /// An empty `env` means the top level, as in `wrangler --env=""`.
    pub fn load(path: &Path, env: Option<&str>) -> Result<Self, ConfigError> {
        let env = env.filter(|env| !env.is_empty());
        if !path.exists() {
            return Err(ConfigError::NotFound { path: path.display().to_string() });
        }
        if path.is_dir() {
            return Self::from_folder(path, env);
        }
        if is_script(path) {
            return Ok(Self { env: env.map(str::to_owned), ..Self::from_entry(path)? });
        }
        match Format::of(path) {
            Some(format) => Self::from_config(path, format, env),
            None => Err(ConfigError::UnknownFile { path: path.display().to_string() }),
        }
    }

    /// A Worker that is one script and nothing else: named after it, with today's behaviour.
    pub fn from_entry(script: &Path) -> Result<Self, ConfigError> {
        let main = absolute(script)?;
        let root = main.parent().unwrap_or(Path::new("/")).to_owned();
        let settings = Settings::load(&root)?;
        let name = WorkerName::of_script(&main);
        let worker = WorkerConfig::of_script(name, main, settings.limits());
        Ok(Self { root, config_path: None, env: None, worker, settings, warnings: Vec::new() })
    }

    /// The variables that a development session puts into `env`: those of the configuration, secrets of `.dev.vars` or
    /// `.env`, and those of the command line, which win.
    pub fn dev_vars(&self, arguments: &[VarArgument]) -> Result<DevVars, ConfigError> {
        let secrets = self.worker.environment.secrets.as_ref();
        let required = secrets.and_then(|secrets| secrets.required.as_deref());
        DevVars::load(&self.root, self.env.as_deref(), &self.worker.vars, required, arguments, &ProcessEnv::current())
    }

    /// The configuration files, to be watched for changes; some may not exist.
    pub fn config_files(&self) -> Vec<PathBuf> {
        self.config_path.iter().cloned().chain([self.root.join(FILE_NAME)]).collect()
    }

    fn from_folder(folder: &Path, env: Option<&str>) -> Result<Self, ConfigError> {
        let mut found = FILE_NAMES.iter().map(|name| shown(folder, name)).filter(|path| path.is_file());
        let Some(config) = found.next() else {
            return Err(ConfigError::NoConfig { folder: folder.display().to_string() });
        };
        let format = Format::of(&config).unwrap_or(Format::Json);
        let mut project = Self::from_config(&config, format, env)?;
        for other in found {
            let chosen = config.file_name().unwrap_or_default().to_string_lossy();
            project.warnings.push(Warning {
                path: other,
                line: 0,
                key: String::new(),
                message: format!("this file is ignored, because {chosen} is beside it: keep one of the two"),
            });
        }
        Ok(project)
    }

    fn from_config(path: &Path, format: Format, env: Option<&str>) -> Result<Self, ConfigError> {
        let config_path = absolute(path)?;
        let root = config_path.parent().unwrap_or(Path::new("/")).to_owned();
        let settings = Settings::load(&root)?;
        let source = Source::read(path, format)?;
        let resolved = resolve(&source, &root, env, settings.limits(), CompatibilityDate::today())?;
        Ok(Self {
            root,
            config_path: Some(config_path),
            env: env.map(str::to_owned),
            worker: resolved.worker,
            settings,
            warnings: resolved.warnings,
        })
    }
}

fn is_script(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| SCRIPT_EXTENSIONS.contains(&extension))
}

/// The path as people know it: `wrangler.toml` rather than `./wrangler.toml`.
fn shown(folder: &Path, name: &str) -> PathBuf {
    folder.join(name).components().filter(|part| *part != std::path::Component::CurDir).collect()
}

fn absolute(path: &Path) -> Result<PathBuf, ConfigError> {
    std::path::absolute(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })
}
