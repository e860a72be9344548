//! What operators do with users on the command line, beside what admins can do. An operator is anyone with the settings
//! of the service, and need not be a user of it.

use crate::domain::{
    Unavailable,
    accounts::{Account, Accounts, EmailAddress, FindError},
    admin::users::{By, event_by},
    audit::{Action, Audit},
    mail::Notices,
    passwords::{
        Password, WeakPassword,
        new_passwords::NewPasswords,
        pool::{Lane, NotComputed},
    },
    sessions::{live::LiveSessions, record::SessionRecord},
};
use shared::ids::{SessionId, UserId};
use std::sync::Arc;

/// Why a password was not set.
#[derive(Debug, thiserror::Error)]
pub enum SetPasswordError {
    /// There is no such user.
    #[error("there is no such user")]
    NoSuchUser,
    /// The password is too weak.
    #[error(transparent)]
    Weak(#[from] WeakPassword),
    /// The password could not be hashed.
    #[error(transparent)]
    NotComputed(#[from] NotComputed),
    /// A store did not answer.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Finds users, changes them, and ends sessions.
pub struct Operator {
    accounts: Arc<dyn Accounts>,
    live: Arc<LiveSessions>,
    audit: Arc<Audit>,
    notices: Arc<Notices>,
}

impl Operator {
    /// The stores and the audit log of an installation.
    #[must_use]
    pub fn new(accounts: Arc<dyn Accounts>, live: Arc<LiveSessions>, audit: Arc<Audit>, notices: Arc<Notices>) -> Self {
        Self { accounts, live, audit, notices }
    }

    /// The user with this address or id, if there is one.
    ///
    /// # Errors
    /// [`FindError`].
    pub async fn user_named(&self, name: &str) -> Result<Option<Account>, FindError> {
        let found = match (name.parse::<UserId>(), EmailAddress::parse(name)) {
            (Ok(id), _) => self.accounts.by_id(id).await?,
            (_, Ok(email)) => self.accounts.by_email(&email).await?,
            _ => None,
        };
        Ok(found.map(|credentials| credentials.account))
    }

    /// Sets a user's password if it may be set, given what is `known` about the user, and ends all sessions of
    /// the user. Durable when it returns.
    ///
    /// # Errors
    /// [`SetPasswordError`].
    pub async fn set_password(
        &self,
        user: UserId,
        known: Vec<String>,
        password: &Password,
        passwords: &NewPasswords,
    ) -> Result<(), SetPasswordError> {
        let accepted = passwords.accept(password, known).await??;
        let hash = passwords.hash(Lane::HERE, &accepted).await?;
        let mails = match self.accounts.by_id(user).await {
            Ok(Some(found)) => self.notices.password_changed(&found.account.readers(), None),
            // There may be no address to write to.
            Ok(None) | Err(FindError::Unreadable(_)) => Vec::new(),
            Err(FindError::Unavailable(error)) => return Err(error.into()),
        };
        if !self.accounts.set_password(user, &hash, self.live.now(), &mails).await? {
            return Err(SetPasswordError::NoSuchUser);
        }
        let changed = serde_json::json!({ "password": true });
        let event = event_by(&self.audit, &By::Operator, Action::UserChange, user);
        self.audit.record(event.with("changed", changed)).await;
        self.live.forget_all(user, None).await;
        Ok(())
    }

    /// Lets the user try again at once: earlier failed logins no longer count against the account, on any replica.
    /// Failures of an address over all accounts still count. `false`: there is no such user.
    ///
    /// # Errors
    /// [`Unavailable`]: nothing was unlocked.
    pub async fn unlock(&self, id: UserId) -> Result<bool, Unavailable> {
        let is_unlocked = self.accounts.unlock(id).await?;
        if is_unlocked {
            self.audit.record(event_by(&self.audit, &By::Operator, Action::UserUnlock, id)).await;
        }
        Ok(is_unlocked)
    }

    /// The records of a user's live sessions, the last used first.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn sessions_of(&self, account: &Account) -> Result<Vec<SessionRecord>, Unavailable> {
        self.live.of(account).await
    }

    /// Ends one session of a user, whether or not the session store has its record. Durable when it returns.
    ///
    /// # Errors
    /// [`Unavailable`]: nothing has ended.
    pub async fn end_session(&self, user: UserId, session: SessionId) -> Result<(), Unavailable> {
        self.live.end(user, session).await?;
        self.live.forget(user, session).await;
        let event = event_by(&self.audit, &By::Operator, Action::UserSessionsEnd, user);
        self.audit.record(event.about(session)).await;
        Ok(())
    }

    /// Ends all sessions of all users, for instance after the database was restored from a backup; returns how many
    /// users there are.
    ///
    /// # Errors
    /// [`Unavailable`]: nothing has ended.
    pub async fn end_all_sessions(&self) -> Result<u64, Unavailable> {
        let users = self.live.end_all().await?;
        self.audit.record(self.audit.event(Action::AllSessionsEnd).on_command_line().with("users", users)).await;
        Ok(users)
    }
}
