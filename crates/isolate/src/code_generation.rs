//! Code made of data: `eval()`, `new Function()`, WebAssembly from bytes. None of it is allowed but where the embedder says so.

use crate::state::state;

/// Allows it, or forbids it again.
pub fn allow_code_generation(scope: &mut v8::PinScope, allowed: bool) {
    scope.get_current_context().set_allow_generation_from_strings(allowed);
    state(scope).code_generation = allowed;
}

/// V8's question about WebAssembly. The runtime itself compiles the modules that were deployed.
pub(crate) unsafe extern "C" fn may_compile_wasm(
    context: v8::Local<v8::Context>,
    _source: v8::Local<v8::String>,
) -> bool {
    // SAFETY: V8 calls this with the context that runs on this thread.
    v8::callback_scope!(unsafe scope, context);
    let state = state(scope);
    state.compiling_wasm || state.code_generation
}
