//! Who may change which user: an actor grants only what they have, and someone who governs must remain. (A user
//! *governs* who may make others an admin: [`Roles::govern`].)

use crate::domain::accounts::{
    Account, Seen,
    roles::{Roles, USERS_WRITE},
};

/// What a change makes of a user.
#[derive(Debug, Clone, Copy)]
pub enum Fate<'a> {
    /// The user stays, with these roles, disabled or not.
    Stays {
        /// The roles from now on.
        roles: &'a [String],
        /// Whether the user will be disabled.
        disabled: bool,
    },
    /// The user is deleted.
    Goes,
}

/// Why the change is not allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Forbidden {
    /// The actor may no longer change users.
    #[error("may not change users")]
    NotPermitted,
    /// The user may do something that the actor may not.
    #[error("the user may do more than the one who changes it")]
    Outranked,
    /// A role would grant something that the actor may not do.
    #[error("a role would allow more than the one who grants it may do")]
    RoleBeyondOwn,
}

/// Decides whether `actor` (`None`: an operator, who may do everything) may make this change to `user`. Returns whether
/// the change needs another user who governs.
///
/// # Errors
/// [`Forbidden`].
pub fn judge(roles: &Roles, actor: Option<&Account>, user: &Account, fate: Fate<'_>) -> Result<bool, Forbidden> {
    if let Some(actor) = actor {
        may_change(roles, actor, user)?;
        if let Fate::Stays { roles: wanted, .. } = fate {
            may_give(roles, actor, wanted)?;
        }
    }
    let governs_afterwards = match fate {
        Fate::Stays { roles: wanted, disabled } => !disabled && roles.govern(wanted),
        Fate::Goes => false,
    };
    Ok(governs(roles, user) && !governs_afterwards)
}

/// Whether `actor` may change `user` at all.
///
/// # Errors
/// [`Forbidden`].
pub fn may_change(roles: &Roles, actor: &Account, user: &Account) -> Result<(), Forbidden> {
    may_change_users(roles, actor)?;
    if roles.cover(&actor.roles, &user.roles) { Ok(()) } else { Err(Forbidden::Outranked) }
}

/// Whether `actor` may create a user with these roles, now or when an invitation is accepted.
///
/// # Errors
/// [`Forbidden`].
pub fn may_invite(roles: &Roles, actor: &Account, wanted: &[String]) -> Result<(), Forbidden> {
    may_change_users(roles, actor)?;
    may_give(roles, actor, wanted)
}

fn may_change_users(roles: &Roles, actor: &Account) -> Result<(), Forbidden> {
    let may = !actor.disabled && roles.scopes(&actor.roles).contains(USERS_WRITE);
    if may { Ok(()) } else { Err(Forbidden::NotPermitted) }
}

/// Whether `actor` may grant these roles.
///
/// # Errors
/// [`Forbidden`].
pub fn may_give(roles: &Roles, actor: &Account, wanted: &[String]) -> Result<(), Forbidden> {
    if roles.cover(&actor.roles, wanted) { Ok(()) } else { Err(Forbidden::RoleBeyondOwn) }
}

/// Whether a user governs and is not disabled.
#[must_use]
pub fn governs(roles: &Roles, user: &Account) -> bool {
    !user.disabled && roles.govern(&user.roles)
}

/// The states of users that a decision relies on, so that the change is made only if none of them has changed.
#[must_use]
pub fn seen<'a>(accounts: impl IntoIterator<Item = &'a Account>) -> Vec<Seen> {
    accounts.into_iter().map(Account::seen).collect()
}
