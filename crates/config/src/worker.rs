//! What the rest of Skerry sees of a configuration: resolved for one environment, paths absolute, defaults filled in.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::date::CompatibilityDate;
use crate::limits::Limits;
use crate::name::WorkerName;
use crate::schema::build::Rule;
use crate::schema::dev::Dev;
use crate::schema::vars::Var;
use crate::schema::{Environment, TopLevel};

#[derive(Clone, Debug, PartialEq)]
pub struct WorkerConfig {
    pub name: WorkerName,
    /// The entry point, absolute. `None`: the Worker has static assets instead of code.
    pub main: Option<PathBuf>,
    pub compatibility_date: CompatibilityDate,
    pub compatibility_flags: Vec<String>,

    /// The folder that module names are relative to: the entry point's, unless configured.
    pub base_dir: PathBuf,
    /// `None`: as the bundler has it.
    pub find_additional_modules: Option<bool>,
    pub preserve_file_names: bool,
    pub rules: Vec<Rule>,
    pub build: BuildStep,
    pub no_bundle: bool,
    pub minify: bool,
    pub keep_names: bool,
    /// Global identifiers and the JavaScript expressions that take their place.
    pub define: BTreeMap<String, String>,
    /// Module names and what is imported in their place.
    pub alias: BTreeMap<String, String>,
    pub jsx_factory: String,
    pub jsx_fragment: String,
    pub tsconfig: Option<PathBuf>,

    /// The configuration's own variables; see [`crate::Project::dev_vars`] for a session's.
    pub vars: BTreeMap<String, Var>,
    pub text_blobs: BTreeMap<String, PathBuf>,
    pub data_blobs: BTreeMap<String, PathBuf>,
    pub wasm_modules: BTreeMap<String, PathBuf>,

    pub crons: Vec<String>,
    pub limits: Limits,
    pub dev: Dev,

    /// Every key as configured, for what is not resolved above.
    pub environment: Environment,
    pub top_level: TopLevel,
}

/// The command that runs before bundling.
#[derive(Clone, Debug, PartialEq)]
pub struct BuildStep {
    pub command: Option<String>,
    pub cwd: PathBuf,
    /// Folders whose changes run the command again.
    pub watch_dirs: Vec<PathBuf>,
}

// === impl WorkerConfig ===

impl WorkerConfig {
    pub(crate) fn of_script(name: WorkerName, main: PathBuf, limits: Limits) -> Self {
        let root = main.parent().unwrap_or(Path::new("/")).to_owned();
        let (environment, top_level) = (Environment::default(), TopLevel::default());
        Self::assemble(Parts {
            name,
            main: Some(main),
            root: &root,
            compatibility_date: CompatibilityDate::today(),
            limits,
            environment,
            top_level,
        })
    }

    pub(crate) fn assemble(parts: Parts<'_>) -> Self {
        let Parts { name, main, root, compatibility_date, limits, environment, top_level } = parts;
        let env = environment.clone();
        let top = top_level.clone();
        let build = env.build.unwrap_or_default();
        let watch_dirs = match build.watch_dir {
            Some(dirs) => dirs.0.iter().map(|dir| root.join(dir)).collect(),
            None => vec![root.join("src")],
        };
        let base_dir = env.base_dir.map(|dir| root.join(dir));
        let in_root = |paths: BTreeMap<String, PathBuf>| -> BTreeMap<String, PathBuf> {
            paths.into_iter().map(|(name, path)| (name, root.join(path))).collect()
        };
        Self {
            name,
            compatibility_date,
            compatibility_flags: env.compatibility_flags.unwrap_or_default(),
            base_dir: base_dir.unwrap_or_else(|| main.as_deref().and_then(Path::parent).unwrap_or(root).to_owned()),
            main,
            find_additional_modules: env.find_additional_modules,
            preserve_file_names: env.preserve_file_names.unwrap_or(false),
            rules: env.rules.unwrap_or_default(),
            build: BuildStep {
                command: build.command,
                cwd: build.cwd.map_or(root.to_owned(), |cwd| root.join(cwd)),
                watch_dirs,
            },
            no_bundle: env.no_bundle.unwrap_or(false),
            minify: env.minify.unwrap_or(false),
            keep_names: env.keep_names.unwrap_or(true),
            define: env.define,
            alias: top.alias,
            jsx_factory: env.jsx_factory.unwrap_or_else(|| "React.createElement".to_owned()),
            jsx_fragment: env.jsx_fragment.unwrap_or_else(|| "React.Fragment".to_owned()),
            tsconfig: env.tsconfig.map(|path| root.join(path)),
            vars: env.vars,
            text_blobs: in_root(top.text_blobs),
            data_blobs: in_root(top.data_blobs),
            wasm_modules: in_root(top.wasm_modules),
            crons: env.triggers.and_then(|triggers| triggers.crons).unwrap_or_default(),
            limits: match &env.limits {
                Some(asked) => limits.with(asked),
                None => limits,
            },
            dev: top.dev.unwrap_or_default(),
            environment,
            top_level,
        }
    }
}

/// What a `WorkerConfig` is made of.
pub(crate) struct Parts<'a> {
    pub name: WorkerName,
    pub main: Option<PathBuf>,
    pub root: &'a Path,
    pub compatibility_date: CompatibilityDate,
    pub limits: Limits,
    pub environment: Environment,
    pub top_level: TopLevel,
}
