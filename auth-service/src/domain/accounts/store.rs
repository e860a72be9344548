//! What the store of users keeps and promises.

use super::{Account, Checked, Credentials, EmailAddress, PersonName, Seen};
use crate::domain::{Unavailable, passwords::PasswordHash};
use async_trait::async_trait;
use serde_json::{Map, Value};
use shared::{clock::Timestamp, ids::UserId};

/// A user to be.
#[derive(Debug, Clone)]
pub struct NewAccount {
    /// A fresh id.
    pub id: UserId,
    /// How the user will log in.
    pub email: EmailAddress,
    /// What the user is called.
    pub name: Option<PersonName>,
    /// The password's hash.
    pub hash: PasswordHash,
    /// What the user is.
    pub roles: Vec<String>,
    /// The custom claims.
    pub custom: Map<String, Value>,
    /// When.
    pub created_at: Timestamp,
    /// The admin who creates it: it is created only while the admin is as seen.
    pub by: Option<Seen>,
}

/// What an admin changes; `None` leaves as it is.
#[derive(Debug, Clone, Default)]
pub struct AccountChange {
    /// The user's roles from now on.
    pub roles: Option<Vec<String>>,
    /// Disabling raises the epoch, in the same statement.
    pub disabled: Option<bool>,
    /// The user's custom claims from now on.
    pub custom: Option<Map<String, Value>>,
}

/// Which users an admin asks for.
#[derive(Debug, Clone)]
pub struct AccountQuery {
    /// Only those whose e-mail address or name contains this, whatever the case.
    pub search: Option<String>,
    /// Only those after this id (the last one of the page before).
    pub after: Option<UserId>,
    /// At most so many.
    pub limit: u32,
}

/// Why an account was not created.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// Another account has this address.
    #[error("the e-mail address is taken")]
    EmailTaken,
    /// The admin who creates it is no longer as seen.
    #[error("what this was decided on no longer stands")]
    Outdated,
    /// The store did not answer.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// A row of a user that cannot be read: another program has written it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the row of the user {} cannot be read, its column {column} (docs/operate.md says what belongs there)", .id.map(|id| id.to_string()).unwrap_or_default())]
pub struct Unreadable {
    /// Whose, unless the id cannot be read either.
    pub id: Option<UserId>,
    /// The first column that cannot be read.
    pub column: &'static str,
}

/// That one user is out of reach.
impl From<Unreadable> for Unavailable {
    fn from(error: Unreadable) -> Self {
        Self { store: "the user", cause: error.to_string() }
    }
}

/// Why a user was not found.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// The user is there, and cannot be read.
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
    /// There are too many users for so short a text.
    #[error("the search takes too long: give more letters of the address or name")]
    TooSlow,
    /// The store did not answer.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// The store of users. All it says it did is durable.
#[async_trait]
pub trait Accounts: Send + Sync {
    /// Creates an account.
    async fn create(&self, account: &NewAccount) -> Result<(), CreateError>;

    /// Finds a user by address.
    async fn by_email(&self, email: &EmailAddress) -> Result<Option<Credentials>, FindError>;

    /// Finds a user by id.
    async fn by_id(&self, id: UserId) -> Result<Option<Credentials>, FindError>;

    /// Whether a user has this address, and be it one whose row cannot be read.
    async fn is_taken(&self, email: &EmailAddress) -> Result<bool, Unavailable>;

    /// Replaces a hash by one of the same password with other parameters; `false`: another one is stored by now.
    async fn rehash(&self, id: UserId, old: &PasswordHash, new: &PasswordHash) -> Result<bool, Unavailable>;

    /// Changes the password, raises the epoch and spares the session of whoever changes it, in one statement. `false`: the
    /// user is disabled, or something is not any more as it was checked, and nothing was changed.
    async fn change_password(
        &self,
        id: UserId,
        checked: &Checked<'_>,
        new: &PasswordHash,
        now: Timestamp,
    ) -> Result<bool, Unavailable>;

    /// Sets the password, whatever it was, raises the epoch and spares no session, in one statement. `false`: there is no
    /// such user.
    async fn set_password(&self, id: UserId, new: &PasswordHash, now: Timestamp) -> Result<bool, Unavailable>;

    /// Users in the order of their ids. Rows that cannot be read are left out.
    async fn page(&self, query: &AccountQuery) -> Result<Vec<Account>, SearchError>;

    /// Makes the indexes that may take long to make, while all goes on.
    async fn make_indexes(&self) -> Result<(), Unavailable>;

    /// Changes a user while all of `seen` are as they were seen; `None`: one of them is not, or there is no such user. Of
    /// such changes, creations and deletions, one is made after the other, whichever process makes them.
    async fn update(
        &self,
        id: UserId,
        change: &AccountChange,
        seen: &[Seen],
        now: Timestamp,
    ) -> Result<Option<Account>, Unavailable>;

    /// Counts that the account was unlocked; `false`: there is no such user.
    async fn unlock(&self, id: UserId) -> Result<bool, Unavailable>;

    /// Deletes a user, as [`Accounts::update`] changes one, and if something was checked, only one who is not disabled and as it
    /// was checked; `false`: nothing was deleted.
    async fn delete(&self, id: UserId, seen: &[Seen], checked: Option<&Checked<'_>>) -> Result<bool, Unavailable>;

    /// Another user than this one who is not disabled and has roles that are wanted, if there is one.
    async fn another_enabled(
        &self,
        than: UserId,
        is_wanted: &(dyn for<'a> Fn(&'a [String]) -> bool + Send + Sync),
    ) -> Result<Option<Account>, Unavailable>;

    /// Whether any user has this role.
    async fn has_any_with_role(&self, role: &str) -> Result<bool, Unavailable>;

    /// Hashes that do not begin as new ones do, at most so many.
    async fn odd_hashes(&self, at_most: u32) -> Result<Vec<PasswordHash>, Unavailable>;

    /// How many users have which list of roles.
    async fn holders(&self) -> Result<Vec<(Vec<String>, u64)>, Unavailable>;

    /// Answers when the store can be reached and takes what requests write: it is tried, and leaves nothing behind.
    async fn probe(&self) -> Result<(), Unavailable>;

    /// The time on the clock that all replicas share: the database's.
    async fn clock(&self) -> Result<Timestamp, Unavailable>;
}
