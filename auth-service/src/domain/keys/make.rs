//! Creates a signing key.

use super::{KeyError, KeyPolicy, table::NewKey};
use crate::domain::secrets::KeyRing;
use jsonwebtoken::{
    Algorithm, EncodingKey,
    jwk::{AlgorithmParameters, Jwk, ThumbprintHash},
};
use rsa::{RsaPrivateKey, pkcs1::EncodeRsaPrivateKey};
use serde_json::json;
use std::time::Duration;

/// Creates a key for a slot. It signs `lead` after its publication. Takes seconds.
///
/// # Errors
/// [`KeyError`].
pub(super) async fn make(slot: i64, lead: Duration, policy: &KeyPolicy, secrets: &KeyRing) -> Result<NewKey, KeyError> {
    let bits = policy.bits;
    let der = tokio::task::spawn_blocking(move || {
        let key = RsaPrivateKey::new(&mut rsa::rand_core::OsRng, bits).map_err(|error| error.to_string())?;
        key.to_pkcs1_der().map_err(|error| error.to_string())
    })
    .await
    .map_err(|error| KeyError::Malformed(error.to_string()))?
    .map_err(KeyError::Malformed)?;
    let public = PublicKey::of(&EncodingKey::from_rsa_der(der.as_bytes()))?;
    let sealed = secrets.seal(&public.kid, der.as_bytes());
    Ok(NewKey { slot, kid: public.kid, jwk: public.jwk, sealed, lead, token_life: policy.token_life })
}

struct PublicKey {
    kid: String,
    jwk: String,
}

impl PublicKey {
    fn of(key: &EncodingKey) -> Result<Self, KeyError> {
        let malformed = |error: jsonwebtoken::errors::Error| KeyError::Malformed(error.to_string());
        let jwk = Jwk::from_encoding_key(key, Algorithm::RS256).map_err(malformed)?;
        let AlgorithmParameters::RSA(public) = &jwk.algorithm else {
            return Err(KeyError::Malformed("not an RSA key".to_owned()));
        };
        let kid = jwk.thumbprint(ThumbprintHash::SHA256).map_err(malformed)?;
        let jwk = json!({
            "kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid, "n": public.n, "e": public.e,
        });
        Ok(Self { kid, jwk: jwk.to_string() })
    }
}
