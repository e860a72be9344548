//! Sets of public keys.

use super::{
    json::Object,
    modulus::{self, Effort},
    pem::{self, Block},
    rsa_key::RsaKey,
};
use serde::{Deserialize, Serialize, Serializer, ser::SerializeStruct as _};
use serde_json::{Value, json, value::RawValue};
use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::Arc,
};

/// The largest set that is read, in bytes.
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

/// A key of a set that is not used, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unused {
    /// Where it stands in the set, from 1.
    pub position: usize,
    /// Its name, if it has one that can be used. Written by whoever publishes it.
    pub kid: Option<String>,
    /// Why it is not used.
    pub reason: &'static str,
}

impl Unused {
    /// How many there are and why, in one line that does not grow with their number.
    #[must_use]
    pub fn summary(unused: &[Self]) -> String {
        let mut counts = BTreeMap::new();
        for key in unused {
            *counts.entry(key.reason).or_insert(0) += 1;
        }
        let reasons: Vec<String> = counts.into_iter().map(|(reason, count)| format!("{count} × {reason}")).collect();
        reasons.join(", ")
    }
}

/// What a key set was read as.
#[derive(Debug)]
#[non_exhaustive]
pub struct Reading {
    /// The keys that may be used.
    pub keys: Result<KeySet, KeySetError>,
    /// The others.
    pub unused: Vec<Unused>,
}

impl From<KeySetError> for Reading {
    fn from(error: KeySetError) -> Self {
        Self { keys: Err(error), unused: Vec::new() }
    }
}

/// Why something is not a key set. Keys from an earlier one stay good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeySetError {
    /// More than 256 KiB.
    #[error("the key set is larger than 256 KiB")]
    TooLarge,
    /// More than 64 keys.
    #[error("the key set has more than 64 keys")]
    TooManyKeys,
    /// Neither a JSON object with a list `keys` nor PEM.
    #[error("this is not a key set: neither JSON with a list of keys nor PEM")]
    Malformed,
    /// None of the keys can verify RS256.
    #[error("none of the keys is an RSA public key for RS256 signatures with a kid of its own")]
    NoUsableKey,
}

impl KeySet {
    /// Reads a JWK set (RFC 7517), key by key: a key that is not fit to verify RS256 is left out, and the others are
    /// used. A key that is there twice counts once; different keys with one `kid` are all left out.
    ///
    /// # Errors
    /// If no key is left, or the set is malformed or too large.
    pub fn from_jwks(json: &[u8]) -> Result<Self, KeySetError> {
        Reading::of_jwks(json).keys
    }

    /// Reads PEM blocks labelled `PUBLIC KEY` (SPKI). A key's `kid` is its RFC 7638 thumbprint.
    ///
    /// # Errors
    /// If there is no block at all, or none is fit to verify RS256.
    pub fn from_pem(pem: &[u8]) -> Result<Self, KeySetError> {
        Reading::of_pem(pem).keys
    }

    /// Reads either form.
    ///
    /// # Errors
    /// As [`KeySet::from_jwks`] and [`KeySet::from_pem`].
    pub fn from_jwks_or_pem(bytes: &[u8]) -> Result<Self, KeySetError> {
        Reading::of_jwks_or_pem(bytes).keys
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

    /// The names of the keys, in their order.
    #[must_use]
    pub fn kids(&self) -> Vec<&str> {
        let mut kids: Vec<&str> = self.keys.keys().map(String::as_str).collect();
        kids.sort_unstable();
        kids
    }
}

/// The same keys under the same names.
impl PartialEq for KeySet {
    fn eq(&self, other: &Self) -> bool {
        self.keys == other.keys
    }
}

impl Reading {
    /// Reads a JWK set, as [`KeySet::from_jwks`].
    #[must_use]
    pub fn of_jwks(json: &[u8]) -> Self {
        #[derive(Deserialize)]
        struct Jwks<'a> {
            #[serde(borrow)]
            keys: Vec<&'a RawValue>,
        }
        if let Err(error) = within_limit(json) {
            return error.into();
        }
        match serde_json::from_slice::<Jwks<'_>>(without_mark(json)) {
            Ok(jwks) => Self::of(&jwks.keys, |key, effort| jwk(key.get(), effort)),
            Err(_) => KeySetError::Malformed.into(),
        }
    }

    /// Reads PEM blocks, as [`KeySet::from_pem`].
    #[must_use]
    pub fn of_pem(pem: &[u8]) -> Self {
        if let Err(error) = within_limit(pem) {
            return error.into();
        }
        // Bytes that are not text can only be in comments.
        let text = String::from_utf8_lossy(pem);
        match pem::blocks(&text).as_slice() {
            [] => KeySetError::Malformed.into(),
            blocks => Self::of(blocks, pem_block),
        }
    }

    /// Reads either form.
    #[must_use]
    pub fn of_jwks_or_pem(bytes: &[u8]) -> Self {
        if without_mark(bytes).trim_ascii_start().starts_with(b"{") {
            Self::of_jwks(bytes)
        } else {
            Self::of_pem(bytes)
        }
    }

    fn of<T>(parts: &[T], read: impl Fn(&T, &mut Effort) -> Candidate) -> Self {
        if parts.len() > MAX_KEYS {
            return KeySetError::TooManyKeys.into();
        }
        let mut effort = Effort::for_one_set();
        let (mut sound, mut unused) = (Vec::new(), Vec::new());
        for (index, part) in parts.iter().enumerate() {
            let position = index + 1;
            match read(part, &mut effort) {
                Ok((kid, key)) => add(&mut sound, Sound { position, kid, key }),
                Err((kid, reason)) => unused.push(Unused { position, kid, reason }),
            }
        }
        let mut keys = HashMap::new();
        for (reason, key) in reasons_among(&sound).into_iter().zip(sound) {
            match reason {
                None => drop(keys.insert(key.kid, Arc::new(key.key))),
                Some(reason) => unused.push(Unused { position: key.position, kid: Some(key.kid), reason }),
            }
        }
        unused.sort_unstable_by_key(|key| key.position);
        Self { keys: if keys.is_empty() { Err(KeySetError::NoUsableKey) } else { Ok(KeySet { keys }) }, unused }
    }
}

/// A part of a set: a key with its name, or why it is not used.
type Candidate = Result<(String, RsaKey), (Option<String>, &'static str)>;

/// A key that is sound by itself.
struct Sound {
    position: usize,
    kid: String,
    key: RsaKey,
}

/// Adds a key, unless it is there already.
fn add(sound: &mut Vec<Sound>, key: Sound) {
    if !sound.iter().any(|known| known.kid == key.kid && known.key == key.key) {
        sound.push(key);
    }
}

/// For each key, why it is not used beside the others, if it is not.
fn reasons_among(sound: &[Sound]) -> Vec<Option<&'static str>> {
    let moduli: Vec<Vec<u8>> = sound.iter().map(|sound| sound.key.modulus()).collect();
    let reason = |key: &Sound, has_a_common_factor: bool| {
        if sound.iter().filter(|other| other.kid == key.kid).count() > 1 {
            return Some("another key has the same kid");
        }
        has_a_common_factor.then_some("its modulus shares a factor with another key's, so that both can be factored")
    };
    sound.iter().zip(modulus::with_a_common_factor(&moduli)).map(|(key, shares)| reason(key, shares)).collect()
}

fn within_limit(bytes: &[u8]) -> Result<(), KeySetError> {
    if bytes.len() > MAX_BYTES { Err(KeySetError::TooLarge) } else { Ok(()) }
}

/// Some editors begin files with a byte order mark, which RFC 8259 (section 8.1) lets readers ignore.
fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes)
}

/// One key of a set (RFC 7517, section 4), if it is fit to verify RS256.
fn jwk(text: &str, effort: &mut Effort) -> Candidate {
    let jwk = Object::parse(text.as_bytes()).ok_or((None, "not a JSON object with unique members"))?;
    let kid = jwk.text("kid").filter(|kid| is_kid(kid)).map(str::to_owned);
    match (key_of(&jwk, effort), kid) {
        (Ok(key), Some(kid)) => Ok((kid, key)),
        (Ok(_), None) => Err((None, "its kid is missing or unusable")),
        (Err(reason), kid) => Err((kid, reason)),
    }
}

fn key_of(jwk: &Object<'_>, effort: &mut Effort) -> Result<RsaKey, &'static str> {
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
    let (Some(n), Some(e)) = (jwk.text("n"), jwk.text("e")) else {
        return Err("its n or e is missing");
    };
    RsaKey::from_components(n, e, effort)
}

/// One block of a PEM file, if it is a key that is fit to verify RS256.
fn pem_block(block: &Block<'_>, effort: &mut Effort) -> Candidate {
    let unused = |reason| (None, reason);
    let body = block.body.ok_or(unused("a PEM block without its END line"))?;
    match block.label {
        "PUBLIC KEY" => {}
        "CERTIFICATE" => return Err(unused("a certificate: use its PUBLIC KEY instead")),
        "RSA PUBLIC KEY" => return Err(unused("an RSA PUBLIC KEY (PKCS #1): write it as PUBLIC KEY (SPKI)")),
        label if label.ends_with("PRIVATE KEY") => return Err(unused("a private key: it must not be here")),
        _ => return Err(unused("a PEM block that is not a PUBLIC KEY")),
    }
    let key = RsaKey::from_pem(body, effort).map_err(unused)?;
    Ok((key.thumbprint(), key))
}

/// Whether a text can name a key.
pub(super) fn is_kid(text: &str) -> bool {
    (1..=MAX_KID).contains(&text.len())
}

/// As a JWK set of nothing but public members, sorted by `kid`, to be kept for a restart.
impl Serialize for KeySet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let keys: Vec<Value> = self
            .kids()
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
