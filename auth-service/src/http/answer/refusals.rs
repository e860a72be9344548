//! Examples of each problem that an error may become, for the OpenAPI document.

use crate::domain::{
    Unavailable,
    accounts::{BadCustomClaims, SearchError, create::NewcomerError},
    admin::{authority::Forbidden, create::CreationError, invitations::InvitationError, users::AdminError},
    confirmation::ConfirmError,
    factors::{ChangeError, FactorError},
    my_account::{
        addresses::AddressError, change_password::PasswordError, delete::DeletionError,
        reauthenticate::ReauthenticationError, remove_password::PasswordRemovalError,
    },
    passkeys::{CredentialId, NoPasskeys, RemovalError, add::AddError, authenticate::PasskeyError},
    passwords::{WeakPassword, pool::NotComputed, rules::MIN_CHARS},
    proofs::{AskError, CodeError},
    sessions::refresh::RefreshError,
    sign_in::{
        by_mail::LoginCodeError,
        login::LoginError,
        passkey::PasskeyLoginError,
        password_check::CheckError,
        recovery::ResetError,
        register::RegisterError,
        second_factor::{SecondStep, SecondStepError},
    },
};
use shared::{ids::UserId, openapi::Refuses, problem::Problem};
use std::time::Duration;

/// When to try again, in examples.
const SOON: Duration = Duration::from_secs(60);

/// Values of an error: one for each problem that it may become.
trait Examples: Sized {
    fn examples() -> Vec<Self>;
}

/// Every variant and its examples. A missing variant does not compile.
macro_rules! examples {
    ($error:ty { $($variant:pat => $examples:expr,)* }) => {
        impl Examples for $error {
            fn examples() -> Vec<Self> {
                let _every_variant = |error: &Self| match error { $($variant => (),)* };
                let mut all = Vec::new();
                $(all.extend::<Vec<Self>>($examples);)*
                all
            }
        }
    };
}

macro_rules! refuses {
    ($($error:ty,)*) => {
        $(impl Refuses for $error {
            fn problems() -> Vec<Problem> {
                Self::examples().into_iter().map(Problem::from).collect()
            }
        })*
    };
}

refuses! {
    Unavailable,
    RegisterError,
    CreationError,
    LoginError,
    SecondStepError,
    ReauthenticationError,
    PasswordRemovalError,
    AddError,
    RemovalError,
    PasskeyLoginError,
    PasswordError,
    DeletionError,
    AskError,
    ConfirmError,
    LoginCodeError,
    AddressError,
    InvitationError,
    FactorError,
    ResetError,
    RefreshError,
    SearchError,
    AdminError,
}

fn each<Error, Outer>(into: impl Fn(Error) -> Outer) -> Vec<Outer>
where
    Error: Examples,
{
    Error::examples().into_iter().map(into).collect()
}

impl Examples for Unavailable {
    fn examples() -> Vec<Self> {
        vec![Self { store: "any store", cause: "an example".into() }]
    }
}

examples!(WeakPassword {
    Self::Length { .. } => vec![Self::Length { min_chars: *MIN_CHARS.start() }],
    Self::Common => vec![Self::Common],
    Self::Breached => vec![Self::Breached],
});

examples!(NotComputed {
    Self::Overloaded => vec![Self::Overloaded],
    // A fault of the program: any operation may answer 500.
    Self::Failed => vec![],
});

examples!(NewcomerError {
    Self::EmailTaken => vec![Self::EmailTaken],
    Self::Outdated => vec![Self::Outdated],
    Self::WeakPassword(_) => each(Self::WeakPassword),
    Self::NotComputed(_) => each(Self::NotComputed),
    Self::Unavailable(_) => each(Self::Unavailable),
});

examples!(RegisterError {
    Self::Closed => vec![Self::Closed],
    Self::OtherDomain => vec![Self::OtherDomain],
    Self::TooMany { .. } => vec![Self::TooMany { retry_after: SOON }],
    // No admin is involved who could have been changed meanwhile.
    Self::Newcomer(_) => {
        each(Self::Newcomer).into_iter().filter(|error| !matches!(error, Self::Newcomer(NewcomerError::Outdated))).collect()
    },
});

examples!(CheckError {
    Self::Wrong => vec![Self::Wrong],
    // Only where it may be left out: see `NotRecent`.
    Self::Missing => vec![],
    Self::TooManyAttempts { .. } => vec![Self::TooManyAttempts { retry_after: SOON }],
    Self::NotComputed(_) => each(Self::NotComputed),
    Self::Unavailable(_) => each(Self::Unavailable),
});

examples!(LoginError {
    Self::SecondFactor(_) => vec![Self::SecondFactor(Box::new(SecondStep::example()))],
    Self::Disabled => vec![Self::Disabled],
    Self::Unverified => vec![Self::Unverified],
    Self::Check(_) => each(Self::Check),
});

examples!(NoPasskeys {
    Self => vec![Self],
});

examples!(AddError {
    Self::NoPasskeys(_) => each(Self::NoPasskeys),
    Self::TooMany => vec![Self::TooMany],
    Self::Expired => vec![Self::Expired],
    Self::Invalid => vec![Self::Invalid],
    // The same problem as the guard's.
    Self::SessionEnded => vec![],
    Self::Unavailable(_) => each(Self::Unavailable),
});

examples!(RemovalError {
    Self::NoSuch => vec![Self::NoSuch],
    Self::LastWayIn => vec![Self::LastWayIn],
    // The same problem as the guard's.
    Self::SessionEnded => vec![],
    Self::Unavailable(_) => each(Self::Unavailable),
});

examples!(PasskeyError {
    Self::NoPasskeys(_) => each(Self::NoPasskeys),
    Self::Expired => vec![Self::Expired],
    Self::Unknown { .. } => {
        let credential = CredentialId::new(b"credential".to_vec()).expect("it is short");
        vec![Self::Unknown { rp_id: "example.com".into(), credential }]
    },
    Self::Refused { .. } => vec![Self::Refused { sub: UserId::from_u128(0), reason: "an example" }],
    Self::Unavailable(_) => each(Self::Unavailable),
});

examples!(SecondStepError {
    Self::Expired => vec![Self::Expired],
    Self::Disabled => vec![Self::Disabled],
    Self::Factor(_) => each(Self::Factor),
    Self::Passkey(_) => each(Self::Passkey),
});

examples!(PasswordRemovalError {
    Self::LastWayIn => vec![Self::LastWayIn],
    // The same problem as the guard's.
    Self::SessionEnded => vec![],
    Self::Unavailable(_) => each(Self::Unavailable),
});

examples!(ReauthenticationError {
    Self::Nothing => vec![Self::Nothing],
    Self::Password(_) => each(Self::Password),
    Self::Factor(_) => each(Self::Factor),
});

examples!(PasskeyLoginError {
    Self::Disabled => vec![Self::Disabled],
    Self::Unverified => vec![Self::Unverified],
    Self::TooMany { .. } => vec![Self::TooMany { retry_after: SOON }],
    Self::Passkey(_) => each(Self::Passkey),
});

/// How everything about passkeys is refused where there cannot be any.
pub struct NoPasskeysHere;

impl Refuses for NoPasskeysHere {
    fn problems() -> Vec<Problem> {
        each(Problem::from as fn(NoPasskeys) -> Problem)
    }
}

/// How a change of factors is refused that comes too soon after others.
pub struct TooManyChanges;

impl Refuses for TooManyChanges {
    fn problems() -> Vec<Problem> {
        vec![ChangeError::TooMany { retry_after: SOON }.into()]
    }
}

/// How a challenge to add a passkey is refused.
pub struct OfferRefused;

impl Refuses for OfferRefused {
    fn problems() -> Vec<Problem> {
        let refusals = [AddError::TooMany].into_iter().chain(each(AddError::NoPasskeys));
        refusals.map(Problem::from).collect()
    }
}

examples!(PasswordError {
    Self::Check(_) => each(Self::Check),
    // The same problem as the guard's.
    Self::SessionEnded => vec![],
    Self::Weak(_) => each(Self::Weak),
});

examples!(DeletionError {
    // There is no new password that could be weak.
    Self::Password(_) => each(|error| Self::Password(PasswordError::Check(error))),
    Self::Admin(_) => vec![Self::Admin(AdminError::LastAdmin), Self::Admin(AdminError::Outdated)],
});

examples!(AskError {
    Self::TooMany { .. } => vec![Self::TooMany { retry_after: SOON }],
    Self::Unavailable(_) => each(Self::Unavailable),
});

examples!(CodeError {
    Self::Wrong { .. } => vec![Self::Wrong { left: 4 }],
    Self::Spent => vec![Self::Spent],
    Self::Expired => vec![Self::Expired],
    Self::OtherClient => vec![Self::OtherClient],
    Self::Unavailable(_) => each(Self::Unavailable),
});

examples!(ConfirmError {
    Self::SecondFactor(_) => vec![Self::SecondFactor(Box::new(SecondStep::example()))],
    Self::TooMany { .. } => vec![Self::TooMany { retry_after: SOON }],
    Self::Code(_) => each(Self::Code),
    Self::NoPassword => vec![Self::NoPassword],
    Self::Weak(_) => each(Self::Weak),
    Self::NotComputed(_) => each(Self::NotComputed),
});

examples!(LoginCodeError {
    Self::Off => vec![Self::Off],
    Self::Ask(_) => each(Self::Ask),
});

examples!(AddressError {
    // There is no new password that could be weak.
    Self::Password(_) => each(|error| Self::Password(PasswordError::Check(error))),
    Self::Ask(_) => each(Self::Ask),
    Self::Same => vec![Self::Same],
});

examples!(FactorError {
    Self::Wrong => vec![Self::Wrong],
    Self::TooManyAttempts { .. } => vec![Self::TooManyAttempts { retry_after: SOON }],
    Self::Resting => vec![Self::Resting],
    Self::Unavailable(_) => each(Self::Unavailable),
});

examples!(InvitationError {
    Self::Closed => vec![Self::Closed],
    Self::EmailTaken => vec![Self::EmailTaken],
    // Of a user who is sent to a new password.
    Self::Disabled | Self::NoSuchInvitation => vec![],
    Self::Admin(_) => {
        [AdminError::UnknownRole, AdminError::Forbidden(Forbidden::RoleBeyondOwn)].map(Self::Admin).into()
    },
    Self::Ask(_) => each(Self::Ask),
});

examples!(ResetError {
    Self::TooMany { .. } => vec![Self::TooMany { retry_after: SOON }],
    Self::Code(_) => each(Self::Code),
    Self::Weak(_) => each(Self::Weak),
    Self::NotComputed(_) => each(Self::NotComputed),
});

examples!(RefreshError {
    Self::SessionEnded => vec![Self::SessionEnded],
    Self::Reused => vec![Self::Reused],
    Self::TooMany { .. } => vec![Self::TooMany { retry_after: SOON }],
    Self::Unavailable(_) => each(Self::Unavailable),
});

examples!(Forbidden {
    // The same problem as the guard's for a missing scope.
    Self::NotPermitted => vec![],
    Self::Outranked => vec![Self::Outranked],
    Self::RoleBeyondOwn => vec![Self::RoleBeyondOwn],
});

examples!(BadCustomClaims {
    Self::TooLarge => vec![Self::TooLarge],
    Self::TooDeep => vec![Self::TooDeep],
});

examples!(AdminError {
    Self::NoSuchUser => vec![Self::NoSuchUser],
    Self::UnknownRole => vec![Self::UnknownRole],
    Self::Custom(_) => each(Self::Custom),
    Self::Forbidden(_) => each(Self::Forbidden),
    Self::LastAdmin => vec![Self::LastAdmin],
    Self::Outdated => vec![Self::Outdated],
    Self::Unavailable(_) => each(Self::Unavailable),
});

examples!(CreationError {
    Self::Admin(_) => {
        let role = AdminError::Forbidden(Forbidden::RoleBeyondOwn);
        let wishes = each(AdminError::Custom).into_iter().chain([AdminError::UnknownRole, role]);
        wishes.chain(each(AdminError::Unavailable)).map(Self::Admin).collect()
    },
    Self::Newcomer(_) => each(Self::Newcomer),
});

examples!(SearchError {
    Self::TooSlow => vec![Self::TooSlow],
    Self::Unavailable(_) => each(Self::Unavailable),
});

/// How a new authenticator app is refused.
pub struct TotpRefused;

impl Refuses for TotpRefused {
    fn problems() -> Vec<Problem> {
        [ChangeError::TotpExists, ChangeError::TooMany { retry_after: SOON }].map(Problem::from).into()
    }
}

/// How the first code of an authenticator app is refused.
pub struct TotpUnconfirmed;

impl Refuses for TotpUnconfirmed {
    fn problems() -> Vec<Problem> {
        [ChangeError::TotpNotPending, ChangeError::WrongCode].map(Problem::from).into()
    }
}

/// How new recovery codes are refused.
pub struct RecoveryCodesRefused;

impl Refuses for RecoveryCodesRefused {
    fn problems() -> Vec<Problem> {
        [ChangeError::NoSecondFactor, ChangeError::TooMany { retry_after: SOON }].map(Problem::from).into()
    }
}

/// How sending a user to a new password is refused.
pub struct ResetRefused;

impl Refuses for ResetRefused {
    fn problems() -> Vec<Problem> {
        let refusals = [InvitationError::Disabled].into_iter().chain(each(InvitationError::Ask));
        refusals.map(Problem::from).collect()
    }
}

/// How revoking an invitation is refused.
pub struct RevocationRefused;

impl Refuses for RevocationRefused {
    fn problems() -> Vec<Problem> {
        vec![AdminError::Forbidden(Forbidden::RoleBeyondOwn).into()]
    }
}

/// How ending the sessions of a user is refused.
pub struct UserOutOfReach;

/// How changing a user, or deleting one, is refused.
pub struct UserRefused;

impl Refuses for UserRefused {
    fn problems() -> Vec<Problem> {
        let conflicts = [AdminError::LastAdmin, AdminError::Outdated].map(Problem::from);
        conflicts.into_iter().chain(UserOutOfReach::problems()).collect()
    }
}

impl Refuses for UserOutOfReach {
    fn problems() -> Vec<Problem> {
        let forbidden = AdminError::Forbidden(Forbidden::Outranked);
        let refusals = [AdminError::NoSuchUser, forbidden].into_iter().chain(each(AdminError::Unavailable));
        refusals.map(Problem::from).collect()
    }
}
