//! The plugin that stands between the bundler and the file system: it decides what stays outside the bundle
//! (additional modules, `cloudflare:` and Node builtins), reads every source file within bounds, and
//! remembers what it saw.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use nodejs_built_in_modules::is_nodejs_builtin_module;
use rolldown::ModuleType;
use rolldown::plugin::{
    HookLoadArgs, HookLoadOutput, HookLoadReturn, HookResolveIdArgs, HookResolveIdOutput, HookResolveIdReturn,
    HookUsage, Plugin, PluginContext, PluginContextResolveOptions, SharedLoadPluginContext,
};
use rolldown_common::ImportKind;
use rolldown_error::{BuildDiagnostic, EventKind};
use sha1::{Digest, Sha1};

use crate::additional;
use crate::error::{Location, Problem};
use crate::frame;
use crate::options::Options;
use crate::output::{Format, Module, ModuleKind, global_name};
use crate::rules::{RuleSet, Verdict};

/// Prefix of the made-up modules that give `require()` of an external module its exports.
const REQUIRED: &str = "\0skerry:require:";
/// Prefix of the made-up modules that stand for the globals of a service worker.
const GLOBAL: &str = "\0skerry:global:";

/// The plugin of one build.
#[derive(Debug)]
pub(crate) struct Collector {
    root: PathBuf,
    format: Format,
    alias: HashMap<String, String>,
    rules: RuleSet,
    /// Additional modules found on disk, by path: imports of them stay imports.
    found: HashMap<PathBuf, String>,
    preserve_file_names: bool,
    nodejs_compat: bool,
    nodejs_als: bool,
    seen: Mutex<Seen>,
    broken: Mutex<Broken>,
}

/// What a build came across.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// The additional modules that were imported, by name.
    pub(crate) modules: BTreeMap<String, Module>,
    /// Every file read or looked for.
    pub(crate) watch: BTreeSet<PathBuf>,
    /// Errors that the bundler has no words for.
    pub(crate) problems: Vec<Problem>,
    /// Imports left to the runtime, with their importers.
    pub(crate) external: BTreeMap<String, BTreeSet<String>>,
    /// Those of them that the runtime may not have, for `nodejs_compat` is off.
    pub(crate) doubtful: BTreeSet<String>,
    /// Files that could not be read, and why.
    pub(crate) unreadable: BTreeMap<PathBuf, String>,
}

/// What an earlier round found broken and this one does without.
#[derive(Debug, Default)]
struct Broken {
    /// Importers and the specifiers in them that lead nowhere.
    imports: HashSet<(String, String)>,
    files: HashSet<PathBuf>,
}

// === impl Collector ===

impl Collector {
    pub(crate) fn new(options: &Options, format: Format, rules: RuleSet, found: HashMap<PathBuf, String>) -> Self {
        Self {
            root: options.root.clone(),
            format,
            alias: options.alias.iter().cloned().collect(),
            rules,
            found,
            preserve_file_names: options.preserve_file_names,
            nodejs_compat: options.nodejs_compat,
            nodejs_als: options.nodejs_als,
            seen: Mutex::default(),
            broken: Mutex::default(),
        }
    }

    /// What was seen since last asked.
    pub(crate) fn take_seen(&self) -> Seen {
        std::mem::take(&mut *self.seen())
    }

    /// Leaves out what `errors` and `seen` found broken from now on. False when there is nothing new to leave out.
    pub(crate) fn step_around(&self, errors: &[BuildDiagnostic], seen: &Seen) -> bool {
        let mut broken = self.broken();
        let before = broken.imports.len() + broken.files.len();
        broken.files.extend(seen.unreadable.keys().cloned());
        for error in errors {
            match (error.kind(), error.id(), error.exporter()) {
                (EventKind::UnresolvedImport | EventKind::ResolveError, Some(importer), Some(specifier)) => {
                    broken.imports.insert((importer, specifier));
                }
                (EventKind::ParseError | EventKind::TransformError, Some(file), _) => {
                    broken.files.insert(file.into());
                }
                _ => {}
            }
        }
        broken.imports.len() + broken.files.len() > before
    }

    /// Whether the file at `path` is left out, so that nothing can be said of its exports.
    fn is_broken(&self, path: &Path) -> bool {
        self.broken().files.contains(path)
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        // Every change to it is a single insertion, so a panic elsewhere leaves it whole.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn broken(&self) -> MutexGuard<'_, Broken> {
        self.broken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `path` as people know it: relative to the project's folder.
    fn shown(&self, path: &str) -> String {
        additional::name_in(&self.root, Path::new(path)).unwrap_or_else(|| path.to_string())
    }

    async fn resolved(
        &self,
        ctx: &PluginContext,
        specifier: &str,
        args: &HookResolveIdArgs<'_>,
    ) -> anyhow::Result<Option<PathBuf>> {
        let options = PluginContextResolveOptions { import_kind: args.kind, ..Default::default() };
        let resolved = ctx.resolve(specifier, args.importer, Some(options)).await?;
        Ok(resolved.ok().filter(|id| !id.external.is_external()).map(|id| PathBuf::from(id.id.as_str())))
    }

    /// An import that the runtime answers. `require()` of it needs a module of ours, for there is no `require` there.
    fn external(&self, specifier: &str, args: &HookResolveIdArgs<'_>) -> HookResolveIdOutput {
        if let Some(importer) = args.importer {
            let importer = self.shown(importer.strip_prefix(REQUIRED).unwrap_or(importer));
            self.seen().external.entry(specifier.into()).or_default().insert(importer);
        }
        if args.kind == ImportKind::Require {
            return HookResolveIdOutput::from_id(format!("{REQUIRED}{specifier}"));
        }
        kept(specifier)
    }

    /// `node:` imports and the bare names of Node's builtin modules.
    fn node_builtin(&self, args: &HookResolveIdArgs<'_>) -> Option<HookResolveIdOutput> {
        let specifier = args.specifier;
        if self.nodejs_compat && is_nodejs_builtin_module(specifier) {
            let name = specifier.strip_prefix("node:").unwrap_or(specifier);
            return Some(self.external(&format!("node:{name}"), args));
        }
        if !specifier.starts_with("node:") {
            return None;
        }
        if !(self.nodejs_compat || self.nodejs_als && specifier == "node:async_hooks") {
            self.seen().doubtful.insert(specifier.into());
        }
        Some(self.external(specifier, args))
    }

    /// An import that a rule makes a module of its own.
    async fn additional_module(&self, ctx: &PluginContext, args: &HookResolveIdArgs<'_>) -> HookResolveIdReturn {
        let Some(importer) = args.importer else { return Ok(None) };
        let specifier = args.specifier.split_once('?').map_or(args.specifier, |(path, _)| path);
        if !self.found.is_empty()
            && let Some(path) = self.resolved(ctx, specifier, args).await?
            && let Some(name) = self.found.get(&path)
        {
            return Ok(Some(kept(&format!("./{name}"))));
        }
        let kind = match self.rules.of_import(args.specifier) {
            Verdict::Unmatched => return Ok(None),
            Verdict::Matched(kind) if kind.is_javascript() => return Ok(None),
            Verdict::Matched(kind) => ModuleKind::from(kind),
            Verdict::Removed(why) => {
                self.seen().problems.push(locate(&self.root, importer, args.specifier, why));
                return Ok(Some(kept(args.specifier)));
            }
        };
        let path = match self.resolved(ctx, specifier, args).await? {
            Some(path) => path,
            None => {
                let beside = Path::new(importer).parent().unwrap_or(&self.root).join(specifier);
                if !beside.is_file() {
                    self.seen().watch.insert(beside);
                    return Ok(None);
                }
                beside
            }
        };
        self.seen().watch.insert(path.clone());
        let content = match additional::read(&path) {
            Ok(content) => content,
            Err(why) => {
                let message = format!("Cannot read \"{}\": {why}.", args.specifier);
                self.seen().problems.push(locate(&self.root, importer, args.specifier, message));
                return Ok(Some(kept(args.specifier)));
            }
        };
        let name = if self.preserve_file_names {
            specifier.trim_start_matches("./").to_string()
        } else {
            hashed_name(&content, &path)
        };
        let output = match self.format {
            Format::Modules => kept(&format!("./{name}")),
            Format::ServiceWorker => HookResolveIdOutput::from_id(format!("{GLOBAL}{}", global_name(&name))),
        };
        self.seen().modules.insert(name.clone(), Module { name, kind, content, source_map: None });
        Ok(Some(output))
    }

    /// The source of a file, with the module type where its extension doesn't say it.
    fn source(&self, path: &Path) -> anyhow::Result<HookLoadOutput> {
        let content = additional::read(path).map_err(|why| anyhow::anyhow!("{why}"))?;
        let code = String::from_utf8(content.into()).map_err(|_| {
            anyhow::anyhow!("it is not UTF-8 text; to import it as bytes, add a module rule of type `Data` for it")
        })?;
        let extension = path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
        let module_type = match extension.as_deref() {
            // JSX has a closing tag or closes itself; without either the cheaper JavaScript will do.
            None | Some("js" | "mjs" | "cjs") if code.contains("</") || code.contains("/>") => Some(ModuleType::Jsx),
            None | Some("js" | "mjs" | "cjs") => Some(ModuleType::Js),
            Some("jsx" | "ts" | "mts" | "cts" | "tsx" | "json" | "txt") => None,
            Some(other) => anyhow::bail!("no loader is configured for .{other} files; add a module rule for them"),
        };
        Ok(HookLoadOutput { code: code.into(), module_type, ..Default::default() })
    }
}

impl Plugin for Collector {
    fn name(&self) -> Cow<'static, str> {
        "skerry".into()
    }

    async fn resolve_id(&self, ctx: &PluginContext, args: &HookResolveIdArgs<'_>) -> HookResolveIdReturn {
        let specifier = args.specifier;
        if args.is_entry {
            return Ok(None);
        }
        if let Some(importer) = args.importer
            && self.broken().imports.contains(&(importer.to_string(), specifier.to_string()))
        {
            return Ok(Some(kept(specifier)));
        }
        // The wrapper module of a `require()` imports what it wraps.
        if args.importer.is_some_and(|importer| importer.starts_with(REQUIRED)) {
            return Ok(Some(kept(specifier)));
        }
        if let Some(target) = self.alias.get(specifier) {
            let from = self.root.join("package.json");
            let options = PluginContextResolveOptions { import_kind: args.kind, ..Default::default() };
            if let Ok(resolved) = ctx.resolve(target, from.to_str(), Some(options)).await? {
                return Ok(Some(HookResolveIdOutput::from_resolved_id(resolved)));
            }
            let message = format!("The alias of \"{specifier}\" is \"{target}\", which does not resolve.");
            self.seen().problems.push(locate(&self.root, args.importer.unwrap_or_default(), specifier, message));
            return Ok(Some(kept(specifier)));
        }
        if let Some(output) = self.additional_module(ctx, args).await? {
            return Ok(Some(output));
        }
        if specifier.starts_with("cloudflare:") || specifier == "__STATIC_CONTENT_MANIFEST" {
            return Ok(Some(self.external(specifier, args)));
        }
        Ok(self.node_builtin(args))
    }

    async fn load(&self, _ctx: SharedLoadPluginContext, args: &HookLoadArgs<'_>) -> HookLoadReturn {
        let made_up = if let Some(specifier) = args.id.strip_prefix(REQUIRED) {
            required(specifier)
        } else if let Some(name) = args.id.strip_prefix(GLOBAL) {
            format!("export default {name};")
        } else {
            let path = Path::new(args.id);
            if !path.is_absolute() {
                return Ok(None);
            }
            self.seen().watch.insert(path.to_path_buf());
            if self.is_broken(path) {
                // CommonJS whose exports nobody can know.
                "module.exports = globalThis;".to_string()
            } else {
                return self.source(path).map(Some).inspect_err(|error| {
                    self.seen().unreadable.insert(path.to_path_buf(), error.to_string());
                });
            }
        };
        Ok(Some(HookLoadOutput { code: made_up.into(), module_type: Some(ModuleType::Js), ..Default::default() }))
    }

    fn register_hook_usage(&self) -> HookUsage {
        HookUsage::ResolveId | HookUsage::Load
    }
}

/// An import that stays as it is.
fn kept(specifier: &str) -> HookResolveIdOutput {
    HookResolveIdOutput {
        external: Some(true.into()),
        normalize_external_id: Some(false),
        ..HookResolveIdOutput::from_id(specifier)
    }
}

/// The module that answers `require(specifier)` with what Node would give: the default export where there is
/// one (that of Node's builtins is their `module.exports`), the namespace otherwise.
fn required(specifier: &str) -> String {
    let specifier = specifier.replace('\\', "\\\\").replace('"', "\\\"");
    format!(
        "import * as namespace from \"{specifier}\";\n\
         const exports = \"default\" in namespace ? namespace.default : namespace;\n\
         export {{ exports as \"module.exports\" }};\n"
    )
}

/// The name `wrangler` gives an additional module: the SHA-1 of its content, and the file's name.
fn hashed_name(content: &Bytes, path: &Path) -> String {
    let mut name = String::with_capacity(64);
    for byte in Sha1::digest(content) {
        // Writing to a `String` cannot fail.
        let _ = write!(name, "{byte:02x}");
    }
    name.push('-');
    name.push_str(&path.file_name().unwrap_or_default().to_string_lossy());
    name
}

/// The problem `message` at the place where the file `importer` imports `specifier`.
fn locate(root: &Path, importer: &str, specifier: &str, message: String) -> Problem {
    let mut problem = Problem::new(message);
    let Ok(source) = std::fs::read_to_string(importer) else { return problem };
    let Some(offset) = ['"', '\'', '`'].iter().find_map(|quote| source.find(&format!("{quote}{specifier}{quote}")))
    else {
        return problem;
    };
    let before = &source[..offset];
    let line = before.matches('\n').count() as u32 + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().encode_utf16().count() as u32 + 1;
    let file = additional::name_in(root, Path::new(importer)).unwrap_or_else(|| importer.to_string());
    problem.frame = frame::render(&source, line, column);
    problem.location = Some(Location { file, line, column });
    problem
}
