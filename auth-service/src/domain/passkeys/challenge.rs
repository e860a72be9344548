//! Challenges. Nothing is stored when one is asked for: its id holds it, signed. That it was answered is stored, until it
//! would have expired anyway.

use crate::domain::secrets::KeyRing;
use aws_lc_rs::rand;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use shared::{clock::Timestamp, ids::UserId};
use std::time::Duration;

/// How long a challenge may be answered.
pub const LIFE: Duration = Duration::from_secs(5 * 60);

/// What a challenge is for. Its answer is good for nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To add a passkey to this user's account.
    Register(UserId),
    /// To log in, as whoever the passkey belongs to.
    Login,
    /// To show that somebody who has been identified is this user: as a second factor, or again.
    Confirm(UserId),
}

/// A challenge, as it was signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// What it is for.
    pub purpose: Purpose,
    /// What the authenticator signs.
    pub bytes: [u8; 32],
    /// Until when it may be answered.
    pub expires_at: Timestamp,
}

/// The lengths of an id's parts: what it is for, whom, until when, the challenge; then the MAC.
const SIGNED: usize = 1 + 16 + 8 + 32;
const MAC: usize = 32;

impl Challenge {
    /// A fresh one.
    ///
    /// # Panics
    /// If the operating system provides no randomness.
    #[must_use]
    pub fn fresh(purpose: Purpose, now: Timestamp) -> Self {
        let mut bytes = [0; 32];
        rand::fill(&mut bytes).expect("the operating system gives randomness");
        Self { purpose, bytes, expires_at: now.plus(LIFE) }
    }

    /// The id, which the client returns with the answer.
    #[must_use]
    pub fn signed(&self, secrets: &KeyRing) -> String {
        let signed = self.encoded();
        URL_SAFE_NO_PAD.encode([&signed[..], &secrets.challenge_tag(&signed)].concat())
    }

    /// Reads an id. `None`: it is not one of ours, or has expired.
    #[must_use]
    pub fn read(id: &str, secrets: &KeyRing, now: Timestamp) -> Option<Self> {
        // Checked first, so that a text of any length costs nothing.
        let is_short = id.len() <= (SIGNED + MAC).div_ceil(3) * 4;
        let bytes = is_short.then(|| URL_SAFE_NO_PAD.decode(id).ok()).flatten()?;
        let (signed, mac) = bytes.split_at_checked(SIGNED)?;
        let challenge = secrets.is_challenge_tag(signed, mac).then(|| Self::decoded(signed)).flatten()?;
        (now < challenge.expires_at).then_some(challenge)
    }

    /// The name under which it is noted that it was answered.
    #[must_use]
    pub fn name(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.bytes)
    }

    fn encoded(&self) -> [u8; SIGNED] {
        let (kind, sub) = match self.purpose {
            Purpose::Register(sub) => (1, sub.to_bytes()),
            Purpose::Login => (2, [0; 16]),
            Purpose::Confirm(sub) => (3, sub.to_bytes()),
        };
        let parts = [&[kind][..], &sub, &self.expires_at.millis().to_be_bytes(), &self.bytes].concat();
        parts.try_into().expect("the parts have these lengths")
    }

    fn decoded(signed: &[u8]) -> Option<Self> {
        let (kind, rest) = signed.split_first()?;
        let (sub, rest) = rest.split_first_chunk()?;
        let (millis, bytes) = rest.split_first_chunk()?;
        let sub = UserId::from_bytes(*sub);
        let purpose = match kind {
            1 => Purpose::Register(sub),
            2 => Purpose::Login,
            3 => Purpose::Confirm(sub),
            _ => return None,
        };
        let expires_at = Timestamp::from_millis(i64::from_be_bytes(*millis));
        Some(Self { purpose, bytes: bytes.try_into().ok()?, expires_at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::secrets::RootSecret;

    const NOON: Timestamp = Timestamp::from_secs(1_795_219_200);

    fn secret() -> RootSecret {
        RootSecret::parse(&RootSecret::generate()).map_err(|error| error.to_string()).unwrap()
    }

    fn all() -> [Challenge; 3] {
        let sub = UserId::fresh();
        [Purpose::Register(sub), Purpose::Login, Purpose::Confirm(sub)].map(|purpose| Challenge::fresh(purpose, NOON))
    }

    #[test]
    fn a_challenge_is_read_as_it_was_signed_until_it_expires() {
        let secrets = KeyRing::new(&secret(), None);
        for challenge in all() {
            let id = challenge.signed(&secrets);
            let last = NOON.plus(LIFE - Duration::from_millis(1));
            assert_eq!(Challenge::read(&id, &secrets, last), Some(challenge));
            assert_eq!(Challenge::read(&id, &secrets, NOON.plus(LIFE)), None);
        }
    }

    #[test]
    fn a_challenge_survives_a_change_of_the_secret_and_no_other_secret_makes_one() {
        let (old, new) = (secret(), secret());
        let [challenge, ..] = all();
        let id = challenge.signed(&KeyRing::new(&old, None));
        assert_eq!(Challenge::read(&id, &KeyRing::new(&new, Some(&old)), NOON), Some(challenge));
        assert_eq!(Challenge::read(&id, &KeyRing::new(&new, None), NOON), None);
    }

    #[test]
    fn no_changed_bit_and_no_other_length_is_accepted() {
        let secrets = KeyRing::new(&secret(), None);
        for challenge in all() {
            let id = URL_SAFE_NO_PAD.decode(challenge.signed(&secrets)).unwrap();
            let read = |bytes: &[u8]| Challenge::read(&URL_SAFE_NO_PAD.encode(bytes), &secrets, NOON);
            for bit in 0..id.len() * 8 {
                let mut changed = id.clone();
                changed[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(read(&changed), None, "bit {bit}");
            }
            assert!((0..id.len()).all(|length| read(&id[..length]).is_none()));
            assert_eq!(read(&[&id[..], &[0]].concat()), None);
        }
        for text in ["", "=", "a", "ä", &"A".repeat(1 << 20)] {
            assert_eq!(Challenge::read(text, &secrets, NOON), None);
        }
    }

    #[test]
    fn no_two_challenges_are_alike() {
        let [one, other, _] = all();
        assert_ne!(one.name(), other.name());
    }
}
