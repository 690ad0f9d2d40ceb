//! `skerry account`: the accounts of a server on this machine. Each has Workers, tokens and data of its own.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use config::ServerConfig;
use registry::Account;
use serde_json::json;

use crate::serve;
use crate::serve::registries::Registries;

#[derive(Args)]
#[command(after_help = "\
Examples:
  skerry account create shop                  its Workers are at http://<worker>.shop.<base domain>
  skerry account create shop --plan free
  skerry token create first --account shop    a token for it")]
pub struct AccountArguments {
    /// The server's configuration, which says where its data is [default: ./skerry-data]
    #[arg(long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
    #[command(subcommand)]
    pub command: AccountCommand,
}

#[derive(Subcommand)]
pub enum AccountCommand {
    /// Make an account
    Create {
        /// What it is called
        name: String,
        /// The label of its Workers' hosts [default: the name]
        #[arg(long, value_name = "LABEL")]
        subdomain: Option<String>,
        /// The plan whose limits hold for it
        #[arg(long, default_value = ServerConfig::default_plan())]
        plan: String,
        /// Print it as JSON
        #[arg(long)]
        json: bool,
    },
    /// List the accounts
    List {
        /// Print them as JSON
        #[arg(long)]
        json: bool,
    },
}

pub async fn run(arguments: AccountArguments) -> Result<(), String> {
    let config = serve::load(arguments.config.as_deref())?;
    let registries = Registries::existing(&config)?;
    match arguments.command {
        AccountCommand::Create { name, subdomain, plan, json } => {
            let subdomain = subdomain.unwrap_or_else(|| name.to_ascii_lowercase());
            if !is_label(&subdomain) {
                return Err(format!(
                    "{subdomain:?} can't be a label of a host: name another with --subdomain, of lowercase letters, digits and dashes"
                ));
            }
            if !["free", "paid"].contains(&plan.as_str()) && !config.plans.contains_key(&plan) {
                return Err(format!("there is no plan {plan:?}: the configuration has [plans.NAME] for it"));
            }
            let made = registries.create_account(&name, &subdomain, &plan).await?;
            match json {
                true => anstream::println!("{}", shown(&made)),
                false => anstream::println!("{}", made.id),
            }
        }
        AccountCommand::List { json } => {
            let accounts = registries.accounts()?.into_iter().map(|(account, _)| account);
            list(&accounts.collect::<Vec<_>>(), json);
        }
    }
    Ok(())
}

fn list(accounts: &[Account], json: bool) {
    if json {
        return anstream::println!("{}", json!(accounts.iter().map(shown).collect::<Vec<_>>()));
    }
    let width = accounts.iter().map(|account| account.name.len()).max().unwrap_or(0).max(4);
    anstream::println!("{:32}  {:width$}  {:12}  {:6}  CREATED", "ID", "NAME", "SUBDOMAIN", "PLAN");
    for Account { id, name, subdomain, plan, created } in accounts {
        anstream::println!("{id}  {name:width$}  {subdomain:12}  {plan:6}  {created}");
    }
}

fn shown(account: &Account) -> serde_json::Value {
    let Account { id, name, subdomain, plan, created } = account;
    json!({ "id": id, "name": name, "subdomain": subdomain, "plan": plan, "created": created.to_string() })
}

fn is_label(text: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !text.is_empty() && text.len() <= 63 && !text.starts_with('-') && !text.ends_with('-') && text.bytes().all(legal)
}
