use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use super::{DevVars, ProcessEnv, VarArgument};
use crate::schema::vars::Var;

fn folder(name: &str, files: &[(&str, &str)]) -> PathBuf {
    let path = std::env::temp_dir().join(format!("skerry-vars-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).expect("a temporary folder");
    for (file, text) in files {
        fs::write(path.join(file), text).expect("a file");
    }
    path
}

fn process() -> ProcessEnv {
    let variables = [("FROM_SHELL".to_owned(), "shell".to_owned())].into();
    ProcessEnv { load_dot_env: true, include: false, variables }
}

fn secret(text: &str) -> Option<Var> {
    Some(Var::Secret(text.to_owned()))
}

#[test]
fn later_sources_win_and_dev_vars_shut_out_dot_env() {
    let root = folder(
        "order",
        &[
            (".dev.vars", "TOKEN=general\nA=1\nnonsense\n"),
            (".dev.vars.staging", "TOKEN=staging\n"),
            (".env", "IGNORED=1\n"),
        ],
    );
    let configured: BTreeMap<String, Var> =
        [("A".to_owned(), Var::Text("configured".to_owned())), ("B".to_owned(), Var::Text("configured".to_owned()))]
            .into();
    let arguments: Vec<VarArgument> = vec!["TOKEN:from:cli".parse().expect("a variable")];

    let plain = DevVars::load(&root, None, &configured, None, &[], &process()).expect("loaded");
    assert_eq!(plain.vars.get("TOKEN").cloned(), secret("general"));
    assert_eq!(plain.vars.get("A").cloned(), secret("1"), "a secret over a variable");
    assert_eq!(plain.vars["B"], Var::Text("configured".to_owned()));
    assert!(!plain.vars.contains_key("IGNORED"));
    assert_eq!(plain.warnings.len(), 1);
    assert_eq!(plain.warnings[0].line, 3);
    assert!(!format!("{:?}", plain.vars).contains("general"), "secrets are not printed");

    let staging = DevVars::load(&root, Some("staging"), &configured, None, &arguments, &process()).expect("loaded");
    assert_eq!(staging.vars["TOKEN"], Var::Text("from:cli".to_owned()));
    assert_eq!(staging.vars["A"], Var::Text("configured".to_owned()), "one file, not both");
    assert_eq!(staging.files, [root.join(".dev.vars.staging")]);

    assert!("novalue".parse::<VarArgument>().is_err() && ":x".parse::<VarArgument>().is_err());
    fs::remove_dir_all(root).expect("cleaned");
}

#[test]
fn dot_env_files_merge_and_expand() {
    let root = folder(
        "dotenv",
        &[
            (".env", "HOST=a\nURL=http://$HOST/${FROM_SHELL}\n"),
            (".env.local", "HOST=b\n"),
            (".env.staging", "KEY=staging\n"),
        ],
    );
    let none = BTreeMap::new();
    let loaded = DevVars::load(&root, Some("staging"), &none, None, &[], &process()).expect("loaded");
    assert_eq!(loaded.vars.get("HOST").cloned(), secret("b"));
    assert_eq!(loaded.vars.get("KEY").cloned(), secret("staging"));
    assert_eq!(loaded.vars.get("URL").cloned(), secret("http://a/"), "the shell stays outside");
    assert_eq!(loaded.watched.len(), 6);

    // With `secrets.required`, only those names come in, and the shell's may.
    let required = ["FROM_SHELL".to_owned(), "KEY".to_owned(), "MISSING".to_owned()];
    let loaded = DevVars::load(&root, Some("staging"), &none, Some(&required), &[], &process()).expect("loaded");
    let names: Vec<&str> = loaded.vars.keys().map(String::as_str).collect();
    assert_eq!(names, ["FROM_SHELL", "KEY"]);
    assert!(loaded.warnings[0].to_string().contains("the required secret `MISSING` is missing"));

    let mut off = process();
    off.load_dot_env = false;
    let loaded = DevVars::load(&root, None, &none, None, &[], &off).expect("loaded");
    assert!(loaded.vars.is_empty());
    fs::remove_dir_all(root).expect("cleaned");
}
