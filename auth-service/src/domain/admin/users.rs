//! Viewing, changing and deleting users, by admins and by operators on the command line.

use super::authority::{Fate, Forbidden, governs, judge, may_change, seen};
use crate::domain::{
    Client, Unavailable,
    accounts::{
        Account, AccountChange, AccountQuery, Accounts, BadCustomClaims, Checked, FindError, SearchError, check_custom,
        roles::{MAX_ROLES, Roles},
    },
    audit::{Action, Audit, Event},
    mail::Notices,
    paging::page,
    sessions::{caller::Caller, live::LiveSessions},
};
use serde_json::{Map, Value};
use shared::ids::{SessionId, UserId};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// How often a change is tried while others change the same users.
const MAX_ATTEMPTS: usize = 5;

/// Who changes a user.
#[derive(Clone, Copy)]
pub enum By<'a> {
    /// An admin.
    Admin {
        /// The admin.
        caller: &'a Caller,
        /// The client that the request came from.
        client: &'a Client,
    },
    /// An operator: may do everything, but must leave someone who governs.
    Operator,
}

impl By<'_> {
    /// The admin, if it is one.
    pub(super) fn admin(&self) -> Option<UserId> {
        match self {
            Self::Admin { caller, .. } => Some(caller.account.id),
            Self::Operator => None,
        }
    }
}

/// Why the request was refused or failed.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// There is no such user.
    #[error("there is no such user")]
    NoSuchUser,
    /// A role does not exist, or there are too many.
    #[error("unknown role, or more than 16 of them")]
    UnknownRole,
    /// The custom claims exceed their limits.
    #[error(transparent)]
    Custom(#[from] BadCustomClaims),
    /// The actor may not do that.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// Nobody who governs would remain.
    #[error("this is the last enabled user who may make others an admin: make someone else an admin first")]
    LastAdmin,
    /// Another change was made to the user meanwhile.
    #[error("the user was changed by someone else at the same time: read it again, then retry")]
    Outdated,
    /// A store did not answer.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl From<FindError> for AdminError {
    fn from(error: FindError) -> Self {
        Self::Unavailable(error.into())
    }
}

/// Shows and changes users.
pub struct Users {
    accounts: Arc<dyn Accounts>,
    live: Arc<LiveSessions>,
    roles: Arc<Roles>,
    audit: Arc<Audit>,
    notices: Arc<Notices>,
}

impl Users {
    /// The users of this store.
    #[must_use]
    pub fn new(
        accounts: Arc<dyn Accounts>,
        live: Arc<LiveSessions>,
        roles: Arc<Roles>,
        audit: Arc<Audit>,
        notices: Arc<Notices>,
    ) -> Self {
        Self { accounts, live, roles, audit, notices }
    }

    /// A page of users, and the id after which the next page begins, if there is one.
    ///
    /// # Errors
    /// [`SearchError`].
    pub async fn page(&self, query: AccountQuery) -> Result<(Vec<Account>, Option<UserId>), SearchError> {
        let limit = query.limit;
        let users = self.accounts.page(&AccountQuery { limit: limit + 1, ..query }).await?;
        Ok(page(users, limit, |user| user.id))
    }

    /// A user.
    ///
    /// # Errors
    /// [`AdminError::NoSuchUser`], [`AdminError::Unavailable`].
    pub async fn by_id(&self, id: UserId) -> Result<Account, AdminError> {
        Ok(self.accounts.by_id(id).await?.ok_or(AdminError::NoSuchUser)?.account)
    }

    /// Roles that users have but that do not exist, with the number of users who have each.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn lost_roles(&self) -> Result<BTreeMap<String, u64>, Unavailable> {
        Ok(self.roles.lost(self.accounts.holders().await?))
    }

    /// Changes a user. Disabling ends the user's sessions; changed roles take effect at the next refresh.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn change(&self, by: &By<'_>, id: UserId, mut change: AccountChange) -> Result<Account, AdminError> {
        if let Some(roles) = change.roles.take() {
            change.roles = Some(checked_roles(&self.roles, roles)?);
        }
        change.custom.as_ref().map_or(Ok(()), check_custom)?;
        let account = self.carry_out_change(by, id, &change).await?;
        self.audit.record(event_by(&self.audit, by, Action::UserChange, id).with("changed", changed(&change))).await;
        if account.disabled {
            self.live.forget_all(id, None).await;
        }
        Ok(account)
    }

    /// Ends one session of a user, whether or not the session store has its record. Durable when it returns.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn end_session(&self, by: &By<'_>, id: UserId, session: SessionId) -> Result<(), AdminError> {
        self.reach(by, id).await?;
        self.live.end(id, session).await?;
        self.live.forget(id, session).await;
        self.audit.record(event_by(&self.audit, by, Action::UserSessionsEnd, id).about(session)).await;
        Ok(())
    }

    /// Whoever does something to a user may do no less than that user.
    pub(super) async fn reach(&self, by: &By<'_>, id: UserId) -> Result<Account, AdminError> {
        let user = self.by_id(id).await?;
        if let By::Admin { caller, .. } = by {
            may_change(&self.roles, &caller.account, &user)?;
        }
        Ok(user)
    }

    /// Ends all sessions of a user. Durable when it returns.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn end_sessions(&self, by: &By<'_>, id: UserId) -> Result<(), AdminError> {
        self.reach(by, id).await?;
        if !self.live.end_all_of(id).await? {
            return Err(AdminError::NoSuchUser);
        }
        self.audit.record(event_by(&self.audit, by, Action::UserSessionsEnd, id)).await;
        self.live.forget_all(id, None).await;
        Ok(())
    }

    /// Deletes a user.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn delete(&self, by: &By<'_>, id: UserId) -> Result<(), AdminError> {
        for _ in 0..MAX_ATTEMPTS {
            let (basis, mails) = match (self.accounts.by_id(id).await, by) {
                // Nobody can log in as a user whose row cannot be read, so it is not the last one who governs.
                (Err(FindError::Unreadable(_)), By::Operator) => (Vec::new(), Vec::new()),
                (found, _) => {
                    let user = found?.ok_or(AdminError::NoSuchUser)?.account;
                    let actor = self.actor(by).await?;
                    let basis = self.basis(actor.as_ref(), &user, Fate::Goes).await?;
                    (basis, self.notices.account_deleted(&user.readers(), None))
                }
            };
            if self.accounts.delete(id, &seen(&basis), None, &mails).await? {
                self.audit.record(event_by(&self.audit, by, Action::UserDelete, id)).await;
                self.live.forget_all(id, None).await;
                return Ok(());
            }
        }
        Err(AdminError::Outdated)
    }

    /// Deletes a user at their own request, from this client; `false`: something is no longer as it was checked.
    ///
    /// # Errors
    /// [`AdminError::LastAdmin`], [`AdminError::Outdated`], [`AdminError::Unavailable`].
    pub async fn delete_oneself(&self, id: UserId, checked: &Checked<'_>, client: &Client) -> Result<bool, AdminError> {
        for _ in 0..MAX_ATTEMPTS {
            let Some(found) = self.accounts.by_id(id).await? else { return Ok(false) };
            let goes_on = self.live.is_alive(id, checked.session, checked.epoch).await?;
            if !goes_on || found.hash != *checked.hash || found.account.session_epoch != checked.epoch {
                return Ok(false);
            }
            let basis = self.basis(None, &found.account, Fate::Goes).await?;
            let mails = self.notices.account_deleted(&found.account.readers(), Some(client));
            if self.accounts.delete(id, &seen(&basis), Some(checked), &mails).await? {
                return Ok(true);
            }
        }
        Err(AdminError::Outdated)
    }

    /// Decides on a change, and makes it if all that the decision relies on is unchanged; otherwise decides again. It
    /// never overwrites a change that another admin has made to the user meanwhile.
    async fn carry_out_change(&self, by: &By<'_>, id: UserId, change: &AccountChange) -> Result<Account, AdminError> {
        let mut first_seen = None;
        for _ in 0..MAX_ATTEMPTS {
            let user = self.accounts.by_id(id).await?.ok_or(AdminError::NoSuchUser)?.account;
            if *first_seen.get_or_insert(user.seen()) != user.seen() {
                return Err(AdminError::Outdated);
            }
            let roles = change.roles.as_deref().unwrap_or(&user.roles);
            let fate = Fate::Stays { roles, disabled: change.disabled.unwrap_or(user.disabled) };
            let actor = self.actor(by).await?;
            let basis = self.basis(actor.as_ref(), &user, fate).await?;
            let is_disabled_now = change.disabled == Some(true) && !user.disabled;
            let mails = if is_disabled_now { self.notices.account_disabled(&user.readers()) } else { Vec::new() };
            let (seen, now) = (seen(&basis), self.live.now());
            if let Some(account) = self.accounts.update(id, change, &seen, now, &mails).await? {
                return Ok(account);
            }
        }
        Err(AdminError::Outdated)
    }

    /// The admin as SQL has it now.
    async fn actor(&self, by: &By<'_>) -> Result<Option<Account>, AdminError> {
        let By::Admin { caller, .. } = by else { return Ok(None) };
        let found = self.accounts.by_id(caller.account.id).await?;
        found.map(|found| Some(found.account)).ok_or(AdminError::Forbidden(Forbidden::NotPermitted))
    }

    /// Judges the change to `user`. Returns the users whose state the decision relies on.
    async fn basis(&self, actor: Option<&Account>, user: &Account, fate: Fate<'_>) -> Result<Vec<Account>, AdminError> {
        let needs_successor = judge(&self.roles, actor, user, fate)?;
        let others = actor.filter(|actor| actor.id != user.id).cloned();
        let mut basis: Vec<Account> = [Some(user.clone()), others].into_iter().flatten().collect();
        if needs_successor && !basis[1..].iter().any(|other| governs(&self.roles, other)) {
            let governing = |roles: &[String]| self.roles.govern(roles);
            let successor = self.accounts.another_enabled(user.id, &governing).await?;
            basis.push(successor.ok_or(AdminError::LastAdmin)?);
        }
        Ok(basis)
    }
}

/// The roles without repetitions, if all of them exist.
pub(in crate::domain) fn checked_roles(known: &Roles, mut roles: Vec<String>) -> Result<Vec<String>, AdminError> {
    let mut seen = BTreeSet::new();
    roles.retain(|role| seen.insert(role.clone()));
    let fit = roles.len() <= MAX_ROLES && roles.iter().all(|role| known.has(role));
    if fit { Ok(roles) } else { Err(AdminError::UnknownRole) }
}

/// An event about what an admin or operator did to a user.
pub(in crate::domain) fn event_by(audit: &Audit, by: &By<'_>, action: Action, to: UserId) -> Event {
    let event = audit.event(action).to(to);
    match by {
        By::Admin { caller, client } => event.by(caller.account.id).about(caller.session).from(client),
        By::Operator => event.on_command_line(),
    }
}

/// What a change contains, for its event. Custom claims may be private: only the fact that they changed is recorded.
fn changed(change: &AccountChange) -> Value {
    let mut changed = Map::new();
    if let Some(roles) = &change.roles {
        changed.insert("roles".to_owned(), roles.clone().into());
    }
    if let Some(disabled) = change.disabled {
        changed.insert("disabled".to_owned(), disabled.into());
    }
    if change.custom.is_some() {
        changed.insert("custom".to_owned(), true.into());
    }
    Value::Object(changed)
}
