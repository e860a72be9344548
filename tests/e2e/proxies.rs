//! Which address auth-service sees behind proxies: that of one header, and never one that a client chose.

use harness::{Gateway, Request, Stack, Storage, Transport, assert_problem, eventually, person::fresh_password};
use std::time::Duration;

/// Headers with which clients may claim another address.
const CLAIMS: [&str; 5] = ["forwarded", "x-forwarded-for", "x-real-ip", "cf-connecting-ip", "true-client-ip"];

fn claiming(request: Request, address: &str) -> Request {
    CLAIMS.into_iter().fold(request, |request, name| match name {
        "forwarded" => request.header(name, &format!("for={address}")),
        name => request.header(name, address),
    })
}

#[tokio::test]
async fn behind_nginx_and_caddy_nobody_chooses_the_address_that_is_counted() {
    for gateway in [Gateway::Nginx, Gateway::Caddy] {
        let stack = Stack::on(Storage::Embedded).auth("AUTH_TRUSTED_PROXIES", "127.0.0.1").start().await;
        let ada = stack.ada().await;
        let front = gateway.start_in_front_of(&stack.auth);
        let (attacker, home) = (front.from_address("127.0.1.2"), front.from_address("127.0.2.2"));
        let mut refused = 0;
        for number in 0..20 {
            // A new address and the victim's own, in turn.
            let claimed = if number % 2 == 0 { format!("203.{number}.0.7") } else { "127.0.2.2".to_owned() };
            let guess = attacker.login_request(&ada.email, &fresh_password(), Transport::Body);
            refused += u32::from(claiming(guess, &claimed).send().await.status == 429);
        }
        assert!(refused >= 8, "{gateway:?}: {refused} of 20 wrong passwords were refused unseen");
        let right = claiming(attacker.login_request(&ada.email, &ada.password, Transport::Body), "203.0.113.9");
        assert_problem(&right.send().await, 429, "too_many_attempts");
        home.login(&ada.email, &ada.password, Transport::Body).await.expect(200);
        let audit = stack.auth.get("/admin/audit").bearer(&stack.admin().await.tokens.access).send().await.expect(200);
        assert!(audit.body.contains("127.0.1.2") && !audit.body.contains("203."), "{audit}");
    }
}

#[tokio::test]
async fn an_unreadable_hop_switches_no_limit_off() {
    let hops: [(&str, &[u8]); 8] = [
        ("x-forwarded-for", b"unknown"),
        ("x-forwarded-for", b"203.0.113.99, \xff"),
        ("x-forwarded-for", b"203.0.113.99, "),
        ("x-forwarded-for", b"203.0.113.99:port"),
        ("forwarded", b"for=203.0.113.99, for=_hidden"),
        ("forwarded", b"for=\"203.0.113.99"),
        ("cf-connecting-ip", b"fe80::1%eth0"),
        ("cf-connecting-ip", b"203.0.113.99, 203.0.113.98"),
    ];
    for header in ["x-forwarded-for", "forwarded", "cf-connecting-ip"] {
        let stack = Stack::any().trusting_us().auth("AUTH_CLIENT_ADDRESS_HEADER", header).start().await;
        let ada = stack.ada().await;
        let try_with = async |password: &str, hop: &[u8]| {
            stack.auth.login_request(&ada.email, password, Transport::Body).header_bytes(header, hop).send().await
        };
        let hidden: Vec<&[u8]> = hops.iter().filter(|(name, _)| *name == header).map(|(_, hop)| *hop).collect();
        for number in 0..10 {
            assert_problem(&try_with("a guess", hidden[number % hidden.len()]).await, 401, "invalid_credentials");
        }
        assert_problem(&try_with(&ada.password, hidden[0]).await, 429, "too_many_attempts");
        let home: &[u8] = if header == "forwarded" { b"for=203.0.113.99" } else { b"203.0.113.99" };
        try_with(&ada.password, home).await.expect(200);
    }
}

#[tokio::test]
async fn headers_other_than_the_configured_one_are_ignored() {
    let stack = Stack::any().trusting_us().auth("AUTH_CLIENT_ADDRESS_HEADER", "CF-Connecting-IP").start().await;
    let ada = stack.ada().await;
    for number in 0..11 {
        let guess = stack.auth.login_request(&ada.email, "a guess", Transport::Body);
        let claimed = format!("203.{number}.0.7");
        let guess = guess.header("x-forwarded-for", &claimed).header("forwarded", &format!("for={claimed}"));
        guess.header("cf-connecting-ip", "198.51.100.1").send().await;
    }
    let login = || stack.auth.login_request(&ada.email, &ada.password, Transport::Body);
    let there = login().header("cf-connecting-ip", "198.51.100.1").send().await;
    assert_problem(&there, 429, "too_many_attempts");
    login().header("cf-connecting-ip", "203.0.113.7").send().await.expect(200);
}

#[tokio::test]
async fn an_untrusted_proxy_is_reported_once_with_its_address() {
    let stack = Stack::on(Storage::Embedded).start().await;
    let ada = stack.ada().await;
    for number in 0..5 {
        let login = stack.auth.login_request(&ada.email, &ada.password, Transport::Body);
        login.header("x-forwarded-for", &format!("203.0.113.{number}")).send().await.expect(200);
    }
    let said = eventually("the line is there", Duration::from_secs(10), async || {
        let log = stack.auth.log();
        let said = log.lines().filter(|line| line.contains("AUTH_TRUSTED_PROXIES")).count();
        (said > 0).then_some(said)
    });
    assert_eq!(said.await, 1, "{}", stack.auth.log());
}

#[tokio::test]
async fn the_doctor_says_what_nginx_and_caddy_pass_on() {
    let said = [
        (Gateway::Nginx, "adds the client's address to x-forwarded-for"),
        (Gateway::Caddy, "writes x-forwarded-for itself"),
    ];
    for (gateway, words) in said {
        let mut stack = Stack::on(Storage::Embedded).auth("AUTH_TRUSTED_PROXIES", "127.0.0.1").start().await;
        let front = gateway.start_in_front_of(&stack.auth);
        stack.auth.set("AUTH_PUBLIC_URL", &front.url());
        stack.auth.restart().await;
        let ended = stack.auth.command(&["doctor"]).ended().await;
        for (severity, words) in [("ok", words), ("note", "forwarded reaches the service as clients write it")] {
            let is_said = ended.output.lines().any(|line| line.starts_with(severity) && line.contains(words));
            assert!(is_said, "no {severity} says {words:?}\n{}", ended.output);
        }
        assert_eq!(ended.code, Some(0), "{}", ended.output);
    }
}
