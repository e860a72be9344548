//! Sets of public keys.

use super::{json::Object, rsa_key::RsaKey};
use serde::{Deserialize, Serialize, Serializer, ser::SerializeStruct as _};
use serde_json::{Value, json, value::RawValue};
use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::Arc,
};

/// The largest set that is looked at, in bytes.
const MAX_BYTES: usize = 256 * 1024;
/// The largest number of keys in a set.
const MAX_KEYS: usize = 64;
/// The longest `kid`, in bytes.
pub(super) const MAX_KID: usize = 128;
/// Members that only private and symmetric keys have (RFC 7518, sections 6.3.2 and 6.4).
const SECRET_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// Public RSA keys that may verify access tokens, by `kid`. Never changes: newer keys are another set.
pub struct KeySet {
    keys: HashMap<String, Arc<RsaKey>>,
}

/// Why something is no key set. The keys one already has stay good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeySetError {
    /// More than 256 KiB.
    #[error("the key set is larger than 256 KiB")]
    TooLarge,
    /// More than 64 keys.
    #[error("the key set has more than 64 keys")]
    TooManyKeys,
    /// Neither a JSON object with a list `keys` nor PEM.
    #[error("this is no key set: neither JSON with a list of keys nor PEM")]
    Malformed,
    /// None of the keys can verify RS256.
    #[error("none of the keys is an RSA public key for RS256 signatures with a kid of its own")]
    NoUsableKey,
}

impl KeySet {
    /// Reads a JWK set (RFC 7517), key by key: a key that is not fit to verify RS256 is left out and spoils nothing.
    /// Two keys with one `kid` are both left out.
    ///
    /// # Errors
    /// If no key is left, or the whole is absurd.
    pub fn from_jwks(json: &[u8]) -> Result<Self, KeySetError> {
        #[derive(Deserialize)]
        struct Jwks<'a> {
            #[serde(borrow)]
            keys: Vec<&'a RawValue>,
        }
        within_limit(json)?;
        let jwks: Jwks<'_> = serde_json::from_slice(json).map_err(|_| KeySetError::Malformed)?;
        Self::of(jwks.keys.into_iter().map(|key| jwk(key.get())))
    }

    /// Reads PEM blocks labelled `PUBLIC KEY` (SPKI). A key's `kid` is its RFC 7638 thumbprint.
    ///
    /// # Errors
    /// If there is no such block, or none is fit to verify RS256.
    pub fn from_pem(pem: &[u8]) -> Result<Self, KeySetError> {
        within_limit(pem)?;
        let text = std::str::from_utf8(pem).map_err(|_| KeySetError::Malformed)?;
        let blocks = pem_blocks(text);
        if blocks.is_empty() {
            return Err(KeySetError::Malformed);
        }
        Self::of(blocks.into_iter().map(|block| {
            let key = RsaKey::from_pem(block).ok_or("no RSA public key of 2048 to 8192 bits")?;
            let kid = key.thumbprint().ok_or("a key without a thumbprint")?;
            Ok((kid, key))
        }))
    }

    /// Reads either form.
    ///
    /// # Errors
    /// As [`KeySet::from_jwks`] and [`KeySet::from_pem`].
    pub fn from_jwks_or_pem(bytes: &[u8]) -> Result<Self, KeySetError> {
        if bytes.trim_ascii_start().starts_with(b"{") { Self::from_jwks(bytes) } else { Self::from_pem(bytes) }
    }

    /// How many keys there are; at least one.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Never true: a set without a usable key cannot be made.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Whether a key has this `kid`.
    #[must_use]
    pub fn contains(&self, kid: &str) -> bool {
        self.keys.contains_key(kid)
    }

    pub(super) fn get(&self, kid: &str) -> Option<&Arc<RsaKey>> {
        self.keys.get(kid)
    }

    fn of(candidates: impl ExactSizeIterator<Item = Candidate>) -> Result<Self, KeySetError> {
        if candidates.len() > MAX_KEYS {
            return Err(KeySetError::TooManyKeys);
        }
        let mut keys = HashMap::new();
        let mut repeated = HashSet::new();
        for (position, candidate) in candidates.enumerate() {
            match candidate {
                Ok((kid, key)) => {
                    if keys.insert(kid.clone(), Arc::new(key)).is_some() {
                        repeated.insert(kid);
                    }
                }
                Err(reason) => tracing::warn!(position, reason, "a published key is not used"),
            }
        }
        if !repeated.is_empty() {
            tracing::warn!(kids = repeated.len(), "keys that share their kid with another are not used");
            keys.retain(|kid, _| !repeated.contains(kid));
        }
        if keys.is_empty() { Err(KeySetError::NoUsableKey) } else { Ok(Self { keys }) }
    }
}

type Candidate = Result<(String, RsaKey), &'static str>;

fn within_limit(bytes: &[u8]) -> Result<(), KeySetError> {
    if bytes.len() > MAX_BYTES { Err(KeySetError::TooLarge) } else { Ok(()) }
}

/// One key of a set (RFC 7517, section 4), if it is fit to verify RS256; otherwise why not.
fn jwk(text: &str) -> Candidate {
    let jwk = Object::parse(text.as_bytes()).ok_or("not an object with each member once")?;
    if jwk.text("kty") != Some("RSA") {
        return Err("not an RSA key");
    }
    if SECRET_MEMBERS.iter().any(|member| jwk.has(member)) {
        return Err("a private key: it must not be published");
    }
    if jwk.has("use") && jwk.text("use") != Some("sig") {
        return Err("its use is not sig");
    }
    if jwk.has("alg") && jwk.text("alg") != Some("RS256") {
        return Err("its alg is not RS256");
    }
    if jwk.get("key_ops").is_some_and(|operations| *operations != json!(["verify"])) {
        return Err("its key_ops are not just verify");
    }
    let kid = jwk.text("kid").filter(|kid| is_kid(kid)).ok_or("its kid is missing or unusable")?;
    let (Some(n), Some(e)) = (jwk.text("n"), jwk.text("e")) else {
        return Err("n or e is missing");
    };
    let key = RsaKey::from_components(n, e).ok_or("not a sound RSA key of 2048 to 8192 bits")?;
    Ok((kid.to_owned(), key))
}

/// Whether a text can name a key.
pub(super) fn is_kid(text: &str) -> bool {
    (1..=MAX_KID).contains(&text.len())
}

/// The blocks of public keys in a PEM file; what stands between them is ignored.
fn pem_blocks(text: &str) -> Vec<&str> {
    const BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
    const END: &str = "-----END PUBLIC KEY-----";
    let mut blocks = Vec::new();
    let mut rest = text;
    while let Some(begin) = rest.find(BEGIN) {
        let Some(length) = rest[begin..].find(END) else { break };
        let end = begin + length + END.len();
        blocks.push(&rest[begin..end]);
        rest = &rest[end..];
    }
    blocks
}

/// As a JWK set of nothing but public members, sorted by `kid`, to be kept for a restart.
impl Serialize for KeySet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut kids: Vec<&String> = self.keys.keys().collect();
        kids.sort();
        let keys: Vec<Value> = kids
            .into_iter()
            .map(|kid| {
                let key = &self.keys[kid];
                json!({ "kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid, "n": key.n, "e": key.e })
            })
            .collect();
        let mut set = serializer.serialize_struct("KeySet", 1)?;
        set.serialize_field("keys", &keys)?;
        set.end()
    }
}

impl fmt::Debug for KeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.keys.keys()).finish()
    }
}
