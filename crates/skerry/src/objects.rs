//! The Durable Object classes of a configuration: which namespaces a Worker binds to, and which it implements.

use std::collections::BTreeMap;

use config::WorkerConfig;

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

/// The key of the namespace of a script's class, as the platform's own local development has it.
pub fn key(script: &str, class: &str) -> String {
    format!("{script}-{class}")
}

/// The bindings' names, each with its namespace's key.
pub fn bindings(worker: &WorkerConfig) -> Vec<(String, String)> {
    let own = worker.name.as_str();
    let bindings = worker.environment.durable_objects.iter().flat_map(|objects| &objects.bindings);
    bindings
        .map(|binding| {
            let script = binding.script_name.as_deref().unwrap_or(own);
            (binding.name.clone(), key(script, &binding.class_name))
        })
        .collect()
}

/// The classes that the Worker implements: those that it binds to itself, and those of its migrations.
pub fn classes(worker: &WorkerConfig) -> Vec<ObjectClass> {
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
        for name in migration.deleted_classes.iter().flatten() {
            sql.remove(name);
        }
    }
    for binding in worker.environment.durable_objects.iter().flat_map(|objects| &objects.bindings) {
        if binding.script_name.as_deref().is_none_or(|script| script == own) {
            sql.entry(binding.class_name.clone()).or_insert(false);
        }
    }
    sql.into_iter().map(|(name, sql)| ObjectClass { key: key(own, &name), name, sql }).collect()
}
