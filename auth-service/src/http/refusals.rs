//! A problem of each kind that an outcome becomes, for the OpenAPI document.

use crate::domain::{
    Unavailable, admin::AdminError, change_password::PasswordError, hashing::Overloaded, login::LoginError,
    password::WeakPassword, refresh::RefreshError, register::RegisterError,
};
use shared::{openapi::Refuses, problem::Problem};
use std::time::Duration;

/// How a password that is asked for again is refused.
pub struct PasswordConfirmed;

/// There is no user with the id of the path.
pub struct NoSuchUser;

impl Refuses for Unavailable {
    fn problems() -> Vec<Problem> {
        vec![example_outage().into()]
    }
}

impl Refuses for RegisterError {
    fn problems() -> Vec<Problem> {
        let weak = [WeakPassword::Length, WeakPassword::Common].map(Self::WeakPassword);
        let outages = [Self::Overloaded(Overloaded), Self::Unavailable(example_outage())];
        weak.into_iter().chain(outages).chain([Self::EmailTaken]).map(Problem::from).collect()
    }
}

impl Refuses for LoginError {
    fn problems() -> Vec<Problem> {
        let outages = [Self::Overloaded(Overloaded), Self::Unavailable(example_outage())];
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
        let outages = [PasswordError::Overloaded(Overloaded), PasswordError::Unavailable(example_outage())];
        let refusals = [PasswordError::Wrong, PasswordError::TooManyAttempts { retry_after: SOON }];
        outages.into_iter().chain(refusals).map(Problem::from).collect()
    }
}

impl Refuses for RefreshError {
    fn problems() -> Vec<Problem> {
        [Self::SessionEnded, Self::Reused, Self::Unavailable(example_outage())].map(Problem::from).into()
    }
}

impl Refuses for AdminError {
    fn problems() -> Vec<Problem> {
        let refusals = [Self::NoSuchUser, Self::UnknownRole, Self::CustomTooLarge];
        refusals.into_iter().chain([Self::Unavailable(example_outage())]).map(Problem::from).collect()
    }
}

impl Refuses for NoSuchUser {
    fn problems() -> Vec<Problem> {
        vec![AdminError::NoSuchUser.into()]
    }
}

/// When to try again, in examples.
const SOON: Duration = Duration::from_secs(60);

fn example_outage() -> Unavailable {
    Unavailable { store: "any store", cause: "an example".into() }
}
