//! Signing keys.

use crate::domain::keys::KeyPolicy;
use shared::{
    settings,
    settings::{Settings, duration, duration_within, one_of},
};
use std::time::Duration;

settings! {
    /// How long a signing key signs before the next one takes over; 0: only on command.
    plain AUTH_KEY_LIFETIME: Duration = "30d", duration;
    /// How long a new key is published before it signs; at least twice AUTH_JWKS_MAX_AGE.
    plain AUTH_KEY_LEAD: Duration = "24h", duration;
    /// Size of new signing keys: 2048, 3072 or 4096.
    plain AUTH_KEY_BITS: usize = "2048", |text| one_of(text, &[("2048", 2048), ("3072", 3072), ("4096", 4096)]);
    /// How long verifiers may cache the key set.
    plain AUTH_JWKS_MAX_AGE: Duration = "5m", |text| duration_within(text, "1s", "1d");
}

/// Verifiers accept this many keys in one set, and some more.
const MOST_KEYS_AT_ONCE: u128 = 50;

pub(super) fn key_policy(settings: &Settings, token_life: Duration) -> KeyPolicy {
    let max_age = settings.get(&AUTH_JWKS_MAX_AGE);
    let lead = settings.get(&AUTH_KEY_LEAD);
    let lifetime = settings.get(&AUTH_KEY_LIFETIME);
    if lead < max_age * 2 {
        settings
            .mistake("AUTH_KEY_LEAD: must be at least twice AUTH_JWKS_MAX_AGE, or verifiers would meet unknown keys");
    }
    if !lifetime.is_zero() && lifetime <= lead {
        settings.mistake("AUTH_KEY_LIFETIME: must be longer than AUTH_KEY_LEAD, or 0");
    }
    if !lifetime.is_zero() && (lead + token_life).as_millis() > lifetime.as_millis() * MOST_KEYS_AT_ONCE {
        settings.mistake("AUTH_KEY_LIFETIME: too short: too many keys would be published at once");
    }
    KeyPolicy { bits: settings.get(&AUTH_KEY_BITS), max_age, lifetime, lead, token_life }
}
