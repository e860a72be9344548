//! What admins see and change.

use harness::{Person, Stack, Storage, Transport, assert_problem};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use uuid::Uuid;

on_every_storage! {
    the_list_of_users_is_read_page_by_page,
    users_are_found_by_a_part_of_their_email,
    users_are_found_by_role_state_and_time,
    disabling_a_user_ends_the_sessions_and_refuses_logins,
    a_new_role_takes_effect_at_the_next_refresh,
    a_demoted_admin_is_refused_at_once,
    custom_claims_reach_the_resource_services,
    an_admin_can_end_sessions_and_delete_accounts,
}

async fn the_list_of_users_is_read_page_by_page(storage: Storage) {
    let stack = Stack::on(storage).start().await;
    let admin = stack.admin().await;
    let mut expected = BTreeSet::from([admin.id.clone()]);
    for _ in 0..6 {
        expected.insert(stack.person("user").await.id);
    }
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = stack.auth.users(&admin.tokens, &format!("?limit=3{cursor}")).await.expect(200);
        let users = page["users"].as_array().expect("a list");
        assert!((1..=3).contains(&users.len()), "{page}");
        seen.extend(users.iter().map(|user| user["id"].as_str().expect("an id").to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(seen.len(), 7, "nobody twice");
    assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), expected);
}

async fn users_are_found_by_a_part_of_their_email(storage: Storage) {
    let stack = Stack::on(storage).start().await;
    let (admin, ada, bob) = (stack.admin().await, stack.ada().await, stack.bob().await);
    let found = async |query: &str| -> Vec<String> {
        let answer = stack.auth.users(&admin.tokens, &format!("?q={query}")).await.expect(200);
        let users = answer["users"].as_array().expect("a list").clone();
        users.iter().filter_map(|user| user["id"].as_str()).map(str::to_owned).collect()
    };
    let unique = ada.email.split(['-', '@']).nth(1).expect("e-mails of the tests have three parts");
    assert_eq!(found(unique).await.join(" "), ada.id);
    assert_eq!(found(&unique.to_uppercase()).await.join(" "), ada.id);
    assert_eq!(found("bob-").await.join(" "), bob.id);
    for nobody in ["nobody-at-all", "%25", "_da-", "'%20OR%201=1--", "%5C", "%22"] {
        assert_eq!(found(nobody).await.join(" "), "", "{nobody}");
    }
    let user = stack.auth.users(&admin.tokens, &format!("?q={unique}")).await["users"][0].clone();
    assert_eq!((&user["email"], &user["roles"]), (&json!(ada.email), &json!(["reader"])), "{user}");
    assert_eq!((&user["disabled"], &user["custom"]), (&json!(false), &json!({})), "{user}");
    assert!(user["created_at"].as_str().is_some_and(|time| time.ends_with('Z')), "{user}");
    assert!(!user.to_string().contains("argon2"), "{user}");
}

async fn users_are_found_by_role_state_and_time(storage: Storage) {
    let stack = Stack::on(storage).start().await;
    let admin = stack.admin().await;
    let (ada, bob, eve) = (stack.ada().await, stack.bob().await, stack.person("eve").await);
    change(&stack, &admin, &bob, json!({ "roles": ["reader", "author"] })).await;
    change(&stack, &admin, &eve, json!({ "disabled": true })).await;
    let found = async |query: &str| -> BTreeSet<String> {
        let answer = stack.auth.users(&admin.tokens, query).await.expect(200);
        let users = answer["users"].as_array().expect("a list");
        users.iter().filter_map(|user| user["id"].as_str()).map(str::to_owned).collect()
    };
    let of = |people: &[&Person]| people.iter().map(|person| person.id.clone()).collect::<BTreeSet<_>>();
    assert_eq!(found("?role=reader").await, of(&[&ada, &bob, &eve]));
    assert_eq!(found("?role=author").await, of(&[&bob]));
    assert_eq!(found("?role=admin").await, of(&[&admin]));
    for nobodys in ["read", "READER", "reader%22,%22author", "%22", "nothing"] {
        assert_eq!(found(&format!("?role={nobodys}")).await, of(&[]), "{nobodys}");
    }
    assert_eq!(found("?disabled=true").await, of(&[&eve]));
    assert_eq!(found("?disabled=false").await, of(&[&admin, &ada, &bob]));
    let created = stack.auth.users(&admin.tokens, "?role=author").await["users"][0]["created_at"].clone();
    let created = created.as_str().expect("a time");
    assert!(found(&format!("?created_from={created}")).await.is_superset(&of(&[&bob, &eve])));
    assert!(found(&format!("?created_until={created}")).await.is_disjoint(&of(&[&bob, &eve])));
    let all_at_once =
        format!("?q=EXAMPLE&role=author&disabled=false&created_from={created}&created_until=9999-01-01T00:00:00Z");
    assert_eq!(found(&all_at_once).await, of(&[&bob]));
    // A page ends, and the next one goes on, among those who were asked for.
    let first = stack.auth.users(&admin.tokens, "?role=reader&limit=2").await.expect(200);
    let next = first["next"].as_str().expect("another page");
    let first: BTreeSet<_> = (0..2).filter_map(|at| Some(first["users"][at]["id"].as_str()?.to_owned())).collect();
    let rest = found(&format!("?role=reader&limit=2&cursor={next}")).await;
    assert_eq!((first.len(), rest.len()), (2, 1));
    assert_eq!(&first | &rest, of(&[&ada, &bob, &eve]));
}

async fn disabling_a_user_ends_the_sessions_and_refuses_logins(storage: Storage) {
    let stack = Stack::on(storage).start().await;
    let (admin, ada) = (stack.admin().await, stack.ada().await);
    change(&stack, &admin, &ada, json!({ "disabled": true })).await;
    assert_problem(&stack.auth.refresh(&ada.tokens).await, 401, "session_ended");
    assert_problem(&stack.auth.me(&ada.tokens).await, 401, "token_invalid");
    let right = stack.auth.login(&ada.email, &ada.password, Transport::Body).await;
    assert_problem(&right, 403, "account_disabled");
    let wrong = stack.auth.login(&ada.email, "not the password", Transport::Body).await;
    assert_problem(&wrong, 401, "invalid_credentials");

    change(&stack, &admin, &ada, json!({ "disabled": false })).await;
    assert_problem(&stack.auth.refresh(&ada.tokens).await, 401, "session_ended");
    stack.auth.refresh(&ada.another_device().await).await.tokens();
}

async fn a_new_role_takes_effect_at_the_next_refresh(storage: Storage) {
    let stack = Stack::on(storage).start().await;
    let (admin, mut ada) = (stack.admin().await, stack.ada().await);
    change(&stack, &admin, &ada, json!({ "roles": ["reader", "author"] })).await;
    let before = stack.resource.whoami(&ada.tokens).await.expect(200);
    assert_eq!(before["scope"], "books:read", "{before}");
    ada.refresh().await;
    let after = stack.resource.whoami(&ada.tokens).await.expect(200);
    for role in ["reader", "author"] {
        assert!(
            after["roles"].as_array().is_some_and(|roles| roles.len() == 2 && roles.contains(&json!(role))),
            "{after}"
        );
    }
    let mut scopes: Vec<&str> = after["scope"].as_str().expect("a text").split(' ').collect();
    scopes.sort_unstable();
    assert_eq!(scopes, ["books:read", "books:write"], "each scope once\n{after}");
    change(&stack, &admin, &ada, json!({ "roles": ["reader"] })).await;
    ada.refresh().await;
    assert_problem(&stack.resource.add_book(&ada.tokens, "x").await, 403, "insufficient_scope");
}

async fn a_demoted_admin_is_refused_at_once(storage: Storage) {
    let stack = Stack::on(storage).start().await;
    let (admin, mut ada) = (stack.admin().await, stack.ada().await);
    change(&stack, &admin, &ada, json!({ "roles": ["admin"] })).await;
    ada.refresh().await;
    stack.auth.users(&ada.tokens, "").await.expect(200);
    change(&stack, &admin, &ada, json!({ "roles": ["reader"] })).await;
    assert_problem(&stack.auth.users(&ada.tokens, "").await, 403, "insufficient_scope");
    let refused = stack.auth.change_user(&ada.tokens, &ada.id, &json!({ "roles": ["admin"] })).await;
    assert_problem(&refused, 403, "insufficient_scope");
}

async fn custom_claims_reach_the_resource_services(storage: Storage) {
    let stack = Stack::on(storage).start().await;
    let (admin, mut ada) = (stack.admin().await, stack.ada().await);
    let custom = json!({ "plan": "premium", "seats": 3, "tags": ["x", null], "♥": { "deep": true } });
    let changed = change(&stack, &admin, &ada, json!({ "custom": custom })).await;
    assert_eq!(changed["custom"], custom);
    ada.refresh().await;
    let whoami = stack.resource.whoami(&ada.tokens).await.expect(200);
    assert_eq!(whoami["custom"], custom, "{whoami}");

    let too_large = json!({ "custom": { "x": "y".repeat(1024) } });
    let refused = stack.auth.change_user(&admin.tokens, &ada.id, &too_large).await;
    assert_problem(&refused, 422, "custom_too_large");
    change(&stack, &admin, &ada, json!({ "custom": { "x": "y".repeat(1000) } })).await;
    for wrong in [json!("text"), json!(["a"]), json!(1)] {
        let refused = stack.auth.change_user(&admin.tokens, &ada.id, &json!({ "custom": wrong })).await;
        assert_problem(&refused, 422, "invalid_body");
    }
}

async fn an_admin_can_end_sessions_and_delete_accounts(storage: Storage) {
    let stack = Stack::on(storage).start().await;
    let (admin, ada) = (stack.admin().await, stack.ada().await);
    stack.auth.end_sessions_of(&admin.tokens, &ada.id).await.expect(204);
    assert_problem(&stack.auth.refresh(&ada.tokens).await, 401, "session_ended");
    let phone = ada.another_device().await;
    stack.auth.refresh(&phone).await.tokens();

    stack.auth.delete_user(&admin.tokens, &ada.id).await.expect(204);
    assert_problem(&stack.auth.refresh(&phone).await, 401, "session_ended");
    let gone = stack.auth.login(&ada.email, &ada.password, Transport::Body).await;
    assert_problem(&gone, 401, "invalid_credentials");
    assert!(!stack.auth.users(&admin.tokens, "").await.body.contains(&ada.id));
}

#[tokio::test]
async fn a_list_of_users_takes_no_filter_that_means_nothing() {
    let stack = Stack::any().start_auth().await;
    let admin = stack.admin().await;
    let long = format!("role={}", "x".repeat(65));
    for wrong in [
        "limit=0",
        "cursor=x",
        "disabled=maybe",
        "created_from=yesterday",
        "created_until=1",
        "role=%00",
        &long,
        "roles=x",
    ] {
        assert_problem(&stack.auth.users(&admin.tokens, &format!("?{wrong}")).await, 400, "invalid_query");
    }
}

#[tokio::test]
async fn an_admin_sees_which_roles_there_are() {
    let stack = Stack::any().start_auth().await;
    let admin = stack.admin().await;
    let listed = stack.auth.get("/admin/roles").bearer(&admin.tokens.access).send().await.expect(200);
    let names: Vec<&str> =
        listed["roles"].as_array().into_iter().flatten().filter_map(|role| role["name"].as_str()).collect();
    assert_eq!(names, ["admin", "author", "reader"], "{listed}");
    assert_eq!(listed["roles"][1]["scopes"], json!(["books:read", "books:write"]), "{listed}");
}

#[tokio::test]
async fn an_unknown_role_or_user_is_refused() {
    let stack = Stack::any().start().await;
    let (admin, ada) = (stack.admin().await, stack.ada().await);
    for role in ["emperor", "", "ADMIN", "books:write"] {
        let refused = stack.auth.change_user(&admin.tokens, &ada.id, &json!({ "roles": [role] })).await;
        assert_problem(&refused, 422, "unknown_role");
    }
    let nobody = Uuid::new_v4().to_string();
    assert_problem(
        &stack.auth.change_user(&admin.tokens, &nobody, &json!({ "disabled": true })).await,
        404,
        "not_found",
    );
}

#[tokio::test]
async fn readers_and_authors_may_not_manage_users() {
    let stack = Stack::any().start().await;
    let (admin, mut ada) = (stack.admin().await, stack.ada().await);
    change(&stack, &admin, &ada, json!({ "roles": ["author"] })).await;
    ada.refresh().await;
    let list = stack.auth.users(&ada.tokens, "").await;
    assert_problem(&list, 403, "insufficient_scope");
    assert!(list.header("www-authenticate").contains(r#"scope="users:read""#), "{list}");
    let calls = [
        stack.auth.change_user(&ada.tokens, &ada.id, &json!({ "roles": ["admin"] })).await,
        stack.auth.end_sessions_of(&ada.tokens, &admin.id).await,
        stack.auth.delete_user(&ada.tokens, &admin.id).await,
    ];
    for refused in calls {
        assert_problem(&refused, 403, "insufficient_scope");
        assert!(refused.header("www-authenticate").contains(r#"scope="users:write""#), "{refused}");
    }
}

async fn change(stack: &Stack, admin: &Person, person: &Person, change: Value) -> Value {
    stack.auth.change_user(&admin.tokens, &person.id, &change).await.expect(200).json
}
