//! `skerry analytics`: asks the Analytics Engine datasets that Workers write to under `skerry dev`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use config::Project;

use crate::state::{LOCAL_ACCOUNT, State};

#[derive(Args)]
#[command(after_help = "\
Examples:
  skerry analytics \"SHOW TABLES\"                                      the datasets
  skerry analytics \"SELECT blob1, count() FROM visits GROUP BY blob1\"  ask one of them
  skerry analytics \"SELECT * FROM visits LIMIT 10 FORMAT TabSeparated\"")]
pub struct AnalyticsArguments {
    /// The query, as for the SQL API
    query: String,
    /// Project folder or wrangler file
    #[arg(long, value_name = "PATH", default_value = ".")]
    config: PathBuf,
    /// Where the state of local bindings is kept [default: .skerry in the project's folder]
    #[arg(long, value_name = "FOLDER")]
    persist_to: Option<PathBuf>,
}

pub async fn run(arguments: AnalyticsArguments) -> Result<(), String> {
    let project = Project::load(&arguments.config, None).map_err(|error| error.to_string())?;
    let state = State::new(arguments.persist_to.as_deref(), &project.root, Duration::ZERO);
    let answer = state.analytics.query(LOCAL_ACCOUNT, &arguments.query).await.map_err(|error| error.to_string())?;
    let end = if answer.body.ends_with('\n') || answer.body.is_empty() { "" } else { "\n" };
    anstream::print!("{}{end}", answer.body);
    Ok(())
}
