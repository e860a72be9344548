//! What verifies the answers of authenticators. A trait of ours, so that another library can take the place of the one
//! that is used.

use super::{
    relying_party::RelyingParty,
    wire::{Assertion, CredentialId, Registration},
};

/// A new credential that was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCredential {
    /// Its id.
    pub id: CredentialId,
    /// Its public key.
    pub key: PublicKey,
    /// The model of the authenticator, as it says itself.
    pub aaguid: [u8; 16],
    /// What the authenticator said beside.
    pub seen: AuthenticatorData,
}

/// A public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    /// In COSE (RFC 9052).
    pub cose: Vec<u8>,
    /// Its algorithm there.
    pub algorithm: i32,
}

impl PublicKey {
    /// The algorithms that are accepted, the preferred one first: ES256, EdDSA, RS256.
    pub const ALGORITHMS: [i32; 3] = [-7, -8, -257];
}

/// What an authenticator said, in signed bytes (WebAuthn Level 3, section 6.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuthenticatorData {
    /// Whether the authenticator made sure of its user, by a PIN or a fingerprint.
    pub is_user_verified: bool,
    /// Whether the credential may be copied to other devices. Never changes.
    pub is_backup_eligible: bool,
    /// Whether it is copied now.
    pub is_backed_up: bool,
    /// How often the credential was used, if the authenticator counts: otherwise always 0.
    pub counter: u32,
}

impl AuthenticatorData {
    /// Reads the flags and the counter. `None`: it is too short.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let (_rp_id_hash, rest) = bytes.split_at_checked(32)?;
        let (flags, rest) = rest.split_first()?;
        let counter = u32::from_be_bytes(*rest.first_chunk()?);
        Some(Self {
            is_user_verified: flags & 0x04 != 0,
            is_backup_eligible: flags & 0x08 != 0,
            is_backed_up: flags & 0x10 != 0,
            counter,
        })
    }
}

/// The answer is not genuine, or not to this challenge, from this origin or for this domain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotGenuine(
    /// Why, for the log.
    pub String,
);

/// Verifies signatures, challenges, origins, domains, and that a user was present and verified. Counters, and to whom a
/// credential belongs, are not looked at.
pub trait Ceremonies: Send + Sync {
    /// Verifies the answer to a registration. Attestation is not asked for, and what comes of it is not kept.
    ///
    /// # Errors
    /// [`NotGenuine`].
    fn registered(
        &self,
        party: &RelyingParty,
        challenge: &[u8; 32],
        answer: &Registration,
    ) -> Result<NewCredential, NotGenuine>;

    /// Verifies the answer to a login, by the credential's key.
    ///
    /// # Errors
    /// [`NotGenuine`].
    fn asserted(
        &self,
        party: &RelyingParty,
        challenge: &[u8; 32],
        answer: &Assertion,
        key: &PublicKey,
    ) -> Result<AuthenticatorData, NotGenuine>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_and_counter_are_read_from_their_places() {
        let mut bytes = [0; 37];
        assert_eq!(AuthenticatorData::read(&bytes[..36]), None);
        let nothing =
            AuthenticatorData { is_user_verified: false, is_backup_eligible: false, is_backed_up: false, counter: 0 };
        assert_eq!(AuthenticatorData::read(&bytes), Some(nothing));
        bytes[33..].copy_from_slice(&[1, 2, 3, 4]);
        for (flags, expected) in [
            (0x01, nothing),
            (0x04, AuthenticatorData { is_user_verified: true, ..nothing }),
            (0x08, AuthenticatorData { is_backup_eligible: true, ..nothing }),
            (0x10, AuthenticatorData { is_backed_up: true, ..nothing }),
        ] {
            bytes[32] = flags;
            let expected = AuthenticatorData { counter: 0x0102_0304, ..expected };
            assert_eq!(AuthenticatorData::read(&bytes), Some(expected), "{flags}");
        }
    }
}
