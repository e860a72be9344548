//! The tokens that a login or a refresh returns.

use super::{
    methods::{Level, Method, Methods},
    record::{NewestToken, SessionRecord},
    refresh_token::{NotOurs, RefreshClaims, RefreshToken, RefreshTokens, Transport},
};
use crate::domain::{
    Unavailable,
    accounts::{Account, Epoch, roles::Roles},
    keys::SigningKeys,
};
use jeton_verifier::{Claims, TOKEN_TYPE};
use jsonwebtoken::{Algorithm, Header};
use serde_json::Map;
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
    /// Whether the access token grants nothing, because the user's roles ask for a second factor.
    pub second_factor_missing: bool,
}

/// An access token for a session whose user has shown again who they are.
pub struct SteppedUp {
    /// The access token.
    pub access_token: String,
    /// Its lifetime from now.
    pub expires_in: Duration,
    /// When the user did so, in seconds since 1970.
    pub auth_time: i64,
    /// How.
    pub methods: Methods,
}

/// A session, and what was shown at one time.
struct Proven {
    sid: SessionId,
    epoch: Epoch,
    auth_time: i64,
    methods: Methods,
}

impl Proven {
    fn at_login(claims: &RefreshClaims) -> Self {
        let RefreshClaims { sid, epoch, auth_time, methods, .. } = *claims;
        Self { sid, epoch, auth_time, methods }
    }
}

/// How long it is believed that nobody else has taken over the device since the user was asked.
const STEPPED_UP_LIFE: Duration = Duration::from_secs(5 * 60);

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
        let second_factor_missing = self.withholds(account, claims.methods);
        Ok(Tokens {
            access_token: self.access_token(
                account,
                &Proven::at_login(&claims),
                second_factor_missing,
                self.policy.ttl,
            ),
            expires_in: self.policy.ttl,
            session_id: claims.sid,
            csrf_token: self.refresh_tokens.csrf_token(claims.sid),
            refresh_token,
            transport: claims.transport,
            refresh_expires_in: Timestamp::from_secs(claims.exp).since(self.clock.now()),
            second_factor_missing,
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

    /// Signs an access token that says what a caller has just shown once more. It lives for [`STEPPED_UP_LIFE`] at most, and the
    /// session's next refresh brings back one that says what was shown at the login.
    pub(super) fn stepped_up(
        &self,
        account: &Account,
        (sid, epoch): (SessionId, Epoch),
        methods: Methods,
        is_withheld: bool,
    ) -> SteppedUp {
        let lifetime = self.policy.ttl.min(STEPPED_UP_LIFE);
        let proven = Proven { sid, epoch, auth_time: self.clock.now().secs(), methods };
        SteppedUp {
            access_token: self.access_token(account, &proven, is_withheld, lifetime),
            expires_in: lifetime,
            auth_time: proven.auth_time,
            methods,
        }
    }

    /// Whether the account's roles grant nothing in a session that began with these methods: they ask for a second factor.
    pub(super) fn withholds(&self, account: &Account, shown: Methods) -> bool {
        let is_enough = shown.level() > Level::One || shown.has(Method::TrustedDevice);
        !is_enough && self.roles.ask_for_second_factor(&account.roles)
    }

    fn access_token(&self, account: &Account, session: &Proven, is_withheld: bool, lifetime: Duration) -> String {
        let iat = self.clock.now().secs();
        let held: &[String] = if is_withheld { &[] } else { &account.roles };
        let scopes: Vec<&str> = self.roles.scopes(held).into_iter().collect();
        let claims = Claims {
            iss: self.refresh_tokens.issuer().to_owned(),
            sub: account.id.to_string(),
            aud: self.policy.audience.clone(),
            client_id: self.policy.client_id.clone(),
            iat,
            exp: iat + i64::try_from(lifetime.as_secs()).unwrap_or(0),
            jti: Uuid::new_v4().to_string(),
            sid: session.sid.to_string(),
            scope: scopes.join(" "),
            roles: self.roles.known(held),
            custom: if is_withheld { Map::new() } else { account.custom.clone() },
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
