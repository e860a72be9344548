//! Other languages follow the revocation feed beside their verifiers: what has ended is refused within a second.

use crate::{
    peer::{Peer, Program},
    publisher::PATH,
    report::Report,
};
use harness::{Stack, lateness::Lateness, person::fresh_password};
use serde_json::json;
use std::{mem, time::Duration};
use tokio::time::{Instant, sleep};

/// The verifiers that come with a consumer of the feed.
const CONSUMERS: [(&str, Program); 4] = [
    ("PyJWT", Program::Python("converse.py", "verify")),
    ("jose", Program::Node("converse.mjs", &["verify"])),
    ("Go", Program::Go),
    ("Java", Program::Java),
];

/// How long an ended token may be accepted, while the machine runs.
const PROMISE: Duration = Duration::from_secs(1);

/// How long a consumer may take to begin, and to find auth-service again: it asks every five seconds at least.
const PATIENCE: Duration = Duration::from_secs(30);

/// Ends sessions in every way, beside every consumer.
pub(crate) async fn check(report: &mut Report) {
    let mut stack = Stack::any().unlimited().start_auth().await;
    let metadata = stack.auth.get("/.well-known/oauth-authorization-server").send().await.expect(200);
    let feed = metadata["revocations_uri"].as_str().unwrap_or_default().to_owned();
    let is_named = feed == format!("{}/revocations", stack.auth.url());
    report.check("metadata", "names the feed", if is_named { Ok(()) } else { Err(metadata.body.clone()) });
    for (library, program) in CONSUMERS {
        let url = stack.auth.url();
        let mut consumer = program.start(&[&url, "jeton", "1", &format!("{url}{PATH}"), &feed]);
        report.check(library, "follows the feed", begun(&mut consumer).await);
        one_session(&stack, library, &mut consumer, report).await;
        logout(&stack, library, &mut consumer, report).await;
        new_password(&stack, library, &mut consumer, report).await;
        rights(&stack, library, &mut consumer, report).await;
        disabled(&stack, library, &mut consumer, report).await;
        outage(&mut stack, library, &mut consumer, report).await;
        before_the_start(&stack, library, program, &feed, report).await;
    }
}

/// Somebody ends the session of another device.
async fn one_session(stack: &Stack, library: &str, consumer: &mut Peer, report: &mut Report) {
    let ada = stack.ada().await;
    let phone = ada.another_device().await;
    report.check(library, "accepts a device", accepted(consumer, &phone.access).await);
    stack.auth.end_session(&ada.tokens, &phone.session_id).await.expect(204);
    ended(library, "refuses the session that was ended", consumer, &[&phone.access], report).await;
    report.check(library, "accepts the other device", accepted(consumer, &ada.tokens.access).await);
}

async fn logout(stack: &Stack, library: &str, consumer: &mut Peer, report: &mut Report) {
    let ada = stack.ada().await;
    let phone = ada.another_device().await;
    stack.auth.logout(&phone).await.expect(204);
    ended(library, "refuses the device that has logged out", consumer, &[&phone.access], report).await;
    report.check(library, "accepts the one that has not", accepted(consumer, &ada.tokens.access).await);
    let laptop = ada.another_device().await;
    stack.auth.logout_all(&ada.tokens).await.expect(204);
    let both = [&ada.tokens.access, &laptop.access];
    ended(library, "refuses every device after a logout of all", consumer, &both, report).await;
    let next = ada.another_device().await;
    report.check(library, "accepts the login after it", accepted(consumer, &next.access).await);
}

/// It ends all sessions but the one that made it.
async fn new_password(stack: &Stack, library: &str, consumer: &mut Peer, report: &mut Report) {
    let (mut ada, bob) = (stack.ada().await, stack.bob().await);
    let phone = ada.another_device().await;
    let old = mem::replace(&mut ada.password, fresh_password());
    stack.auth.change_password(&ada.tokens, &old, &ada.password).await.expect(204);
    ended(library, "refuses other devices after a new password", consumer, &[&phone.access], report).await;
    report.check(library, "accepts the device that set it", accepted(consumer, &ada.tokens.access).await);
    let next = ada.another_device().await;
    report.check(library, "accepts the login with it", accepted(consumer, &next.access).await);
    report.check(library, "accepts another user", accepted(consumer, &bob.tokens.access).await);
}

/// The client refreshes, and goes on.
async fn rights(stack: &Stack, library: &str, consumer: &mut Peer, report: &mut Report) {
    let (admin, mut ada) = (stack.admin().await, stack.ada().await);
    stack.auth.change_user(&admin.tokens, &ada.id, &json!({ "custom": { "team": 7 } })).await.expect(200);
    ended(library, "refuses a token with outdated rights", consumer, &[&ada.tokens.access], report).await;
    ada.refresh().await;
    report.check(library, "accepts the one after it", accepted(consumer, &ada.tokens.access).await);
}

async fn disabled(stack: &Stack, library: &str, consumer: &mut Peer, report: &mut Report) {
    let (admin, ada) = (stack.admin().await, stack.ada().await);
    let phone = ada.another_device().await;
    stack.auth.change_user(&admin.tokens, &ada.id, &json!({ "disabled": true })).await.expect(200);
    let both = [&ada.tokens.access, &phone.access];
    ended(library, "refuses every device of a user whom an admin disables", consumer, &both, report).await;
    report.check(library, "accepts the admin", accepted(consumer, &admin.tokens.access).await);
}

/// Nothing is forgotten, nobody else is refused, and it needs no restart.
async fn outage(stack: &mut Stack, library: &str, consumer: &mut Peer, report: &mut Report) {
    let ada = stack.ada().await;
    let phone = ada.another_device().await;
    stack.auth.end_session(&ada.tokens, &phone.session_id).await.expect(204);
    ended(library, "refuses a session before an outage", consumer, &[&phone.access], report).await;
    stack.auth.stop();
    sleep(PROMISE).await;
    report.check(library, "still refuses it during the outage", refused(consumer, &phone.access).await);
    report.check(library, "accepts the others", accepted(consumer, &ada.tokens.access).await);
    stack.auth.start().await;
    let laptop = ada.another_device().await;
    stack.auth.end_session(&ada.tokens, &laptop.session_id).await.expect(204);
    let outcome = soon(PATIENCE, async || refused(consumer, &laptop.access).await).await;
    report.check(library, "goes on by itself after the outage", outcome.map(drop));
}

/// A consumer that was not there reads what ended before.
async fn before_the_start(stack: &Stack, library: &str, program: Program, feed: &str, report: &mut Report) {
    let ada = stack.ada().await;
    let phone = ada.another_device().await;
    stack.auth.end_session(&ada.tokens, &phone.session_id).await.expect(204);
    let url = stack.auth.url();
    let mut consumer = program.start(&[&url, "jeton", "1", &format!("{url}{PATH}"), feed]);
    report.check(library, "begins while others follow", begun(&mut consumer).await);
    ended(library, "refuses what ended before it began", &mut consumer, &[&phone.access], report).await;
    report.check(library, "accepts what did not", accepted(&mut consumer, &ada.tokens.access).await);
}

/// All the tokens are refused within the promised time, which is reported.
async fn ended(library: &str, what: &str, consumer: &mut Peer, tokens: &[&String], report: &mut Report) {
    let outcome = soon(PROMISE, async || {
        for token in tokens {
            refused(consumer, token).await?;
        }
        Ok(())
    });
    match outcome.await {
        Ok(waited) => report.check(library, &format!("{what}: {} ms", waited.as_millis()), Ok(())),
        Err(instead) => report.check(library, what, Err(instead)),
    }
}

/// Until the whole feed has been read, the age is unknown.
async fn begun(consumer: &mut Peer) -> Result<(), String> {
    let young = async || match consumer.ask("age").await? {
        (word, age) if word == "age" && age.parse::<f64>().is_ok_and(|age| age < PATIENCE.as_secs_f64()) => Ok(()),
        (word, rest) => Err(format!("{word} {rest}")),
    };
    soon(PATIENCE, young).await.map(drop)
}

/// Asks until it holds, and says after how long. A machine that stalls meanwhile gets that time on top.
async fn soon(patience: Duration, mut ask: impl AsyncFnMut() -> Result<(), String>) -> Result<Duration, String> {
    let (begun, lateness) = (Instant::now(), Lateness::from_now());
    loop {
        let is_late = begun.elapsed() > patience + lateness.so_far();
        match ask().await {
            Ok(()) => return Ok(begun.elapsed()),
            Err(instead) if is_late => return Err(format!("{instead} after {:?}", begun.elapsed())),
            Err(_) => sleep(Duration::from_millis(10)).await,
        }
    }
}

async fn accepted(consumer: &mut Peer, token: &str) -> Result<(), String> {
    match consumer.ask(token).await? {
        (word, _) if word == "ok" => Ok(()),
        (word, rest) => Err(format!("{word} {rest}")),
    }
}

/// As ended, and for no other reason.
async fn refused(consumer: &mut Peer, token: &str) -> Result<(), String> {
    match consumer.ask(token).await? {
        (word, rest) if word == "refused" && rest == "ended" => Ok(()),
        (word, rest) => Err(format!("{word} {rest}")),
    }
}
