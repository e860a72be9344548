//! What users do with their own account.

pub mod addresses;
pub mod change_password;
pub mod delete;
pub mod reauthenticate;
pub mod remove_password;

use super::{
    Unavailable,
    accounts::Accounts,
    admin::users::Users,
    audit::Audit,
    mail::Notices,
    passwords::new_passwords::NewPasswords,
    sessions::{Sessions, live::LiveSessions},
    sign_in::{password_check::PasswordCheck, second_factor::SecondSteps},
};
use shared::ids::UserId;
use std::sync::Arc;

/// Changes the password, deletes the account, and believes again who the caller is.
pub struct MyAccount {
    /// The users.
    pub accounts: Arc<dyn Accounts>,
    /// Deletes them.
    pub users: Arc<Users>,
    /// Their live sessions.
    pub live: Arc<LiveSessions>,
    /// Checks passwords.
    pub check: Arc<PasswordCheck>,
    /// Checks second factors.
    pub second_steps: Arc<SecondSteps>,
    /// Accepts and hashes new passwords.
    pub passwords: Arc<NewPasswords>,
    /// Issues tokens that say what was shown.
    pub sessions: Arc<Sessions>,
    /// The audit log.
    pub audit: Arc<Audit>,
    /// Writes notices.
    pub notices: Arc<Notices>,
}

impl MyAccount {
    /// Whether a user has a password.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn has_password(&self, sub: UserId) -> Result<bool, Unavailable> {
        Ok(self.accounts.by_id(sub).await?.is_some_and(|user| !user.hash.is_none()))
    }
}
