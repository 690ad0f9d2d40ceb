//! The variables of a development session: those of the configuration, then secrets from files, then the command line.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::dotenv;
use crate::error::{ConfigError, Warning};
use crate::schema::vars::Var;

#[cfg(test)]
mod tests;

/// One `--var NAME:VALUE` of the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VarArgument {
    pub name: String,
    pub value: String,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DevVars {
    pub vars: BTreeMap<String, Var>,
    /// The files that values came from.
    pub files: Vec<PathBuf>,
    /// Every file that would be read if it existed, to be watched for changes.
    pub watched: Vec<PathBuf>,
    pub warnings: Vec<Warning>,
}

/// What of the process's own environment takes part, as wrangler's variables of these names say.
#[derive(Clone, Debug)]
pub(crate) struct ProcessEnv {
    /// `CLOUDFLARE_LOAD_DEV_VARS_FROM_DOT_ENV`, on unless "false".
    pub load_dot_env: bool,
    /// `CLOUDFLARE_INCLUDE_PROCESS_ENV`, off unless "true".
    pub include: bool,
    pub variables: BTreeMap<String, String>,
}

// === impl VarArgument ===

impl std::str::FromStr for VarArgument {
    type Err = ConfigError;

    fn from_str(argument: &str) -> Result<Self, ConfigError> {
        match argument.split_once(':') {
            Some((name, value)) if !name.trim().is_empty() => {
                Ok(Self { name: name.trim().to_owned(), value: value.to_owned() })
            }
            _ => Err(ConfigError::Variable { argument: argument.to_owned() }),
        }
    }
}

// === impl ProcessEnv ===

impl ProcessEnv {
    pub fn current() -> Self {
        let flag = |name| std::env::var(name).ok().map(|value| value.to_lowercase());
        Self {
            load_dot_env: flag("CLOUDFLARE_LOAD_DEV_VARS_FROM_DOT_ENV").as_deref() != Some("false"),
            include: flag("CLOUDFLARE_INCLUDE_PROCESS_ENV").as_deref() == Some("true"),
            variables: std::env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
                .collect(),
        }
    }
}

// === impl DevVars ===

impl DevVars {
    /// `required` are the names of the `secrets` key: with it, only they are taken from the files.
    pub(crate) fn load(
        root: &Path,
        env: Option<&str>,
        vars: &BTreeMap<String, Var>,
        required: Option<&[String]>,
        arguments: &[VarArgument],
        process: &ProcessEnv,
    ) -> Result<Self, ConfigError> {
        let mut loaded = Self { vars: vars.clone(), ..Self::default() };
        let secrets = match loaded.read_dev_vars(root, env)? {
            Some(secrets) => secrets,
            None if process.load_dot_env => loaded.read_dot_env(root, env, required.is_some(), process)?,
            None => BTreeMap::new(),
        };
        for (name, value) in secrets {
            if required.is_none_or(|required| required.contains(&name)) {
                loaded.vars.insert(name, Var::Secret(value));
            }
        }
        for argument in arguments {
            loaded.vars.insert(argument.name.clone(), Var::Text(argument.value.clone()));
        }
        loaded.warn_of_missing(root, required.unwrap_or_default());
        Ok(loaded)
    }

    /// `.dev.vars.ENV` if there is one, else `.dev.vars`.
    fn read_dev_vars(
        &mut self,
        root: &Path,
        env: Option<&str>,
    ) -> Result<Option<BTreeMap<String, String>>, ConfigError> {
        let specific = env.map(|env| root.join(format!(".dev.vars.{env}")));
        for path in specific.into_iter().chain([root.join(".dev.vars")]) {
            self.watched.push(path.clone());
            if let Some(pairs) = self.read_file(path)? {
                return Ok(Some(pairs.into_iter().collect()));
            }
        }
        Ok(None)
    }

    /// `.env`, `.env.local` and those of the environment, later ones over earlier ones.
    fn read_dot_env(
        &mut self,
        root: &Path,
        env: Option<&str>,
        secrets_declared: bool,
        process: &ProcessEnv,
    ) -> Result<BTreeMap<String, String>, ConfigError> {
        let mut names = vec![".env".to_owned(), ".env.local".to_owned()];
        if let Some(env) = env {
            names.push(format!(".env.{env}"));
            names.push(format!(".env.{env}.local"));
        }
        let mut pairs = Vec::new();
        for name in names {
            let path = root.join(name);
            self.watched.push(path.clone());
            pairs.extend(self.read_file(path)?.unwrap_or_default());
        }
        let include = process.include || secrets_declared;
        let outer = |name: &str| process.variables.get(name).filter(|_| include).cloned();
        let mut values = dotenv::expand(&pairs, outer);
        if include {
            // As dotenv has it, the process's own environment wins over files.
            values.extend(process.variables.clone());
        }
        Ok(values)
    }

    fn read_file(&mut self, path: PathBuf) -> Result<Option<Vec<(String, String)>>, ConfigError> {
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(ConfigError::Read { path, source }),
        };
        let file = dotenv::parse(&text);
        for line in file.skipped {
            self.warnings.push(Warning {
                path: path.clone(),
                line,
                key: String::new(),
                message: "this line is not NAME=VALUE and is ignored".to_owned(),
            });
        }
        self.files.push(path);
        Ok(Some(file.pairs))
    }

    fn warn_of_missing(&mut self, root: &Path, required: &[String]) {
        for name in required.iter().filter(|name| !self.vars.contains_key(*name)) {
            self.warnings.push(Warning {
                path: root.join(".dev.vars"),
                line: 0,
                key: name.clone(),
                message: format!("the required secret `{name}` is missing: add {name}=… to this file"),
            });
        }
    }
}
