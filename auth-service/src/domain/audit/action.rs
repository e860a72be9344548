//! The actions that the audit log knows.

use std::{fmt, str::FromStr};

macro_rules! actions {
    ($($(#[$doc:meta])* $action:ident = $name:literal,)*) => {
        /// An action of the audit log.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Action {
            $($(#[$doc])* $action,)*
        }

        impl Action {
            /// All actions.
            pub const ALL: &[Self] = &[$(Self::$action,)*];

            /// The action's name, in the log and in responses.
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
    /// A user registered.
    Register = "register",
    /// A user was created by an operator or from the settings.
    UserCreate = "user_create",
    /// A login, or a failed attempt.
    Login = "login",
    /// A login came from a device and a network that are new for the user, who was notified.
    NewDevice = "new_device",
    /// An admin has planned to remove a user's factors.
    FactorsResetPlan = "factors_reset_plan",
    /// A user has stopped that.
    FactorsResetStop = "factors_reset_stop",
    /// A user showed again who they are, for something that asks for it.
    Reauthenticate = "reauthenticate",
    /// A user is no longer asked for the second factor on a device.
    DeviceTrust = "device_trust",
    /// A user is asked for it on a device again.
    DeviceDistrust = "device_distrust",
    /// A user confirmed the password, or failed to.
    PasswordConfirm = "password_confirm",
    /// Logout of one session.
    Logout = "logout",
    /// Logout of all sessions, by their user.
    LogoutAll = "logout_all",
    /// An access token was revoked; its session goes on.
    TokenRevoke = "token_revoke",
    /// A user changed the password.
    PasswordChange = "password_change",
    /// A user with passkeys removed the password.
    PasswordRemove = "password_remove",
    /// A user asked for a mail to set a new password.
    PasswordForgot = "password_forgot",
    /// A new password was set with the code of a mail.
    PasswordReset = "password_reset",
    /// A code that was not accepted was tried.
    CodeRefused = "code_refused",
    /// A user verified the address with the code of a mail.
    EmailVerify = "email_verify",
    /// A user asked for a mail to log in without the password.
    LoginCode = "login_code",
    /// A user changed the address of the account.
    EmailChange = "email_change",
    /// A change of the address was undone from the mailbox of the old one.
    EmailRestore = "email_restore",
    /// A user set or removed the second address for notices.
    SecondEmailChange = "second_email_change",
    /// A user set up a second factor.
    FactorAdd = "factor_add",
    /// A user removed a second factor.
    FactorRemove = "factor_remove",
    /// A second factor that was not accepted was shown.
    SecondFactor = "second_factor",
    /// A user got new recovery codes.
    RecoveryCodesMake = "recovery_codes_make",
    /// A user showed a recovery code.
    RecoveryCodeUse = "recovery_code_use",
    /// All second factors of a user were removed by an admin or operator.
    FactorsReset = "factors_reset",
    /// A user added a passkey.
    PasskeyAdd = "passkey_add",
    /// A user renamed a passkey.
    PasskeyRename = "passkey_rename",
    /// A user removed a passkey.
    PasskeyRemove = "passkey_remove",
    /// A passkey was refused because its counter went back: there are two copies of it.
    PasskeyCloned = "passkey_cloned",
    /// A user deleted their account.
    AccountDelete = "account_delete",
    /// A user ended one session from another.
    SessionEnd = "session_end",
    /// A session was ended because the user had too many.
    SessionEvict = "session_evict",
    /// A used refresh token was presented again: a theft.
    RefreshReuse = "refresh_reuse",
    /// A limit refused requests. Reported once in a while, however often it happens.
    LimitReached = "limit_reached",
    /// A late retry: the response was lost, and the client repeated the refresh after the replay window.
    RefreshRetry = "refresh_retry",
    /// An adoption: the session store had lost a session, which was restored from its token.
    RefreshAdopt = "refresh_adopt",
    /// A refresh was repeated from another network, or with another program, than the session's last refresh: a lost
    /// response, a second tab, or a thief.
    RefreshElsewhere = "refresh_elsewhere",
    /// An admin or operator changed a user.
    UserChange = "user_change",
    /// An admin sent a user a mail to set a new password.
    UserReset = "user_reset",
    /// An admin invited somebody.
    UserInvite = "user_invite",
    /// An admin revoked an invitation.
    InvitationRevoke = "invitation_revoke",
    /// An admin or operator ended sessions of a user.
    UserSessionsEnd = "user_sessions_end",
    /// An operator unlocked an account: its earlier failed logins no longer count.
    UserUnlock = "user_unlock",
    /// An admin or operator deleted a user.
    UserDelete = "user_delete",
    /// An operator ended all sessions of all users.
    AllSessionsEnd = "all_sessions_end",
    /// An operator imported users: one event for each batch, and one for the run.
    UsersImport = "users_import",
    /// An operator exported the users.
    UsersExport = "users_export",
    /// A new signing key was published.
    KeyRotate = "key_rotate",
    /// A signing key is to be replaced as soon as its successor is known to verifiers.
    KeyRetire = "key_retire",
    /// A signing key was withdrawn at once.
    KeyRevoke = "key_revoke",
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No action has this name.
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
