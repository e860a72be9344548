//! The audit log: what it records, and who may read it.

use harness::{Answer, Person, Stack, Storage, Transport, assert_problem, eventually, postgres::Postgres};
use serde_json::{Value, json};
use std::{net::Ipv4Addr, time::Duration};
use tokio::{io::AsyncWriteExt as _, net::TcpStream, time::sleep};

const TIMEOUT: Duration = Duration::from_secs(30);

on_every_storage! {
    a_theft_is_reported_with_its_details_to_the_user_and_to_admins,
    each_event_of_a_user_is_recorded_once,
}

/// A lock on the user holds the change up until its client has gone. On a busy machine the change may time out: once
/// more.
#[tokio::test]
async fn a_change_whose_client_disconnects_is_still_in_the_audit_log() {
    let stack = Stack::on(Storage::RedisAndPostgres).start().await;
    let (admin, ada) = (stack.admin().await, stack.ada().await);
    let database = stack.postgres_url().expect("the stack has a PostgreSQL");
    let asked = |statement: &str| Postgres::query(&database, statement) == "1";
    let lock = format!("BEGIN; SELECT FROM users WHERE id = '{}' FOR UPDATE; SELECT pg_sleep(0.6); COMMIT", ada.id);
    let is_held = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
    let is_waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
    let is_disabled = format!("SELECT disabled FROM users WHERE id = '{}'", ada.id);
    eventually("a change outlives its client", TIMEOUT, async || {
        let (database, lock) = (database.clone(), lock.clone());
        let holding = tokio::task::spawn_blocking(move || Postgres::execute(&database, &lock));
        eventually("the user is locked", TIMEOUT, async || asked(is_held).then_some(())).await;
        let mut client = TcpStream::connect((Ipv4Addr::LOCALHOST, stack.auth.port())).await.expect("it listens");
        client.write_all(disabling(&admin, &ada).as_bytes()).await.expect("it is taken");
        while !holding.is_finished() && !asked(is_waiting) {}
        let was_waiting = !holding.is_finished();
        drop(client);
        holding.await.expect("the lock was held");
        sleep(Duration::from_millis(100)).await;
        (was_waiting && asked(&is_disabled)).then_some(())
    })
    .await;
    eventually("the change is in the log", TIMEOUT, async || {
        stack.auth.log().lines().any(|line| line.contains("user_change") && line.contains(&ada.id)).then_some(())
    })
    .await;
}

fn disabling(admin: &Person, user: &Person) -> String {
    let (token, body) = (&admin.tokens.access, json!({ "disabled": true }).to_string());
    format!(
        "PATCH /admin/users/{} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        user.id,
        body.len()
    )
}

async fn a_theft_is_reported_with_its_details_to_the_user_and_to_admins(storage: Storage) {
    let stack = Stack::on(storage).auth("AUTH_REPLAY_WINDOW", "0s").start().await;
    let (admin, mut ada, bob) = (stack.admin().await, stack.ada().await, stack.bob().await);
    let stolen = ada.tokens.clone();
    ada.refresh().await;
    ada.refresh().await;
    let thief = stack.auth.refresh_request(&stolen).header("user-agent", "Thief/1.0").send().await;
    assert_problem(&thief, 401, "refresh_reused");
    assert_problem(&stack.auth.refresh(&stolen).await, 401, "session_ended");

    ada.tokens = ada.another_device().await;
    let shown = stack.auth.sessions(&ada.tokens).await.expect(200)["incidents"].clone();
    let [incident] = shown.as_array().expect("a list").as_slice() else { panic!("one theft: {shown}") };
    assert_eq!(incident["action"], "refresh_reuse", "{incident}");
    assert_eq!(incident["session_id"], stolen.session_id, "{incident}");
    assert_eq!(
        (&incident["ip"], &incident["user_agent"]),
        (&json!(stack.our_address()), &json!("Thief/1.0")),
        "{incident}"
    );
    let details = &incident["details"];
    for moment in ["parent_used_at", "sibling_used_at"] {
        assert!(details[moment].as_str().is_some_and(|moment| moment.ends_with('Z')), "{incident}");
    }
    assert_eq!((&details["ends"], &details["generation"]), (&json!("user"), &json!(1)), "{incident}");
    assert_eq!(details["newest_generation"], 3, "{incident}");
    assert_eq!(details["last_refresh"]["ip"], stack.our_address(), "{incident}");

    let recorded = events(&stack, &admin, &format!("/admin/users/{}/audit?action=refresh_reuse", ada.id)).await;
    assert_eq!(recorded.iter().collect::<Vec<_>>(), [incident]);
    let nothing = stack.auth.sessions(&bob.tokens).await.expect(200)["incidents"].clone();
    assert_eq!(nothing, json!([]), "nobody else's");
    assert!(stack.auth.log().contains("refresh_reuse"), "it is in the log as well");
}

async fn each_event_of_a_user_is_recorded_once(storage: Storage) {
    let stack = Stack::on(storage).auth("AUTH_MAX_SESSIONS", "2").start().await;
    let (admin, mut ada) = (stack.admin().await, stack.ada().await);
    ada.another_device().await;
    let ended = ada.another_device().await;
    ada.tokens = ada.another_device().await;
    stack.auth.end_session(&ada.tokens, &ended.session_id).await.expect(204);
    stack.auth.logout(&ada.tokens).await.expect(204);
    ada.tokens = ada.another_device().await;
    let wrong = stack.auth.login(&ada.email, "wrong", Transport::Body).await;
    assert_problem(&wrong, 401, "invalid_credentials");
    let wrong = stack.auth.change_password(&ada.tokens, "wrong", "a much better password 7").await;
    assert_problem(&wrong, 403, "wrong_password");
    stack.auth.change_password(&ada.tokens, &ada.password, "a much better password 7").await.expect(204);
    stack.auth.post("/auth/logout-all").bearer(&ada.tokens.access).send().await.expect(204);
    stack.auth.change_user(&admin.tokens, &ada.id, &json!({ "disabled": true, "custom": { "x": "private" } })).await;
    let disabled = stack.auth.login(&ada.email, "a much better password 7", Transport::Body).await;
    assert_problem(&disabled, 403, "account_disabled");
    stack.auth.end_sessions_of(&admin.tokens, &ada.id).await.expect(204);
    stack.auth.delete_user(&admin.tokens, &ada.id).await.expect(204);

    let path = format!("/admin/users/{}/audit", ada.id);
    // A failed login does not wait for its row.
    let recorded = harness::eventually("the failed login is recorded", Duration::from_secs(5), || async {
        let recorded = events(&stack, &admin, &path).await;
        recorded
            .iter()
            .any(|event| {
                (&event["action"], &event["result"]) == (&json!("login"), &json!("failure"))
                    && event["details"] == json!({})
            })
            .then_some(recorded)
    })
    .await;
    let mut recorded: Vec<String> =
        recorded.iter().rev().map(|event| format!("{} {}", event["action"], event["result"])).collect();
    recorded.sort();
    recorded.dedup();
    let mut expected: Vec<String> = [
        "register",
        "login",
        "session_evict",
        "session_end",
        "logout",
        "password_change",
        "logout_all",
        "user_change",
        "user_sessions_end",
        "user_delete",
    ]
    .map(|action| format!("{:?} \"success\"", action))
    .into();
    expected.extend(["login", "password_confirm"].map(|action| format!("{action:?} \"failure\"")));
    expected.sort();
    assert_eq!(recorded, expected);
    let change = events(&stack, &admin, &format!("{path}?action=user_change")).await.remove(0);
    assert_eq!(change["actor"], admin.id, "{change}");
    assert_eq!(
        change["details"]["changed"],
        json!({ "disabled": true, "custom": true }),
        "no private values: {change}"
    );
    let login = events(&stack, &admin, &format!("{path}?action=login&result=success")).await;
    assert_eq!(login.len(), 5, "each login is recorded once: {login:?}");
}

#[tokio::test]
async fn the_audit_log_can_be_paged_and_filtered() {
    let stack = Stack::any().start().await;
    let (admin, ada) = (stack.admin().await, stack.ada().await);
    for _ in 0..3 {
        ada.another_device().await;
    }
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = list(&stack, &admin, &format!("/admin/audit?limit=2{cursor}")).await.expect(200);
        seen.extend(page["events"].as_array().expect("a list").clone());
        let Some(next) = page["next"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    let actions: Vec<&str> = seen.iter().filter_map(|event| event["action"].as_str()).collect();
    assert_eq!(actions, ["login", "login", "login", "login", "register", "login", "user_create"]);
    let of_ada = events(&stack, &admin, &format!("/admin/users/{}/audit?limit=200", ada.id)).await;
    assert_eq!(of_ada.len(), 5);
    let of_session = events(&stack, &admin, &format!("/admin/audit?session={}", ada.tokens.session_id)).await;
    assert_eq!(of_session.len(), 1);
    let later = events(&stack, &admin, "/admin/audit?since=2100-01-01T00:00:00Z").await;
    assert_eq!(later.len(), 0);
    let earlier = events(&stack, &admin, "/admin/audit?until=2100-01-01T00:00:00Z&action=user_create").await;
    assert_eq!(earlier.len(), 1);
}

#[tokio::test]
async fn the_audit_log_is_for_admins_and_its_filters_are_checked() {
    let stack = Stack::any().start().await;
    let (admin, ada) = (stack.admin().await, stack.ada().await);
    for path in ["/admin/audit".to_owned(), format!("/admin/users/{}/audit", ada.id)] {
        assert_problem(&list(&stack, &ada, &path).await, 403, "insufficient_scope");
        assert_problem(&stack.auth.get(&path).send().await, 401, "token_missing");
        for wrong in
            ["limit=0", "limit=201", "limit=x", "cursor=x", "action=x", "result=x", "since=yesterday", "x=1", "user=1"]
        {
            assert_problem(&list(&stack, &admin, &format!("{path}?{wrong}")).await, 400, "invalid_query");
        }
    }
    assert_problem(&list(&stack, &admin, "/admin/users/x/audit").await, 404, "not_found");
}

async fn list(stack: &Stack, admin: &Person, path: &str) -> Answer {
    stack.auth.get(path).bearer(&admin.tokens.access).send().await
}

async fn events(stack: &Stack, admin: &Person, path: &str) -> Vec<Value> {
    list(stack, admin, path).await.expect(200)["events"].as_array().expect("a list").clone()
}
