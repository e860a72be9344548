//! `GET /health/ready`: whether the stores answer, and how old the keys are; and `GET /metrics`. There is always a key to sign with
//! once the service listens.

use super::State;
use crate::{domain::Unavailable, metrics::registry};
use actix_web::{HttpResponse, web::Data};
use serde_json::json;
use shared::problem::Problem;

/// So many readings of the keys must have been missed before that is worth a word.
const MISSED: u32 = 10;

/// 200 when everything that a request may need answers, else 503, with what does not. Degraded, and still 200, is a service whose
/// stores answer and whose keys could not be read for a while: it goes on with the known ones, and would miss a new one.
pub async fn ready(state: Data<State>) -> Result<HttpResponse, Problem> {
    let (accounts, sessions) = futures_util::future::join(state.auth.accounts.ping(), state.auth.sessions.ping()).await;
    if accounts.is_err() || sessions.is_err() {
        let answered =
            |result: Result<(), Unavailable>| result.map_or_else(|error| error.to_string(), |()| "ok".to_owned());
        return Err(Problem::unavailable(format!(
            "accounts: {}; sessions: {}",
            answered(accounts),
            answered(sessions)
        )));
    }
    let (keys, latest) = (state.auth.keys.ages(), state.auth.keys.policy().notice() * MISSED);
    Ok(HttpResponse::Ok().json(json!({
        "status": if keys.read <= latest { "ready" } else { "degraded" },
        "accounts": "ok",
        "sessions": "ok",
        "keys": {
            "published": keys.published,
            "signing_age_seconds": keys.signing.as_secs(),
            "read_age_seconds": keys.read.as_secs(),
        },
    })))
}

/// What is counted, for Prometheus.
pub async fn metrics(state: Data<State>) -> HttpResponse {
    shared::metrics::exposed(&registry(&state.auth))
}
