//! The tokens that a login or a refresh returns.

use super::{
    record::{NewestToken, SessionRecord},
    refresh_token::{NotOurs, RefreshClaims, RefreshToken, RefreshTokens, Transport},
};
use crate::domain::{
    Unavailable,
    accounts::{Account, roles::Roles},
    keys::SigningKeys,
};
use jeton_verifier::{Claims, TOKEN_TYPE};
use jsonwebtoken::{Algorithm, Header};
use shared::{
    clock::{Clock, Timestamp},
    ids::{SessionId, TokenId},
};
use std::{sync::Arc, time::Duration};
use uuid::Uuid;

/// The tokens of one response.
pub struct Tokens {
    /// The access token.
    pub access_token: String,
    /// The token's lifetime from now.
    pub expires_in: Duration,
    /// The session.
    pub session_id: SessionId,
    /// The session's CSRF token.
    pub csrf_token: String,
    /// The refresh token.
    pub refresh_token: RefreshToken,
    /// How the client carries it.
    pub transport: Transport,
    /// The token's lifetime from now.
    pub refresh_expires_in: Duration,
}

/// Access tokens as the settings define them.
#[derive(Debug, Clone)]
pub struct AccessPolicy {
    /// The audience.
    pub audience: String,
    /// The id of the client that they are issued to.
    pub client_id: String,
    /// The lifetime of an access token.
    pub ttl: Duration,
}

/// Issues tokens.
pub struct Issuer {
    pub(super) refresh_tokens: RefreshTokens,
    pub(super) roles: Arc<Roles>,
    keys: Arc<SigningKeys>,
    policy: AccessPolicy,
    clock: Arc<dyn Clock>,
}

impl Issuer {
    /// Issues tokens with these keys and roles.
    #[must_use]
    pub fn new(
        refresh_tokens: RefreshTokens,
        keys: Arc<SigningKeys>,
        roles: Arc<Roles>,
        policy: AccessPolicy,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { refresh_tokens, roles, keys, policy, clock }
    }

    /// Signs an access token for a session of `account`, and the session's newest refresh token, perhaps again. The
    /// refresh token's claims are built from the record, so nothing is signed just because a store holds it.
    pub(super) fn tokens(&self, account: &Account, session: &SessionRecord) -> Result<Tokens, Unavailable> {
        let claims = session.newest_claims(self.refresh_tokens.issuer());
        let refresh_token = self.refresh_tokens.sign(&claims, &session.newest.key_id).map_err(not_signed)?;
        Ok(Tokens {
            access_token: self.access_token(account, &claims),
            expires_in: self.policy.ttl,
            session_id: claims.sid,
            csrf_token: self.refresh_tokens.csrf_token(claims.sid),
            refresh_token,
            transport: claims.transport,
            refresh_expires_in: Timestamp::from_secs(claims.exp).since(self.clock.now()),
        })
    }

    /// The data of a new refresh token of a session, issued at `now`.
    pub(super) fn newest_token(&self, now: Timestamp, expires_at: Timestamp) -> NewestToken {
        NewestToken {
            id: TokenId::fresh(),
            key_id: self.refresh_tokens.key_id().to_owned(),
            issued_at: now.secs(),
            expires_at: expires_at.secs(),
        }
    }

    fn access_token(&self, account: &Account, session: &RefreshClaims) -> String {
        let iat = self.clock.now().secs();
        let scopes: Vec<&str> = self.roles.scopes(&account.roles).into_iter().collect();
        let claims = Claims {
            iss: self.refresh_tokens.issuer().to_owned(),
            sub: account.id.to_string(),
            aud: self.policy.audience.clone(),
            client_id: self.policy.client_id.clone(),
            iat,
            exp: iat + i64::try_from(self.policy.ttl.as_secs()).unwrap_or(0),
            jti: Uuid::new_v4().to_string(),
            sid: session.sid.to_string(),
            scope: scopes.join(" "),
            roles: self.roles.known(&account.roles),
            custom: account.custom.clone(),
            epoch: session.epoch.0,
            rev: account.revision,
            auth_time: session.auth_time,
            amr: session.methods.amr(),
            acr: session.methods.level().name().to_owned(),
        };
        let keys = self.keys.active();
        let mut header = Header::new(Algorithm::RS256);
        header.typ = Some(TOKEN_TYPE.to_owned());
        header.kid = Some(keys.signer.kid.clone());
        jsonwebtoken::encode(&header, &claims, &keys.signer.key).expect("publish.rs has opened the key")
    }
}

/// Claims that this service made itself were not accepted.
fn not_signed(error: NotOurs) -> Unavailable {
    Unavailable { store: "session store", cause: error.to_string() }
}
