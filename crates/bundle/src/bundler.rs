//! The build itself: options in the bundler's terms, its output in ours.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use rolldown::plugin::__inner::SharedPluginable;
use rolldown::{
    Bundler, BundlerOptions, BundlerTransformOptions, CodeSplittingMode, Either, InputItem, LogLevel, OutputFormat,
    Platform, RawMinifyOptions, ResolveOptions, SourceMapType, TsConfig,
};
use rolldown_common::Output;
use tokio::runtime::{Builder, Runtime};
use tokio::task::{JoinError, JoinHandle};
use tokio::time::error::Elapsed;

use crate::additional::{self, Found};
use crate::collect::{Collector, Seen};
use crate::define;
use crate::diagnose;
use crate::error::{BundleError, Problem};
use crate::format;
use crate::jsx;
use crate::options::Options;
use crate::output::{Bundle, Format, Module, ModuleKind};
use crate::rules::RuleSet;

/// No honest Worker takes longer to bundle; a build that does has met a defect.
const DEADLINE: Duration = Duration::from_secs(30);
/// Parsers and code generators recurse with the depth of the source. The pages of a stack cost nothing until
/// touched, so room for nesting far beyond what people write is cheap.
const STACK: usize = 256 << 20;
/// How often a broken source tree is tried again, each time without what was found broken, to find all errors.
const ROUNDS: usize = 8;

/// Bundles a Worker. Callable from any thread of any runtime; the work happens on threads of its own.
pub async fn bundle(options: &Options) -> Result<Bundle, BundleError> {
    let entry = options.entry_path();
    let failed = |message: String| BundleError::of(Problem::new(message), vec![entry.clone()]);
    let build =
        start(options.clone()).map_err(|error| failed(format!("Cannot start the bundler's threads: {error}.")))?;
    match build.await {
        Ok(Ok(Ok(result))) => result,
        Ok(Err(_)) => Err(failed(format!("Bundling did not finish within {} seconds.", DEADLINE.as_secs()))),
        // A panic in the bundler is its defect; the source that caused it is all a user can change.
        Ok(Ok(Err(error))) | Err(error) => Err(failed(format!("The bundler failed on this source: {error}."))),
    }
}

/// How a build ends: with a result, in a panic, or not in time.
type Build = JoinHandle<Result<Result<Result<Bundle, BundleError>, JoinError>, Elapsed>>;

/// Starts a build. Not `async`, so that the bundler's code is generated in this crate once and not in every user's.
fn start(options: Options) -> Result<Build, &'static std::io::Error> {
    let runtime = runtime()?;
    Ok(runtime.spawn(async move { tokio::time::timeout(DEADLINE, tokio::spawn(build(options))).await }))
}

/// The threads that bundle, for all builds of this process.
fn runtime() -> Result<&'static Runtime, &'static std::io::Error> {
    static RUNTIME: OnceLock<std::io::Result<Runtime>> = OnceLock::new();
    let start = || {
        // Someone else may have set up the global pool already; then its stacks are what they are.
        let _ = rayon::ThreadPoolBuilder::new().stack_size(STACK).thread_name(|_| "bundle-pool".into()).build_global();
        Builder::new_multi_thread()
            .worker_threads(std::thread::available_parallelism().map_or(2, |cores| cores.get().min(4)))
            .thread_name("bundle")
            .thread_stack_size(STACK)
            .enable_time()
            .build()
    };
    RUNTIME.get_or_init(start).as_ref()
}

async fn build(options: Options) -> Result<Bundle, BundleError> {
    let options = options.without_links();
    let tsconfig = options.tsconfig.as_deref().unwrap_or(Path::new("tsconfig.json"));
    let mut watch = vec![options.entry_path(), options.root.join("package.json"), options.root.join(tsconfig)];
    let result = make(&options, &mut watch).await;
    watch.retain(|path| path.is_absolute());
    watch.sort();
    watch.dedup();
    match result {
        Ok(bundle) => Ok(Bundle { watch, ..bundle }),
        Err(problems) => Err(BundleError { problems, watch }),
    }
}

/// The bundle but for `watch`, to which every file that matters is added, however it ends.
async fn make(options: &Options, watch: &mut Vec<PathBuf>) -> Result<Bundle, Vec<Problem>> {
    let path = options.entry_path();
    let shown = options.entry.display();
    let failed = |message: String| vec![Problem::new(message)];
    let content =
        additional::read(&path).map_err(|why| failed(format!("Cannot read the entry point {shown}: {why}.")))?;
    let source =
        String::from_utf8(content.into()).map_err(|_| failed(format!("The entry point {shown} is not UTF-8 text.")))?;
    let entry = format::read(&path, &source);
    let (rules, mut warnings) = RuleSet::new(&options.rules).map_err(|problem| vec![problem])?;
    warnings.extend(entry.warning);
    let found = match (options.find_additional_modules, entry.format) {
        (Some(true), Format::ServiceWorker) => {
            let problem = Problem::new("`find_additional_modules` can only be used with an ES module entry point.");
            let note = "Remove it from the configuration, or export the handlers: `export default { fetch() { … } }`.";
            return Err(vec![problem.with_note(note)]);
        }
        (find, Format::Modules) if find.unwrap_or(options.no_bundle) => {
            additional::find(&options.module_root(), &path, &rules, watch).map_err(|problem| vec![problem])?
        }
        _ => Vec::new(),
    };
    watch.extend(found.iter().map(|found| found.path.clone()));
    let wrong = define::check(&options.define);
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let mut bundle = if options.no_bundle {
        as_is(options, source, entry.format, entry.exports)
    } else {
        let names = found.iter().map(|found| (found.path.clone(), found.module.name.clone())).collect();
        bundled(options, entry.format, rules, names, watch).await?
    };
    add_found(&mut bundle, found);
    bundle.warnings.splice(0..0, warnings);
    Ok(bundle)
}

/// The entry point untouched.
fn as_is(options: &Options, source: String, format: Format, exports: Vec<String>) -> Bundle {
    let entry = options.entry_path();
    let name = additional::name_in(&options.module_root(), &entry)
        .or_else(|| Some(entry.file_name()?.to_string_lossy().into_owned()))
        .unwrap_or_default();
    let module =
        Module { name: name.clone(), kind: ModuleKind::EsModule, content: Bytes::from(source), source_map: None };
    Bundle { main: name, modules: vec![module], format, exports, watch: Vec::new(), warnings: Vec::new() }
}

/// Modules found on disk join those that were imported; an imported one of the same name is the same file.
fn add_found(bundle: &mut Bundle, found: Vec<Found>) {
    for Found { module, .. } in found {
        if bundle.modules.iter().all(|other| other.name != module.name) {
            bundle.modules.push(module);
        } else {
            let message =
                format!("The additional module {} has the name of another module and is left out.", module.name);
            bundle.warnings.push(Problem::new(message));
        }
    }
}

async fn bundled(
    options: &Options,
    format: Format,
    rules: RuleSet,
    found: HashMap<PathBuf, String>,
    watch: &mut Vec<PathBuf>,
) -> Result<Bundle, Vec<Problem>> {
    let collector = Arc::new(Collector::new(options, format, rules, found));
    let mut problems = Vec::new();
    for round in 1.. {
        let mut result =
            match Bundler::with_plugins(rolldown_options(options, format), vec![collector.clone() as SharedPluginable])
            {
                Ok(mut bundler) => {
                    let result = bundler.generate().await;
                    watch.extend(bundler.watch_files().iter().map(|file| PathBuf::from(file.as_str())));
                    result
                }
                Err(errors) => Err(errors),
            };
        let seen = collector.take_seen();
        let errors: Vec<_> = match &mut result {
            Ok(output) => output.warnings.extract_if(.., |warning| diagnose::is_unresolved(warning)).collect(),
            Err(errors) => std::mem::take(&mut **errors),
        };
        for error in &errors {
            watch.extend(diagnose::would_resolve(&options.root, error));
        }
        let script = (format == Format::ServiceWorker).then(|| externals_of_script(&seen)).flatten();
        let told = errors.iter().map(|error| diagnose::problem(&options.root, error, &seen, options.nodejs_compat));
        for problem in seen.problems.iter().cloned().chain(told).chain(script) {
            if !problems.contains(&problem) {
                problems.push(problem);
            }
        }
        watch.extend(seen.watch.iter().cloned());
        match result {
            Ok(output) if problems.is_empty() => {
                let warnings = diagnose::warnings(&options.root, &output.warnings, &seen);
                return Ok(assemble(output.assets, seen, format, warnings));
            }
            // What is broken hides what is behind it: go on without it, for the sake of its errors.
            Err(_) if round < ROUNDS && collector.step_around(&errors, &seen) => {}
            _ => break,
        }
    }
    Err(problems)
}

/// Scripts cannot import; what the runtime would have to provide is an error.
fn externals_of_script(seen: &Seen) -> Option<Problem> {
    let names: Vec<_> = seen.external.keys().map(|name| format!("\"{name}\"")).collect();
    (!names.is_empty()).then(|| {
        Problem::new(format!("Unexpected external import of {}.", names.join(", "))).with_note(
            "The entry point has no default export, so it is taken for a service worker, which cannot import. To write an \
             ES module Worker, add `export default { … }` to it: \
             https://developers.cloudflare.com/workers/reference/migrate-to-module-workers/",
        )
    })
}

fn assemble(assets: Vec<Output>, seen: Seen, format: Format, warnings: Vec<Problem>) -> Bundle {
    let mut modules = Vec::new();
    let mut exports = Vec::new();
    for output in assets {
        // Source maps come as assets too; they belong to their chunk.
        let Output::Chunk(chunk) = output else { continue };
        let map = chunk.map.as_ref().map(|map| map.to_json_string());
        let module = Module {
            name: chunk.filename.to_string(),
            kind: ModuleKind::EsModule,
            content: Bytes::from(chunk.code.clone()),
            source_map: map,
        };
        if chunk.is_entry {
            exports = chunk.exports.iter().map(ToString::to_string).collect();
            modules.insert(0, module);
        } else {
            modules.push(module);
        }
    }
    let main = modules.first().map(|module| module.name.clone()).unwrap_or_default();
    modules.extend(seen.modules.into_values());
    Bundle { main, modules, format, exports, watch: Vec::new(), warnings }
}

fn rolldown_options(options: &Options, format: Format) -> BundlerOptions {
    let entry = options.entry_path();
    let stem = entry.file_stem().map_or_else(|| "index".into(), |stem| stem.to_string_lossy().into_owned());
    let node_env = format!("\"{}\"", options.node_env);
    let define = ["process.env.NODE_ENV", "global.process.env.NODE_ENV", "globalThis.process.env.NODE_ENV"]
        .map(|name| (name.to_string(), node_env.clone()))
        .into_iter()
        .chain(options.define.iter().cloned());
    BundlerOptions {
        input: Some(vec![InputItem { name: Some(stem), import: entry.to_string_lossy().into_owned() }]),
        cwd: Some(options.root.clone()),
        platform: Some(Platform::Browser),
        // Nothing is written; the paths in source maps are relative to where it would be.
        dir: Some(".".into()),
        format: Some(match format {
            Format::Modules => OutputFormat::Esm,
            Format::ServiceWorker => OutputFormat::Iife,
        }),
        sourcemap: Some(SourceMapType::Hidden),
        resolve: Some(ResolveOptions {
            condition_names: Some(options.conditions.clone()),
            main_fields: Some(["browser", "module", "main"].map(String::from).to_vec()),
            ..Default::default()
        }),
        minify: Some(RawMinifyOptions::Bool(options.minify)),
        define: Some(define.collect()),
        keep_names: Some(options.keep_names),
        // One file, as `wrangler` makes it: `import()` of bundled code does not leave the main module.
        code_splitting: Some(CodeSplittingMode::Bool(false)),
        transform: Some(BundlerTransformOptions { jsx: Some(Either::Right(jsx::jsx(options))), ..Default::default() }),
        tsconfig: Some(match &options.tsconfig {
            Some(path) => TsConfig::Manual(options.root.join(path)),
            None => TsConfig::Auto(true),
        }),
        log_level: Some(LogLevel::Silent),
        ..Default::default()
    }
}
