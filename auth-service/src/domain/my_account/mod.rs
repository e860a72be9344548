//! What users do with their own account.

pub mod change_password;
pub mod delete;
pub mod verify_address;

use super::{
    accounts::Accounts,
    admin::users::Users,
    audit::Audit,
    mail::Notices,
    passwords::{pool::Hasher, strength_checks::StrengthChecks},
    sessions::live::LiveSessions,
    sign_in::password_check::PasswordCheck,
};
use std::sync::Arc;

/// Changes the password or deletes the account of a caller.
pub struct MyAccount {
    accounts: Arc<dyn Accounts>,
    users: Arc<Users>,
    live: Arc<LiveSessions>,
    check: Arc<PasswordCheck>,
    passwords: NewPasswords,
    audit: Arc<Audit>,
    notices: Arc<Notices>,
}

/// How a new password is checked and hashed.
pub struct NewPasswords {
    /// Checks the strength of passwords that users choose.
    pub strength_checks: Arc<StrengthChecks>,
    /// Hashes it.
    pub hasher: Arc<Hasher>,
}

impl MyAccount {
    /// For the users of this store.
    #[must_use]
    pub fn new(
        accounts: Arc<dyn Accounts>,
        users: Arc<Users>,
        live: Arc<LiveSessions>,
        check: Arc<PasswordCheck>,
        passwords: NewPasswords,
        audit: Arc<Audit>,
        notices: Arc<Notices>,
    ) -> Self {
        Self { accounts, users, live, check, passwords, audit, notices }
    }
}
