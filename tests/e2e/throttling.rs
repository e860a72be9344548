//! Guessing passwords is limited (docs/limits.md): by account and address, by account, by address.

use harness::{
    Answer, Person, Request, Stack, Storage, Transport, assert_problem, eventually,
    person::{fresh_email, fresh_password},
};
use std::time::Duration;

on_every_storage! {
    after_ten_failures_even_the_right_password_has_to_wait,
    an_unknown_email_is_throttled_like_a_known_one,
    only_failures_count,
    nobody_is_locked_out_from_afar,
}

async fn guess(stack: &Stack, email: &str) -> Answer {
    stack.auth.login(email, &fresh_password(), Transport::Body).await
}

fn login_from(stack: &Stack, address: &str, email: &str, password: &str) -> Request {
    stack.auth.login_request(email, password, Transport::Body).header("x-forwarded-for", address)
}

async fn after_ten_failures_even_the_right_password_has_to_wait(storage: Storage) {
    let stack = Stack::on(storage).start().await;
    let (mut ada, bob) = (stack.ada().await, stack.bob().await);
    for _ in 0..10 {
        assert_problem(&guess(&stack, &ada.email).await, 401, "invalid_credentials");
    }
    for email in [ada.email.clone(), ada.email.to_uppercase()] {
        let throttled = stack.auth.login(&email, &ada.password, Transport::Body).await;
        assert_problem(&throttled, 429, "too_many_attempts");
        let seconds: u64 = throttled.header("retry-after").parse().expect("seconds");
        assert!((1..=900).contains(&seconds), "{throttled}");
    }
    bob.another_device().await;
    ada.refresh().await;
    stack.auth.me(&ada.tokens).await.expect(200);
}

async fn an_unknown_email_is_throttled_like_a_known_one(storage: Storage) {
    let stack = Stack::on(storage).start().await;
    let nobody = fresh_email("nobody");
    for _ in 0..10 {
        assert_problem(&guess(&stack, &nobody).await, 401, "invalid_credentials");
    }
    assert_problem(&guess(&stack, &nobody).await, 429, "too_many_attempts");
}

async fn only_failures_count(storage: Storage) {
    let stack = Stack::on(storage).start().await;
    let ada = stack.ada().await;
    for _ in 0..9 {
        assert_problem(&guess(&stack, &ada.email).await, 401, "invalid_credentials");
    }
    for _ in 0..12 {
        ada.another_device().await;
    }
}

async fn nobody_is_locked_out_from_afar(storage: Storage) {
    let stack = Stack::on(storage).trusting_us().start().await;
    let ada = stack.ada().await;
    login_from(&stack, "203.0.113.7", &ada.email, &ada.password).send().await.expect(200);
    for _ in 0..11 {
        login_from(&stack, "198.51.100.1", &ada.email, "a guess").send().await;
    }
    let attacker = login_from(&stack, "198.51.100.1", &ada.email, &ada.password).send().await;
    assert_problem(&attacker, 429, "too_many_attempts");
    login_from(&stack, "203.0.113.7", &ada.email, &ada.password).send().await.expect(200);
}

#[tokio::test]
async fn guesses_from_many_addresses_are_counted_by_account_but_not_against_a_known_device() {
    let stack = Stack::any().trusting_us().start().await;
    let ada = stack.ada().await;
    let at_home = "203.0.113.7";
    let known = login_from_browser(&stack, at_home, &ada).send().await.tokens();
    for network in 0..6 {
        for _ in 0..9 {
            let address = format!("10.{network}.0.1");
            login_from(&stack, &address, &ada.email, "a guess").send().await;
        }
    }
    let elsewhere = login_from(&stack, "198.51.100.9", &ada.email, &ada.password).send().await;
    assert_problem(&elsewhere, 429, "too_many_attempts");
    let home = login_from_browser(&stack, at_home, &ada).header("cookie", &known.cookie_header()).send().await;
    assert_eq!(home.status, 200, "{home}");
}

#[tokio::test]
async fn guesses_at_many_accounts_are_counted_by_address() {
    let stack = Stack::any().trusting_us().start().await;
    let ada = stack.ada().await;
    for _ in 0..100 {
        let guess = async || {
            let answer = login_from(&stack, "198.51.100.1", &fresh_email("x"), "a guess").send().await;
            (answer.status == 401).then_some(())
        };
        eventually("a guess is answered", Duration::from_secs(20), guess).await;
    }
    let from_there = login_from(&stack, "198.51.100.1", &ada.email, &ada.password).send().await;
    assert_problem(&from_there, 429, "too_many_attempts");
    login_from(&stack, "203.0.113.7", &ada.email, &ada.password).send().await.expect(200);
}

#[tokio::test]
async fn clients_that_are_not_trusted_proxies_cannot_choose_an_address() {
    let stack = Stack::any().start().await;
    let ada = stack.ada().await;
    // Three times as many as from one network: it may be a proxy that is not configured.
    for number in 0..30 {
        let address = format!("10.{number}.0.1");
        assert_problem(&login_from(&stack, &address, &ada.email, "a guess").send().await, 401, "invalid_credentials");
    }
    let throttled = login_from(&stack, "203.0.113.7", &ada.email, &ada.password).send().await;
    assert_problem(&throttled, 429, "too_many_attempts");
}

#[tokio::test]
async fn neighbours_do_not_lock_out_a_device_that_has_logged_in_before() {
    let stack = Stack::any().start().await;
    let ada = stack.ada().await;
    let known = login_from_browser(&stack, "203.0.113.7", &ada).send().await.tokens();
    for _ in 0..12 {
        guess(&stack, &ada.email).await;
    }
    for _ in 0..101 {
        guess(&stack, "x").await;
    }
    assert_problem(&stack.auth.login(&ada.email, &ada.password, Transport::Body).await, 429, "too_many_attempts");
    let login = stack.auth.login_request(&ada.email, &ada.password, Transport::Cookie);
    login.header("cookie", &known.cookie_header()).header("user-agent", "Browser/1.0").send().await.expect(200);
}

#[tokio::test]
async fn behind_a_proxy_that_is_not_trusted_nobody_is_locked_out_from_afar() {
    let stack = Stack::any().start().await;
    let ada = stack.ada().await;
    let known = login_from_browser(&stack, "203.0.113.7", &ada).send().await.tokens();
    for guesses in [12, 48] {
        for _ in 0..guesses {
            login_from(&stack, "198.51.100.1", &ada.email, "a guess").send().await;
        }
        let home = login_from_browser(&stack, "203.0.113.7", &ada).header("cookie", &known.cookie_header());
        home.send().await.expect(200);
        login_from(&stack, "203.0.113.8", &ada.email, &ada.password).send().await.expect(200);
    }
}

fn login_from_browser(stack: &Stack, address: &str, person: &Person) -> Request {
    let login = stack.auth.login_request(&person.email, &person.password, Transport::Cookie);
    login.header("x-forwarded-for", address).header("user-agent", "Browser/1.0")
}
