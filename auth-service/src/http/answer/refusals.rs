//! A problem of each kind that an outcome becomes, for the OpenAPI document.

use crate::domain::{
    Unavailable,
    accounts::SearchError,
    admin::{
        authority::Forbidden,
        users::{AdminError, CreationError},
    },
    my_account::{change_password::PasswordError, delete::DeletionError},
    passwords::{WeakPassword, pool::NotComputed},
    sessions::refresh::RefreshError,
    sign_in::{login::LoginError, register::RegisterError},
};
use shared::{openapi::Refuses, problem::Problem};
use std::time::Duration;

/// How a password that is asked for again is refused.
pub struct PasswordConfirmed;

/// How an admin is refused who wants to end the sessions of a user.
pub struct UserOutOfReach;

/// How an admin is refused who wants a user to be gone, or another one.
pub struct UserRefused;

impl Refuses for Unavailable {
    fn problems() -> Vec<Problem> {
        vec![example_outage().into()]
    }
}

impl Refuses for RegisterError {
    fn problems() -> Vec<Problem> {
        let weak = [WeakPassword::Length, WeakPassword::Common].map(Self::WeakPassword);
        let outages = [Self::NotComputed(NotComputed::Overloaded), Self::Unavailable(example_outage())];
        weak.into_iter()
            .chain(outages)
            .chain([Self::EmailTaken, Self::Closed, Self::TooMany { retry_after: SOON }])
            .map(Problem::from)
            .collect()
    }
}

impl Refuses for CreationError {
    fn problems() -> Vec<Problem> {
        let weak = [WeakPassword::Length, WeakPassword::Common].map(RegisterError::WeakPassword);
        let others =
            [RegisterError::NotComputed(NotComputed::Overloaded), RegisterError::EmailTaken, RegisterError::Outdated];
        let wishes = [
            AdminError::UnknownRole,
            AdminError::CustomTooLarge,
            AdminError::CustomTooDeep,
            AdminError::Forbidden(Forbidden::RoleBeyondOwn),
            AdminError::Unavailable(example_outage()),
        ];
        let refusals = weak.into_iter().chain(others).map(Problem::from);
        refusals.chain(wishes.map(Problem::from)).collect()
    }
}

impl Refuses for DeletionError {
    fn problems() -> Vec<Problem> {
        let admin = [AdminError::LastAdmin, AdminError::Outdated].map(Problem::from);
        admin.into_iter().chain(PasswordConfirmed::problems()).collect()
    }
}

impl Refuses for LoginError {
    fn problems() -> Vec<Problem> {
        let outages = [Self::NotComputed(NotComputed::Overloaded), Self::Unavailable(example_outage())];
        let refusals = [Self::InvalidCredentials, Self::Disabled, Self::TooManyAttempts { retry_after: SOON }];
        outages.into_iter().chain(refusals).map(Problem::from).collect()
    }
}

impl Refuses for PasswordError {
    fn problems() -> Vec<Problem> {
        let weak = [WeakPassword::Length, WeakPassword::Common].map(Self::Weak).map(Problem::from);
        weak.into_iter().chain(PasswordConfirmed::problems()).collect()
    }
}

impl Refuses for PasswordConfirmed {
    fn problems() -> Vec<Problem> {
        let outages =
            [PasswordError::NotComputed(NotComputed::Overloaded), PasswordError::Unavailable(example_outage())];
        let refusals = [PasswordError::Wrong, PasswordError::TooManyAttempts { retry_after: SOON }];
        outages.into_iter().chain(refusals).map(Problem::from).collect()
    }
}

impl Refuses for RefreshError {
    fn problems() -> Vec<Problem> {
        let refusals = [Self::SessionEnded, Self::Reused, Self::TooMany { retry_after: SOON }];
        refusals.into_iter().chain([Self::Unavailable(example_outage())]).map(Problem::from).collect()
    }
}

impl Refuses for AdminError {
    fn problems() -> Vec<Problem> {
        let wishes = [Self::UnknownRole, Self::CustomTooLarge, Self::CustomTooDeep];
        let forbidden = Self::Forbidden(Forbidden::RoleBeyondOwn);
        wishes.into_iter().chain([forbidden]).map(Problem::from).chain(UserRefused::problems()).collect()
    }
}

impl Refuses for SearchError {
    fn problems() -> Vec<Problem> {
        [Self::TooSlow, Self::Unavailable(example_outage())].map(Problem::from).into()
    }
}

impl Refuses for UserRefused {
    fn problems() -> Vec<Problem> {
        let conflicts = [AdminError::LastAdmin, AdminError::Outdated].map(Problem::from);
        conflicts.into_iter().chain(UserOutOfReach::problems()).collect()
    }
}

impl Refuses for UserOutOfReach {
    fn problems() -> Vec<Problem> {
        let forbidden = AdminError::Forbidden(Forbidden::Outranked);
        [AdminError::NoSuchUser, forbidden, AdminError::Unavailable(example_outage())].map(Problem::from).into()
    }
}

/// When to try again, in examples.
const SOON: Duration = Duration::from_secs(60);

fn example_outage() -> Unavailable {
    Unavailable { store: "any store", cause: "an example".into() }
}
