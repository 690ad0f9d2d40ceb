//! How a version's assets are served, in the shape that an upload's `assets.config` has.

use serde::{Deserialize, Serialize};

use crate::headers::HeaderRules;
use crate::redirects::RedirectRules;
use crate::routing::Routing;

/// The longest text of `_headers` or `_redirects`, in bytes: more than their rules could fill.
const MAX_TEXT: usize = 5 << 20;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub html_handling: Option<HtmlHandling>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_found_handling: Option<NotFoundHandling>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_worker_first: Option<RunWorkerFirst>,
    /// The text of the file.
    #[serde(rename = "_redirects", default, skip_serializing_if = "Option::is_none")]
    pub redirects: Option<String>,
    /// The text of the file.
    #[serde(rename = "_headers", default, skip_serializing_if = "Option::is_none")]
    pub headers: Option<String>,
}

/// Which path a page of HTML has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HtmlHandling {
    #[default]
    AutoTrailingSlash,
    ForceTrailingSlash,
    DropTrailingSlash,
    None,
}

/// What a path is answered that leads to no file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum NotFoundHandling {
    #[default]
    #[serde(rename = "none")]
    None,
    /// The nearest `404.html`.
    #[serde(rename = "404-page")]
    Page404,
    /// `/index.html`.
    #[serde(rename = "single-page-application")]
    SinglePageApplication,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum RunWorkerFirst {
    Always(bool),
    /// Paths with `*`, and exceptions that begin with `!`.
    Paths(Vec<String>),
}

/// What is wrong with a configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("Invalid {file} configuration:\n{}", .lines.join("\n"))]
    Rules { file: &'static str, lines: Vec<String> },
    #[error("Maximum number of {what} rules limit of {most} exceeded")]
    TooMany { what: &'static str, most: usize },
    #[error("The file {file} is larger than {MAX_TEXT} bytes")]
    TooLong { file: &'static str },
    #[error("{0}")]
    Routing(String),
}

/// A configuration, read.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    pub(crate) headers: HeaderRules,
    pub(crate) redirects: RedirectRules,
    pub(crate) routing: Routing,
}

// === impl Config ===

impl Config {
    /// What is wrong with it, where something is. `has_worker`: the version has code too.
    pub fn check(&self, has_worker: bool) -> Result<(), ConfigError> {
        let rules = self.rules()?;
        match has_worker || rules.routing.is_default() {
            true => Ok(()),
            false => Err(ConfigError::Routing("Cannot set run_worker_first without a Worker script.".into())),
        }
    }

    pub(crate) fn rules(&self) -> Result<Rules, ConfigError> {
        Ok(Rules {
            headers: HeaderRules::parse(bounded("_headers", self.headers.as_deref())?)?,
            redirects: RedirectRules::parse(
                bounded("_redirects", self.redirects.as_deref())?,
                self.html_handling.unwrap_or_default(),
            )?,
            routing: Routing::new(self.run_worker_first.as_ref())?,
        })
    }
}

fn bounded<'t>(file: &'static str, text: Option<&'t str>) -> Result<&'t str, ConfigError> {
    let text = text.unwrap_or_default();
    match text.len() > MAX_TEXT {
        true => Err(ConfigError::TooLong { file }),
        false => Ok(text),
    }
}
