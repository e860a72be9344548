//! What users do with their own accounts.

pub mod change_password;
pub mod delete;

use super::{
    accounts::Accounts,
    admin::users::Users,
    audit::Audit,
    passwords::{judging::Judges, pool::Hasher},
    sessions::live::LiveSessions,
    sign_in::password_check::PasswordCheck,
};
use std::sync::Arc;

/// Changes and deletes the callers' own accounts.
pub struct MyAccount {
    accounts: Arc<dyn Accounts>,
    users: Arc<Users>,
    live: Arc<LiveSessions>,
    check: Arc<PasswordCheck>,
    passwords: NewPasswords,
    audit: Arc<Audit>,
}

/// What judges a new password and makes its hash.
pub struct NewPasswords {
    /// Judges the passwords that people choose.
    pub judges: Arc<Judges>,
    /// Argon2id on its pool.
    pub hasher: Arc<Hasher>,
}

impl MyAccount {
    /// For the users of a store.
    #[must_use]
    pub fn new(
        accounts: Arc<dyn Accounts>,
        users: Arc<Users>,
        live: Arc<LiveSessions>,
        check: Arc<PasswordCheck>,
        passwords: NewPasswords,
        audit: Arc<Audit>,
    ) -> Self {
        Self { accounts, users, live, check, passwords, audit }
    }
}
