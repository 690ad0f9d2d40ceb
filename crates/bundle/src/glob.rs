//! Globs as `wrangler` reads them in module rules: only `*` is special, and what it spans depends on the use.

use regex::Regex;

/// What a `*` spans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Star {
    /// Anything, `/` too, however many stars: the reading for import specifiers.
    Anything,
    /// `*` stays within a path segment and `**/` spans folders: the reading for files on disk.
    Segment,
}

/// The regular expression that matches what `glob` matches.
pub(crate) fn compile(glob: &str, star: Star) -> Result<Regex, regex::Error> {
    let mut pattern = String::from("^");
    let mut rest = glob;
    let mut at_segment_start = true;
    while let Some(c) = rest.chars().next() {
        if c != '*' {
            pattern.push_str(&regex::escape(&rest[..c.len_utf8()]));
            rest = &rest[c.len_utf8()..];
            at_segment_start = c == '/';
            continue;
        }
        let after = rest.trim_start_matches('*');
        let stars = rest.len() - after.len();
        let spans_folders = stars > 1 && at_segment_start && (after.is_empty() || after.starts_with('/'));
        rest = after;
        match star {
            Star::Anything => pattern.push_str(".*"),
            Star::Segment if spans_folders && after.starts_with('/') => {
                pattern.push_str("(?:[^/]*/)*");
                rest = &after[1..];
            }
            Star::Segment if spans_folders => pattern.push_str(".*"),
            Star::Segment => pattern.push_str("[^/]*"),
        }
        at_segment_start = star == Star::Segment && spans_folders;
    }
    pattern.push('$');
    Regex::new(&pattern)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_mean_what_wrangler_means() {
        let cases = [
            ("**/*.wasm", Star::Anything, "./add.wasm", true),
            ("**/*.wasm", Star::Anything, "pkg/deep/add.wasm", true),
            ("**/*.wasm", Star::Anything, "add.wasm", false),
            ("**/*.wasm", Star::Anything, "./add.wasm?module", false),
            ("**/*.wasm?module", Star::Anything, "./add.wasm?module", true),
            ("**/*.wasm?module", Star::Anything, "./add.wasmXmodule", false),
            ("**/*.js", Star::Segment, "index.js", true),
            ("**/*.js", Star::Segment, "a/b/index.js", true),
            ("**/*.js", Star::Segment, "a/b/indexxjs", false),
            ("*.js", Star::Segment, "a/index.js", false),
            ("lang/*.js", Star::Segment, "lang/en.js", true),
            ("lang/*.js", Star::Segment, "lang/en/us.js", false),
            ("lang/**", Star::Segment, "lang/en/us.js", true),
            ("a**/b.js", Star::Segment, "ax/y/b.js", false),
            ("[x](y).txt", Star::Segment, "[x](y).txt", true),
        ];
        for (glob, star, path, matches) in cases {
            assert_eq!(compile(glob, star).unwrap().is_match(path), matches, "{glob} on {path} ({star:?})");
        }
    }
}
