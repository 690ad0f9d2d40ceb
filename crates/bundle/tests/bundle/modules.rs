//! Modules beside the main one: WebAssembly, text, data, files found on disk, and the other Worker format.

use bundle::{Format, ModuleKind, Rule, RuleType};

use crate::project::{Project, run, text};

/// (module (func (export "add") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add))
const ADD: &[u8] = b"\0asm\x01\0\0\0\x01\x07\x01\x60\x02\x7f\x7f\x01\x7f\x03\x02\x01\0\x07\x07\x01\x03add\0\0\x0a\x09\x01\x07\0\x20\0\x20\x01\x6a\x0b";

fn rule(kind: RuleType, glob: &str, fallthrough: Option<bool>) -> Rule {
    Rule { kind, globs: vec![glob.into()], fallthrough }
}

#[test]
fn wasm_text_and_data_stay_modules_of_their_own() {
    let project = Project::new(&[
        ("node_modules/wasm-pkg/package.json", r#"{"name":"wasm-pkg","exports":{"./*":"./dist/*"}}"#),
        (
            "src/deep/util.ts",
            "import page from '../page.html'; import pkg from 'wasm-pkg/add.wasm'; export { page, pkg };",
        ),
        ("src/page.html", "<p>ü</p>"),
        ("src/query.sql", "SELECT 1"),
        ("src/notes.md", "# Notes"),
        (
            "src/index.ts",
            r#"
            import add from "./add.wasm"; import same from "./add.wasm?module"; import data from "./blob.bin"; import query from "./query.sql";
            import notes from "./notes.md"; import { page, pkg } from "./deep/util";
            const call = (module: WebAssembly.Module) => (new WebAssembly.Instance(module).exports as any).add(2, 3);
            export default [call(add), add === same, call(pkg), new Uint8Array(data).join(), page, query, notes].join("|");
            "#,
        ),
    ]);
    project.write("src/add.wasm", ADD);
    project.write("node_modules/wasm-pkg/dist/add.wasm", ADD);
    project.write("src/blob.bin", [0xff, 0xfe, 0]);
    let mut options = project.options("src/index.ts");
    options.rules = vec![rule(RuleType::Text, "**/*.md", Some(true))];
    let bundle = project.try_bundle(&options).unwrap_or_else(|error| panic!("{error}"));
    let kinds: Vec<_> = bundle
        .modules
        .iter()
        .map(|module| (module.name.split_once('-').map_or("", |(_, name)| name), module.kind))
        .collect();
    let mut sorted = kinds[1..].to_vec();
    sorted.sort_by_key(|(name, _)| *name);
    assert_eq!(
        sorted,
        [
            ("add.wasm", ModuleKind::Wasm),
            ("blob.bin", ModuleKind::Data),
            ("notes.md", ModuleKind::Text),
            ("page.html", ModuleKind::Text),
            ("query.sql", ModuleKind::Text),
        ],
        "the same content under the same name is one module"
    );
    // sha1sum of "SELECT 1"
    assert!(
        bundle.modules.iter().any(|module| module.name == "42364a017b73ef516a0eca9827e6fa00623257ee-query.sql"),
        "{kinds:?}"
    );
    assert_eq!(
        run(&bundle, &[], r#"console.log((await import("./index.js")).default)"#),
        "5|true|5|255,254,0|<p>ü</p>|SELECT 1|# Notes"
    );
    for file in ["src/add.wasm", "src/page.html", "node_modules/wasm-pkg/dist/add.wasm"] {
        assert!(bundle.watch.contains(&project.root.join(file)), "{file}");
    }
    assert_eq!(bundle.size_raw(), bundle.modules.iter().map(|module| module.content.len()).sum::<usize>());

    options.preserve_file_names = true;
    let named = project.try_bundle(&options).unwrap();
    assert!(
        named.modules.iter().any(|module| module.name == "add.wasm")
            && text(named.main_module()).contains("\"./query.sql\"")
    );
}

#[test]
fn scripts_become_service_workers() {
    let project = Project::new(&[
        (
            "src/index.ts",
            "import { reply } from './reply'; import page from './page.html';\naddEventListener('fetch', (event: any) => event.respondWith(reply(page)));",
        ),
        ("src/reply.ts", "export const reply = (text: string) => `<${text}>`;"),
        ("src/page.html", "page"),
    ]);
    let bundle = project.bundle("src/index.ts");
    assert_eq!(bundle.format, Format::ServiceWorker);
    let page = &bundle.modules[1];
    assert_eq!((page.kind, text(page)), (ModuleKind::Text, "page"));
    assert!(
        page.global_name().ends_with("_page_html") && !page.global_name().contains(['.', '/', '-']),
        "{}",
        page.global_name()
    );
    let script = format!(
        "import vm from 'node:vm'; import fs from 'node:fs';
        const listeners = []; const context = vm.createContext({{ {}: 'page', addEventListener: (type, f) => listeners.push([type, f]) }});
        vm.runInContext(fs.readFileSync('index.js', 'utf8'), context);
        listeners[0][1]({{ respondWith: (text) => console.log(listeners[0][0], text) }});",
        page.global_name()
    );
    assert_eq!(run(&bundle, &[], &script), "fetch <page>");

    let project = Project::new(&[(
        "index.js",
        "import { connect } from 'cloudflare:sockets'; addEventListener('fetch', () => connect());",
    )]);
    let error = project.error("index.js").to_string();
    assert!(
        error.contains("Unexpected external import of \"cloudflare:sockets\"") && error.contains("export default"),
        "{error}"
    );
}

#[test]
fn additional_modules_are_found_and_left_alone() {
    let project = Project::new(&[
        (
            "src/index.mjs",
            "import { en } from './lang/en.mjs'; import { bundled } from './inner/util.js';\nexport default async (code) => [en, bundled, (await import(`./lang/${code}.mjs`)).name].join();",
        ),
        ("src/lang/en.mjs", "export const en = 'EN', name = 'English';"),
        ("src/lang/de.mjs", "export const name = 'Deutsch';"),
        ("src/inner/util.js", "export { en as bundled } from '../lang/en.mjs';"),
        ("src/readme.txt", "text"),
        ("other/out.mjs", "export const name = 'outside'"),
    ]);
    let mut options = project.options("src/index.mjs");
    options.find_additional_modules = Some(true);
    options.rules = vec![rule(RuleType::EsModule, "lang/*.mjs", None)];
    let expect = |bundle: &bundle::Bundle, main: &str| {
        let names: Vec<_> = bundle.modules.iter().map(|module| (module.name.as_str(), module.kind)).collect();
        use ModuleKind::{EsModule, Text};
        assert_eq!(
            names,
            [(main, EsModule), ("lang/de.mjs", EsModule), ("lang/en.mjs", EsModule), ("readme.txt", Text)]
        );
    };
    let bundle = project.try_bundle(&options).unwrap_or_else(|error| panic!("{error}"));
    expect(&bundle, "index.js");
    assert!(!text(bundle.main_module()).contains("English"), "additional modules stay outside");
    assert_eq!(run(&bundle, &[], r#"console.log(await (await import("./index.js")).default("de"))"#), "EN,EN,Deutsch");

    options.no_bundle = true;
    let bundle = project.try_bundle(&options).unwrap();
    expect(&bundle, "index.mjs");
    assert_eq!(bundle.main_module().content, std::fs::read(project.root.join("src/index.mjs")).unwrap());

    assert_eq!(bundle.exports, ["default"]);
    assert!(bundle.watch.contains(&project.root.join("src/lang")), "a file that comes is a module too");

    options.base_dir = Some(".".into());
    options.rules = vec![rule(RuleType::EsModule, "**/*.mjs", None)];
    let bundle = project.try_bundle(&options).unwrap();
    assert_eq!(bundle.main, "src/index.mjs");
    assert!(bundle.modules.iter().any(|module| module.name == "other/out.mjs"));
}
