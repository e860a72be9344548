//! What an access token says.

use serde::Serialize;
use serde_json::{Map, Value};

/// The `typ` of an access token's header (RFC 9068, section 2.1).
pub const TOKEN_TYPE: &str = "at+jwt";

/// The claims as the issuer writes them. Verifiers never build one of these: they hand out a verified token.
#[derive(Debug, Clone, Serialize)]
pub struct Claims {
    /// Issuer: the public URL of auth-service.
    pub iss: String,
    /// The user's id.
    pub sub: String,
    /// Whom the token is for.
    pub aud: String,
    /// The client that the token was issued to.
    pub client_id: String,
    /// When it was issued, in seconds since 1970.
    pub iat: i64,
    /// When it expires, in seconds since 1970.
    pub exp: i64,
    /// The token's own id.
    pub jti: String,
    /// The refresh session's public id.
    pub sid: String,
    /// What the user may do: scopes, separated by single spaces.
    pub scope: String,
    /// The user's roles.
    pub roles: Vec<String>,
    /// Other claims that admins have set for the user; left out when empty.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub custom: Map<String, Value>,
    /// The user's session epoch when the session began. auth-service compares it at its own endpoints, and other services
    /// with what the revocation feed says.
    pub epoch: i64,
    /// The revision of the user's rights that the token carries: a token with an earlier one than the revocation feed names
    /// is outdated.
    pub rev: i64,
    /// When the user last showed who they are, in seconds since 1970 (RFC 9068, section 2.2.1).
    pub auth_time: i64,
    /// How they did: names of RFC 8176, and `email` and `recovery`; left out when that is not known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
    /// How much that is worth: `1`, `2` or `phr`.
    pub acr: String,
}
