//! TypeScript, JSX and npm packages made into one module.

use bundle::{Format, ModuleKind};

use crate::project::{Project, run, text};

#[test]
fn typescript_with_paths_json_and_jsx_runs() {
    let project = Project::new(&[
        (
            "tsconfig.json",
            r#"{ "compilerOptions": { // comments are fine
                "paths": { "@lib/*": ["./src/lib/*"] }, "jsx": "react-jsx", "jsxImportSource": "tiny" } }"#,
        ),
        ("node_modules/tiny/package.json", r#"{"name":"tiny","exports":{"./jsx-runtime":"./jsx.js"}}"#),
        (
            "node_modules/tiny/jsx.js",
            "export const jsx = (tag, { children }) => `<${tag}>${children}</${tag}>`; export const jsxs = jsx;",
        ),
        (
            "src/index.ts",
            r#"
            import { greet, Level } from "@lib/greet";
            import data from "./data.json";
            import { page } from "./page";
            import type { Gone } from "./does-not-exist";
            enum Color { Red = "red" }
            class Greeter { constructor(private readonly name: string) {} hi(): string { return greet(this.name) satisfies string } }
            export default {
                async fetch(): Promise<Response> {
                    const late = await import("./late");
                    return new Response([new Greeter("you").hi(), data.answer, page(), Color.Red, Level.High, late.default, process.env.NODE_ENV, VERSION].join("|"));
                },
            };
            export class Counter {}
            "#,
        ),
        (
            "src/lib/greet.ts",
            "export const enum Level { High = 3 }\nexport function greet(name: string) { return `hi ${name}` as const }\nexport const unused = 'SHAKEN AWAY';",
        ),
        ("src/data.json", r#"{"answer": 42, "other": 1}"#),
        ("src/page.tsx", "export const page = () => <b>bold</b>;"),
        ("src/late.js", "export default 'late';"),
    ]);
    let mut options = project.options("src/index.ts");
    options.define = vec![("VERSION".into(), "\"1.2.3\"".into())];
    let bundle = project.try_bundle(&options).unwrap();
    assert_eq!((bundle.format, bundle.main.as_str(), bundle.modules.len()), (Format::Modules, "index.js", 1));
    assert_eq!(bundle.main_module().kind, ModuleKind::EsModule);
    assert!(bundle.warnings.is_empty(), "{:?}", bundle.warnings);
    assert_eq!(bundle.exports, ["Counter", "default"]);
    assert!(!text(bundle.main_module()).contains("SHAKEN AWAY"));
    assert!(!text(bundle.main_module()).contains("sourceMappingURL"));
    let script = r#"const m = await import("./index.js"); console.log(Object.keys(m).join(), m.Counter.name, await (await m.default.fetch()).text())"#;
    assert_eq!(run(&bundle, &[], script), "Counter,default Counter hi you|42|<b>bold</b>|red|3|late|development|1.2.3");
    for file in [
        "src/index.ts",
        "src/lib/greet.ts",
        "src/data.json",
        "src/page.tsx",
        "src/late.js",
        "tsconfig.json",
        "package.json",
    ] {
        assert!(bundle.watch.contains(&project.root.join(file)), "{file} in {:?}", bundle.watch);
    }

    // Minified, it is smaller and does the same; names are kept unless told otherwise.
    options.minify = true;
    options.node_env = "production".into();
    let small = project.try_bundle(&options).unwrap();
    assert!(small.size_raw() < bundle.size_raw() && small.size_gzip() < small.size_raw());
    assert_eq!(run(&small, &[], script), "Counter,default Counter hi you|42|<b>bold</b>|red|3|late|production|1.2.3");
}

#[test]
fn packages_resolve_as_wrangler_resolves_them() {
    let project = Project::new(&[
        (
            "node_modules/conditions/package.json",
            r#"{"name":"conditions","exports":{".":{"node":"./node.js","workerd":"./workerd.js","default":"./default.js"},
                "./browser":{"browser":"./browser.js","default":"./default.js"},"./kind":{"import":"./esm.mjs","require":"./cjs.cjs"}}}"#,
        ),
        ("node_modules/conditions/node.js", "export default 'node'"),
        ("node_modules/conditions/workerd.js", "export default 'workerd'"),
        ("node_modules/conditions/browser.js", "export default 'browser'"),
        ("node_modules/conditions/default.js", "export default 'default'"),
        ("node_modules/conditions/esm.mjs", "export default 'import'"),
        ("node_modules/conditions/cjs.cjs", "module.exports = 'require'"),
        (
            "node_modules/fields/package.json",
            r#"{"name":"fields","main":"main.js","module":"module.js","browser":{"./server.js":"./client.js"}}"#,
        ),
        ("node_modules/fields/main.js", "module.exports = 'main'"),
        ("node_modules/fields/module.js", "import server from './server.js'; export default 'module ' + server"),
        ("node_modules/fields/server.js", "export default 'server'"),
        ("node_modules/fields/client.js", "export default 'client'"),
        ("node_modules/@scope/cjs/package.json", r#"{"name":"@scope/cjs","main":"./lib"}"#),
        (
            "node_modules/@scope/cjs/lib/index.js",
            "exports.kind = require('conditions/kind'); exports.self = () => typeof module; exports.node_env = process.env.NODE_ENV;",
        ),
        (
            "node_modules/es-module-flag/index.js",
            "Object.defineProperty(exports, '__esModule', { value: true }); exports.default = 'flagged'; exports.named = 'named';",
        ),
        ("shared/aliased.ts", "export default 'aliased' as string"),
        (
            "src/index.js",
            r#"
            import workerd from "conditions"; import browser from "conditions/browser"; import kind from "conditions/kind";
            import fields from "fields"; import cjs, { kind as required } from "@scope/cjs"; import flagged, { named } from "es-module-flag";
            import aliased from "to-be-aliased"; import up from "../shared/aliased";
            const Element = (props) => <Element {...props} />;
            export default [workerd, browser, kind, fields, required, cjs.self(), cjs.node_env, flagged, named, aliased, up === aliased, typeof Element].join();
            "#,
        ),
    ]);
    let mut options = project.options("src/index.js");
    options.alias = vec![("to-be-aliased".into(), "./shared/aliased.ts".into())];
    let bundle = project.try_bundle(&options).unwrap_or_else(|error| panic!("{error}"));
    let script = r#"console.log((await import("./index.js")).default)"#;
    assert_eq!(
        run(&bundle, &[], script),
        "workerd,browser,import,module client,require,object,development,flagged,named,aliased,true,function"
    );
    // Without a tsconfig that says otherwise, JSX is `React.createElement`, also in .js files.
    assert!(text(bundle.main_module()).contains("React.createElement("), "{}", text(bundle.main_module()));
    options.jsx_factory = Some("h".into());
    assert!(text(project.try_bundle(&options).unwrap().main_module()).contains(" h("));
}

#[test]
fn what_the_runtime_provides_stays_outside() {
    let project = Project::new(&[
        (
            "node_modules/old/index.js",
            "const { Buffer } = require('buffer'); const fs = require('node:path'); const { env } = require('cloudflare:workers'); module.exports = [typeof Buffer.from, typeof fs.join, env].join();",
        ),
        ("node_modules/path/index.js", "throw new Error('the builtin comes first')"),
        (
            "src/index.ts",
            r#"import { DurableObject } from "cloudflare:workers"; import old from "old"; import { join } from "path"; import * as events from "node:events";
            export default [old, join("a", "b"), typeof events.EventEmitter, new DurableObject().kind].join("|");"#,
        ),
    ]);
    let mut options = project.options("src/index.ts");
    options.nodejs_compat = true;
    let bundle = project.try_bundle(&options).unwrap_or_else(|error| panic!("{error}"));
    assert!(bundle.warnings.is_empty(), "{:?}", bundle.warnings);
    assert_eq!(bundle.modules.len(), 1);
    let shims = [("cloudflare:workers", "export class DurableObject { kind = 'durable' }\nexport const env = 'ENV';")];
    assert_eq!(
        run(&bundle, &shims, r#"console.log((await import("./index.js")).default)"#),
        "function,function,ENV|a/b|function|durable"
    );
    assert!(text(bundle.main_module()).contains("\"node:path\"") && !text(bundle.main_module()).contains("require("));
    // Modules made up along the way are nobody's source.
    let map: serde_json::Value = serde_json::from_str(bundle.main_module().source_map.as_ref().unwrap()).unwrap();
    assert_eq!(map["sources"], serde_json::json!(["node_modules/old/index.js", "src/index.ts"]));

    // Without the flag: `node:` imports are left to fail at run time with a warning, bare ones are errors.
    let project = Project::new(&[
        ("index.ts", "import fs from 'node:fs'; export default fs"),
        ("als.ts", "import { AsyncLocalStorage } from 'node:async_hooks'; export default new AsyncLocalStorage()"),
        ("bare.ts", "import fs from 'fs'; export default fs"),
    ]);
    let bundle = project.bundle("index.ts");
    assert_eq!(bundle.warnings.len(), 1);
    let warning = bundle.warnings[0].to_string();
    assert!(
        warning.contains("The package \"node:fs\"")
            && warning.contains("nodejs_compat")
            && warning.contains("index.ts"),
        "{warning}"
    );
    let mut als = project.options("als.ts");
    assert_eq!(project.try_bundle(&als).unwrap().warnings.len(), 1);
    als.nodejs_als = true;
    assert!(project.try_bundle(&als).unwrap().warnings.is_empty());
    let error = project.error("bare.ts").to_string();
    assert!(
        error.contains("Could not resolve \"fs\" imported by bare.ts:1:16") && error.contains("nodejs_compat"),
        "{error}"
    );
}

#[test]
fn a_linked_project_is_known_by_its_real_path() {
    let project = Project::new(&[
        ("real/src/index.ts", "import './a'; export default 1"),
        ("real/src/a.ts", "throw new Error('a')"),
    ]);
    let (real, link) = (project.root.join("real"), project.root.join("link"));
    std::os::unix::fs::symlink(&real, &link).unwrap();
    let options = bundle::Options::new(&link, link.join("src/index.ts"));
    let bundle = project.try_bundle(&options).unwrap();
    assert!(bundle.watch.contains(&real.join("src/a.ts")));
    assert!(bundle.main_module().source_map.as_ref().unwrap().contains(r#""src/a.ts""#));
}

#[test]
fn cycles_and_shared_state_survive() {
    let project = Project::new(&[
        (
            "a.js",
            "import { b } from './b.js'; export function a() { return 'a' } export default b() + a() + globalThis.loads;",
        ),
        (
            "b.js",
            "import { a } from './a.js'; globalThis.loads = (globalThis.loads ?? 0) + 1; export function b() { return 'b' + a() }",
        ),
        (
            "index.js",
            "import ab from './a.js'; const again = await import('./b.js'); const dynamic = import('./c.cjs'); export default ab + again.b() + (await dynamic).default.c;",
        ),
        ("c.cjs", "exports.c = require('./d.cjs').d; exports.late = 1;"),
        ("d.cjs", "const c = require('./c.cjs'); exports.d = typeof c.late;"),
    ]);
    let bundle = project.bundle("index.js");
    assert_eq!(bundle.modules.len(), 1, "one file, as wrangler makes it");
    assert_eq!(run(&bundle, &[], r#"console.log((await import("./index.js")).default)"#), "baa1baundefined");
}
