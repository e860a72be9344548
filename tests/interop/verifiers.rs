//! Other languages verify our tokens, with nothing but what is published, and refuse what is not ours.

use crate::{
    peer::{Peer, Program},
    publisher::Publisher,
    report::Report,
    tokens::wishes,
};
use harness::{
    Stack,
    forge::{self, Issuer},
};
use serde_json::json;

/// A verifier: its library, its program, and whether it lets us choose how long a key id stays unknown.
const VERIFIERS: [(&str, Program, bool); 7] = [
    ("PyJWT", Program::Python("converse.py", "verify"), true),
    ("joserfc", Program::Python("converse.py", "verify_joserfc"), true),
    ("Authlib", Program::Python("converse.py", "verify_authlib"), true),
    ("jose", Program::Node("converse.mjs", &["verify"]), true),
    // It asks for keys again after a minute, and no setting changes that: it meets both keys from the start.
    ("oauth4webapi", Program::Node("converse.mjs", &["verify_oauth4webapi"]), false),
    ("Go", Program::Go, true),
    ("Java", Program::Java, true),
];

/// How often an unknown key id is tried.
const INSISTENCE: usize = 20;

/// Checks every verifier against the real auth-service, then against what only someone with its keys could sign.
pub(crate) async fn check(report: &mut Report) {
    let stack = Stack::any().start().await;
    for (library, program, has_cooldown) in VERIFIERS {
        real_tokens(&stack, library, program, report).await;
        forged_tokens(library, program, report).await;
        unknown_key(library, program, report).await;
        key_change(library, program, has_cooldown, report).await;
    }
}

async fn real_tokens(stack: &Stack, library: &str, program: Program, report: &mut Report) {
    let ada = stack.ada().await;
    let mut verifier = program.start(&[&stack.auth.url(), "jeton", "10"]);
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
    let mut other = program.start(&[&stack.auth.url(), "other", "10"]);
    report.check(library, "refuses auth-service's token for somebody else", refused(&mut other, access).await);
}

async fn forged_tokens(library: &str, program: Program, report: &mut Report) {
    let (publisher, issuer, evil) = published();
    let mut verifier = program.start(&[&publisher.url(), "jeton", "10"]);
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
    let mut verifier = program.start(&[&publisher.url(), "jeton", "3600"]);
    let known = issuer.token();
    report.check(library, "accepts a known key's token", accepted(&mut verifier, &known, &subject(&known)).await);
    for _ in 0..INSISTENCE {
        drop(verifier.ask(&other.token()).await);
    }
    let fetches = publisher.fetches();
    let few = if (1..=2).contains(&fetches) { Ok(()) } else { Err(format!("{fetches} fetches")) };
    report.check(library, "fetches keys once more at most for an unknown key id", few);
    drop(publisher);
    let outcome = accepted(&mut verifier, &known, &subject(&known)).await;
    report.check(library, "goes on when nothing is published any more", outcome);
}

async fn key_change(library: &str, program: Program, has_cooldown: bool, report: &mut Report) {
    let (publisher, issuer, next) = published();
    let (old, new) = (issuer.token(), next.token());
    if !has_cooldown {
        publisher.publish(&[issuer.public_key(), next.public_key()]);
    }
    let mut verifier = program.start(&[&publisher.url(), "jeton", "0"]);
    report.check(library, "accepts the old key's token", accepted(&mut verifier, &old, &subject(&old)).await);
    publisher.publish(&[issuer.public_key(), next.public_key()]);
    report.check(library, "accepts the new key's token", accepted(&mut verifier, &new, &subject(&new)).await);
    report.check(library, "accepts the old key's token beside it", accepted(&mut verifier, &old, &subject(&old)).await);
    if has_cooldown {
        let last = Issuer::new(&publisher.url());
        publisher.publish(&[next.public_key(), last.public_key()]);
        let token = last.token();
        report.check(library, "accepts the last key's token", accepted(&mut verifier, &token, &subject(&token)).await);
        report.check(library, "refuses the withdrawn key's token", refused(&mut verifier, &old).await);
    }
}

fn subject(token: &str) -> String {
    forge::claims_of(token)["sub"].as_str().expect("a token of ours has a subject").to_owned()
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

async fn refused(verifier: &mut Peer, token: &str) -> Result<(), String> {
    match verifier.ask(token).await? {
        (word, _) if word == "refused" => Ok(()),
        (word, rest) => Err(format!("{word} {rest}")),
    }
}
