//! Tokens and sessions.

use super::accounts::Accounts;
use crate::domain::{
    Policy, ReuseEnds,
    session::{self, LATE_RETRIES},
};
use shared::{
    settings,
    settings::{Settings, duration_within, number_within, on_off, one_of},
};
use std::time::Duration;

settings! {
    /// aud of access tokens.
    plain AUTH_AUDIENCE: String = "jeton", word;
    /// client_id of access tokens.
    plain AUTH_CLIENT_ID: String = "jeton", word;
    /// How long an access token lives: 1s to 1h.
    plain AUTH_ACCESS_TTL: Duration = "15m", |text| duration_within(text, "1s", "1h");
    /// A session unused for so long ends.
    plain AUTH_SESSION_IDLE: Duration = "7d", |text| duration_within(text, "1s", "400d");
    /// A session's life, whatever its use.
    plain AUTH_SESSION_MAX: Duration = "30d", |text| duration_within(text, "1s", "400d");
    /// How many sessions a user has at most; beyond it, the least recently used ends.
    plain AUTH_MAX_SESSIONS: usize = "50", |text| number_within(text, 1, 1000);
    /// For so long after a rotation, the tokens before it get the same answer; 0s: never.
    plain AUTH_REPLAY_WINDOW: Duration = "10s", |text| duration_within(text, "0s", "5m");
    /// Whether a client whose response was lost may retry later than that, 16 times at most: on or off.
    plain AUTH_LATE_RETRY: bool = "on", on_off;
    /// What a stolen refresh token ends: user (all the user's sessions) or session.
    plain AUTH_REUSE_ENDS: ReuseEnds = "user", |text| one_of(text, &[("user", ReuseEnds::User), ("session", ReuseEnds::Session)]);
}

pub(super) fn policy(settings: &Settings, accounts: &Accounts) -> Policy {
    let (idle, max) = (settings.get(&AUTH_SESSION_IDLE), settings.get(&AUTH_SESSION_MAX));
    // The default may be longer: whoever sets only AUTH_SESSION_MAX has not contradicted it.
    if settings.is_given(&AUTH_SESSION_IDLE.named) && idle > max {
        settings.mistake("AUTH_SESSION_IDLE: must not be longer than AUTH_SESSION_MAX, which ends the session first");
    }
    Policy {
        audience: settings.get(&AUTH_AUDIENCE),
        client_id: settings.get(&AUTH_CLIENT_ID),
        access_ttl: settings.get(&AUTH_ACCESS_TTL),
        session_idle: idle,
        session_max: max,
        max_sessions: settings.get(&AUTH_MAX_SESSIONS),
        session: session::Policy {
            replay_window: settings.get(&AUTH_REPLAY_WINDOW),
            late_retries: if settings.get(&AUTH_LATE_RETRY) { LATE_RETRIES } else { 0 },
        },
        reuse_ends: settings.get(&AUTH_REUSE_ENDS),
        audit_keep: accounts.audit_keep,
        registration: accounts.registration,
        default_role: accounts.default_role.clone(),
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
