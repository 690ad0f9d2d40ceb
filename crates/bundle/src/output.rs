//! What bundling makes: a main module and the modules beside it.

use std::io::Write;
use std::path::PathBuf;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::error::Problem;
use crate::options::RuleType;

/// A bundled Worker.
#[derive(Debug, Clone)]
pub struct Bundle {
    /// The name of the main module, always the first of `modules`.
    pub main: String,
    pub modules: Vec<Module>,
    pub format: Format,
    /// The names that the main module exports; a service worker's are nobody's.
    pub exports: Vec<String>,
    /// Every file that the bundle was made from, and those that would have been had they existed.
    pub watch: Vec<PathBuf>,
    pub warnings: Vec<Problem>,
}

/// One module, as the runtime loads it and as `wrangler` uploads it.
#[derive(Debug, Clone)]
pub struct Module {
    /// The name, without a leading `./`; other modules import it by this name relative to their own.
    pub name: String,
    pub kind: ModuleKind,
    pub content: Bytes,
    /// The source map as JSON (version 3), its `sources` relative to the project's folder.
    pub source_map: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ModuleKind {
    /// An ES module; the main module of a service worker is one only by name, it runs as a script.
    EsModule,
    CommonJs,
    /// A string, the default export.
    Text,
    /// An `ArrayBuffer`, the default export.
    Data,
    /// A `WebAssembly.Module`, the default export.
    Wasm,
    /// A JSON value, the default export. Bundles have none, for JSON is taken in; uploads may.
    Json,
}

/// The two ways to write a Worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// ES modules; the main one's default export holds the handlers.
    Modules,
    /// A script that calls `addEventListener`; the modules beside it are globals named by [`Module::global_name`].
    ServiceWorker,
}

// === impl Bundle ===

impl Bundle {
    /// The main module.
    pub fn main_module(&self) -> &Module {
        &self.modules[0]
    }

    /// Bytes in all modules together.
    pub fn size_raw(&self) -> usize {
        self.modules.iter().map(|module| module.content.len()).sum()
    }

    /// Bytes in all modules together after gzip, the figure that the platform's script size limit is about.
    pub fn size_gzip(&self) -> usize {
        let mut encoder = GzEncoder::new(Count(0), Compression::default());
        let written = self.modules.iter().try_for_each(|module| encoder.write_all(&module.content));
        match written.and_then(|()| encoder.finish()) {
            Ok(Count(bytes)) => bytes,
            // `Count` never fails, so neither does the encoder; the raw size is an upper bound in any case.
            Err(_) => self.size_raw(),
        }
    }
}

/// A writer that only counts.
struct Count(usize);

impl Write for Count {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

// === impl Module ===

impl Module {
    /// The identifier under which a service worker sees this module as a global, as `wrangler` names it.
    pub fn global_name(&self) -> String {
        global_name(&self.name)
    }
}

/// Service workers have no imports: the additional module `name` is the global of this identifier.
pub(crate) fn global_name(name: &str) -> String {
    format!("./{name}").chars().map(|c| if c.is_ascii_alphanumeric() || c == '$' { c } else { '_' }).collect()
}

// === impl ModuleKind ===

impl From<RuleType> for ModuleKind {
    fn from(kind: RuleType) -> Self {
        match kind {
            RuleType::EsModule => Self::EsModule,
            RuleType::CommonJs => Self::CommonJs,
            RuleType::CompiledWasm => Self::Wasm,
            RuleType::Text => Self::Text,
            RuleType::Data => Self::Data,
        }
    }
}
