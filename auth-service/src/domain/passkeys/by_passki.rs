//! [`Ceremonies`] with the crate `passki`: the only file that names it.

use super::{
    ceremonies::{AuthenticatorData, Ceremonies, NewCredential, NotGenuine, PublicKey},
    relying_party::RelyingParty,
    wire::{Assertion, Bytes, CredentialId, Registration},
};
use passki::{
    AuthenticationCredential, AuthenticationState, Passki, PasskiError, RegistrationCredential, RegistrationState,
    StoredPasskey,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Verifies with `passki`.
#[derive(Debug, Clone, Copy)]
pub struct ByPasski;

impl Ceremonies for ByPasski {
    fn registered(
        &self,
        party: &RelyingParty,
        challenge: &[u8; 32],
        answer: &Registration,
    ) -> Result<NewCredential, NotGenuine> {
        let state: RegistrationState = made(json!({
            "challenge": challenge,
            "user": { "id": "", "name": "", "displayName": "" },
            "user_verification": "required",
        }));
        let credential: RegistrationCredential = made(json!({
            "rawId": answer.id.encoded(),
            "response": {
                "clientDataJSON": answer.response.client_data.encoded(),
                "attestationObject": answer.response.object.encoded(),
            },
        }));
        let stored = verifier(party).finish_passkey_registration(&credential, &state)?;
        if !PublicKey::ALGORITHMS.contains(&stored.algorithm) {
            return Err(NotGenuine(format!("the algorithm {} was not asked for", stored.algorithm)));
        }
        Ok(NewCredential {
            id: CredentialId::new(stored.credential_id).ok_or_else(|| NotGenuine("too long an id".to_owned()))?,
            key: PublicKey { cose: stored.public_key, algorithm: stored.algorithm },
            aaguid: stored.aaguid,
            seen: AuthenticatorData {
                // Required above.
                is_user_verified: true,
                is_backup_eligible: stored.be,
                is_backed_up: stored.bs,
                counter: stored.counter,
            },
        })
    }

    fn asserted(
        &self,
        party: &RelyingParty,
        challenge: &[u8; 32],
        answer: &Assertion,
        key: &PublicKey,
    ) -> Result<AuthenticatorData, NotGenuine> {
        let state: AuthenticationState = made(json!({
            "challenge": challenge,
            "allowed_credentials": [],
            "user_verification": "required",
        }));
        let response = &answer.response;
        let credential: AuthenticationCredential = made(json!({
            "rawId": answer.id.encoded(),
            "response": {
                "clientDataJSON": response.client_data.encoded(),
                "authenticatorData": response.authenticator_data.encoded(),
                "signature": response.signature.encoded(),
                "userHandle": response.user_handle.as_ref().map(Bytes::encoded),
            },
        }));
        let mut stored = StoredPasskey::default();
        // With the counter at 0 any other is accepted: passki looks at it before the signature, when anybody may have made it up.
        stored.credential_id = answer.id.as_slice().to_vec();
        stored.public_key.clone_from(&key.cose);
        stored.algorithm = key.algorithm;
        verifier(party).finish_passkey_authentication(&credential, &state, &stored)?;
        let seen = AuthenticatorData::read(response.authenticator_data.as_slice());
        seen.ok_or_else(|| NotGenuine("the authenticator data is too short".to_owned()))
    }
}

impl From<PasskiError> for NotGenuine {
    fn from(error: PasskiError) -> Self {
        // Some of these texts repeat what was sent.
        let text: String = error.to_string().chars().filter(|letter| !letter.is_control()).take(200).collect();
        Self(text)
    }
}

fn verifier(party: &RelyingParty) -> Passki {
    Passki::new(&party.id, &party.origins, "")
}

/// passki's types are read from JSON, or cannot be made.
fn made<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).expect("it has passki's form")
}
