//! The store of users: what it keeps, and what it promises.

use super::{Account, Checked, Credentials, EmailAddress, PersonName, Seen};
use crate::domain::{Language, Unavailable, mail::SealedMail, passwords::PasswordHash};
use async_trait::async_trait;
use serde_json::{Map, Value};
use shared::{clock::Timestamp, ids::UserId};

/// A new user.
#[derive(Debug, Clone)]
pub struct NewAccount {
    /// The user's id, a fresh one.
    pub id: UserId,
    /// How the user will log in.
    pub email: EmailAddress,
    /// The user's name.
    pub name: Option<PersonName>,
    /// The password's hash.
    pub hash: PasswordHash,
    /// The user's roles.
    pub roles: Vec<String>,
    /// The custom claims.
    pub custom: Map<String, Value>,
    /// When the user is created.
    pub created_at: Timestamp,
    /// When the address was shown to reach the user.
    pub email_verified_at: Option<Timestamp>,
    /// The language that the user registers in, if that is known.
    pub language: Option<Language>,
    /// The admin who creates the user, if one does: the user is created only while the admin is as seen.
    pub by: Option<Seen>,
}

/// What an admin changes; `None` leaves it as it is.
#[derive(Debug, Clone, Default)]
pub struct AccountChange {
    /// The user's roles from now on.
    pub roles: Option<Vec<String>>,
    /// Disabling raises the epoch, in the same statement.
    pub disabled: Option<bool>,
    /// The user's custom claims from now on.
    pub custom: Option<Map<String, Value>>,
}

/// Which users an admin asks for: those of whom all of this is true.
#[derive(Debug, Clone, Default)]
pub struct AccountQuery {
    /// Only those whose e-mail address or name contains this text, ignoring case.
    pub search: Option<String>,
    /// Only those who have this role.
    pub role: Option<String>,
    /// Only those who are disabled, or only those who are not.
    pub disabled: Option<bool>,
    /// Only those who were created at this time or later.
    pub created_from: Option<Timestamp>,
    /// Only those who were created before this time.
    pub created_until: Option<Timestamp>,
    /// Only those after this id (the last one of the page before).
    pub after: Option<UserId>,
    /// The most users to return.
    pub limit: u32,
}

/// Why an account was not created.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// Another account has this address.
    #[error("the e-mail address is taken")]
    EmailTaken,
    /// The admin who creates the user is no longer as seen.
    #[error("the admin was changed meanwhile")]
    Outdated,
    /// The store did not answer.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// A user's row that cannot be read: another program has written it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the row of user {} cannot be read because of its column {column} (docs/operate.md says what belongs there)", .id.map(|id| id.to_string()).unwrap_or_default())]
pub struct Unreadable {
    /// The user, unless the id cannot be read either.
    pub id: Option<UserId>,
    /// The first column that cannot be read.
    pub column: &'static str,
}

/// Only this user is unavailable.
impl From<Unreadable> for Unavailable {
    fn from(error: Unreadable) -> Self {
        Self { store: "the user", cause: error.to_string() }
    }
}

/// Why a user was not found.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// The user exists, but its row cannot be read.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// The store did not answer.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl From<FindError> for Unavailable {
    fn from(error: FindError) -> Self {
        match error {
            FindError::Unreadable(error) => error.into(),
            FindError::Unavailable(error) => error,
        }
    }
}

/// Why users were not found.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The text is too short for this many users.
    #[error("the search takes too long: give more letters of the address or name")]
    TooSlow,
    /// The store did not answer.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// The store of users. Whatever it reports as done is durable. Mails that are given with a change are added to the
/// outbox in the change's transaction, and only if something was changed.
#[async_trait]
pub trait Accounts: Send + Sync {
    /// Creates an account.
    async fn create(&self, account: &NewAccount) -> Result<(), CreateError>;

    /// Finds a user by address.
    async fn by_email(&self, email: &EmailAddress) -> Result<Option<Credentials>, FindError>;

    /// Finds a user by id.
    async fn by_id(&self, id: UserId) -> Result<Option<Credentials>, FindError>;

    /// Whether a user has this address, even one whose row cannot be read, or may still be given it back.
    async fn is_taken(&self, email: &EmailAddress) -> Result<bool, Unavailable>;

    /// Replaces a hash with one of the same password and other parameters; `false`: the stored hash is another one by
    /// now.
    async fn rehash(&self, id: UserId, old: &PasswordHash, new: &PasswordHash) -> Result<bool, Unavailable>;

    /// Changes the password, raises the epoch and keeps the session that changes it, in one statement. `false`: the
    /// user is disabled, or is no longer as checked, and nothing was changed.
    async fn change_password(
        &self,
        id: UserId,
        checked: &Checked<'_>,
        new: &PasswordHash,
        now: Timestamp,
        mails: &[SealedMail],
    ) -> Result<bool, Unavailable>;

    /// Removes the password of a user who has another way in that does not hang on one device: two passkeys, or one and
    /// recovery codes. Raises the epoch and keeps the session that does it, in one statement. `false`: the user has none, is
    /// disabled, or is no longer as checked, and nothing was changed.
    async fn remove_password(
        &self,
        id: UserId,
        checked: &Checked<'_>,
        now: Timestamp,
        mails: &[SealedMail],
    ) -> Result<bool, Unavailable>;

    /// Sets the password, whatever it was, raises the epoch and keeps no session, in one statement. `false`: there is
    /// no such user.
    async fn set_password(
        &self,
        id: UserId,
        new: &PasswordHash,
        now: Timestamp,
        mails: &[SealedMail],
    ) -> Result<bool, Unavailable>;

    /// Forgets the second address; `false`: the user is disabled, or is no longer as checked, and nothing was changed.
    async fn remove_second_email(
        &self,
        id: UserId,
        checked: &Checked<'_>,
        mails: &[SealedMail],
    ) -> Result<bool, Unavailable>;

    /// Users in the order of their ids. Rows that cannot be read are left out.
    async fn page(&self, query: &AccountQuery) -> Result<Vec<Account>, SearchError>;

    /// Creates the indexes that may take long, while the service runs.
    async fn make_indexes(&self) -> Result<(), Unavailable>;

    /// Changes a user if all of `seen` are still as seen; `None`: one of them is not, or there is no such user. Such
    /// changes, creations and deletions are made one after the other, across all processes.
    async fn update(
        &self,
        id: UserId,
        change: &AccountChange,
        seen: &[Seen],
        now: Timestamp,
        mails: &[SealedMail],
    ) -> Result<Option<Account>, Unavailable>;

    /// Increments the number of times that the account was unlocked; `false`: there is no such user.
    async fn unlock(&self, id: UserId) -> Result<bool, Unavailable>;

    /// Deletes a user under the conditions of [`Accounts::update`] and, if `checked` is given, only if the user is not
    /// disabled and still as checked; `false`: nothing was deleted.
    async fn delete(
        &self,
        id: UserId,
        seen: &[Seen],
        checked: Option<&Checked<'_>>,
        mails: &[SealedMail],
    ) -> Result<bool, Unavailable>;

    /// Returns a user other than this one who is not disabled and whose roles are wanted, if there is one.
    async fn another_enabled(
        &self,
        than: UserId,
        is_wanted: &(dyn for<'a> Fn(&'a [String]) -> bool + Send + Sync),
    ) -> Result<Option<Account>, Unavailable>;

    /// Whether any user has this role.
    async fn has_any_with_role(&self, role: &str) -> Result<bool, Unavailable>;

    /// Up to `at_most` hashes that do not begin as new ones do.
    async fn odd_hashes(&self, at_most: u32) -> Result<Vec<PasswordHash>, Unavailable>;

    /// Each list of roles that users have, with the number of users who have it.
    async fn holders(&self) -> Result<Vec<(Vec<String>, u64)>, Unavailable>;

    /// Succeeds if the store can be reached and accepts what requests write. It tries a write, which leaves nothing
    /// behind.
    async fn probe(&self) -> Result<(), Unavailable>;

    /// The database's time: the clock that all replicas share.
    async fn clock(&self) -> Result<Timestamp, Unavailable>;
}
