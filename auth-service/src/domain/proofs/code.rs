//! The code that a mail carries: typed by a person, or followed as part of a link.

use crate::domain::base32;
use std::fmt::Write as _;
use zeroize::Zeroizing;

/// The number of characters: 40 bits.
const LENGTH: usize = 8;

/// A code of 40 bits. Has no `Debug`, and is wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Code(Zeroizing<[u8; 5]>);

impl Code {
    /// The code with these bits.
    #[must_use]
    pub fn from_bits(bits: [u8; 5]) -> Self {
        Self(Zeroizing::new(bits))
    }

    /// The bits, for a comparison in constant time.
    #[must_use]
    pub fn bits(&self) -> &[u8; 5] {
        &self.0
    }

    /// Reads what a person typed: in either case, with or without separators, and with letters that look like those
    /// of the alphabet, also Cyrillic ones. `None`: it cannot be a code.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut number = 0_u64;
        let mut length = 0;
        for bits in base32::typed(text) {
            number = number << 5 | u64::from(bits?);
            length += 1;
            if length > LENGTH {
                return None;
            }
        }
        let [_, _, _, bits @ ..] = number.to_be_bytes();
        (length == LENGTH).then(|| Self::from_bits(bits))
    }

    /// The code as it is shown: `XXXX-XXXX`.
    #[must_use]
    pub fn expose(&self) -> Zeroizing<String> {
        let number = self.0.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        let mut text = Zeroizing::new(String::with_capacity(LENGTH + 1));
        for place in (0..LENGTH).rev() {
            text.push(base32::letter((number >> (5 * place) & 31) as u8));
            if place == LENGTH / 2 {
                text.write_char('-').expect("a text takes every character");
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_as_people_type_it() {
        let code = Code::parse("A1B0-CDEF").unwrap();
        for typed in
            ["a1b0cdef", " A1B0 CDEF ", "aib0-cdef", "AlBO CDEF", "АІВО–СDЕF", "a1b0\u{a0}cdef", "A-1-B-0-C-D-E-F"]
        {
            assert!(Code::parse(typed) == Some(code.clone()), "{typed}");
        }
        assert_eq!(&**code.expose(), "A1B0-CDEF");
    }

    #[test]
    fn what_cannot_be_a_code_is_not_read() {
        for text in ["", "A1B0-CDE", "A1B0-CDEF0", "U1B0-CDEF", "A1B0_CDEF", "A1B0-CDEФ", &"0".repeat(100_000)] {
            assert!(Code::parse(text).is_none(), "{}", text.chars().take(20).collect::<String>());
        }
    }

    #[test]
    fn a_code_that_is_shown_is_read_again() {
        for number in (0..1_u64 << 40).step_by(99_999_989) {
            let [_, _, _, bits @ ..] = number.to_be_bytes();
            let code = Code::from_bits(bits);
            assert!(Code::parse(&code.expose()) == Some(code.clone()), "{bits:?}");
            assert!(Code::parse(&code.expose().to_lowercase()) == Some(code), "{bits:?}");
        }
    }
}
