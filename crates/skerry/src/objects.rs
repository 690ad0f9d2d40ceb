//! The Durable Object classes of a configuration: which namespaces a Worker binds to, and which it implements.

use std::collections::BTreeMap;

use config::{Project, WorkerConfig};
use durable::{Classes, Migration, MigrationError};
use workers::Objects;

/// A class that a Worker implements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectClass {
    /// The namespace's key.
    pub key: String,
    /// The class's name among the main module's exports.
    pub name: String,
    /// Whether its objects have `storage.sql`.
    pub sql: bool,
}

/// Applies the migrations of a project's configuration that were not applied here yet.
pub async fn migrate(project: &Project, objects: &Objects) -> Result<(), String> {
    let worker = &project.worker;
    let configured = worker.environment.migrations.as_deref().unwrap_or_default();
    let migrations: Vec<Migration> = configured.iter().map(migration).collect();
    let path = project.config_path.as_deref().unwrap_or(&project.root);
    match objects.classes().apply(worker.name.as_str(), &migrations) {
        Ok(tags) if tags.is_empty() => {}
        Ok(tags) => tracing::info!(worker = worker.name.as_str(), ?tags, "migrations applied"),
        Err(MigrationError::Refused { at, message }) => {
            // One that is missing would be after the last.
            let tag = at.map_or(configured.last(), |at| configured.get(at)).map(|migration| &migration.tag);
            let line = tag.map_or(String::new(), |tag| format!(":{}", tag.line));
            return Err(format!("{}{line}: migrations: {message}", path.display()));
        }
        Err(MigrationError::Engine(error)) => return Err(format!("migrations can't be applied: {error}")),
    }
    objects.remove_deleted().await.map_err(|error| format!("the objects of a deleted class can't be removed: {error}"))
}

fn migration(configured: &config::Migration) -> Migration {
    let created = configured.new_classes.iter().chain(&configured.new_sqlite_classes).flatten();
    let renamed = configured.renamed_classes.iter().flatten();
    let transferred = configured.transferred_classes.iter().flatten();
    Migration {
        tag: configured.tag.text.clone(),
        created: created.cloned().collect(),
        renamed: renamed.map(|class| (class.from.clone(), class.to.clone())).collect(),
        deleted: configured.deleted_classes.clone().unwrap_or_default(),
        transferred: transferred
            .map(|class| (class.from_script.clone(), class.from.clone(), class.to.clone()))
            .collect(),
    }
}

/// The bindings' names, each with its namespace's key.
pub fn bindings(worker: &WorkerConfig, classes: &Classes) -> Result<Vec<(String, String)>, String> {
    let own = worker.name.as_str();
    let bindings = worker.environment.durable_objects.iter().flat_map(|objects| &objects.bindings);
    bindings
        .map(|binding| {
            let script = binding.script_name.as_deref().unwrap_or(own);
            Ok((binding.name.clone(), key(classes, script, &binding.class_name)?))
        })
        .collect()
}

fn key(classes: &Classes, script: &str, class: &str) -> Result<String, String> {
    classes.key(script, class).map_err(|error| format!("the objects of {class} can't be found: {error}"))
}

/// The classes that the Worker implements: those that it binds to itself, and those of its migrations.
pub fn classes(worker: &WorkerConfig, known: &Classes) -> Result<Vec<ObjectClass>, String> {
    let own = worker.name.as_str();
    let mut sql = BTreeMap::new();
    for migration in worker.environment.migrations.iter().flatten() {
        for name in migration.new_classes.iter().flatten() {
            sql.insert(name.clone(), false);
        }
        for name in migration.new_sqlite_classes.iter().flatten() {
            sql.insert(name.clone(), true);
        }
        for renamed in migration.renamed_classes.iter().flatten() {
            let before = sql.remove(&renamed.from).unwrap_or(false);
            sql.insert(renamed.to.clone(), before);
        }
        for transferred in migration.transferred_classes.iter().flatten() {
            // Whether they were SQLite's is the other script's to say; those that have no SQL never used it.
            sql.insert(transferred.to.clone(), true);
        }
        for name in migration.deleted_classes.iter().flatten() {
            sql.remove(name);
        }
    }
    for binding in worker.environment.durable_objects.iter().flat_map(|objects| &objects.bindings) {
        if binding.script_name.as_deref().is_none_or(|script| script == own) {
            sql.entry(binding.class_name.clone()).or_insert(false);
        }
    }
    sql.into_iter().map(|(name, sql)| Ok(ObjectClass { key: key(known, own, &name)?, name, sql })).collect()
}
