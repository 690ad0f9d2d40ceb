//! `skerry config check`: whether a server's configuration can be read, without starting it.

use std::path::PathBuf;

use clap::Subcommand;

#[derive(Subcommand)]
pub enum ConfigCommand {
    /// Say whether a server's configuration is right
    Check {
        /// The file
        #[arg(value_name = "FILE", default_value = "skerry.toml")]
        path: PathBuf,
    },
}

pub fn run(command: ConfigCommand) -> Result<(), String> {
    let ConfigCommand::Check { path } = command;
    super::load(Some(&path))?;
    anstream::println!("{} is right", path.display());
    Ok(())
}
