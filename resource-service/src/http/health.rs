//! `GET /health/ready`: ready if there is a key to verify with; degraded if it could not be confirmed lately, or if the
//! settings disagree with the issuer. How old the knowledge of what has ended is says nothing about being ready.

use crate::agreement::Agreement;
use actix_web::{HttpResponse, http::header, web};
use jeton_verifier::keys::PublishedKeys;
use serde_json::json;
use shared::problem::Problem;

/// A JSON pointer (RFC 6901) to a member of the answer that no other program's health has.
pub const PROOF: &str = "/keys/source";

pub(super) async fn ready(
    keys: web::Data<PublishedKeys>,
    agreement: web::Data<Agreement>,
) -> Result<HttpResponse, Problem> {
    let Some(held) = keys.held() else {
        return Err(Problem::unavailable("there is no key to verify access tokens with: see the log"));
    };
    let disagrees = agreement.lacking();
    let is_degraded = held.is_in_doubt || !disagrees.is_empty();
    let mut state = json!({
        "status": if is_degraded { "degraded" } else { "ready" },
        "keys": { "count": held.count, "source": held.source, "age_seconds": held.age.as_secs() },
    });
    if let Some(feed) = keys.feed() {
        state["revocations"] = json!({ "entries": feed.entries, "age_seconds": feed.age.map(|age| age.as_secs()) });
    }
    if !disagrees.is_empty() {
        state["disagrees_with_issuer_about"] = json!(disagrees);
    }
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(state))
}
