//! What a proof is for.

use std::{fmt, str::FromStr, time::Duration};

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// What a proof is for. A code of one purpose is worthless for any other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// To create an account for an address.
    Register,
    /// To set a new password without the old one.
    Reset,
    /// To show that the address of an account reaches its user.
    Verify,
    /// To log in without the password.
    Login,
    /// To create an account at an admin's invitation.
    Invite,
    /// To give an account another address.
    ChangeEmail,
    /// To give an account its former address back.
    UndoEmail,
    /// To give an account another address for notices.
    SecondEmail,
}

impl Purpose {
    /// All purposes.
    pub const ALL: [Self; 8] = [
        Self::Register,
        Self::Reset,
        Self::Verify,
        Self::Login,
        Self::Invite,
        Self::ChangeEmail,
        Self::UndoEmail,
        Self::SecondEmail,
    ];

    /// The purpose's name, in the store and in the audit log.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::Reset => "reset",
            Self::Verify => "verify",
            Self::Login => "login",
            Self::Invite => "invite",
            Self::ChangeEmail => "change_email",
            Self::UndoEmail => "undo_email",
            Self::SecondEmail => "second_email",
        }
    }

    /// Whether only the client that asked may bring the code. A login is for nobody else, and whoever else follows the link of a registration might give
    /// a stranger's password to an account of their own address, or their own address to a stranger's account.
    #[must_use]
    pub const fn is_for_the_asker_only(self) -> bool {
        matches!(self, Self::Register | Self::Login | Self::ChangeEmail)
    }

    /// How long a proof is good. A code by mail that recovers an account may live for at most 24 hours (NIST SP
    /// 800-63B-4, 4.2.1.2).
    #[must_use]
    pub const fn lifetime(self) -> Duration {
        match self {
            Self::Register | Self::Verify | Self::SecondEmail => DAY,
            Self::Reset | Self::Login => MINUTE.saturating_mul(15),
            Self::ChangeEmail => MINUTE.saturating_mul(60),
            Self::Invite | Self::UndoEmail => DAY.saturating_mul(7),
        }
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No purpose has this name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no such purpose")]
pub struct UnknownPurpose;

impl FromStr for Purpose {
    type Err = UnknownPurpose;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|purpose| purpose.name() == text).ok_or(UnknownPurpose)
    }
}
