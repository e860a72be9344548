//! End to end: an issuer over real HTTP, a feed that is followed, and tokens that are accepted or not.

mod ending;
mod freshness;
mod hostile;
mod issuer;
mod map;
mod restart;

use super::{Pace, map::Limits};
use crate::{
    Refusal,
    access_token::Digest,
    clock::ManualClock,
    guard::{Authenticate as _, Rejection},
    keys::{
        Config, KeySource, Paces, PublishedKeys,
        tests::{LONG, Logged, NOW, clock, eventually, pace},
    },
};
use issuer::{Manner, TestIssuer};
use serde_json::{Value, json};
use std::{path::PathBuf, sync::Arc, time::Duration};
use testkit::{AUDIENCE, ISSUER, Issuer, claims};

const ENDED: Result<(), Rejection> = Err(Rejection::Refused(Refusal::Ended));
/// How recent knowledge must be in these tests. The feed waits for a second.
const BOUND: Duration = Duration::from_secs(3);

/// Quick after failures, and reads everything once only.
fn hurry() -> Pace {
    let moment = Duration::from_millis(10);
    Pace {
        full: LONG,
        retry: moment,
        longest_retry: moment,
        absent: moment,
        shortest: moment,
        idle: moment,
        sweep: moment,
        keep: moment,
        ..Pace::default()
    }
}

fn config(issuer: &TestIssuer, snapshot: Option<PathBuf>) -> Config {
    let source = KeySource::Published { address: issuer.keys_url().into(), snapshot };
    Config::new(ISSUER, AUDIENCE, source).clock(Arc::new(clock())).fresh_within(BOUND)
}

async fn start(config: Config, feed: Pace) -> Arc<PublishedKeys> {
    PublishedKeys::start(config, Paces { keys: pace(), feed }).await.expect("an HTTP client")
}

/// A verifier that has read the feed to its end.
async fn follow(issuer: &TestIssuer) -> Arc<PublishedKeys> {
    let keys = start(config(issuer, None), hurry()).await;
    is_up_to_date(&keys).await;
    keys
}

async fn is_up_to_date(keys: &PublishedKeys) {
    eventually("the feed was read", async || keys.feed().is_some_and(|feed| !feed.is_behind)).await;
}

/// The usual token with some claims changed.
fn token(changes: Value) -> String {
    let mut claims = claims(NOW);
    for (name, value) in changes.as_object().expect("an object of changes") {
        claims[name] = value.clone();
    }
    Issuer::usual().token_of(&claims)
}

/// A token of this session.
fn of_session(sid: &str) -> String {
    token(json!({ "sid": sid, "jti": format!("token of {sid}") }))
}

async fn verdict(keys: &PublishedKeys, token: &str) -> Result<(), Rejection> {
    keys.authenticate(token).await.map(|_| ())
}

fn name(kind: &str, value: &str) -> Value {
    serde_json::to_value(Digest::of(kind, value)).expect("a text")
}

/// The entry of a session that has ended.
fn session(sid: &str) -> Value {
    json!({ "h": name("sid", sid), "u": 900 })
}
