//! A client that sends many requests leaves enough for everybody else.

use crate::stores::{database, open};
use futures_util::future::join_all;
use harness::{
    Answer, Person, Request, Stack, Storage, Transport, assert_problem, eventually,
    person::{fresh_email, fresh_password},
};
use regex::Regex;
use serde_json::json;
use sqlx::{AnyConnection, AssertSqlSafe, Row as _};
use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};
use uuid::Uuid;

on_every_storage! {
    ending_an_ended_or_unknown_session_writes_nothing_durable,
    every_limit_refuses_reports_and_spares_others,
}

/// The attacker's address.
const ATTACKER: &str = "198.51.100.1";

/// How long a line may take to reach the log.
const LOGGED: Duration = Duration::from_secs(20);

fn login_from(stack: &Stack, address: &str, email: &str, password: &str) -> Request {
    stack.auth.login_request(email, password, Transport::Body).header("x-forwarded-for", address)
}

fn registration_from(stack: &Stack, address: &str, email: &str, password: &str) -> Request {
    let body = json!({ "email": email, "password": password });
    stack.auth.post("/auth/register").json(&body).header("x-forwarded-for", address)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_connections_from_one_address_leave_the_logins_of_others_working() {
    let stack = Arc::new(Stack::any().trusting_us().unlimited().auth("AUTH_LIMIT_FAILURES", "off").start().await);
    let (ada, mallory) = (stack.ada().await, stack.bob().await);
    let is_over = Arc::new(AtomicBool::new(false));
    let answered = Arc::new(AtomicUsize::new(0));
    // More than the places that one address may take, on a machine with many cores too.
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let attackers: Vec<_> = (0..100.max(30 * cores))
        .map(|index| {
            let (stack, mallory) = (Arc::clone(&stack), mallory.clone());
            let (is_over, answered) = (Arc::clone(&is_over), Arc::clone(&answered));
            tokio::spawn(async move {
                while !is_over.load(Ordering::Relaxed) {
                    let request = match index % 3 {
                        0 => login_from(&stack, ATTACKER, "x", "x"),
                        1 => registration_from(&stack, ATTACKER, &fresh_email("x"), &fresh_password()),
                        _ => login_from(&stack, ATTACKER, &mallory.email, &mallory.password),
                    };
                    drop(request.try_send().await);
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    eventually("the attack is under way", Duration::from_secs(60), async || {
        (answered.load(Ordering::Relaxed) > 200).then_some(())
    })
    .await;
    for host in 0..20 {
        let address = format!("203.0.113.{host}");
        // A busy machine may answer 503 to anybody; the queue must not.
        eventually("a login of somebody else", Duration::from_secs(60), async || {
            let answer = login_from(&stack, &address, &ada.email, &ada.password).send().await;
            assert!(!answer.body.contains("too many passwords"), "{answer}");
            (answer.status != 503).then_some(answer)
        })
        .await
        .expect(200);
    }
    is_over.store(true, Ordering::Relaxed);
    for attacker in attackers {
        attacker.await.expect("an attacker does not panic");
    }
    let metrics = stack.auth.admin_address().get("/metrics").send().await.body;
    assert!(!metrics.contains("logins_total{outcome=\"overloaded\"} 0\n"), "the attack overloaded nothing");
}

#[tokio::test]
async fn passwords_that_are_costly_to_check_keep_no_login_waiting() {
    let stack = Stack::any().trusting_us().start().await;
    let ada = stack.ada().await;
    let costly = "4@8({[<369!1|705$+%2".repeat(5);
    let registrations = join_all((0..20).map(|_| async {
        eventually("a place among those that are checked", Duration::from_secs(60), async || {
            let answer = registration_from(&stack, ATTACKER, &fresh_email("x"), &costly).send().await;
            (answer.status != 503).then_some(answer)
        })
        .await
        .expect(201);
    }));
    let logins = async {
        for _ in 0..10 {
            login_from(&stack, "203.0.113.1", &ada.email, &ada.password).send().await.expect(200);
        }
    };
    tokio::join!(registrations, logins);
}

async fn every_limit_refuses_reports_and_spares_others(storage: Storage) {
    let limits = ["REGISTRATIONS", "LOGINS", "LOGINS_PER_ACCOUNT", "REFRESHES", "REFRESHES_PER_SESSION"];
    let [few, many] = ["3/1h", "6/1h"];
    let stack = Stack::on(storage).trusting_us();
    let set = [few, many, few, many, few];
    let stack =
        limits.iter().zip(set).fold(stack, |stack, (limit, rate)| stack.auth(&format!("AUTH_LIMIT_{limit}"), rate));
    let stack = stack.start().await;
    let admin = stack.admin().await;
    let ada = Person::new(&stack.auth, "ada", Transport::Body).await;

    for _ in 0..3 {
        registration_from(&stack, ATTACKER, &fresh_email("x"), &fresh_password()).send().await.expect(201);
    }
    for _ in 0..5 {
        let registration = registration_from(&stack, ATTACKER, &fresh_email("x"), &fresh_password()).send().await;
        assert_limited(&registration, "too_many_attempts");
    }
    registration_from(&stack, "203.0.113.1", &fresh_email("x"), &fresh_password()).send().await.expect(201);

    // Ada has logged in once already.
    for address in ["203.0.113.1", "203.0.113.2"] {
        login_from(&stack, address, &ada.email, &ada.password).send().await.expect(200);
    }
    let right = login_from(&stack, "203.0.113.3", &ada.email, &ada.password).send().await;
    assert_limited(&right, "too_many_attempts");
    for email in ["x", "nobody@example.org"].repeat(3) {
        login_from(&stack, ATTACKER, email, "a guess").send().await;
    }
    assert_limited(&login_from(&stack, ATTACKER, "x", "a guess").send().await, "too_many_attempts");
    assert_limited(&login_from(&stack, ATTACKER, &fresh_email("x"), "x").send().await, "too_many_attempts");

    let refresh = |tokens| stack.auth.refresh_request(tokens).header("x-forwarded-for", ATTACKER).send();
    for _ in 0..3 {
        refresh(&ada.tokens).await.expect(200);
    }
    for _ in 0..5 {
        assert_limited(&refresh(&ada.tokens).await, "too_many_requests");
    }
    for _ in 0..3 {
        refresh(&admin.tokens).await.expect(200);
    }
    let anothers = admin.another_device().await;
    assert_limited(&refresh(&anothers).await, "too_many_requests");
    stack.auth.refresh(&anothers).await.expect(200);

    let metrics = stack.auth.admin_address().get("/metrics").send().await.body;
    for (limit, refused) in
        [("registrations", 5), ("logins", 2), ("logins_per_account", 1), ("refreshes", 1), ("refreshes_per_session", 5)]
    {
        eventually(&format!("one line for {limit}"), LOGGED, async || {
            let log = stack.auth.log();
            let named = format!("{limit}\\\"");
            let logged = log.lines().filter(|line| line.contains("limit_reached") && line.contains(&named)).count();
            (logged == 1).then_some(())
        })
        .await;
        assert!(metrics.contains(&format!("limited_total{{limit={limit:?}}} {refused}\n")), "{limit}\n{metrics}");
    }
    let events = eventually("the events are written", Duration::from_secs(20), async || {
        let answer = stack.auth.get("/admin/audit?action=limit_reached").bearer(&admin.tokens.access).send().await;
        (answer.expect(200)["events"].as_array().expect("a list").len() == 5).then_some(())
    });
    events.await;
}

/// 429, with a `Retry-After` of at most an hour.
fn assert_limited(answer: &Answer, code: &str) {
    assert_problem(answer, 429, code);
    let seconds: u64 = answer.header("retry-after").parse().expect("seconds");
    assert!((1..=3600).contains(&seconds), "{answer}");
}

async fn ending_an_ended_or_unknown_session_writes_nothing_durable(storage: Storage) {
    let stack = Stack::on(storage).start().await;
    let (ada, bob) = (stack.ada().await, stack.bob().await);
    let phone = ada.another_device().await;
    stack.auth.logout(&phone).await.expect(204);
    let mut database = open(&database(&stack).1).await;
    let before = rows(&mut database).await;
    for _ in 0..10 {
        stack.auth.logout(&phone).await.expect(204);
        stack.auth.end_session(&ada.tokens, &phone.session_id).await.expect(204);
        stack.auth.end_session(&ada.tokens, &bob.tokens.session_id).await.expect(204);
        stack.auth.end_session(&ada.tokens, &Uuid::new_v4().to_string()).await.expect(204);
    }
    assert_eq!(rows(&mut database).await, before);

    stack.auth.logout_all(&ada.tokens).await.expect(204);
    let after_the_first = rows(&mut database).await;
    assert!(after_the_first > before, "the ending is recorded");
    for _ in 0..10 {
        stack.auth.logout_all(&ada.tokens).await;
        stack.auth.logout(&ada.tokens).await.expect(204);
    }
    assert_eq!(rows(&mut database).await, after_the_first);
}

/// The number of rows in the tables of endings and audit events.
async fn rows(database: &mut AnyConnection) -> i64 {
    let mut rows = 0;
    for table in ["ended_sessions", "audit"] {
        let count = AssertSqlSafe(format!("SELECT count(*) AS rows FROM {table}"));
        rows += sqlx::query(count).fetch_one(&mut *database).await.expect("the database answers").get::<i64, _>("rows");
    }
    rows
}

#[tokio::test]
async fn a_session_that_the_store_has_lost_can_still_be_ended_by_its_id() {
    let mut stack = Stack::on(Storage::RedisAndPostgres).start().await;
    let ada = stack.ada().await;
    let phone = ada.another_device().await;
    stack.redis().flush();
    stack.auth.end_session(&ada.tokens, &phone.session_id).await.expect(204);
    assert_problem(&stack.auth.refresh(&phone).await, 401, "session_ended");
}

#[tokio::test]
async fn a_nearly_full_redis_refuses_logins_and_existing_sessions_go_on() {
    let mut stack = Stack::on(Storage::RedisAndPostgres).auth("AUTH_REPLAY_WINDOW", "0s").start().await;
    let mut ada = stack.ada().await;
    let used = memory_in_use(&stack.redis().url()).await;
    stack.redis().configure("maxmemory-policy", "noeviction");
    stack.redis().configure("maxmemory", &(used * 100 / 95).to_string());
    for email in [ada.email.clone(), fresh_email("nobody")] {
        let login = stack.auth.login(&email, &ada.password, Transport::Body).await;
        assert_problem(&login, 503, "unavailable");
    }
    for _ in 0..10 {
        ada.refresh().await;
    }
    stack.auth.admin_address().get("/health/ready").send().await.expect(200);

    stack.redis().configure("maxmemory-policy", "allkeys-lru");
    ada.another_device().await;
    stack.redis().configure("maxmemory-policy", "noeviction");
    stack.redis().configure("maxmemory", "0");
    ada.another_device().await;
}

async fn memory_in_use(url: &str) -> u64 {
    let client = redis::Client::open(url).expect("a URL");
    let mut connection = client.get_multiplexed_async_connection().await.expect("Redis answers");
    let info: String = redis::cmd("INFO").arg("memory").query_async(&mut connection).await.expect("Redis answers");
    let used = info.lines().find_map(|line| line.strip_prefix("used_memory:")).expect("Redis says what it uses");
    used.trim().parse().expect("a number")
}

#[tokio::test]
async fn every_failed_login_leaves_a_line_with_the_address_and_without_what_was_typed() {
    let stack = Stack::any().trusting_us().start().await;
    let ada = stack.ada().await;
    let typed = ["a password in the wrong field", "not-an-address\"}\n{\"ip\":\"192.0.2.9\"", "nobody@example.org"];
    for email in typed {
        let answer = login_from(&stack, ATTACKER, email, &fresh_password()).send().await;
        assert_problem(&answer, 401, "invalid_credentials");
    }
    for _ in 0..10 {
        login_from(&stack, ATTACKER, &ada.email, &fresh_password()).send().await;
    }
    for _ in 0..5 {
        let throttled = login_from(&stack, ATTACKER, &ada.email, &ada.password).send().await;
        assert_problem(&throttled, 429, "too_many_attempts");
    }
    let log = eventually("thirteen failures and one limit are logged", LOGGED, async || {
        let log = stack.auth.log();
        let failures: Vec<&str> =
            log.lines().filter(|line| line.contains("\"failure\"") && line.contains(ATTACKER)).collect();
        let of =
            |action: &str| failures.iter().filter(|line| line.contains(&format!("\"action\":\"{action}\""))).count();
        ((of("login"), of("limit_reached")) == (13, 1)).then_some(log)
    })
    .await;
    for email in typed {
        assert!(!log.contains(email), "{email} is in the log");
    }
    assert!(!log.contains("192.0.2.9"), "a client has forged a line of the log");
}

/// The regular expression of our filter, as fail2ban reads it.
fn fail2ban_filter() -> Regex {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/fail2ban/jeton.conf");
    let filter = fs::read_to_string(path).expect("the filter is there");
    let value = |name: &str| {
        let found = filter.lines().find_map(|line| line.strip_prefix(name)?.trim_start().strip_prefix('='));
        found.expect("the filter says it").trim().to_owned()
    };
    let expression =
        value("failregex").replace("<_field>", &value("_field")).replace("<ADDR>", "(?<address>[0-9a-f.:]+)");
    Regex::new(&expression).expect("a regular expression")
}

#[tokio::test]
async fn the_fail2ban_filter_finds_the_address_in_every_failure_and_nothing_else() {
    let stack = Stack::any().trusting_us().auth("AUTH_LIMIT_LOGINS", "20/1h").start().await;
    let ada = stack.ada().await;
    let forged = r#"x","ip":"192.0.2.9","result":"failure","action":"login"#;
    let from = |address: &str, email: &str, password: &str| {
        login_from(&stack, address, email, password).header("user-agent", forged)
    };
    from("203.0.113.5", &ada.email, &ada.password).send().await.expect(200);
    for address in [ATTACKER, "2001:db8::9"] {
        for email in ["x", "nobody@example.org", &ada.email] {
            for _ in 0..8 {
                from(address, email, &fresh_password()).send().await;
            }
        }
    }
    let filter = fail2ban_filter();
    // Twenty failures each, and the limit.
    eventually("the filter finds 21 lines of each address and no others", LOGGED, async || {
        let log = stack.auth.log();
        let found: Vec<&str> =
            log.lines().filter_map(|line| filter.captures(line)).map(|found| found.extract::<1>().1[0]).collect();
        let of = |address: &str| found.iter().filter(|found| **found == address).count();
        ((of(ATTACKER), of("2001:db8::9"), found.len()) == (21, 21, 42)).then_some(())
    })
    .await;
}
