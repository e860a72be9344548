//! The longest access tokens. Verifiers refuse a token that is too long for them, and would refuse the one after each
//! refresh too.

use super::{methods::Methods, tokens::AccessPolicy};
use crate::domain::accounts::{
    MAX_CUSTOM_BYTES,
    roles::{MAX_ROLES, Roles},
};
use jeton_verifier::{Claims, TOKEN_TYPE};
use jsonwebtoken::{Algorithm, Header};
use serde_json::{Map, Value};
use shared::ids::SessionId;
use uuid::Uuid;

/// The length of a signature by the largest key, of 4096 bits.
const SIGNATURE_BYTES: usize = 512;
/// The length of a key's thumbprint in base64: the `kid` of a token.
const KID_CHARACTERS: usize = 43;

/// The length in bytes of the longest access token that can be issued: for 16 roles with all their scopes, and the
/// largest custom claims. If more than 16 roles exist, it may be an overestimate, because they are counted as if no two
/// of them shared a scope.
#[must_use]
pub fn longest_token(roles: &Roles, issuer: &str, policy: &AccessPolicy) -> usize {
    let mut header = Header::new(Algorithm::RS256);
    header.typ = Some(TOKEN_TYPE.to_owned());
    header.kid = Some("x".repeat(KID_CHARACTERS));
    let claims = longest_claims(roles, issuer, policy);
    let json = |written: serde_json::Result<Vec<u8>>| written.expect("claims and headers are JSON").len();
    let parts = [json(serde_json::to_vec(&header)), json(serde_json::to_vec(&claims)), SIGNATURE_BYTES];
    parts.map(in_base64).iter().sum::<usize>() + 2
}

fn longest_claims(roles: &Roles, issuer: &str, policy: &AccessPolicy) -> Claims {
    let id = || Uuid::max().to_string();
    let time = 9_999_999_999;
    let most = Methods::all();
    Claims {
        iss: issuer.to_owned(),
        sub: id(),
        aud: policy.audience.clone(),
        client_id: policy.client_id.clone(),
        iat: time,
        exp: time,
        jti: id(),
        sid: SessionId::fresh().to_string(),
        scope: "x".repeat(roles.most_scopes(MAX_ROLES)),
        roles: roles.longest_names(MAX_ROLES),
        custom: Map::from_iter([("x".to_owned(), Value::String("x".repeat(MAX_CUSTOM_BYTES - r#"{"x":""}"#.len())))]),
        epoch: i64::MAX,
        rev: i64::MAX,
        auth_time: time,
        amr: most.amr(),
        acr: most.level().name().to_owned(),
    }
}

/// The length in base64 without padding.
fn in_base64(bytes: usize) -> usize {
    (bytes * 4).div_ceil(3)
}
