//! Passwords and their stored hashes, as two types.

pub mod argon2id;
pub mod breached;
mod fields;
pub mod foreign;
pub mod function;
pub mod new_passwords;
pub mod pool;
mod rates;
pub mod recipe;
pub mod rules;
pub mod signer_keys;
pub mod stored_hash;
pub mod strength_checks;
mod unusable;

pub use rules::WeakPassword;

use serde::Deserialize;
use std::fmt;
use unicode_normalization::{UnicodeNormalization as _, is_nfc};
use zeroize::Zeroizing;

/// Longer texts are not normalised: that would take time, and they are too long for a new password anyway.
const MAX_NORMALISED_BYTES: usize = 8 * 1024;
/// A letter's normal form is at most this many times as long.
const MAX_GROWTH: usize = 3;

/// A password, in Unicode's normal form C (NIST SP 800-63B-4, 3.1.1.2), because keyboards compose letters in different
/// ways. Has no `Debug`, and is wiped when dropped.
#[derive(Clone, Deserialize)]
#[serde(from = "String")]
pub struct Password(Zeroizing<String>, Option<Typed>);

/// A password as it was typed, if that differs: older hashes were made from it.
type Typed = Zeroizing<String>;

impl From<String> for Password {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl Password {
    /// A password from what a user typed.
    #[must_use]
    pub fn new(text: String) -> Self {
        let typed = Zeroizing::new(text);
        if typed.len() > MAX_NORMALISED_BYTES || is_nfc(&typed) {
            return Self(typed, None);
        }
        // Reserves room for all of it: a buffer that grows leaves copies in memory.
        let mut normal = Zeroizing::new(String::with_capacity(MAX_GROWTH * typed.len()));
        normal.extend(typed.nfc());
        Self(normal, Some(typed))
    }

    /// The texts that a hash may have been made from: the normal form, and what was typed if it differs.
    pub fn forms(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.expose()).chain(self.1.as_deref().map(String::as_str))
    }

    /// The password itself, in its normal form.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// A password's hash in the PHC string format. It cannot log anyone in, but passwords can be guessed with it, so it is
/// not printed.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(pub String);

impl PasswordHash {
    /// In place of the hash of a user who has no password: it begins as new hashes do, so that it is not taken for
    /// one that is to be replaced.
    pub const NONE: &str = "$argon2id$v=19$m=19456,t=2,p=1$$";

    /// The hash of a user who has no password.
    #[must_use]
    pub fn none() -> Self {
        Self(Self::NONE.to_owned())
    }

    /// Whether the user has no password.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.0 == Self::NONE
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_that_are_composed_in_another_way_are_the_same_letters() {
        let hangul = Password::new("\u{1112}\u{1161}\u{11ab}".repeat(3));
        assert_eq!(hangul.expose(), "\u{d55c}".repeat(3));
        assert_eq!(hangul.forms().count(), 2);
        assert_eq!(Password::new("\u{d55c}".repeat(3)).forms().count(), 1);
        assert_eq!(Password::new("e\u{301}".repeat(10_000)).forms().count(), 1, "too long for a password");
    }
}
