//! What to bundle and how: the part of a Worker's configuration that shapes its modules.

use std::path::PathBuf;

/// How a Worker is bundled. The names are those of `wrangler.toml` where it has one.
#[derive(Debug, Clone)]
pub struct Options {
    /// The project's folder, absolute: source map paths are relative to it, aliases resolve from it.
    pub root: PathBuf,
    /// The entry point (`main`), absolute or relative to `root`.
    pub entry: PathBuf,
    /// Global expressions and what replaces them: JavaScript source, as `"\"value\""` or `"123"`.
    pub define: Vec<(String, String)>,
    /// Import specifiers and what is imported instead, resolved from `root`.
    pub alias: Vec<(String, String)>,
    /// The project's own module rules; the platform's defaults follow them.
    pub rules: Vec<Rule>,
    pub minify: bool,
    /// Keep `Function.prototype.name` as it is in the source, whatever the bundler renames.
    pub keep_names: bool,
    /// What classic JSX calls for an element; `React.createElement` when absent.
    pub jsx_factory: Option<String>,
    /// What classic JSX calls for a fragment; `React.Fragment` when absent.
    pub jsx_fragment: Option<String>,
    /// The tsconfig to use, absolute or relative to `root`; the nearest one of each file when absent.
    pub tsconfig: Option<PathBuf>,
    /// Take the entry as it is, without resolving or transforming anything.
    pub no_bundle: bool,
    /// Add every file below `base_dir` that a rule matches as a module, imported or not. `None`: where there is no
    /// other way for a module to come along, which is without bundling.
    pub find_additional_modules: Option<bool>,
    /// The folder of additional modules, absolute or relative to `root`; the entry's folder when absent.
    pub base_dir: Option<PathBuf>,
    /// Keep additional modules' own names instead of naming them by content hash.
    pub preserve_file_names: bool,
    /// Node's builtin modules exist at run time (`nodejs_compat`).
    pub nodejs_compat: bool,
    /// Of Node's builtin modules, `node:async_hooks` alone exists at run time (`nodejs_als`).
    pub nodejs_als: bool,
    /// The `exports` conditions of npm packages, besides `import`, `require` and `default`.
    pub conditions: Vec<String>,
    /// What `process.env.NODE_ENV` becomes: `development` or `production`.
    pub node_env: String,
}

/// Which files are modules of their own, and of what type (`[[rules]]`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    pub kind: RuleType,
    pub globs: Vec<String>,
    /// Let later rules of the same type apply too. `Some(false)` ends them silently, `None` with a warning.
    pub fallthrough: Option<bool>,
}

/// The module types that a rule can name, spelled as `wrangler.toml` spells them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RuleType {
    EsModule,
    CommonJs,
    CompiledWasm,
    Text,
    Data,
}

// === impl Options ===

impl Options {
    /// The platform's defaults for the entry `entry` of the project in `root`.
    pub fn new(root: impl Into<PathBuf>, entry: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            entry: entry.into(),
            define: Vec::new(),
            alias: Vec::new(),
            rules: Vec::new(),
            minify: false,
            keep_names: true,
            jsx_factory: None,
            jsx_fragment: None,
            tsconfig: None,
            no_bundle: false,
            find_additional_modules: None,
            base_dir: None,
            preserve_file_names: false,
            nodejs_compat: false,
            nodejs_als: false,
            conditions: ["workerd", "worker", "browser"].map(String::from).to_vec(),
            node_env: "development".into(),
        }
    }

    /// The same options with the real path of `root`: files are known by their real paths, relative to it.
    pub(crate) fn without_links(mut self) -> Self {
        let absolute = std::path::absolute(&self.root).unwrap_or_else(|_| self.root.clone());
        // A root that isn't there is told by the entry point that cannot be read.
        let real = absolute.canonicalize().unwrap_or(absolute);
        for path in [Some(&mut self.entry), self.base_dir.as_mut(), self.tsconfig.as_mut()].into_iter().flatten() {
            if let Ok(relative) = path.strip_prefix(&self.root) {
                *path = relative.to_path_buf();
            }
        }
        self.root = real;
        self
    }

    /// The entry point's absolute path.
    pub(crate) fn entry_path(&self) -> PathBuf {
        self.root.join(&self.entry)
    }

    /// The folder that additional modules are looked for in, and named relative to.
    pub(crate) fn module_root(&self) -> PathBuf {
        match &self.base_dir {
            Some(dir) => self.root.join(dir),
            None => self.entry_path().parent().map_or_else(|| self.root.clone(), PathBuf::from),
        }
    }
}

// === impl RuleType ===

impl RuleType {
    /// Whether files of this type are JavaScript, which the bundler takes in unless told to leave it alone.
    pub(crate) fn is_javascript(self) -> bool {
        matches!(self, Self::EsModule | Self::CommonJs)
    }

    /// The type's name in `wrangler.toml`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::EsModule => "ESModule",
            Self::CommonJs => "CommonJS",
            Self::CompiledWasm => "CompiledWasm",
            Self::Text => "Text",
            Self::Data => "Data",
        }
    }
}
