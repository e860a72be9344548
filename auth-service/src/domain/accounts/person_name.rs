//! Names of users.

/// Whether programs that display a text obey this character instead of showing it: a control character (Unicode's Cc),
/// a line or paragraph separator (Zl, Zp), a byte order mark, or a character that changes the direction of the text
/// around it.
#[must_use]
pub const fn is_obeyed(character: char) -> bool {
    let is_control = matches!(character, '\0'..='\u{1F}' | '\u{7F}'..='\u{9F}');
    let turns =
        matches!(character, '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    is_control || turns || matches!(character, '\u{2028}' | '\u{2029}' | '\u{FEFF}')
}

/// A user's name: 1 to 200 characters without control characters; new names also contain none that [`is_obeyed`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonName(String);

/// The text is not a valid name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a name has 1 to 200 characters, no control characters and none that change the direction of text")]
pub struct InvalidName;

impl PersonName {
    /// Reads a name; white space around it is dropped.
    ///
    /// # Errors
    /// [`InvalidName`].
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        if text.trim().chars().any(is_obeyed) { Err(InvalidName) } else { Self::stored(text) }
    }

    /// Reads a stored name: earlier versions accepted characters that new names may not contain.
    ///
    /// # Errors
    /// [`InvalidName`].
    pub fn stored(text: &str) -> Result<Self, InvalidName> {
        let text = text.trim();
        let fits = (1..=200).contains(&text.chars().count()) && !text.chars().any(char::is_control);
        if fits { Ok(Self(text.to_owned())) } else { Err(InvalidName) }
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
    fn names_have_no_control_characters() {
        assert!(PersonName::parse("Ada Лавлейс").is_ok());
        assert_eq!(PersonName::parse("a\0b"), Err(InvalidName));
        for obeyed in ['\u{85}', '\u{61C}', '\u{200F}', '\u{202E}', '\u{2028}', '\u{2029}', '\u{2066}', '\u{FEFF}'] {
            assert_eq!(PersonName::parse(&format!("a{obeyed}b")), Err(InvalidName), "{obeyed:?}");
            assert_eq!(PersonName::stored(&format!("a{obeyed}b")).is_ok(), !obeyed.is_control(), "{obeyed:?}");
        }
        // Persian text and emoji need the joiner and the non-joiner.
        assert!(PersonName::parse("a\u{200C}b\u{200D}c\u{A0}d").is_ok());
        assert_eq!(PersonName::parse("  "), Err(InvalidName));
        assert_eq!(PersonName::parse(&"a".repeat(201)), Err(InvalidName));
    }
}
