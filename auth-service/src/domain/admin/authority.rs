//! What whoever changes users may do to whom: one grants only what one has, and somebody who governs stays.

use crate::domain::accounts::{
    Account, Seen,
    roles::{Roles, USERS_WRITE},
};

/// What is to become of a user.
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

/// Why it may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Forbidden {
    /// The one who asks may no longer change users.
    #[error("may not change users")]
    NotPermitted,
    /// The user may do what the one who asks may not.
    #[error("the user may do what the one who asks may not")]
    Outranked,
    /// A role would bring what the one who asks does not have.
    #[error("a role would bring what the one who asks may not do")]
    RoleBeyondOwn,
}

/// Judges what `actor` (`None`: an operator, who may do everything) wants to become of `user`. Answers whether somebody else
/// has to govern afterwards.
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
    if actor.disabled || !roles.scopes(&actor.roles).contains(USERS_WRITE) {
        return Err(Forbidden::NotPermitted);
    }
    if roles.cover(&actor.roles, &user.roles) { Ok(()) } else { Err(Forbidden::Outranked) }
}

/// Whether `actor` may give these roles.
///
/// # Errors
/// [`Forbidden`].
pub fn may_give(roles: &Roles, actor: &Account, wanted: &[String]) -> Result<(), Forbidden> {
    if roles.cover(&actor.roles, wanted) { Ok(()) } else { Err(Forbidden::RoleBeyondOwn) }
}

/// Whether a user governs now.
#[must_use]
pub fn governs(roles: &Roles, user: &Account) -> bool {
    !user.disabled && roles.govern(&user.roles)
}

/// What a change was decided on, so that it is made only if all of it still stands.
#[must_use]
pub fn seen<'a>(accounts: impl IntoIterator<Item = &'a Account>) -> Vec<Seen> {
    accounts.into_iter().map(Account::seen).collect()
}
