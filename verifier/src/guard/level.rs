//! The values of `acr`, and which of them satisfies which.

use super::rejection::is_scope_byte;
use std::{borrow::Cow, iter};

/// The levels of auth-service: each also satisfies whoever wants one before it.
const LEVELS: [&str; 3] = ["1", "2", "phr"];

/// How surely the user of a request has to be authenticated: a value of `acr`. Those of auth-service are in order, `1` < `2` <
/// `phr`, and a higher one satisfies a lower one. Any other, of another issuer, is satisfied by the same value alone.
///
/// It is a text that fits into a challenge: printable ASCII without spaces, `"` and `\`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Level(Cow<'static, str>);

impl Level {
    /// `1`: one factor, such as a password. Tokens without `acr` have it.
    pub const ONE_FACTOR: Self = Self::of(LEVELS[0]);
    /// `2`: two factors.
    pub const TWO_FACTORS: Self = Self::of(LEVELS[1]);
    /// `phr`: resistant to phishing; a passkey that has verified the user.
    pub const PHISHING_RESISTANT: Self = Self::of(LEVELS[2]);

    /// A level that the program names.
    ///
    /// # Panics
    /// If it does not fit into a challenge; in a constant, the program does not compile.
    #[must_use]
    pub const fn of(acr: &'static str) -> Self {
        assert!(is_level(acr), "an acr is printable ASCII without spaces, quotes and backslashes");
        Self(Cow::Borrowed(acr))
    }

    /// A level that a setting or a request names; `None` if it does not fit into a challenge.
    #[must_use]
    pub fn parse(acr: &str) -> Option<Self> {
        is_level(acr).then(|| Self(Cow::Owned(acr.to_owned())))
    }

    /// Its `acr`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a token with this `acr` has at least this level.
    #[must_use]
    pub fn is_satisfied_by(&self, held: Option<&str>) -> bool {
        let held = held.unwrap_or(LEVELS[0]);
        self.satisfying().any(|level| level == held)
    }

    /// Every `acr` that satisfies it, itself first.
    pub fn satisfying(&self) -> impl Iterator<Item = &str> {
        let place = LEVELS.iter().position(|level| *level == self.0);
        let higher = place.map_or(&[][..], |place| &LEVELS[place + 1..]);
        iter::once(self.as_str()).chain(higher.iter().copied())
    }
}

const fn is_level(acr: &str) -> bool {
    let (bytes, mut at) = (acr.as_bytes(), 0);
    while at < bytes.len() {
        if !is_scope_byte(bytes[at]) {
            return false;
        }
        at += 1;
    }
    !acr.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_higher_level_satisfies_a_lower_one_and_never_the_other_way_round() {
        let satisfying = [
            (Level::ONE_FACTOR, &["1", "2", "phr"][..]),
            (Level::TWO_FACTORS, &["2", "phr"]),
            (Level::PHISHING_RESISTANT, &["phr"]),
        ];
        for (wanted, satisfying) in satisfying {
            assert_eq!(wanted.satisfying().collect::<Vec<_>>(), satisfying);
            for held in ["1", "2", "phr", "0", "3", " 2", "2 ", "02", "mfa", "PHR", "phrh", "", "1 2 phr"] {
                let is_enough = satisfying.contains(&held);
                assert_eq!(wanted.is_satisfied_by(Some(held)), is_enough, "{held:?} for {:?}", wanted.as_str());
            }
        }
    }

    #[test]
    fn a_token_without_a_level_has_one_factor() {
        assert!(Level::ONE_FACTOR.is_satisfied_by(None));
        for higher in [Level::TWO_FACTORS, Level::PHISHING_RESISTANT, Level::of("0"), Level::of("mfa")] {
            assert!(!higher.is_satisfied_by(None), "{}", higher.as_str());
        }
    }

    #[test]
    fn a_level_that_is_not_ours_is_satisfied_by_itself_alone() {
        let gold = Level::of("urn:bank:gold");
        assert_eq!(gold.satisfying().collect::<Vec<_>>(), ["urn:bank:gold"]);
        assert!(gold.is_satisfied_by(Some("urn:bank:gold")));
        for other in ["urn:bank:Gold", "urn:bank:golden", "urn:bank:silver", "phr"] {
            assert!(!gold.is_satisfied_by(Some(other)), "{other}");
        }
    }

    #[test]
    fn what_could_break_out_of_a_challenge_is_not_a_level() {
        assert_eq!(Level::parse("phr"), Some(Level::PHISHING_RESISTANT));
        for odd in ["", " ", "1 2", "\"", "a\\", "a\r\nSet-Cookie: x", "\u{7f}", "\u{e4}"] {
            assert_eq!(Level::parse(odd), None, "{odd:?}");
        }
    }
}
