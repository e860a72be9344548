//! `GET /admin/keys` and `POST /admin/keys/rotate`: the signing keys.

use crate::{
    domain::{
        Unavailable,
        keys::commands::{KeyCommandError, KeyStatus},
    },
    http::{
        State,
        request::{
            caller::{KeysWrite, Permitted, Recent, UsersRead},
            client::client,
        },
    },
};
use actix_web::{HttpRequest, HttpResponse, web::Data};
use serde::Serialize;
use shared::{clock::Timestamp, openapi::Refusals, problem::Problem};
use utoipa::ToSchema;

/// The signing keys.
#[derive(Serialize, ToSchema)]
struct SigningKeys<'a> {
    /// The newest last.
    keys: Vec<SigningKey<'a>>,
    /// How long verifiers may keep the published key set, in seconds.
    max_age: u64,
    /// How long a key signs, in seconds; 0: until a command replaces it.
    lifetime: u64,
}

/// A signing key.
#[derive(Serialize, ToSchema)]
struct SigningKey<'a> {
    /// Its thumbprint (RFC 7638).
    kid: &'a str,
    /// `pending`, `active`, `retired`, `gone` or `revoked`.
    #[schema(value_type = String)]
    state: &'static str,
    /// When verifiers are first shown it.
    #[schema(format = DateTime)]
    published_at: String,
    /// When it begins to sign.
    #[schema(format = DateTime)]
    signs_from: String,
    /// When verifiers are no longer shown it, if that is known.
    #[schema(format = DateTime, required = true)]
    gone_from: Option<String>,
}

impl<'a> SigningKey<'a> {
    fn of(key: &'a KeyStatus) -> Self {
        Self {
            kid: &key.kid,
            state: key.state.name(),
            published_at: key.published_at.rfc3339(),
            signs_from: key.active_at.rfc3339(),
            gone_from: key.gone_at.map(Timestamp::rfc3339),
        }
    }
}

/// List the signing keys
#[utoipa::path(
    get, path = "/admin/keys", tag = "keys", operation_id = "list_keys",
    responses((status = 200, description = "The keys", body = SigningKeys<'_>), Refusals<(Permitted<UsersRead>, Unavailable)>),
    security(("bearer" = []))
)]
pub async fn list_keys(_: Permitted<UsersRead>, state: Data<State>) -> Result<HttpResponse, Problem> {
    let keys = state.admin_keys.list().await?;
    let policy = state.keys.policy();
    Ok(HttpResponse::Ok().json(SigningKeys {
        keys: keys.iter().map(SigningKey::of).collect(),
        max_age: policy.max_age.as_secs(),
        lifetime: policy.lifetime.as_secs(),
    }))
}

/// Publish the next signing key
///
/// It signs once verifiers have had time to fetch it. If there is a next key already, nothing changes.
#[utoipa::path(
    post, path = "/admin/keys/rotate", tag = "keys", operation_id = "rotate_keys",
    responses((status = 200, description = "The next key", body = SigningKey<'_>), Refusals<(Recent<Permitted<KeysWrite>>, Unavailable)>),
    security(("bearer" = []))
)]
pub async fn rotate(
    caller: Recent<Permitted<KeysWrite>>,
    request: HttpRequest,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let next = state.admin_keys.rotate(&caller, &client(&request, &state)).await;
    let next = next.map_err(|error: KeyCommandError| Problem::from(error))?;
    Ok(HttpResponse::Ok().json(SigningKey::of(&next)))
}
