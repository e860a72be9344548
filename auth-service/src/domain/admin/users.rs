//! What admins, and operators on the command line, do with users.

use super::authority::{Fate, Forbidden, governs, judge, may_change, seen};
use crate::domain::{
    Client, Unavailable,
    accounts::{
        Account, AccountChange, AccountQuery, Accounts, BadCustomClaims, Checked, FindError, SearchError, check_custom,
        roles::{MAX_ROLES, Roles},
    },
    audit::{Action, Audit, Event},
    paging::page,
    sessions::{caller::Caller, live::LiveSessions},
};
use serde_json::{Map, Value};
use shared::ids::UserId;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// How often a change is decided when others change the same users meanwhile.
const ATTEMPTS: usize = 5;

/// Whoever changes a user.
#[derive(Clone, Copy)]
pub enum By<'a> {
    /// A user who may, from somewhere.
    Admin {
        /// The user.
        caller: &'a Caller,
        /// From where.
        client: &'a Client,
    },
    /// Whoever runs the program: may do everything, and yet leaves somebody who governs.
    Operator,
}

/// Why an admin's wish was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// There is no such user.
    #[error("there is no such user")]
    NoSuchUser,
    /// A role that there is not, or too many of them.
    #[error("unknown role, or more than 16 of them")]
    UnknownRole,
    /// The custom claims are out of bounds.
    #[error(transparent)]
    Custom(#[from] BadCustomClaims),
    /// It is more than the one who asks may do.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// Nobody who governs would be left.
    #[error("the last enabled user who may make others an admin stays as is: make somebody else an admin first")]
    LastAdmin,
    /// Somebody else has changed the user meanwhile.
    #[error("somebody else has changed the user at the same moment: look again")]
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
}

impl Users {
    /// Of a store.
    #[must_use]
    pub fn new(accounts: Arc<dyn Accounts>, live: Arc<LiveSessions>, roles: Arc<Roles>, audit: Arc<Audit>) -> Self {
        Self { accounts, live, roles, audit }
    }

    /// A page of users, and where the next one begins, if there is one.
    ///
    /// # Errors
    /// [`SearchError`].
    pub async fn page(&self, query: AccountQuery) -> Result<(Vec<Account>, Option<UserId>), SearchError> {
        let limit = query.limit;
        let users = self.accounts.page(&AccountQuery { limit: limit + 1, ..query }).await?;
        Ok(page(users, limit, |user| user.id))
    }

    /// The roles that users have and that do not exist, with how many have each.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn lost_roles(&self) -> Result<BTreeMap<String, u64>, Unavailable> {
        Ok(self.roles.lost(self.accounts.holders().await?))
    }

    /// Changes a user. Disabling ends the user's sessions; changed roles bind at the next refresh.
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

    /// Ends all sessions of a user. Durable when it returns.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn end_sessions(&self, by: &By<'_>, id: UserId) -> Result<(), AdminError> {
        let user = self.accounts.by_id(id).await?.ok_or(AdminError::NoSuchUser)?.account;
        if let By::Admin { caller, .. } = by {
            may_change(&self.roles, &caller.account, &user)?;
        }
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
        for _ in 0..ATTEMPTS {
            let basis = match (self.accounts.by_id(id).await, by) {
                // Nobody can log in as such a user: it is not the last one to govern.
                (Err(FindError::Unreadable(_)), By::Operator) => Vec::new(),
                (found, _) => {
                    let user = found?.ok_or(AdminError::NoSuchUser)?.account;
                    let actor = self.actor(by).await?;
                    self.basis(actor.as_ref(), &user, Fate::Goes).await?
                }
            };
            if self.accounts.delete(id, &seen(&basis), None).await? {
                self.audit.record(event_by(&self.audit, by, Action::UserDelete, id)).await;
                self.live.forget_all(id, None).await;
                return Ok(());
            }
        }
        Err(AdminError::Outdated)
    }

    /// Deletes a user who wishes it; `false`: all is not as it was checked.
    ///
    /// # Errors
    /// [`AdminError::LastAdmin`], [`AdminError::Outdated`], [`AdminError::Unavailable`].
    pub async fn delete_oneself(&self, id: UserId, checked: &Checked<'_>) -> Result<bool, AdminError> {
        for _ in 0..ATTEMPTS {
            let Some(found) = self.accounts.by_id(id).await? else { return Ok(false) };
            let goes_on = self.live.is_alive(id, checked.session, checked.epoch).await?;
            if !goes_on || found.hash != *checked.hash || found.account.session_epoch != checked.epoch {
                return Ok(false);
            }
            let basis = self.basis(None, &found.account, Fate::Goes).await?;
            if self.accounts.delete(id, &seen(&basis), Some(checked)).await? {
                return Ok(true);
            }
        }
        Err(AdminError::Outdated)
    }

    /// Decides on a change, and makes it unless something that it was decided on has changed: then it is decided again. But
    /// what another admin has changed of the user meanwhile is not overwritten.
    async fn carry_out_change(&self, by: &By<'_>, id: UserId, change: &AccountChange) -> Result<Account, AdminError> {
        let mut first_seen = None;
        for _ in 0..ATTEMPTS {
            let user = self.accounts.by_id(id).await?.ok_or(AdminError::NoSuchUser)?.account;
            if *first_seen.get_or_insert(user.seen()) != user.seen() {
                return Err(AdminError::Outdated);
            }
            let roles = change.roles.as_deref().unwrap_or(&user.roles);
            let fate = Fate::Stays { roles, disabled: change.disabled.unwrap_or(user.disabled) };
            let actor = self.actor(by).await?;
            let basis = self.basis(actor.as_ref(), &user, fate).await?;
            if let Some(account) = self.accounts.update(id, change, &seen(&basis), self.live.now()).await? {
                return Ok(account);
            }
        }
        Err(AdminError::Outdated)
    }

    /// The admin as of now. `None`: an operator.
    async fn actor(&self, by: &By<'_>) -> Result<Option<Account>, AdminError> {
        let By::Admin { caller, .. } = by else { return Ok(None) };
        let found = self.accounts.by_id(caller.account.id).await?;
        found.map(|found| Some(found.account)).ok_or(AdminError::Forbidden(Forbidden::NotPermitted))
    }

    /// Whether this may become of `user`; if so, the users on whom that was decided.
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

/// Roles that there are, each once.
pub(super) fn checked_roles(known: &Roles, mut roles: Vec<String>) -> Result<Vec<String>, AdminError> {
    let mut seen = BTreeSet::new();
    roles.retain(|role| seen.insert(role.clone()));
    let fit = roles.len() <= MAX_ROLES && roles.iter().all(|role| known.has(role));
    if fit { Ok(roles) } else { Err(AdminError::UnknownRole) }
}

/// An event of what an admin or an operator did to a user.
pub(in crate::domain) fn event_by(audit: &Audit, by: &By<'_>, action: Action, to: UserId) -> Event {
    let event = audit.event(action).to(to);
    match by {
        By::Admin { caller, client } => event.by(caller.account.id).about(caller.session).from(client),
        By::Operator => event.on_command_line(),
    }
}

/// What an admin changed of a user. Custom claims may be private: only that they changed is reported.
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
