//! The store of passkeys: what it keeps, and what it promises. Nothing in it logs anybody in.

use super::{
    ceremonies::{AuthenticatorData, PublicKey},
    challenge::Challenge,
    name::PasskeyName,
    wire::CredentialId,
};
use crate::domain::{Unavailable, accounts::Epoch, audit::Event, mail::SealedMail};
use async_trait::async_trait;
use shared::{
    clock::Timestamp,
    ids::{PasskeyId, SessionId, TokenId, UserId},
};

/// How many passkeys a user may have.
pub const MAX_PASSKEYS: usize = 20;

/// A passkey of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passkey {
    /// Its id here.
    pub id: PasskeyId,
    /// Whose it is.
    pub sub: UserId,
    /// The credential's id.
    pub credential: CredentialId,
    /// The credential's public key.
    pub key: PublicKey,
    /// The last counter, 0 if the authenticator does not count.
    pub counter: u32,
    /// How the authenticator can be reached.
    pub transports: Vec<String>,
    /// The model of the authenticator, as it says itself.
    pub aaguid: [u8; 16],
    /// Whether it may be copied to other devices. Never changes.
    pub is_backup_eligible: bool,
    /// Whether it was when it was last used.
    pub is_backed_up: bool,
    /// What the user calls it.
    pub name: PasskeyName,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it was last used.
    pub last_used_at: Option<Timestamp>,
}

/// A challenge that was answered, to be spent by exactly one use.
#[derive(Debug, Clone, Copy)]
pub struct Spent<'a> {
    /// The challenge.
    pub challenge: &'a Challenge,
    /// A fresh id of this use, which tells it from others that run at the same time.
    pub attempt: TokenId,
}

/// The session in which a user changes something. It must not have ended when the change is written.
#[derive(Debug, Clone, Copy)]
pub struct Standing {
    /// The user.
    pub sub: UserId,
    /// The user's epoch, as it was read.
    pub epoch: Epoch,
    /// The session.
    pub session: SessionId,
}

/// What is written beside a change, in its transaction, and only if something was changed.
#[derive(Debug, Clone, Copy)]
pub struct Records<'a> {
    /// What happened.
    pub event: &'a Event,
    /// The mails that report it to the user.
    pub mails: &'a [SealedMail],
}

/// What became of a passkey that was to be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Addition {
    /// It was added.
    Added,
    /// The challenge had been used.
    Spent,
    /// The credential is a passkey already, of whomever.
    Taken,
    /// The user has [`MAX_PASSKEYS`].
    TooMany,
    /// The session has ended.
    Outdated,
}

/// What became of a use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// It was noted.
    Noted,
    /// The challenge had been used.
    Spent,
    /// The counter is not above the last one: there are two copies of the credential.
    Behind,
    /// The passkey was removed meanwhile.
    Gone,
}

/// What became of a passkey that was to be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// It was removed.
    Removed,
    /// The user has no such passkey.
    NoSuch,
    /// The user has no password and no other passkey.
    LastWayIn,
    /// The session has ended.
    Outdated,
}

/// Keeps passkeys. Whatever it reports as done is durable.
#[async_trait]
pub trait PasskeyStore: Send + Sync {
    /// Adds a passkey, which spends the challenge. However many are added at the same time, a user has at most
    /// [`MAX_PASSKEYS`], a credential is added once, and a challenge adds one.
    async fn add(
        &self,
        passkey: &Passkey,
        spent: Spent<'_>,
        by: Standing,
        records: Records<'_>,
    ) -> Result<Addition, Unavailable>;

    /// The passkeys of a user, the oldest first.
    async fn passkeys_of(&self, sub: UserId) -> Result<Vec<Passkey>, Unavailable>;

    /// The passkey with this credential.
    async fn by_credential(&self, id: &CredentialId) -> Result<Option<Passkey>, Unavailable>;

    /// Notes that a passkey was used, which spends the challenge. Of any number of uses of one challenge, one is noted; the
    /// counter only rises, unless it is always 0.
    async fn note_use(
        &self,
        passkey: &Passkey,
        seen: &AuthenticatorData,
        spent: Spent<'_>,
        now: Timestamp,
    ) -> Result<Use, Unavailable>;

    /// Renames a passkey of a user; `false`: the user has no such passkey.
    async fn rename(&self, sub: UserId, id: PasskeyId, name: &PasskeyName, event: &Event) -> Result<bool, Unavailable>;

    /// Removes a passkey of a user, but never the only way in.
    async fn remove(&self, id: PasskeyId, by: Standing, records: Records<'_>) -> Result<Removal, Unavailable>;

    /// Records that there are two copies of a passkey.
    async fn report_copies(&self, records: Records<'_>) -> Result<(), Unavailable>;

    /// Forgets up to `at_most` answered challenges that expired before this time; returns how many.
    async fn forget_challenges(&self, before: Timestamp, at_most: u32) -> Result<u64, Unavailable>;
}
