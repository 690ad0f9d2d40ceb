//! The sources of Node's modules and of ours, outside V8's heap, with V8's code cache of those that some isolate has compiled.

use std::collections::HashMap;
use std::sync::{LazyLock, OnceLock};

use include_dir::{Dir, include_dir};
use isolate::v8;

static OURS: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/js");
static NODES: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/../../third_party/node/lib");

/// What a module is a function of.
const PARAMETERS: [&str; 6] = ["exports", "require", "module", "process", "internalBinding", "primordials"];

pub(crate) struct File {
    name: String,
    source: &'static str,
    /// Never freed, as the isolates' heaps point to it.
    text: OnceLock<&'static v8::OneByteConst>,
    code_cache: OnceLock<Box<[u8]>>,
}

static FILES: LazyLock<HashMap<String, File>> = LazyLock::new(|| {
    let mut files = HashMap::new();
    add(&NODES, &mut files);
    // Where there is one of ours, it stands for Node's, which is then `node/ID`.
    add(&OURS, &mut files);
    files
});

fn add(folder: &Dir<'static>, files: &mut HashMap<String, File>) {
    for file in folder.files() {
        let (Some(id), Some(source)) =
            (file.path().to_str().and_then(|path| path.strip_suffix(".js")), file.contents_utf8())
        else {
            continue;
        };
        let (text, code_cache) = (OnceLock::new(), OnceLock::new());
        let file = File { name: format!("node:{id}"), source, text, code_cache };
        if let Some(shadowed) = files.insert(id.to_owned(), file) {
            files.insert(format!("node/{id}"), shadowed);
        }
    }
    folder.dirs().for_each(|folder| add(folder, files));
}

/// The module of this id, such as `internal/errors`.
pub(crate) fn find(id: &str) -> Option<&'static File> {
    FILES.get(id)
}

// === impl File ===

impl File {
    /// Exceptions are left pending.
    pub(crate) fn compile<'s>(&'static self, scope: &mut v8::PinScope<'s, '_>) -> Option<v8::Local<'s, v8::Function>> {
        use v8::script_compiler::{CachedData, CompileOptions, NoCacheReason, Source, compile_function};
        let text = self
            .text
            .get_or_init(|| Box::leak(Box::new(v8::String::create_external_onebyte_const(self.source.as_bytes()))));
        let code = v8::String::new_from_onebyte_const(scope, text)?;
        let name = isolate::new_string(scope, &self.name).into();
        let origin = v8::ScriptOrigin::new(scope, name, 0, 0, false, -1, None, false, false, false, None);
        let (mut source, options) = match self.code_cache.get() {
            Some(cache) => (
                Source::new_with_cached_data(code, Some(&origin), CachedData::new(cache)),
                CompileOptions::ConsumeCodeCache,
            ),
            None => (Source::new(code, Some(&origin)), CompileOptions::NoCompileOptions),
        };
        let parameters = PARAMETERS.map(|name| isolate::new_string(scope, name));
        let function = compile_function(scope, &mut source, &parameters, &[], options, NoCacheReason::NoReason)?;
        if self.code_cache.get().is_none()
            && let Some(cache) = function.create_code_cache()
        {
            self.code_cache.get_or_init(|| cache[..].into());
        }
        Some(function)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sources_are_ascii() {
        for (id, file) in FILES.iter() {
            assert!(file.source.is_ascii(), "{id}");
        }
    }
}
