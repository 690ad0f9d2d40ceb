//! `skerry init`: a new project that `skerry dev` and the stock wrangler both run.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use config::WorkerName;

#[cfg(test)]
mod tests;

#[derive(Args)]
#[command(after_help = "\
Examples:
  skerry init hello                              a Worker in TypeScript in ./hello
  skerry init shop --template api --lang js      a JSON API in JavaScript
  skerry init counter --template durable-object  state that lives in one place")]
pub struct InitArguments {
    /// The Worker's name, and the new folder's
    pub name: String,
    /// What to start from
    #[arg(long, short, value_enum, default_value_t = Template::Hello)]
    pub template: Template,
    /// The language of the code
    #[arg(long, short, value_enum, default_value_t = Lang::Ts)]
    pub lang: Lang,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Template {
    /// One response
    Hello,
    /// JSON by path
    Api,
    /// Notes kept in a KV namespace
    Kv,
    /// Counters, each in a Durable Object
    DurableObject,
    /// Files in an R2 bucket
    R2,
    /// Two home pages of a site, split among visitors
    AbTest,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Lang {
    /// TypeScript
    Ts,
    /// JavaScript
    Js,
}

/// A project just made.
#[derive(Debug)]
pub struct Created {
    pub root: PathBuf,
    /// Relative to the root, in the order written.
    pub files: Vec<PathBuf>,
}

#[derive(Debug, thiserror::Error)]
pub enum InitError {
    #[error("{0}, as in `skerry init my-worker`")]
    Name(#[from] config::ConfigError),
    #[error("{} is there already and not empty: choose another name, or empty it first", .0.display())]
    Taken(PathBuf),
    #[error("could not write {}: {source}", path.display())]
    Write { path: PathBuf, source: io::Error },
}

/// Behaviour that every wrangler of this major version knows.
const COMPATIBILITY_DATE: &str = "2026-04-01";

/// What a template is made of; the rest is the same for all.
struct Parts {
    about: &'static str,
    /// A command to try against the development server.
    try_it: &'static str,
    wrangler: &'static str,
    typescript: &'static str,
    javascript: &'static str,
}

macro_rules! parts {
    ($folder:literal, $about:literal, $try_it:literal) => {
        Parts {
            about: $about,
            try_it: $try_it,
            wrangler: include_str!(concat!("../templates/", $folder, "/wrangler.jsonc")),
            typescript: include_str!(concat!("../templates/", $folder, "/index.ts")),
            javascript: include_str!(concat!("../templates/", $folder, "/index.js")),
        }
    };
}

/// Makes the project and says what to do next.
pub fn command(arguments: InitArguments) -> Result<(), InitError> {
    let InitArguments { name, template, lang } = arguments;
    let created = run(&name, template, lang, Path::new(""))?;
    anstream::println!("Made {}:", created.root.display());
    for file in &created.files {
        anstream::println!("  {name}/{}", file.display());
    }
    anstream::println!("\nNext:\n  skerry dev {name}");
    Ok(())
}

/// Writes the project `name` into a new folder of that name in `dir`.
pub fn run(name: &str, template: Template, lang: Lang, dir: &Path) -> Result<Created, InitError> {
    let name = WorkerName::new(name)?;
    let root = dir.join(name.as_str());
    if !is_free(&root)? {
        return Err(InitError::Taken(root));
    }
    let mut files = Vec::new();
    for (file, text) in project_files(&name, &template.parts(), lang) {
        let path = root.join(&file);
        write(&path, &text).map_err(|source| InitError::Write { path, source })?;
        files.push(file);
    }
    Ok(Created { root, files })
}

fn is_free(root: &Path) -> Result<bool, InitError> {
    match fs::read_dir(root) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => Ok(false),
        Err(source) => Err(InitError::Write { path: root.to_owned(), source }),
    }
}

/// Fails rather than overwrite what appeared in the meantime.
fn write(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    io::Write::write_all(&mut fs::File::create_new(path)?, text.as_bytes())
}

fn project_files(name: &WorkerName, parts: &Parts, lang: Lang) -> Vec<(PathBuf, String)> {
    let (main, code, package) = match lang {
        Lang::Ts => ("src/index.ts", parts.typescript, include_str!("../templates/shared/package.ts.json")),
        Lang::Js => ("src/index.js", parts.javascript, include_str!("../templates/shared/package.js.json")),
    };
    let mut files = vec![
        ("wrangler.jsonc", parts.wrangler),
        (main, code),
        ("package.json", package),
        (".gitignore", include_str!("../templates/shared/gitignore")),
        ("README.md", include_str!("../templates/shared/README.md")),
    ];
    if lang == Lang::Ts {
        files.push(("tsconfig.json", include_str!("../templates/shared/tsconfig.json")));
    }
    let fill = |text: &str| {
        text.replace("{{name}}", name.as_str())
            .replace("{{main}}", main)
            .replace("{{compatibility_date}}", COMPATIBILITY_DATE)
            .replace("{{about}}", parts.about)
            .replace("{{try}}", parts.try_it)
    };
    files.into_iter().map(|(path, text)| (PathBuf::from(path), fill(text))).collect()
}

// === impl Template ===

impl Template {
    fn parts(self) -> Parts {
        match self {
            Self::Hello => parts!("hello", "A Worker that says hello.", "curl http://127.0.0.1:8787/"),
            Self::Api => parts!("api", "A JSON API.", "curl http://127.0.0.1:8787/api/time"),
            Self::Kv => parts!(
                "kv",
                "Notes by name, kept in a KV namespace: `GET`, `PUT` and `DELETE /name`, and `GET /` for all names.",
                "curl -X PUT --data 'buy milk' http://127.0.0.1:8787/shopping"
            ),
            Self::DurableObject => parts!(
                "durable-object",
                "A counter for each path, kept by a Durable Object: `GET` reads it, `POST` adds one.",
                "curl -X POST http://127.0.0.1:8787/visits"
            ),
            Self::R2 => parts!(
                "r2",
                "Files by path, kept in an R2 bucket: `GET`, `PUT` and `DELETE`, with their content type.",
                "curl -T README.md -H 'Content-Type: text/markdown' http://127.0.0.1:8787/README.md"
            ),
            Self::AbTest => parts!(
                "ab-test",
                "Splits the home page of a site between its `/home-a` and `/home-b`: each visitor keeps the one they saw \
                 first for 30 days. All other requests pass through. The site is the variable `ORIGIN`.",
                "curl -i http://127.0.0.1:8787/"
            ),
        }
    }
}
