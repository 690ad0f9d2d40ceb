//! `skerry d1`: SQL and migrations on the local databases that `skerry dev` serves, with wrangler's names.

mod migrations;
mod table;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use config::Project;
use d1::{Database, Output, ResultsFormat, Statement};

use crate::state::{State, d1_id};

#[derive(Args)]
#[command(after_help = "\
Examples:
  skerry d1 list                                        the databases of this project
  skerry d1 execute DB --command \"SELECT * FROM users\"  run SQL on the local database
  skerry d1 execute DB --file schema.sql                run a file of SQL
  skerry d1 migrations create DB add_users              make migrations/0001_add_users.sql
  skerry d1 migrations apply DB                         run the migrations that have not been run yet")]
pub struct D1Arguments {
    #[command(subcommand)]
    command: D1Command,
}

#[derive(Subcommand)]
enum D1Command {
    /// Run SQL on a database
    Execute(ExecuteArguments),
    /// List the databases of a project
    List(ListArguments),
    /// Make, list and apply migrations
    Migrations {
        #[command(subcommand)]
        command: MigrationsCommand,
    },
}

#[derive(Subcommand)]
enum MigrationsCommand {
    /// Make an empty migration
    Create {
        #[command(flatten)]
        at: At,
        /// What the migration does: it becomes part of the file's name
        message: String,
    },
    /// List the migrations that have not been applied
    List {
        #[command(flatten)]
        at: At,
    },
    /// Apply the migrations that have not been applied, in the order of their names
    Apply {
        #[command(flatten)]
        at: At,
    },
}

#[derive(Args)]
struct ExecuteArguments {
    #[command(flatten)]
    at: At,
    /// The SQL to run; several statements happen all or not at all
    #[arg(long, conflicts_with = "file", required_unless_present = "file")]
    command: Option<String>,
    /// A file of SQL to run
    #[arg(long)]
    file: Option<PathBuf>,
    /// Print the results as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct ListArguments {
    #[command(flatten)]
    project: ProjectArguments,
    /// Print the list as JSON
    #[arg(long)]
    json: bool,
}

/// A database of a project.
#[derive(Args)]
struct At {
    /// Name of the database, or of its binding
    #[arg(value_name = "NAME")]
    database: String,
    #[command(flatten)]
    project: ProjectArguments,
}

#[derive(Args)]
struct ProjectArguments {
    /// Project folder or wrangler file
    #[arg(long, short, value_name = "PATH", default_value = ".")]
    config: PathBuf,
    /// Environment of the configuration to use
    #[arg(long, short)]
    env: Option<String>,
    /// Where `skerry dev` keeps local state [default: .skerry in the project's folder]
    #[arg(long, value_name = "FOLDER")]
    persist_to: Option<PathBuf>,
    /// Taken for wrangler's sake: databases are local always
    #[arg(long)]
    local: bool,
}

pub async fn run(arguments: D1Arguments) -> Result<(), String> {
    match arguments.command {
        D1Command::Execute(arguments) => execute(arguments).await,
        D1Command::List(arguments) => list(&arguments),
        D1Command::Migrations { command } => match command {
            MigrationsCommand::Create { at, message } => migrations::create(&at.find()?, &message),
            MigrationsCommand::List { at } => migrations::list(&at.find()?).await,
            MigrationsCommand::Apply { at } => migrations::apply(&at.find()?).await,
        },
    }
}

async fn execute(arguments: ExecuteArguments) -> Result<(), String> {
    let ExecuteArguments { at, command, file, json } = arguments;
    let found = at.find()?;
    let sql = match (command, &file) {
        (Some(command), _) => command,
        (None, Some(file)) => read(file)?,
        (None, None) => return Err("what should be executed? Give --command or --file".into()),
    };
    let outputs = transaction(&found.database, statements(&sql)).await?;
    if json {
        println!("{}", d1::outputs_json(&outputs, ResultsFormat::ArrayOfObjects));
        return Ok(());
    }
    for output in outputs.iter().filter(|output| !output.columns.is_empty()) {
        print!("{}", table::draw(&output.columns, &output.rows));
    }
    let changes: u64 = outputs.iter().map(|output| output.meta.changes).sum();
    let counted = |count: u64, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    println!("{} executed, {} changed", counted(outputs.len() as u64, "statement"), counted(changes, "row"));
    Ok(())
}

fn list(arguments: &ListArguments) -> Result<(), String> {
    let project = arguments.project.load()?;
    let state = arguments.project.state(&project);
    let databases = &project.worker.environment.d1_databases;
    let name = |database: &config::D1Database| database.database_name.clone().unwrap_or_default();
    if arguments.json {
        let list: Vec<_> = databases
            .iter()
            .map(|database| {
                let file = state.d1.database(d1_id(database)).path().to_owned();
                let bytes = std::fs::metadata(&file).map_or(0, |metadata| metadata.len());
                serde_json::json!({
                    "binding": database.binding, "name": name(database), "id": d1_id(database), "file": file, "bytes": bytes,
                })
            })
            .collect();
        println!("{}", serde_json::json!(list));
        return Ok(());
    }
    let rows: Vec<_> = databases
        .iter()
        .map(|database| {
            let file = state.d1.database(d1_id(database)).path().display().to_string();
            let cells = [database.binding.clone(), name(database), d1_id(database).to_owned(), file];
            cells.map(d1::Value::Text).to_vec()
        })
        .collect();
    print!("{}", table::draw(&["binding", "name", "id", "file"].map(str::to_owned), &rows));
    Ok(())
}

/// A database with its part of the configuration.
struct Found {
    root: PathBuf,
    config: config::D1Database,
    database: Database,
}

// === impl At ===

impl At {
    fn find(&self) -> Result<Found, String> {
        let project = self.project.load()?;
        let databases = &project.worker.environment.d1_databases;
        let wanted = self.database.as_str();
        let named = databases.iter().find(|database| database.database_name.as_deref() == Some(wanted));
        let Some(config) = named.or_else(|| databases.iter().find(|database| database.binding == wanted)) else {
            let there: Vec<_> = databases.iter().map(|database| database.binding.as_str()).collect();
            return Err(match there.is_empty() {
                true => format!("the configuration has no D1 databases: add `{wanted}` to `d1_databases`"),
                false => format!("no D1 database is called `{wanted}`. The configuration has: {}", there.join(", ")),
            });
        };
        let database = self.project.state(&project).d1.database(d1_id(config));
        Ok(Found { root: project.root.clone(), config: config.clone(), database })
    }
}

// === impl ProjectArguments ===

impl ProjectArguments {
    fn load(&self) -> Result<Project, String> {
        Project::load(&self.config, self.env.as_deref()).map_err(|error| error.to_string())
    }

    fn state(&self, project: &Project) -> State {
        State::new(self.persist_to.as_deref(), &project.root, std::time::Duration::ZERO)
    }
}

fn read(file: &Path) -> Result<String, String> {
    std::fs::read_to_string(file).map_err(|error| format!("{} can't be read: {error}", file.display()))
}

/// The statements of a text, without the transaction that dumps put around them: there is one already.
fn statements(sql: &str) -> Vec<Statement> {
    let is_transaction = |sql: &str| {
        let words = sql.trim_end_matches(';').to_ascii_lowercase();
        let words = words.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
        matches!(words.as_str(), "begin" | "begin transaction" | "commit" | "commit transaction" | "end transaction")
    };
    d1::split(sql).into_iter().filter(|sql| !is_transaction(sql)).map(Statement::new).collect()
}

async fn transaction(database: &Database, statements: Vec<Statement>) -> Result<Vec<Output>, String> {
    let texts: Vec<_> = statements.iter().map(|statement| statement.sql.clone()).collect();
    match database.query(statements).await {
        Ok((outputs, _)) => Ok(outputs),
        Err(failed) => Err(match texts.get(failed.at) {
            Some(sql) => format!("{failed}\n  in: {}\nNothing was changed.", shortened(sql)),
            None => failed.to_string(),
        }),
    }
}

fn shortened(sql: &str) -> String {
    const SHOWN: usize = 200;
    let mut shown: String = sql.chars().take(SHOWN).collect();
    if shown.len() < sql.len() {
        shown.push('…');
    }
    shown
}
