//! `skerry r2 token`: credentials for the S3 API. They work, and cease to, at once, also in a `skerry dev` that is running.

use std::time::{Duration, SystemTime};

use clap::{Subcommand, ValueEnum};
use s3::{Permission, Token, Tokens};

#[derive(Subcommand)]
pub enum TokenCommand {
    /// Make a token; its secret is shown once
    Create {
        /// A bucket that it is for; more than one may be named [default: all buckets]
        #[arg(long, value_name = "BUCKET")]
        bucket: Vec<String>,
        #[arg(long, value_enum)]
        permission: Allowed,
        /// How long it works, as in 30m, 12h or 90d [default: for ever]
        #[arg(long, value_name = "TIME", value_parser = ttl)]
        ttl: Option<Duration>,
    },
    /// List all tokens, without their secrets
    List,
    /// Delete a token
    Delete {
        #[arg(value_name = "ACCESS_KEY_ID")]
        id: String,
    },
}

#[derive(Clone, Copy, ValueEnum)]
pub enum Allowed {
    Read,
    ReadWrite,
}

impl From<Allowed> for Permission {
    fn from(allowed: Allowed) -> Self {
        match allowed {
            Allowed::Read => Self::Read,
            Allowed::ReadWrite => Self::ReadWrite,
        }
    }
}

pub fn run(tokens: &Tokens, command: TokenCommand) -> Result<(), String> {
    match command {
        TokenCommand::Create { bucket, permission, ttl } => {
            let token = tokens.create(permission.into(), bucket, ttl).map_err(failed)?;
            println!("Access key id:     {}", token.access_key_id);
            println!("Secret access key: {}", token.secret_access_key);
            println!("The secret is not shown again.");
        }
        TokenCommand::List => {
            for token in tokens.list().map_err(failed)? {
                println!("{}", line(&token));
            }
        }
        TokenCommand::Delete { id } => {
            if !tokens.delete(&id).map_err(failed)? {
                return Err(format!("there is no token {id:?}"));
            }
            println!("Deleted token {id}.");
        }
    }
    Ok(())
}

fn failed(error: std::io::Error) -> String {
    format!("the file of R2's tokens: {error}")
}

fn line(token: &Token) -> String {
    let permission = match token.permission {
        Permission::Read => "read",
        Permission::ReadWrite => "read-write",
    };
    let buckets = if token.buckets.is_empty() { "all buckets".to_owned() } else { token.buckets.join(", ") };
    let expires = match token.expires {
        None => "does not expire".to_owned(),
        Some(_) if token.has_expired(SystemTime::now()) => "has expired".to_owned(),
        Some(expires) => {
            format!("expires {}", httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + Duration::from_secs(expires)))
        }
    };
    format!("{}  {permission:<10}  {buckets}  {expires}", token.id)
}

/// A number of seconds, minutes, hours or days.
fn ttl(text: &str) -> Result<Duration, String> {
    let unit = text.chars().last().and_then(|unit| Some((unit, text.strip_suffix(unit)?)));
    let (number, seconds) = match unit {
        Some(('s', number)) => (number, 1),
        Some(('m', number)) => (number, 60),
        Some(('h', number)) => (number, 3600),
        Some(('d', number)) => (number, 86_400),
        _ => (text, 1),
    };
    // A date of HTTP has four digits for the year.
    const LONGEST: u64 = 86_400 * 36_500;
    let seconds = number.parse::<u64>().ok().and_then(|number| number.checked_mul(seconds));
    let fits = seconds.filter(|seconds| (1..=LONGEST).contains(seconds));
    fits.map(Duration::from_secs).ok_or_else(|| "a time is a number with s, m, h or d behind it, as in 12h".into())
}
