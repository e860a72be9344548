//! What a service counts, in the text format of OpenMetrics, which Prometheus reads. Counters are statics, as log lines are:
//! whoever does something counts it, and `GET /metrics` on the admin address shows it.

use crate::clock::{Clock as _, SystemClock, Timestamp};
use jeton_verifier::{Observer, Refusal, VerifiedToken, guard::Rejection};
use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::ConstGauge, histogram::Histogram, info::Info},
    registry::Registry,
};
use std::{collections::BTreeMap, sync::LazyLock, time::Duration};

/// From half a millisecond to ten seconds.
const SECONDS: [f64; 14] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// A label and its value.
type Label = [(&'static str, &'static str); 1];

/// Counters of one thing, distinguished by one label.
#[derive(Debug)]
pub struct Counts {
    family: Family<Label, Counter>,
    label: &'static str,
    values: Vec<&'static str>,
}

impl Counts {
    /// Counters that begin at zero for these values, so that the first occurrence is seen as a rise.
    #[must_use]
    pub fn by(label: &'static str, values: &[&'static str]) -> Self {
        let family = Family::<Label, Counter>::default();
        for value in values {
            drop(family.get_or_create(&[(label, *value)]));
        }
        Self { family, label, values: values.to_vec() }
    }

    /// How many were counted of each of the values that it began with.
    #[must_use]
    pub fn all(&self) -> BTreeMap<&'static str, u64> {
        self.values.iter().map(|value| (*value, self.get(value))).collect()
    }

    /// Counts one.
    pub fn add(&self, value: &'static str) {
        self.family.get_or_create(&[(self.label, value)]).inc();
    }

    /// How many were counted.
    #[must_use]
    pub fn get(&self, value: &'static str) -> u64 {
        self.family.get_or_create(&[(self.label, value)]).get()
    }

    /// Shows the counters under a name, which Prometheus ends with `_total`.
    pub fn show(&self, registry: &mut Registry, name: &str, help: &str) {
        registry.register(name, help, self.family.clone());
    }
}

/// How long something took, distinguished by one label.
#[derive(Debug)]
pub struct Durations {
    family: Family<Label, Histogram>,
    label: &'static str,
}

impl Durations {
    /// Distinguished by this label.
    #[must_use]
    pub fn by(label: &'static str) -> Self {
        Self { family: Family::new_with_constructor(|| Histogram::new(SECONDS)), label }
    }

    /// Records one.
    pub fn add(&self, value: &'static str, took: Duration) {
        self.family.get_or_create(&[(self.label, value)]).observe(took.as_secs_f64());
    }

    /// Shows them under a name, which should end with `_seconds`.
    pub fn show(&self, registry: &mut Registry, name: &str, help: &str) {
        registry.register(name, help, self.family.clone());
    }
}

/// The outcomes of access tokens.
static VERIFICATIONS: LazyLock<Counts> = LazyLock::new(|| {
    Counts::by("outcome", &["accepted", "expired", "ended", "unknown_key", "invalid", "no_keys", "stale"])
});

/// Why access tokens were refused.
static REFUSALS: LazyLock<Counts> = LazyLock::new(|| Counts::by("reason", &Refusal::REASONS));

/// The outcomes of all access tokens so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdicts {
    /// How many were accepted.
    pub accepted: u64,
    /// How many were refused, for each of [`Refusal::REASONS`] in their order.
    pub refused: Vec<(&'static str, u64)>,
}

/// The outcomes of all access tokens so far.
#[must_use]
pub fn verdicts() -> Verdicts {
    Verdicts {
        accepted: VERIFICATIONS.get("accepted"),
        refused: Refusal::REASONS.map(|reason| (reason, REFUSALS.get(reason))).to_vec(),
    }
}

/// Counts the outcomes of access tokens.
#[derive(Debug, Clone, Copy, Default)]
pub struct Verifications;

impl Observer for Verifications {
    fn token_judged(&self, verdict: Result<&VerifiedToken, &Rejection>) {
        if let Err(Rejection::Refused(refusal)) = verdict {
            REFUSALS.add(refusal.reason());
        }
        VERIFICATIONS.add(match verdict {
            Ok(_) => "accepted",
            Err(Rejection::Refused(Refusal::Expired)) => "expired",
            Err(Rejection::Refused(Refusal::Ended)) => "ended",
            Err(Rejection::Refused(Refusal::UnknownKey)) => "unknown_key",
            Err(Rejection::Refused(_)) => "invalid",
            Err(Rejection::KeysUnavailable) => "no_keys",
            Err(Rejection::RevocationsStale) => "stale",
            // There was no token to verify.
            Err(_) => return,
        });
    }
}

type Answered = [(&'static str, String); 3];

static REQUESTS: LazyLock<Family<Answered, Histogram>> =
    LazyLock::new(|| Family::new_with_constructor(|| Histogram::new(SECONDS)));

/// Counts an answered request, by the route's pattern: paths hold ids, and there are any number of them.
pub(crate) fn count_request(method: &str, route: Option<String>, status: u16, took: Duration) {
    let method = ["GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS"].into_iter().find(|known| *known == method);
    let labels = [
        ("method", method.unwrap_or("other").to_owned()),
        ("route", route.unwrap_or_else(|| "other".to_owned())),
        ("status", status.to_string()),
    ];
    REQUESTS.get_or_create(&labels).observe(took.as_secs_f64());
}

/// When this process began, by which monitoring recognises a restart.
static STARTED: LazyLock<Timestamp> = LazyLock::new(|| SystemClock.now());

/// Records that the process begins now.
pub(crate) fn started() {
    LazyLock::force(&STARTED);
}

/// Registers what is counted here.
pub(crate) fn show(registry: &mut Registry) {
    registry.register("build", "Build information", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
    let started = ConstGauge::new(STARTED.millis() as f64 / 1000.0);
    registry.register("start_time_seconds", "When the process began, in seconds since 1970", started);
    registry.register("http_request_seconds", "How long requests took, by route and status", REQUESTS.clone());
    VERIFICATIONS.show(registry, "access_token_verifications", "Access tokens by outcome");
    REFUSALS.show(registry, "access_token_refusals", "Refused access tokens by reason");
}
