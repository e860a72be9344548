//! Passwords that are known from data breaches: what is asked of a list of them.

use super::Password;
use async_trait::async_trait;
use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use zeroize::Zeroizing;

/// The SHA-1 of a password, by which lists of breached passwords name it. A weak password can be guessed with it, so it
/// is neither printed nor stored.
pub struct PasswordSha1(Zeroizing<[u8; 20]>);

impl PasswordSha1 {
    /// That of a password in its normal form.
    #[must_use]
    pub fn of(password: &Password) -> Self {
        let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, password.expose().as_bytes());
        let mut bytes = Zeroizing::new([0; 20]);
        bytes.copy_from_slice(hash.as_ref());
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub fn expose(&self) -> &[u8; 20] {
        &self.0
    }
}

/// Why a list did not answer, in words for an operator: no URL, and nothing of a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoAnswer(pub String);

/// A list of breached passwords.
#[async_trait]
pub trait BreachedPasswords: Send + Sync {
    /// Whether a password is on the list. Answers within about a second.
    ///
    /// # Errors
    /// [`NoAnswer`]: it is not known.
    async fn contain(&self, password: &PasswordSha1) -> Result<bool, NoAnswer>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn breach_lists_are_asked_for_the_sha_1_of_the_normal_form() {
        let sha1 = |text: &str| PasswordSha1::of(&Password::new(text.to_owned())).expose().to_owned();
        assert_eq!(sha1("password")[..5], [0x5b, 0xaa, 0x61, 0xe4, 0xc9]);
        assert_eq!(sha1("Gru\u{308}\u{df}e"), sha1("Gr\u{fc}\u{df}e"));
    }
}
