//! Passwords and their stored hashes, as two types.

pub mod argon2id;
pub mod pool;
pub mod stored_hash;
pub mod strength_checks;

use serde::Deserialize;
use std::fmt;
use unicode_normalization::{UnicodeNormalization as _, is_nfc};
use zeroize::Zeroizing;

/// The fewest characters of a new password.
pub const MIN_CHARS: usize = 8;
/// The most characters of a new password.
pub const MAX_CHARS: usize = 256;

/// A password that takes fewer guesses than this is common. The ten thousand most used passwords, their usual
/// variations, and the user's own name and address are all below it.
const COMMON_BELOW_GUESSES: u64 = 100_000;

/// How many characters are judged at a time: the work grows with their square, and zxcvbn computes wrongly beyond 20
/// patterns.
const PIECE_CHARS: usize = 20;
/// How many pieces are judged: the first ones and the last one. A password passes if any of them is not common.
const MAX_PIECES: usize = 4;
/// The most ways in which a piece may be read by undoing substitutions such as `@` for `a`: zxcvbn tries each of them.
const MAX_READINGS: usize = 64;
/// zxcvbn's table of substitutions.
const SUBSTITUTES: [&str; 12] = ["4@", "8", "({[<", "3", "69", "1!|", "1|7", "0", "$5", "+7", "%", "2"];
/// Those of them that stand for two letters: each may double the readings.
const AMBIGUOUS: &str = "1|7";
/// If a piece has too many readings, these stop counting as letters, one after the other: people rarely use them as
/// such.
const RARE: [char; 6] = ['<', '{', '[', '|', '+', '!'];

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

/// Why a password may not be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WeakPassword {
    /// Fewer than [`MIN_CHARS`] or more than [`MAX_CHARS`] characters.
    #[error("a password has 8 to 256 characters")]
    Length,
    /// One of the passwords that attackers guess first.
    #[error("this password is easy to guess: choose a longer or less common one")]
    Common,
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

    /// Checks only the length.
    ///
    /// # Errors
    /// [`WeakPassword::Length`].
    pub fn check_length(&self) -> Result<(), WeakPassword> {
        let fits = (MIN_CHARS..=MAX_CHARS).contains(&self.0.chars().count());
        if fits { Ok(()) } else { Err(WeakPassword::Length) }
    }

    /// Checks that a user about whom `known` is known (such as name and address) may choose the password. Computes for
    /// some milliseconds, whatever the password: [`self::strength_checks::StrengthChecks`] runs it where it does not
    /// delay requests.
    ///
    /// # Errors
    /// [`WeakPassword`].
    pub fn check_strength(&self, known: &[&str]) -> Result<(), WeakPassword> {
        self.check_length()?;
        let unknown: Zeroizing<Vec<char>> = Zeroizing::new(without(&self.0, known).chars().collect());
        let (letters, times) = without_repetition(&unknown);
        let is_uncommon = pieces(letters).any(|piece| guesses(piece, known) >= COMMON_BELOW_GUESSES / times);
        if is_uncommon { Ok(()) } else { Err(WeakPassword::Common) }
    }
}

/// The text without the known texts that are longer than a piece: cut into pieces, they would not be recognised.
fn without(text: &str, known: &[&str]) -> Zeroizing<String> {
    let long = known.iter().map(|known| known.to_lowercase()).filter(|known| known.chars().count() > PIECE_CHARS);
    long.fold(Zeroizing::new(text.to_owned()), |text, known| {
        let lower = Zeroizing::new(text.to_lowercase());
        if lower.contains(&known) { Zeroizing::new(lower.replace(&known, "")) } else { text }
    })
}

/// If the text repeats itself: two repetitions, and how many times as long the whole is, rounded up.
fn without_repetition(letters: &[char]) -> (&[char], u64) {
    let repeats = |period: &usize| letters.iter().zip(&letters[*period..]).all(|(one, next)| one == next);
    match (1..=letters.len() / 2).find(repeats) {
        Some(period) => (&letters[..2 * period], letters.len().div_ceil(2 * period) as u64),
        None => (letters, 1),
    }
}

fn pieces(letters: &[char]) -> impl Iterator<Item = &[char]> {
    let last = letters.len().saturating_sub(PIECE_CHARS);
    let first = (0..last).step_by(PIECE_CHARS).take(MAX_PIECES - 1);
    first.chain([last]).map(|begin| &letters[begin..letters.len().min(begin + PIECE_CHARS)])
}

fn guesses(piece: &[char], known: &[&str]) -> u64 {
    let mut piece = Zeroizing::new(piece.to_vec());
    for (rare, stand_in) in RARE.into_iter().zip('\u{E000}'..) {
        if readings(&piece) <= MAX_READINGS {
            break;
        }
        piece.iter_mut().filter(|letter| **letter == rare).for_each(|letter| *letter = stand_in);
    }
    let piece: Zeroizing<String> = Zeroizing::new(piece.iter().collect());
    zxcvbn::zxcvbn(&piece, known).guesses()
}

/// An upper bound of the readings that are tried.
fn readings(piece: &[char]) -> usize {
    let in_piece = |substitutes: &str| substitutes.chars().filter(|letter| piece.contains(letter)).count();
    let choices: usize = SUBSTITUTES.iter().map(|substitutes| in_piece(substitutes).max(1)).product();
    choices << in_piece(AMBIGUOUS)
}

/// A password's hash in the PHC string format. It cannot log anyone in, but passwords can be guessed with it, so it is
/// not printed.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(pub String);

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash")
    }
}

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
    fn letters_count_however_they_are_composed() {
        assert_eq!(strength(&"e\u{301}".repeat(7)), Err(WeakPassword::Length));
        let hangul = Password::new("\u{1112}\u{1161}\u{11ab}".repeat(3));
        assert_eq!(hangul.expose(), "\u{d55c}".repeat(3));
        assert_eq!(hangul.forms().count(), 2);
        assert_eq!(Password::new("\u{d55c}".repeat(3)).forms().count(), 1);
        assert_eq!(Password::new("e\u{301}".repeat(10_000)).forms().count(), 1, "too long for a password");
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
    fn a_long_password_is_common_if_all_of_it_is() {
        let alphabet = "abcdefghijklmnopqrstuvwxyz";
        for text in [
            "a".repeat(256),
            "password".repeat(3),
            "abc".repeat(40),
            alphabet.to_owned(),
            format!("{alphabet}0123456789"),
        ] {
            assert_eq!(strength(&text), Err(WeakPassword::Common), "{text}");
        }
        for text in [format!("{}hG4!x9qZ", "a".repeat(20)), format!("hG4!x9qZ{}", "a".repeat(200)), "word ".repeat(51)]
        {
            assert_eq!(strength(&text), Ok(()), "{text}");
        }
    }

    #[test]
    fn ones_own_long_name_or_address_is_common_however_long() {
        let (email, name) = ("ada.king.countess.of.lovelace@example.com", "Augusta Ada King, Countess of Lovelace");
        let strength = |text: &str| Password::new(text.to_owned()).check_strength(&[email, name]);
        for text in
            [email.to_owned(), email.to_uppercase(), name.to_owned(), format!("{name}1"), format!("{email}{name}")]
        {
            assert_eq!(strength(&text), Err(WeakPassword::Common), "{text}");
        }
        assert_eq!(strength(&format!("{name} hG4!x9qZ")), Ok(()));
    }

    #[test]
    fn the_work_for_a_password_is_bounded_whatever_it_is() {
        let substitutes = "4@8({[<369!1|705$+%2";
        for text in [substitutes.repeat(12), format!("{substitutes}{}", "1234567890!@".repeat(19))] {
            let letters: Vec<char> = text.chars().collect();
            assert!(pieces(&letters).count() <= MAX_PIECES);
            assert!(pieces(&letters).all(|piece| piece.len() <= PIECE_CHARS));
            strength(&text).ok();
        }
        let mut everything: Vec<char> = substitutes.chars().collect();
        assert!(readings(&everything) > MAX_READINGS);
        everything.retain(|letter| !RARE.contains(letter));
        assert!(readings(&everything) <= MAX_READINGS, "masking the rare ones is enough");
        assert!(readings(&"1234567890".chars().collect::<Vec<_>>()) <= MAX_READINGS, "digits are read in all ways");
    }

    #[test]
    fn passphrases_and_random_passwords_are_welcome() {
        for text in ["correct horse battery staple", "hG4!x9qZ", "grumpy-otter-42", "s3same-0pen-up", "Tr0ub4dor&3"] {
            assert_eq!(strength(text), Ok(()), "{text}");
        }
    }
}
