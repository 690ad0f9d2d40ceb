//! A JavaScript exception, taken out of V8: what was thrown, and where.

/// One stack frame; lines and columns count from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    pub function: Option<String>,
    pub script: String,
    pub line: u32,
    pub column: u32,
}

/// What a script threw.
#[derive(Clone, Debug, Default, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {message}")]
pub struct JsException {
    /// The error's class, such as `TypeError`; `Error` for what is not an error object.
    pub name: String,
    pub message: String,
    /// The `stack` property, as V8 wrote it.
    pub stack: String,
    pub frames: Vec<Frame>,
    /// The `cause` property, when it is an error.
    pub cause: Option<Box<JsException>>,
}

/// Causes of causes that are told.
const MAX_CAUSES: u32 = 5;
const MAX_FRAMES: usize = 50;
const MAX_TEXT: usize = 16 << 10;

// === impl JsException ===

impl JsException {
    /// Describes `value`. Runs no getter of the script's but those of error objects' own properties.
    pub fn capture(scope: &mut v8::PinScope, value: v8::Local<v8::Value>) -> Self {
        Self::capture_with_causes(scope, value, MAX_CAUSES)
    }

    fn capture_with_causes(scope: &mut v8::PinScope, value: v8::Local<v8::Value>, causes: u32) -> Self {
        v8::tc_scope!(let scope, scope);
        let frames = frames(scope, value);
        let Some(object) = value.try_cast::<v8::Object>().ok().filter(|_| is_error(scope, value)) else {
            let message =
                value.to_detail_string(scope).map(|text| text.to_rust_string_lossy(scope)).unwrap_or_default();
            let message = bounded(message);
            return Self { name: "Error".into(), message, frames, ..Self::default() };
        };
        let property = |scope: &mut v8::PinScope, key: &str| {
            let key = v8::String::new(scope, key)?;
            Some(v8::Global::new(scope, object.get(scope, key.into())?))
        };
        let text = |scope: &mut v8::PinScope, key: &str| -> Option<String> {
            let value = property(scope, key)?;
            let value = v8::Local::new(scope, value);
            value.is_string().then(|| bounded(value.to_rust_string_lossy(scope)))
        };
        let cause = property(scope, "cause").filter(|_| causes > 0).and_then(|cause| {
            let cause = v8::Local::new(scope, cause);
            is_error(scope, cause).then(|| Box::new(Self::capture_with_causes(scope, cause, causes - 1)))
        });
        Self {
            name: text(scope, "name").unwrap_or_else(|| "Error".into()),
            message: text(scope, "message").unwrap_or_default(),
            stack: text(scope, "stack").unwrap_or_default(),
            frames,
            cause,
        }
    }
}

fn is_error(scope: &mut v8::PinScope, value: v8::Local<v8::Value>) -> bool {
    value.is_native_error() || is_error_like(scope, value)
}

/// Objects that carry a stack without being native errors: `DOMException`.
fn is_error_like(scope: &mut v8::PinScope, value: v8::Local<v8::Value>) -> bool {
    let Ok(object) = value.try_cast::<v8::Object>() else { return false };
    let Some(key) = v8::String::new(scope, "stack") else { return false };
    object.has(scope, key.into()).unwrap_or(false)
}

fn frames(scope: &mut v8::PinScope, value: v8::Local<v8::Value>) -> Vec<Frame> {
    let trace = v8::Exception::get_stack_trace(scope, value).or_else(|| {
        let message = v8::Exception::create_message(scope, value);
        message.get_stack_trace(scope)
    });
    let Some(trace) = trace else { return location(scope, value) };
    let frames = trace_frames(scope, trace);
    if frames.is_empty() { location(scope, value) } else { frames }
}

pub(crate) fn trace_frames(scope: &mut v8::PinScope, trace: v8::Local<v8::StackTrace>) -> Vec<Frame> {
    let count = trace.get_frame_count().min(MAX_FRAMES);
    (0..count)
        .filter_map(|index| {
            let frame = trace.get_frame(scope, index)?;
            let function = frame.get_function_name(scope).map(|name| name.to_rust_string_lossy(scope));
            Some(Frame {
                function: function.filter(|name| !name.is_empty()),
                script: frame.get_script_name_or_source_url(scope)?.to_rust_string_lossy(scope),
                line: frame.get_line_number() as u32,
                column: frame.get_column() as u32,
            })
        })
        .collect()
}

/// Where V8 reports the exception itself: for syntax errors, which have no stack.
fn location(scope: &mut v8::PinScope, value: v8::Local<v8::Value>) -> Vec<Frame> {
    let message = v8::Exception::create_message(scope, value);
    let script = message.get_script_resource_name(scope).filter(|name| name.is_string());
    let (Some(script), Some(line)) = (script, message.get_line_number(scope)) else { return Vec::new() };
    let script = script.to_rust_string_lossy(scope);
    vec![Frame { function: None, script, line: line as u32, column: message.get_start_column() as u32 + 1 }]
}

fn bounded(mut text: String) -> String {
    if text.len() > MAX_TEXT {
        let end = (0..=MAX_TEXT).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
    }
    text
}
