//! `skerry kv`: namespaces of the local state, under the stock wrangler's names. `skerry dev` may be running on it.

mod bulk;
mod key;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::{ArgGroup, Args, Subcommand};
use config::{KvNamespace, Project};

use crate::state::State;

#[derive(Subcommand)]
pub enum KvCommand {
    /// The namespaces that there are
    #[command(subcommand)]
    Namespace(NamespaceCommand),
    /// Single keys of a namespace
    #[command(subcommand)]
    Key(key::KeyCommand),
    /// Many keys of a namespace at once, from a file
    #[command(subcommand)]
    Bulk(bulk::BulkCommand),
}

#[derive(Subcommand)]
pub enum NamespaceCommand {
    /// List the namespaces of the configuration, and those that were ever written to
    List(Where),
}

/// Which project and state a command works on.
#[derive(Args)]
pub struct Where {
    /// Wrangler file, or the project's folder
    #[arg(long, short, value_name = "PATH", default_value = ".")]
    config: PathBuf,
    /// Environment of the configuration to use
    #[arg(long, short)]
    env: Option<String>,
    /// Where the state of local bindings is kept [default: .skerry in the project's folder]
    #[arg(long, value_name = "FOLDER")]
    persist_to: Option<PathBuf>,
    /// Local state is all there is: taken for wrangler's sake
    #[arg(long, hide = true)]
    local: bool,
    #[arg(long, hide = true, conflicts_with = "local")]
    remote: bool,
}

/// The namespace that a command works on.
#[derive(Args)]
#[command(group = ArgGroup::new("which").args(["binding", "namespace_id"]).required(true))]
pub struct Target {
    /// The namespace by its binding in the configuration
    #[arg(long, value_name = "NAME")]
    binding: Option<String>,
    /// The namespace by its id
    #[arg(long, value_name = "ID")]
    namespace_id: Option<String>,
    /// Whether to use the binding's preview_id [default: what `skerry dev` uses]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    preview: Option<bool>,
    #[command(flatten)]
    place: Where,
}

pub async fn run(command: KvCommand) -> Result<(), String> {
    match command {
        KvCommand::Namespace(NamespaceCommand::List(place)) => list_namespaces(&place),
        KvCommand::Key(command) => key::run(command).await,
        KvCommand::Bulk(command) => bulk::run(command).await,
    }
}

/// The id that a binding has in local state, as under wrangler: the preview's before the deployment's, and where the
/// configuration has none yet, the binding's name.
pub fn local_id(namespace: &KvNamespace) -> &str {
    namespace.preview_id.as_deref().or(namespace.id.as_deref()).unwrap_or(&namespace.binding)
}

fn list_namespaces(place: &Where) -> Result<(), String> {
    let project = place.project()?;
    let mut ids = place.state(project.as_ref())?.kv().namespaces().map_err(|error| error.to_string())?;
    let bound = project.as_ref().map_or(&[][..], |project| &project.worker.environment.kv_namespaces);
    ids.extend(bound.iter().map(|namespace| local_id(namespace).to_owned()));
    ids.sort_unstable();
    ids.dedup();
    let title = |id: &str| bound.iter().find(|namespace| local_id(namespace) == id).map(|found| found.binding.clone());
    let listed: Vec<_> = ids
        .iter()
        .map(|id| serde_json::json!({ "id": id, "title": title(id).unwrap_or_else(|| id.clone()) }))
        .collect();
    print_json(&listed.into())
}

// === impl Where ===

impl Where {
    /// The project, where there is one.
    fn project(&self) -> Result<Option<Project>, String> {
        match Project::load(&self.config, self.env.as_deref()) {
            Ok(project) => Ok(Some(project)),
            Err(config::ConfigError::NoConfig { .. }) if self.env.is_none() => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }

    fn state(&self, project: Option<&Project>) -> Result<State, String> {
        // What --local asks for is so anyway.
        let _ = self.local;
        if self.remote {
            return Err("--remote: this version of Skerry keeps state on this machine alone".into());
        }
        let folder = project.map_or(Path::new("."), |project| &project.root);
        // What a tool writes is visible everywhere at once.
        Ok(State::new(self.persist_to.as_deref(), folder, Duration::ZERO))
    }
}

// === impl Target ===

impl Target {
    /// The namespace, and how to call it in messages.
    fn open(&self) -> Result<(kv::Namespace, String), String> {
        let project = self.place.project()?;
        let state = self.place.state(project.as_ref())?;
        let open = |id: &str| Arc::clone(state.kv()).namespace(id);
        let Some(binding) = &self.binding else {
            let id = self.namespace_id.as_deref().unwrap_or_default();
            return Ok((open(id), format!("id: \"{id}\"")));
        };
        let Some(project) = &project else {
            return Err("there is no configuration here to find the binding in: use --namespace-id or --config".into());
        };
        let bound = &project.worker.environment.kv_namespaces;
        let Some(namespace) = bound.iter().find(|namespace| namespace.binding == *binding) else {
            let names: Vec<_> = bound.iter().map(|namespace| namespace.binding.as_str()).collect();
            let known = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            return Err(format!("no KV namespace is bound to `{binding}` in the configuration; there are: {known}"));
        };
        let id = match self.preview {
            None => local_id(namespace),
            Some(true) => namespace.preview_id.as_deref().ok_or(format!("`{binding}` has no preview_id"))?,
            Some(false) => namespace.id.as_deref().unwrap_or(&namespace.binding),
        };
        Ok((open(id), format!("binding: \"{binding}\" (id: \"{id}\")")))
    }
}

fn print_json(value: &serde_json::Value) -> Result<(), String> {
    let text = serde_json::to_string_pretty(value).map_err(|error| error.to_string())?;
    print(format!("{text}\n").as_bytes())
}

/// Writes to standard output. Who reads it may stop early.
fn print(bytes: &[u8]) -> Result<(), String> {
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(format!("standard output: {error}")),
        _ => Ok(()),
    }
}

fn read_file(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| format!("{} can't be read: {error}", path.display()))
}
