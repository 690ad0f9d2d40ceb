//! What stands after `with` in an import: <https://tc39.es/proposal-import-attributes/>.

use crate::modules::ModuleKind;
use crate::state::state;

/// What becomes of import attributes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ImportAttributes {
    /// Nothing looks at them.
    #[default]
    Ignored,
    /// An import with any fails.
    Refused,
    /// `type` may be `"json"`, for modules that are.
    Standard,
}

/// Decides for the isolate.
pub fn set_import_attributes(scope: &mut v8::PinScope, how: ImportAttributes) {
    state(scope).import_attributes = how;
}

/// Checks the attributes of an import: keys and values, each pair in an entry of `stride` elements. Throws; the exception is left
/// pending.
pub(crate) fn check(
    scope: &mut v8::PinScope,
    attributes: v8::Local<v8::FixedArray>,
    stride: usize,
    specifier: &str,
    name: &str,
) -> Option<()> {
    let how = state(scope).import_attributes;
    if how == ImportAttributes::Ignored || attributes.length() == 0 {
        return Some(());
    }
    if how == ImportAttributes::Refused {
        crate::throw(scope, crate::JsError::error("Unrecognized import attributes specified"));
        return None;
    }
    for at in (0..attributes.length()).step_by(stride) {
        let text = |scope: &v8::PinScope, at| {
            let value = attributes.get(scope, at)?.try_cast::<v8::Value>().ok()?;
            Some(value.to_rust_string_lossy(scope))
        };
        let (key, value) = (text(scope, at)?, text(scope, at + 1)?);
        let wrong = match (&*key, &*value) {
            ("type", "json") if is_json(scope, name) => continue,
            ("type", "json") => format!("Module \"{specifier}\" is not of type \"json\""),
            ("type", value) => format!("Import attribute type \"{value}\" is not yet supported"),
            (key, _) => format!("Unsupported import attribute \"{key}\""),
        };
        crate::throw(scope, crate::JsError::type_error(wrong));
        return None;
    }
    Some(())
}

fn is_json(scope: &mut v8::PinScope, name: &str) -> bool {
    let graph = state(scope).modules.graph().cloned();
    graph.is_some_and(|graph| {
        graph.get(name.trim_start_matches("./")).is_some_and(|source| source.kind == ModuleKind::Json)
    })
}
