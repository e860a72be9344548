//! Other languages verify our tokens, with nothing but the published keys, and refuse all others.

use crate::{
    peer::{Peer, Program},
    publisher::{Dripping, PATH, Publisher},
    report::Report,
    tokens::wishes,
};
use harness::{
    Stack,
    forge::{self, Issuer},
};
use serde_json::json;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// A verifier: its library, its program, and whether the cache of keys is part of our example: how long a key id stays
/// unknown, and what happens to keys that cannot be fetched again.
const VERIFIERS: [(&str, Program, bool); 7] = [
    ("PyJWT", Program::Python("converse.py", "verify"), true),
    ("joserfc", Program::Python("converse.py", "verify_joserfc"), true),
    ("Authlib", Program::Python("converse.py", "verify_authlib"), true),
    ("jose", Program::Node("converse.mjs", &["verify"]), true),
    // It fetches keys again only after a minute, and no setting changes that: it gets both keys from the start.
    ("oauth4webapi", Program::Node("converse.mjs", &["verify_oauth4webapi"]), false),
    ("Go", Program::Go, true),
    ("Java", Program::Java, true),
];

/// How often an unknown key id is tried.
const TRIES: usize = 20;

/// How long auth-service may take to be found again, on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(30);

/// How long a fetch may take: the verifiers allow five seconds.
const DEADLINE: Duration = Duration::from_secs(10);

/// How long keys may be cached, in the checks of outages. auth-service takes a tenth off, and whole seconds are left.
const CACHE_LIFE: Duration = Duration::from_secs(2);

/// Checks every verifier against the real auth-service, then against tokens that only the owner of the keys could sign.
pub(crate) async fn check(report: &mut Report) {
    let mut stack = Stack::any().start().await;
    let mut elsewhere = Stack::any()
        .auth("AUTH_PUBLIC_URL", ELSEWHERE)
        .auth("AUTH_JWKS_MAX_AGE", &format!("{}s", CACHE_LIFE.as_secs()))
        .auth("AUTH_KEY_LEAD", "4s")
        .start_auth()
        .await;
    for (library, program, has_own_cache) in VERIFIERS {
        real_tokens(&stack, library, program, report).await;
        start_without_auth_service(&mut stack, library, program, report).await;
        other_address(&mut elsewhere, library, program, has_own_cache, report).await;
        forged_tokens(library, program, report).await;
        unknown_key(library, program, report).await;
        key_change(library, program, has_own_cache, report).await;
        if has_own_cache {
            slow_keys(library, program, report).await;
            large_key_set(library, program, report).await;
        }
    }
}

/// A publisher that sends a byte now and then holds nobody up for long.
async fn slow_keys(library: &str, program: Program, report: &mut Report) {
    for what in ["headers", "a body"] {
        let dripping = Dripping::start(what == "a body");
        let mut verifier = started(program, &dripping.url(), "jeton", "1", &dripping.url());
        let issuer = Issuer::new(&dripping.url());
        // The program itself may be slow to start.
        drop(verifier.ask("x").await);
        let begun = Instant::now();
        let outcome = unavailable(&mut verifier, &issuer.token()).await;
        let outcome = outcome.and_then(|()| match begun.elapsed() {
            waited if waited < DEADLINE => Ok(()),
            waited => Err(format!("after {waited:?}")),
        });
        report.check(library, &format!("gives up on keys with {what} that drips"), outcome);
    }
}

/// A key set of more than 256 KiB is not used.
async fn large_key_set(library: &str, program: Program, report: &mut Report) {
    let (publisher, issuer, _) = published();
    let padding = json!({ "kty": "oct", "kid": "x".repeat(1 << 18) });
    publisher.publish(&[issuer.public_key(), &padding]);
    let mut verifier = started(program, &publisher.url(), "jeton", "1", &publisher.url());
    let token = issuer.token();
    report.check(library, "takes no key set of more than 256 KiB", unavailable(&mut verifier, &token).await);
    publisher.publish(&[issuer.public_key()]);
    let outcome = soon(async || accepted(&mut verifier, &token, &subject(&token)).await).await;
    report.check(library, "takes the next one, which is smaller", outcome);
}

/// An issuer whose URL does not answer from here, as in the network of docker-compose.yml.
const ELSEWHERE: &str = "http://localhost:1";

/// A verifier of these keys.
fn started(program: Program, issuer: &str, audience: &str, cooldown: &str, keys: &str) -> Peer {
    program.start(&[issuer, audience, cooldown, &format!("{keys}{PATH}")])
}

/// The verifier does not crash, does not refuse the token, and needs no restart.
async fn start_without_auth_service(stack: &mut Stack, library: &str, program: Program, report: &mut Report) {
    let ada = stack.ada().await;
    stack.auth.stop();
    let url = stack.auth.url();
    let mut verifier = started(program, &url, "jeton", "1", &url);
    for _ in 0..2 {
        let outcome = unavailable(&mut verifier, &ada.tokens.access).await;
        report.check(library, "cannot tell while auth-service has never answered", outcome);
    }
    stack.auth.start().await;
    let outcome = soon(async || accepted(&mut verifier, &ada.tokens.access, &ada.id).await).await;
    report.check(library, "goes on by itself once auth-service is there", outcome);
}

/// Keys are fetched from another address than the issuer's, and go on when they are stale and auth-service is gone.
async fn other_address(stack: &mut Stack, library: &str, program: Program, has_own_cache: bool, report: &mut Report) {
    let ada = stack.ada().await;
    let mut verifier = started(program, ELSEWHERE, "jeton", "1", &stack.auth.url());
    let access = &ada.tokens.access;
    report.check(library, "takes keys from another address", accepted(&mut verifier, access, &ada.id).await);
    stack.auth.stop();
    if has_own_cache {
        for _ in 0..2 {
            sleep(CACHE_LIFE).await;
            let outcome = accepted(&mut verifier, access, &ada.id).await;
            report.check(library, "goes on with stale keys while auth-service is down", outcome);
        }
        let bad = forge::with_flipped_signature(access);
        report.check(library, "refuses a bad token with stale keys", refused(&mut verifier, &bad).await);
    }
    stack.auth.start().await;
    report.check(library, "goes on when auth-service is back", accepted(&mut verifier, access, &ada.id).await);
}

/// Tries until it holds.
async fn soon(mut ask: impl AsyncFnMut() -> Result<(), String>) -> Result<(), String> {
    let until = Instant::now() + TIMEOUT;
    loop {
        match ask().await {
            Err(_) if Instant::now() < until => sleep(Duration::from_millis(100)).await,
            outcome => return outcome,
        }
    }
}

async fn real_tokens(stack: &Stack, library: &str, program: Program, report: &mut Report) {
    let ada = stack.ada().await;
    let url = stack.auth.url();
    let mut verifier = started(program, &url, "jeton", "10", &url);
    let access = &ada.tokens.access;
    report.check(library, "auth-service's token is good", accepted(&mut verifier, access, &ada.id).await);
    let bad = [
        ("auth-service's token with a flipped bit", forge::with_flipped_signature(access)),
        ("auth-service's token with another role", {
            forge::with_changed_claims(access, |claims| claims["roles"] = json!(["admin"]))
        }),
        ("auth-service's refresh token", ada.tokens.refresh.clone()),
        ("half a token", access[..access.len() / 2].to_owned()),
        ("no token", "x".to_owned()),
    ];
    for (what, token) in bad {
        report.check(library, &format!("refuses {what}"), refused(&mut verifier, &token).await);
    }
    let mut other = started(program, &url, "other", "10", &url);
    report.check(library, "refuses auth-service's token for another audience", refused(&mut other, access).await);
}

async fn forged_tokens(library: &str, program: Program, report: &mut Report) {
    let (publisher, issuer, evil) = published();
    let mut verifier = started(program, &publisher.url(), "jeton", "10", &publisher.url());
    for wish in wishes(&issuer, &evil) {
        let token = wish.minted(&issuer, &evil);
        if wish.is_good {
            let outcome = accepted(&mut verifier, &token, &subject(&token)).await;
            report.check(library, &format!("accepts {}", wish.what), outcome);
        } else {
            report.check(library, &format!("refuses {}", wish.what), refused(&mut verifier, &token).await);
        }
    }
}

async fn unknown_key(library: &str, program: Program, report: &mut Report) {
    let (publisher, issuer, other) = published();
    let mut verifier = started(program, &publisher.url(), "jeton", "3600", &publisher.url());
    let known = issuer.token();
    report.check(library, "accepts a known key's token", accepted(&mut verifier, &known, &subject(&known)).await);
    for _ in 0..TRIES {
        drop(verifier.ask(&other.token()).await);
    }
    let fetches = publisher.fetches();
    let few = if (1..=2).contains(&fetches) { Ok(()) } else { Err(format!("{fetches} fetches")) };
    report.check(library, "fetches keys once more at most for an unknown key id", few);
    drop(publisher);
    let outcome = accepted(&mut verifier, &known, &subject(&known)).await;
    report.check(library, "goes on when nothing is published any more", outcome);
}

async fn key_change(library: &str, program: Program, has_own_cache: bool, report: &mut Report) {
    let (publisher, issuer, next) = published();
    let (old, new) = (issuer.token(), next.token());
    if !has_own_cache {
        publisher.publish(&[issuer.public_key(), next.public_key()]);
    }
    let mut verifier = started(program, &publisher.url(), "jeton", "0", &publisher.url());
    report.check(library, "accepts the old key's token", accepted(&mut verifier, &old, &subject(&old)).await);
    publisher.publish(&[issuer.public_key(), next.public_key()]);
    report.check(library, "accepts the new key's token", accepted(&mut verifier, &new, &subject(&new)).await);
    report.check(library, "accepts the old key's token beside it", accepted(&mut verifier, &old, &subject(&old)).await);
    if has_own_cache {
        let last = Issuer::new(&publisher.url());
        publisher.publish(&[next.public_key(), last.public_key()]);
        let token = last.token();
        report.check(library, "accepts the last key's token", accepted(&mut verifier, &token, &subject(&token)).await);
        report.check(library, "refuses the withdrawn key's token", refused(&mut verifier, &old).await);
    }
}

fn subject(token: &str) -> String {
    forge::claims_of(token)["sub"].as_str().expect("our tokens have a subject").to_owned()
}

/// A publisher of one issuer's key, and another issuer of the same name whose key is not published.
fn published() -> (Publisher, Issuer, Issuer) {
    let publisher = Publisher::start();
    let (issuer, other) = (Issuer::new(&publisher.url()), Issuer::new(&publisher.url()));
    publisher.publish(&[issuer.public_key()]);
    (publisher, issuer, other)
}

async fn accepted(verifier: &mut Peer, token: &str, subject: &str) -> Result<(), String> {
    match verifier.ask(token).await? {
        (word, rest) if word == "ok" && rest == subject => Ok(()),
        (word, rest) => Err(format!("{word} {rest}")),
    }
}

/// The verifier must answer that it cannot tell.
async fn unavailable(verifier: &mut Peer, token: &str) -> Result<(), String> {
    match verifier.ask(token).await? {
        (word, _) if word == "unavailable" => Ok(()),
        (word, rest) => Err(format!("{word} {rest}")),
    }
}

async fn refused(verifier: &mut Peer, token: &str) -> Result<(), String> {
    match verifier.ask(token).await? {
        (word, _) if word == "refused" => Ok(()),
        (word, rest) => Err(format!("{word} {rest}")),
    }
}
