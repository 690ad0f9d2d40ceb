//! Which of the two Worker formats an entry point is written in, as `wrangler` guesses it.

use std::path::Path;

use oxc::allocator::Allocator;
use oxc::ast::ast::{Expression, Statement};
use oxc::parser::Parser;
use oxc::span::SourceType;
use oxc::syntax::module_record::{ExportEntry, ExportExportName};

use crate::error::Problem;
use crate::output::Format;

/// The format of the entry point `path` with this `source`, and a warning where the guess may be wrong.
///
/// A default export makes ES modules, no export at all a service worker. Named exports alone do what
/// the code does: a script that listens for events is a service worker, anything else is not.
/// What doesn't parse counts as ES modules; the bundler reports the errors.
pub(crate) fn detect(path: &Path, source: &str) -> (Format, Option<Problem>) {
    let allocator = Allocator::default();
    let source_type = SourceType::from_path(path).unwrap_or_else(|_| SourceType::mjs()).with_module(true).with_jsx(
        // JavaScript files may hold JSX; TypeScript says by its extension whether it does.
        !path.extension().is_some_and(|extension| ["ts", "mts", "cts"].iter().any(|ts| extension == *ts)),
    );
    let parsed = Parser::new(&allocator, source, source_type).parse();
    if parsed.panicked || !parsed.diagnostics.is_empty() {
        return (Format::Modules, None);
    }
    let record = &parsed.module_record;
    let mut exports = record
        .local_export_entries
        .iter()
        .chain(&record.indirect_export_entries)
        .filter(|entry| !entry.is_type)
        .peekable();
    if exports.peek().is_none() && record.star_export_entries.is_empty() {
        return (Format::ServiceWorker, None);
    }
    if exports.any(is_default) || !parsed.program.body.iter().any(listens) {
        return (Format::Modules, None);
    }
    let warning = "The entry point has exports like an ES module but no default export, and listens for events: it is \
                   bundled as a service worker."
        .to_string();
    (Format::ServiceWorker, Some(Problem::new(warning)))
}

fn is_default(entry: &ExportEntry<'_>) -> bool {
    match &entry.export_name {
        ExportExportName::Default(_) => true,
        ExportExportName::Name(name) => name.name == "default",
        ExportExportName::Null => false,
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
            assert_eq!(detect(Path::new(path), source).0, format, "{source}");
        }
        let (_, warning) = detect(Path::new("a.js"), "addEventListener('fetch', () => {}); export const version = 1");
        assert!(warning.unwrap().message.contains("no default export"));
    }
}
