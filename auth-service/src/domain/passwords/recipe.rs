//! What computing a hash takes, whatever the salt and the password.

use argon2::Params;
use aws_lc_rs::{digest, pbkdf2};

/// What computing a hash with Argon2 costs.
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
}

/// A digest of the SHA family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Digest {
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
}

impl Digest {
    /// The digest.
    #[must_use]
    pub fn algorithm(self) -> &'static digest::Algorithm {
        match self {
            Self::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => &digest::SHA256,
            Self::Sha512 => &digest::SHA512,
        }
    }

    /// PBKDF2 with the digest's HMAC.
    #[must_use]
    pub fn pbkdf2(self) -> pbkdf2::Algorithm {
        match self {
            Self::Sha1 => pbkdf2::PBKDF2_HMAC_SHA1,
            Self::Sha256 => pbkdf2::PBKDF2_HMAC_SHA256,
            Self::Sha512 => pbkdf2::PBKDF2_HMAC_SHA512,
        }
    }

    /// How many bytes it gives.
    #[must_use]
    pub fn bytes(self) -> usize {
        self.algorithm().output_len()
    }
}

/// What computing a hash takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Recipe {
    /// Argon2, of whichever kind.
    Argon(Cost),
    /// bcrypt with two to this power of rounds.
    Bcrypt(u32),
    /// PBKDF2 with this many iterations, over all blocks of the output.
    Pbkdf2(Digest, u32),
    /// scrypt.
    Scrypt(scrypt::Params),
    /// SHA-crypt with this many rounds.
    ShaCrypt(Digest, u32),
    /// This many rounds of MD5, then Argon2.
    Wrapped(u32, Cost),
}

/// As salt and output: 16 and 32 zeros.
const ZEROS: &str = "AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

impl Recipe {
    /// A stored hash of no password that takes the same.
    #[must_use]
    pub fn specimen(self) -> String {
        let argon = |cost: Cost| format!("argon2id$v=19$m={},t={},p=1${ZEROS}", cost.memory, cost.passes);
        match self {
            Self::Argon(cost) => format!("${}", argon(cost)),
            Self::Bcrypt(cost) => format!("$2b${cost:02}${}", ".".repeat(53)),
            // The output of 32 bytes is two blocks of SHA-1.
            Self::Pbkdf2(Digest::Sha1, iterations) => format!("$pbkdf2-sha1$i={}${ZEROS}", iterations.div_ceil(2)),
            Self::Pbkdf2(Digest::Sha256, iterations) => format!("$pbkdf2-sha256$i={iterations}${ZEROS}"),
            Self::Pbkdf2(Digest::Sha512, iterations) => format!("$pbkdf2-sha512$i={iterations}${ZEROS}"),
            Self::Scrypt(params) => {
                format!("$scrypt$ln={},r={},p={}${ZEROS}", params.log_n(), params.r(), params.p())
            }
            Self::ShaCrypt(Digest::Sha512, rounds) => format!("$6$rounds={rounds}$.${}", ".".repeat(86)),
            Self::ShaCrypt(_, rounds) => format!("$5$rounds={rounds}$.${}", ".".repeat(43)),
            Self::Wrapped(0, cost) => format!("$wrap-ssha$AA${}", argon(cost)),
            Self::Wrapped(rounds, cost) => {
                let digit = CRYPT_DIGITS[rounds.ilog2() as usize & 63];
                format!("$wrap-phpass${}........${}", char::from(digit), argon(cost))
            }
        }
    }
}

/// The characters of crypt(3)'s own base64.
pub const CRYPT_DIGITS: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// What scrypt takes, in KiB, and how many passes it makes.
#[must_use]
pub fn of_scrypt(params: &scrypt::Params) -> Cost {
    let kib = params.n().saturating_mul(u64::from(params.r())) / 8;
    Cost { memory: u32::try_from(kib).unwrap_or(u32::MAX), passes: params.p() }
}
