//! `GET /metrics`: all metrics, for Prometheus.

use crate::{
    http::State,
    metrics::{
        BREACH_CHECKS, LIMITED, LOGINS, MAIL_OLDEST, MAIL_WAITING, MAILS, RECORDS_REFUSED, REFRESHES, STORE_FAILURES,
        STORE_SECONDS, UNUSABLE_HASHES,
    },
};
use actix_web::{HttpResponse, web::Data};
use prometheus_client::{metrics::gauge::ConstGauge, registry::Registry};

/// All metrics as of now.
pub async fn metrics(state: Data<State>) -> HttpResponse {
    shared::exposition::exposed(&registry(&state))
}

fn registry(state: &State) -> Registry {
    let mut registry = shared::exposition::registry();
    LOGINS.show(&mut registry, "logins", "Login attempts by outcome");
    UNUSABLE_HASHES.show(
        &mut registry,
        "unusable_password_hashes",
        "Logins that failed because the stored hash cannot be used",
    );
    BREACH_CHECKS.show(
        &mut registry,
        "breached_password_checks",
        "New passwords looked up in the list of breached ones; unanswered: set unchecked",
    );
    REFRESHES.show(&mut registry, "refreshes", "Refreshes by outcome; reuse is a theft");
    LIMITED.show(
        &mut registry,
        "limited",
        "Requests refused because an address, an account or a session asked for too much",
    );
    let help = "Session records refused: not written by auth-service, or not for their session";
    RECORDS_REFUSED.show(&mut registry, "session_records_refused", help);
    STORE_SECONDS.show(&mut registry, "store_seconds", "How long the stores took to answer");
    STORE_FAILURES.show(
        &mut registry,
        "store_failures",
        "Calls that a store did not answer in time, or answered with an error",
    );
    MAILS.show(&mut registry, "mail", "Mails by kind and what became of them");
    registry.register("mail_waiting", "Mails in the outbox, of all replicas", MAIL_WAITING.clone());
    registry.register("mail_oldest_seconds", "Age of the oldest mail in the outbox", MAIL_OLDEST.clone());
    let mut gauge = |name: &str, help: &str, value: f64| registry.register(name, help, ConstGauge::new(value));
    gauge("hashing_queue_jobs", "Passwords waiting to be hashed", state.hasher.waiting() as f64);
    gauge(
        "hashing_queue_capacity_jobs",
        "How many passwords may wait before logins are refused",
        state.hasher.capacity() as f64,
    );
    let (waiting, entries) = state.feed.size();
    gauge("feed_waiting", "Verifiers that wait for the revocation feed", waiting as f64);
    gauge("feed_entries", "Endings held for the revocation feed; 0 until somebody asks", entries as f64);
    let keys = state.keys.ages();
    let lifetime = state.keys.policy().lifetime.as_secs_f64();
    gauge("signing_key_lifetime_seconds", "Lifetime of a signing key; 0: until it is replaced by command", lifetime);
    gauge("signing_key_age_seconds", "Age of the current signing key", keys.signing.as_secs_f64());
    gauge("signing_keys_published", "Keys published to verifiers", keys.published as f64);
    gauge("signing_keys_read_age_seconds", "Time since the keys were last read from SQL", keys.read.as_secs_f64());
    registry
}
