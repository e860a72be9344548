//! What verifiers fetch: the public keys (RFC 7517), and the metadata (RFC 8414).

use super::{State, doctor};
use actix_web::{HttpRequest, HttpResponse, http::header, web::Data};
use serde_json::json;

/// `GET /.well-known/jwks.json`.
pub async fn jwks(request: HttpRequest, state: Data<State>) -> HttpResponse {
    let keys = state.auth.keys.active();
    let max_age = state.auth.keys.max_age(&keys);
    let is_known = request.headers().get_all(header::IF_NONE_MATCH).filter_map(|tags| tags.to_str().ok()).any(|tags| {
        tags.split(',').map(|tag| tag.trim().trim_start_matches("W/")).any(|tag| tag == keys.etag || tag == "*")
    });
    let mut answer = if is_known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    answer
        .insert_header((header::CACHE_CONTROL, format!("public, max-age={}", max_age.as_secs())))
        .insert_header((header::ETAG, keys.etag.clone()));
    if is_known { answer.finish() } else { answer.content_type("application/jwk-set+json").body(keys.jwks.clone()) }
}

/// `GET /.well-known/oauth-authorization-server`. No OAuth grant is offered: what there is to discover is the issuer,
/// its keys and its scopes.
pub async fn metadata(request: HttpRequest, state: Data<State>) -> HttpResponse {
    let issuer = state.site.issuer();
    let max_age = state.auth.keys.policy().max_age.as_secs();
    let mut answer = HttpResponse::Ok();
    match doctor::answer(&request, &state) {
        Some(seen) => answer.insert_header((doctor::SEEN, seen)).insert_header((header::CACHE_CONTROL, "no-store")),
        None => answer.insert_header((header::CACHE_CONTROL, format!("public, max-age={max_age}"))),
    };
    answer.json(json!({
        "issuer": issuer,
        "jwks_uri": format!("{issuer}/.well-known/jwks.json"),
        "response_types_supported": [],
        "grant_types_supported": [],
        "scopes_supported": state.auth.roles.all_scopes(),
    }))
}
