//! `skerry token`: the API tokens of a server on this machine. They work at once, whether the server runs or not.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use registry::{Account, Registry, Scope, Stamp, Token};
use serde_json::json;

use crate::serve;
use crate::serve::registries::Registries;

#[derive(Args)]
#[command(after_help = "\
Examples:
  skerry token create ci --scope workers:write --scope kv:write --expires-in-days 90
  skerry token list
  skerry token revoke 7f3c…")]
pub struct TokenArguments {
    /// The server's configuration, which says where its data is [default: ./skerry-data]
    #[arg(long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
    #[command(subcommand)]
    pub command: TokenCommand,
}

#[derive(Subcommand)]
pub enum TokenCommand {
    /// Make a token; its secret is shown once
    Create {
        /// What it is called in lists and in the audit log
        name: String,
        /// What it may do: all, or workers:read, workers:write, kv:read, … [default: all]
        #[arg(long, value_name = "SCOPE")]
        scope: Vec<Scope>,
        /// Days until it holds no longer [default: it holds until it is revoked]
        #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(i64).range(1..=36500))]
        expires_in_days: Option<i64>,
        /// The account, by its id or its name [default: the only one]
        #[arg(long, value_name = "ACCOUNT")]
        account: Option<String>,
        /// Print it as JSON
        #[arg(long)]
        json: bool,
    },
    /// List the tokens, without their secrets
    List {
        /// Print them as JSON
        #[arg(long)]
        json: bool,
    },
    /// Revoke a token, at once
    Revoke {
        /// Its id, as `skerry token list` shows it
        id: String,
    },
}

pub async fn run(arguments: TokenArguments) -> Result<(), String> {
    let config = serve::load(arguments.config.as_deref())?;
    let registries = Registries::existing(&config)?;
    match arguments.command {
        TokenCommand::Create { name, scope, expires_in_days, account, json } => {
            let (account, registry) = find(&registries, account.as_deref())?;
            let scopes = if scope.is_empty() { BTreeSet::from([Scope::All]) } else { scope.into_iter().collect() };
            let expires = expires_in_days.map(|days| Stamp(Stamp::now().0 + days * 24 * 60 * 60 * 1000));
            let made = registry.create_token(&account.id, &name, scopes, expires).await.map_err(failed)?;
            match json {
                true => {
                    let mut shown = json!({ "token": made.secret, "id": made.token.id, "account": account.id });
                    if made.token.may(Scope::R2Read) {
                        let secret = r2::hex(&registry::token_hash(&made.secret));
                        shown["s3"] = json!({ "access_key_id": made.token.id, "secret_access_key": secret });
                    }
                    anstream::println!("{shown}");
                }
                false => anstream::println!("{}", made.secret),
            }
        }
        TokenCommand::List { json } => {
            let mut tokens = Vec::new();
            for registry in registries.all() {
                tokens.extend(registry.tokens(None).map_err(failed)?);
            }
            list(&tokens, json);
        }
        TokenCommand::Revoke { id } => {
            let mut revoked = false;
            for registry in registries.all() {
                revoked |= registry.revoke_token(&id).await.map_err(failed)?;
            }
            if !revoked {
                return Err(format!("there is no token {id:?}: see `skerry token list`"));
            }
            anstream::println!("revoked {id}");
        }
    }
    Ok(())
}

fn find<'r>(registries: &'r Registries, named: Option<&str>) -> Result<(Account, &'r Registry), String> {
    let accounts = registries.accounts()?;
    let found = match named {
        Some(named) => accounts.iter().find(|(account, _)| account.id == named || account.name == named),
        None => accounts.first(),
    };
    let names = || accounts.iter().map(|(account, _)| account.name.as_str()).collect::<Vec<_>>().join(", ");
    found.cloned().ok_or_else(|| match named {
        Some(named) => format!("there is no account {named:?}. There are: {}", names()),
        None => "there is no account yet: start the server once with `skerry serve`".into(),
    })
}

fn list(tokens: &[Token], json: bool) {
    let scopes = |token: &Token| token.scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>();
    if json {
        let tokens: Vec<_> = tokens
            .iter()
            .map(|token| {
                json!({
                    "id": token.id, "name": token.name, "account": token.account, "scopes": scopes(token),
                    "created": token.created.to_string(), "expires": token.expires.map(|expires| expires.to_string()),
                })
            })
            .collect();
        return anstream::println!("{}", json!(tokens));
    }
    let width = tokens.iter().map(|token| token.name.len()).max().unwrap_or(0).max(4);
    anstream::println!("{:32}  {:width$}  {:27}  {:27}  SCOPES", "ID", "NAME", "CREATED", "EXPIRES");
    for token in tokens {
        let expires = token.expires.map_or("never".to_owned(), |expires| expires.to_string());
        let created = token.created.to_string();
        anstream::println!("{}  {:width$}  {created}  {expires:27}  {}", token.id, token.name, scopes(token).join(" "));
    }
}

fn failed(error: registry::Error) -> String {
    format!("the server's registry can't be used: {error}")
}
