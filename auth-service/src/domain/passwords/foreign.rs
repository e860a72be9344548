//! Hashes as other systems write them, brought into the forms that are stored here.

use super::{
    PasswordHash,
    fields::{decoded, decoded_of_either_alphabet, number, once},
    function::OldFunction,
    recipe::{CRYPT_DIGITS, Digest},
    signer_keys::SignerKey,
    stored_hash::phpass,
    unusable::Unusable,
};
use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use serde::Deserialize;
use std::{borrow::Cow, collections::BTreeMap};
use zeroize::Zeroizing;

/// A hash of another system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Foreign {
    /// In the form in which it is stored.
    Stored(PasswordHash),
    /// In that form, with a secret key that is to be kept apart.
    Keyed(KeyedHash),
    /// Too weak to be stored: another hash is to be made of it.
    Weak(WeakHash),
}

/// A hash in the form in which it is stored, and the secret key that it was made with.
#[derive(Clone)]
pub struct KeyedHash {
    /// The hash, which names the key by its id.
    pub hash: PasswordHash,
    /// The key.
    pub key: SignerKey,
}

impl PartialEq for KeyedHash {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash
    }
}

impl Eq for KeyedHash {}

impl std::fmt::Debug for KeyedHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeyedHash")
    }
}

/// A hash that could be reversed quickly.
#[derive(Clone, PartialEq, Eq)]
pub struct WeakHash {
    /// How it was made.
    pub function: OldFunction,
    /// The hash itself.
    pub output: Vec<u8>,
}

impl std::fmt::Debug for WeakHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WeakHash")
    }
}

impl WeakHash {
    /// How the stored form begins: up to the hash that is made of it.
    #[must_use]
    pub fn prefix(&self) -> String {
        match &self.function {
            OldFunction::Salted(digest, salt) => {
                let name = match digest {
                    Digest::Sha1 => "wrap-ssha",
                    Digest::Sha256 => "wrap-ssha256",
                    Digest::Sha512 => "wrap-ssha512",
                };
                format!("${name}${}", STANDARD_NO_PAD.encode(salt))
            }
            OldFunction::Phpass { log_rounds, salt } => {
                let digit = CRYPT_DIGITS.get(*log_rounds as usize).copied().unwrap_or(b'.');
                format!("$wrap-phpass${}{}", char::from(digit), String::from_utf8_lossy(salt))
            }
        }
    }
}

impl From<String> for Foreign {
    fn from(stored: String) -> Self {
        Self::Stored(PasswordHash(stored))
    }
}

/// A hash that its own text describes: the forms that are stored here, and those of Django, LDAP, WordPress,
/// better-auth, Supabase and ASP.NET Identity.
///
/// # Errors
/// [`Unusable`]. What is stored here is not examined further.
pub fn described(text: &str) -> Result<Foreign, Unusable> {
    if let Some(rest) = text.strip_prefix("$P$") {
        return old_phpass(rest);
    }
    if let Some(rest) = text.strip_prefix("$fbscrypt$") {
        return of_supabase(rest);
    }
    if text.starts_with('$') {
        return Ok(text.to_owned().into());
    }
    if let Some((scheme, rest)) = text.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
        return of_ldap(&scheme.to_ascii_uppercase(), rest);
    }
    if let Some((salt, key)) = text.split_once(':') {
        return of_better_auth(salt, key);
    }
    if text.contains('$') { of_django(text) } else { of_aspnet(text) }
}

fn of_ldap(scheme: &str, rest: &str) -> Result<Foreign, Unusable> {
    let digest = match scheme {
        "CRYPT" if rest.starts_with('$') => return described(rest),
        "SSHA" => Digest::Sha1,
        "SSHA256" => Digest::Sha256,
        "SSHA512" => Digest::Sha512,
        _ => return Err(Unusable::Algorithm),
    };
    let bytes = decoded(rest).ok_or(Unusable::Output)?;
    let (output, salt) = bytes.split_at_checked(digest.bytes()).ok_or(Unusable::Output)?;
    if !(1..=64).contains(&salt.len()) {
        return Err(Unusable::Salt);
    }
    Ok(Foreign::Weak(WeakHash { function: OldFunction::Salted(digest, salt.to_vec()), output: output.to_vec() }))
}

/// The rounds and the salt in nine characters, the hash in 22.
fn old_phpass(rest: &str) -> Result<Foreign, Unusable> {
    let (setting, output) = rest.split_at_checked(9).ok_or(Unusable::Form)?;
    let output = crypt_bytes(output).filter(|output| output.len() == 16).ok_or(Unusable::Output)?;
    Ok(Foreign::Weak(WeakHash { function: phpass(setting)?, output }))
}

/// The bytes of crypt(3)'s own base64, whose lowest digit comes first.
fn crypt_bytes(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    for group in text.as_bytes().chunks(4) {
        let mut bits = 0_usize;
        for (place, digit) in group.iter().enumerate() {
            bits |= CRYPT_DIGITS.iter().position(|known| known == digit)? << (6 * place);
        }
        bytes.extend_from_slice(&bits.to_le_bytes()[..group.len() * 6 / 8]);
    }
    Some(bytes)
}

fn of_better_auth(salt: &str, key: &str) -> Result<Foreign, Unusable> {
    let key = (0..key.len()).step_by(2).map(|at| u8::from_str_radix(key.get(at..at + 2)?, 16).ok());
    let key: Vec<u8> = key.collect::<Option<_>>().ok_or(Unusable::Output)?;
    // The text of the salt is the salt.
    Ok(phc("scrypt-nfkc", "ln=14,r=16,p=1", salt.as_bytes(), &key).into())
}

fn of_django(text: &str) -> Result<Foreign, Unusable> {
    let (algorithm, rest) = text.split_once('$').ok_or(Unusable::Form)?;
    let parts: Vec<&str> = rest.split('$').collect();
    let bytes = |text: &str| decoded(text).ok_or(Unusable::Output);
    match (algorithm, &parts[..]) {
        ("pbkdf2_sha256", [iterations, salt, output]) => {
            Ok(pbkdf2("pbkdf2-sha256", iterations, salt.as_bytes(), &bytes(output)?).into())
        }
        ("pbkdf2_sha1", [iterations, salt, output]) => {
            Ok(pbkdf2("pbkdf2-sha1", iterations, salt.as_bytes(), &bytes(output)?).into())
        }
        ("scrypt", [n, salt, r, p, output]) => {
            let n = number(n).filter(|n| n.is_power_of_two()).ok_or(Unusable::Parameters)?;
            let parameters = format!("ln={},r={r},p={p}", n.ilog2());
            Ok(phc("scrypt", &parameters, salt.as_bytes(), &bytes(output)?).into())
        }
        ("argon2", _) => Ok(format!("${rest}").into()),
        ("bcrypt", ["", ..]) => Ok(rest.to_owned().into()),
        ("bcrypt_sha256", ["", ..]) => Ok(format!("$django{rest}").into()),
        _ => Err(Unusable::Algorithm),
    }
}

/// ASP.NET Identity's hash, in base64: version 2 or 3.
fn of_aspnet(text: &str) -> Result<Foreign, Unusable> {
    let bytes = decoded(text).ok_or(Unusable::Form)?;
    let (version, rest) = bytes.split_first().ok_or(Unusable::Form)?;
    let number = |at: usize| -> Option<u32> { Some(u32::from_be_bytes(rest.get(at..at + 4)?.try_into().ok()?)) };
    match version {
        0 => {
            let (salt, output) = rest.split_at_checked(16).ok_or(Unusable::Form)?;
            Ok(pbkdf2("pbkdf2-sha1", "1000", salt, output).into())
        }
        1 => {
            let [Some(digest), Some(iterations), Some(length)] = [number(0), number(4), number(8)] else {
                return Err(Unusable::Form);
            };
            let name = ["pbkdf2-sha1", "pbkdf2-sha256", "pbkdf2-sha512"];
            let name = name.get(digest as usize).ok_or(Unusable::Algorithm)?;
            let (salt, output) = rest[12..].split_at_checked(length as usize).ok_or(Unusable::Salt)?;
            Ok(pbkdf2(name, &iterations.to_string(), salt, output).into())
        }
        _ => Err(Unusable::Version),
    }
}

/// A credential of Keycloak: its two texts of JSON.
///
/// # Errors
/// [`Unusable`].
pub fn of_keycloak(credential_data: &str, secret_data: &str) -> Result<Foreign, Unusable> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct CredentialData {
        hash_iterations: u32,
        algorithm: String,
        #[serde(default)]
        additional_parameters: BTreeMap<String, Vec<String>>,
    }
    #[derive(Deserialize)]
    struct SecretData {
        value: String,
        salt: String,
    }
    let data: CredentialData = serde_json::from_str(credential_data).map_err(|_| Unusable::Form)?;
    let secret: SecretData = serde_json::from_str(secret_data).map_err(|_| Unusable::Form)?;
    let salt = decoded(&secret.salt).ok_or(Unusable::Salt)?;
    let value = decoded(&secret.value).ok_or(Unusable::Output)?;
    let iterations = data.hash_iterations.to_string();
    match data.algorithm.as_str() {
        "pbkdf2" => Ok(pbkdf2("pbkdf2-sha1", &iterations, &salt, &value).into()),
        "pbkdf2-sha256" => Ok(pbkdf2("pbkdf2-sha256", &iterations, &salt, &value).into()),
        "pbkdf2-sha512" => Ok(pbkdf2("pbkdf2-sha512", &iterations, &salt, &value).into()),
        "argon2" => {
            let parameter = |name: &str| data.additional_parameters.get(name).and_then(|values| values.first());
            let version = match parameter("version").map(String::as_str) {
                None | Some("1.3") => "19",
                Some("1.0") => "16",
                Some(_) => return Err(Unusable::Version),
            };
            let [Some(kind), Some(memory), Some(lanes)] = ["type", "memory", "parallelism"].map(parameter) else {
                return Err(Unusable::Parameters);
            };
            let parameters = format!("v={version}$m={memory},t={iterations},p={lanes}");
            Ok(phc(&format!("argon2{kind}"), &parameters, &salt, &value).into())
        }
        _ => Err(Unusable::Algorithm),
    }
}

/// How a project at Firebase makes hashes, as its console shows it, except for the secret key.
#[derive(Debug, Clone)]
pub struct FirebaseHashing {
    /// The id of its secret key.
    pub keyid: String,
    /// What is appended to each salt ("base64_salt_separator").
    pub salt_separator: Vec<u8>,
    /// "rounds"
    pub rounds: u32,
    /// "mem_cost"
    pub mem_cost: u32,
}

/// A hash and its salt of Firebase, both in base64 of either alphabet.
///
/// # Errors
/// [`Unusable`].
pub fn of_firebase(hashing: &FirebaseHashing, hash: &str, salt: &str) -> Result<Foreign, Unusable> {
    with_firebases_scrypt(hashing, hash, salt).map(Foreign::Stored)
}

/// Firebase's hash as Supabase keeps it, which has the project's parameters and its secret key in it.
fn of_supabase(rest: &str) -> Result<Foreign, Unusable> {
    let parts: Vec<&str> = rest.split('$').collect();
    let [parameters, salt, hash] = parts[..] else { return Err(Unusable::Form) };
    let [version, n, r, p, separator, key] = once(parameters, ["v", "n", "r", "p", "ss", "sk"])?;
    let (Some("1"), Some(mem_cost), Some(rounds), Some("1"), Some(key)) =
        (version, n.and_then(number), r.and_then(number), p, key.and_then(decoded_of_either_alphabet))
    else {
        return Err(Unusable::Parameters);
    };
    let key = Zeroizing::new(key);
    let salt_separator = separator.map_or(Some(Vec::new()), decoded_of_either_alphabet);
    let salt_separator = salt_separator.filter(|_| key.len() == SignerKey::BYTES).ok_or(Unusable::Parameters)?;
    let key = SignerKey::new(key);
    let hashing = FirebaseHashing { keyid: key.id(), salt_separator, rounds, mem_cost };
    Ok(Foreign::Keyed(KeyedHash { hash: with_firebases_scrypt(&hashing, hash, salt)?, key }))
}

fn with_firebases_scrypt(hashing: &FirebaseHashing, hash: &str, salt: &str) -> Result<PasswordHash, Unusable> {
    let output = decoded_of_either_alphabet(hash).ok_or(Unusable::Output)?;
    let salt = decoded_of_either_alphabet(salt).ok_or(Unusable::Salt)?;
    let FirebaseHashing { keyid, salt_separator, rounds, mem_cost } = hashing;
    let parameters = format!("ln={mem_cost},r={rounds},p=1,keyid={keyid}");
    Ok(PasswordHash(phc("scrypt-firebase", &parameters, &[salt, salt_separator.clone()].concat(), &output)))
}

fn pbkdf2(name: &str, iterations: &str, salt: &[u8], output: &[u8]) -> String {
    phc(name, &format!("i={iterations}"), salt, output)
}

fn phc(name: &str, parameters: &str, salt: &[u8], output: &[u8]) -> String {
    let text = |bytes| Cow::from(STANDARD_NO_PAD.encode(bytes));
    format!("${name}${parameters}${}${}", text(salt), text(output))
}

#[cfg(test)]
mod tests;
