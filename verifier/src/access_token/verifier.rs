//! The verifier: the only way to a [`VerifiedToken`].

#[cfg(feature = "fetch")]
use super::Names;
use super::{
    Flaw, KeySet, Refusal, TOKEN_TYPE, VerifiedToken,
    json::Object,
    jws::Jws,
    seen::{Seen, fingerprint},
    verified::Facts,
};
use crate::clock::{Clock, Timestamp};
use serde_json::{Map, Value};
use std::{sync::Arc, time::Duration};

/// The longest token that is accepted, in bytes. An issuer must not sign longer ones.
pub const MAX_TOKEN_BYTES: usize = 8 * 1024;
/// How long after `exp` a token is still accepted, for clocks that differ.
const EXPIRY_LEEWAY: Duration = Duration::from_secs(5);
/// How far `nbf`, `iat` and `auth_time` may lie in the future, for clocks that differ.
pub(crate) const FUTURE_LEEWAY: Duration = Duration::from_secs(60);
/// The longest lifetime that a token may have.
const MAX_LIFETIME: Duration = Duration::from_secs(60 * 60);
/// The last second that a date of four digits of year can name: 9999-12-31T23:59:59Z.
const END_OF_TIME: i64 = 253_402_300_799;

/// Verifies the access tokens of one issuer for one audience.
pub struct Verifier {
    issuer: String,
    audience: String,
    clock: Arc<dyn Clock>,
    seen: Seen,
}

impl Verifier {
    /// `issuer` and `audience` are compared with the token's byte by byte.
    pub fn new(issuer: impl Into<String>, audience: impl Into<String>, clock: Arc<dyn Clock>) -> Self {
        Self { issuer: issuer.into(), audience: audience.into(), clock, seen: Seen::nothing() }
    }

    /// Whose tokens are accepted.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Verifies a token offline, as RFC 9068 (section 4) and RFC 8725 require.
    ///
    /// # Errors
    /// Why the token is refused. An invalid token is never called expired: only one that was good is.
    pub fn verify(&self, token: &str, keys: &KeySet) -> Result<VerifiedToken, Refusal> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(Flaw::TooLong.into());
        }
        let fingerprint = fingerprint(token);
        if let Some(known) = self.seen.find(&fingerprint, keys) {
            let verdict = check_times(&known.0, self.clock.now());
            if verdict == Err(Refusal::Expired) {
                self.seen.forget(&fingerprint);
            }
            return verdict.map(|()| known);
        }
        let jws = Jws::of(token, TOKEN_TYPE)?;
        let claims = self.claims(&jws.payload()?)?;
        let Some(key) = keys.get(&jws.kid) else {
            return Err(without_key(check_times(&claims, self.clock.now())));
        };
        if !key.has_signed(jws.message, jws.signature) {
            return Err(Flaw::Signature.into());
        }
        check_times(&claims, self.clock.now())?;
        let token = VerifiedToken(Arc::new(claims));
        self.seen.remember(fingerprint, &token, &jws.kid, key);
        Ok(token)
    }

    /// Checks of the claims that need neither the key nor the time.
    fn claims(&self, json: &[u8]) -> Result<Facts, Flaw> {
        let mut claims = Object::parse(json).ok_or(Flaw::Claims)?;
        if claims.has("cnf") {
            return Err(Flaw::ProofOfPossession);
        }
        if claims.text("iss").ok_or(Flaw::Claim("iss"))? != self.issuer {
            return Err(Flaw::Issuer);
        }
        if !names(claims.get("aud"), &self.audience)? {
            return Err(Flaw::Audience);
        }
        facts(&mut claims)
    }
}

/// Whether `aud`, a string or a list of strings, names the audience.
fn names(aud: Option<&Value>, audience: &str) -> Result<bool, Flaw> {
    match aud {
        Some(Value::String(one)) => Ok(one == audience),
        Some(Value::Array(list)) if list.iter().all(Value::is_string) => {
            Ok(list.iter().any(|one| one.as_str() == Some(audience)))
        }
        _ => Err(Flaw::Claim("aud")),
    }
}

fn facts(claims: &mut Object<'_>) -> Result<Facts, Flaw> {
    let (subject, session_id) = (name(claims, "sub")?, name(claims, "sid")?);
    let (client_id, token_id) = (name(claims, "client_id")?, name(claims, "jti")?);
    Ok(Facts {
        #[cfg(feature = "fetch")]
        names: Names::of(&session_id, &token_id, &subject),
        subject,
        session_id,
        client_id,
        token_id,
        scope: text(claims, "scope")?,
        roles: texts(claims, "roles")?.ok_or(Flaw::Claim("roles"))?,
        custom: custom(claims)?,
        epoch: optional_integer(claims, "epoch")?,
        rights_revision: optional_integer(claims, "rev")?,
        authenticated_at: date(claims, "auth_time")?,
        methods: texts(claims, "amr")?.unwrap_or_default(),
        acr: if claims.has("acr") { Some(name(claims, "acr")?) } else { None },
        issued_at: time(claims, "iat")?.ok_or(Flaw::Claim("iat"))?,
        not_before: time(claims, "nbf")?,
        expires_at: time(claims, "exp")?.ok_or(Flaw::Claim("exp"))?,
    })
}

/// A string of printable characters.
fn text(claims: &mut Object<'_>, claim: &'static str) -> Result<String, Flaw> {
    match claims.take(claim) {
        Some(Value::String(text)) if !text.chars().any(char::is_control) => Ok(text),
        _ => Err(Flaw::Claim(claim)),
    }
}

/// A string that names something.
fn name(claims: &mut Object<'_>, claim: &'static str) -> Result<String, Flaw> {
    text(claims, claim).and_then(|text| if text.is_empty() { Err(Flaw::Claim(claim)) } else { Ok(text) })
}

/// A list of strings.
fn texts(claims: &mut Object<'_>, claim: &'static str) -> Result<Option<Vec<String>>, Flaw> {
    let text = |value| match value {
        Value::String(text) => Ok(text),
        _ => Err(Flaw::Claim(claim)),
    };
    match claims.take(claim) {
        None => Ok(None),
        Some(Value::Array(list)) => list.into_iter().map(text).collect::<Result<_, _>>().map(Some),
        Some(_) => Err(Flaw::Claim(claim)),
    }
}

fn custom(claims: &mut Object<'_>) -> Result<Map<String, Value>, Flaw> {
    match claims.take("custom") {
        None => Ok(Map::new()),
        Some(Value::Object(custom)) => Ok(custom),
        Some(_) => Err(Flaw::Claim("custom")),
    }
}

/// A NumericDate in whole seconds: this issuer writes no fractions.
fn time(claims: &mut Object<'_>, claim: &'static str) -> Result<Option<Timestamp>, Flaw> {
    Ok(optional_integer(claims, claim)?.map(Timestamp::from_secs))
}

/// A time that a calendar can show, since 1970. Whether it has passed is for those to decide who use it.
fn date(claims: &mut Object<'_>, claim: &'static str) -> Result<Option<Timestamp>, Flaw> {
    match optional_integer(claims, claim)? {
        Some(secs) if !(0..=END_OF_TIME).contains(&secs) => Err(Flaw::Claim(claim)),
        secs => Ok(secs.map(Timestamp::from_secs)),
    }
}

fn optional_integer(claims: &mut Object<'_>, claim: &'static str) -> Result<Option<i64>, Flaw> {
    match claims.take(claim) {
        None => Ok(None),
        Some(value) => value.as_i64().map(Some).ok_or(Flaw::Claim(claim)),
    }
}

/// The rules about time (RFC 7519, sections 4.1.4 to 4.1.6). Expiry comes last, so that only a good token is expired.
fn check_times(token: &Facts, now: Timestamp) -> Result<(), Refusal> {
    let lifetime = token.expires_at.since(token.issued_at);
    if lifetime.is_zero() || lifetime > MAX_LIFETIME {
        return Err(Flaw::Lifetime.into());
    }
    let horizon = now.plus(FUTURE_LEEWAY);
    if token.issued_at > horizon || token.not_before.is_some_and(|start| start > horizon) {
        return Err(Flaw::NotYetValid.into());
    }
    if now >= token.expires_at.plus(EXPIRY_LEEWAY) {
        return Err(Refusal::Expired);
    }
    Ok(())
}

/// The refusal of a token whose key is not known. If it calls itself expired, it is not worth a fetch, but it is not
/// reported as expired: nobody has verified its claims.
fn without_key(times: Result<(), Refusal>) -> Refusal {
    match times {
        Ok(()) => Refusal::UnknownKey,
        Err(Refusal::Expired) => Flaw::UnknownKey.into(),
        Err(refusal) => refusal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;
    use serde_json::json;

    #[test]
    fn a_remembered_token_is_forgotten_once_it_has_expired() {
        let clock = ManualClock::at(Timestamp::from_secs(0));
        let verifier = Verifier::new("us", "them", Arc::new(clock.clone()));
        let moduli: Value = serde_json::from_str(include_str!("../../tests/access_token/moduli.json")).expect("JSON");
        let key = json!({ "kty": "RSA", "kid": "first", "n": moduli["sound"]["2048 bits"], "e": "AQAB" });
        let keys = KeySet::from_jwks(json!({ "keys": [key] }).to_string().as_bytes()).expect("a sound key");
        let claims = json!({
            "sub": "ada", "sid": "1", "client_id": "x", "jti": "1", "scope": "", "roles": [], "iat": 0, "exp": 900,
        });
        let facts = facts(&mut Object::parse(claims.to_string().as_bytes()).expect("an object")).expect("all claims");
        let key = keys.get("first").expect("the key");
        verifier.seen.remember(fingerprint("remembered"), &VerifiedToken(Arc::new(facts)), "first", key);

        assert!(verifier.verify("remembered", &keys).is_ok());
        clock.advance(Duration::from_secs(905));
        assert_eq!(verifier.verify("remembered", &keys).err(), Some(Refusal::Expired));
        assert_eq!(verifier.verify("remembered", &keys).err(), Some(Flaw::Shape.into()), "it is verified again");
    }
}
