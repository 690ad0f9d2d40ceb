//! Who answers first, the assets or the Worker's code: `run_worker_first`.
//! <https://developers.cloudflare.com/workers/static-assets/routing/worker-script/>

use std::collections::HashSet;

use crate::RunWorkerFirst;
use crate::config::ConfigError;
use crate::expand::Pattern;

const MAX_RULES: usize = 100;
const MAX_RULE: usize = 100;

/// Who answers a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    Assets,
    Worker,
}

#[derive(Debug, Default)]
pub(crate) enum Routing {
    /// The assets answer where they have something to say.
    #[default]
    AssetsFirst,
    WorkerFirst,
    /// Some paths are the Worker's, but for exceptions; for all others the assets are first.
    Listed {
        worker: Vec<Pattern>,
        assets: Vec<Pattern>,
    },
}

// === impl Routing ===

impl Routing {
    pub(crate) fn new(wanted: Option<&RunWorkerFirst>) -> Result<Self, ConfigError> {
        match wanted {
            None | Some(RunWorkerFirst::Always(false)) => Ok(Self::AssetsFirst),
            Some(RunWorkerFirst::Always(true)) => Ok(Self::WorkerFirst),
            Some(RunWorkerFirst::Paths(rules)) => listed(rules).map_err(ConfigError::Routing),
        }
    }

    pub(crate) fn is_default(&self) -> bool {
        matches!(self, Self::AssetsFirst)
    }

    pub(crate) fn is_listed(&self) -> bool {
        matches!(self, Self::Listed { .. })
    }

    /// Whose a path is before anybody looks for a file; `None`: that depends on the files.
    pub(crate) fn decide(&self, path: &str) -> Option<Decision> {
        let any = |rules: &[Pattern]| rules.iter().any(|rule| rule.matches(path));
        match self {
            Self::AssetsFirst => None,
            Self::WorkerFirst => Some(Decision::Worker),
            Self::Listed { assets, .. } if any(assets) => Some(Decision::Assets),
            Self::Listed { worker, .. } => any(worker).then_some(Decision::Worker),
        }
    }
}

fn listed(rules: &[String]) -> Result<Routing, String> {
    if rules.is_empty() {
        return Err("No `run_worker_first` rules were provided; must provide at least 1 rule.".into());
    }
    if rules.len() > MAX_RULES {
        return Err(format!(
            "Too many `run_worker_first` rules were provided; {} rules provided exceeds max of {MAX_RULES}.",
            rules.len()
        ));
    }
    let mut invalid = Vec::new();
    let (mut worker, mut assets) = (Vec::new(), Vec::new());
    for rule in rules {
        match rule.strip_prefix('!') {
            Some(exception) if exception.starts_with('/') => assets.push(exception),
            Some(_) => invalid.push(format!("'{rule}': negative rules must start with '!/'")),
            None if rule.starts_with('/') => worker.push(rule.as_str()),
            None => invalid.push(format!("'{rule}': rules must start with '/' or '!/'")),
        }
    }
    if worker.is_empty() && !assets.is_empty() {
        return Err(
            "Only negative `run_worker_first` rules were provided; must provide at least 1 non-negative rule".into()
        );
    }
    check(&worker, "", &mut invalid);
    check(&assets, "!", &mut invalid);
    if !invalid.is_empty() {
        return Err(format!("Invalid routes in `run_worker_first`:\n{}", invalid.join("\n")));
    }
    let patterns = |rules: Vec<&str>| rules.into_iter().filter_map(Pattern::glob).collect();
    Ok(Routing::Listed { worker: patterns(worker), assets: patterns(assets) })
}

/// `sign`: what the rules began with.
fn check(rules: &[&str], sign: &str, invalid: &mut Vec<String>) {
    let mut seen = HashSet::new();
    for rule in rules {
        if sign.len() + rule.len() > MAX_RULE {
            invalid.push(format!("'{sign}{rule}': all rules must be less than {MAX_RULE} characters in length"));
        }
        if !seen.insert(rule) {
            invalid.push(format!("'{sign}{rule}': rule is a duplicate; rules must be unique"));
        }
        let Some(prefix) = rule.strip_suffix('*') else { continue };
        for other in rules.iter().filter(|other| *other != rule && other.starts_with(prefix)) {
            invalid.push(format!("'{sign}{other}': rule '{sign}{rule}' makes it redundant"));
        }
    }
}
