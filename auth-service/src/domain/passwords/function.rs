//! The functions that stored hashes were made with, those of other systems included, except Argon2, which
//! [`super::argon2id`] computes in memory of its own.

use super::{
    recipe::{CRYPT_DIGITS, Cost, Digest, Recipe, of_scrypt},
    signer_keys::SignerKey,
};
use argon2::{Algorithm, Params, Version};
use aws_lc_rs::{
    cipher::{AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey},
    constant_time::verify_slices_are_equal,
    digest::{SHA256, digest},
    hmac,
    iv::FixedLength,
    pbkdf2,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use md5::{Digest as _, Md5};
use std::{borrow::Cow, num::NonZeroU32, sync::Arc};
use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

/// The bytes of bcrypt's output that are stored.
pub const BCRYPT_BYTES: usize = 23;
/// The bytes of a password that bcrypt looks at.
const SEEN_BY_BCRYPT: usize = 72;
/// No longer password is compared with hashes whose work grows with its length. It is the limit of libxcrypt.
const LONGEST_ITERATED: usize = 512;
/// The bytes that Firebase takes of scrypt's output, of which the first 32 are a key.
const FIREBASE_BYTES: usize = 64;

/// Argon2 with its parameters and salt.
pub struct ArgonFunction {
    /// One of Argon2's three kinds.
    pub algorithm: Algorithm,
    /// 16 or 19.
    pub version: Version,
    /// The parameters.
    pub params: Params,
    /// The salt.
    pub salt: Vec<u8>,
}

/// What becomes of a password before bcrypt sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BeforeBcrypt {
    /// Nothing: what is beyond 72 bytes does not count.
    Nothing,
    /// Django: SHA-256 in hexadecimal.
    Sha256InHex,
    /// WordPress: white space is trimmed, then HMAC-SHA384 in base64.
    WordPress,
}

/// What is added to scrypt.
pub enum AroundScrypt {
    /// Nothing.
    Nothing,
    /// better-auth: the password is brought into the normal form KC.
    Nfkc,
    /// Firebase: the output is the key with which the project's key is encrypted.
    Firebase(Arc<SignerKey>),
}

/// A hash that is too weak to be stored unless another one is made of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OldFunction {
    /// A digest of the password and then the salt (LDAP).
    Salted(Digest, Vec<u8>),
    /// Two to a power of rounds of MD5 (phpass, which WordPress used).
    Phpass {
        /// The power.
        log_rounds: u32,
        /// Eight characters.
        salt: [u8; 8],
    },
}

/// How a hash was made from a password.
pub enum Function {
    /// Argon2.
    Argon(ArgonFunction),
    /// bcrypt.
    Bcrypt {
        /// The logarithm of the number of rounds.
        cost: u32,
        /// The salt.
        salt: [u8; 16],
        /// What comes before it.
        before: BeforeBcrypt,
    },
    /// PBKDF2.
    Pbkdf2 {
        /// The digest.
        digest: Digest,
        /// The number of iterations.
        iterations: NonZeroU32,
        /// The salt.
        salt: Vec<u8>,
    },
    /// scrypt.
    Scrypt {
        /// The parameters.
        params: scrypt::Params,
        /// The salt.
        salt: Vec<u8>,
        /// What is added to it.
        around: AroundScrypt,
    },
    /// `$5$` and `$6$` of crypt(3). The output is its text.
    ShaCrypt {
        /// SHA-256 or SHA-512.
        digest: Digest,
        /// The number of rounds.
        rounds: u32,
        /// The salt.
        salt: String,
    },
    /// Argon2 of the output of a weak function.
    Wrapped(OldFunction, ArgonFunction),
}

impl Function {
    /// What it takes, for an output of `bytes`.
    #[must_use]
    pub fn recipe(&self, bytes: usize) -> Recipe {
        match self {
            Self::Argon(argon) => Recipe::Argon(Cost::of(&argon.params)),
            Self::Bcrypt { cost, .. } => Recipe::Bcrypt(*cost),
            Self::Pbkdf2 { digest, iterations, .. } => {
                let blocks = u32::try_from(bytes.div_ceil(digest.bytes())).unwrap_or(u32::MAX);
                Recipe::Pbkdf2(*digest, iterations.get().saturating_mul(blocks))
            }
            Self::Scrypt { params, .. } => Recipe::Scrypt(*params),
            Self::ShaCrypt { digest, rounds, .. } => Recipe::ShaCrypt(*digest, *rounds),
            Self::Wrapped(old, argon) => Recipe::Wrapped(old.rounds(), Cost::of(&argon.params)),
        }
    }

    /// A function that takes the same; `None`: Argon2 does not accept the parameters.
    #[must_use]
    pub fn decoy(recipe: Recipe) -> Option<Self> {
        Some(match recipe {
            Recipe::Argon(cost) => Self::Argon(ArgonFunction::decoy(cost)?),
            Recipe::Bcrypt(cost) => Self::Bcrypt { cost, salt: [0; 16], before: BeforeBcrypt::Nothing },
            Recipe::Pbkdf2(digest, iterations) => {
                Self::Pbkdf2 { digest, iterations: NonZeroU32::new(iterations)?, salt: vec![0; 16] }
            }
            Recipe::Scrypt(params) => Self::Scrypt { params, salt: vec![0; 16], around: AroundScrypt::Nothing },
            Recipe::ShaCrypt(digest, rounds) => Self::ShaCrypt { digest, rounds, salt: "................".to_owned() },
            Recipe::Wrapped(rounds, cost) => {
                let old = OldFunction::Phpass { log_rounds: rounds.checked_ilog2().unwrap_or(0), salt: [0; 8] };
                Self::Wrapped(old, ArgonFunction::decoy(cost)?)
            }
        })
    }

    /// How many bytes of output a decoy gives: one block.
    #[must_use]
    pub fn decoy_bytes(&self) -> usize {
        match self {
            Self::Argon(_) | Self::Wrapped(..) | Self::Scrypt { .. } => 32,
            Self::Bcrypt { .. } => BCRYPT_BYTES,
            Self::Pbkdf2 { digest, .. } => digest.bytes(),
            Self::ShaCrypt { digest, .. } => sha_crypt_length(*digest),
        }
    }

    /// Memory that it takes by itself, in KiB.
    #[must_use]
    pub fn memory(&self) -> u32 {
        match self {
            Self::Scrypt { params, .. } => of_scrypt(params).memory,
            _ => 0,
        }
    }

    /// Computes it. Argon2 is left to the caller: of [`Function::Argon`] and [`Function::Wrapped`], the result is what
    /// Argon2 is to be computed of.
    ///
    /// # Panics
    /// Never: the lengths were checked when the hash was read.
    #[must_use]
    pub fn compute(&self, form: &str, bytes: usize) -> Zeroizing<Vec<u8>> {
        let mut output = Zeroizing::new(vec![0; bytes]);
        match self {
            Self::Argon(_) => return Zeroizing::new(form.as_bytes().to_vec()),
            Self::Wrapped(old, _) => return old.compute(form),
            Self::Bcrypt { cost, salt, before } => {
                output = Zeroizing::new(bcrypt::bcrypt(*cost, *salt, &before.input(form))[..BCRYPT_BYTES].to_vec());
            }
            Self::Pbkdf2 { digest, iterations, salt } => {
                pbkdf2::derive(digest.pbkdf2(), *iterations, salt, form.as_bytes(), &mut output);
            }
            Self::Scrypt { params, salt, around } => around.compute(form, salt, params, &mut output),
            Self::ShaCrypt { digest, rounds, salt } => {
                output = Zeroizing::new(sha_crypt_text(*digest, *rounds, salt, at_most(form, LONGEST_ITERATED)));
            }
        }
        output
    }

    /// Whether it can be the hash of such a password at all.
    #[must_use]
    pub fn takes(&self, form: &str) -> bool {
        let grows_with_length = matches!(self, Self::ShaCrypt { .. } | Self::Wrapped(OldFunction::Phpass { .. }, _));
        !grows_with_length || form.len() <= LONGEST_ITERATED
    }
}

impl ArgonFunction {
    fn decoy(cost: Cost) -> Option<Self> {
        let params = Params::new(cost.memory, cost.passes, 1, Some(32)).ok()?;
        Some(Self { algorithm: Algorithm::Argon2id, version: Version::V0x13, params, salt: vec![0; 16] })
    }
}

impl OldFunction {
    fn rounds(&self) -> u32 {
        match self {
            Self::Salted(..) => 0,
            Self::Phpass { log_rounds, .. } => 1 << log_rounds,
        }
    }

    fn compute(&self, form: &str) -> Zeroizing<Vec<u8>> {
        let hash = match self {
            Self::Salted(algorithm, salt) => {
                let text = Zeroizing::new([form.as_bytes(), salt].concat());
                digest(algorithm.algorithm(), &text).as_ref().to_vec()
            }
            Self::Phpass { log_rounds, salt } => {
                let password = at_most(trimmed(form), LONGEST_ITERATED);
                let first = Md5::new().chain_update(salt).chain_update(password).finalize();
                (0..1_u64 << log_rounds)
                    .fold(first, |hash, _| Md5::new().chain_update(hash).chain_update(password).finalize())
                    .to_vec()
            }
        };
        Zeroizing::new(hash)
    }
}

impl BeforeBcrypt {
    /// Ended by a NUL, if there is room.
    fn input(self, form: &str) -> Zeroizing<Vec<u8>> {
        let mut input = Zeroizing::new(match self {
            Self::Nothing => at_most(form, SEEN_BY_BCRYPT).to_vec(),
            Self::Sha256InHex => digest(&SHA256, form.as_bytes()).as_ref().iter().flat_map(|byte| hex(*byte)).collect(),
            Self::WordPress => {
                let key = hmac::Key::new(hmac::HMAC_SHA384, b"wp-sha384");
                STANDARD.encode(hmac::sign(&key, trimmed(form).as_bytes())).into_bytes()
            }
        });
        if input.len() < SEEN_BY_BCRYPT {
            input.push(0);
        }
        input
    }
}

impl AroundScrypt {
    fn compute(&self, form: &str, salt: &[u8], params: &scrypt::Params, output: &mut [u8]) {
        let normal = match self {
            Self::Nfkc => Cow::Owned(form.nfkc().collect()),
            Self::Nothing | Self::Firebase(_) => Cow::Borrowed(form),
        };
        let into = |output: &mut [u8]| {
            scrypt::scrypt(normal.as_bytes(), salt, params, output).expect("the output has a valid length");
        };
        let Self::Firebase(signer) = self else { return into(output) };
        let mut derived = Zeroizing::new([0; FIREBASE_BYTES]);
        into(&mut *derived);
        let key = UnboundCipherKey::new(&AES_256, &derived[..32]).and_then(EncryptingKey::ctr);
        let mut encrypted = signer.expose().to_vec();
        key.and_then(|key| key.less_safe_encrypt(&mut encrypted, EncryptionContext::Iv128(FixedLength::from([0; 16]))))
            .expect("the key has 32 bytes, and this mode encrypts any length");
        // One that does not fit does not match.
        if encrypted.len() == output.len() {
            output.copy_from_slice(&encrypted);
        }
    }
}

/// Whether two outputs are equal, in constant time.
#[must_use]
pub fn are_equal(one: &[u8], other: &[u8]) -> bool {
    verify_slices_are_equal(one, other).is_ok()
}

/// The first bytes.
fn at_most(text: &str, bytes: usize) -> &[u8] {
    &text.as_bytes()[..text.len().min(bytes)]
}

/// Without what PHP's `trim` removes.
fn trimmed(form: &str) -> &str {
    form.trim_matches([' ', '\n', '\r', '\t', '\u{B}', '\0'])
}

fn hex(byte: u8) -> [u8; 2] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]
}

/// The length of the text of a SHA-crypt hash.
#[must_use]
pub fn sha_crypt_length(digest: Digest) -> usize {
    (digest.bytes() * 4).div_ceil(3)
}

/// The bytes in the order of the specification: each three are a third of the output apart, and turn by one from one
/// group to the next.
fn sha_crypt_text(digest: Digest, rounds: u32, salt: &str, password: &[u8]) -> Vec<u8> {
    let params = sha_crypt::Params::new(rounds).expect("the number of rounds was checked");
    let mut text = Vec::with_capacity(sha_crypt_length(digest));
    let groups = |text: &mut Vec<u8>, output: &[u8], turn: fn(&mut [usize; 3], usize)| {
        let third = output.len() / 3;
        for group in 0..third {
            let mut order = [group, group + third, group + 2 * third];
            turn(&mut order, group % 3);
            crypt_digits(text, order.map(|index| output[index]), 4);
        }
    };
    if digest == Digest::Sha256 {
        let output = Zeroizing::new(sha_crypt::sha256_crypt(password, salt.as_bytes(), params));
        groups(&mut text, &*output, |order, by| order.rotate_right(by));
        crypt_digits(&mut text, [0, output[31], output[30]], 3);
    } else {
        let output = Zeroizing::new(sha_crypt::sha512_crypt(password, salt.as_bytes(), params));
        groups(&mut text, &*output, |order, by| order.rotate_left(by));
        crypt_digits(&mut text, [0, 0, output[63]], 2);
    }
    text
}

/// Appends the lowest digits of 24 bits, the lowest first.
fn crypt_digits(text: &mut Vec<u8>, bytes: [u8; 3], count: usize) {
    let [high, middle, low] = bytes.map(usize::from);
    let bits = high << 16 | middle << 8 | low;
    text.extend((0..count).map(|digit| CRYPT_DIGITS[bits >> (6 * digit) & 63]));
}
