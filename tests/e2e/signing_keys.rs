//! Signing keys are replaced on schedule, early or at once, and so is the root secret; nobody is refused for it.

use harness::{
    Person, Stack, StackBuilder, Storage, assert_problem, command::Ended, eventually, forge, storage::random_secret,
};
use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

on_every_storage! {
    a_key_is_replaced_by_command_without_a_refused_token,
    a_revoked_key_is_refused_everywhere_and_its_clients_go_on,
    replicas_replace_the_root_secret_one_after_the_other,
}

/// Keys that verifiers know within a second.
fn quick(storage: Storage) -> StackBuilder {
    Stack::on(storage).auth("AUTH_JWKS_MAX_AGE", "1s").auth("AUTH_KEY_LEAD", "2s")
}

async fn a_key_is_replaced_by_command_without_a_refused_token(storage: Storage) {
    let stack = Stack::on(storage).auth("AUTH_JWKS_MAX_AGE", "1s").auth("AUTH_KEY_LEAD", "1h");
    let stack = stack.unlimited().start().await;
    let replica = stack.replica().await;
    let mut ada = stack.ada().await;
    let first = kid(&ada);
    assert_eq!(states(&keys(&stack, &["list"]).await), [(first.clone(), "active".to_owned())]);

    let rotated = keys(&stack, &["rotate"]).await;
    let second = rotated.output.split(' ').next().expect("the key is named").to_owned();
    assert_ne!(second, first);
    assert_eq!(keys(&stack, &["rotate"]).await.output, rotated.output, "there is a next one already");
    let listed = states(&keys(&stack, &["list"]).await);
    assert_eq!(listed, [(first.clone(), "active".to_owned()), (second.clone(), "pending".to_owned())]);

    keys(&stack, &["retire", &first]).await;
    for service in [&stack.auth, &replica] {
        eventually("the next key signs", Duration::from_secs(20), || async {
            let answer = service.refresh(&ada.tokens).await.tokens();
            stack.resource.whoami(&answer).await.expect(200);
            (forge::header_of(&answer.access)["kid"] == second.as_str()).then_some(())
        })
        .await;
    }
    stack.resource.whoami(&ada.tokens).await.expect(200);
    stack.auth.me(&ada.tokens).await.expect(200);
    ada.refresh().await;
    let listed = states(&keys(&stack, &["list"]).await);
    assert_eq!(listed, [(first.clone(), "retired".to_owned()), (second, "active".to_owned())]);
    let refused = stack.auth.command(&["keys", "retire", &first]).ended().await;
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.errors.contains("is retired"), "{refused:?}");
}

async fn a_revoked_key_is_refused_everywhere_and_its_clients_go_on(storage: Storage) {
    let stack = quick(storage).start().await;
    let mut ada = stack.ada().await;
    let (first, stolen) = (kid(&ada), ada.tokens.clone());
    stack.resource.whoami(&stolen).await.expect(200);

    let revoked = keys(&stack, &["revoke", &first]).await;
    assert!(revoked.output.contains("revoked"), "{revoked:?}");
    for (service, path) in [(&stack.auth, "/auth/me"), (&stack.resource, "/whoami")] {
        let refused = eventually("the key is withdrawn", Duration::from_secs(20), || async {
            let answer = service.get(path).bearer(&stolen.access).send().await;
            (answer.status == 401).then_some(answer)
        })
        .await;
        assert_problem(&refused, 401, "token_invalid");
    }
    assert!(!stack.auth.key_set().await.expect(200).body.contains(&first));
    ada.refresh().await;
    assert_ne!(kid(&ada), first);
    stack.resource.whoami(&ada.tokens).await.expect(200);
    stack.auth.me(&ada.tokens).await.expect(200);
    let listed = states(&keys(&stack, &["list"]).await);
    assert_eq!(listed, [(first, "revoked".to_owned()), (kid(&ada), "active".to_owned())]);
}

async fn replicas_replace_the_root_secret_one_after_the_other(storage: Storage) {
    let (old, new) = (random_secret(), random_secret());
    let mut stack = Stack::on(storage).auth("AUTH_SECRET", &old).auth("AUTH_REPLAY_WINDOW", "0s").start().await;
    let mut replica = stack.replica().await;
    let (mut ada, mut browser) = (stack.ada().await, stack.ada_in_a_browser().await);
    let key_set = stack.auth.key_set().await.json;
    let steps = [(&old, Some(&new)), (&new, Some(&old)), (&new, None)];
    for (current, other) in steps {
        for replicas_turn in [false, true] {
            let service = if replicas_turn { &mut replica } else { &mut stack.auth };
            service.set("AUTH_SECRET", current);
            match other {
                Some(other) => service.set("AUTH_SECRET_PREVIOUS", other),
                None => service.unset("AUTH_SECRET_PREVIOUS"),
            }
            service.restart().await;
            for service in [&stack.auth, &replica] {
                ada.tokens = service.refresh(&ada.tokens).await.tokens();
                browser.tokens = service.refresh(&browser.tokens).await.tokens();
                assert_eq!(service.key_set().await.json, key_set);
            }
        }
    }
}

/// Bounded in CI; `JETON_FAULTS=long` goes on for minutes.
#[tokio::test]
async fn keys_that_live_for_seconds_cause_no_refused_token() {
    let is_long = std::env::var("JETON_FAULTS").is_ok_and(|mode| mode == "long");
    let rotations = if is_long { 60 } else { 5 };
    let stack = quick(Storage::RedisAndPostgres)
        // A second more than necessary: on a busy machine, everything takes longer.
        .auth("AUTH_KEY_LEAD", "3s")
        .auth("AUTH_KEY_LIFETIME", "4s")
        .auth("AUTH_ACCESS_TTL", "30s")
        .auth("AUTH_REPLAY_WINDOW", "0s")
        .unlimited()
        .start()
        .await;
    let replica = stack.replica().await;
    let mut ada = stack.ada().await;
    let (mut kids, mut verified, mut turn) = (BTreeSet::new(), 0_u32, 0_usize);
    let (mut issued, patience) = (Vec::<(Instant, _)>::new(), Duration::from_secs(60 + 10 * rotations as u64));
    let started = Instant::now();
    while kids.len() <= rotations {
        assert!(started.elapsed() < patience, "only {} keys signed", kids.len());
        let service = if turn % 2 == 0 { &stack.auth } else { &replica };
        ada.tokens = service.refresh(&ada.tokens).await.tokens();
        kids.insert(kid(&ada));
        issued.push((Instant::now(), ada.tokens.clone()));
        // Well before they expire.
        issued.retain(|(since, _)| since.elapsed() < Duration::from_secs(15));
        for index in [0, issued.len() / 2, issued.len() - 1] {
            let (_, tokens) = &issued[index];
            stack.resource.whoami(tokens).await.expect(200);
            service.me(tokens).await;
            verified += 1;
        }
        turn += 1;
    }
    println!("{} keys signed, {verified} tokens verified, 0 refused", kids.len());
}

#[tokio::test]
async fn an_unknown_key_is_named_and_nothing_changes() {
    let stack = Stack::any().start().await;
    let before = keys(&stack, &["list"]).await.output;
    // One key in 64 begins with a hyphen.
    for (verb, kid) in [("retire", "nobody"), ("revoke", "nobody"), ("retire", "-Nobody"), ("revoke", "-Nobody")] {
        let refused = stack.auth.command(&["keys", verb, kid]).ended().await;
        assert_eq!(refused.code, Some(1), "{refused:?}");
        assert!(refused.errors.contains(kid) && refused.errors.contains("keys list"), "{refused:?}");
    }
    assert_eq!(keys(&stack, &["list"]).await.output, before);
}

async fn keys(stack: &Stack, arguments: &[&str]) -> Ended {
    let arguments: Vec<&str> = std::iter::once("keys").chain(arguments.iter().copied()).collect();
    let ended = stack.auth.command(&arguments).ended().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended
}

/// The keys of `keys list`, with their states.
fn states(listed: &Ended) -> Vec<(String, String)> {
    let state = |line: &str| {
        let mut words = line.split_whitespace().map(str::to_owned);
        words.next().zip(words.next()).expect("a line has a key and a state")
    };
    listed.output.lines().skip(1).map(state).collect()
}

fn kid(person: &Person) -> String {
    forge::header_of(&person.tokens.access)["kid"].as_str().expect("a key id").to_owned()
}
