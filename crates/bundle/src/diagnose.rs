//! The bundler's diagnostics in our words: one paragraph each, with the place and the source around it.

use std::path::{Path, PathBuf};

use nodejs_built_in_modules::is_nodejs_builtin_module;
use rolldown_error::{BuildDiagnostic, DiagnosticOptions, EventKind};

use crate::collect::Seen;
use crate::error::{Location, Problem};
use crate::frame;

/// Whether an import could not be resolved. The bundler only warns of bare specifiers; a Worker can't do without.
pub(crate) fn is_unresolved(diagnostic: &BuildDiagnostic) -> bool {
    matches!(diagnostic.kind(), EventKind::UnresolvedImport)
}

/// The problem that `diagnostic` is about.
pub(crate) fn problem(root: &Path, diagnostic: &BuildDiagnostic, seen: &Seen, nodejs_compat: bool) -> Problem {
    let options = DiagnosticOptions { cwd: root.to_path_buf() };
    let detail = diagnostic.to_diagnostic_with(&options);
    let rendered = Rendered::of(&detail.to_string());
    let location = detail.get_primary_location().map(|(file, line, column, _)| Location {
        file,
        line: line as u32,
        column: column as u32 + 1,
    });
    let frame = location.as_ref().and_then(|at| {
        let source = std::fs::read_to_string(root.join(&at.file)).ok()?;
        frame::render(&source, at.line, at.column)
    });
    let mut problem = Problem { message: String::new(), location, frame, note: rendered.help };
    match diagnostic.kind() {
        EventKind::UnresolvedImport | EventKind::ResolveError => {
            let specifier = diagnostic.exporter().unwrap_or_default();
            let place = problem.location.as_ref().map(ToString::to_string);
            let importer = place.or_else(|| diagnostic.id()).unwrap_or_default();
            problem.message = format!("Could not resolve \"{specifier}\" imported by {importer}");
            problem.note = Some(if is_unresolved(diagnostic) {
                advice(&specifier, nodejs_compat)
            } else {
                rendered.label.unwrap_or_default()
            });
        }
        EventKind::UnloadableDependencyError => {
            let file = rendered.title.strip_prefix("Could not load ").unwrap_or_default();
            let why = seen.unreadable.get(&root.join(file)).cloned().or(rendered.label).unwrap_or_default();
            problem.message = format!("Could not load {file}: {why}");
        }
        EventKind::UnhandleableError => {
            // The bundler's text asks to report to its own project; its cause is what helps here.
            let text = diagnostic.to_message_with(&options);
            let cause = text.split_once('\n').map_or(text.as_str(), |(_, cause)| cause);
            problem.message = format!("The bundler failed: {cause}");
        }
        _ => problem.message = rendered.title,
    }
    problem
}

/// What to do about an import that nothing answers.
fn advice(specifier: &str, nodejs_compat: bool) -> String {
    if is_nodejs_builtin_module(specifier) && !nodejs_compat {
        return format!(
            "The package \"{specifier}\" wasn't found on the file system but is built into node. Add the \"nodejs_compat\" \
             compatibility flag to the project."
        );
    }
    if specifier.starts_with('.') || specifier.starts_with('/') {
        return "There is no such file.".into();
    }
    if let Some(path) = specifier.strip_prefix('#') {
        return format!("\"#{path}\" is not among the \"imports\" of the nearest package.json.");
    }
    let package = package_of(specifier);
    format!("The package \"{package}\" is not installed, or has no such file. To install it: npm install {package}")
}

/// The package that `specifier` names: its first segment, or two of a scoped one.
fn package_of(specifier: &str) -> &str {
    let segments = if specifier.starts_with('@') { 2 } else { 1 };
    specifier.match_indices('/').nth(segments - 1).map_or(specifier, |(end, _)| &specifier[..end])
}

/// The files that would resolve the import that `diagnostic` is about, were they created.
pub(crate) fn would_resolve(root: &Path, diagnostic: &BuildDiagnostic) -> Vec<PathBuf> {
    let (Some(specifier), Some(importer)) = (diagnostic.exporter(), diagnostic.id()) else { return Vec::new() };
    if !is_unresolved(diagnostic) {
        return Vec::new();
    }
    if !specifier.starts_with('.') && !specifier.starts_with('/') {
        return vec![root.join("node_modules").join(package_of(&specifier)).join("package.json")];
    }
    let Some(folder) = Path::new(&importer).parent() else { return Vec::new() };
    let path = crate::watch::normalize(&folder.join(&specifier));
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let with = |extension: &str| path.with_file_name(format!("{name}.{extension}"));
    let mut files: Vec<_> = ["ts", "tsx", "js", "jsx", "json"].iter().map(|extension| with(extension)).collect();
    files.extend(["index.ts", "index.js"].map(|index| path.join(index)));
    files.push(path);
    files
}

/// The warnings worth showing: about the project's own files, or about what will fail at run time.
pub(crate) fn warnings(root: &Path, diagnostics: &[BuildDiagnostic], seen: &Seen) -> Vec<Problem> {
    let mut warnings: Vec<_> = diagnostics
        .iter()
        .filter(|diagnostic| tells(diagnostic))
        .filter(|diagnostic| !diagnostic.id().is_some_and(|file| file.contains("node_modules")))
        .map(|diagnostic| problem(root, diagnostic, seen, true))
        .collect();
    for specifier in &seen.doubtful {
        let importers: Vec<_> = seen.external.get(specifier).into_iter().flatten().cloned().collect();
        warnings.push(Problem::new(format!(
            "The package \"{specifier}\" wasn't found on the file system but is built into node. Your Worker may throw errors at \
             runtime unless you enable the \"nodejs_compat\" compatibility flag. Refer to \
             https://developers.cloudflare.com/workers/runtime-apis/nodejs/ for more details. Imported from: {}",
            importers.join(", ")
        )));
    }
    warnings
}

/// Whether a warning is about what the code does rather than about how this crate uses the bundler.
fn tells(diagnostic: &BuildDiagnostic) -> bool {
    matches!(
        diagnostic.kind(),
        EventKind::Eval
            | EventKind::CommonJsVariableInEsm
            | EventKind::ImportIsUndefined
            | EventKind::EmptyImportMeta
            | EventKind::CannotCallNamespace
            | EventKind::UnsupportedTsconfigOption
            | EventKind::UnsupportedFeatureError
            | EventKind::ToleratedTransform
            | EventKind::ParseError
            | EventKind::DuplicateShebang
    )
}

/// The parts of a diagnostic that the bundler gives only as a drawing for terminals.
struct Rendered {
    title: String,
    label: Option<String>,
    help: Option<String>,
}

// === impl Rendered ===

impl Rendered {
    fn of(text: &str) -> Self {
        let mut lines = text.lines();
        let first = lines.next().unwrap_or_default();
        // `[KIND] title`
        let title = first.split_once("] ").map_or(first, |(_, title)| title).trim().to_string();
        let after = |line: &str, mark: &str| line.split_once(mark).map(|(_, rest)| rest.trim().to_string());
        let label = lines
            .clone()
            .find_map(|line| after(line, "╰──"))
            .map(|label| label.trim_start_matches('─').trim().to_string());
        let label = label.filter(|label| !label.is_empty());
        let help = lines.find_map(|line| after(line, "Help: ").or_else(|| after(line, "Note: ")));
        Self { title, label, help }
    }
}
