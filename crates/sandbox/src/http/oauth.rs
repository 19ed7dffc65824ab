//! OAuth: refreshing and revoking. The browser's dance is left out; the admin API gives first tokens.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::routing::post;
use serde_json::json;

use super::call::{Answer, empty, json_response, ok, read_params};
use super::shared::Shared;

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new().route("/oauth/token", post(token)).route("/oauth/revoke", post(revoke))
}

async fn token(State(shared): State<Arc<Shared>>, request: Request) -> Answer {
    let (_, params) = read_params(request).await?;
    let now = shared.now();
    if params.text("grant_type").as_deref() != Some("refresh_token") {
        let body = json!({ "error": "unsupported_grant_type" });
        return Ok(json_response(StatusCode::BAD_REQUEST, body.to_string()));
    }
    let mut world = shared.world();
    let refresh_token = params.text("refresh_token").unwrap_or_default();
    let Ok(grant) = world.refresh(&refresh_token, params.text("client_id").as_deref(), now) else {
        let body = json!({ "error": "invalid_grant", "error_description": "the refresh token is not valid" });
        return Ok(json_response(StatusCode::BAD_REQUEST, body.to_string()));
    };
    ok(&json!({
        "access_token": grant.access_token,
        "token_type": "Bearer",
        "expires_in": (grant.expires_at - now) / 1000,
        "refresh_token": grant.refresh_token,
        "created_at": now / 1000,
    }))
}

async fn revoke(State(shared): State<Arc<Shared>>, request: Request) -> Answer {
    let (_, params) = read_params(request).await?;
    shared.world().revoke(&params.text("token").unwrap_or_default());
    empty()
}
