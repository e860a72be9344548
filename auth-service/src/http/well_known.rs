//! What verifiers fetch: the public keys (RFC 7517), and the metadata (RFC 8414). And what browsers do.

use super::{State, doctor};
use crate::domain::{keys::ActiveKeys, sessions::methods::Level};
use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{Bytes, Data},
};
use serde::Serialize;
use shared::{
    openapi::{NotFound, Refusals},
    problem::{self, Problem},
};
use std::{collections::BTreeSet, sync::Arc};
use utoipa::ToSchema;

/// A key set (RFC 7517).
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what signing_keys has written already")]
struct KeySet {
    /// Public keys.
    keys: Vec<PublicKey>,
}

/// A public RSA key (RFC 7517, RFC 7518).
#[derive(ToSchema)]
#[expect(dead_code, reason = "as KeySet")]
struct PublicKey {
    /// `RSA`.
    #[schema(pattern = "^RSA$")]
    kty: String,
    /// `sig`.
    #[schema(pattern = "^sig$")]
    r#use: String,
    /// `RS256`.
    #[schema(pattern = "^RS256$")]
    alg: String,
    /// The thumbprint (RFC 7638), which a token's header names.
    #[schema(pattern = "^[A-Za-z0-9_-]{43}$")]
    kid: String,
    /// The modulus.
    #[schema(pattern = "^[A-Za-z0-9_-]+$")]
    n: String,
    /// The exponent.
    #[schema(pattern = "^[A-Za-z0-9_-]+$")]
    e: String,
}

/// Get the public keys
///
/// Any service can verify access tokens with these alone.
#[utoipa::path(
    get, path = "/.well-known/jwks.json", tag = "published", operation_id = "get_jwks",
    params(("If-None-Match" = Option<String>, Header, description = "The `ETag` of a key set fetched earlier")),
    responses(
        (status = 200, description = "The key set", body = KeySet, content_type = "application/jwk-set+json", headers(
            ("ETag" = String, description = "For `If-None-Match`"),
            ("Cache-Control" = String, description = "How long the key set may be cached"),
        )),
        (status = 304, description = "The key set has not changed"),
        Refusals<()>,
    )
)]
pub async fn jwks(request: HttpRequest, state: Data<State>) -> HttpResponse {
    let keys = state.keys.active();
    let max_age = state.keys.max_age(&keys);
    let is_known = is_known(&request, &keys.etag);
    let mut answer = if is_known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    answer
        .insert_header((header::CACHE_CONTROL, format!("public, max-age={}", max_age.as_secs())))
        .insert_header((header::ETAG, keys.etag.clone()));
    if is_known {
        return answer.finish();
    }
    answer.content_type("application/jwk-set+json").body(Bytes::from_owner(Published(keys)))
}

/// Whether the client has what has this `ETag` (RFC 9110, section 13.1.2).
pub fn is_known(request: &HttpRequest, etag: &str) -> bool {
    request
        .headers()
        .get_all(header::IF_NONE_MATCH)
        .filter_map(|tags| tags.to_str().ok())
        .any(|tags| tags.split(',').map(|tag| tag.trim().trim_start_matches("W/")).any(|tag| tag == etag || tag == "*"))
}

/// The published key set, in memory only once, however many answers are under way.
struct Published(Arc<ActiveKeys>);

impl AsRef<[u8]> for Published {
    fn as_ref(&self) -> &[u8] {
        self.0.jwks.as_bytes()
    }
}

/// Metadata (RFC 8414). No OAuth grant is offered: it only announces the issuer, its keys and its scopes.
#[derive(Serialize, ToSchema)]
struct Metadata<'a> {
    /// The `iss` of access tokens.
    #[schema(format = Uri)]
    issuer: &'a str,
    /// Where the public keys are.
    #[schema(format = Uri)]
    jwks_uri: String,
    /// Where verifiers read what has ended.
    #[schema(format = Uri)]
    revocations_uri: String,
    /// Where a client revokes a token (RFC 7009).
    #[schema(format = Uri)]
    revocation_endpoint: String,
    /// The token is all that it takes.
    revocation_endpoint_auth_methods_supported: [&'static str; 1],
    /// Empty.
    response_types_supported: [&'static str; 0],
    /// Empty.
    grant_types_supported: [&'static str; 0],
    /// All scopes that a role grants.
    #[schema(value_type = Vec<String>)]
    scopes_supported: BTreeSet<&'a str>,
    /// The levels of authentication that an access token's `acr` names, the lowest first (RFC 9470).
    acr_values_supported: [&'static str; 3],
}

/// Get the metadata
#[utoipa::path(
    get, path = "/.well-known/oauth-authorization-server", tag = "published", operation_id = "get_metadata",
    responses((status = 200, description = "RFC 8414", body = Metadata<'_>), Refusals<()>)
)]
pub async fn metadata(request: HttpRequest, state: Data<State>) -> HttpResponse {
    let issuer = state.site.issuer();
    let max_age = state.keys.policy().max_age.as_secs();
    let mut answer = HttpResponse::Ok();
    match doctor::answer(&request, &state) {
        Some(seen) => seen
            .into_iter()
            .fold(&mut answer, |answer, header| answer.insert_header(header))
            .insert_header((header::CACHE_CONTROL, "no-store")),
        None => answer.insert_header((header::CACHE_CONTROL, format!("public, max-age={max_age}"))),
    };
    answer.json(Metadata {
        issuer,
        jwks_uri: format!("{issuer}/.well-known/jwks.json"),
        revocations_uri: format!("{issuer}/revocations"),
        revocation_endpoint: format!("{issuer}/auth/revoke"),
        revocation_endpoint_auth_methods_supported: ["none"],
        response_types_supported: [],
        grant_types_supported: [],
        scopes_supported: state.roles.all_scopes(),
        acr_values_supported: Level::ALL.map(Level::name),
    })
}

/// The origins whose pages may use the passkeys of this domain although they are not below it.
#[derive(Serialize, ToSchema)]
struct RelatedOrigins<'a> {
    /// The origins.
    origins: &'a [String],
}

/// Get the related origins
///
/// Other origins whose pages may use the passkeys (WebAuthn Level 3, section 5.11). Browsers ask for it at `https://` and the rpId. 404
/// unless `AUTH_PASSKEY_RP_ID` is set and such origins are allowed.
#[utoipa::path(
    get, path = "/.well-known/webauthn", tag = "published", operation_id = "get_related_origins",
    responses((status = 200, description = "The origins", body = RelatedOrigins<'_>), Refusals<(NotFound,)>)
)]
pub async fn webauthn(state: Data<State>) -> Result<HttpResponse, Problem> {
    let related = state.passkeys.party.as_ref().map_or(&[][..], |party| &party.related);
    if related.is_empty() {
        return Err(problem::not_found());
    }
    Ok(HttpResponse::Ok().json(RelatedOrigins { origins: related }))
}
