//! Reads stored hashes: every form is either understood or refused with the reason.
//!
//! The forms are the PHC string format and those of crypt(3). docs/operate.md lists them.

pub use super::unusable::Unusable;

use super::{
    PasswordHash,
    fields::{decoded, number, once},
    function::{ArgonFunction, AroundScrypt, BCRYPT_BYTES, BeforeBcrypt, Function, OldFunction, sha_crypt_length},
    recipe::{CRYPT_DIGITS, Cost, Digest, Recipe, of_scrypt},
    signer_keys::SignerKeys,
};
use argon2::{Algorithm, AssociatedData, Params, ParamsBuilder, Version};
use base64::{
    Engine as _, alphabet,
    engine::{GeneralPurpose, general_purpose::NO_PAD},
};
use std::{num::NonZeroU32, ops::RangeInclusive};

/// Shorter salts and outputs do not protect; longer ones are not in use.
const SALT_BYTES: RangeInclusive<usize> = 8..=64;
const OUTPUT_BYTES: RangeInclusive<usize> = 16..=64;
/// A hash may make four passes over the most memory that is allowed, or more passes over less.
const PASSES_OVER_MAX_MEMORY: u64 = 4;
/// What takes about half a second to a second on the machines of today.
const MOST_BCRYPT: u32 = 13;
const MOST_PBKDF2: u32 = 2_000_000;
const MOST_SHA_CRYPT: u32 = 1_000_000;
/// Without a number of its own.
const SHA_CRYPT_ROUNDS: u32 = 5000;
const MOST_PHPASS: u32 = 15;

/// Writers leave the bits that the last character has too many as they please.
const BCRYPT_BASE64: GeneralPurpose =
    GeneralPurpose::new(&alphabet::BCRYPT, NO_PAD.with_decode_allow_trailing_bits(true));

/// A hash that passwords can be compared with.
pub struct StoredHash {
    /// How it was made.
    pub function: Function,
    /// The expected output.
    pub output: Vec<u8>,
}

/// What may be computed.
#[derive(Clone, Copy)]
pub struct Bounds<'a> {
    /// The most memory, in KiB. At most the work of four passes over as many is computed.
    pub memory: u32,
    /// The secret keys of other systems.
    pub keys: &'a SignerKeys,
}

impl StoredHash {
    /// Reads a hash.
    ///
    /// # Errors
    /// [`Unusable`].
    pub fn read(hash: &PasswordHash, bounds: Bounds<'_>) -> Result<Self, Unusable> {
        if hash.is_none() {
            return Err(Unusable::Missing);
        }
        let text = hash.0.strip_prefix('$').ok_or(Unusable::Form)?;
        let (name, rest) = text.split_once('$').unwrap_or((text, ""));
        match name {
            "argon2id" => argon(Algorithm::Argon2id, rest, bounds),
            "argon2i" => argon(Algorithm::Argon2i, rest, bounds),
            "argon2d" => argon(Algorithm::Argon2d, rest, bounds),
            "2a" | "2b" | "2y" => with_bcrypt(rest, BeforeBcrypt::Nothing),
            "wp" => with_bcrypt(rest.strip_prefix("2y$").ok_or(Unusable::Form)?, BeforeBcrypt::WordPress),
            "django" => with_bcrypt(rest.strip_prefix("2b$").ok_or(Unusable::Form)?, BeforeBcrypt::Sha256InHex),
            "pbkdf2-sha1" => with_pbkdf2(Digest::Sha1, rest),
            "pbkdf2-sha256" => with_pbkdf2(Digest::Sha256, rest),
            "pbkdf2-sha512" => with_pbkdf2(Digest::Sha512, rest),
            "scrypt" => with_scrypt(rest, bounds, |_| Ok(AroundScrypt::Nothing)),
            "scrypt-nfkc" => with_scrypt(rest, bounds, |_| Ok(AroundScrypt::Nfkc)),
            "scrypt-firebase" => with_scrypt(rest, bounds, |keyid| {
                let key = bounds.keys.find(keyid.ok_or(Unusable::Keyed)?);
                Ok(AroundScrypt::Firebase(key.ok_or(Unusable::UnknownKey)?))
            }),
            "5" => with_sha_crypt(Digest::Sha256, rest),
            "6" => with_sha_crypt(Digest::Sha512, rest),
            "wrap-ssha" => wrapped(rest, bounds, |salt| salted(Digest::Sha1, salt)),
            "wrap-ssha256" => wrapped(rest, bounds, |salt| salted(Digest::Sha256, salt)),
            "wrap-ssha512" => wrapped(rest, bounds, |salt| salted(Digest::Sha512, salt)),
            "wrap-phpass" => wrapped(rest, bounds, phpass),
            _ => Err(Unusable::Algorithm),
        }
    }

    /// What comparing a password with it takes.
    #[must_use]
    pub fn recipe(&self) -> Recipe {
        self.function.recipe(self.output.len())
    }
}

impl Cost {
    const fn is_within(self, most_memory: u32) -> bool {
        self.memory <= most_memory && self.work() <= most_memory as u64 * PASSES_OVER_MAX_MEMORY
    }

    fn check(self, most_memory: u32) -> Result<(), Unusable> {
        if self.is_within(most_memory) {
            return Ok(());
        }
        let Self { memory, passes } = self;
        Err(Unusable::TooCostly { memory, passes, granted: most_memory })
    }
}

fn not_slower(asked: u32, most: u32, unit: &'static str) -> Result<(), Unusable> {
    if asked <= most { Ok(()) } else { Err(Unusable::TooSlow { asked, most, unit }) }
}

fn argon(algorithm: Algorithm, rest: &str, bounds: Bounds<'_>) -> Result<StoredHash, Unusable> {
    let (function, output) = argon_function(algorithm, rest, bounds)?;
    Ok(StoredHash { function: Function::Argon(function), output })
}

fn argon_function(algorithm: Algorithm, rest: &str, bounds: Bounds<'_>) -> Result<(ArgonFunction, Vec<u8>), Unusable> {
    let mut parts = rest.split('$').peekable();
    let version = version(parts.next_if(|part| part.starts_with("v=")))?;
    let (params, salt, output) = (parts.next(), parts.next(), parts.next());
    let (Some(params), Some(salt), Some(output), None) = (params, salt, output, parts.next()) else {
        return Err(Unusable::Form);
    };
    let (salt, output) = salt_and_output(salt, output)?;
    let params = parameters(params, output.len())?;
    Cost::of(&params).check(bounds.memory)?;
    Ok((ArgonFunction { algorithm, version, params, salt }, output))
}

fn salt_and_output(salt: &str, output: &str) -> Result<(Vec<u8>, Vec<u8>), Unusable> {
    let salt = decoded(salt).filter(|salt| SALT_BYTES.contains(&salt.len())).ok_or(Unusable::Salt)?;
    let output = decoded(output).filter(|output| OUTPUT_BYTES.contains(&output.len())).ok_or(Unusable::Output)?;
    Ok((salt, output))
}

/// Parameters, salt and output.
fn three(rest: &str) -> Result<[&str; 3], Unusable> {
    let parts: Vec<&str> = rest.splitn(4, '$').collect();
    parts.try_into().map_err(|_| Unusable::Form)
}

fn with_bcrypt(rest: &str, before: BeforeBcrypt) -> Result<StoredHash, Unusable> {
    let (cost, rest) = rest.split_once('$').ok_or(Unusable::Form)?;
    let cost =
        number(cost).filter(|number| cost.len() == 2 && (4..=31).contains(number)).ok_or(Unusable::Parameters)?;
    let (salt, output) = rest.split_at_checked(22).ok_or(Unusable::Form)?;
    let salt = BCRYPT_BASE64.decode(salt).ok().and_then(|salt| salt.try_into().ok()).ok_or(Unusable::Salt)?;
    let output = BCRYPT_BASE64.decode(output).ok().filter(|output| output.len() == BCRYPT_BYTES);
    let output = output.ok_or(Unusable::Output)?;
    not_slower(cost, MOST_BCRYPT, "as bcrypt's cost")?;
    Ok(StoredHash { function: Function::Bcrypt { cost, salt, before }, output })
}

fn with_pbkdf2(digest: Digest, rest: &str) -> Result<StoredHash, Unusable> {
    let [params, salt, output] = three(rest)?;
    let (salt, output) = salt_and_output(salt, output)?;
    let [iterations, length] = once(params, ["i", "l"])?;
    let is_length_right =
        length.is_none_or(|length| number(length).is_some_and(|length| length as usize == output.len()));
    let iterations = iterations.and_then(number).and_then(NonZeroU32::new).filter(|_| is_length_right);
    let function = Function::Pbkdf2 { digest, iterations: iterations.ok_or(Unusable::Parameters)?, salt };
    if let Recipe::Pbkdf2(_, asked) = function.recipe(output.len()) {
        not_slower(asked, MOST_PBKDF2, "iterations of PBKDF2 over all blocks")?;
    }
    Ok(StoredHash { function, output })
}

fn with_scrypt(
    rest: &str,
    bounds: Bounds<'_>,
    around: impl FnOnce(Option<&str>) -> Result<AroundScrypt, Unusable>,
) -> Result<StoredHash, Unusable> {
    let [params, salt, output] = three(rest)?;
    let (salt, output) = salt_and_output(salt, output)?;
    let [log_n, r, p, keyid] = once(params, ["ln", "r", "p", "keyid"])?;
    let numbers = [log_n, r, p].map(|text| text.and_then(number).filter(|number| (1..=1 << 16).contains(number)));
    let [Some(log_n), Some(r), Some(p)] = numbers else { return Err(Unusable::Parameters) };
    let log_n = u8::try_from(log_n).map_err(|_| Unusable::Parameters)?;
    let params = scrypt::Params::new(log_n, r, p).map_err(|_| Unusable::Parameters)?;
    of_scrypt(&params).check(bounds.memory)?;
    let around = around(keyid)?;
    let fits = match &around {
        AroundScrypt::Firebase(key) => key.expose().len() == output.len(),
        AroundScrypt::Nothing | AroundScrypt::Nfkc => keyid.is_none(),
    };
    if !fits {
        return Err(Unusable::Parameters);
    }
    Ok(StoredHash { function: Function::Scrypt { params, salt, around }, output })
}

fn with_sha_crypt(digest: Digest, rest: &str) -> Result<StoredHash, Unusable> {
    let (rounds, rest) = match rest.strip_prefix("rounds=") {
        Some(rest) => {
            let (rounds, rest) = rest.split_once('$').ok_or(Unusable::Form)?;
            (number(rounds).filter(|rounds| *rounds >= 1000).ok_or(Unusable::Parameters)?, rest)
        }
        None => (SHA_CRYPT_ROUNDS, rest),
    };
    let (salt, output) = rest.split_once('$').ok_or(Unusable::Form)?;
    let is_crypt = |text: &str| text.bytes().all(|byte| CRYPT_DIGITS.contains(&byte));
    if !(1..=16).contains(&salt.len()) || !salt.is_ascii() {
        return Err(Unusable::Salt);
    }
    if output.len() != sha_crypt_length(digest) || !is_crypt(output) {
        return Err(Unusable::Output);
    }
    not_slower(rounds, MOST_SHA_CRYPT, "rounds of SHA-crypt")?;
    let function = Function::ShaCrypt { digest, rounds, salt: salt.to_owned() };
    Ok(StoredHash { function, output: output.as_bytes().to_vec() })
}

fn wrapped(
    rest: &str,
    bounds: Bounds<'_>,
    old: impl FnOnce(&str) -> Result<OldFunction, Unusable>,
) -> Result<StoredHash, Unusable> {
    let (salt, rest) = rest.split_once('$').ok_or(Unusable::Form)?;
    let rest = rest.strip_prefix("argon2id$").ok_or(Unusable::Form)?;
    let (argon, output) = argon_function(Algorithm::Argon2id, rest, bounds)?;
    Ok(StoredHash { function: Function::Wrapped(old(salt)?, argon), output })
}

fn salted(digest: Digest, salt: &str) -> Result<OldFunction, Unusable> {
    let salt = decoded(salt).filter(|salt| (1..=64).contains(&salt.len())).ok_or(Unusable::Salt)?;
    Ok(OldFunction::Salted(digest, salt))
}

/// The setting of phpass: a digit for the rounds, and eight characters of salt.
///
/// # Errors
/// [`Unusable`].
pub fn phpass(setting: &str) -> Result<OldFunction, Unusable> {
    let (digit, salt) = setting.as_bytes().split_first().ok_or(Unusable::Salt)?;
    let log_rounds = CRYPT_DIGITS.iter().position(|known| known == digit).ok_or(Unusable::Parameters)?;
    let log_rounds = u32::try_from(log_rounds).unwrap_or(u32::MAX);
    not_slower(log_rounds, MOST_PHPASS, "as phpass' power of two")?;
    let salt = salt.try_into().ok().filter(|_| setting.is_ascii()).ok_or(Unusable::Salt)?;
    Ok(OldFunction::Phpass { log_rounds, salt })
}

/// Hashes from before Argon2's second version name no version.
fn version(part: Option<&str>) -> Result<Version, Unusable> {
    match part {
        None | Some("v=16") => Ok(Version::V0x10),
        Some("v=19") => Ok(Version::V0x13),
        Some(_) => Err(Unusable::Version),
    }
}

/// Accepts any order: the meaning is the same.
fn parameters(text: &str, output_bytes: usize) -> Result<Params, Unusable> {
    let [memory, passes, lanes, data, keyid] = once(text, ["m", "t", "p", "data", "keyid"])?;
    if keyid.is_some_and(|id| !id.is_empty()) {
        return Err(Unusable::Keyed);
    }
    let [Some(memory), Some(passes), Some(lanes)] = [memory, passes, lanes].map(|text| text.and_then(number)) else {
        return Err(Unusable::Parameters);
    };
    // The library multiplies by eight without checking for overflow.
    if lanes > u32::MAX / 8 {
        return Err(Unusable::Parameters);
    }
    let data = data.map_or(Some(Vec::new()), decoded).ok_or(Unusable::Parameters)?;
    let data = AssociatedData::new(&data).map_err(|_| Unusable::Parameters)?;
    let mut builder = ParamsBuilder::new();
    builder.m_cost(memory).t_cost(passes).p_cost(lanes).data(data).output_len(output_bytes);
    builder.build().map_err(|_| Unusable::Parameters)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: u32 = 64 * 1024;
    const SALT: &str = "c29tZXNhbHRzb21lc2FsdA";
    const OUTPUT: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

    fn read(text: &str) -> Result<StoredHash, Unusable> {
        StoredHash::read(&PasswordHash(text.to_owned()), Bounds { memory: MOST, keys: &SignerKeys::default() })
    }

    fn refusal(text: &str) -> Option<Unusable> {
        read(text).err()
    }

    fn with_parameters(parameters: &str) -> String {
        format!("$argon2id$v=19${parameters}${SALT}${OUTPUT}")
    }

    #[test]
    fn parameters_may_come_in_any_order_and_with_data() {
        for parameters in ["m=64,t=1,p=1", "p=1,t=1,m=64", "t=1,m=64,p=1,keyid=", "m=64,t=1,p=1,data=AAEC"] {
            let stored = read(&with_parameters(parameters)).unwrap_or_else(|error| panic!("{parameters}: {error}"));
            assert_eq!(stored.recipe(), Recipe::Argon(Cost { memory: 64, passes: 1 }));
        }
        let padded =
            read(&format!("$argon2i$m=64,t=1,p=1${SALT}==${OUTPUT}=")).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(padded.output.len(), 32);
    }

    #[test]
    fn every_other_hash_is_refused_with_its_reason() {
        let long = "A".repeat(88);
        let refused = [
            ("", Unusable::Form),
            ("garbage", Unusable::Form),
            ("$", Unusable::Algorithm),
            ("$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/", Unusable::Algorithm),
            ("$yescrypt$x", Unusable::Algorithm),
            ("$argon2ID$v=19$m=64,t=1,p=1$c29tZXNhbHQ$AAECAwQFBgcICQoLDA0ODw", Unusable::Algorithm),
            ("$argon2id$v=18$m=64,t=1,p=1$c29tZXNhbHQ$AAECAwQFBgcICQoLDA0ODw", Unusable::Version),
            ("$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ", Unusable::Form),
            ("$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$AAECAwQFBgcICQoLDA0ODw$x", Unusable::Form),
            ("$argon2id$v=19$m=64,t=1,p=1$$AAECAwQFBgcICQoLDA0ODw", Unusable::Salt),
            ("$argon2id$v=19$m=64,t=1,p=1$c2FsdA$AAECAwQFBgcICQoLDA0ODw", Unusable::Salt),
            ("$argon2id$v=19$m=64,t=1,p=1$c29tZX!hbHQ$AAECAwQFBgcICQoLDA0ODw", Unusable::Salt),
            ("$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$", Unusable::Output),
            ("$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$AAECAwQF", Unusable::Output),
        ];
        for (text, reason) in refused {
            assert_eq!(refusal(text), Some(reason), "{text}");
        }
        for text in
            [format!("$argon2id$m=64,t=1,p=1${long}${OUTPUT}"), format!("$argon2id$m=64,t=1,p=1${SALT}${long}A")]
        {
            assert!(matches!(refusal(&text), Some(Unusable::Salt | Unusable::Output)), "{text}");
        }
    }

    #[test]
    fn ambiguous_or_impossible_parameters_are_refused() {
        for parameters in [
            "",
            "m=64",
            "m=64,t=1",
            "m=64,t=1,p=1,m=64",
            "m=64,t=1,p=1,x=1",
            "m=+64,t=1,p=1",
            "m=,t=1,p=1",
            "m=7,t=1,p=1",
            "m=64,t=0,p=1",
            "m=64,t=1,p=0",
            "m=64,t=1,p=9",
            "m=64,t=1,p=4294967295",
            "m=64,t=1,p=536870912",
            "m=4294967296,t=1,p=1",
            "m=64,t=1,p=1,data=!",
        ] {
            assert_eq!(refusal(&with_parameters(parameters)), Some(Unusable::Parameters), "{parameters}");
        }
        assert_eq!(refusal(&with_parameters("m=64,t=1,p=1,keyid=AAEC")), Some(Unusable::Keyed));
    }

    #[test]
    fn hashes_that_cost_more_than_is_granted_are_refused_and_not_computed() {
        for (parameters, is_taken) in [
            ("m=65536,t=4,p=1", true),
            ("m=65536,t=5,p=1", false),
            ("m=65537,t=1,p=1", false),
            ("m=1048576,t=1,p=1", false),
            ("m=8,t=32768,p=1", true),
            ("m=8,t=4294967295,p=1", false),
            ("m=4294967295,t=4294967295,p=1", false),
        ] {
            let refusal = refusal(&with_parameters(parameters));
            assert_eq!(refusal.is_none(), is_taken, "{parameters}: {refusal:?}");
            assert!(is_taken || matches!(refusal, Some(Unusable::TooCostly { .. })), "{parameters}: {refusal:?}");
        }
    }
}
