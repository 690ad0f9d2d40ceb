//! `internalBinding('bundle')`: the Worker's own modules, as the files of `/bundle`.

use isolate::{Args, Op, op, v8};
use webapi::views::write_bytes_at;

pub(crate) const OPS: &[Op] = &[op!(modules), op!(read)];

/// `modules()` -> `[name, size, ...]`, by name
fn modules(scope: &mut v8::PinScope, _args: Args, mut rv: v8::ReturnValue) {
    let Some(graph) = isolate::script(scope) else { return };
    let mut modules: Vec<_> = graph.iter().map(|(name, module)| (name, module.content.len())).collect();
    modules.sort_unstable();
    let listed: Vec<v8::Local<v8::Value>> = modules
        .into_iter()
        .flat_map(|(name, size)| [isolate::new_string(scope, name).into(), v8::Number::new(scope, size as f64).into()])
        .collect();
    rv.set(v8::Array::new_with_elements(scope, &listed).into());
}

/// `read(name, target, position)` -> how many bytes of the module, from there on, came to the view
fn read(scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    let name = isolate::string_arg(scope, &args, 0);
    let position = args.get(2).integer_value(scope).and_then(|position| usize::try_from(position).ok());
    let Some(graph) = isolate::script(scope) else { return };
    let (Some(module), Some(position), Ok(target)) =
        (graph.get(&name), position, args.get(1).try_cast::<v8::ArrayBufferView>())
    else {
        return rv.set_double(0.0);
    };
    let rest = module.content.get(position..).unwrap_or_default();
    let part = &rest[..rest.len().min(target.byte_length())];
    write_bytes_at(target, 0, part);
    rv.set_double(part.len() as f64);
}
