//! What the console for admins asks for: one user, that user's sessions, the signing keys, and figures.

use harness::{Stack, assert_problem};
use serde_json::{Value, json};

#[tokio::test]
async fn an_admin_sees_one_user_with_sessions_and_ends_one_of_them() {
    let stack = Stack::any().start_auth().await;
    let (admin, mut ada) = (stack.admin().await, stack.ada().await);
    let device = ada.another_device().await;
    let get = async |path: String| stack.auth.get(&path).bearer(&admin.tokens.access).send().await;
    let user = get(format!("/admin/users/{}", ada.id)).await.expect(200);
    assert_eq!((&user["email"], &user["disabled"]), (&json!(ada.email), &json!(false)), "{user}");
    let listed = get(format!("/admin/users/{}/sessions", ada.id)).await.expect(200);
    let sessions = listed["sessions"].as_array().expect("a list");
    assert_eq!((sessions.len(), &listed["incidents"]), (2, &json!([])), "{listed}");
    assert!(sessions.iter().all(|session| session["current"] == json!(false)), "none is the admin's: {listed}");
    let sid = device.claims()["sid"].as_str().expect("an id").to_owned();
    let path = format!("/admin/users/{}/sessions/{sid}", ada.id);
    stack.auth.request("DELETE", &path).bearer(&admin.tokens.access).send().await.expect(204);
    assert_problem(&stack.auth.refresh(&device).await, 401, "session_ended");
    ada.refresh().await;
    let listed = get(format!("/admin/users/{}/sessions", ada.id)).await.expect(200);
    assert_eq!(listed["sessions"].as_array().map(Vec::len), Some(1), "{listed}");
    let events = get(format!("/admin/users/{}/audit?action=user_sessions_end", ada.id)).await.expect(200);
    let event = &events["events"][0];
    assert_eq!((&event["actor"], &event["session_id"]), (&json!(admin.id), &json!(sid)), "{events}");
    for nobody in ["0190163d-8694-739b-aea5-966c26f8ad91", "x"] {
        assert_problem(&get(format!("/admin/users/{nobody}")).await, 404, "not_found");
        assert_problem(&get(format!("/admin/users/{nobody}/sessions")).await, 404, "not_found");
    }
    let reader = stack.auth.get(&format!("/admin/users/{}", admin.id)).bearer(&ada.tokens.access).send().await;
    assert_problem(&reader, 403, "insufficient_scope");
}

#[tokio::test]
async fn no_session_of_somebody_who_may_do_more_is_ended() {
    let mut stack = Stack::any().prepare();
    let file = stack.directory().join("roles.toml");
    std::fs::write(&file, "helpdesk = [\"users:read\", \"users:write\"]\n").expect("our own directory");
    stack.auth.set("AUTH_ROLES_FILE", &file.to_string_lossy());
    stack.auth.start().await;
    let (admin, bob) = (stack.admin().await, stack.bob().await);
    stack.auth.change_user(&admin.tokens, &bob.id, &json!({ "roles": ["helpdesk"] })).await.expect(200);
    let sid = admin.tokens.claims()["sid"].as_str().expect("an id").to_owned();
    let path = format!("/admin/users/{}/sessions/{sid}", admin.id);
    let refused = stack.auth.request("DELETE", &path).bearer(&bob.tokens.access).send().await;
    assert_problem(&refused, 403, "outranked");
    assert_problem(&stack.auth.end_sessions_of(&bob.tokens, &admin.id).await, 403, "outranked");
    stack.auth.refreshed(&admin.tokens).await;
    let keys = stack.auth.post("/admin/keys/rotate").bearer(&bob.tokens.access).send().await;
    assert_problem(&keys, 403, "insufficient_scope");
}

#[tokio::test]
async fn an_admin_sees_the_signing_keys_and_has_the_next_one_published_once() {
    let stack = Stack::any().start_auth().await;
    let admin = stack.admin().await;
    let keys = async || stack.auth.get("/admin/keys").bearer(&admin.tokens.access).send().await.expect(200);
    let states = |keys: &harness::Answer| {
        let keys = keys["keys"].as_array().expect("a list");
        keys.iter().map(|key| key["state"].as_str().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(states(&keys().await), ["active"]);
    let rotate = async || stack.auth.post("/admin/keys/rotate").bearer(&admin.tokens.access).send().await.expect(200);
    let next = rotate().await;
    assert_eq!((&next["state"], &rotate().await["kid"]), (&json!("pending"), &next["kid"]), "{next}");
    assert_eq!(states(&keys().await), ["active", "pending"]);
    let published = stack.auth.key_set().await.expect(200);
    let published = published["keys"].as_array().expect("a list");
    assert!(published.iter().any(|key| key["kid"] == next["kid"]), "{published:?}");
    let events = stack.auth.get("/admin/audit?action=key_rotate").bearer(&admin.tokens.access).send().await;
    let events = events.expect(200);
    let event = &events["events"][0];
    assert_eq!((&event["actor"], &event["details"]["kid"]), (&json!(admin.id), &next["kid"]), "{events}");
}

#[tokio::test]
async fn the_overview_counts_what_happens() {
    let stack = Stack::any().start_auth().await;
    let (admin, mut ada) = (stack.admin().await, stack.ada().await);
    let overview = async || stack.auth.get("/admin/overview").bearer(&admin.tokens.access).send().await.expect(200);
    let before = overview().await;
    ada.refresh().await;
    stack.auth.login(&ada.email, "wrong", harness::Transport::Body).await.expect(401);
    let after = overview().await;
    let rise = |name: &str, outcome: &str| {
        let count = |figures: &harness::Answer| figures[name][outcome].as_u64().expect("a count");
        count(&after) - count(&before)
    };
    assert_eq!((rise("refreshes", "rotated"), rise("logins", "invalid"), rise("logins", "success")), (1, 1, 0));
    assert!(after["hashing_queue"]["capacity"].as_u64() > Some(0), "{after}");
    assert_eq!((&after["keys"]["published"], &after["mail"]["waiting"]), (&json!(1), &json!(0)), "{after}");
    assert_ne!(after["up"], Value::Null);
}
