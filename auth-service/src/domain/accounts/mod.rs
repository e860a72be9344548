//! Users: what is known of them, and what the store of them promises.

pub mod roles;

use super::{Unavailable, audit::Event, passwords::PasswordHash};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use shared::{
    clock::Timestamp,
    ids::{SessionId, UserId},
};
use std::fmt;

/// An e-mail address, in lower case: two spellings that differ in case only are one address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EmailAddress(String);

/// The text is no e-mail address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an e-mail address")]
pub struct InvalidEmail;

impl EmailAddress {
    /// Reads `local@domain` in ASCII: at most 254 characters, no quoted local part, a domain of dotted labels.
    ///
    /// # Errors
    /// [`InvalidEmail`].
    pub fn parse(text: &str) -> Result<Self, InvalidEmail> {
        let text = text.trim_matches(' ');
        let (local, domain) = text.split_once('@').ok_or(InvalidEmail)?;
        let fits = text.len() <= 254 && is_local_part(local) && is_domain(domain);
        if fits { Ok(Self(text.to_ascii_lowercase())) } else { Err(InvalidEmail) }
    }

    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// RFC 5322's dot-atom.
fn is_local_part(local: &str) -> bool {
    let is_atom = |atom: &str| {
        !atom.is_empty()
            && atom.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte))
    };
    local.len() <= 64 && local.split('.').all(is_atom)
}

fn is_domain(domain: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    domain.split('.').all(is_label)
}

/// Whether whoever shows a text obeys this character instead of showing it: a control character (Unicode's Cc), a line or
/// paragraph separator (Zl, Zp), a byte order mark, or one that turns the direction of what is around it.
#[must_use]
pub const fn is_obeyed(character: char) -> bool {
    let is_control = matches!(character, '\0'..='\u{1F}' | '\u{7F}'..='\u{9F}');
    let turns =
        matches!(character, '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    is_control || turns || matches!(character, '\u{2028}' | '\u{2029}' | '\u{FEFF}')
}

/// What a user is called: 1 to 200 characters, none of them a control character or another one that is obeyed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonName(String);

/// The text is no name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a name has 1 to 200 characters, no control characters and none that turn the direction of text")]
pub struct InvalidName;

impl PersonName {
    /// Reads a name; white space around it is dropped.
    ///
    /// # Errors
    /// [`InvalidName`].
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        if text.trim().chars().any(is_obeyed) { Err(InvalidName) } else { Self::stored(text) }
    }

    /// A name that is stored: earlier versions took what a new one may not hold.
    ///
    /// # Errors
    /// [`InvalidName`].
    pub fn stored(text: &str) -> Result<Self, InvalidName> {
        let text = text.trim();
        let fits = (1..=200).contains(&text.chars().count()) && !text.chars().any(char::is_control);
        if fits { Ok(Self(text.to_owned())) } else { Err(InvalidName) }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A user's session epoch: only sessions that began in the present one live on. A raised epoch is never one that was
/// used before, not even by a database that was since restored, as it is at least the milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Epoch(pub i64);

impl Epoch {
    /// The epoch of a new user.
    pub const FIRST: Self = Self(0);
}

/// A user, without the password's hash.
#[derive(Debug, Clone, PartialEq)]
pub struct Account {
    /// The user's id.
    pub id: UserId,
    /// How the user logs in.
    pub email: EmailAddress,
    /// What the user is called.
    pub name: Option<PersonName>,
    /// What the user is.
    pub roles: Vec<String>,
    /// What else admins said of the user; copied into access tokens.
    pub custom: Map<String, Value>,
    /// A disabled user has no sessions and cannot log in.
    pub disabled: bool,
    /// See [`Epoch`].
    pub session_epoch: Epoch,
    /// The one session of an earlier epoch that goes on: the one that changed the password.
    pub kept_session: Option<SessionId>,
    /// When the user registered.
    pub created_at: Timestamp,
    /// Rises with every change by an admin or operator.
    pub revision: i64,
}

impl Account {
    /// What was looked at, for a write that holds only if it still stands.
    #[must_use]
    pub const fn seen(&self) -> Seen {
        Seen { id: self.id, revision: self.revision }
    }
}

/// A user as somebody has seen the roles, the custom claims, and whether it was disabled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// Whom.
    pub id: UserId,
    /// As of when.
    pub revision: i64,
}

/// A user and the password's hash.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The user.
    pub account: Account,
    /// The hash.
    pub hash: PasswordHash,
    /// How often an operator has unlocked the account.
    pub unlocks: i64,
}

/// What a check has found, and must still be so when what it allowed is written.
#[derive(Debug, Clone, Copy)]
pub struct Checked<'a> {
    /// The hash of the password that was right.
    pub hash: &'a PasswordHash,
    /// The user's epoch.
    pub epoch: Epoch,
    /// The caller's session, which had not ended.
    pub session: SessionId,
}

/// What SQL knows of a session: its user, and whether it was ended by name.
#[derive(Debug, Clone)]
pub struct Standing {
    /// The session's user.
    pub account: Account,
    /// Whether this one session was ended.
    pub ended: bool,
}

impl Standing {
    /// Whether session `sid`, which began in `epoch`, may go on.
    #[must_use]
    pub fn is_alive(&self, sid: SessionId, epoch: Epoch) -> bool {
        let account = &self.account;
        !self.ended && !account.disabled && (account.session_epoch == epoch || account.kept_session == Some(sid))
    }
}

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

/// A stolen session, and what ends because of it.
#[derive(Debug)]
pub struct Theft<'a> {
    /// Whose.
    pub sub: UserId,
    /// The stolen session.
    pub sid: SessionId,
    /// Until when it must be known that it has ended.
    pub until: Timestamp,
    /// All sessions of this epoch end as well, if it is given and still the user's.
    pub epoch: Option<Epoch>,
    /// What is told of it.
    pub event: &'a Event,
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

/// The store of users and of what has ended. All it says it did is durable.
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

    /// What SQL knows of a session, in one read. `None`: there is no such user.
    async fn standing(&self, id: UserId, session: SessionId) -> Result<Option<Standing>, Unavailable>;

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

    /// Raises the epoch to the greater of its successor and `now` in milliseconds, and spares no session.
    /// With `seen`, only if the epoch is still that one; `false`: it was not.
    async fn raise_epoch(&self, id: UserId, seen: Option<Epoch>, now: Timestamp) -> Result<bool, Unavailable>;

    /// Raises every user's epoch, as [`Accounts::raise_epoch`]; answers how many users there are.
    async fn raise_all_epochs(&self, now: Timestamp) -> Result<u64, Unavailable>;

    /// Writes down that a session has ended, whether or not it is known; the note is kept at least until `until`.
    async fn end_session(&self, id: UserId, session: SessionId, until: Timestamp) -> Result<(), Unavailable>;

    /// Ends what a theft ends, and tells of it, in one transaction. The session ends by name too: a password change at
    /// this moment would spare the very session that was stolen.
    async fn end_stolen(&self, theft: &Theft<'_>) -> Result<(), Unavailable>;

    /// Which of these sessions of the user's were ended by name. Costs what they cost, however many others have ended.
    async fn ended_among(&self, id: UserId, sessions: &[SessionId]) -> Result<Vec<SessionId>, Unavailable>;

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

    /// Forgets, in a bounded batch, ended sessions that can no longer be used at `now`; answers how many.
    async fn forget_ended(&self, now: Timestamp, at_most: u32) -> Result<u64, Unavailable>;

    /// Answers when the store can be reached and takes what requests write: it is tried, and leaves nothing behind.
    async fn probe(&self) -> Result<(), Unavailable>;

    /// The time on the clock that all replicas share: the database's.
    async fn clock(&self) -> Result<Timestamp, Unavailable>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_compare_in_lower_case() {
        assert_eq!(EmailAddress::parse(" Ada@Example.COM "), EmailAddress::parse("ada@example.com"));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in
            ["", "ada", "@a.b", "ada@", "a@b@c", "a b@c.d", "a@-b.c", "a@b..c", "a\0@b.c", "a@b.c\n", ".a@b.c", "é@b.c"]
        {
            assert_eq!(EmailAddress::parse(text), Err(InvalidEmail), "{text:?}");
        }
        assert_eq!(EmailAddress::parse(&format!("{}@b.c", "a".repeat(65))), Err(InvalidEmail));
    }

    #[test]
    fn names_have_no_control_characters() {
        assert!(PersonName::parse("Ada Лавлейс").is_ok());
        assert_eq!(PersonName::parse("a\0b"), Err(InvalidName));
        for obeyed in ['\u{85}', '\u{61C}', '\u{200F}', '\u{202E}', '\u{2028}', '\u{2029}', '\u{2066}', '\u{FEFF}'] {
            assert_eq!(PersonName::parse(&format!("a{obeyed}b")), Err(InvalidName), "{obeyed:?}");
            assert_eq!(PersonName::stored(&format!("a{obeyed}b")).is_ok(), !obeyed.is_control(), "{obeyed:?}");
        }
        // Persian and emoji join, or do not.
        assert!(PersonName::parse("a\u{200C}b\u{200D}c\u{A0}d").is_ok());
        assert_eq!(PersonName::parse("  "), Err(InvalidName));
        assert_eq!(PersonName::parse(&"a".repeat(201)), Err(InvalidName));
    }
}
