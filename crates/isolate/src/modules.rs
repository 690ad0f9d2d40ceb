//! The modules of a script as they were deployed: sources by name, shared by all isolates that run it, with what was
//! learned in compiling them (V8's code cache, compiled wasm).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bytes::Bytes;

/// How a module's content is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ModuleKind {
    EsModule,
    CommonJs,
    Json,
    Text,
    Data,
    Wasm,
    /// A classic script: service-worker syntax. Only as the main module.
    Script,
}

/// One module.
pub struct ModuleSource {
    pub kind: ModuleKind,
    pub content: Bytes,
    /// The content of a module of the runtime's own, outside V8's heap.
    pub(crate) text: Option<&'static v8::OneByteConst>,
    code_cache: OnceLock<Arc<[u8]>>,
    wasm: Mutex<Option<v8::CompiledWasmModule>>,
}

/// The modules of one version of a script.
pub struct ModuleGraph {
    /// The name of the entry module.
    pub main: String,
    modules: HashMap<String, ModuleSource>,
}

// === impl ModuleSource ===

impl ModuleSource {
    pub fn new(kind: ModuleKind, content: impl Into<Bytes>) -> Self {
        Self { kind, content: content.into(), text: None, code_cache: OnceLock::new(), wasm: Mutex::new(None) }
    }

    pub(crate) fn of_runtime(text: &'static v8::OneByteConst) -> Self {
        Self { text: Some(text), ..Self::new(ModuleKind::EsModule, Bytes::new()) }
    }

    pub(crate) fn code_cache(&self) -> Option<&Arc<[u8]>> {
        self.code_cache.get()
    }

    pub(crate) fn keep_code_cache(&self, cache: &[u8]) {
        let _ = self.code_cache.set(cache.into());
    }

    /// The module compiled from wasm bytes, compiled once for all isolates.
    pub fn wasm<'s>(&self, scope: &mut v8::PinScope<'s, '_>) -> Option<v8::Local<'s, v8::WasmModuleObject>> {
        let mut compiled = self.wasm.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(compiled) = compiled.as_ref() {
            return v8::WasmModuleObject::from_compiled_module(scope, compiled);
        }
        crate::state::state(scope).compiling_wasm = true;
        let module = v8::WasmModuleObject::compile(scope, &self.content);
        crate::state::state(scope).compiling_wasm = false;
        *compiled = Some(module?.get_compiled_module());
        module
    }
}

// === impl ModuleGraph ===

impl ModuleGraph {
    /// `main` names the entry among `modules`.
    pub fn new(main: impl Into<String>, modules: impl IntoIterator<Item = (String, ModuleSource)>) -> Self {
        Self { main: main.into(), modules: modules.into_iter().collect() }
    }

    /// Whether the entry is a classic script.
    pub fn is_script(&self) -> bool {
        self.get(&self.main).is_some_and(|main| main.kind == ModuleKind::Script)
    }

    pub fn get(&self, name: &str) -> Option<&ModuleSource> {
        self.modules.get(name)
    }

    /// All modules by their names, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &ModuleSource)> {
        self.modules.iter().map(|(name, module)| (name.as_str(), module))
    }
}
