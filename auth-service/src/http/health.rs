//! `GET /health/ready`: whether the stores answer, and `GET /metrics`. There is always a key to sign with once the service listens.

use super::State;
use crate::{domain::Unavailable, metrics::registry};
use actix_web::{HttpResponse, http::StatusCode, web::Data};
use serde_json::json;

/// 200 when everything that a request may need answers, else 503, with what does not.
pub async fn ready(state: Data<State>) -> HttpResponse {
    let (accounts, sessions) = futures_util::future::join(state.auth.accounts.ping(), state.auth.sessions.ping()).await;
    let is_ready = accounts.is_ok() && sessions.is_ok();
    let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let word = |result: Result<(), Unavailable>| result.map_or_else(|error| error.to_string(), |()| "ok".to_owned());
    HttpResponse::build(status).json(json!({
        "status": if is_ready { "ready" } else { "not ready" },
        "accounts": word(accounts),
        "sessions": word(sessions),
    }))
}

/// What is counted, for Prometheus.
pub async fn metrics(state: Data<State>) -> HttpResponse {
    shared::metrics::exposed(&registry(&state.auth))
}
