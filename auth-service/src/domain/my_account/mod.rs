//! What users do with their own account.

pub mod addresses;
pub mod change_password;
pub mod delete;

use super::{
    accounts::Accounts, admin::users::Users, audit::Audit, mail::Notices, passwords::new_passwords::NewPasswords,
    sessions::live::LiveSessions, sign_in::password_check::PasswordCheck,
};
use std::sync::Arc;

/// Changes the password or deletes the account of a caller.
pub struct MyAccount {
    accounts: Arc<dyn Accounts>,
    users: Arc<Users>,
    live: Arc<LiveSessions>,
    check: Arc<PasswordCheck>,
    passwords: Arc<NewPasswords>,
    audit: Arc<Audit>,
    notices: Arc<Notices>,
}

impl MyAccount {
    /// For the users of this store.
    #[must_use]
    pub fn new(
        accounts: Arc<dyn Accounts>,
        users: Arc<Users>,
        live: Arc<LiveSessions>,
        check: Arc<PasswordCheck>,
        passwords: Arc<NewPasswords>,
        audit: Arc<Audit>,
        notices: Arc<Notices>,
    ) -> Self {
        Self { accounts, users, live, check, passwords, audit, notices }
    }
}
