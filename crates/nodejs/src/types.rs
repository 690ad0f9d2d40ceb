//! `internalBinding('types')`: what kind of object a value is, past all proxies and prototypes.

use isolate::{Args, Op, op, v8};

macro_rules! checks {
    ($($name:ident),* $(,)?) => {
        $(
            fn $name(_scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
                rv.set_bool(args.get(0).$name());
            }
        )*
        pub(crate) const OPS: &[Op] = &[$(op!($name)),*, op!(is_any_array_buffer), op!(is_boxed_primitive)];
    };
}

checks! {
    is_external, is_date, is_arguments_object, is_big_int_object, is_boolean_object, is_number_object, is_string_object,
    is_symbol_object, is_native_error, is_reg_exp, is_async_function, is_generator_function, is_generator_object, is_promise,
    is_map, is_set, is_map_iterator, is_set_iterator, is_weak_map, is_weak_set, is_array_buffer, is_data_view,
    is_shared_array_buffer, is_proxy, is_module_namespace_object,
}

fn is_any_array_buffer(_scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    let value = args.get(0);
    rv.set_bool(value.is_array_buffer() || value.is_shared_array_buffer());
}

fn is_boxed_primitive(_scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    let value = args.get(0);
    rv.set_bool(
        value.is_number_object()
            || value.is_string_object()
            || value.is_boolean_object()
            || value.is_big_int_object()
            || value.is_symbol_object(),
    );
}
