//! What users call their passkeys.

use crate::domain::accounts::is_obeyed;

/// The name of a passkey: 1 to 64 characters, none of which programs obey instead of showing it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasskeyName(String);

/// The text is not a valid name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a passkey's name has 1 to 64 characters, no control characters and none that change the direction of text")]
pub struct InvalidPasskeyName;

impl PasskeyName {
    /// Reads a name; white space around it is dropped.
    ///
    /// # Errors
    /// [`InvalidPasskeyName`].
    pub fn parse(text: &str) -> Result<Self, InvalidPasskeyName> {
        let text = text.trim();
        let fits = (1..=64).contains(&text.chars().count()) && !text.chars().any(is_obeyed);
        if fits { Ok(Self(text.to_owned())) } else { Err(InvalidPasskeyName) }
    }

    /// The name of a passkey that was given none: its provider's, if that is known.
    #[must_use]
    pub fn of_provider(provider: Option<&str>) -> Self {
        Self(provider.unwrap_or("Passkey").to_owned())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_obeyed_by_nobody() {
        assert_eq!(PasskeyName::parse("  Телефон Ади 📱 ").unwrap().as_str(), "Телефон Ади 📱");
        for wrong in ["", "  ", "a\0b", "a\nb", "a\u{202E}b", &"a".repeat(65)] {
            assert_eq!(PasskeyName::parse(wrong), Err(InvalidPasskeyName), "{wrong:?}");
        }
        assert!(PasskeyName::parse(&"ж".repeat(64)).is_ok());
    }
}
