//! Module rules: which imports are modules of their own. The project's rules come first, then the platform's
//! defaults; a rule ends those after it of the same type unless it falls through.

use regex::Regex;

use crate::error::Problem;
use crate::glob::{self, Star};
use crate::options::{Rule, RuleType};

/// The rules in force, and those that an earlier rule put out of force.
#[derive(Debug)]
pub(crate) struct RuleSet {
    active: Vec<Compiled>,
    removed: Vec<Compiled>,
}

#[derive(Debug)]
struct Compiled {
    rule: Rule,
    /// For import specifiers.
    imports: Vec<Regex>,
    /// For paths of files on disk.
    files: Vec<Regex>,
}

/// What the rules say of an import or a file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing: it is bundled as JavaScript or JSON.
    Unmatched,
    /// It is a module of this type.
    Matched(RuleType),
    /// A rule matches that an earlier one put out of force; the text says which.
    Removed(String),
}

// === impl RuleSet ===

impl RuleSet {
    /// The project's `rules` and the platform's defaults. A rule that silently loses others is a warning.
    pub(crate) fn new(rules: &[Rule]) -> Result<(Self, Vec<Problem>), Problem> {
        let mut set = Self { active: Vec::new(), removed: Vec::new() };
        let mut closed: Vec<(RuleType, usize, Vec<String>)> = Vec::new();
        let all = rules.iter().cloned().chain(defaults());
        for (index, rule) in all.enumerate() {
            let compiled = Compiled::new(rule)?;
            let rule = &compiled.rule;
            if let Some((_, _, lost)) = closed.iter_mut().find(|(kind, _, _)| *kind == rule.kind) {
                let note = if index >= rules.len() { " (default)" } else { "" };
                lost.push(format!("{}{note}", describe(rule)));
                set.removed.push(compiled);
                continue;
            }
            if rule.fallthrough != Some(true) {
                closed.push((rule.kind, index, Vec::new()));
            }
            set.active.push(compiled);
        }
        let warnings = closed
            .into_iter()
            .filter_map(|(_, index, lost)| {
                let rule = rules.get(index)?;
                (rule.fallthrough != Some(false) && !lost.is_empty()).then(|| {
                    Problem::new(format!(
                        "The module rule {} does not fall through, so these rules are ignored: {}. Add `fallthrough = true` \
                         to it to have them apply too, or `fallthrough = false` to silence this warning.",
                        describe(rule),
                        lost.join(", ")
                    ))
                })
            })
            .collect();
        Ok((set, warnings))
    }

    /// What the rules say of an import of `specifier`.
    pub(crate) fn of_import(&self, specifier: &str) -> Verdict {
        self.verdict(specifier, |compiled| &compiled.imports)
    }

    /// What the rules say of the file at `path`, relative to the module root and with `/` between segments.
    pub(crate) fn of_file(&self, path: &str) -> Verdict {
        self.verdict(path, |compiled| &compiled.files)
    }

    fn verdict(&self, text: &str, of: fn(&Compiled) -> &[Regex]) -> Verdict {
        let matching =
            |rules: &[Compiled]| rules.iter().position(|rule| of(rule).iter().any(|regex| regex.is_match(text)));
        if let Some(index) = matching(&self.active) {
            return Verdict::Matched(self.active[index].rule.kind);
        }
        match matching(&self.removed) {
            Some(index) => Verdict::Removed(format!(
                "The file {text} matched the module rule {}, which is ignored because an earlier rule of the same type \
                 is not marked `fallthrough = true`.",
                describe(&self.removed[index].rule)
            )),
            None => Verdict::Unmatched,
        }
    }
}

// === impl Compiled ===

impl Compiled {
    fn new(rule: Rule) -> Result<Self, Problem> {
        let compile = |star| {
            rule.globs.iter().map(|glob| glob::compile(glob, star)).collect::<Result<Vec<_>, _>>().map_err(|_| {
                Problem::new(format!("The module rule {} has a glob that is too long to use.", describe(&rule)))
            })
        };
        let (imports, files) = (compile(Star::Anything)?, compile(Star::Segment)?);
        Ok(Self { rule, imports, files })
    }
}

/// The rules that the platform adds after the project's own.
fn defaults() -> impl Iterator<Item = Rule> {
    [
        (RuleType::Text, &["**/*.txt", "**/*.html", "**/*.sql"][..]),
        (RuleType::Data, &["**/*.bin"]),
        (RuleType::CompiledWasm, &["**/*.wasm", "**/*.wasm?module"]),
    ]
    .into_iter()
    .map(|(kind, globs)| Rule {
        kind,
        globs: globs.iter().map(|glob| (*glob).into()).collect(),
        fallthrough: None,
    })
}

fn describe(rule: &Rule) -> String {
    format!("{{ type = \"{}\", globs = {:?} }}", rule.kind.as_str(), rule.globs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(kind: RuleType, glob: &str, fallthrough: Option<bool>) -> Rule {
        Rule { kind, globs: vec![glob.into()], fallthrough }
    }

    #[test]
    fn own_rules_end_the_defaults_of_their_type_unless_they_fall_through() {
        let (set, warnings) = RuleSet::new(&[rule(RuleType::Text, "**/*.md", None)]).unwrap();
        assert_eq!(set.of_import("./a.md"), Verdict::Matched(RuleType::Text));
        assert_eq!(set.of_import("./a.wasm?module"), Verdict::Matched(RuleType::CompiledWasm));
        assert_eq!(set.of_import("./a.ts"), Verdict::Unmatched);
        let Verdict::Removed(why) = set.of_import("./a.html") else { panic!("html should have lost its rule") };
        assert!(why.contains("a.html") && why.contains("fallthrough = true"), "{why}");
        assert_eq!(warnings.len(), 1);
        assert!(warnings[0].message.contains("(default)"), "{}", warnings[0].message);

        let (set, warnings) = RuleSet::new(&[rule(RuleType::Text, "**/*.md", Some(true))]).unwrap();
        assert_eq!(set.of_import("./a.html"), Verdict::Matched(RuleType::Text));
        assert!(warnings.is_empty());

        let (set, warnings) = RuleSet::new(&[rule(RuleType::Text, "**/*.md", Some(false))]).unwrap();
        assert!(matches!(set.of_import("./a.html"), Verdict::Removed(_)));
        assert!(warnings.is_empty());
    }

    #[test]
    fn files_and_imports_read_globs_differently() {
        let (set, _) = RuleSet::new(&[rule(RuleType::EsModule, "lang/*.js", Some(true))]).unwrap();
        assert_eq!(set.of_file("lang/en.js"), Verdict::Matched(RuleType::EsModule));
        assert_eq!(set.of_file("lang/deep/en.js"), Verdict::Unmatched);
        assert_eq!(set.of_file("page.html"), Verdict::Matched(RuleType::Text));
        assert_eq!(set.of_import("lang/deep/en.js"), Verdict::Matched(RuleType::EsModule));
    }
}
