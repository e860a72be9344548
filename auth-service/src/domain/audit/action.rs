//! What can happen.

use std::{fmt, str::FromStr};

macro_rules! actions {
    ($($(#[$doc:meta])* $action:ident = $name:literal,)*) => {
        /// What can happen.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Action {
            $($(#[$doc])* $action,)*
        }

        impl Action {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$action,)*];

            /// Its name, in the log and in answers.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$action => $name,)*
                }
            }
        }
    };
}

actions! {
    /// Somebody registered.
    Register = "register",
    /// A user was created by an operator or from the settings.
    UserCreate = "user_create",
    /// A login.
    Login = "login",
    /// A password, asked for again.
    PasswordConfirm = "password_confirm",
    /// Logout of one session.
    Logout = "logout",
    /// Logout of all sessions, by their user.
    LogoutAll = "logout_all",
    /// A change of one's own password.
    PasswordChange = "password_change",
    /// A user deleted the own account.
    AccountDelete = "account_delete",
    /// A session ended by its user, from another one.
    SessionEnd = "session_end",
    /// A session ended because the user had too many.
    SessionEvict = "session_evict",
    /// A used refresh token came again: a theft.
    RefreshReuse = "refresh_reuse",
    /// Somebody asked for more than a limit allows: reported once in a while, however often.
    LimitReached = "limit_reached",
    /// A client asked again with a token whose answer was lost, later than the replay window.
    RefreshRetry = "refresh_retry",
    /// A session that the session store had lost was taken up from its token.
    RefreshAdopt = "refresh_adopt",
    /// A session's token was asked for again from another network, or with another program, than it was last refreshed with:
    /// a lost answer, a second tab, or a thief.
    RefreshElsewhere = "refresh_elsewhere",
    /// A user was changed by an admin.
    UserChange = "user_change",
    /// A user's sessions were ended by an admin.
    UserSessionsEnd = "user_sessions_end",
    /// An account was unlocked by an operator: its failed logins count no more.
    UserUnlock = "user_unlock",
    /// A user was deleted by an admin.
    UserDelete = "user_delete",
    /// Everybody's sessions were ended by an operator.
    AllSessionsEnd = "all_sessions_end",
    /// A new signing key was published.
    KeyRotate = "key_rotate",
    /// A signing key was told to make way as soon as its successor is known.
    KeyRetire = "key_retire",
    /// A signing key was withdrawn at once.
    KeyRevoke = "key_revoke",
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// There is no action of this name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no such action")]
pub struct UnknownAction;

impl FromStr for Action {
    type Err = UnknownAction;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.iter().copied().find(|action| action.name() == text).ok_or(UnknownAction)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_is_found_by_its_name() {
        for action in Action::ALL {
            assert_eq!(action.name().parse(), Ok(*action));
        }
        assert_eq!("".parse::<Action>(), Err(UnknownAction));
    }
}
