//! What a broken source tree says, and that nothing in one brings the process down.

use std::fs;

use bundle::Options;

use crate::project::Project;

#[test]
fn errors_say_where_and_what_and_come_together() {
    let project = Project::new(&[
        (
            "src/index.ts",
            "import { a } from \"./a\";\nimport { b } from './b';\nimport missing from \"missing-package/sub\";\nimport scoped from '@scope/pkg/deep';\nimport near from './neer';\nexport default { a, b, missing, scoped, near };\n",
        ),
        ("src/a.ts", "export const a = {\n  one: 1,\n  two: = 2,\n};\n"),
        ("src/b.ts", "export function b( {\n"),
    ]);
    let error = project.error("src/index.ts");
    let text = error.to_string();
    let at = |file: &str| {
        error
            .problems
            .iter()
            .find(|problem| problem.location.as_ref().is_some_and(|at| at.file == file))
            .unwrap_or_else(|| panic!("{file} in {text}"))
    };
    let a = at("src/a.ts");
    assert_eq!(a.location.as_ref().map(|at| (at.line, at.column)), Some((3, 8)));
    assert!(
        a.to_string().starts_with("src/a.ts:3:8: ") && a.frame.as_ref().unwrap().contains("> 3 |   two: = 2,"),
        "{a}"
    );
    assert!(at("src/b.ts").location.is_some());

    // Without the syntax errors, every import that leads nowhere is told, with what to do.
    project.write("src/a.ts", "export const a = 1;");
    project.write("src/b.ts", "export const b = 1;");
    let error = project.error("src/index.ts");
    let text = error.to_string();
    assert_eq!(error.problems.len(), 3, "{text}");
    assert!(text.contains("Could not resolve \"missing-package/sub\" imported by src/index.ts:3:21"), "{text}");
    assert!(text.contains("npm install missing-package") && text.contains("npm install @scope/pkg"), "{text}");
    assert!(
        text.contains("Could not resolve \"./neer\" imported by src/index.ts:5:18")
            && text.contains("There is no such file."),
        "{text}"
    );
    assert!(text.contains("> 5 | import near from './neer';\n    |                  ^"), "{text}");
    // A change to any file that was read, or the arrival of one that was missed, may be the repair.
    for file in ["src/index.ts", "src/a.ts", "src/neer.ts", "node_modules/missing-package/package.json", "package.json"]
    {
        assert!(error.watch.contains(&project.root.join(file)), "{file} in {:?}", error.watch);
    }
}

#[test]
fn every_way_to_be_broken_has_its_words() {
    type Case = (&'static str, &'static [(&'static str, &'static str)], &'static [&'static str]);
    let cases: &[Case] = &[
        (
            "a missing export",
            &[("index.ts", "import { nope } from './a';\nexport default nope"), ("a.ts", "export const yes = 1")],
            &["index.ts:1:10", "\"nope\" is not exported by \"a.ts\""],
        ),
        (
            "bad JSON",
            &[("index.ts", "import a from './a.json'; export default a"), ("a.json", "{\"a\": 1,\n  oops }")],
            &["a.json:2:", "key must be a string"],
        ),
        (
            "a bad tsconfig",
            &[("index.ts", "export default 1"), ("tsconfig.json", "{ \"compilerOptions\": { ")],
            &["tsconfig.json"],
        ),
        (
            "a subpath that is not exported",
            &[
                ("index.ts", "import a from 'pkg/internal'; export default a"),
                ("node_modules/pkg/package.json", r#"{"name":"pkg","exports":{".":"./index.js"}}"#),
                ("node_modules/pkg/index.js", ""),
            ],
            &["Could not resolve \"pkg/internal\" imported by index.ts:1:15", "exports"],
        ),
        (
            "an unknown file type",
            &[("index.ts", "import a from './a.xyz'; export default a"), ("a.xyz", "?")],
            &["a.xyz", ".xyz files", "module rule"],
        ),
        (
            "a missing text file",
            &[("index.ts", "import a from './a.txt'; export default a")],
            &["Could not resolve \"./a.txt\" imported by index.ts:1:15"],
        ),
        (
            "assignment to a constant import",
            &[("index.ts", "import { a } from './a';\na = 2;\nexport default a"), ("a.ts", "export let a = 1")],
            &["index.ts:2:1"],
        ),
        (
            "a require() of what awaits",
            &[("index.ts", "export default require('./a')"), ("a.ts", "export default await 1")],
            &["a.ts"],
        ),
    ];
    for (what, files, words) in cases {
        let error = Project::new(files).error("index.ts").to_string();
        for word in *words {
            assert!(error.contains(word), "{what}: {word:?} in: {error}");
        }
    }

    let project = Project::new(&[("index.ts", "export default 1")]);
    let mut options = project.options("index.ts");
    options.define = vec![("VALUE".into(), "not an expression".into())];
    let error = project.try_bundle(&options).unwrap_err().to_string();
    assert!(error.contains("VALUE") || error.contains("not an expression"), "{error}");
    options.define.clear();
    options.tsconfig = Some("gone.json".into());
    let error = project.try_bundle(&options).unwrap_err();
    assert!(error.to_string().contains("gone.json"), "{error}");
    assert!(error.watch.contains(&project.root.join("gone.json")));

    let project = Project::new(&[
        ("index.ts", "import a from 'x'; import html from './p.html'; export default [a, html]"),
        ("p.html", ""),
    ]);
    let mut options = project.options("index.ts");
    options.alias = vec![("x".into(), "./gone.ts".into())];
    options.rules =
        vec![bundle::Rule { kind: bundle::RuleType::Text, globs: vec!["**/*.md".into()], fallthrough: None }];
    let error = project.try_bundle(&options).unwrap_err().to_string();
    assert!(error.contains("The alias of \"x\" is \"./gone.ts\"") && error.contains("index.ts:1:15"), "{error}");
    assert!(error.contains("p.html") && error.contains("fallthrough = true"), "{error}");
}

#[test]
fn hostile_sources_are_errors() {
    let project = Project::new(&[("self.js", "import './self.js'; export * from './self.js'; export default 1")]);
    project.bundle("self.js");
    // What the bundler takes too long for is cut off; these it must get through.
    let deep = 5_000;
    let sources = [
        format!("export default {}1{}", "(".repeat(deep), ")".repeat(deep)),
        format!("export default {}{}", "[".repeat(deep), "]".repeat(deep)),
        format!("export default {}1", "a+".repeat(deep)),
        format!("{}{}export default 1", "{".repeat(deep), "}".repeat(deep)),
        format!("export default {}1", "!".repeat(deep)),
        format!("{}export default 1", "if(a)".repeat(deep) + ";"),
    ];
    for source in sources {
        project.write("deep.js", &source);
        project.bundle("deep.js");
    }

    project.write("index.js", "import x from './garbage.js'; export default x");
    project.write("garbage.js", [0u8, 159, 146, 150, 255, 0, 1, 2]);
    let error = project.error("index.js").to_string();
    assert!(error.contains("garbage.js") && error.contains("UTF-8"), "{error}");
    project.write("garbage.js", "\u{feff}\u{0}\u{202e}`${${");
    assert!(!project.error("index.js").problems.is_empty());

    let huge = fs::File::create(project.root.join("garbage.js")).unwrap();
    huge.set_len(80 << 20).unwrap();
    let error = project.error("index.js").to_string();
    assert!(error.contains("80 MiB") && error.contains("64 MiB"), "{error}");
    fs::remove_file(project.root.join("garbage.js")).unwrap();
    fs::create_dir(project.root.join("garbage.js")).unwrap();
    assert!(project.error("index.js").to_string().contains("index.js:1:15"));

    for (entry, word) in [("nowhere.ts", "nowhere.ts"), (".", "regular file"), ("/dev/zero", "regular file")] {
        let error = project.try_bundle(&Options::new(&project.root, entry)).unwrap_err().to_string();
        assert!(error.contains("entry point") && error.contains(word), "{error}");
    }
}
