//! The modules that one isolate has loaded: resolution of specifiers, static and dynamic imports, evaluation.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::attributes;
use crate::exception::JsException;
use crate::modules::{ModuleGraph, ModuleKind};
use crate::state::state;

#[derive(Default)]
pub(crate) struct ModuleMap {
    graph: Option<Arc<ModuleGraph>>,
    loaded: FxHashMap<String, v8::Global<v8::Module>>,
    names: FxHashMap<i32, String>,
    /// Exports of synthetic modules, by the module's identity hash, until V8 asks for them.
    exports: FxHashMap<i32, Vec<PendingExports>>,
    /// `module` objects of CommonJS modules that were begun, for `require` and its cycles.
    pub(crate) commonjs: FxHashMap<String, v8::Global<v8::Object>>,
}

struct PendingExports {
    module: v8::Global<v8::Module>,
    values: Vec<(String, v8::Global<v8::Value>)>,
}

// === impl ModuleMap ===

impl ModuleMap {
    pub(crate) fn set_graph(&mut self, graph: Arc<ModuleGraph>) {
        self.graph = Some(graph);
    }

    pub(crate) fn graph(&self) -> Option<&Arc<ModuleGraph>> {
        self.graph.as_ref()
    }

    /// The name of a loaded source module.
    pub(crate) fn name_of(&self, module: v8::Local<v8::Module>) -> Option<&str> {
        self.names.get(&module.script_id()?).map(String::as_str)
    }

    fn is_deployed(&self, name: &str) -> bool {
        self.graph.as_ref().is_some_and(|graph| graph.get(name).is_some())
    }
}

/// The modules of the script that the isolate runs.
pub fn script(scope: &mut v8::PinScope) -> Option<Arc<ModuleGraph>> {
    state(scope).modules.graph().cloned()
}

/// The name of the module that `specifier` means inside `referrer`: relative ones are joined, others stand as they are.
pub(crate) fn resolve(specifier: &str, referrer: &str) -> String {
    if !specifier.starts_with("./") && !specifier.starts_with("../") {
        return specifier.trim_start_matches("file:///").trim_start_matches('/').to_owned();
    }
    let mut path: Vec<&str> = referrer.split('/').collect();
    path.pop();
    for part in specifier.split('/') {
        match part {
            "." | "" => {}
            ".." => {
                path.pop();
            }
            part => path.push(part),
        }
    }
    path.join("/")
}

/// The module of this name, compiled on first use. Exceptions are left pending.
pub(crate) fn load<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    name: &str,
    referrer: &str,
) -> Option<v8::Local<'s, v8::Module>> {
    let modules = &state(scope).modules;
    let name = if modules.is_deployed(name) || modules.loaded.contains_key(name) {
        name
    } else {
        name.trim_start_matches("./")
    };
    if let Some(module) = modules.loaded.get(name).cloned() {
        return Some(v8::Local::new(scope, module));
    }
    let Some(graph) = modules.graph.clone() else { return not_found(scope, name, referrer) };
    let module = match graph.get(name) {
        Some(source) => match source.kind {
            ModuleKind::EsModule => compile(scope, name, source)?,
            ModuleKind::CommonJs => {
                let exports = crate::commonjs::require(scope, name)?;
                synthetic(scope, name, vec![("default".into(), exports)])?
            }
            ModuleKind::Json => {
                let text = text(scope, &source.content)?;
                let value = v8::json::parse(scope, text)?;
                synthetic(scope, name, vec![("default".into(), value)])?
            }
            ModuleKind::Text => {
                let text = text(scope, &source.content)?;
                synthetic(scope, name, vec![("default".into(), text.into())])?
            }
            ModuleKind::Data => {
                let buffer = crate::new_bytes(scope, source.content.to_vec()).buffer(scope)?;
                synthetic(scope, name, vec![("default".into(), buffer.into())])?
            }
            ModuleKind::Wasm => {
                let module = source.wasm(scope)?;
                synthetic(scope, name, vec![("default".into(), module.into())])?
            }
            ModuleKind::Script => return not_found(scope, name, referrer),
        },
        None => match builtin(scope, name)? {
            Some(exports) => synthetic(scope, name, exports)?,
            None => return not_found(scope, name, referrer),
        },
    };
    let kept = v8::Global::new(scope, module);
    state(scope).modules.loaded.insert(name.to_owned(), kept);
    Some(module)
}

/// Compiles an ES module, with V8's code cache when an isolate compiled it before.
fn compile<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    name: &str,
    source: &crate::ModuleSource,
) -> Option<v8::Local<'s, v8::Module>> {
    let code = match source.text {
        Some(text) => v8::String::new_from_onebyte_const(scope, text)?,
        None => text(scope, &source.content)?,
    };
    let module = compile_text(scope, name, code, source.code_cache().map(|cache| &cache[..]))?;
    if let Some(id) = module.script_id() {
        state(scope).modules.names.insert(id, name.to_owned());
    }
    Some(module)
}

/// Compiles module source text under a name.
pub(crate) fn compile_text<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    name: &str,
    code: v8::Local<'s, v8::String>,
    cache: Option<&[u8]>,
) -> Option<v8::Local<'s, v8::Module>> {
    use v8::script_compiler::{CachedData, CompileOptions, NoCacheReason, Source, compile_module2};
    let origin = origin(scope, name, true);
    let (mut source, options) = match cache {
        Some(cache) => (
            Source::new_with_cached_data(code, Some(&origin), CachedData::new(cache)),
            CompileOptions::ConsumeCodeCache,
        ),
        None => (Source::new(code, Some(&origin)), CompileOptions::NoCompileOptions),
    };
    compile_module2(scope, &mut source, options, NoCacheReason::NoReason)
}

pub(crate) fn origin<'s>(scope: &mut v8::PinScope<'s, '_>, name: &str, is_module: bool) -> v8::ScriptOrigin<'s> {
    let name = crate::new_string(scope, name).into();
    // As of the same origin as who looks: the inspector may show what its scripts throw.
    v8::ScriptOrigin::new(scope, name, 0, 0, true, -1, None, false, false, is_module, None)
}

/// UTF-8 content as a JavaScript string; a leading byte order mark is dropped.
pub(crate) fn text<'s>(scope: &mut v8::PinScope<'s, '_>, content: &[u8]) -> Option<v8::Local<'s, v8::String>> {
    let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
    let text = v8::String::new_from_utf8(scope, content, v8::NewStringType::Normal);
    if text.is_none() {
        crate::throw(scope, crate::JsError::range_error("a module is larger than the longest JavaScript string"));
    }
    text
}

/// The names that a module exports, with their values.
type Exports<'s> = Vec<(String, v8::Local<'s, v8::Value>)>;

/// The exports of a module that the runtime itself provides, from the hook `builtinModule`. `Some(None)`: there is none of this
/// name. `None`: an exception is pending.
fn builtin<'s>(scope: &mut v8::PinScope<'s, '_>, name: &str) -> Option<Option<Exports<'s>>> {
    let Some(find) = crate::hook(scope, "builtinModule") else { return Some(None) };
    let this = v8::undefined(scope).into();
    let name = crate::new_string(scope, name).into();
    let Ok(exports) = find.call(scope, this, &[name])?.try_cast::<v8::Object>() else { return Some(None) };
    let names = exports.get_own_property_names(scope, Default::default())?;
    let mut found = Exports::new();
    for index in 0..names.length() {
        let key = names.get_index(scope, index)?;
        found.push((key.to_rust_string_lossy(scope), exports.get(scope, key)?));
    }
    Some(Some(found))
}

fn synthetic<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    name: &str,
    exports: Vec<(String, v8::Local<'s, v8::Value>)>,
) -> Option<v8::Local<'s, v8::Module>> {
    let names: Vec<_> = exports.iter().map(|(name, _)| crate::new_string(scope, name)).collect();
    let name = crate::new_string(scope, name);
    let module = v8::Module::create_synthetic_module(scope, name, &names, set_exports);
    let values = exports.into_iter().map(|(name, value)| (name, v8::Global::new(scope, value))).collect();
    let pending = PendingExports { module: v8::Global::new(scope, module), values };
    state(scope).modules.exports.entry(module.get_identity_hash().get()).or_default().push(pending);
    Some(module)
}

fn set_exports<'s>(
    context: v8::Local<'s, v8::Context>,
    module: v8::Local<v8::Module>,
) -> Option<v8::Local<'s, v8::Value>> {
    // SAFETY: V8 calls this with the context that runs on this thread.
    v8::callback_scope!(unsafe scope, context);
    let this = v8::Global::new(scope, module);
    let pending = state(scope).modules.exports.get_mut(&module.get_identity_hash().get())?;
    let at = pending.iter().position(|pending| pending.module == this)?;
    for (name, value) in pending.swap_remove(at).values {
        let name = crate::new_string(scope, &name);
        let value = v8::Local::new(scope, value);
        module.set_synthetic_module_export(scope, name, value)?;
    }
    let resolver = v8::PromiseResolver::new(scope)?;
    let undefined = v8::undefined(scope).into();
    resolver.resolve(scope, undefined);
    let promise = resolver.get_promise(scope);
    Some(promise.into())
}

fn not_found<T>(scope: &mut v8::PinScope, name: &str, referrer: &str) -> Option<T> {
    crate::throw(scope, crate::JsError::error(format!("No such module \"{name}\".\n  imported from \"{referrer}\"")));
    None
}

/// V8's question for a static import.
pub(crate) fn resolve_import<'s>(
    context: v8::Local<'s, v8::Context>,
    specifier: v8::Local<'s, v8::String>,
    attributes: v8::Local<'s, v8::FixedArray>,
    referrer: v8::Local<'s, v8::Module>,
) -> Option<v8::Local<'s, v8::Module>> {
    // SAFETY: V8 calls this with the context that runs on this thread.
    v8::callback_scope!(unsafe scope, context);
    let specifier = specifier.to_rust_string_lossy(scope);
    let referrer = state(scope).modules.name_of(referrer).unwrap_or_default().to_owned();
    let name = resolve(&specifier, &referrer);
    // Each attribute comes with its place in the source.
    attributes::check(scope, attributes, 3, &specifier, &name)?;
    load(scope, &name, &referrer)
}

/// V8's question for `import()`: a promise of the module's namespace.
pub(crate) fn import_dynamically<'s, 'i>(
    scope: &mut v8::PinScope<'s, 'i>,
    _options: v8::Local<'s, v8::Data>,
    referrer: v8::Local<'s, v8::Value>,
    specifier: v8::Local<'s, v8::String>,
    attributes: v8::Local<'s, v8::FixedArray>,
) -> Option<v8::Local<'s, v8::Promise>> {
    let specifier = specifier.to_rust_string_lossy(scope);
    let referrer = referrer.to_rust_string_lossy(scope);
    let resolver = v8::PromiseResolver::new(scope)?;
    let promise = resolver.get_promise(scope);
    v8::tc_scope!(let scope, scope);
    let namespace = import_now(scope, &specifier, &referrer, attributes);
    match namespace {
        Some(namespace) => {
            resolver.resolve(scope, namespace);
        }
        None => {
            // Execution is being terminated: there is no exception to pass on.
            let reason = scope.exception()?;
            scope.reset();
            resolver.reject(scope, reason);
        }
    }
    Some(promise)
}

/// The namespace of a module, or a promise of it when its evaluation goes on.
fn import_now<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    specifier: &str,
    referrer: &str,
    attributes: v8::Local<v8::FixedArray>,
) -> Option<v8::Local<'s, v8::Value>> {
    let name = resolve(specifier, referrer);
    attributes::check(scope, attributes, 2, specifier, &name)?;
    let module = load(scope, &name, referrer)?;
    module.instantiate_module(scope, resolve_import)?;
    let evaluated = module.evaluate(scope)?.try_cast::<v8::Promise>().ok()?;
    let namespace = module.get_module_namespace();
    let give = v8::Function::builder(
        |_scope: &mut v8::PinScope, args: v8::FunctionCallbackArguments, mut rv: v8::ReturnValue| rv.set(args.data()),
    )
    .data(namespace)
    .build(scope)?;
    Some(evaluated.then(scope, give)?.into())
}

/// Runs the graph's entry: its namespace, `None` for a classic script.
pub(crate) fn evaluate_main<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    graph: &ModuleGraph,
) -> Result<Option<v8::Local<'s, v8::Object>>, JsException> {
    v8::tc_scope!(let scope, scope);
    let failed = |scope: &mut v8::PinnedRef<v8::TryCatch<v8::HandleScope>>| {
        let exception = scope.exception();
        scope.reset();
        exception.map_or_else(JsException::default, |exception| JsException::capture(scope, exception))
    };
    if graph.is_script() {
        let ran = run_script(scope, graph);
        return ran.map(|_| None).ok_or_else(|| failed(scope));
    }
    let Some(module) = load(scope, &graph.main, "") else { return Err(failed(scope)) };
    if module.instantiate_module(scope, resolve_import).is_none() {
        return Err(failed(scope));
    }
    let Some(evaluated) = module.evaluate(scope) else { return Err(failed(scope)) };
    scope.perform_microtask_checkpoint();
    if let Ok(promise) = evaluated.try_cast::<v8::Promise>() {
        promise.mark_as_handled();
        match promise.state() {
            v8::PromiseState::Fulfilled => {}
            v8::PromiseState::Rejected => {
                let reason = promise.result(scope);
                return Err(JsException::capture(scope, reason));
            }
            v8::PromiseState::Pending => {
                return Err(JsException {
                    name: "Error".into(),
                    message: "Top-level await in module is unsettled.".into(),
                    ..JsException::default()
                });
            }
        }
    }
    keep_code_caches(scope, graph);
    Ok(module.get_module_namespace().try_cast().ok())
}

fn run_script(scope: &mut v8::PinScope, graph: &ModuleGraph) -> Option<()> {
    let main = graph.get(&graph.main)?;
    let code = text(scope, &main.content)?;
    let origin = origin(scope, &graph.main, false);
    v8::Script::compile(scope, code, Some(&origin))?.run(scope)?;
    scope.perform_microtask_checkpoint();
    Some(())
}

/// Keeps V8's code cache of the modules that ran, for the next isolate of this graph.
fn keep_code_caches(scope: &mut v8::PinScope, graph: &ModuleGraph) {
    let loaded: Vec<_> =
        state(scope).modules.loaded.iter().map(|(name, module)| (name.clone(), module.clone())).collect();
    for (name, module) in loaded {
        let Some(source) = graph.get(&name).filter(|source| source.code_cache().is_none()) else { continue };
        let module = v8::Local::new(scope, module);
        if source.kind == ModuleKind::EsModule
            && let Some(cache) = module.get_unbound_module_script(scope).create_code_cache()
        {
            source.keep_code_cache(&cache);
        }
    }
}
