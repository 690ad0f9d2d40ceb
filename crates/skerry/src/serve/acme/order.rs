//! One order of a certificate: the account that asks, the proof that the name leads here, the certificate.

use std::path::Path;

use ::config::server::AcmeConfig;
use instant_acme::{
    Account, AccountCredentials, AuthorizationStatus, ChallengeType, Identifier, NewAccount, NewOrder, OrderStatus,
    RetryPolicy,
};
use serde::{Deserialize, Serialize};

use super::{Challenges, write};

const LETS_ENCRYPT: &str = "https://acme-v02.api.letsencrypt.org/directory";

/// A certificate with those that lead to its authority, and its key: PEM.
pub(super) struct Issued {
    pub chain: String,
    pub key: String,
}

/// An account as it is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    directory: String,
    credentials: AccountCredentials,
}

/// The account of this server, made where there is none yet at this authority.
pub(super) async fn account(config: &AcmeConfig, path: &Path) -> Result<Account, String> {
    let failed = |error: instant_acme::Error| format!("the account at the certificate authority: {error}");
    let builder = match &config.ca {
        Some(path) => Account::builder_with_root(path),
        None => Account::builder(),
    };
    let builder = builder.map_err(failed)?;
    let directory = config.directory.as_ref().map_or(LETS_ENCRYPT, |url| url.0.as_str());
    if let Ok(text) = std::fs::read_to_string(path) {
        let kept: Kept = serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
        if kept.directory == directory {
            return builder.from_credentials(kept.credentials).await.map_err(failed);
        }
    }
    let contact: Vec<String> = config.email.iter().map(|email| format!("mailto:{email}")).collect();
    let contact: Vec<&str> = contact.iter().map(String::as_str).collect();
    let new = NewAccount { contact: &contact, terms_of_service_agreed: true, only_return_existing: false };
    let (account, credentials) = builder.create(&new, directory.to_owned(), None).await.map_err(failed)?;
    let kept = Kept { directory: directory.to_owned(), credentials };
    write(path, &serde_json::to_string(&kept).map_err(|error| error.to_string())?)?;
    Ok(account)
}

pub(super) async fn certificate(account: &Account, name: &str, challenges: &Challenges) -> Result<Issued, String> {
    let mut tokens = Vec::new();
    let issued = ordered(account, name, challenges, &mut tokens).await;
    for token in tokens {
        challenges.remove(&token);
    }
    issued
}

async fn ordered(
    account: &Account,
    name: &str,
    challenges: &Challenges,
    tokens: &mut Vec<String>,
) -> Result<Issued, String> {
    let failed = |error: instant_acme::Error| error.to_string();
    let identifiers = [Identifier::Dns(name.to_owned())];
    let mut order = account.new_order(&NewOrder::new(&identifiers)).await.map_err(failed)?;
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization.map_err(failed)?;
        match authorization.status {
            AuthorizationStatus::Valid => continue,
            AuthorizationStatus::Pending => {}
            other => return Err(format!("the authority has an authorization that is {other:?}")),
        }
        let mut challenge = authorization
            .challenge(ChallengeType::Http01)
            .ok_or("the authority does not offer the challenge http-01")?;
        challenges.add(&challenge.token, challenge.key_authorization().as_str());
        tokens.push(challenge.token.clone());
        challenge.set_ready().await.map_err(failed)?;
    }
    let status = order.poll_ready(&RetryPolicy::default()).await.map_err(failed)?;
    if status != OrderStatus::Ready {
        return Err(format!("the authority did not find this server at http://{name}/: the order is {status:?}"));
    }
    let key = order.finalize().await.map_err(failed)?;
    let chain = order.poll_certificate(&RetryPolicy::default()).await.map_err(failed)?;
    Ok(Issued { chain, key })
}
