//! A token that was verified.

#[cfg(feature = "fetch")]
use super::Names;
use crate::clock::Timestamp;
use serde_json::{Map, Value};
use std::sync::Arc;

/// What a verified access token says. Only the [`Verifier`](super::Verifier) makes one, so having one is the proof.
/// Clones are cheap.
#[derive(Debug, Clone)]
pub struct VerifiedToken(pub(super) Arc<Facts>);

#[derive(Debug)]
pub(super) struct Facts {
    pub(super) subject: String,
    pub(super) session_id: String,
    pub(super) client_id: String,
    pub(super) token_id: String,
    pub(super) scope: String,
    pub(super) roles: Vec<String>,
    pub(super) custom: Map<String, Value>,
    pub(super) epoch: Option<i64>,
    pub(super) rights_revision: Option<i64>,
    pub(super) authenticated_at: Option<Timestamp>,
    pub(super) methods: Vec<String>,
    pub(super) acr: Option<String>,
    pub(super) issued_at: Timestamp,
    pub(super) not_before: Option<Timestamp>,
    pub(super) expires_at: Timestamp,
    /// What the revocation feed calls them.
    #[cfg(feature = "fetch")]
    pub(super) names: Names,
}

impl VerifiedToken {
    /// The user's id (`sub`).
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.0.subject
    }

    /// The refresh session's public id (`sid`).
    #[must_use]
    pub fn session_id(&self) -> &str {
        &self.0.session_id
    }

    /// The client that the token was issued to.
    #[must_use]
    pub fn client_id(&self) -> &str {
        &self.0.client_id
    }

    /// The token's own id (`jti`).
    #[must_use]
    pub fn token_id(&self) -> &str {
        &self.0.token_id
    }

    /// The user's roles.
    #[must_use]
    pub fn roles(&self) -> &[String] {
        &self.0.roles
    }

    /// What the user may do: scopes, separated by spaces, as the issuer wrote them.
    #[must_use]
    pub fn scope(&self) -> &str {
        &self.0.scope
    }

    /// What the user may do, one by one.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        self.0.scope.split(' ').filter(|scope| !scope.is_empty())
    }

    /// Whether the token grants this scope.
    #[must_use]
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scopes().any(|held| held == scope)
    }

    /// Other claims that admins have set for the user; empty if there are none.
    #[must_use]
    pub fn custom(&self) -> &Map<String, Value> {
        &self.0.custom
    }

    /// The user's session epoch when the session began, by which the issuer ends all sessions from before.
    #[must_use]
    pub fn epoch(&self) -> Option<i64> {
        self.0.epoch
    }

    /// The revision of the user's rights (`rev`) that this token carries, by which the issuer tells outdated ones.
    #[must_use]
    pub fn rights_revision(&self) -> Option<i64> {
        self.0.rights_revision
    }

    /// When the user last proved who they are (`auth_time`): at the login, or since. A refresh does not change it.
    /// [`guard::sufficient`](crate::guard::sufficient) compares it with what a request needs.
    #[must_use]
    pub fn authenticated_at(&self) -> Option<Timestamp> {
        self.0.authenticated_at
    }

    /// How the user did so (`amr`; RFC 8176), for logs: decide by [`acr`](Self::acr). Empty if the token does not say.
    #[must_use]
    pub fn methods(&self) -> &[String] {
        &self.0.methods
    }

    /// The level of that proof (`acr`), which [`guard::sufficient`](crate::guard::sufficient) compares with what a request
    /// needs.
    #[must_use]
    pub fn acr(&self) -> Option<&str> {
        self.0.acr.as_deref()
    }

    #[cfg(feature = "fetch")]
    pub(crate) fn names(&self) -> &Names {
        &self.0.names
    }

    /// When the token was issued.
    #[must_use]
    pub fn issued_at(&self) -> Timestamp {
        self.0.issued_at
    }

    /// When the token expires; the verifier accepts it a few seconds longer, for clocks that differ.
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        self.0.expires_at
    }
}
