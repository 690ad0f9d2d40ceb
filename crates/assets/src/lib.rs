//! Static assets: the files that a Worker's version has beside its code, kept once each, and what a request for them is answered.
//! <https://developers.cloudflare.com/workers/static-assets/>
//!
//! [`Store`] has the files of all accounts on disk, named by the hash that who uploads them gives; a [`Manifest`] says which path
//! leads to which file; a [`Site`] is a manifest with its [`Config`], which answers requests. In development a [`Folder`] is served where it
//! lies. No JavaScript, no HTTP server.

mod body;
mod config;
mod expand;
mod files;
mod folder;
mod hash;
mod headers;
mod intent;
mod lines;
mod manifest;
mod path;
mod redirects;
mod routing;
mod rule_url;
mod site;
mod store;
mod sweep;
#[cfg(test)]
mod tests;

pub use body::Body;
pub use config::{Config, ConfigError, HtmlHandling, NotFoundHandling, RunWorkerFirst};
pub use files::Files;
pub use folder::{Folder, FolderError, Listing};
pub use hash::Hash;
pub use manifest::{Entry, MAX_FILE, Manifest, ManifestError, ManifestId};
pub use routing::Decision;
pub use site::{Request, Site};
pub use store::{Account, File, Store};
pub use sweep::FRESH;
