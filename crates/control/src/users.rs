//! Whose token it is: `wrangler whoami`.

use axum::Extension;
use axum::extract::State;
use registry::Account;
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Control;
use crate::access::Caller;
use crate::envelope::{ApiError, Outcome, ok, page};
use crate::extract::Segments;

pub(crate) fn routes() -> OpenApiRouter<Control> {
    OpenApiRouter::new()
        .routes(routes!(verify))
        .routes(routes!(user))
        .routes(routes!(memberships))
        .routes(routes!(accounts))
        .routes(routes!(account))
}

#[utoipa::path(get, path = "/user/tokens/verify", tag = "Accounts", responses((status = 200, description = "The token holds")))]
async fn verify(Extension(Caller(token)): Extension<Caller>) -> Outcome {
    ok(json!({
        "id": token.id, "status": "active", "expires_on": token.expires.map(|expires| expires.to_string()),
    }))
}

#[utoipa::path(get, path = "/user", tag = "Accounts", responses((status = 200, description = "The token, as the user that it stands for")))]
async fn user(Extension(Caller(token)): Extension<Caller>) -> Outcome {
    ok(json!({ "id": token.id, "email": format!("{}@token", token.name), "username": token.name }))
}

#[utoipa::path(get, path = "/memberships", tag = "Accounts", responses((status = 200, description = "The accounts that the token is for")))]
async fn memberships(State(control): State<Control>, Extension(Caller(token)): Extension<Caller>) -> Outcome {
    let account = own(&control, &token.account)?;
    let member = json!({
        "id": token.id, "status": "accepted", "roles": ["Administrator"], "account": account,
    });
    page(vec![member], None, None)
}

#[utoipa::path(get, path = "/accounts", tag = "Accounts", responses((status = 200, description = "The accounts that the token is for")))]
async fn accounts(State(control): State<Control>, Extension(Caller(token)): Extension<Caller>) -> Outcome {
    page(vec![own(&control, &token.account)?], None, None)
}

#[utoipa::path(get, path = "/accounts/{account}", tag = "Accounts", params(("account" = String, Path)),
    responses((status = 200, description = "The account")))]
async fn account(State(control): State<Control>, Segments(account): Segments<String>) -> Outcome {
    ok(own(&control, &account)?)
}

fn own(control: &Control, id: &str) -> Result<Value, ApiError> {
    let account = control.registry().account(id)?;
    let Account { id, name, created, plan, .. } =
        account.ok_or_else(|| ApiError::internal(&"the token's account is gone"))?;
    Ok(json!({ "id": id, "name": name, "type": "standard", "created_on": created.to_string(), "plan": plan }))
}
