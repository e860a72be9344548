//! Nobody grants more rights than they have, and the last admin stays.

use futures_util::future::join;
use harness::{Answer, Person, Stack, Storage, assert_problem, person::fresh_password};
use serde_json::{Value, json};
use std::fs;

on_every_storage! {
    the_last_admin_stays,
    concurrent_demotions_leave_one_admin,
    concurrent_changes_of_one_user_succeed_or_conflict,
}

async fn patch(stack: &Stack, by: &Person, user: &Person, change: Value) -> Answer {
    stack.auth.change_user(&by.tokens, &user.id, &change).await
}

async fn the_last_admin_stays(storage: Storage) {
    let stack = Stack::on(storage).start().await;
    let (admin, ada) = (stack.admin().await, stack.ada().await);
    let assert_stays = async || {
        for change in [json!({ "roles": ["author"] }), json!({ "roles": [] }), json!({ "disabled": true })] {
            assert_problem(&patch(&stack, &admin, &admin, change).await, 409, "last_admin");
        }
        assert_problem(&stack.auth.delete_user(&admin.tokens, &admin.id).await, 409, "last_admin");
        assert_problem(&stack.auth.delete_account(&admin.tokens, &admin.password).await, 409, "last_admin");
        stack.auth.users(&admin.tokens, "").await.expect(200);
    };
    assert_stays().await;
    patch(&stack, &admin, &ada, json!({ "roles": ["admin"], "disabled": true })).await.expect(200);
    assert_stays().await;
    patch(&stack, &admin, &admin, json!({ "roles": ["reader", "admin"], "custom": { "a": 1 } })).await.expect(200);
    patch(&stack, &admin, &ada, json!({ "disabled": false })).await.expect(200);
    stack.auth.delete_account(&admin.tokens, &admin.password).await.expect(204);
}

async fn concurrent_demotions_leave_one_admin(storage: Storage) {
    let stack = Stack::on(storage).start().await;
    let replica = stack.replica().await;
    let (admin, ada) = (stack.admin().await, stack.ada().await);
    let reader = json!({ "roles": ["reader"] });
    for round in 0..6 {
        let (one, other) = if round % 2 == 0 { (&admin, &ada) } else { (&ada, &admin) };
        for person in [&admin, &ada] {
            // Whoever was demoted in the round before is made an admin again by the other one.
            let by = if stack.auth.users(&admin.tokens, "").await.status == 200 { &admin } else { &ada };
            patch(&stack, by, person, json!({ "roles": ["admin"] })).await.expect(200);
        }
        // Both themselves, or each the other.
        let (first, second) = if round < 3 { (one, other) } else { (other, one) };
        let (first, second) = join(
            stack.auth.change_user(&one.tokens, &first.id, &reader),
            replica.change_user(&other.tokens, &second.id, &reader),
        )
        .await;
        let made = [&first, &second].into_iter().filter(|answer| answer.status == 200).count();
        assert_eq!(made, 1, "{first}\n{second}");
        for refused in [first, second].iter().filter(|answer| answer.status != 200) {
            if round < 3 {
                assert_problem(refused, 409, "last_admin");
            } else {
                assert_problem(refused, 403, "insufficient_scope");
            }
        }
    }
}

async fn concurrent_changes_of_one_user_succeed_or_conflict(storage: Storage) {
    let stack = Stack::on(storage).start().await;
    let replica = stack.replica().await;
    let (admin, ada) = (stack.admin().await, stack.ada().await);
    for round in 0..5 {
        let change = |name: &str| json!({ "custom": { "by": name, "round": round } });
        let (first, second) = join(
            stack.auth.change_user(&admin.tokens, &ada.id, &change("first")),
            replica.change_user(&admin.tokens, &ada.id, &change("second")),
        )
        .await;
        // Both succeed if the second has seen the first.
        for answer in [&first, &second] {
            if answer.status != 200 {
                assert_problem(answer, 409, "user_changed");
            }
        }
        assert!(first.status == 200 || second.status == 200, "{first}\n{second}");
    }
}

/// A stack with a role that may only change users, and a person who has it.
async fn with_helpdesk() -> (Stack, Person, Person) {
    let mut stack = Stack::any().prepare();
    let file = stack.directory().join("roles.toml");
    fs::write(&file, "helpdesk = [\"users:read\", \"users:write\"]\nbeta = []\n").expect("our own directory");
    stack.auth.set("AUTH_ROLES_FILE", &file.to_string_lossy());
    stack.auth.start().await;
    let (admin, helper) = (stack.admin().await, stack.person("helper").await);
    patch(&stack, &admin, &helper, json!({ "roles": ["helpdesk"] })).await.expect(200);
    (stack, admin, helper)
}

#[tokio::test]
async fn nobody_grants_more_rights_than_they_have() {
    let (stack, admin, helper) = with_helpdesk().await;
    let colleague = stack.person("colleague").await;
    patch(&stack, &admin, &colleague, json!({ "roles": [] })).await.expect(200);
    for roles in [json!(["admin"]), json!(["helpdesk", "admin"]), json!(["reader"]), json!(["beta"])] {
        for user in [&helper, &colleague] {
            let refused = patch(&stack, &helper, user, json!({ "roles": roles })).await;
            assert_problem(&refused, 403, "role_beyond_own");
        }
        let user = json!({ "email": "x@example.org", "password": fresh_password(), "roles": roles });
        assert_problem(&stack.auth.create_user(&helper.tokens, &user).await, 403, "role_beyond_own");
    }
    patch(&stack, &helper, &colleague, json!({ "roles": ["helpdesk"] })).await.expect(200);
    patch(&stack, &helper, &colleague, json!({ "custom": { "desk": 2 }, "disabled": true })).await.expect(200);
    patch(&stack, &admin, &colleague, json!({ "roles": ["beta", "helpdesk"], "disabled": false })).await.expect(200);
}

#[tokio::test]
async fn nobody_changes_a_user_with_more_rights() {
    let (stack, admin, helper) = with_helpdesk().await;
    let ada = stack.ada().await;
    for user in [&admin, &ada] {
        for change in [json!({ "disabled": true }), json!({ "roles": [] }), json!({ "custom": {} }), json!({})] {
            assert_problem(&patch(&stack, &helper, user, change).await, 403, "outranked");
        }
        assert_problem(&stack.auth.delete_user(&helper.tokens, &user.id).await, 403, "outranked");
        assert_problem(&stack.auth.end_sessions_of(&helper.tokens, &user.id).await, 403, "outranked");
        stack.auth.me(&user.tokens).await.expect(200);
    }
    // Without roles there is nothing that the helpdesk could not do.
    patch(&stack, &admin, &ada, json!({ "roles": [] })).await.expect(200);
    stack.auth.end_sessions_of(&helper.tokens, &ada.id).await.expect(204);
    stack.auth.delete_user(&helper.tokens, &ada.id).await.expect(204);
    // The helpdesk cannot make an admin, and so does not count as one.
    assert_problem(&patch(&stack, &admin, &admin, json!({ "roles": ["helpdesk"] })).await, 409, "last_admin");
}
