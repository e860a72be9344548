//! `GET /health/ready`: ready is who has a key to verify with, degraded who could not confirm it lately; and `GET /metrics`.

use crate::{metrics::registry, published_keys::PublishedKeys};
use actix_web::{HttpResponse, http::header, web};
use serde_json::json;
use shared::problem::Problem;

pub(super) async fn ready(keys: web::Data<PublishedKeys>) -> Result<HttpResponse, Problem> {
    let Some(held) = keys.held() else {
        return Err(Problem::unavailable("there is no key to verify access tokens with: see the log"));
    };
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(json!({
        "status": if held.is_in_doubt { "degraded" } else { "ready" },
        "keys": { "count": held.count, "source": held.source, "age_seconds": held.age.as_secs() },
    })))
}

pub(super) async fn metrics(keys: web::Data<PublishedKeys>) -> HttpResponse {
    shared::metrics::exposed(&registry(&keys))
}
