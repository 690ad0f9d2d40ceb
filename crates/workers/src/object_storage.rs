//! The ops behind `DurableObjectStorage`: synchronous, as the storage is at hand. Values are serialised by JavaScript.

use durable::{List, Rows, Value};
use isolate::{Args, JsError, Op, OpValue, op, v8};

use crate::object_state::{alarm_changed, bookmark, change, state};

pub(crate) const OPS: &[Op] = &[
    op!(op_storage_get),
    op!(op_storage_put),
    op!(op_storage_delete),
    op!(op_storage_list),
    op!(op_storage_delete_all),
    op!(op_storage_begin),
    op!(op_storage_end),
    op!(op_storage_sync),
    op!(op_storage_bookmark),
    op!(op_storage_restore),
    op!(op_alarm_get),
    op!(op_alarm_set),
    op!(op_alarm_begin),
    op!(op_alarm_end),
    op!(op_sql_exec),
    op!(op_sql_size),
];

/// Returns what `result` holds, or throws its error.
fn settle<T>(scope: &mut v8::PinScope, result: Result<T, JsError>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(error) => {
            isolate::throw(scope, error);
            None
        }
    }
}

/// Reads the storage, which changes nothing.
fn look<T>(
    scope: &mut v8::PinScope,
    look: impl FnOnce(&mut durable::Storage) -> Result<T, durable::Error>,
) -> Option<T> {
    let result = match state(scope) {
        Some(state) => look(&mut state.storage).map_err(|error| JsError::error(error.to_string())),
        None => Err(JsError::error("There is no storage here.")),
    };
    settle(scope, result)
}

fn optional(scope: &mut v8::PinScope, args: &Args, index: i32) -> Option<String> {
    args.get(index).is_string().then(|| isolate::string_arg(scope, args, index))
}

/// `op_storage_get(key)` → bytes, or undefined
fn op_storage_get(scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    let key = isolate::string_arg(scope, &args, 0);
    if let Some(Some(value)) = look(scope, |storage| storage.get(&key)) {
        rv.set(isolate::new_bytes(scope, value).into());
    }
}

/// `op_storage_put(key, bytes)`
fn op_storage_put(scope: &mut v8::PinScope, args: Args, _rv: v8::ReturnValue) {
    let key = isolate::string_arg(scope, &args, 0);
    let Some(value) = isolate::bytes_arg(scope, &args, 1) else { return };
    let result = change(scope, |storage| storage.put(&key, &value));
    settle(scope, result);
}

/// `op_storage_delete(key)` → whether there was one
fn op_storage_delete(scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    let key = isolate::string_arg(scope, &args, 0);
    let result = change(scope, |storage| storage.delete(&key));
    if let Some(there) = settle(scope, result) {
        rv.set_bool(there);
    }
}

/// `op_storage_list(prefix, start, startAfter, end, reverse, limit)` → `[key, bytes, …]`
fn op_storage_list(scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    let list = List {
        prefix: optional(scope, &args, 0),
        start: optional(scope, &args, 1),
        start_after: optional(scope, &args, 2),
        end: optional(scope, &args, 3),
        reverse: args.get(4).is_true(),
        limit: if args.get(5).is_number() { args.get(5).uint32_value(scope) } else { None },
    };
    let Some(entries) = look(scope, |storage| storage.list(&list)) else { return };
    let mut flat: Vec<v8::Local<v8::Value>> = Vec::with_capacity(entries.len() * 2);
    for (key, value) in entries {
        flat.push(isolate::new_string(scope, &key).into());
        flat.push(isolate::new_bytes(scope, value).into());
    }
    rv.set(v8::Array::new_with_elements(scope, &flat).into());
}

/// `op_storage_delete_all()`
fn op_storage_delete_all(scope: &mut v8::PinScope, _args: Args, _rv: v8::ReturnValue) {
    let result = change(scope, durable::Storage::delete_all);
    settle(scope, result);
}

/// `op_storage_begin(awaits)`: begins a transaction within the step's. `awaits`: it may outlast the step.
fn op_storage_begin(scope: &mut v8::PinScope, args: Args, _rv: v8::ReturnValue) {
    let awaits = args.get(0).is_true();
    let result = change(scope, |storage| storage.begin(awaits));
    settle(scope, result);
}

/// `op_storage_end(keep)`: ends the transaction that was begun last.
fn op_storage_end(scope: &mut v8::PinScope, args: Args, _rv: v8::ReturnValue) {
    let keep = args.get(0).is_true();
    let result = change(scope, |storage| storage.end(keep));
    settle(scope, result);
}

/// `op_storage_sync()` → a promise that is fulfilled when all changes so far are durable
fn op_storage_sync(scope: &mut v8::PinScope, _args: Args, rv: v8::ReturnValue) {
    let gate = isolate::output_gate(scope);
    isolate::spawn(scope, rv, async move {
        if let Some(gate) = gate {
            gate.await?;
        }
        Ok(().into())
    });
}

/// `op_storage_bookmark(time | undefined)` → a promise of a bookmark: of the state at the end of this step, or at a time in
/// milliseconds since the epoch
fn op_storage_bookmark(scope: &mut v8::PinScope, args: Args, rv: v8::ReturnValue) {
    let time = if args.get(0).is_number() { args.get(0).integer_value(scope) } else { None };
    let bookmark = bookmark(scope, time);
    isolate::spawn(scope, rv, async { Ok(OpValue::String(bookmark.await?.to_string())) });
}

/// `op_storage_restore(bookmark)` → a bookmark of what will have been before: the next instance begins with the state at the bookmark.
fn op_storage_restore(scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    let text = isolate::string_arg(scope, &args, 0);
    let result = match state(scope) {
        Some(state) => state.storage.restore_next(&text).map_err(|error| JsError::error(error.to_string())),
        None => Err(JsError::error("There is no storage here.")),
    };
    if let Some(bookmark) = settle(scope, result) {
        rv.set(isolate::new_string(scope, bookmark.as_str()).into());
    }
}

/// `op_alarm_get()` → milliseconds since the epoch, or null
fn op_alarm_get(scope: &mut v8::PinScope, _args: Args, mut rv: v8::ReturnValue) {
    match look(scope, durable::Storage::alarm) {
        Some(Some(due)) => rv.set_double(due as f64),
        Some(None) => rv.set_null(),
        None => {}
    }
}

/// `op_alarm_set(due)`: milliseconds since the epoch, or null for none.
fn op_alarm_set(scope: &mut v8::PinScope, args: Args, _rv: v8::ReturnValue) {
    let due = if args.get(0).is_number() { args.get(0).integer_value(scope) } else { None };
    let result = change(scope, |storage| storage.set_alarm(due));
    if settle(scope, result).is_some() {
        alarm_changed(scope);
    }
}

/// `op_alarm_begin()` → whether the alarm is due, and is to run now
fn op_alarm_begin(scope: &mut v8::PinScope, _args: Args, mut rv: v8::ReturnValue) {
    let now = crate::object_alarm::now();
    let result = change(scope, |storage| storage.begin_alarm(now));
    if let Some(due) = settle(scope, result) {
        if !due {
            // The clock woke it for nothing, or too early: what the storage says stands.
            alarm_changed(scope);
        }
        rv.set_bool(due);
    }
}

/// `op_alarm_end()`: the alarm has run.
fn op_alarm_end(scope: &mut v8::PinScope, _args: Args, _rv: v8::ReturnValue) {
    let result = change(scope, durable::Storage::end_alarm);
    if settle(scope, result).is_some() {
        alarm_changed(scope);
    }
}

/// `op_sql_exec(sql, bindings)` → `[columns, rows, read, written]`, each row an array
fn op_sql_exec(scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    let sql = isolate::string_arg(scope, &args, 0);
    let Some(bindings) = bindings(scope, args.get(1)) else { return };
    let result = change(scope, |storage| storage.exec(&sql, &bindings, isolate::must_stop));
    let Some(Rows { columns, rows, read, written }) = settle(scope, result) else { return };
    let columns: Vec<_> = columns.iter().map(|name| isolate::new_string(scope, name).into()).collect();
    let columns = v8::Array::new_with_elements(scope, &columns);
    let mut found = Vec::with_capacity(rows.len());
    for row in rows {
        let values: Vec<_> = row.into_iter().map(|value| to_js(scope, value)).collect();
        found.push(v8::Array::new_with_elements(scope, &values).into());
    }
    let parts = [
        columns.into(),
        v8::Array::new_with_elements(scope, &found).into(),
        v8::Number::new(scope, read as f64).into(),
        v8::Number::new(scope, written as f64).into(),
    ];
    rv.set(v8::Array::new_with_elements(scope, &parts).into());
}

/// `None`: an exception is pending.
fn bindings(scope: &mut v8::PinScope, values: v8::Local<v8::Value>) -> Option<Vec<Value>> {
    let values = values.try_cast::<v8::Array>().ok()?;
    let mut bindings = Vec::with_capacity(values.length() as usize);
    for index in 0..values.length() {
        let value = values.get_index(scope, index)?;
        bindings.push(if value.is_null_or_undefined() {
            Value::Null
        } else if value.is_string() {
            Value::Text(value.to_rust_string_lossy(scope))
        } else if value.is_number() {
            let number = value.number_value(scope)?;
            // As SQLite's own binding of a double: what is a whole number is one.
            match number == number.trunc() && number.abs() <= 9_007_199_254_740_992.0 {
                true => Value::Integer(number as i64),
                false => Value::Real(number),
            }
        } else if let Ok(view) = value.try_cast::<v8::ArrayBufferView>() {
            let mut bytes = vec![0; view.byte_length()];
            let copied = view.copy_contents(&mut bytes);
            bytes.truncate(copied);
            Value::Blob(bytes)
        } else {
            let message =
                "Provided value cannot be bound to SQL query: use null, a number, a string or an ArrayBuffer.";
            isolate::throw(scope, JsError::type_error(message));
            return None;
        });
    }
    Some(bindings)
}

fn to_js<'s>(scope: &mut v8::PinScope<'s, '_>, value: Value) -> v8::Local<'s, v8::Value> {
    match value {
        Value::Null => v8::null(scope).into(),
        Value::Integer(value) => v8::Number::new(scope, value as f64).into(),
        Value::Real(value) => v8::Number::new(scope, value).into(),
        Value::Text(text) => isolate::new_string(scope, &text).into(),
        Value::Blob(bytes) => {
            let view = isolate::new_bytes(scope, bytes);
            view.buffer(scope).map_or_else(|| v8::null(scope).into(), Into::into)
        }
    }
}

/// `op_sql_size()` → bytes of the database
fn op_sql_size(scope: &mut v8::PinScope, _args: Args, mut rv: v8::ReturnValue) {
    if let Some(size) = look(scope, durable::Storage::size) {
        rv.set_double(size as f64);
    }
}
