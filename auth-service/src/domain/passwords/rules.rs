//! Which passwords may be chosen: long enough, and not easily guessed.

use super::Password;
use std::ops::RangeInclusive;
use zeroize::Zeroizing;

/// How many characters a new password may be asked to have.
pub const MIN_CHARS: RangeInclusive<usize> = 8..=64;
/// The fewest characters of a password that is the only factor (NIST SP 800-63B-4, 3.1.1.2).
pub const NIST_MIN_CHARS: usize = 15;
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

/// Why a password may not be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WeakPassword {
    /// Too few characters, or more than [`MAX_CHARS`].
    #[error("a new password must have {min_chars} to {MAX_CHARS} characters here")]
    Length {
        /// The fewest that are allowed.
        min_chars: usize,
    },
    /// One of the passwords that attackers guess first.
    #[error("this password is easy to guess: choose a longer or less common one")]
    Common,
    /// Known from a breach of some site.
    #[error(
        "this password is known from a data breach, and attackers try such passwords first: choose another one, and change this one wherever you use it"
    )]
    Breached,
}

/// What is asked of new passwords. Existing ones stay as they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasswordRules {
    /// The fewest characters, of those that [`MIN_CHARS`] allows.
    pub min_chars: usize,
    /// Words that are as easy to guess here as the user's own name, such as the company's.
    pub words: Vec<String>,
}

impl PasswordRules {
    /// Checks only the length.
    ///
    /// # Errors
    /// [`WeakPassword::Length`].
    pub fn check_length(&self, password: &Password) -> Result<(), WeakPassword> {
        let fits = (self.min_chars..=MAX_CHARS).contains(&password.expose().chars().count());
        if fits { Ok(()) } else { Err(WeakPassword::Length { min_chars: self.min_chars }) }
    }

    /// Checks that a user about whom `known` is known (such as name and address) may choose the password. Computes for
    /// some milliseconds, whatever the password: [`super::strength_checks::StrengthChecks`] runs it where it does not
    /// delay requests.
    ///
    /// # Errors
    /// [`WeakPassword`].
    pub fn check_strength(&self, password: &Password, known: &[&str]) -> Result<(), WeakPassword> {
        self.check_length(password)?;
        let known: Vec<&str> = known.iter().copied().chain(self.words.iter().map(String::as_str)).collect();
        let unknown: Zeroizing<Vec<char>> = Zeroizing::new(without(password.expose(), &known).chars().collect());
        let (letters, times) = without_repetition(&unknown);
        let is_uncommon = pieces(letters).any(|piece| guesses(piece, &known) >= COMMON_BELOW_GUESSES / times);
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

#[cfg(test)]
mod tests {
    use super::*;

    const TOO_SHORT_OR_LONG: Result<(), WeakPassword> = Err(WeakPassword::Length { min_chars: 8 });

    fn strength_beside(text: &str, known: &[&str], words: &[&str]) -> Result<(), WeakPassword> {
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        PasswordRules { min_chars: 8, words }.check_strength(&Password::new(text.to_owned()), known)
    }

    fn strength(text: &str) -> Result<(), WeakPassword> {
        strength_beside(text, &["ada@example.com", "Ada Lovelace"], &[])
    }

    #[test]
    fn a_password_has_8_to_256_characters_whatever_their_bytes() {
        assert_eq!(strength("hG4!x9q"), TOO_SHORT_OR_LONG);
        assert_eq!(strength("ключ9пщё"), Ok(()));
        assert_eq!(strength(&"hG4!x9qZ".repeat(32)), Ok(()));
        assert_eq!(strength(&format!("{}a", "hG4!x9qZ".repeat(32))), TOO_SHORT_OR_LONG);
    }

    #[test]
    fn letters_count_however_they_are_composed() {
        assert_eq!(strength(&"e\u{301}".repeat(7)), TOO_SHORT_OR_LONG);
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
        let strength = |text: &str| strength_beside(text, &[email, name], &[]);
        for text in
            [email.to_owned(), email.to_uppercase(), name.to_owned(), format!("{name}1"), format!("{email}{name}")]
        {
            assert_eq!(strength(&text), Err(WeakPassword::Common), "{text}");
        }
        assert_eq!(strength(&format!("{name} hG4!x9qZ")), Ok(()));
    }

    #[test]
    fn words_of_the_company_are_as_easy_to_guess_as_ones_own_name() {
        let words = ["Quuxcorp", "frobnicator"];
        for text in ["quuxcorp", "Quuxcorp2026", "QUUXCORP1!", "Frobnicator", "Quuxc0rp"] {
            let stranger = strength(text);
            assert_eq!(strength_beside(text, &[], &words), Err(WeakPassword::Common), "{text}: {stranger:?}");
        }
        assert_eq!(strength("Quuxcorp2026"), Ok(()), "elsewhere nobody would guess it");
        assert_eq!(strength_beside("quuxcorp grumpy otter", &[], &words), Ok(()), "they may be part of a good one");
    }

    #[test]
    fn more_characters_may_be_asked_for() {
        let rules = PasswordRules { min_chars: 15, words: Vec::new() };
        let length = |text: &str| rules.check_strength(&Password::new(text.to_owned()), &[]);
        assert_eq!(length("grumpy-otter-4"), Err(WeakPassword::Length { min_chars: 15 }));
        assert_eq!(length("grumpy-otter-42"), Ok(()));
        assert!(WeakPassword::Length { min_chars: 15 }.to_string().contains("15 to 256 characters"));
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
