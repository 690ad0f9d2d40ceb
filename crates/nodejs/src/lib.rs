//! Node.js' builtin modules as Workers have them with `nodejs_compat`: Node's own JavaScript (`third_party/node`) over bindings of
//! our own (`js/`, and the native functions under them here). All of it is loaded when a Worker first asks: neither the snapshot
//! nor a Worker without the flag has any of it. Nothing here knows about handlers or bindings of Workers.

mod buffer;
mod bundle;
mod crypto;
mod dns;
mod domain;
mod encoding;
mod error;
mod library;
mod search;
mod types;
mod util;
mod zlib;

use isolate::{Args, Op, v8};

/// What the snapshot has of this crate.
pub const OPS: &[Op] = &[isolate::op!(op_node_compile), isolate::op!(op_node_binding)];

/// The native functions by the name of the binding, as Node's `internalBinding(name)` has them.
fn binding(name: &str) -> Option<&'static [Op]> {
    match name {
        "buffer" => Some(buffer::OPS),
        "bundle" => Some(bundle::OPS),
        "cares_wrap" => Some(dns::OPS),
        "encoding_binding" => Some(domain::OPS),
        "types" => Some(types::OPS),
        "util" => Some(util::OPS),
        "zlib" => Some(zlib::OPS),
        _ => crypto::part(name.strip_prefix("crypto/")?),
    }
}

/// `op_node_compile(id)` → `(exports, require, module, process, internalBinding, primordials) => any`, the module as Node
/// compiles its own; undefined for one that is not there.
fn op_node_compile(scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    let id = isolate::string_arg(scope, &args, 0);
    if let Some(function) = library::find(&id).and_then(|file| file.compile(scope)) {
        rv.set(function.into());
    }
}

/// `op_node_binding(name)` → an object of functions, or undefined. `index_of_string` is `indexOfString` there.
fn op_node_binding(scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    let Some(ops) = binding(&isolate::string_arg(scope, &args, 0)) else { return };
    let object = v8::Object::new(scope);
    for op in ops {
        let Some(function) = op.function(scope) else { return };
        let name = isolate::new_string(scope, &camel_case(op.name));
        function.set_name(name);
        object.set(scope, name.into(), function.into());
    }
    rv.set(object.into());
}

fn camel_case(name: &str) -> String {
    let mut parts = name.split('_');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text.extend(part.chars().take(1).map(|c| c.to_ascii_uppercase()));
        text.push_str(part.get(1..).unwrap_or_default());
    }
    text
}
