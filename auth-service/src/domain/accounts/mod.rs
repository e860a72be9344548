//! Users: what is known about them, and what their store promises.

pub mod create;
mod custom_claims;
mod person_name;
pub mod roles;
mod store;
pub mod transfer;

pub use self::{
    custom_claims::{BadCustomClaims, MAX_CUSTOM_BYTES, MAX_CUSTOM_DEPTH, check_custom},
    person_name::{InvalidName, PersonName, is_obeyed},
    store::{AccountChange, AccountQuery, Accounts, CreateError, FindError, NewAccount, SearchError, Unreadable},
};

pub use super::email_address::{EmailAddress, InvalidEmail};

use super::{Language, mail::Readers, passwords::PasswordHash};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use shared::{
    clock::Timestamp,
    ids::{SessionId, UserId},
};

/// A user's session epoch: only sessions that began in the current epoch live on. An epoch is raised to at least the
/// milliseconds since 1970, so a value is never used twice, even after the database was restored from a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Epoch(pub i64);

impl Epoch {
    /// Before that of any user: where there is no user yet.
    pub const FIRST: Self = Self(0);
}

/// A user, without the password's hash.
#[derive(Debug, Clone, PartialEq)]
pub struct Account {
    /// The user's id.
    pub id: UserId,
    /// How the user logs in.
    pub email: EmailAddress,
    /// The user's name.
    pub name: Option<PersonName>,
    /// The user's roles.
    pub roles: Vec<String>,
    /// Custom claims set by admins; copied into access tokens.
    pub custom: Map<String, Value>,
    /// A disabled user has no sessions and cannot log in.
    pub disabled: bool,
    /// See [`Epoch`].
    pub session_epoch: Epoch,
    /// The one session of an earlier epoch that lives on: the one in which the password was changed.
    pub kept_session: Option<SessionId>,
    /// When the user registered.
    pub created_at: Timestamp,
    /// When the address was last shown to reach the user, if it ever was.
    pub email_verified_at: Option<Timestamp>,
    /// Another address that notices go to as well. It has been shown to reach the user.
    pub second_email: Option<EmailAddress>,
    /// The language that the user registered in, if that is known.
    pub language: Option<Language>,
    /// Who the user was in another system.
    pub external: Option<ExternalId>,
    /// Rises with every change by an admin or operator.
    pub revision: i64,
}

/// A user's id in the system that the user comes from.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct ExternalId {
    /// The system's name.
    pub source: String,
    /// The id there.
    pub id: String,
}

impl Account {
    /// Who reads notices.
    #[must_use]
    pub fn readers(&self) -> Readers<'_> {
        let addresses = [Some(&self.email), self.second_email.as_ref()].into_iter().flatten().collect();
        Readers { addresses, language: self.language }
    }

    /// The user as read, for a write that is valid only while the user is unchanged.
    #[must_use]
    pub const fn seen(&self) -> Seen {
        Seen { id: self.id, revision: self.revision }
    }
}

/// The state in which a user was read: roles, custom claims, and whether the user was disabled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// The user.
    pub id: UserId,
    /// The revision that was read.
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

/// What a password check found. It must still hold when the change that it allowed is written.
#[derive(Debug, Clone, Copy)]
pub struct Checked<'a> {
    /// The hash that the password matched.
    pub hash: &'a PasswordHash,
    /// The user's epoch.
    pub epoch: Epoch,
    /// The caller's session, which had not ended.
    pub session: SessionId,
}
