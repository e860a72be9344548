//! Second factors, and how recently users must have shown who they are.

use crate::domain::accounts::roles::SecondFactor;
use shared::{
    settings,
    settings::{Settings, duration_within, one_of},
};
use std::time::Duration;

settings! {
    /// Of whom a second factor is asked: optional (of those who have a role that asks for it; docs/roles.md), admins (also of those who may change users or signing keys), or required (of everybody). Until a user has one, access tokens grant nothing but adding it.
    plain AUTH_SECOND_FACTOR: SecondFactor = "optional", |text| one_of(text, &[("optional", SecondFactor::Optional), ("admins", SecondFactor::Admins), ("required", SecondFactor::Required)]);
    /// How recently users must have shown who they are to change what lets them in, and admins to change users.
    plain AUTH_STEP_UP_MAX_AGE: Duration = "5m", |text| duration_within(text, "10s", "30d");
    /// How long a browser may be spared the second factor, if its user wants that; 0s: never.
    plain AUTH_TRUSTED_DEVICE_LIFE: Duration = "30d", |text| duration_within(text, "0s", "365d");
    /// How long after an admin has removed a user's factors that takes effect; meanwhile the user can stop it.
    plain AUTH_FACTOR_RESET_DELAY: Duration = "0s", |text| duration_within(text, "0s", "30d");
}

/// How long what lasts.
#[derive(Debug, Clone, Copy)]
pub struct FactorTimes {
    /// How recently users must have shown who they are.
    pub step_up_max_age: Duration,
    /// How long a browser is trusted.
    pub device_life: Duration,
    /// When a removal by an admin takes effect.
    pub reset_delay: Duration,
}

/// Of whom a second factor is asked.
pub(super) fn asked_of(settings: &Settings) -> SecondFactor {
    settings.get(&AUTH_SECOND_FACTOR)
}

pub(super) fn times(settings: &Settings) -> FactorTimes {
    FactorTimes {
        step_up_max_age: settings.get(&AUTH_STEP_UP_MAX_AGE),
        device_life: settings.get(&AUTH_TRUSTED_DEVICE_LIFE),
        reset_delay: settings.get(&AUTH_FACTOR_RESET_DELAY),
    }
}
