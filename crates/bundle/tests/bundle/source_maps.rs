//! Places in bundles lead back to places in sources.

use bundle::source_map::SourceMap;

use crate::project::{Project, text};

/// Line and column (from 1) of the first `needle` in `text`.
fn place(text: &str, needle: &str) -> (u32, u32) {
    let offset = text.find(needle).unwrap_or_else(|| panic!("no {needle} in {text}"));
    let before = &text[..offset];
    (before.matches('\n').count() as u32 + 1, before.rsplit('\n').next().unwrap().encode_utf16().count() as u32 + 1)
}

#[test]
fn places_lead_back_to_the_sources() {
    let thrower = "// ünïcode 𝒳\ninterface Shape { side: number }\n\n\texport function area(shape: Shape): number {\n\t\tif (shape.side < 0) throw new Error(\"𝒳 negative side\");\n\t\treturn shape.side ** 2;\n\t}\n";
    let page = "export const Page = (props: { title: string }) => <main>{props.title.toUpperCase()}</main>;\n";
    let project = Project::new(&[
        (
            "src/index.ts",
            "import { area } from './lib/area';\nimport { Page } from './page';\nimport { dep } from 'dep';\nexport default { fetch: () => [area({ side: -1 }), Page, dep()] };\n",
        ),
        ("src/lib/area.ts", thrower),
        ("src/page.tsx", page),
        ("node_modules/dep/index.js", "exports.dep = function dep() {\n  return MARKER_IN_DEP;\n};\n"),
    ]);
    let mut options = project.options("src/index.ts");
    for minify in [false, true] {
        options.minify = minify;
        let bundle = project.try_bundle(&options).unwrap();
        let main = bundle.main_module();
        let map = SourceMap::parse(main.source_map.as_ref().expect("a source map")).unwrap();
        for (needle, file, source) in [
            ("Error(", "src/lib/area.ts", thrower),
            ("toUpperCase", "src/page.tsx", page),
            (
                "MARKER_IN_DEP",
                "node_modules/dep/index.js",
                "exports.dep = function dep() {\n  return MARKER_IN_DEP;\n};\n",
            ),
        ] {
            let (line, column) = place(text(main), needle);
            let original = map.original(line, column).unwrap_or_else(|| panic!("{needle} is mapped"));
            assert_eq!(
                (original.file, (original.line, original.column)),
                (file, place(source, needle)),
                "{needle}, minify: {minify}"
            );
            assert_eq!(map.source(file), Some(source));
        }
        let around = map.lines_around("src/lib/area.ts", 5, 1);
        assert_eq!(around.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [4, 5, 6]);
        assert!(around[1].1.contains("negative side"));
        let json: serde_json::Value = serde_json::from_str(main.source_map.as_ref().unwrap()).unwrap();
        for source in json["sources"].as_array().unwrap() {
            let source = source.as_str().unwrap();
            assert!(!source.starts_with("..") && !source.starts_with('/'), "{source} is relative to the project");
        }
    }
}
