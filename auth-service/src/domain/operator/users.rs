//! What operators do on the command line beside what admins do as well. Whoever has the settings of the service need not be
//! a user of it.

use crate::domain::{
    Auth, Unavailable,
    accounts::{Account, EmailAddress, FindError},
    admin::users::By,
    audit::Action,
    passwords::{
        Password, WeakPassword,
        pool::{Lane, NotComputed},
    },
};
use shared::ids::{SessionId, UserId};

/// Why a password was not set.
#[derive(Debug, thiserror::Error)]
pub enum SetPasswordError {
    /// There is no such user.
    #[error("there is no such user")]
    NoSuchUser,
    /// The password may not be chosen.
    #[error(transparent)]
    Weak(#[from] WeakPassword),
    /// The password was not hashed.
    #[error(transparent)]
    NotComputed(#[from] NotComputed),
    /// A store did not answer.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Auth {
    /// The user of that address or id, if there is one.
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

    /// Sets a user's password, which is judged with what is known of the user, and ends all the user's sessions. Durable when it
    /// returns.
    ///
    /// # Errors
    /// [`SetPasswordError`].
    pub async fn set_password(
        &self,
        user: UserId,
        known: Vec<String>,
        password: &Password,
    ) -> Result<(), SetPasswordError> {
        self.judges.judge(password, known).await??;
        let hash = self.hasher.hash(Lane::HERE, password).await?;
        if !self.accounts.set_password(user, &hash, self.now()).await? {
            return Err(SetPasswordError::NoSuchUser);
        }
        let changed = serde_json::json!({ "password": true });
        self.note(self.event_by(&By::Operator, Action::UserChange, user).with("changed", changed)).await;
        self.forget(self.sessions.remove_all(user, None)).await;
        Ok(())
    }

    /// Ends one session of a user, whether or not the session store remembers it. Durable when it returns.
    ///
    /// # Errors
    /// [`Unavailable`]: nothing has ended.
    pub async fn end_session_for(&self, user: UserId, session: SessionId) -> Result<(), Unavailable> {
        self.accounts.end_session(user, session, self.last_possible_use(None)).await?;
        self.forget(self.sessions.remove(user, session)).await;
        self.note(self.event_by(&By::Operator, Action::UserSessionsEnd, user).about(session)).await;
        Ok(())
    }
}
