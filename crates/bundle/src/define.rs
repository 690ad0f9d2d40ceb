//! Global expressions and what replaces them, checked before the bundler sees them: it says that one of them is
//! wrong, this says which.

use oxc::allocator::Allocator;
use oxc::parser::Parser;
use oxc::span::SourceType;

use crate::error::Problem;

/// The problems with `define`: names that are no dotted identifiers, values that are no expressions.
pub(crate) fn check(define: &[(String, String)]) -> Vec<Problem> {
    let expression = |text: &str| {
        let allocator = Allocator::default();
        Parser::new(&allocator, text, SourceType::mjs()).parse_expression().is_ok()
    };
    define
        .iter()
        .filter_map(|(name, value)| {
            let dotted = name.split('.').all(|part| {
                part.starts_with(|c: char| c.is_alphabetic() || c == '_' || c == '$')
                    && part.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '$')
            });
            if !dotted {
                return Some(Problem::new(format!("`define` has \"{name}\", which is not the name of a global.")));
            }
            (!expression(value)).then(|| {
                Problem::new(format!(
                    "`define` gives \"{name}\" the value {value}, which is not a JavaScript expression."
                ))
                .with_note("Quote strings twice: NAME = \"'text'\".")
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn says_which_one_is_wrong() {
        let define = |pairs: &[(&str, &str)]| {
            let pairs: Vec<_> = pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
            check(&pairs).into_iter().map(|problem| problem.message).collect::<Vec<_>>()
        };
        let good = [
            ("A", "'a'"),
            ("process.env.B", "1"),
            ("$c", "{\"d\": [true, null]}"),
            ("import.meta.env", "globalThis.x"),
        ];
        assert_eq!(define(&good), [""; 0]);
        let problems =
            define(&[("A", "not an expression"), ("B", ""), ("1x", "1"), ("a-b", "1"), ("", "1"), ("OK", "1")]);
        assert_eq!(problems.len(), 5);
        assert!(problems[0].contains("\"A\"") && problems[0].contains("not an expression"));
    }
}
