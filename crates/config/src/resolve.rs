//! From a file's tree to the Worker of one environment: inheritance, defaults, and the rules that span several keys.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::date::CompatibilityDate;
use crate::error::{ConfigError, Warning};
use crate::limits::Limits;
use crate::name::WorkerName;
use crate::read::Reader;
use crate::schema::build::ModuleType;
use crate::schema::{Environment, TopLevel, WranglerFile, binding_names, top_level_keys};
use crate::source::{Format, Source};
use crate::suggest::{did_you_mean, listed};
use crate::support::warn_unsupported;
use crate::value::{Entry, Table};
use crate::worker::{Parts, WorkerConfig};

#[cfg(test)]
mod tests;

#[derive(Debug)]
pub(crate) struct Resolved {
    pub worker: WorkerConfig,
    pub warnings: Vec<Warning>,
}

/// The tables that the chosen environment's keys are looked up in.
struct Scope<'v> {
    top: &'v Table,
    /// The table of `env.NAME`, when there is one.
    environment: Option<&'v Table>,
}

pub(crate) fn resolve(
    source: &Source,
    root: &Path,
    env: Option<&str>,
    limits: Limits,
    today: CompatibilityDate,
) -> Result<Resolved, ConfigError> {
    let tree = source.parse().map_err(ConfigError::invalid)?;
    let keys = top_level_keys();
    let mut reader = Reader::new(source, today, &keys);
    let file = WranglerFile::read(&tree, &mut reader);
    let (Some(file), Some(top)) = (file, tree.as_table()) else {
        return Err(ConfigError::invalid(reader.problems));
    };

    let environment = choose_environment(&file, env, &mut reader)?;
    let scope = Scope { top, environment: env.and_then(|name| environment_table(top, name)) };
    scope.check_binding_names(&mut reader);
    scope.warn_not_inherited(env.unwrap_or_default(), &mut reader);
    scope.warn_unsupported(&mut reader);
    scope.warn_python(&environment, &mut reader);

    let name = worker_name(&file.top, env.and_then(|name| file.environments.get(name)), env, root);
    let compatibility_date = environment.compatibility_date.unwrap_or_else(|| {
        warn_no_date(source, today, &mut reader.warnings);
        today
    });
    let main = scope.entry_point(&environment, &file.top_level, root, &mut reader);
    scope.check_blobs(root, &mut reader);
    scope.check_assets(&environment, main.is_some(), root, &mut reader);

    if !reader.problems.is_empty() {
        return Err(ConfigError::invalid(reader.problems));
    }
    let worker = WorkerConfig::assemble(Parts {
        name,
        main,
        root,
        compatibility_date,
        limits,
        environment,
        top_level: file.top_level,
    });
    Ok(Resolved { worker, warnings: reader.warnings })
}

fn environment_table<'v>(top: &'v Table, name: &str) -> Option<&'v Table> {
    top.get("env")?.value.as_table()?.get(name)?.value.as_table()
}

fn choose_environment(
    file: &WranglerFile,
    env: Option<&str>,
    reader: &mut Reader<'_>,
) -> Result<Environment, ConfigError> {
    let Some(name) = env else { return Ok(file.top.clone()) };
    if let Some(environment) = file.environments.get(name) {
        return Ok(environment.clone().inherit(file.top.clone()));
    }
    let path = reader.source.path.display();
    let table = match reader.source.format {
        Format::Toml => format!("[env.{name}]"),
        Format::Json => format!("\"env\": {{ \"{name}\": {{}} }}"),
    };
    let names: Vec<&str> = file.environments.keys().map(String::as_str).collect();
    if names.is_empty() {
        let message =
            format!("there is no environment \"{name}\", so the top level is used: add {table} to configure it");
        reader.warn(&(0..0), "env", message);
        return Ok(file.top.clone());
    }
    let hint = did_you_mean(name, names.iter().copied())
        .map(|near| format!(" Did you mean --env {near}?"))
        .unwrap_or_default();
    let message = format!(
        "{path} has no environment \"{name}\", only {}.{hint} To configure a new one, add {table}.",
        listed(&names, "and")
    );
    Err(ConfigError::UnknownEnvironment { name: name.to_owned(), message })
}

/// The environment's own name, or the top level's with the environment's appended.
fn worker_name(top: &Environment, own: Option<&Environment>, env: Option<&str>, root: &Path) -> WorkerName {
    if let Some(name) = own.and_then(|environment| environment.name.clone()) {
        return name;
    }
    let name = top.name.clone().unwrap_or_else(|| WorkerName::of_folder(root));
    match env {
        Some(env) => name.in_environment(env),
        None => name,
    }
}

fn warn_no_date(source: &Source, today: CompatibilityDate, warnings: &mut Vec<Warning>) {
    let line = match source.format {
        Format::Toml => format!("compatibility_date = \"{today}\""),
        Format::Json => format!("\"compatibility_date\": \"{today}\""),
    };
    warnings.push(Warning {
        path: source.path.clone(),
        line: 0,
        key: "compatibility_date".to_owned(),
        message: format!("no compatibility date is set, so today's is used: add {line}"),
    });
}

// === impl Scope ===

impl<'v> Scope<'v> {
    /// The table that declares what the Worker is bound to.
    fn own(&self) -> &'v Table {
        self.environment.unwrap_or(self.top)
    }

    /// Where an inherited key is set.
    fn inherited(&self, key: &str) -> Option<&'v Entry> {
        self.environment.and_then(|table| table.get(key)).or_else(|| self.top.get(key))
    }

    fn check_binding_names(&self, reader: &mut Reader<'_>) {
        let mut seen: HashMap<&str, (&Entry, &str)> = HashMap::new();
        for (name, entry, key) in binding_names(self.own(), self.top) {
            let Some((first, first_key)) = seen.insert(name, (entry, key)) else { continue };
            let line = reader.source.line(first.key_span.start);
            let message = format!(
                "the name `{name}` is already taken by `{first_key}` on line {line}: \
                 each binding needs a name of its own"
            );
            reader.problem(&entry.key_span, message);
        }
    }

    fn warn_unsupported(&self, reader: &mut Reader<'_>) {
        let Some(environment) = self.environment else {
            return warn_unsupported(self.top, |_| true, reader);
        };
        warn_unsupported(environment, |_| true, reader);
        let applies = |key: &str| {
            let inherited = Environment::INHERITED.contains(&key) && environment.get(key).is_none();
            inherited || TopLevel::KEYS.contains(&key)
        };
        warn_unsupported(self.top, applies, reader);
    }

    fn warn_python(&self, environment: &Environment, reader: &mut Reader<'_>) {
        let python = [ModuleType::PythonModule, ModuleType::PythonRequirement];
        let rules = environment.rules.iter().flatten();
        if let (Some(rule), Some(entry)) =
            (rules.into_iter().find(|rule| python.contains(&rule.kind)), self.inherited("rules"))
        {
            let kind = rule.kind.as_str();
            let message = format!("`rules` of the type \"{kind}\" are not supported by skerry dev yet and are ignored");
            reader.warn(&entry.key_span, "rules", message);
        }
    }

    fn warn_not_inherited(&self, env: &str, reader: &mut Reader<'_>) {
        let Some(environment) = self.environment else { return };
        for entry in self.top.entries.iter().filter(|e| Environment::OWN.contains(&e.key.as_str())) {
            let key = entry.key.as_str();
            match environment.get(key) {
                None => warn_not_inherited(entry, key, env, reader),
                Some(own) if matches!(key, "vars" | "define") => {
                    let (Some(top), Some(own)) = (entry.value.as_table(), own.value.as_table()) else {
                        continue;
                    };
                    for inner in top.entries.iter().filter(|inner| own.get(&inner.key).is_none()) {
                        warn_not_inherited(inner, &format!("{key}.{}", inner.key), env, reader);
                    }
                }
                Some(_) => {}
            }
        }
    }

    /// `None`: there is none, which is a problem unless the Worker has static assets instead of code.
    fn entry_point(
        &self,
        environment: &Environment,
        top_level: &TopLevel,
        root: &Path,
        reader: &mut Reader<'_>,
    ) -> Option<PathBuf> {
        let of_site = top_level.site.as_ref().and_then(|site| site.entry_point.as_ref());
        let main = match (&environment.main, of_site) {
            (Some(main), _) => main.clone(),
            (None, Some(entry_point)) => PathBuf::from(entry_point),
            (None, None) => {
                if environment.assets.is_none() {
                    self.report_no_main(reader);
                }
                return None;
            }
        };
        let path = root.join(&main);
        if !is_built(environment)
            && !path.is_file()
            && let Some(entry) = self.inherited("main")
        {
            let what = if path.is_dir() { "is a folder" } else { "does not exist" };
            let message = format!("`main` should be the Worker's entry point, but {} {what}", path.display());
            reader.problem(&entry.value.span, message);
        }
        Some(path)
    }

    fn report_no_main(&self, reader: &mut Reader<'_>) {
        let line = match reader.source.format {
            Format::Toml => "main = \"src/index.ts\"",
            Format::Json => "\"main\": \"src/index.ts\"",
        };
        let only = ["pages_build_output_dir", "site"].into_iter().find_map(|key| self.inherited(key));
        let (span, why) = match only {
            Some(entry) => (
                entry.key_span.clone(),
                format!("`{}` without `main` serves static files alone, which skerry does not do yet", entry.key),
            ),
            None => (0..0, "the key `main` is missing, so there is no code to run".to_owned()),
        };
        reader.problem(&span, format!("{why}: add the entry point, {line}"));
    }

    /// The folder of static assets must be there, unless a build makes it.
    fn check_assets(&self, environment: &Environment, has_code: bool, root: &Path, reader: &mut Reader<'_>) {
        let (Some(assets), Some(entry)) = (&environment.assets, self.inherited("assets")) else { return };
        let span = |key: &str| {
            let found = entry.value.as_table().and_then(|table| table.get(key));
            found.map_or(entry.key_span.clone(), |found| found.value.span.clone())
        };
        match &assets.directory {
            None => {
                reader.problem(&span("directory"), "`assets` needs `directory`, the folder of the files".to_owned())
            }
            Some(directory) => {
                let path = root.join(directory);
                if !is_built(environment) && !path.is_dir() {
                    let what = if path.exists() { "is no folder" } else { "does not exist" };
                    let message = format!("`assets.directory` names {}, which {what}", path.display());
                    reader.problem(&span("directory"), message);
                }
            }
        }
        if assets.binding.is_some() && !has_code {
            let message =
                "`assets.binding` is for code, and without `main` there is none: remove it, or add the entry point";
            reader.problem(&span("binding"), message.to_owned());
        }
        if assets.base_path.is_some() {
            let message = "`assets.base_path` is not supported by skerry dev yet and is ignored".to_owned();
            reader.warn(&span("base_path"), "assets", message);
        }
    }

    /// The files that become values of `env` must be there.
    fn check_blobs(&self, root: &Path, reader: &mut Reader<'_>) {
        for key in ["text_blobs", "data_blobs", "wasm_modules"] {
            let table = self.top.get(key).and_then(|entry| entry.value.as_table());
            for entry in table.iter().flat_map(|table| &table.entries) {
                let Some(path) = entry.value.as_str().map(|path| root.join(path)) else { continue };
                if !path.is_file() {
                    let message = format!("`{key}.{}` names {}, which does not exist", entry.key, path.display());
                    reader.problem(&entry.value.span, message);
                }
            }
        }
    }
}

/// Whether a command makes files that need not be there yet.
fn is_built(environment: &Environment) -> bool {
    environment.build.as_ref().is_some_and(|build| build.command.is_some())
}

fn warn_not_inherited(entry: &Entry, key: &str, env: &str, reader: &mut Reader<'_>) {
    let message = format!(
        "`{key}` is set at the top level, but environments don't inherit it: add it to `env.{env}` if it is needed there"
    );
    reader.warn(&entry.key_span, key, message);
}
