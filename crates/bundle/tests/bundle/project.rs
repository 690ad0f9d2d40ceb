//! A Worker's project in a temporary folder, and Node to run what it bundles to.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use bundle::{Bundle, BundleError, Module, Options};

pub struct Project {
    _folder: tempfile::TempDir,
    pub root: PathBuf,
}

impl Project {
    pub fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let project = Self { root: folder.path().canonicalize().unwrap(), _folder: folder };
        for (path, content) in files {
            project.write(path, content);
        }
        project
    }

    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub fn options(&self, entry: &str) -> Options {
        Options::new(&self.root, entry)
    }

    pub fn try_bundle(&self, options: &Options) -> Result<Bundle, BundleError> {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(bundle::bundle(options))
    }

    /// Bundles `entry` with the platform's defaults.
    pub fn bundle(&self, entry: &str) -> Bundle {
        self.try_bundle(&self.options(entry)).unwrap_or_else(|error| panic!("{error}"))
    }

    /// The error that bundling `entry` is, and that nothing of it is meant for Rust programmers.
    pub fn error(&self, entry: &str) -> BundleError {
        let error = self.try_bundle(&self.options(entry)).expect_err("an error");
        let text = error.to_string();
        for word in ["rolldown", "panicked", "anyhow", "Err(", "\u{1b}", "\0", self.root.to_str().unwrap()] {
            assert!(!text.contains(word), "{word:?} in: {text}");
        }
        error
    }
}

pub fn text(module: &Module) -> &str {
    std::str::from_utf8(&module.content).unwrap()
}

/// Runs `script` as an ES module with the bundle's modules around it and returns what it prints.
/// Node stands in for the runtime: text and wasm modules are shimmed, `cloudflare:` ones come from `shims`.
pub fn run(bundle: &Bundle, shims: &[(&str, &str)], script: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, content: &[u8]| {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    };
    write("package.json", br#"{"type":"module"}"#);
    for module in &bundle.modules {
        write(&module.name, &module.content);
    }
    for (name, source) in shims {
        write(&format!("shims/{}.js", name.replace(':', "-")), source.as_bytes());
    }
    write("hooks.mjs", HOOKS.as_bytes());
    write("run.mjs", script.as_bytes());
    let output = Command::new("node")
        .args(["--no-warnings", "--import", "./hooks.mjs", "run.mjs"])
        .current_dir(folder.path())
        .output()
        .expect("node, which these tests run bundles with");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{err}\n{}", text(bundle.main_module()));
    out.trim().to_string()
}

const HOOKS: &str = r#"
import { register } from "node:module";
const hooks = `
import { readFile } from "node:fs/promises";
export async function resolve(specifier, context, next) {
    if (specifier.startsWith("cloudflare:")) {
        return { url: new URL("shims/" + specifier.replace(":", "-") + ".js", "${import.meta.url}").href, shortCircuit: true };
    }
    return next(specifier, context);
}
export async function load(url, context, next) {
    const give = (source) => ({ format: "module", source, shortCircuit: true });
    if (/\\.(txt|html|sql|md)$/.test(url)) return give("export default " + JSON.stringify(await readFile(new URL(url), "utf8")));
    if (/\\.bin$/.test(url)) return give("export default new Uint8Array([" + [...await readFile(new URL(url))] + "]).buffer");
    if (/\\.wasm$/.test(url)) return give("export default new WebAssembly.Module(new Uint8Array([" + [...await readFile(new URL(url))] + "]))");
    return next(url, context);
}`;
register("data:text/javascript," + encodeURIComponent(hooks));
"#;
