//! Recovery codes: what a user who has lost a second factor shows instead. Each is good once.
//!
//! A code has 130 random bits, so that a fast hash of it gives nothing away (OWASP ASVS 5, 6.5.2). Recorded is a MAC of that
//! hash, by which a code is found, and the hash itself, sealed: from it the MAC is made anew when the root secret is replaced.

use crate::domain::{
    base32,
    secrets::{CannotOpen, KeyRing},
};
use aws_lc_rs::digest::{Context, SHA256};
use shared::ids::UserId;
use zeroize::Zeroizing;

/// How many codes a user gets.
pub const CODES: usize = 8;
/// The number of characters: 130 bits.
const LENGTH: usize = 26;
/// How many characters are shown in a group.
const GROUP: usize = 4;

/// A recovery code. Has no `Debug`, and is wiped when dropped.
#[derive(PartialEq, Eq)]
pub struct RecoveryCode(Zeroizing<[u8; LENGTH]>);

/// A recovery code as it is recorded. It lets nobody in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredCode {
    /// The MAC by which the code is found.
    pub mac: String,
    /// The sealed digest.
    pub sealed: Vec<u8>,
}

impl RecoveryCode {
    /// A new one.
    ///
    /// # Panics
    /// If the operating system provides no randomness.
    #[must_use]
    pub fn fresh() -> Self {
        let mut values = Zeroizing::new([0; LENGTH]);
        aws_lc_rs::rand::fill(&mut *values).expect("the operating system gives randomness");
        values.iter_mut().for_each(|value| *value &= 31);
        Self(values)
    }

    /// Reads what a person typed, as the codes of mails are read. `None`: it cannot be a code.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (mut values, mut length) = (Zeroizing::new([0; LENGTH]), 0);
        for bits in base32::typed(text) {
            *values.get_mut(length)? = bits?;
            length += 1;
        }
        (length == LENGTH).then_some(Self(values))
    }

    /// The code as it is shown: `XXXX-XXXX-XXXX-XXXX-XXXX-XXXX-XX`.
    #[must_use]
    pub fn expose(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(LENGTH + LENGTH / GROUP));
        for (place, bits) in self.0.iter().enumerate() {
            if place > 0 && place % GROUP == 0 {
                text.push('-');
            }
            text.push(base32::letter(*bits));
        }
        text
    }

    /// The MACs under which the code may be recorded for this user.
    #[must_use]
    pub fn macs(&self, sub: UserId, secrets: &KeyRing) -> Vec<String> {
        secrets.recovery_macs(&self.digest(sub))
    }

    /// The code as it is recorded for this user.
    ///
    /// # Panics
    /// If the operating system provides no randomness.
    #[must_use]
    pub fn stored(&self, sub: UserId, secrets: &KeyRing) -> StoredCode {
        StoredCode::of(sub, &self.digest(sub), secrets)
    }

    /// The same code of another user has another digest.
    fn digest(&self, sub: UserId) -> Zeroizing<[u8; 32]> {
        let mut context = Context::new(&SHA256);
        context.update(sub.to_string().as_bytes());
        context.update(&*self.0);
        Zeroizing::new(context.finish().as_ref().try_into().expect("a digest has 32 bytes"))
    }
}

impl StoredCode {
    fn of(sub: UserId, digest: &[u8; 32], secrets: &KeyRing) -> Self {
        Self { mac: secrets.recovery_mac(digest), sealed: secrets.seal(&sealed_for(sub), digest) }
    }

    /// The same code, recorded under the current root secret.
    ///
    /// # Errors
    /// [`CannotOpen`].
    ///
    /// # Panics
    /// If the operating system provides no randomness.
    pub fn resealed(&self, sub: UserId, secrets: &KeyRing) -> Result<Self, CannotOpen> {
        let digest = secrets.open(&sealed_for(sub), &self.sealed)?;
        Ok(Self::of(sub, digest.as_slice().try_into().map_err(|_| CannotOpen)?, secrets))
    }
}

fn sealed_for(sub: UserId) -> String {
    format!("recovery code {sub}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::secrets::RootSecret;

    fn root() -> RootSecret {
        RootSecret::parse(&RootSecret::generate()).unwrap_or_else(|error| panic!("{error}"))
    }

    const SHOWN: &str = "0123-4567-89AB-CDEF-GHJK-MNPQ-RS";

    #[test]
    fn a_code_is_read_as_people_type_it() {
        let code = RecoveryCode::parse(SHOWN).unwrap();
        assert_eq!(code.expose().as_str(), SHOWN);
        for typed in [
            "0123456789abcdefghjkmnpqrs",
            " 0123 4567 89AB CDEF GHJK MNPQ RS ",
            "OI23–4567–89АВ–СDЕF–GНJК–МNРQ–RS",
            "ol23\u{a0}4567-89ab-cdef-ghjk-mnpq-rs",
        ] {
            assert!(RecoveryCode::parse(typed).is_some_and(|read| read == code), "{typed}");
        }
    }

    #[test]
    fn what_cannot_be_a_code_is_not_read() {
        let long = "0".repeat(100_000);
        for text in ["", "0123-4567", &SHOWN[1..], &format!("{SHOWN}0"), &SHOWN.replace('F', "U"), &long] {
            assert!(RecoveryCode::parse(text).is_none(), "{}", text.chars().take(40).collect::<String>());
        }
    }

    #[test]
    fn codes_are_random_and_are_read_again() {
        let codes: Vec<RecoveryCode> = (0..1000).map(|_| RecoveryCode::fresh()).collect();
        let shown: std::collections::BTreeSet<String> = codes.iter().map(|code| code.expose().to_string()).collect();
        assert_eq!(shown.len(), codes.len());
        assert!(codes.iter().all(|code| RecoveryCode::parse(&code.expose()).is_some_and(|read| read == *code)));
        for place in 0..LENGTH {
            let seen: std::collections::BTreeSet<u8> = codes.iter().map(|code| code.0[place]).collect();
            assert_eq!(seen.len(), 32, "each character in each place");
        }
    }

    #[test]
    fn a_changed_bit_or_another_user_gives_another_mac() {
        let (secrets, sub) = (KeyRing::new(&root(), None), UserId::fresh());
        let code = RecoveryCode::fresh();
        let stored = code.stored(sub, &secrets);
        let is_found = |code: &RecoveryCode, sub, secrets: &KeyRing| code.macs(sub, secrets).contains(&stored.mac);
        assert!(is_found(&code, sub, &secrets));
        assert!(!is_found(&code, UserId::fresh(), &secrets));
        for bit in 0..5 * LENGTH {
            let mut values = Zeroizing::new(*code.0);
            values[bit / 5] ^= 1 << (bit % 5);
            assert!(!is_found(&RecoveryCode(values), sub, &secrets), "bit {bit}");
        }
    }

    #[test]
    fn a_code_survives_the_replacement_of_the_root_secret() {
        let (old, new, sub, code) = (root(), root(), UserId::fresh(), RecoveryCode::fresh());
        let before = code.stored(sub, &KeyRing::new(&old, None));
        let during = KeyRing::new(&new, Some(&old));
        assert!(code.macs(sub, &during).contains(&before.mac));
        let (after, resealed) = (KeyRing::new(&new, None), before.resealed(sub, &during).unwrap());
        assert!(code.macs(sub, &after).contains(&resealed.mac));
        assert!(after.is_sealed_by_current(&resealed.sealed));
        assert_eq!(before.resealed(UserId::fresh(), &during), Err(CannotOpen), "it is another user's");
        assert_eq!(before.resealed(sub, &after), Err(CannotOpen));
    }
}
