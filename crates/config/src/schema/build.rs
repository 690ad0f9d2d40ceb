//! How sources become modules.

use std::path::PathBuf;

use super::{choice, record};
use crate::read::{Read, Reader};
use crate::value::{Kind, Value};

record! {
    /// Files that are uploaded as modules of a certain type.
    pub struct Rule {
        kind = "type": ModuleType,
        globs: Vec<String>,
        fallthrough: Option<bool>,
    }
    check some_glob;
}

choice! {
    pub enum ModuleType {
        EsModule = "ESModule",
        CommonJs = "CommonJS",
        CompiledWasm = "CompiledWasm",
        Text = "Text",
        Data = "Data",
        PythonModule = "PythonModule",
        PythonRequirement = "PythonRequirement",
    }
}

fn some_glob(rule: &Rule, value: &Value, reader: &mut Reader<'_>) {
    if rule.globs.is_empty() {
        let message = format!("`{}` matches no file: give it `globs`, as in globs = [\"**/*.html\"]", reader.here());
        reader.problem(&value.span, message);
    }
}

record! {
    /// A command that runs before bundling.
    #[derive(Default)]
    pub struct Build {
        command: Option<String>,
        cwd: Option<PathBuf>,
        watch_dir: Option<OneOrMany>,
    }
}

/// A path, or a list of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OneOrMany(pub Vec<String>);

impl Read for OneOrMany {
    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<Self> {
        match &value.kind {
            Kind::String(one) => Some(Self(vec![one.clone()])),
            Kind::Array(_) => Vec::read(value, reader).map(Self),
            _ => {
                reader.expected(value, "a string or a list of strings");
                None
            }
        }
    }
}

record! {
    pub struct PythonModules {
        exclude: Vec<String>,
    }
}

record! {
    pub struct DependenciesInstrumentation {
        enabled: bool,
        exclude_packages: Vec<String>,
    }
}
