//! Reads stored hashes: every form of an Argon2 hash in the PHC string format is either understood or refused with the
//! reason.

use super::PasswordHash;
use argon2::{Algorithm, AssociatedData, Params, ParamsBuilder, Version};
use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use std::ops::RangeInclusive;

/// Shorter salts and outputs do not protect; longer ones are not in use.
const SALT_BYTES: RangeInclusive<usize> = 8..=64;
const OUTPUT_BYTES: RangeInclusive<usize> = 16..=64;
/// A hash may make four passes over the most memory that is allowed, or more passes over less.
const PASSES_OVER_MAX_MEMORY: u64 = 4;

/// Some programs write padding, others do not.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What computing a hash costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Memory in KiB.
    pub memory: u32,
    /// The number of passes over it.
    pub passes: u32,
}

impl Cost {
    /// The cost of these parameters.
    #[must_use]
    pub const fn of(params: &Params) -> Self {
        Self { memory: params.m_cost(), passes: params.t_cost() }
    }

    /// KiB of memory times passes: about proportional to the time.
    #[must_use]
    pub const fn work(self) -> u64 {
        self.memory as u64 * self.passes as u64
    }

    const fn is_within(self, most_memory: u32) -> bool {
        self.memory <= most_memory && self.work() <= most_memory as u64 * PASSES_OVER_MAX_MEMORY
    }
}

/// A hash that passwords can be compared with.
pub struct StoredHash {
    /// One of Argon2's three kinds.
    pub algorithm: Algorithm,
    /// 16 or 19.
    pub version: Version,
    /// The parameters.
    pub params: Params,
    /// The salt.
    pub salt: Vec<u8>,
    /// The expected output.
    pub output: Vec<u8>,
}

/// Why a stored hash cannot be used. Says nothing that helps to find the password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// Not the PHC string format.
    #[error("it is not of the form $argon2id$v=19$m=19456,t=2,p=1$salt$hash")]
    Form,
    /// Another algorithm.
    #[error("its algorithm is none of argon2id, argon2i and argon2d")]
    Algorithm,
    /// Another version.
    #[error("its version is neither 16 nor 19")]
    Version,
    /// Missing, ambiguous or impossible parameters.
    #[error(
        "its parameters are not m, t and p, each once and within Argon2's bounds (m at least 8 times p), and perhaps data"
    )]
    Parameters,
    /// Made with a secret key that is not known here.
    #[error("it was made with a secret key (keyid), which is not known here")]
    Keyed,
    /// The salt is not base64, too short or too long.
    #[error("its salt is not 8 to 64 bytes in base64")]
    Salt,
    /// The output is not base64, too short or too long.
    #[error("its hash is not 16 to 64 bytes in base64")]
    Output,
    /// It would take more than is granted.
    #[error(
        "it takes {memory} KiB and {passes} passes; granted are {granted} KiB and four passes (AUTH_STORED_HASH_MEMORY, and a quarter of the container's memory)"
    )]
    TooCostly {
        /// The memory that it takes, in KiB.
        memory: u32,
        /// The number of passes that it takes.
        passes: u32,
        /// The memory that it may take, in KiB.
        granted: u32,
    },
    /// The hash was not read, because the user's row cannot be read.
    #[error("the user's row cannot be read, its column {column}")]
    Row {
        /// The first column that cannot be read.
        column: &'static str,
    },
}

impl Unusable {
    /// All names, for metrics.
    pub const NAMES: [&str; 9] =
        ["form", "algorithm", "version", "parameters", "keyed", "salt", "output", "too_costly", "row"];

    /// Its name, for metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Form => "form",
            Self::Algorithm => "algorithm",
            Self::Version => "version",
            Self::Parameters => "parameters",
            Self::Keyed => "keyed",
            Self::Salt => "salt",
            Self::Output => "output",
            Self::TooCostly { .. } => "too_costly",
            Self::Row { .. } => "row",
        }
    }
}

impl StoredHash {
    /// Reads a hash that takes at most `most_memory` KiB, and at most the work of four passes over as many.
    ///
    /// # Errors
    /// [`Unusable`].
    pub fn read(hash: &PasswordHash, most_memory: u32) -> Result<Self, Unusable> {
        let mut parts = hash.0.strip_prefix('$').ok_or(Unusable::Form)?.split('$').peekable();
        let algorithm = match parts.next().unwrap_or_default() {
            "argon2id" => Algorithm::Argon2id,
            "argon2i" => Algorithm::Argon2i,
            "argon2d" => Algorithm::Argon2d,
            _ => return Err(Unusable::Algorithm),
        };
        let version = version(parts.next_if(|part| part.starts_with("v=")))?;
        let (params, salt, output) = (parts.next(), parts.next(), parts.next());
        let (Some(params), Some(salt), Some(output), None) = (params, salt, output, parts.next()) else {
            return Err(Unusable::Form);
        };
        let salt = decoded(salt).filter(|salt| SALT_BYTES.contains(&salt.len())).ok_or(Unusable::Salt)?;
        let output = decoded(output).filter(|output| OUTPUT_BYTES.contains(&output.len())).ok_or(Unusable::Output)?;
        let params = parameters(params, output.len())?;
        let cost = Cost::of(&params);
        if !cost.is_within(most_memory) {
            let Cost { memory, passes } = cost;
            return Err(Unusable::TooCostly { memory, passes, granted: most_memory });
        }
        Ok(Self { algorithm, version, params, salt, output })
    }
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
    let (mut memory, mut passes, mut lanes, mut data) = (None, None, None, None);
    for parameter in text.split(',') {
        let (name, value) = parameter.split_once('=').ok_or(Unusable::Parameters)?;
        let is_first = match name {
            "m" => memory.replace(number(value)?).is_none(),
            "t" => passes.replace(number(value)?).is_none(),
            "p" => lanes.replace(number(value)?).is_none(),
            "data" => data.replace(decoded(value).ok_or(Unusable::Parameters)?).is_none(),
            "keyid" if value.is_empty() => true,
            "keyid" => return Err(Unusable::Keyed),
            _ => false,
        };
        if !is_first {
            return Err(Unusable::Parameters);
        }
    }
    let (Some(memory), Some(passes), Some(lanes)) = (memory, passes, lanes) else { return Err(Unusable::Parameters) };
    // The library multiplies by eight without checking for overflow.
    if lanes > u32::MAX / 8 {
        return Err(Unusable::Parameters);
    }
    let data = AssociatedData::new(&data.unwrap_or_default()).map_err(|_| Unusable::Parameters)?;
    let mut builder = ParamsBuilder::new();
    builder.m_cost(memory).t_cost(passes).p_cost(lanes).data(data).output_len(output_bytes);
    builder.build().map_err(|_| Unusable::Parameters)
}

fn number(text: &str) -> Result<u32, Unusable> {
    let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_plain).ok_or(Unusable::Parameters)
}

fn decoded(text: &str) -> Option<Vec<u8>> {
    BASE64.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: u32 = 64 * 1024;
    const SALT: &str = "c29tZXNhbHRzb21lc2FsdA";
    const OUTPUT: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

    fn read(text: &str) -> Result<StoredHash, Unusable> {
        StoredHash::read(&PasswordHash(text.to_owned()), MOST)
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
            assert_eq!(Cost::of(&stored.params), Cost { memory: 64, passes: 1 });
        }
        let padded =
            read(&format!("$argon2i$m=64,t=1,p=1${SALT}==${OUTPUT}=")).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((padded.salt.len(), padded.output.len()), (16, 32));
    }

    #[test]
    fn every_other_hash_is_refused_with_its_reason() {
        let long = "A".repeat(88);
        let refused = [
            ("", Unusable::Form),
            ("garbage", Unusable::Form),
            ("$", Unusable::Algorithm),
            ("$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW", Unusable::Algorithm),
            ("$scrypt$ln=16,r=8,p=1$c29tZXNhbHQ$AAECAwQFBgcICQoLDA0ODw", Unusable::Algorithm),
            ("$pbkdf2-sha256$i=600000$c29tZXNhbHQ$AAECAwQFBgcICQoLDA0ODw", Unusable::Algorithm),
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
