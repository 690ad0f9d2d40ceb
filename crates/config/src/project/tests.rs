use std::fs;

use super::Project;

#[test]
fn a_path_may_be_a_folder_a_config_or_a_script() {
    let root = std::env::temp_dir().join(format!("skerry-project-{}", std::process::id()));
    let _ = fs::remove_dir_all(&root);
    fs::create_dir_all(root.join("empty")).expect("folders");
    fs::write(root.join("Hello World.ts"), "export default {}").expect("a script");
    fs::write(root.join("other.toml"), "main = \"Hello World.ts\"\n").expect("a config");
    fs::write(root.join("notes.txt"), "").expect("a file");

    let script = Project::load(&root.join("Hello World.ts"), None).expect("a script");
    assert_eq!(script.worker.name.as_str(), "hello-world");
    assert_eq!((script.config_path, script.root.as_path()), (None, root.as_path()));

    let explicit = Project::load(&root.join("other.toml"), None).expect("an explicit file");
    assert!(explicit.worker.name.as_str().starts_with("skerry-project-"), "named after the folder");
    assert_eq!(explicit.worker.main, Some(root.join("Hello World.ts")));

    let message = |path: &str| Project::load(&root.join(path), None).expect_err(path).to_string();
    assert!(message("empty").starts_with("no wrangler.json, wrangler.jsonc or wrangler.toml in "));
    assert!(message("gone").ends_with("gone does not exist"));
    assert!(message("notes.txt").contains("is neither a wrangler configuration"));

    // JSON before TOML, as wrangler looks for them; skerry.toml sets what wrangler has no key for.
    fs::write(root.join("wrangler.toml"), "name = \"from-toml\"\nmain = \"Hello World.ts\"\n").expect("toml");
    fs::write(
        root.join("wrangler.jsonc"),
        "{ \"name\": \"from-json\", \"main\": \"Hello World.ts\", \"limits\": { \"subrequests\": 7 }, \
         \"compatibility_date\": \"2024-09-23\" }",
    )
    .expect("json");
    fs::write(root.join("skerry.toml"), "[limits]\npreset = \"free\"\n").expect("settings");
    let project = Project::load(&root, None).expect("a folder");
    assert_eq!(project.worker.name.as_str(), "from-json");
    assert_eq!((project.worker.limits.cpu.as_millis(), project.worker.limits.subrequests), (10, 7));
    assert_eq!(project.warnings.len(), 1);
    assert!(
        project.warnings[0]
            .to_string()
            .ends_with("wrangler.toml: this file is ignored, because wrangler.jsonc is beside it: keep one of the two")
    );
    assert_eq!(project.config_files(), [root.join("wrangler.jsonc"), root.join("skerry.toml")]);

    // A byte order mark is no mistake, and an empty environment is the top level.
    fs::write(
        root.join("marked.toml"),
        "\u{feff}main = \"Hello World.ts\"\nrules = [{ type = \"PythonModule\", globs = [\"*\"] }]\n",
    )
    .expect("a config");
    let marked = Project::load(&root.join("marked.toml"), Some("")).expect("a marked file");
    assert_eq!(marked.env, None);
    assert!(marked.warnings[0].to_string().contains("marked.toml:2: `rules` of the type \"PythonModule\""));

    fs::write(root.join("skerry.toml"), "[limit]\n").expect("settings");
    let broken = Project::load(&root, None).expect_err("a wrong setting").to_string();
    assert!(broken.contains("skerry.toml:1:2: unknown key `limit`; did you mean `limits`?"), "{broken}");
    fs::remove_dir_all(root).expect("cleaned");
}
