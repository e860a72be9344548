//! The store of second factors: what it keeps, and what it promises. Nothing that it keeps lets anybody in without the root
//! secret.

use super::StoredCode;
use crate::domain::{Unavailable, accounts::Epoch, audit::Event, mail::SealedMail};
use async_trait::async_trait;
use shared::{
    clock::Timestamp,
    ids::{SessionId, UserId},
};
use std::time::Duration;

/// How many wrong factors an account may be shown in [`WINDOW`].
pub const MAX_RECENT: u32 = 5;
/// The window: it begins with the first wrong one.
pub const WINDOW: Duration = Duration::from_secs(15 * 60);
/// After how many wrong codes in a row no code from an app is accepted (NIST SP 800-63B-4, 3.2.2).
pub const MAX_IN_A_ROW: u32 = 100;

/// What a user has to show as a second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Enrolled {
    /// When the user's app was confirmed, if the user has one.
    pub totp: Option<Timestamp>,
    /// How many recovery codes are not used yet.
    pub recovery_codes_left: u32,
    /// How many passkeys the user has.
    pub passkeys: u32,
}

impl Enrolled {
    /// Whether a login takes more than the password. Recovery codes alone are no second factor.
    #[must_use]
    pub const fn has_second_factor(&self) -> bool {
        self.totp.is_some() || self.passkeys > 0
    }
}

/// An app as it is recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredTotp {
    /// The sealed secret.
    pub sealed: Vec<u8>,
    /// When a first code came; `None`: it is no factor yet.
    pub confirmed_at: Option<Timestamp>,
    /// The last step whose code was accepted.
    pub last_step: i64,
}

/// A user as read. A change is made only while this holds: the user is enabled and in this epoch, and the session has not
/// ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The user.
    pub sub: UserId,
    /// The user's epoch.
    pub epoch: Epoch,
    /// The session in which the user asks for the change, if there is one yet.
    pub session: Option<SessionId>,
}

/// A change, with what is written beside it.
#[derive(Debug, Clone, Copy)]
pub struct Change<'a> {
    /// The user, as read.
    pub of: Standing,
    /// What happened, and when.
    pub event: &'a Event,
    /// The mails that report it to the user.
    pub mails: &'a [SealedMail],
}

/// Which codes make way for new ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replacing {
    /// All codes of a user who has a second factor.
    All,
    /// None that is not used yet: new ones are kept only if there are no others.
    Used,
}

/// What a user shows. Only a code from an app can be guessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// A code from an app.
    Totp,
    /// A recovery code.
    RecoveryCode,
    /// A passkey.
    Passkey,
}

impl Shown {
    /// The name, in the audit log.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Totp => "totp",
            Self::RecoveryCode => "recovery_code",
            Self::Passkey => "passkey",
        }
    }
}

/// What became of a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Try {
    /// It was counted: what is shown may be looked at.
    Counted,
    /// There were too many; this one was not counted.
    TooMany {
        /// When the window is over.
        retry_after: Duration,
    },
    /// There were too many codes from an app in a row; this one was not counted.
    Resting,
}

/// Keeps second factors. Whatever it reports as done is durable; `false`: nothing was changed. Events and mails are written
/// with their change, and only then.
#[async_trait]
pub trait FactorStore: Send + Sync {
    /// What a user has.
    async fn enrolled(&self, sub: UserId) -> Result<Enrolled, Unavailable>;

    /// The app of a user, confirmed or not.
    async fn totp(&self, sub: UserId) -> Result<Option<StoredTotp>, Unavailable>;

    /// Keeps the secret of an app that is not confirmed yet, in place of another such one. `false`: the user has an app,
    /// or does not stand as read.
    async fn begin_totp(&self, of: Standing, sealed: &[u8], now: Timestamp) -> Result<bool, Unavailable>;

    /// Confirms an app by the code of a step, voids trusted devices, and forgets wrong codes. `codes` are kept if they are
    /// the user's first, or all others are used. `false`: the app is confirmed or another one by now, the user
    /// does not stand as read, or has unused recovery codes exactly if `codes` are given.
    async fn confirm_totp(
        &self,
        change: Change<'_>,
        sealed: &[u8],
        step: i64,
        codes: Option<&[StoredCode]>,
    ) -> Result<bool, Unavailable>;

    /// Accepts the code of a step that is later than all before, and forgets wrong codes: of any number of parallel calls for
    /// one step, one succeeds. `false` also: the app is not confirmed, or another one by now, or the user does not stand
    /// as read.
    async fn accept_totp(&self, of: Standing, sealed: &[u8], step: i64) -> Result<bool, Unavailable>;

    /// Forgets an app that is not confirmed.
    async fn abandon_totp(&self, sub: UserId) -> Result<(), Unavailable>;

    /// Removes a confirmed app, and voids trusted devices. If no second factor is left, recovery codes go too.
    async fn remove_totp(&self, change: Change<'_>) -> Result<bool, Unavailable>;

    /// The MACs of the recovery codes that are not used yet.
    async fn recovery_codes(&self, sub: UserId) -> Result<Vec<String>, Unavailable>;

    /// Keeps new recovery codes. `false`: as [`Replacing`] says, or the user does not stand as read.
    async fn replace_recovery_codes(
        &self,
        change: Change<'_>,
        codes: &[StoredCode],
        replacing: Replacing,
    ) -> Result<bool, Unavailable>;

    /// Uses a recovery code up, and forgets wrong codes: of any number of parallel calls, one succeeds. `false`: the code was
    /// used, the user had another number of unused codes than `out_of`, or does not stand as read.
    async fn use_recovery_code(&self, change: Change<'_>, mac: &str, out_of: usize) -> Result<bool, Unavailable>;

    /// Counts a try, whatever is shown, in one statement: so that no number of parallel tries exceeds the limits.
    async fn count_try(&self, sub: UserId, shown: Shown, now: Timestamp) -> Result<Try, Unavailable>;

    /// Forgets the wrong tries of the window. Those in a row count on: only codes end a row of codes.
    async fn forget_recent_tries(&self, sub: UserId) -> Result<(), Unavailable>;

    /// Removes everything that a user could show as a second factor, trusted devices, and what was counted. `false`: there
    /// was nothing, or the user does not stand as read.
    async fn remove_all(&self, change: Change<'_>) -> Result<bool, Unavailable>;
}
