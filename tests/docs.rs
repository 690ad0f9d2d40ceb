//! The documentation says what the code does.

use std::collections::BTreeMap;

use harness::root;

/// `docs/configuration.md` lists every key with the state that `crates/config` gives it.
#[test]
fn every_configuration_key_has_its_state() {
    let code = std::fs::read_to_string(root().join("crates/config/src/support.rs")).expect("the code's table");
    let in_code: BTreeMap<_, _> = code
        .lines()
        .filter_map(|line| line.trim().strip_prefix("(\"")?.strip_suffix("),")?.split_once("\", "))
        .map(|(key, state)| match state {
            "Works" => (key, "works"),
            "Deployment" => (key, "deployment"),
            "NotYet" => (key, "not yet"),
            other => panic!("a state that the documentation has no word for: {other}"),
        })
        .collect();
    let page = std::fs::read_to_string(root().join("docs/configuration.md")).expect("the page");
    let (_, table) = page.split_once("## Every key").expect("the table's section");
    let in_docs: BTreeMap<_, _> =
        table.lines().filter_map(|line| line.strip_prefix("| `")?.strip_suffix(" |")?.split_once("` | ")).collect();
    assert!(in_code.len() > 50, "the code's table was not understood");
    assert_eq!(in_docs, in_code);
}

/// Links between pages lead somewhere.
#[test]
fn links_between_pages_lead_somewhere() {
    let root = root();
    let mut pages = vec![
        root.join("README.md"),
        root.join("CONTRIBUTING.md"),
        root.join("SECURITY.md"),
        root.join("bench/README.md"),
    ];
    pages.extend(std::fs::read_dir(root.join("docs")).expect("docs/").map(|entry| entry.expect("an entry").path()));
    for page in pages.iter().filter(|page| page.extension().is_some_and(|extension| extension == "md")) {
        let text = std::fs::read_to_string(page).unwrap_or_else(|error| panic!("{}: {error}", page.display()));
        for target in text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target) {
            let (file, _) = target.split_once('#').unwrap_or((target, ""));
            if file.is_empty() || file.contains("://") {
                continue;
            }
            let path = page.parent().expect("a page has a folder").join(file);
            assert!(path.exists(), "{} links to {target}, which is not there", page.display());
        }
    }
}
