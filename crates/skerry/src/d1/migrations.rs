//! Migrations as wrangler keeps them: numbered files of SQL in a folder, and a table of those that were applied.

use std::collections::HashSet;
use std::path::PathBuf;

use d1::{Statement, Value};

use super::{Found, read, statements, transaction};
use crate::cli;

const FOLDER: &str = "migrations";
const TABLE: &str = "d1_migrations";

pub fn create(found: &Found, message: &str) -> Result<(), String> {
    let folder = found.folder();
    let failed = |error: std::io::Error| format!("{} can't be written: {error}", folder.display());
    std::fs::create_dir_all(&folder).map_err(failed)?;
    let number = |name: &String| name.split('_').next()?.parse::<u32>().ok();
    let next = found.files()?.iter().filter_map(number).max().unwrap_or(0) + 1;
    let name = format!("{next:04}_{}.sql", file_name(message));
    let head = format!("-- Migration number: {next:04} \t {}\n", config::CompatibilityDate::today());
    let path = folder.join(&name);
    std::fs::File::create_new(&path)
        .and_then(|mut file| std::io::Write::write_all(&mut file, head.as_bytes()))
        .map_err(failed)?;
    println!("{}", path.display());
    Ok(())
}

pub async fn list(found: &Found) -> Result<(), String> {
    let due = found.due().await?;
    if due.is_empty() {
        println!("No migrations to apply.");
    }
    for name in due {
        println!("{name}");
    }
    Ok(())
}

/// Each migration happens whole or not at all; the first one that fails is the last one that is tried.
pub async fn apply(found: &Found) -> Result<(), String> {
    let due = found.due().await?;
    if due.is_empty() {
        println!("No migrations to apply.");
        return Ok(());
    }
    transaction(&found.database, vec![Statement::new(found.schema())]).await?;
    for name in due {
        let mut steps = statements(&read(&found.folder().join(&name))?);
        let applied = format!("INSERT INTO {} (name) VALUES (?)", found.table());
        steps.push(Statement::new(applied).bind(Value::Text(name.clone())));
        transaction(&found.database, steps).await.map_err(|error| format!("the migration {name} failed: {error}"))?;
        anstream::println!("{}applied{} {name}", cli::GREEN, cli::PLAIN);
    }
    Ok(())
}

// === impl Found ===

impl Found {
    fn folder(&self) -> PathBuf {
        self.root.join(self.config.migrations_dir.as_deref().unwrap_or(FOLDER))
    }

    /// The table's name, quoted.
    fn table(&self) -> String {
        format!("\"{}\"", self.config.migrations_table.as_deref().unwrap_or(TABLE).replace('"', "\"\""))
    }

    fn schema(&self) -> String {
        format!(
            "CREATE TABLE IF NOT EXISTS {} (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, \
             applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL)",
            self.table()
        )
    }

    /// The names of all migrations, in their order.
    fn files(&self) -> Result<Vec<String>, String> {
        let folder = self.folder();
        let entries = std::fs::read_dir(&folder).map_err(|error| {
            let advice = "`skerry d1 migrations create` makes it, with a first migration";
            format!("the folder of migrations {} can't be read: {error}. {advice}", folder.display())
        })?;
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|error| format!("{} can't be read: {error}", folder.display()))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.ends_with(".sql") {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    /// Migrations that have not been applied.
    async fn due(&self) -> Result<Vec<String>, String> {
        let files = self.files()?;
        let asked = Statement::new("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?");
        let table = self.config.migrations_table.clone().unwrap_or_else(|| TABLE.into());
        let exists = transaction(&self.database, vec![asked.bind(Value::Text(table))]).await?;
        if exists.iter().all(|output| output.rows.is_empty()) {
            return Ok(files);
        }
        let names = Statement::new(format!("SELECT name FROM {}", self.table()));
        let applied: HashSet<String> = transaction(&self.database, vec![names])
            .await?
            .into_iter()
            .flat_map(|output| output.rows.into_iter().flatten())
            .filter_map(|value| match value {
                Value::Text(name) => Some(name),
                _ => None,
            })
            .collect();
        Ok(files.into_iter().filter(|name| !applied.contains(name)).collect())
    }
}

fn file_name(message: &str) -> String {
    message.trim().chars().map(|c| if c.is_alphanumeric() || c == '-' { c } else { '_' }).collect()
}
