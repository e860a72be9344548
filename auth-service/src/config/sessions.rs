//! Tokens and sessions.

use super::accounts::Accounts;
use crate::domain::sessions::{Policy, ReuseEnds, rules, rules::LATE_RETRIES, tokens::AccessPolicy};
use shared::{
    settings,
    settings::{Settings, duration_within, number_within, on_off, one_of},
};
use std::time::Duration;

settings! {
    /// Audience (aud) of access tokens.
    plain AUTH_AUDIENCE: String = "jeton", word;
    /// Client id (client_id) of access tokens.
    plain AUTH_CLIENT_ID: String = "jeton", word;
    /// Lifetime of access tokens: 1s to 1h.
    plain AUTH_ACCESS_TTL: Duration = "15m", |text| duration_within(text, "1s", "1h");
    /// End a session after this much inactivity.
    plain AUTH_SESSION_IDLE: Duration = "7d", |text| duration_within(text, "1s", "400d");
    /// Maximum session lifetime.
    plain AUTH_SESSION_MAX: Duration = "30d", |text| duration_within(text, "1s", "400d");
    /// Maximum number of sessions per user; beyond it, the least recently used one ends.
    plain AUTH_MAX_SESSIONS: usize = "50", |text| number_within(text, 1, 1000);
    /// Grace period after a rotation in which earlier tokens get the same answer; 0s disables it.
    plain AUTH_REPLAY_WINDOW: Duration = "10s", |text| duration_within(text, "0s", "5m");
    /// Whether a client whose response was lost may retry after AUTH_REPLAY_WINDOW, up to 16 times: on or off.
    plain AUTH_LATE_RETRY: bool = "on", on_off;
    /// What ends when a stolen refresh token is detected: user (all of the user's sessions) or session.
    plain AUTH_REUSE_ENDS: ReuseEnds = "user", |text| one_of(text, &[("user", ReuseEnds::User), ("session", ReuseEnds::Session)]);
}

pub(super) fn policy(settings: &Settings, accounts: &Accounts) -> Policy {
    let (idle, max) = (settings.get(&AUTH_SESSION_IDLE), settings.get(&AUTH_SESSION_MAX));
    // The default may be longer: setting only AUTH_SESSION_MAX does not contradict it.
    if settings.is_given(&AUTH_SESSION_IDLE.named) && idle > max {
        settings.mistake("AUTH_SESSION_IDLE: must not be longer than AUTH_SESSION_MAX, which ends the session first");
    }
    Policy {
        idle,
        max,
        max_sessions: settings.get(&AUTH_MAX_SESSIONS),
        rules: rules::Policy {
            replay_window: settings.get(&AUTH_REPLAY_WINDOW),
            late_retries: if settings.get(&AUTH_LATE_RETRY) { LATE_RETRIES } else { 0 },
        },
        reuse_ends: settings.get(&AUTH_REUSE_ENDS),
        audit_keep: accounts.audit_keep,
    }
}

pub(super) fn access_policy(settings: &Settings) -> AccessPolicy {
    AccessPolicy {
        audience: settings.get(&AUTH_AUDIENCE),
        client_id: settings.get(&AUTH_CLIENT_ID),
        ttl: settings.get(&AUTH_ACCESS_TTL),
    }
}

fn word(text: &str) -> Result<String, String> {
    let fits = (1..=256).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    if fits {
        Ok(text.to_owned())
    } else {
        Err("must be 1 to 256 printable ASCII characters without spaces".to_owned())
    }
}
