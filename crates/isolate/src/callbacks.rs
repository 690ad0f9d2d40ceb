//! What V8 asks the embedder while scripts run: rejected promises, whether wasm may be compiled, `import.meta`.

use crate::state::state;

/// Installs the callbacks of a new isolate.
pub(crate) fn install(isolate: &mut v8::Isolate) {
    isolate.set_microtasks_policy(v8::MicrotasksPolicy::Explicit);
    isolate.set_capture_stack_trace_for_uncaught_exceptions(true, 20);
    isolate.set_promise_reject_callback(promise_rejected);
    isolate.set_allow_wasm_code_generation_callback(crate::code_generation::may_compile_wasm);
    isolate.set_host_initialize_import_meta_object_callback(initialize_import_meta);
    isolate.set_host_import_module_dynamically_callback(crate::module_map::import_dynamically);
    isolate.set_allow_atomics_wait(false);
}

unsafe extern "C" fn promise_rejected(message: v8::PromiseRejectMessage) {
    use v8::PromiseRejectEvent::*;
    // SAFETY: V8 calls this with the message of the isolate that runs on this thread.
    v8::callback_scope!(unsafe scope, &message);
    let promise = v8::Global::new(scope, message.get_promise());
    match message.get_event() {
        PromiseRejectWithNoHandler => {
            let reason = message.get_value().unwrap_or_else(|| v8::undefined(scope).into());
            let reason = v8::Global::new(scope, reason);
            state(scope).rejections.add(promise, reason);
        }
        PromiseHandlerAddedAfterReject => state(scope).rejections.handled(&promise),
        PromiseRejectAfterResolved | PromiseResolveAfterResolved => {}
    }
}

unsafe extern "C" fn initialize_import_meta(
    context: v8::Local<v8::Context>,
    module: v8::Local<v8::Module>,
    meta: v8::Local<v8::Object>,
) {
    // SAFETY: V8 calls this with the context that runs on this thread.
    v8::callback_scope!(unsafe scope, context);
    let name = state(scope).modules.name_of(module).map(str::to_owned);
    let Some(name) = name else { return };
    let key = crate::new_string(scope, "url");
    let url = crate::new_string(scope, &format!("file:///{name}"));
    meta.create_data_property(scope, key.into(), url.into());
}
