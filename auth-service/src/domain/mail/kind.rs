//! The kinds of mails.

use super::Params;
use std::{fmt, str::FromStr};

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $name:literal { $($param:ident: $sample:literal),* $(,)? },)*) => {
        /// A kind of mail: what it is about. Its templates are named after it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum MailKind {
            $($(#[$doc])* $kind,)*
        }

        impl MailKind {
            /// All kinds.
            pub const ALL: &[Self] = &[$(Self::$kind,)*];

            /// The kind's name: in templates, settings, metrics and the outbox.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)*
                }
            }

            /// The names of what its text needs, each with a sample.
            #[must_use]
            pub const fn params(self) -> &'static [(&'static str, &'static str)] {
                match self {
                    $(Self::$kind => &[$((stringify!($param), $sample)),*],)*
                }
            }
        }
    };
}

kinds! {
    /// A code: to create an account for the address.
    Registration = "registration" { code: "7H2K-9QXD", link: "https://auth.example.com/confirm?flow=6f1c&code=7H2K-9QXD&for=register" },
    /// The address of a registration has an account already. The link leads to a new password.
    AlreadyRegistered = "already_registered" { link: "https://auth.example.com/forgot" },
    /// A code: to accept an administrator's invitation.
    Invitation = "invitation" { code: "7H2K-9QXD", link: "https://auth.example.com/confirm?flow=6f1c&code=7H2K-9QXD&for=invite" },
    /// A code: to log in without the password.
    LoginCode = "login_code" { code: "7H2K-9QXD", link: "https://auth.example.com/confirm?flow=6f1c&code=7H2K-9QXD&for=login" },
    /// A code: to show that the address of an account reaches its user.
    AddressVerification = "address_verification" { code: "7H2K-9QXD", link: "https://auth.example.com/confirm?flow=6f1c&code=7H2K-9QXD&for=verify" },
    /// A code: to set a new password without the old one.
    PasswordReset = "password_reset" { code: "7H2K-9QXD", link: "https://auth.example.com/confirm?flow=6f1c&code=7H2K-9QXD&for=reset" },
    /// The same, at an administrator's request.
    PasswordResetByAdmin = "password_reset_by_admin" { code: "7H2K-9QXD", link: "https://auth.example.com/confirm?flow=6f1c&code=7H2K-9QXD&for=reset" },
    /// A code: to make the address the account's.
    AddressChange = "address_change" { code: "7H2K-9QXD", link: "https://auth.example.com/confirm?flow=6f1c&code=7H2K-9QXD&for=change_email" },
    /// The address of the account was changed. To the old one, `link` leads to where the change is undone; otherwise it is
    /// empty.
    AddressChanged = "address_changed" { at: "2026-11-27 21:03 UTC", ip: "203.0.113.7", link: "https://auth.example.com/confirm?flow=6f1c&code=7H2K-9QXD&for=undo_email" },
    /// A notice: the password was changed. `ip` is empty if an administrator did it. The link leads to a new password.
    PasswordChanged = "password_changed" { at: "2026-11-27 21:03 UTC", ip: "203.0.113.7", link: "https://auth.example.com/forgot" },
    /// A notice: the second address, to which notices go, was set or removed.
    SecondAddressChanged = "second_address_changed" { at: "2026-11-27 21:03 UTC", ip: "203.0.113.7" },
    /// A notice: a second factor was set up or removed, or recovery codes were made. `change` is a name of
    /// [`super::FactorChange`]; `ip` is empty if an administrator did it; `due` is when, if that is to come. The link leads to a new password.
    FactorsChanged = "factors_changed" { at: "2026-11-27 21:03 UTC", ip: "203.0.113.7", change: "totp_added", link: "https://auth.example.com/forgot", due: "" },
    /// A notice: a recovery code was used, and so many are left. The link leads to a new password.
    RecoveryCodeUsed = "recovery_code_used" { at: "2026-11-27 21:03 UTC", ip: "203.0.113.7", left: "7", link: "https://auth.example.com/forgot" },
    /// A notice: a passkey was added or removed. `change` is `added` or `removed`. The link leads to a new password.
    PasskeyChanged = "passkey_changed" { at: "2026-11-27 21:03 UTC", ip: "203.0.113.7", change: "added", link: "https://auth.example.com/forgot" },
    /// A notice: there are two copies of a passkey that was to stay on its device; it was refused.
    PasskeyCloned = "passkey_cloned" { at: "2026-11-27 21:03 UTC" },
    /// A notice: a refresh token was used twice, so that sessions were ended. `ends` is `user` or `session`. The
    /// link leads to a new password.
    TheftFound = "theft_found" { at: "2026-11-27 21:03 UTC", ip: "203.0.113.7", ends: "user", link: "https://auth.example.com/forgot" },
    /// A notice: a login from a device and a network that are new for the user. The link leads to a new password.
    NewDevice = "new_device" { at: "2026-11-27 21:03 UTC", ip: "203.0.113.7", link: "https://auth.example.com/forgot" },
    /// A notice: the account was deleted. `ip` is empty if an administrator did it.
    AccountDeleted = "account_deleted" { at: "2026-11-27 21:03 UTC", ip: "203.0.113.7" },
    /// A notice: an administrator disabled the account.
    AccountDisabled = "account_disabled" { at: "2026-11-27 21:03 UTC" },
}

impl MailKind {
    /// What its text needs, made up.
    #[must_use]
    pub fn sample(self) -> Params {
        self.params().iter().fold(Params::default(), |params, (name, value)| params.with(name, *value))
    }
}

impl fmt::Display for MailKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No kind of mail has this name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no such kind of mail")]
pub struct UnknownKind;

impl FromStr for MailKind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.iter().copied().find(|kind| kind.name() == text).ok_or(UnknownKind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_found_by_its_name() {
        for kind in MailKind::ALL {
            assert_eq!(kind.name().parse(), Ok(*kind));
        }
        assert_eq!("".parse::<MailKind>(), Err(UnknownKind));
    }
}
