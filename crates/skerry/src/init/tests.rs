use std::fs;

use clap::ValueEnum;
use config::Project;

use super::{InitError, Lang, Template, run};

#[test]
fn every_template_is_a_project_in_both_languages() {
    let dir = std::env::temp_dir().join(format!("skerry-init-{}", std::process::id()));
    let _ = fs::remove_dir_all(&dir);
    for template in Template::value_variants() {
        for lang in Lang::value_variants() {
            let name = format!("my-{template:?}-{lang:?}").to_lowercase();
            let created = run(&name, *template, *lang, &dir).expect(&name);
            let project = Project::load(&created.root, None).expect(&name);
            assert_eq!(project.worker.name.as_str(), name);
            // Only what is not supported yet may be warned of.
            for warning in &project.warnings {
                assert!(warning.message.contains("is not supported by skerry dev yet"), "{name}: {warning}");
            }
            for file in &created.files {
                let text = fs::read_to_string(created.root.join(file)).expect("a file");
                assert!(!text.contains("{{"), "{name}: {} has an unfilled place", file.display());
            }
            let package = fs::read(created.root.join("package.json")).expect("a package");
            let package: serde_json::Value = serde_json::from_slice(&package).expect("JSON");
            assert_eq!(package["scripts"]["dev"], "skerry dev");

            let again = run(&name, *template, *lang, &dir).expect_err("it is taken");
            assert!(matches!(again, InitError::Taken(_)), "{again}");
        }
    }
    for (name, reason) in [("Not A Name!", "only lowercase letters"), ("", "it is empty"), ("-x", "begin with a dash")]
    {
        let error = run(name, Template::Hello, Lang::Ts, &dir).expect_err(name).to_string();
        assert!(error.contains(reason), "{error}");
    }
    fs::create_dir(dir.join("empty")).expect("a folder");
    run("empty", Template::Hello, Lang::Js, &dir).expect("an empty folder is free");
    fs::remove_dir_all(dir).expect("cleaned");
}
