//! The ops under `env.DB`: statements to a D1 database, and its answers as JSON has them.

use d1::{Database, ResultsFormat, Statement, Value};
use isolate::{Args, JsError, Op, OpValue, op, v8};

pub(crate) const OPS: &[Op] = &[op!(op_d1_query)];

/// `op_d1_query(database, [[sql, params], …], asRows)` → a promise of `[answers, bookmark]`, or, when statement `at`
/// failed and nothing was done, of `[undefined, message, at]`.
fn op_d1_query(scope: &mut v8::PinScope, args: Args, rv: v8::ReturnValue) {
    if !isolate::require_io(scope) {
        return;
    }
    let Some(database) = crate::binding::service_arg::<Database>(scope, &args, 0) else {
        return isolate::throw(scope, JsError::error("This D1 database is not bound to the Worker."));
    };
    let statements = match statements(scope, args.get(1)) {
        Ok(statements) => statements,
        Err(error) => return isolate::throw(scope, error),
    };
    let format = if args.get(2).is_true() { ResultsFormat::RowsAndColumns } else { ResultsFormat::ArrayOfObjects };
    if let Some(Err(error)) = isolate::io_context(scope).map(|context| context.take_subrequest()) {
        return isolate::throw(scope, error);
    }
    let mut span = isolate::begin_span(scope, || "d1_query".into());
    span.fact("db.system.name", || "cloudflare-d1");
    span.fact("db.operation.batch.size", || statements.len() as i64);
    isolate::spawn_output(scope, rv, async move {
        let asked = database.query_with(statements, move |outputs| d1::outputs_json(&outputs, format));
        let answer = span.watch(asked).await;
        drop(span);
        Ok(OpValue::With(Box::new(move |scope| {
            let answer = match &answer {
                Ok((json, bookmark)) => [parse(scope, json), text(scope, bookmark.as_str())].to_vec(),
                Err(failed) => {
                    let at = v8::Integer::new_from_unsigned(scope, failed.at as u32).into();
                    vec![v8::undefined(scope).into(), text(scope, &failed.error.to_string()), at]
                }
            };
            let answer: v8::Local<v8::Value> = v8::Array::new_with_elements(scope, &answer).into();
            v8::Global::new(scope, answer)
        })))
    });
}

fn text<'s>(scope: &v8::PinScope<'s, '_>, text: &str) -> v8::Local<'s, v8::Value> {
    isolate::new_string(scope, text).into()
}

/// The value of a JSON text. When it could not fit the isolate's memory the script is being ended.
fn parse<'s>(scope: &mut v8::PinScope<'s, '_>, json: &str) -> v8::Local<'s, v8::Value> {
    let json = isolate::new_string(scope, json);
    let value = if webapi::json::fits(scope, json) { v8::json::parse(scope, json) } else { None };
    value.unwrap_or_else(|| v8::undefined(scope).into())
}

fn statements(scope: &mut v8::PinScope, value: v8::Local<v8::Value>) -> Result<Vec<Statement>, JsError> {
    let mut statements = Vec::new();
    for item in items(scope, value)? {
        let [sql, params] = items(scope, item)?[..] else { return Err(wrong("a statement")) };
        if !sql.is_string() {
            return Err(JsError::error("D1_ERROR: A statement's SQL must be a string."));
        }
        let mut statement = Statement::new(sql.to_rust_string_lossy(scope));
        for param in items(scope, params)? {
            statement.params.push(param_value(scope, param)?);
        }
        statements.push(statement);
    }
    Ok(statements)
}

/// A parameter as D1 takes it over the wire: every number is a double, and JSON has no infinite ones.
fn param_value(scope: &mut v8::PinScope, value: v8::Local<v8::Value>) -> Result<Value, JsError> {
    if value.is_null() {
        return Ok(Value::Null);
    }
    if value.is_string() {
        return Ok(Value::Text(value.to_rust_string_lossy(scope)));
    }
    if let Some(number) = value.is_number().then(|| value.number_value(scope)).flatten() {
        // A negative zero loses its sign in JSON.
        return Ok(if number.is_finite() { Value::Real(number + 0.0) } else { Value::Null });
    }
    let Ok(view) = value.try_cast::<v8::ArrayBufferView>() else { return Err(wrong("a parameter")) };
    let mut bytes = vec![0; view.byte_length()];
    let copied = view.copy_contents(&mut bytes);
    bytes.truncate(copied);
    Ok(Value::Blob(bytes))
}

fn items<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    value: v8::Local<v8::Value>,
) -> Result<Vec<v8::Local<'s, v8::Value>>, JsError> {
    let array = value.try_cast::<v8::Array>().map_err(|_| wrong("a list"))?;
    (0..array.length()).map(|index| array.get_index(scope, index).ok_or_else(|| wrong("an element"))).collect()
}

fn wrong(what: &str) -> JsError {
    JsError::type_error(format!("D1_TYPE_ERROR: {what} is not of the right type"))
}
