//! Limits on requests and on wrong passwords.

use crate::domain::throttling::{
    FailureLimits,
    limits::LimitSettings,
    rates::{NoRate, Rate, Rates},
};
use shared::{settings, settings::Settings};

settings! {
    /// Registrations from one address, as number/time; several apply together; off or 0: no limit. Each process counts this and the next five for itself.
    plain AUTH_LIMIT_REGISTRATIONS: Rates = "300/15m,1500/1d", rates;
    /// Passwords tried from one address, right or wrong.
    plain AUTH_LIMIT_LOGINS: Rates = "1500/15m,6000/1d", rates;
    /// Right passwords for one account.
    plain AUTH_LIMIT_LOGINS_PER_ACCOUNT: Rates = "120/15m", rates;
    /// Mails asked for from one address: for forgotten passwords, registrations and verifications.
    plain AUTH_LIMIT_MAILS: Rates = "30/1h", rates;
    /// Refreshes from one address.
    plain AUTH_LIMIT_REFRESHES: Rates = "20000/15m", rates;
    /// Refreshes of one session.
    plain AUTH_LIMIT_REFRESHES_PER_SESSION: Rates = "60/20s", rates;
    /// Wrong passwords from one address. This and the next two are a single number/time, counted across all replicas; off or 0: no limit.
    plain AUTH_LIMIT_FAILURES: Option<Rate> = "100/15m", rate;
    /// Wrong passwords for one account; devices that have logged in to it before are exempt.
    plain AUTH_LIMIT_FAILURES_PER_ACCOUNT: Option<Rate> = "50/15m", rate;
    /// Wrong passwords for one account from one network (an IPv4 /24, an IPv6 /56).
    plain AUTH_LIMIT_FAILURES_PER_ACCOUNT_AND_NETWORK: Option<Rate> = "10/15m", rate;
}

pub(super) fn limits(settings: &Settings) -> LimitSettings {
    LimitSettings {
        registrations: settings.get(&AUTH_LIMIT_REGISTRATIONS),
        logins: settings.get(&AUTH_LIMIT_LOGINS),
        logins_per_account: settings.get(&AUTH_LIMIT_LOGINS_PER_ACCOUNT),
        mails: settings.get(&AUTH_LIMIT_MAILS),
        refreshes: settings.get(&AUTH_LIMIT_REFRESHES),
        refreshes_per_session: settings.get(&AUTH_LIMIT_REFRESHES_PER_SESSION),
    }
}

pub(super) fn failure_limits(settings: &Settings) -> FailureLimits {
    FailureLimits {
        per_address: settings.get(&AUTH_LIMIT_FAILURES),
        per_account: settings.get(&AUTH_LIMIT_FAILURES_PER_ACCOUNT),
        per_account_and_network: settings.get(&AUTH_LIMIT_FAILURES_PER_ACCOUNT_AND_NETWORK),
    }
}

fn rates(text: &str) -> Result<Rates, String> {
    text.parse().map_err(|error: NoRate| error.to_string())
}

fn rate(text: &str) -> Result<Option<Rate>, String> {
    match text {
        "off" | "0" => Ok(None),
        text => text.parse().map(Some).map_err(|error: NoRate| error.to_string()),
    }
}
