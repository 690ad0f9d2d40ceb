//! Which of the two Worker formats an entry point is written in, as `wrangler` guesses it.

use std::path::Path;

use oxc::allocator::Allocator;
use oxc::ast::ast::{Expression, Statement};
use oxc::parser::Parser;
use oxc::span::SourceType;
use oxc::syntax::module_record::{ExportEntry, ExportExportName};

use crate::error::Problem;
use crate::output::Format;

/// What an entry point's source says of itself.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) format: Format,
    /// The names it exports, as far as they stand in it.
    pub(crate) exports: Vec<String>,
    /// Set where the guess of the format may be wrong.
    pub(crate) warning: Option<Problem>,
}

/// Reads the entry point `path` with this `source`.
///
/// A default export makes ES modules, no export at all a service worker. Named exports alone do what
/// the code does: a script that listens for events is a service worker, anything else is not.
/// What doesn't parse counts as ES modules; the bundler reports the errors.
pub(crate) fn read(path: &Path, source: &str) -> Entry {
    let allocator = Allocator::default();
    // JavaScript files may hold JSX; TypeScript says by its extension whether it does.
    let typescript = path.extension().is_some_and(|extension| ["ts", "mts", "cts"].iter().any(|ts| extension == *ts));
    let source_type = SourceType::from_path(path).unwrap_or_else(|_| SourceType::mjs());
    let source_type = source_type.with_module(true).with_jsx(!typescript);
    let parsed = Parser::new(&allocator, source, source_type).parse();
    let record = &parsed.module_record;
    let entries = record.local_export_entries.iter().chain(&record.indirect_export_entries);
    let exports: Vec<_> = entries.filter(|entry| !entry.is_type).filter_map(name).collect();
    let mut entry = Entry { format: Format::Modules, exports, warning: None };
    if parsed.panicked || !parsed.diagnostics.is_empty() {
        return entry;
    }
    if entry.exports.is_empty() && record.star_export_entries.is_empty() {
        entry.format = Format::ServiceWorker;
    } else if !entry.exports.iter().any(|name| name == "default") && parsed.program.body.iter().any(listens) {
        entry.format = Format::ServiceWorker;
        entry.warning = Some(Problem::new(
            "The entry point has exports like an ES module but no default export, and listens for events: it is bundled \
             as a service worker.",
        ));
    }
    entry
}

fn name(entry: &ExportEntry<'_>) -> Option<String> {
    match &entry.export_name {
        ExportExportName::Default(_) => Some("default".into()),
        ExportExportName::Name(name) => Some(name.name.to_string()),
        ExportExportName::Null => None,
    }
}

/// Whether the statement is `addEventListener(...)`, perhaps through `self` or `globalThis`.
fn listens(statement: &Statement<'_>) -> bool {
    let Statement::ExpressionStatement(statement) = statement else { return false };
    let Expression::CallExpression(call) = &statement.expression else { return false };
    match &call.callee {
        Expression::Identifier(name) => name.name == "addEventListener",
        Expression::StaticMemberExpression(member) => {
            member.property.name == "addEventListener"
                && matches!(&member.object, Expression::Identifier(name) if name.name == "self" || name.name == "globalThis")
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exports_decide() {
        use Format::{Modules, ServiceWorker};
        let cases = [
            ("a.ts", "export default { fetch(): Response { return new Response() } }", Modules),
            ("a.ts", "const worker = {}; export { worker as default }", Modules),
            ("a.ts", "export { default } from './b'", Modules),
            ("a.js", "export const App = () => <p>hi</p>; export default App", Modules),
            ("a.ts", "export class Counter {}", Modules),
            ("a.ts", "export * from './b'", Modules),
            ("a.js", "addEventListener('fetch', (e) => e.respondWith(new Response()))", ServiceWorker),
            ("a.js", "self.addEventListener('fetch', () => {}); export const version = 1", ServiceWorker),
            ("a.js", "signal.addEventListener('abort', () => {}); export const version = 1", Modules),
            ("a.ts", "import './listeners'", ServiceWorker),
            ("a.ts", "export type T = string; addEventListener('fetch', () => {})", ServiceWorker),
            ("a.js", "export default {", Modules),
            ("a.js", "\u{0}\u{1}\u{2}", Modules),
        ];
        for (path, source, format) in cases {
            assert_eq!(read(Path::new(path), source).format, format, "{source}");
        }
        let entry = read(Path::new("a.js"), "addEventListener('fetch', () => {}); export const version = 1");
        assert!(entry.warning.unwrap().message.contains("no default export"));
        let entry = read(
            Path::new("a.ts"),
            "class A {} export { A as B }; export default {}; export type T = 1; export * as C from 'c'",
        );
        assert_eq!(entry.exports, ["B", "default", "C"]);
    }
}
