//! Passwords, and what is stored of them: two types.

use serde::Deserialize;
use zeroize::Zeroizing;

/// How many characters a new password has at least.
pub const MIN_CHARS: usize = 8;
/// How many characters a new password has at most.
pub const MAX_CHARS: usize = 256;

/// A password whose first so many guesses would find it is common: the lists of the ten thousand most used passwords,
/// their usual variations, and the user's own name and address are below it.
const COMMON_BELOW_GUESSES: u64 = 100_000;

/// A password as somebody typed it. Has no `Debug`, is wiped when dropped, and is used exactly as it came.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct Password(Zeroizing<String>);

/// Why a password may not be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WeakPassword {
    /// Fewer than [`MIN_CHARS`] or more than [`MAX_CHARS`] characters.
    #[error("a password has 8 to 256 characters")]
    Length,
    /// Among the passwords that are guessed first.
    #[error("this password is among those that are guessed first: choose a longer or less usual one")]
    Common,
}

impl Password {
    /// From what somebody typed.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The password itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Checks that it may be chosen by somebody of whom `known` is known. Takes some milliseconds of computing.
    ///
    /// # Errors
    /// [`WeakPassword`].
    pub fn check_strength(&self, known: &[&str]) -> Result<(), WeakPassword> {
        if !(MIN_CHARS..=MAX_CHARS).contains(&self.0.chars().count()) {
            return Err(WeakPassword::Length);
        }
        let guesses = zxcvbn::zxcvbn(&self.0, known).guesses();
        if guesses < COMMON_BELOW_GUESSES { Err(WeakPassword::Common) } else { Ok(()) }
    }
}

/// A password's hash in the PHC string format. Cannot log anybody in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasswordHash(pub String);

#[cfg(test)]
mod tests {
    use super::*;

    fn strength(text: &str) -> Result<(), WeakPassword> {
        Password::new(text.to_owned()).check_strength(&["ada@example.com", "Ada Lovelace"])
    }

    #[test]
    fn a_password_has_8_to_256_characters_whatever_their_bytes() {
        assert_eq!(strength("hG4!x9q"), Err(WeakPassword::Length));
        assert_eq!(strength("ключ9пщё"), Ok(()));
        assert_eq!(strength(&"hG4!x9qZ".repeat(32)), Ok(()));
        assert_eq!(strength(&format!("{}a", "hG4!x9qZ".repeat(32))), Err(WeakPassword::Length));
    }

    #[test]
    fn common_passwords_and_ones_own_name_are_refused() {
        for text in [
            "password",
            "12345678",
            "qwertyuiop",
            "iloveyou",
            "Password1",
            "ada@example.com",
            "lovelace",
            "aaaaaaaa",
            "P@ssw0rd",
            "password123",
            "letmein123",
        ] {
            assert_eq!(strength(text), Err(WeakPassword::Common), "{text}");
        }
    }

    #[test]
    fn passphrases_and_random_passwords_are_welcome() {
        for text in ["correct horse battery staple", "hG4!x9qZ", "grumpy-otter-42", "s3same-0pen-up", "Tr0ub4dor&3"] {
            assert_eq!(strength(text), Ok(()), "{text}");
        }
    }
}
