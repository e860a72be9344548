//! What admins, and operators on the command line, do with users.

use super::authority::{Fate, Forbidden, governs, judge, may_change, may_give, seen};
use crate::domain::{
    Auth, Client, Unavailable,
    accounts::{Account, AccountChange, AccountQuery, Checked, EmailAddress, FindError, PersonName, SearchError},
    audit::{Action, Event},
    page,
    passwords::{Password, pool::Lane},
    sessions::caller::Caller,
    sign_in::register::{Newcomer, RegisterError},
};
use serde_json::{Map, Value};
use shared::ids::UserId;
use std::collections::{BTreeMap, BTreeSet};

/// How many bytes of JSON a user's custom claims may have: they stand in every access token.
pub const MAX_CUSTOM_BYTES: usize = 1024;
/// How deep lists and objects may lie within each other in custom claims: some verifiers' parsers go no deeper than a few
/// dozen, and the token is around them.
pub const MAX_CUSTOM_DEPTH: usize = 8;
/// How many roles a user may have.
pub const MAX_ROLES: usize = 16;
/// How often a change is decided when others change the same users meanwhile.
const ATTEMPTS: usize = 5;

/// Who changes a user.
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

/// A user whom an admin creates.
pub struct Creation {
    /// How the user will log in.
    pub email: EmailAddress,
    /// The first password.
    pub password: Password,
    /// What the user is called.
    pub name: Option<PersonName>,
    /// What the user is; by default, what whoever registers is.
    pub roles: Option<Vec<String>>,
    /// The custom claims.
    pub custom: Map<String, Value>,
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
    /// The custom claims are larger than [`MAX_CUSTOM_BYTES`].
    #[error("custom claims must not exceed 1 KiB of JSON")]
    CustomTooLarge,
    /// The custom claims lie deeper than [`MAX_CUSTOM_DEPTH`].
    #[error("lists and objects of custom claims may lie 8 deep within each other")]
    CustomTooDeep,
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

/// Why an admin's new user was not created.
#[derive(Debug, thiserror::Error)]
pub enum CreationError {
    /// It is nothing that an admin may wish.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// The address or the password was refused.
    #[error(transparent)]
    Register(#[from] RegisterError),
}

impl Auth {
    /// A page of users, and where the next one begins, if there is one.
    ///
    /// # Errors
    /// [`SearchError`].
    pub async fn users(&self, query: AccountQuery) -> Result<(Vec<Account>, Option<UserId>), SearchError> {
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

    /// Creates a user for an admin, with roles that the admin may give.
    ///
    /// # Errors
    /// [`CreationError`].
    pub async fn create_user_for(
        &self,
        caller: &Caller,
        client: &Client,
        creation: Creation,
    ) -> Result<Account, CreationError> {
        let roles = creation.roles.unwrap_or_else(|| vec![self.policy.default_role.clone()]);
        let roles = self.checked_roles(roles)?;
        check_custom(&creation.custom)?;
        may_give(&self.roles, &caller.account, &roles).map_err(AdminError::from)?;
        let newcomer = Newcomer {
            // An access token of a live session is as good as the cookie of a known device.
            lane: Lane { is_known: true, ..client.lane(Some(&creation.email), None) },
            email: creation.email,
            password: &creation.password,
            name: creation.name,
            roles,
            custom: creation.custom,
            by: Some(caller.account.seen()),
        };
        let account = self.create_account(newcomer).await?;
        let event = self.event_by(&By::Admin { caller, client }, Action::UserCreate, account.id);
        self.note(event.with("roles", account.roles.clone())).await;
        Ok(account)
    }

    /// Changes a user. Disabling ends the user's sessions; changed roles bind at the next refresh.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn change_user(&self, by: &By<'_>, id: UserId, mut change: AccountChange) -> Result<Account, AdminError> {
        if let Some(roles) = change.roles.take() {
            change.roles = Some(self.checked_roles(roles)?);
        }
        change.custom.as_ref().map_or(Ok(()), check_custom)?;
        let account = self.carry_out_change(by, id, &change).await?;
        self.note(self.event_by(by, Action::UserChange, id).with("changed", changed(&change))).await;
        if account.disabled {
            self.forget(self.sessions.remove_all(id, None)).await;
        }
        Ok(account)
    }

    /// Ends all sessions of a user. Durable when it returns.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn end_sessions_of(&self, by: &By<'_>, id: UserId) -> Result<(), AdminError> {
        let user = self.accounts.by_id(id).await?.ok_or(AdminError::NoSuchUser)?.account;
        if let By::Admin { caller, .. } = by {
            may_change(&self.roles, &caller.account, &user)?;
        }
        if !self.accounts.raise_epoch(id, None, self.now()).await? {
            return Err(AdminError::NoSuchUser);
        }
        self.note(self.event_by(by, Action::UserSessionsEnd, id)).await;
        self.forget(self.sessions.remove_all(id, None)).await;
        Ok(())
    }

    /// Deletes a user.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn delete_user(&self, by: &By<'_>, id: UserId) -> Result<(), AdminError> {
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
                self.note(self.event_by(by, Action::UserDelete, id)).await;
                self.forget(self.sessions.remove_all(id, None)).await;
                return Ok(());
            }
        }
        Err(AdminError::Outdated)
    }

    /// Deletes a user who wishes it; `false`: all is not as it was checked.
    ///
    /// # Errors
    /// [`AdminError::LastAdmin`], [`AdminError::Outdated`], [`AdminError::Unavailable`].
    pub(in crate::domain) async fn delete_oneself(
        &self,
        id: UserId,
        checked: &Checked<'_>,
    ) -> Result<bool, AdminError> {
        for _ in 0..ATTEMPTS {
            let Some(found) = self.accounts.by_id(id).await? else { return Ok(false) };
            let standing = self.accounts.standing(id, checked.session).await?;
            let goes_on = standing.is_some_and(|standing| standing.is_alive(checked.session, checked.epoch));
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
            if let Some(account) = self.accounts.update(id, change, &seen(&basis), self.now()).await? {
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

    /// Roles that there are, each once.
    fn checked_roles(&self, mut roles: Vec<String>) -> Result<Vec<String>, AdminError> {
        let mut seen = BTreeSet::new();
        roles.retain(|role| seen.insert(role.clone()));
        let fit = roles.len() <= MAX_ROLES && roles.iter().all(|role| self.roles.has(role));
        if fit { Ok(roles) } else { Err(AdminError::UnknownRole) }
    }

    pub(in crate::domain) fn event_by(&self, by: &By<'_>, action: Action, to: UserId) -> Event {
        let event = self.event(action).to(to);
        match by {
            By::Admin { caller, client } => event.by(caller.account.id).about(caller.session).from(client),
            By::Operator => event.on_command_line(),
        }
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

fn check_custom(custom: &Map<String, Value>) -> Result<(), AdminError> {
    let json = serde_json::to_string(custom).map_or(usize::MAX, |json| json.len());
    if json > MAX_CUSTOM_BYTES {
        return Err(AdminError::CustomTooLarge);
    }
    let depth = 1 + custom.values().map(depth).max().unwrap_or(0);
    if depth > MAX_CUSTOM_DEPTH { Err(AdminError::CustomTooDeep) } else { Ok(()) }
}

/// How deep lists and objects lie within each other: 0 for neither. Bounded, as what was parsed is.
fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(custom: &Value) -> Result<(), AdminError> {
        check_custom(custom.as_object().expect("an object"))
    }

    #[test]
    fn custom_claims_have_bounds_in_size_and_depth() {
        assert!(check(&json!({})).is_ok());
        assert!(check(&json!({ "x": "y".repeat(MAX_CUSTOM_BYTES - 8) })).is_ok());
        assert!(matches!(check(&json!({ "x": "y".repeat(MAX_CUSTOM_BYTES - 7) })), Err(AdminError::CustomTooLarge)));
        let nested = |depth: usize| (1..depth).fold(json!({}), |inner, _| json!({ "a": inner }));
        assert!(check(&nested(MAX_CUSTOM_DEPTH)).is_ok());
        assert!(matches!(check(&nested(MAX_CUSTOM_DEPTH + 1)), Err(AdminError::CustomTooDeep)));
        let lists = (0..MAX_CUSTOM_DEPTH).fold(json!([]), |inner, _| json!([inner]));
        assert!(matches!(check(&json!({ "a": lists })), Err(AdminError::CustomTooDeep)));
    }
}
