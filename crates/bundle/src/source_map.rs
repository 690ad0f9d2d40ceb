//! From places in a bundle back to places in its sources, for stack traces and the dev error page.

use oxc_sourcemap::OwnedSourceMap;

/// A source map, parsed. It costs several times its JSON in memory: parse it when an error needs it.
#[derive(Debug)]
pub struct SourceMap {
    map: OwnedSourceMap,
    /// Generated line and column (from 0) of each mapping, in order, with its index in `map`.
    order: Vec<(u32, u32, u32)>,
}

/// A place in a source. Lines and columns count from 1, as in V8's stack traces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Original<'a> {
    /// The source as the map names it: for bundles of this crate, relative to the project's folder.
    pub file: &'a str,
    pub line: u32,
    pub column: u32,
    /// The name at that place in the source, where it was renamed.
    pub name: Option<&'a str>,
}

/// Not a source map.
#[derive(Debug, thiserror::Error)]
#[error("the source map is not valid: {0}")]
pub struct InvalidSourceMap(oxc_sourcemap::Error);

// === impl SourceMap ===

impl SourceMap {
    /// Parses a source map (version 3) from its JSON.
    pub fn parse(json: &str) -> Result<Self, InvalidSourceMap> {
        let map = OwnedSourceMap::from_json_string(json).map_err(InvalidSourceMap)?;
        let mut order: Vec<_> = map
            .as_source_map()
            .get_tokens()
            .zip(0..)
            .map(|(token, index)| (token.get_dst_line(), token.get_dst_col(), index))
            .collect();
        order.sort_unstable();
        Ok(Self { map, order })
    }

    /// Where the code at `line` and `column` (from 1) of the generated file came from.
    pub fn original(&self, line: u32, column: u32) -> Option<Original<'_>> {
        let (line, column) = (line.checked_sub(1)?, column.checked_sub(1)?);
        let after = self.order.partition_point(|&(l, c, _)| (l, c) <= (line, column));
        let &(found, _, index) = self.order.get(after.checked_sub(1)?)?;
        let map = self.map.as_source_map();
        let token = map.get_token(index).filter(|_| found == line)?;
        Some(Original {
            file: map.get_source(token.get_source_id()?)?,
            line: token.get_src_line().checked_add(1)?,
            column: token.get_src_col().checked_add(1)?,
            name: token.get_name_id().and_then(|id| map.get_name(id)),
        })
    }

    /// The whole text of a source, if the map carries it.
    pub fn source(&self, file: &str) -> Option<&str> {
        let map = self.map.as_source_map();
        let index = map.get_sources().position(|source| source == file)?;
        map.get_source_content(u32::try_from(index).ok()?)
    }

    /// The lines around `line` (from 1) of a source, at most `context` before and after, with their numbers.
    pub fn lines_around(&self, file: &str, line: u32, context: u32) -> Vec<(u32, &str)> {
        let first = line.saturating_sub(context).max(1);
        let last = line.saturating_add(context);
        let Some(source) = self.source(file) else { return Vec::new() };
        (1..).zip(source.lines()).skip(first as usize - 1).take_while(|(number, _)| *number <= last).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Line 1 maps `a` to x.ts 1:1 and, from column 5, `b` to y.ts 3:2 (named `bee`); line 3 has one mapping at column 3.
    const MAP: &str = r#"{"version":3,"sources":["x.ts","y.ts"],"sourcesContent":["one\ntwo\nthree",null],
        "names":["bee"],"mappings":"AAAA,ICECA;;EDDD"}"#;

    #[test]
    fn finds_the_nearest_mapping_before_a_place_on_its_line() {
        let map = SourceMap::parse(MAP).unwrap();
        let at = |line, column| map.original(line, column).map(|o| (o.file, o.line, o.column, o.name));
        assert_eq!(at(1, 1), Some(("x.ts", 1, 1, None)));
        assert_eq!(at(1, 4), Some(("x.ts", 1, 1, None)));
        assert_eq!(at(1, 5), Some(("y.ts", 3, 2, Some("bee"))));
        assert_eq!(at(1, 500), Some(("y.ts", 3, 2, Some("bee"))));
        assert_eq!(at(2, 1), None, "a line without mappings");
        assert_eq!(at(3, 2), None, "before the line's first mapping");
        assert_eq!(at(3, 3), Some(("x.ts", 2, 1, None)));
        assert_eq!(at(4, 1), None);
        assert_eq!(at(0, 0), None);
        assert_eq!(at(u32::MAX, u32::MAX), None);
        assert_eq!(map.source("x.ts"), Some("one\ntwo\nthree"));
        assert_eq!(map.source("y.ts"), None);
        assert_eq!(map.lines_around("x.ts", 2, 1), [(1, "one"), (2, "two"), (3, "three")]);
        assert_eq!(map.lines_around("x.ts", 3, 0), [(3, "three")]);
        assert_eq!(map.lines_around("x.ts", 9, 1), []);
        assert_eq!(map.lines_around("x.ts", 0, u32::MAX).len(), 3);
    }

    #[test]
    fn refuses_what_is_no_map() {
        for json in ["", "{}", "[]", r#"{"version":3,"sources":[],"names":[],"mappings":"!!!"}"#, "\u{0}"] {
            // Some of these are empty maps, none may panic or map anything.
            if let Ok(map) = SourceMap::parse(json) {
                assert_eq!(map.original(1, 1), None, "{json}");
            }
        }
        let wild = r#"{"version":3,"sources":["a"],"names":[],"mappings":"AAAA,ggggggE9////B"}"#;
        if let Ok(map) = SourceMap::parse(wild) {
            map.original(1, u32::MAX);
        }
    }
}
