//! The startup snapshot: the runtime's own JavaScript, evaluated once, at build time, and laid down as V8's heap. An
//! isolate starts from it without evaluating any of it again.

use std::borrow::Cow;

use crate::memory::Memory;
use crate::module_map::{resolve, resolve_import};
use crate::state::{HOOKS_SLOT, IsolateState, attach, state};
use crate::{JsException, Op};

/// The runtime's native functions and JavaScript, known before any script.
pub struct Runtime {
    ops: Vec<Op>,
    modules: Vec<(String, &'static v8::OneByteConst)>,
    entry: &'static str,
}

/// A startup snapshot's bytes. Only good for the program that made it, with the same [`Runtime`].
#[derive(Clone)]
pub struct Snapshot(pub Cow<'static, [u8]>);

#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    #[error("the runtime's JavaScript failed while the snapshot was made: {exception}\n{}", .exception.stack)]
    Script { exception: JsException },
    #[error("V8 could not lay down the snapshot")]
    Blob,
}

/// The name under which modules of the runtime import its ops.
const OPS_MODULE: &str = "skerry:ops";

// === impl Runtime ===

impl Runtime {
    /// `modules`: ES modules by name, such as `skerry:/webapi/url.js`, in ASCII; they import each other relatively and ops
    /// from `skerry:ops`. The exports of `entry` are the hooks that native code calls.
    ///
    /// The texts stay outside V8's heap, one copy for all isolates; they are never freed: make one runtime in a process.
    pub fn new(ops: Vec<Op>, modules: Vec<(String, &'static str)>, entry: &'static str) -> Self {
        let modules = modules.into_iter().map(|(name, code)| {
            let text = v8::String::create_external_onebyte_const(code.as_bytes());
            (name, &*Box::leak(Box::new(text)))
        });
        Self { ops, modules: modules.collect(), entry }
    }

    /// Where the snapshot may point outside V8's heap: the ops and the modules' texts, in a fixed order.
    pub(crate) fn external_references(&self) -> Cow<'static, [v8::ExternalReference]> {
        let ops = self.all_ops().map(|op| v8::ExternalReference { function: (op.callback)() });
        let texts = self
            .modules
            .iter()
            .map(|(_, text)| v8::ExternalReference { pointer: std::ptr::from_ref(*text).cast_mut().cast() });
        ops.chain(texts).collect()
    }

    fn all_ops(&self) -> impl Iterator<Item = &Op> {
        crate::op::OPS.iter().chain(&self.ops)
    }

    /// Makes the snapshot. Evaluates every module that the entry reaches.
    pub fn snapshot(&self) -> Result<Snapshot, SnapshotError> {
        crate::initialize();
        let memory = Memory::new(1 << 30);
        let mut state = Box::new(IsolateState::new(memory));
        let mut isolate = v8::Isolate::snapshot_creator(Some(self.external_references()), None);
        // SAFETY: `state` lives to the end of this function; the isolate is used up before it.
        unsafe { attach(&mut isolate, (&mut *state).into()) };
        crate::callbacks::install(&mut isolate);
        let made = {
            v8::scope!(let scope, &mut isolate);
            let context = v8::Context::new(scope, Default::default());
            let scope = &mut v8::ContextScope::new(scope, context);
            let made = self.evaluate(scope);
            // The crate's own record of the context is a weak handle, which no snapshot may hold.
            context.clear_all_slots();
            scope.set_default_context(context);
            made
        };
        // What the state holds of V8's heap must go before the snapshot is taken.
        state.modules = Default::default();
        state.rejections = Default::default();
        let blob = isolate.create_blob(v8::FunctionCodeHandling::Keep);
        made?;
        Ok(Snapshot(blob.ok_or(SnapshotError::Blob)?.to_vec().into()))
    }

    fn evaluate(&self, scope: &mut v8::PinScope) -> Result<(), SnapshotError> {
        v8::tc_scope!(let scope, scope);
        let done = self.evaluate_modules(scope);
        match scope.exception() {
            Some(exception) => Err(SnapshotError::Script { exception: JsException::capture(scope, exception) }),
            None => done.ok_or(SnapshotError::Blob),
        }
    }

    fn evaluate_modules(&self, scope: &mut v8::PinScope) -> Option<()> {
        let ops = v8::Object::new(scope);
        let mut ops_source = String::from("const ops = globalThis.__ops;\n");
        for op in self.all_ops() {
            let name = crate::new_string(scope, op.name);
            let function = op.function(scope)?;
            function.set_name(name);
            ops.set(scope, name.into(), function.into());
            ops_source.push_str(&format!("export const {0} = ops.{0};\n", op.name));
        }
        let global = scope.get_current_context().global(scope);
        let ops_key = crate::new_string(scope, "__ops").into();
        global.set(scope, ops_key, ops.into());

        let graph = crate::ModuleGraph::new(
            self.entry,
            self.modules
                .iter()
                .map(|(name, text)| (name.clone(), crate::ModuleSource::of_runtime(text)))
                .chain([(OPS_MODULE.to_owned(), crate::ModuleSource::new(crate::ModuleKind::EsModule, ops_source))]),
        );
        state(scope).modules.set_graph(std::sync::Arc::new(graph));
        let module = crate::module_map::load(scope, &resolve(self.entry, ""), "")?;
        module.instantiate_module(scope, resolve_import)?;
        let evaluated = module.evaluate(scope)?;
        scope.perform_microtask_checkpoint();
        let promise = evaluated.try_cast::<v8::Promise>().ok()?;
        if promise.state() == v8::PromiseState::Rejected {
            let reason = promise.result(scope);
            scope.throw_exception(reason);
            return None;
        }
        global.delete(scope, ops_key);
        let namespace = module.get_module_namespace().try_cast::<v8::Object>().ok()?;
        let hooks = v8::Object::new(scope);
        let names = namespace.get_own_property_names(scope, Default::default())?;
        for index in 0..names.length() {
            let name = names.get_index(scope, index)?;
            let value = namespace.get(scope, name)?;
            hooks.set(scope, name, value);
        }
        scope.get_current_context().set_embedder_data(HOOKS_SLOT, hooks.into());
        Some(())
    }
}
