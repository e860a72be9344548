//! What authenticators answer, in the forms of the browsers' `toJSON()` (WebAuthn Level 3, section 5.1). Whatever is longer
//! than an honest authenticator's answer is not read. Members that are not looked at are ignored.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Deserializer, de::Error as _};
use std::{borrow::Cow, fmt};
use utoipa::ToSchema;

/// Bytes in base64url, at most `MAX` of them.
#[derive(Clone, PartialEq, Eq)]
pub struct Bytes<const MAX: usize>(Vec<u8>);

impl<const MAX: usize> Bytes<MAX> {
    /// These bytes. `None`: they are too many.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Option<Self> {
        (bytes.len() <= MAX).then_some(Self(bytes))
    }

    /// The bytes.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        &self.0
    }

    /// The text that they were read from.
    #[must_use]
    pub fn encoded(&self) -> String {
        URL_SAFE_NO_PAD.encode(&self.0)
    }
}

impl<const MAX: usize> fmt::Debug for Bytes<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.encoded())
    }
}

impl<'de, const MAX: usize> Deserialize<'de> for Bytes<MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        let bytes = URL_SAFE_NO_PAD.decode(&*text).map_err(|_| D::Error::custom("not base64url"))?;
        Self::new(bytes).ok_or_else(|| D::Error::custom("too long"))
    }
}

/// The id of a credential. The longest that authenticators may make (WebAuthn Level 3, section 4).
pub type CredentialId = Bytes<1023>;

/// The answer to a call of `navigator.credentials.create()`: `RegistrationResponseJSON`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[schema(as = PasskeyRegistration)]
pub struct Registration {
    /// The id of the new credential.
    #[serde(rename = "rawId")]
    #[schema(value_type = String, pattern = "^[A-Za-z0-9_-]*$", max_length = 1364)]
    pub id: CredentialId,
    /// What the authenticator and the browser say.
    pub response: Attestation,
}

/// `AuthenticatorAttestationResponseJSON`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[schema(as = PasskeyAttestation)]
pub struct Attestation {
    /// What the browser saw.
    #[serde(rename = "clientDataJSON")]
    #[schema(value_type = String, pattern = "^[A-Za-z0-9_-]*$", max_length = 5462)]
    pub client_data: Bytes<4096>,
    /// The new public key, in CBOR.
    #[serde(rename = "attestationObject")]
    #[schema(value_type = String, pattern = "^[A-Za-z0-9_-]*$", max_length = 10923)]
    pub object: Bytes<8192>,
    /// How the authenticator can be reached.
    #[serde(default)]
    pub transports: Vec<String>,
}

/// The answer to a call of `navigator.credentials.get()`: `AuthenticationResponseJSON`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[schema(as = PasskeyAssertion)]
pub struct Assertion {
    /// The id of the credential.
    #[serde(rename = "rawId")]
    #[schema(value_type = String, pattern = "^[A-Za-z0-9_-]*$", max_length = 1364)]
    pub id: CredentialId,
    /// What the authenticator and the browser say.
    pub response: AssertionResponse,
}

/// `AuthenticatorAssertionResponseJSON`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[schema(as = PasskeyAssertionResponse)]
pub struct AssertionResponse {
    /// What the browser saw.
    #[serde(rename = "clientDataJSON")]
    #[schema(value_type = String, pattern = "^[A-Za-z0-9_-]*$", max_length = 5462)]
    pub client_data: Bytes<4096>,
    /// What the authenticator says.
    #[serde(rename = "authenticatorData")]
    #[schema(value_type = String, pattern = "^[A-Za-z0-9_-]*$", max_length = 1366)]
    pub authenticator_data: Bytes<1024>,
    /// The signature: that of the longest RSA key is the longest.
    #[schema(value_type = String, pattern = "^[A-Za-z0-9_-]*$", max_length = 1366)]
    pub signature: Bytes<1024>,
    /// The id of the user, if the authenticator stores it.
    #[serde(rename = "userHandle")]
    #[schema(value_type = Option<String>, pattern = "^[A-Za-z0-9_-]*$", max_length = 86)]
    pub user_handle: Option<Bytes<64>>,
}

/// How authenticators can be reached, as far as browsers want to be reminded (WebAuthn Level 3, section 5.8.4).
const TRANSPORTS: [&str; 6] = ["ble", "hybrid", "internal", "nfc", "smart-card", "usb"];

impl Attestation {
    /// The transports that are known, each once.
    #[must_use]
    pub fn known_transports(&self) -> Vec<String> {
        let is_named = |known: &&str| self.transports.iter().any(|named| named == known);
        TRANSPORTS.into_iter().filter(is_named).map(str::to_owned).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{from_value, json};

    #[test]
    fn what_is_too_long_or_not_base64url_is_not_read() {
        let read = |text: &str| from_value::<Bytes<3>>(json!(text)).ok();
        assert_eq!(read("AQID").unwrap().as_slice(), [1, 2, 3]);
        assert_eq!(read("").unwrap().as_slice(), [0; 0]);
        for text in ["AQIDBA", "AQID=", "AQ==", "A+ID", "A/ID", "A QID", "ä", &"A".repeat(1 << 20)] {
            assert_eq!(read(text), None, "{}", text.chars().take(10).collect::<String>());
        }
    }

    #[test]
    fn further_members_are_ignored_and_unknown_transports_dropped() {
        let sent = json!({
            "id": "AQID", "rawId": "AQID", "type": "public-key", "authenticatorAttachment": "platform", "novel": 1,
            "clientExtensionResults": { "credProps": { "rk": true } },
            "response": {
                "clientDataJSON": "e30", "attestationObject": "oA", "publicKeyAlgorithm": -7, "authenticatorData": "AA",
                "transports": ["usb", "telepathy", "internal", "usb"],
            },
        });
        let read: Registration = from_value(sent).unwrap();
        assert_eq!(read.response.known_transports(), ["internal", "usb"]);
    }

    #[test]
    fn an_answer_without_a_part_is_not_read() {
        let whole =
            json!({ "rawId": "AQID", "response": { "clientDataJSON": "", "authenticatorData": "", "signature": "" } });
        assert!(from_value::<Assertion>(whole.clone()).is_ok());
        for missing in ["/rawId", "/response", "/response/signature", "/response/clientDataJSON"] {
            let mut broken = whole.clone();
            *broken.pointer_mut(missing).unwrap() = json!(null);
            assert!(from_value::<Assertion>(broken).is_err(), "{missing}");
        }
    }
}
