//! The revocation feed: two thousand verifiers that wait, and one that holds a million endings.

use crate::{
    connection::{Connection, get},
    cpu::{self, micros},
    crowd::Crowd,
    report::{Goal, Report},
    start::resident,
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use futures_util::future::join_all;
use harness::{Stack, Storage, eventually, postgres::Postgres, tokens::Tokens};
use jeton_verifier::{
    guard::Authenticate as _,
    keys::{Config, KeySource, PublishedKeys},
};
use serde_json::Value;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{task::JoinHandle, time::sleep};

const VERIFIERS: usize = 2_000;
const ENDINGS: usize = 1_000_000;
const PATIENCE: Duration = Duration::from_secs(120);
/// How often an idle verifier asks, in seconds, and how many seconds a day has.
const WAIT: usize = 25;
const DAY: usize = 24 * 3600;
/// Sessions that are ended under load, so many at the same time.
const ENDED: usize = 400;
const AT_ONCE: usize = 8;
/// Sessions that are refreshed meanwhile, as fast as auth-service answers.
const REFRESHED: usize = 16;
const LOOKUPS: usize = 200_000;
const ROUNDS: usize = 5;

/// A million endings, which auth-service numbers.
const FILL: &str =
    "INSERT INTO endings (kind, name) SELECT 'session', 'bench-' || n FROM generate_series(1, 1000000) AS n";

pub(crate) async fn measure(report: &mut Report) {
    let stack = Stack::on(Storage::RedisAndPostgres).unlimited().auth("AUTH_FEED_WAITERS", "20000");
    let mut stack = stack.auth("AUTH_MAX_CONNECTIONS", "4000").start_auth().await;
    waiting(report, &mut stack).await;
    under_load(report).await;
    holding(report, &stack).await;
}

/// From the answer to a logout until resource-service refuses the access token, while auth-service signs as fast as it can.
async fn under_load(report: &mut Report) {
    let stack = Stack::on(Storage::RedisAndPostgres).unlimited().auth("AUTH_MAX_SESSIONS", "1000").start().await;
    let (ada, bob) = (stack.ada().await, stack.bob().await);
    let mut sessions = Vec::new();
    for _ in 0..ENDED {
        sessions.push(ada.another_device().await);
    }
    // The service closes connections that are idle.
    let mut crowd = Crowd::of(&bob, stack.auth.port(), REFRESHED).await;
    let ending = async {
        let mut took = Vec::new();
        for some in sessions.chunks(AT_ONCE) {
            took.extend(join_all(some.iter().map(|session| refused_after(&stack, session))).await);
        }
        took.sort();
        took
    };
    let refreshing = async {
        loop {
            crowd.refresh(10).await;
        }
    };
    let took = tokio::select! {
        took = ending => took,
        () = refreshing => unreachable!("it goes on for ever"),
    };
    let (p99, last) = (took[took.len() * 99 / 100], took[took.len() - 1]);
    report.detail(&format!(
        "{ENDED} sessions ended under load: refused after {:.0?} (median), {p99:.0?} (p99), {last:.0?} (the last)",
        took[took.len() / 2]
    ));
    let p99 = p99.as_secs_f64() * 1e3;
    report.row("revocation feed: logout to refusal under load, p99", p99, " ms", Goal::AtMost(1000.0));
}

async fn refused_after(stack: &Stack, session: &Tokens) -> Duration {
    let (mut connection, request) = (Connection::to(stack.resource.port()).await, get("/whoami", &session.access));
    connection.ask(&request).await;
    stack.auth.logout(session).await.expect(204);
    let begun = Instant::now();
    while connection.status(&request).await == 200 {
        sleep(Duration::from_millis(2)).await;
    }
    begun.elapsed()
}

/// They wait, one session ends, they wait again, and the service is stopped.
async fn waiting(report: &mut Report, stack: &mut Stack) {
    let ada = stack.ada().await;
    let phone = ada.another_device().await;
    let mut first = Connection::to(stack.auth.port()).await;
    let (page, bytes) = read(&mut first, 0, 0).await;
    let asked = question(0, WAIT).len();
    report.detail(&format!("a heartbeat: {bytes} bytes, and {asked} of the question"));
    let day = (bytes + asked) * DAY / WAIT;
    report.row("revocation feed: an idle verifier, each day", day as f64 / 1e6, " MB", Goal::AtMost(4.0));

    let before = resident(&stack.auth);
    let verifiers = wait(stack, page["to"].as_u64().expect("a number")).await;
    let each = (resident(&stack.auth) - before) * 1024.0 / VERIFIERS as f64;
    report.row("revocation feed: memory of each of 2,000 that wait", each, " KiB", Goal::AtMost(30.0));
    let begun = Instant::now();
    stack.auth.end_session(&ada.tokens, &phone.session_id).await.expect(204);
    let answered = begun.elapsed();
    let (mut last, mut to) = (Duration::ZERO, 0);
    for verifier in verifiers {
        let (at, page) = verifier.await.expect("it is answered");
        assert_eq!(page["ended"].as_array().map(Vec::len), Some(1), "{page}");
        (last, to) = (last.max(at - begun), page["to"].as_u64().expect("a number"));
    }
    report.detail(&format!("the session had ended after {answered:.1?}, and 2,000 verifiers knew it after {last:.1?}"));
    let last = last.as_secs_f64() * 1e3;
    report.row("revocation feed: the last of 2,000 knows", last, " ms", Goal::AtMost(1000.0));

    let verifiers = wait(stack, to).await;
    let begun = Instant::now();
    assert!(stack.auth.stop().success(), "it stops cleanly");
    let took = begun.elapsed().as_secs_f64();
    assert_eq!(join_all(verifiers).await.into_iter().filter(Result::is_ok).count(), VERIFIERS, "each has an answer");
    report.row("revocation feed: SIGTERM while 2,000 wait", took, " s", Goal::AtMost(5.0));
    stack.auth.start().await;
}

/// Two thousand, each on its own connection: the service counts them itself.
async fn wait(stack: &Stack, after: u64) -> Vec<JoinHandle<(Instant, Value)>> {
    let port = stack.auth.port();
    let verifiers = (0..VERIFIERS).map(|_| {
        tokio::spawn(async move {
            let mut connection = Connection::to(port).await;
            let (page, _) = read(&mut connection, after, 30).await;
            (Instant::now(), page)
        })
    });
    let verifiers = verifiers.collect();
    eventually("all of them wait", PATIENCE, async || {
        let metrics = stack.auth.admin_address().get("/metrics").send().await;
        metrics.body.lines().any(|line| line == format!("jeton_feed_waiting {VERIFIERS}.0")).then_some(())
    })
    .await;
    verifiers
}

fn question(after: u64, wait: usize) -> Vec<u8> {
    format!("GET /revocations?after={after}&wait={wait} HTTP/1.1\r\nhost: localhost\r\n\r\n").into_bytes()
}

/// A page, and how many bytes the answer has.
async fn read(connection: &mut Connection, after: u64, wait: usize) -> (Value, usize) {
    let (body, bytes) = connection.ask_whole(&question(after, wait)).await;
    let payload = std::str::from_utf8(body).ok().and_then(|page| page.split('.').nth(1)).expect("a JWS");
    let payload = BASE64_URL_SAFE_NO_PAD.decode(payload).expect("base64url");
    (serde_json::from_slice(&payload).expect("JSON"), bytes)
}

/// The same verifier with a million endings and without a feed, alternately.
async fn holding(report: &mut Report, stack: &Stack) {
    let ada = stack.ada().await;
    Postgres::execute(&stack.postgres_url().expect("it has one"), FILL);
    let mut connection = Connection::to(stack.auth.port()).await;
    let (page, bytes) = read(&mut connection, 0, 0).await;
    let entries = page["ended"].as_array().map_or(0, Vec::len);
    let each = bytes as f64 / entries as f64;
    report.row("revocation feed: bytes of an ending, in a page of 5,000", each, "", Goal::AtMost(70.0));
    drop(connection);

    let begun = Instant::now();
    let with = verifier(stack, true).await;
    eventually("all endings are held", PATIENCE, async || {
        with.feed().is_some_and(|feed| feed.entries > ENDINGS).then_some(())
    })
    .await;
    report.detail(&format!("10⁶ endings were read and verified in {:.1?}", begun.elapsed()));
    let without = verifier(stack, false).await;
    let (mut more, mut less) = (Duration::ZERO, Duration::ZERO);
    for _ in 0..ROUNDS {
        more += lookups(&with, &ada.tokens.access).await;
        less += lookups(&without, &ada.tokens.access).await;
    }
    let [more, less] = [more, less].map(|spent| cpu::each(spent, ROUNDS));
    report.detail(&format!("a token seen before: {:.2} µs, without a feed {:.2} µs", micros(more), micros(less)));
    let added = micros(more) - micros(less);
    report.row("a token seen before, 10⁶ endings held: more than without", added, " µs", Goal::AtMost(0.1));
}

async fn verifier(stack: &Stack, has_feed: bool) -> Arc<PublishedKeys> {
    let source = KeySource::of_issuer(&stack.auth.url()).expect("a URL");
    let config = Config::new(stack.auth.url(), "jeton", source);
    let config = if has_feed { config } else { config.without_revocations() };
    let keys = config.start().await.expect("a client can be made");
    eventually("the keys are there", PATIENCE, async || keys.held().map(drop)).await;
    keys
}

/// The processor time of one.
async fn lookups(keys: &PublishedKeys, token: &str) -> Duration {
    let before = cpu::of_this_thread();
    for _ in 0..LOOKUPS {
        keys.authenticate(token).await.expect("a good token");
    }
    cpu::each(cpu::of_this_thread() - before, LOOKUPS)
}
