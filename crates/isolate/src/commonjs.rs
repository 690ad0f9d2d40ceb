//! CommonJS modules: `require`, `module`, `exports`, with cycles seeing what was exported so far.

use crate::module_map::{self, origin, resolve, text};
use crate::modules::ModuleKind;
use crate::state::state;

/// The `module.exports` of the CommonJS module `name`, run on first use. Exceptions are left pending.
pub(crate) fn require<'s>(scope: &mut v8::PinScope<'s, '_>, name: &str) -> Option<v8::Local<'s, v8::Value>> {
    let exports_key = crate::new_string(scope, "exports").into();
    if let Some(module) = state(scope).modules.commonjs.get(name).cloned() {
        let module = v8::Local::new(scope, module);
        return module.get(scope, exports_key);
    }
    let graph = state(scope).modules.graph()?.clone();
    let source = graph.get(name)?;
    let module = v8::Object::new(scope);
    let exports = v8::Object::new(scope);
    module.set(scope, exports_key, exports.into());
    let kept = v8::Global::new(scope, module);
    state(scope).modules.commonjs.insert(name.to_owned(), kept);

    let code = text(scope, &source.content)?;
    let origin = origin(scope, name, false);
    let mut compiled = v8::script_compiler::Source::new(code, Some(&origin));
    let parameters = ["exports", "require", "module"].map(|name| crate::new_string(scope, name));
    let function = v8::script_compiler::compile_function(
        scope,
        &mut compiled,
        &parameters,
        &[],
        v8::script_compiler::CompileOptions::NoCompileOptions,
        v8::script_compiler::NoCacheReason::NoReason,
    )?;
    let here = crate::new_string(scope, name).into();
    let require = v8::Function::builder(require_from).data(here).build(scope)?;
    function.call(scope, exports.into(), &[exports.into(), require.into(), module.into()])?;
    module.get(scope, exports_key)
}

/// `require(specifier)` inside the module whose name is the function's data.
fn require_from(scope: &mut v8::PinScope, args: v8::FunctionCallbackArguments, mut rv: v8::ReturnValue) {
    let referrer = args.data().to_rust_string_lossy(scope);
    let specifier = crate::string_arg(scope, &args, 0);
    let name = resolve(&specifier, &referrer);
    let graph = state(scope).modules.graph().cloned();
    let is_commonjs =
        graph.is_some_and(|graph| graph.get(&name).is_some_and(|source| source.kind == ModuleKind::CommonJs));
    let value = if is_commonjs { require(scope, &name) } else { require_module(scope, &name, &referrer) };
    if let Some(value) = value {
        rv.set(value);
    }
}

/// Any other module from `require`: its default export when it has one, else its namespace.
fn require_module<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    name: &str,
    referrer: &str,
) -> Option<v8::Local<'s, v8::Value>> {
    let module = module_map::load(scope, name, referrer)?;
    module.instantiate_module(scope, module_map::resolve_import)?;
    if module.is_graph_async() {
        crate::throw(scope, crate::JsError::error("Top-level await in module is not permitted at this time."));
        return None;
    }
    module.evaluate(scope)?;
    if module.get_status() == v8::ModuleStatus::Errored {
        let exception = module.get_exception();
        scope.throw_exception(exception);
        return None;
    }
    let namespace = module.get_module_namespace().try_cast::<v8::Object>().ok()?;
    let default = crate::new_string(scope, "default").into();
    if namespace.has(scope, default)? { namespace.get(scope, default) } else { Some(namespace.into()) }
}
