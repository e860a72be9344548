//! `GET /metrics`: the current value of every metric.

use crate::{
    agreement::Agreement,
    metrics::{FEED_READS, KEY_FETCHES},
};
use actix_web::{HttpResponse, web::Data};
use jeton_verifier::keys::PublishedKeys;
use prometheus_client::{
    metrics::{
        family::Family,
        gauge::{ConstGauge, Gauge},
    },
    registry::Registry,
};

pub(super) async fn metrics(keys: Data<PublishedKeys>, agreement: Data<Agreement>) -> HttpResponse {
    shared::exposition::exposed(&registry(&keys, &agreement))
}

fn registry(keys: &PublishedKeys, agreement: &Agreement) -> Registry {
    let mut registry = shared::exposition::registry();
    KEY_FETCHES.show(&mut registry, "key_fetches", "Fetches of the published keys by outcome");
    FEED_READS.show(&mut registry, "revocation_reads", "Questions to the revocation feed by outcome");
    let (held, feed) = (keys.held(), keys.feed());
    let mut gauge = |name: &str, help: &str, value: f64| registry.register(name, help, ConstGauge::new(value));
    gauge("verification_keys", "Verification keys held", held.map_or(0.0, |held| held.count as f64));
    if let Some(held) = held {
        let help = "Time since the held keys were last confirmed by their source";
        gauge("verification_keys_age_seconds", help, held.age.as_secs_f64());
    }
    if let Some(feed) = feed {
        let help = "How old the knowledge of what has ended is; since the start, if the feed was never read to its end";
        gauge("revocations_age_seconds", help, feed.age.unwrap_or(feed.followed_for).as_secs_f64());
        gauge(
            "revocations_entries",
            "Sessions, tokens and users held of whom something has ended",
            feed.entries as f64,
        );
    }
    registry.register(
        "issuer_disagreement",
        "1 if the settings or this machine's clock disagree with the issuer's",
        disagreements(agreement),
    );
    registry
}

fn disagreements(agreement: &Agreement) -> Family<[(&'static str, &'static str); 1], Gauge> {
    let (family, lacking) = (Family::default(), agreement.lacking());
    for about in ["issuer", "clock"] {
        let gauge: &Gauge = &family.get_or_create(&[("about", about)]);
        gauge.set(lacking.contains(&about).into());
    }
    family
}
