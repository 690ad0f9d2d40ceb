//! The runtime that every isolate starts with: native ops, the JavaScript in the snapshot, the hooks between the two.

use include_dir::{Dir, include_dir};
use isolate::{JsException, Runtime, Snapshot, SnapshotError, v8};

static JS: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/js");

/// Everything that the snapshot is made of.
pub fn runtime() -> Runtime {
    let mut ops = webapi::ops();
    ops.extend(crate::fetch_event::OPS);
    ops.extend(crate::compatibility::OPS);
    ops.extend(crate::node_modules::OPS);
    ops.extend(crate::console::OPS);
    ops.extend(crate::cache::OPS);
    ops.extend(crate::object_ops::OPS);
    ops.extend(crate::object_socket_ops::OPS);
    ops.extend(crate::object_storage::OPS);
    ops.extend(crate::d1::OPS);
    ops.extend(crate::kv::OPS);
    ops.extend(crate::queue::OPS);
    ops.extend(crate::queue_event::OPS);
    ops.extend(crate::service::OPS);
    ops.extend(crate::rpc::ops::OPS);
    ops.extend(crate::r2::OPS);
    ops.extend(crate::rate_limit::OPS);
    ops.extend(crate::analytics::OPS);
    ops.extend(nodejs::OPS);
    let mut modules = Vec::new();
    add_modules("skerry:/webapi", &webapi::JS, &mut modules);
    add_modules("skerry:/workers", &JS, &mut modules);
    Runtime::new(ops, modules, "skerry:/workers/main.js")
}

fn add_modules(prefix: &str, folder: &Dir<'static>, modules: &mut Vec<(String, &'static str)>) {
    for file in folder.files() {
        let code = file.contents_utf8().expect("the runtime's JavaScript is UTF-8");
        modules.push((format!("{prefix}/{}", file.path().display()), code));
    }
    for folder in folder.dirs() {
        add_modules(prefix, folder, modules);
    }
}

/// The version of V8.
pub fn v8_version() -> &'static str {
    v8::V8::get_version()
}

/// Makes the startup snapshot. Done at build time.
pub fn snapshot() -> Result<Snapshot, SnapshotError> {
    runtime().snapshot()
}

/// The functions that native code calls for each event, kept at hand.
pub(crate) struct Hooks {
    pub(crate) fetch: v8::Global<v8::Function>,
    pub(crate) scheduled: v8::Global<v8::Function>,
    pub(crate) queue: v8::Global<v8::Function>,
    pub(crate) tail: v8::Global<v8::Function>,
    pub(crate) gone: v8::Global<v8::Function>,
    pub(crate) call: v8::Global<v8::Function>,
    pub(crate) target_call: v8::Global<v8::Function>,
    pub(crate) abandoned: v8::Global<v8::Function>,
    pub(crate) release: v8::Global<v8::Function>,
    pub(crate) open_object: v8::Global<v8::Function>,
    pub(crate) alarm: v8::Global<v8::Function>,
    pub(crate) socket: v8::Global<v8::Function>,
}

// === impl Hooks ===

impl Hooks {
    fn find(scope: &mut v8::PinScope) -> Option<Self> {
        let find = |name| isolate::hook(scope, name).map(|function| v8::Global::new(scope, function));
        Some(Self {
            fetch: find("dispatchFetch")?,
            scheduled: find("dispatchScheduled")?,
            queue: find("dispatchQueue")?,
            tail: find("dispatchTail")?,
            gone: find("dispatchGone")?,
            call: find("dispatchCall")?,
            target_call: find("dispatchTargetCall")?,
            abandoned: find("dispatchAbandoned")?,
            release: find("dispatchRelease")?,
            open_object: find("openObject")?,
            alarm: find("dispatchAlarm")?,
            socket: find("dispatchSocket")?,
        })
    }
}

/// Calls one of the hooks.
pub(crate) fn call(
    scope: &mut v8::PinScope,
    which: impl Fn(&Hooks) -> &v8::Global<v8::Function>,
    arguments: &[v8::Local<v8::Value>],
) {
    let Some(hook) = isolate::embedder::<Hooks>(scope).map(|hooks| which(hooks).clone()) else { return };
    let hook = v8::Local::new(scope, hook);
    let this = v8::undefined(scope).into();
    hook.call(scope, this, arguments);
}

/// Before the script runs: makes its `env` and tells the runtime's JavaScript, which a classic script sees as globals.
pub(crate) fn prepare(scope: &mut v8::PinScope, version: &crate::Version) -> Result<(), JsException> {
    let env = crate::binding::env(scope, &version.bindings)?.into();
    let on = version.compatibility;
    isolate::put(scope, webapi::websocket::Compression(on.is_on("web_socket_compression")));
    isolate::put(
        scope,
        webapi::Behavior {
            brotli: on.is_on("brotli_content_encoding"),
            strip_authorization: on.is_on("strip_authorization_on_cross_origin_redirect"),
            void_esi: on.is_on("html_rewriter_treats_esi_include_as_void_tag"),
        },
    );
    isolate::put(scope, on);
    if isolate::inspected(scope) {
        call_checked(scope, "inspectConsole", &[])?;
    }
    isolate::allow_code_generation(scope, on.is_on("allow_eval_during_startup"));
    isolate::set_import_attributes(scope, import_attributes(&on));
    let is_script = v8::Boolean::new(scope, version.modules.is_script()).into();
    let off: Vec<v8::Local<v8::Value>> = on.deviations().map(|name| isolate::new_string(scope, name).into()).collect();
    let off = v8::Array::new_with_elements(scope, &off).into();
    let own = own(scope, &version.own);
    call_checked(scope, "prepare", &[env, is_script, off, own])
}

/// `[service | undefined, class, namespace, class, namespace, …]`, the services by their numbers.
fn own<'s>(scope: &mut v8::PinScope<'s, '_>, own: &crate::Own) -> v8::Local<'s, v8::Value> {
    let service = own.service.clone().map(|service| crate::binding::keep(scope, service));
    let mut told: Vec<v8::Local<v8::Value>> = vec![match service {
        Some(number) => v8::Integer::new_from_unsigned(scope, number).into(),
        None => v8::undefined(scope).into(),
    }];
    for (name, namespace) in &own.objects {
        let number = crate::binding::keep(scope, namespace.clone());
        told.push(isolate::new_string(scope, name).into());
        told.push(v8::Integer::new_from_unsigned(scope, number).into());
    }
    v8::Array::new_with_elements(scope, &told).into()
}

fn import_attributes(on: &crate::Compatibility) -> isolate::ImportAttributes {
    match (on.is_on("throw_on_unrecognized_import_assertion"), on.is_on("new_module_registry")) {
        (false, _) => isolate::ImportAttributes::Ignored,
        (true, false) => isolate::ImportAttributes::Refused,
        (true, true) => isolate::ImportAttributes::Standard,
    }
}

/// After the script has run: finds its handlers in its namespace, none for a classic script.
pub(crate) fn start(scope: &mut v8::PinScope, namespace: Option<v8::Local<v8::Object>>) -> Result<(), JsException> {
    let namespace = namespace.map_or_else(|| v8::undefined(scope).into(), v8::Local::<v8::Value>::from);
    isolate::allow_code_generation(scope, false);
    call_checked(scope, "start", &[namespace])?;
    let Some(hooks) = Hooks::find(scope) else { return Err(no_hook("dispatchFetch")) };
    isolate::put(scope, hooks);
    Ok(())
}

/// The events that a Worker which has started handles.
pub(crate) fn handled_events(scope: &mut v8::PinScope) -> Result<Vec<String>, JsException> {
    names(scope, "handledEvents")
}

/// The classes that the main module of a Worker which has started exports.
pub(crate) fn exported_classes(scope: &mut v8::PinScope) -> Result<Vec<String>, JsException> {
    names(scope, "exportedClasses")
}

/// What a hook tells, joined by commas.
fn names(scope: &mut v8::PinScope, name: &str) -> Result<Vec<String>, JsException> {
    let Some(hook) = isolate::hook(scope, name) else { return Err(no_hook(name)) };
    v8::tc_scope!(let scope, scope);
    let this = v8::undefined(scope).into();
    let names = hook.call(scope, this, &[]).map(|names| names.to_rust_string_lossy(scope)).unwrap_or_default();
    match scope.exception() {
        Some(exception) => Err(JsException::capture(scope, exception)),
        None => Ok(names.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect()),
    }
}

pub(crate) fn call_checked(
    scope: &mut v8::PinScope,
    name: &str,
    arguments: &[v8::Local<v8::Value>],
) -> Result<(), JsException> {
    let Some(hook) = isolate::hook(scope, name) else { return Err(no_hook(name)) };
    v8::tc_scope!(let scope, scope);
    let this = v8::undefined(scope).into();
    hook.call(scope, this, arguments);
    match scope.exception() {
        Some(exception) => Err(JsException::capture(scope, exception)),
        None => Ok(()),
    }
}

fn no_hook(name: &str) -> JsException {
    let message = format!("the snapshot lacks the hook {name}");
    JsException { name: "Error".into(), message, ..JsException::default() }
}
