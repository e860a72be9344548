//! The store of proofs: what it keeps, and what it promises. It keeps no code and nothing that one could be computed
//! from without the root secret.

use super::Purpose;
use crate::domain::{
    Unavailable,
    accounts::{Account, EmailAddress, Epoch, NewAccount},
    audit::Event,
    mail::SealedMail,
    passwords::PasswordHash,
};
use async_trait::async_trait;
use shared::{
    clock::Timestamp,
    ids::{ProofId, UserId},
};

/// How often a code may be tried before its proof is spent.
pub const MAX_TRIES: u32 = 5;

/// A proof that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// Its public id.
    pub id: ProofId,
    /// What it is for.
    pub purpose: Purpose,
    /// The account; `None` if there is none: of a registration, or of an address that has no account.
    pub sub: Option<UserId>,
    /// The address that the code goes to.
    pub address: EmailAddress,
    /// The account's epoch when the proof was asked for: a change of the password makes it worthless.
    pub epoch: Epoch,
    /// What is done once the code comes, sealed.
    pub payload: Option<Vec<u8>>,
    /// Until when the code is good.
    pub expires_at: Timestamp,
}

/// What became of a try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Try {
    /// It was counted: the code may be compared.
    Counted {
        /// The proof.
        proof: Proof,
        /// How many tries are left after this one.
        left: u32,
    },
    /// The proof was used, or its tries are.
    Spent,
    /// There is no such proof, or not any more.
    Expired,
}

/// What a code that was right allows. It is spent by exactly one change.
#[derive(Debug, Clone)]
pub struct Spending<'a> {
    /// The proof.
    pub proof: &'a Proof,
    /// A fresh id of this attempt, which tells it from others that run at the same time.
    pub attempt: ProofId,
    /// When.
    pub now: Timestamp,
    /// What happened.
    pub event: &'a Event,
    /// The mails that report it to the user.
    pub mails: &'a [SealedMail],
}

/// Keeps proofs. Whatever it reports as done is durable. Each change spends its proof in the same transaction: of any
/// number of changes by one proof, at most one is made.
#[async_trait]
pub trait ProofStore: Send + Sync {
    /// Keeps a proof and, if it is to be sent, adds the mail to the outbox, in one transaction, which takes as long if
    /// it is not. Of a proof that is kept already, only the payload is replaced.
    async fn ask(&self, proof: &Proof, mail: &SealedMail, is_sent: bool, now: Timestamp) -> Result<(), Unavailable>;

    /// A proof that is neither spent nor expired, without counting a try.
    async fn unspent(&self, id: ProofId, now: Timestamp) -> Result<Option<Proof>, Unavailable>;

    /// The newest such proof of a user that is neither spent nor expired.
    async fn unspent_of(&self, sub: UserId, purpose: Purpose, now: Timestamp) -> Result<Option<Proof>, Unavailable>;

    /// Counts a try of a code, whichever code it is: so that no number of parallel tries exceeds [`MAX_TRIES`].
    async fn count_try(&self, id: ProofId, now: Timestamp) -> Result<Try, Unavailable>;

    /// Takes back a try whose code was right.
    async fn take_back_try(&self, id: ProofId) -> Result<(), Unavailable>;

    /// Keeps a proof that no client has asked for, and adds its mail to the outbox. All others of the same purpose for
    /// the same address are spent.
    async fn invite(&self, proof: &Proof, mail: &SealedMail, event: &Event) -> Result<(), Unavailable>;

    /// Invitations that are neither spent nor expired, in the order of their ids.
    async fn invitations(&self, after: Option<ProofId>, limit: u32, now: Timestamp) -> Result<Vec<Proof>, Unavailable>;

    /// Spends an invitation that is neither spent nor expired; `false`: there is none with this id.
    async fn revoke_invitation(&self, id: ProofId, event: &Event) -> Result<bool, Unavailable>;

    /// Creates an account whose address is verified; `false`: the proof is spent, another account has the address, or the
    /// admin who creates it is no longer as seen.
    async fn register(&self, spending: &Spending<'_>, account: &NewAccount) -> Result<bool, Unavailable>;

    /// Sets a new password, raises the epoch so that all sessions and all other proofs of the user end, and marks the
    /// address as verified; `false`: the proof is spent, or the user is disabled, has another address or another epoch
    /// than when it was asked for.
    async fn reset_password(&self, spending: &Spending<'_>, hash: &PasswordHash) -> Result<bool, Unavailable>;

    /// Marks the address as verified; `false`: as for [`ProofStore::reset_password`].
    async fn verify_address(&self, spending: &Spending<'_>) -> Result<bool, Unavailable>;

    /// Spends the proof for a login, and marks the address as verified. If it was not before, somebody else may have
    /// registered it: the password is removed, and the epoch raised. `false`: as for [`ProofStore::reset_password`].
    async fn log_in(&self, spending: &Spending<'_>) -> Result<bool, Unavailable>;

    /// Gives the account the proof's address, which is verified by it, instead of the one that it was read with, spends all
    /// other proofs of changes, and keeps one that undoes this. `false`: the proof is spent, the user is disabled, has another
    /// address than was read or another epoch than when it was asked for, or another account has the new address.
    async fn change_address(&self, spending: &Spending<'_>, user: &Account, undo: &Proof) -> Result<bool, Unavailable>;

    /// Gives the account the proof's address back, whatever its address and epoch are, removes the password and the second
    /// address, raises the epoch, and spends all other proofs of the user but those that give an earlier address back: of several
    /// mailboxes, the one that the account had first decides. `false`: the proof is spent, or another account
    /// has the address.
    async fn restore_address(&self, spending: &Spending<'_>, user: &Account) -> Result<bool, Unavailable>;

    /// Sends notices to the proof's address too; `false`: the proof is spent, or the user is disabled or has another epoch
    /// than when it was asked for.
    async fn set_second_address(&self, spending: &Spending<'_>) -> Result<bool, Unavailable>;

    /// Forgets up to `at_most` proofs that expired before this time; returns how many.
    async fn forget_proofs(&self, before: Timestamp, at_most: u32) -> Result<u64, Unavailable>;
}
