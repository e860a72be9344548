//! Refresh tokens: JWTs signed with a key that only auth-service has, so that a forged token is refused before any
//! store is asked.

use super::{methods::Methods, rules::Presented};
use crate::domain::{
    accounts::Epoch,
    secrets::{DerivedKeys, KeyRing},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, crypto};
use serde::{Deserialize, Serialize};
use shared::{
    clock::Timestamp,
    ids::{SessionId, TokenId, UserId},
};
use std::sync::Arc;
use zeroize::Zeroizing;

/// The `typ` of a refresh token's header.
const TOKEN_TYPE: &str = "rt+jwt";
/// Genuine refresh tokens are much shorter.
const MAX_BYTES: usize = 4096;

/// How a client carries its refresh token. Bound into the token.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// In an `HttpOnly` cookie.
    #[default]
    Cookie,
    /// In JSON bodies.
    Body,
}

/// The claims of a refresh token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefreshClaims {
    /// The issuer.
    pub iss: String,
    /// The user.
    pub sub: UserId,
    /// The session.
    pub sid: SessionId,
    /// The token's number within its session.
    #[serde(rename = "gen")]
    pub generation: u64,
    /// The token's own id.
    pub jti: TokenId,
    /// The token's family.
    #[serde(rename = "fam")]
    pub family: TokenId,
    /// The user's epoch when the session began.
    pub epoch: Epoch,
    /// How the client carries the token.
    pub transport: Transport,
    /// When it was issued, in seconds since 1970.
    pub iat: i64,
    /// When it expires, in seconds since 1970.
    pub exp: i64,
    /// When the session began, in seconds since 1970.
    pub auth_time: i64,
    /// What was shown then. Tokens of earlier versions do not say.
    #[serde(rename = "amr", default, skip_serializing_if = "Methods::is_empty")]
    pub methods: Methods,
}

impl RefreshClaims {
    /// What the session's rules look at.
    #[must_use]
    pub fn presented(&self) -> Presented {
        let issued_at = Timestamp::from_secs(self.iat);
        Presented { id: self.jti, family: self.family, generation: self.generation, issued_at }
    }

    /// Whether the token has expired at `now`.
    #[must_use]
    pub fn is_expired(&self, now: Timestamp) -> bool {
        now >= Timestamp::from_secs(self.exp)
    }
}

/// A signed refresh token: a credential. Has no `Debug` and no `Serialize`, and is wiped when dropped.
#[derive(Clone)]
pub struct RefreshToken(Zeroizing<String>);

impl RefreshToken {
    /// The token itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// The text is not a refresh token of this issuer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a refresh token of this issuer")]
pub struct NotOurs;

/// Signs and reads refresh tokens.
pub struct RefreshTokens {
    keys: Arc<KeyRing>,
    issuer: String,
}

impl RefreshTokens {
    /// For one issuer.
    #[must_use]
    pub fn new(keys: Arc<KeyRing>, issuer: String) -> Self {
        Self { keys, issuer }
    }

    /// The issuer.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The id of the root secret whose key signs new tokens.
    #[must_use]
    pub fn key_id(&self) -> &str {
        self.keys.current().id()
    }

    /// Signs a token: the same bytes on every replica, now and later.
    ///
    /// # Errors
    /// [`NotOurs`] if the secret that the key is derived from is no longer configured.
    ///
    /// # Panics
    /// Never: the claims are plain JSON.
    pub fn sign(&self, claims: &RefreshClaims, key_id: &str) -> Result<RefreshToken, NotOurs> {
        let keys = self.keys.with_id(key_id).ok_or(NotOurs)?;
        let mut header = Header::new(Algorithm::HS256);
        header.typ = Some(TOKEN_TYPE.to_owned());
        header.kid = Some(key_id.to_owned());
        let part =
            |json: Result<Vec<u8>, serde_json::Error>| URL_SAFE_NO_PAD.encode(json.expect("claims are plain JSON"));
        let signed = format!("{}.{}", part(serde_json::to_vec(&header)), part(serde_json::to_vec(claims)));
        let key = EncodingKey::from_secret(keys.refresh());
        let signature = crypto::sign(signed.as_bytes(), &key, Algorithm::HS256).map_err(|_| NotOurs)?;
        Ok(RefreshToken(Zeroizing::new(format!("{signed}.{signature}"))))
    }

    /// Reads a token and checks its signature (in constant time), its type and its issuer; not its expiry.
    ///
    /// # Errors
    /// [`NotOurs`], whatever is wrong with the token.
    pub fn read(&self, text: &str) -> Result<RefreshClaims, NotOurs> {
        if text.len() > MAX_BYTES {
            return Err(NotOurs);
        }
        let header = jsonwebtoken::decode_header(text).map_err(|_| NotOurs)?;
        let keys = header.kid.as_deref().and_then(|kid| self.keys.with_id(kid)).ok_or(NotOurs)?;
        let claims: RefreshClaims =
            jsonwebtoken::decode(text, &decoding_key(keys), &validation()).map_err(|_| NotOurs)?.claims;
        let is_ours = header.typ.as_deref() == Some(TOKEN_TYPE) && claims.iss == self.issuer;
        if is_ours { Ok(claims) } else { Err(NotOurs) }
    }

    /// The CSRF token of a session.
    #[must_use]
    pub fn csrf_token(&self, sid: SessionId) -> String {
        self.keys.csrf_token(&sid.to_string())
    }

    /// Whether a text is the CSRF token of a session, in constant time.
    #[must_use]
    pub fn is_csrf_token(&self, sid: SessionId, text: &str) -> bool {
        self.keys.is_csrf_token(&sid.to_string(), text)
    }
}

fn decoding_key(keys: &DerivedKeys) -> DecodingKey {
    DecodingKey::from_secret(keys.refresh())
}

/// Checks only the signature and the algorithm: the times are checked with the injected clock, the rest by the types.
fn validation() -> Validation {
    let mut validation = Validation::new(Algorithm::HS256);
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    validation
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{secrets::RootSecret, sessions::methods::Method};

    fn tokens(secret: &str) -> RefreshTokens {
        let root = RootSecret::parse(secret).map_err(|error| error.to_string()).unwrap();
        RefreshTokens::new(Arc::new(KeyRing::new(&root, None)), "http://localhost:8080".to_owned())
    }

    fn claims() -> RefreshClaims {
        RefreshClaims {
            iss: "http://localhost:8080".to_owned(),
            sub: UserId::fresh(),
            sid: SessionId::fresh(),
            generation: 3,
            jti: TokenId::fresh(),
            family: TokenId::fresh(),
            epoch: Epoch(0),
            transport: Transport::Cookie,
            iat: 1,
            exp: 2,
            auth_time: 1,
            methods: Method::Password.into(),
        }
    }

    fn signed(tokens: &RefreshTokens, claims: &RefreshClaims) -> RefreshToken {
        tokens.sign(claims, tokens.key_id()).unwrap_or_else(|_| panic!("not signed"))
    }

    #[test]
    fn a_token_is_signed_to_the_same_bytes_on_every_replica() {
        let secret = RootSecret::generate();
        let (one, other) = (tokens(&secret), tokens(&secret));
        let claims = claims();
        let signed = signed(&one, &claims);
        assert!(other.sign(&claims, one.key_id()).is_ok_and(|again| again.expose() == signed.expose()));
        assert_eq!(other.read(signed.expose()), Ok(claims));
    }

    #[test]
    fn a_token_with_any_bit_flipped_is_not_ours() {
        let tokens = tokens(&RootSecret::generate());
        let signed = signed(&tokens, &claims());
        let bytes = signed.expose().as_bytes();
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            if let Ok(text) = String::from_utf8(flipped) {
                assert_eq!(tokens.read(&text), Err(NotOurs), "bit {bit}");
            }
        }
    }

    #[test]
    fn a_token_of_another_secret_or_issuer_or_kind_is_not_ours() {
        let secret = RootSecret::generate();
        let ours = tokens(&secret);
        let foreign = tokens(&RootSecret::generate());
        let of_another_secret = signed(&foreign, &claims());
        assert_eq!(ours.read(of_another_secret.expose()), Err(NotOurs));
        let elsewhere = RefreshClaims { iss: "http://elsewhere".to_owned(), ..claims() };
        assert_eq!(ours.read(signed(&ours, &elsewhere).expose()), Err(NotOurs));
        assert_eq!(ours.read(""), Err(NotOurs));
        assert_eq!(ours.read(&"a".repeat(MAX_BYTES + 1)), Err(NotOurs));
    }
}
