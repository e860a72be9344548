//! What a login and a refresh give.

use super::{
    record::SessionRecord,
    refresh_token::{NotOurs, RefreshClaims, RefreshToken, Transport},
};
use crate::domain::{Auth, accounts::Account};
use jsonwebtoken::{Algorithm, Header};
use shared::{
    access_token::{Claims, TOKEN_TYPE},
    clock::Timestamp,
    ids::SessionId,
};
use std::time::Duration;
use uuid::Uuid;

/// The tokens of one answer.
pub struct Tokens {
    /// The access token.
    pub access_token: String,
    /// How long it lives.
    pub expires_in: Duration,
    /// The session.
    pub session_id: SessionId,
    /// The session's CSRF token.
    pub csrf_token: String,
    /// The refresh token.
    pub refresh_token: RefreshToken,
    /// How the client carries it.
    pub transport: Transport,
    /// How long it lives.
    pub refresh_expires_in: Duration,
}

impl Auth {
    /// Signs an access token for a session of `account`, and the session's newest refresh token, perhaps again: what it says
    /// is made of what the record says, never signed as it stands there.
    pub(in crate::domain) fn tokens(&self, account: &Account, session: &SessionRecord) -> Result<Tokens, NotOurs> {
        let claims = session.newest_claims(self.refresh_tokens.issuer());
        let refresh_token = self.refresh_tokens.sign(&claims, &session.newest.key_id)?;
        Ok(Tokens {
            access_token: self.access_token(account, &claims),
            expires_in: self.policy.access_ttl,
            session_id: claims.sid,
            csrf_token: self.refresh_tokens.csrf_token(claims.sid),
            refresh_token,
            transport: claims.transport,
            refresh_expires_in: Timestamp::from_secs(claims.exp).since(self.now()),
        })
    }

    fn access_token(&self, account: &Account, session: &RefreshClaims) -> String {
        let iat = self.now().secs();
        let scopes: Vec<&str> = self.roles.scopes(&account.roles).into_iter().collect();
        let claims = Claims {
            iss: self.refresh_tokens.issuer().to_owned(),
            sub: account.id.to_string(),
            aud: self.policy.audience.clone(),
            client_id: self.policy.client_id.clone(),
            iat,
            exp: iat + i64::try_from(self.policy.access_ttl.as_secs()).unwrap_or(0),
            jti: Uuid::new_v4().to_string(),
            sid: session.sid.to_string(),
            scope: scopes.join(" "),
            roles: self.roles.known(&account.roles),
            custom: account.custom.clone(),
            epoch: session.epoch.0,
        };
        let keys = self.keys.active();
        let mut header = Header::new(Algorithm::RS256);
        header.typ = Some(TOKEN_TYPE.to_owned());
        header.kid = Some(keys.signer.kid.clone());
        jsonwebtoken::encode(&header, &claims, &keys.signer.key).expect("signing_keys checks the key when it is read")
    }
}
