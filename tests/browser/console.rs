//! Admins in the console.

use harness::{Stack, chromium::Chromium, person::fresh_email};
use serde_json::json;

async fn at_the_console(stack: &Stack, email: &str, password: &str, query: &str) -> Chromium {
    let browser = Chromium::start().await;
    browser.open(&format!("{}/console{query}", stack.auth.url())).await;
    browser.until("return location.pathname", &json!("/login")).await;
    browser.fill("#email", email).await;
    browser.fill("#password", password).await;
    browser.click("#login .primary").await;
    browser.until("return location.pathname + location.search", &json!(format!("/console{query}"))).await;
    browser
}

#[tokio::test]
async fn an_admin_finds_a_user_ends_a_session_and_disables_the_account() {
    let stack = Stack::any().start_auth().await;
    let (admin, mut ada) = (stack.admin().await, stack.ada().await);
    let device = ada.another_device().await;
    let browser = at_the_console(&stack, &admin.email, &admin.password, "?view=users").await;
    browser.shows(&ada.email).await;
    browser.fill("#q", &ada.email[..12]).await;
    let found = "return [...document.querySelectorAll('tbody tr a')].map((link) => link.textContent)";
    browser.until(found, &json!([ada.email])).await;
    browser.click("tbody tr a").await;
    browser.is_at(&format!("/console?view=user&id={}", ada.id)).await;
    browser.until("return document.querySelectorAll('[data-devices] > li').length", &json!(2)).await;
    browser.click("[data-devices] > li:first-child [data-act='endOne']").await;
    browser.click("dialog[open] .danger").await;
    browser.until("return document.querySelectorAll('[data-devices] > li').length", &json!(1)).await;
    let goes_on = [stack.auth.refresh(&device).await.status, stack.auth.refresh(&ada.tokens).await.status];
    assert!(goes_on == [401, 200] || goes_on == [200, 401], "{goes_on:?}");
    browser.click("[data-act='disable']").await;
    browser.click("dialog[open] .primary").await;
    browser.until("return document.querySelectorAll('[data-devices] > li').length", &json!(0)).await;
    assert_eq!(stack.auth.login(&ada.email, &ada.password, harness::Transport::Body).await.status, 403);
    ada.password.clear();
    browser.back().await;
    browser.until(found, &json!([ada.email])).await;
}

#[tokio::test]
async fn what_another_admin_has_removed_meanwhile_is_not_brought_back() {
    let stack = Stack::any().start_auth().await;
    let (admin, ada) = (stack.admin().await, stack.ada().await);
    stack.auth.change_user(&admin.tokens, &ada.id, &json!({ "roles": ["author", "admin"] })).await.expect(200);
    let query = format!("?view=user&id={}", ada.id);
    let browser = at_the_console(&stack, &admin.email, &admin.password, &query).await;
    browser.click("[data-act='roles']").await;
    browser.shows("reader").await;
    stack.auth.change_user(&admin.tokens, &ada.id, &json!({ "roles": ["author"] })).await.expect(200);
    browser.click("#roles-dialog .primary").await;
    browser.until("return document.querySelector('#roles-dialog').open", &json!(false)).await;
    let user = stack.auth.get(&format!("/admin/users/{}", ada.id)).bearer(&admin.tokens.access).send().await;
    assert_eq!(user.expect(200)["roles"], json!(["author"]));
}

#[tokio::test]
async fn an_admin_invites_somebody_and_has_the_next_key_published() {
    let stack = Stack::any().start_auth().await;
    let admin = stack.admin().await;
    let bob = fresh_email("bob");
    let browser = at_the_console(&stack, &admin.email, &admin.password, "?view=invitations").await;
    browser.click("[data-new='invite']").await;
    browser.fill("dialog[open] input[type='email']", &bob).await;
    browser.click("dialog[open] .primary").await;
    browser.shows(&bob).await;
    crate::links::mail(&stack, &bob, "invitation").await;
    browser.click("a[data-section='keys']").await;
    browser.until("return document.querySelectorAll('[data-keys] > li').length", &json!(1)).await;
    browser.click("[data-rotate]").await;
    browser.click("dialog[open] .primary").await;
    browser.until("return document.querySelectorAll('[data-keys] > li').length", &json!(2)).await;
    assert_eq!(stack.auth.key_set().await["keys"].as_array().map(Vec::len), Some(2));
    browser.click("a[data-section='audit']").await;
    let events = "return [...document.querySelectorAll('.events tbody')].some((event) => event.innerText.includes('Next key published'))";
    browser.until(events, &json!(true)).await;
}

#[tokio::test]
async fn whoever_may_only_read_is_offered_nothing_else_and_others_see_nothing() {
    let mut stack = Stack::any().prepare();
    let file = stack.directory().join("roles.toml");
    std::fs::write(&file, "auditor = [\"users:read\"]\n").expect("our own directory");
    stack.auth.set("AUTH_ROLES_FILE", &file.to_string_lossy());
    stack.auth.start().await;
    let (admin, ada, bob) = (stack.admin().await, stack.ada().await, stack.bob().await);
    stack.auth.change_user(&admin.tokens, &bob.id, &json!({ "roles": ["auditor"] })).await.expect(200);
    let browser = at_the_console(&stack, &bob.email, &bob.password, &format!("?view=user&id={}", ada.id)).await;
    browser.shows(&ada.email).await;
    let offered = "return [...document.querySelectorAll('[data-act], [data-new], [data-rotate], [data-revoke]')]
        .filter((element) => element.checkVisibility()).length";
    browser.until("return document.querySelectorAll('[data-devices] > li').length", &json!(1)).await;
    assert_eq!(browser.run(offered).await, Ok(json!(0)));
    let browser = at_the_console(&stack, &ada.email, &ada.password, "").await;
    browser.until("return document.querySelector('#forbidden').checkVisibility()", &json!(true)).await;
    let shown = browser.run("return document.body.innerText").await.expect("a page").to_string();
    assert!(!shown.contains(&bob.email), "{shown}");
}

#[tokio::test]
async fn users_are_filtered_and_the_filters_are_in_the_url() {
    let stack = Stack::any().start_auth().await;
    let (admin, ada, bob) = (stack.admin().await, stack.ada().await, stack.bob().await);
    stack.auth.change_user(&admin.tokens, &bob.id, &json!({ "disabled": true })).await.expect(200);
    let browser = at_the_console(&stack, &admin.email, &admin.password, "?view=users").await;
    let found = "return [...document.querySelectorAll('tbody tr a')].map((link) => link.textContent).sort()";
    let all = json!([&ada.email, &admin.email, &bob.email]);
    let mut all: Vec<String> = serde_json::from_value(all).expect("texts");
    all.sort();
    browser.until(found, &json!(all)).await;
    browser.until("return Boolean(document.querySelector('#role option[value=reader]'))", &json!(true)).await;
    browser.run("document.querySelector('#role').value = 'reader'").await.expect("a choice");
    browser.run("document.querySelector('#state').value = 'disabled'").await.expect("a choice");
    browser.click(".filters button").await;
    browser.until(found, &json!([bob.email])).await;
    browser.reload().await;
    browser.until(found, &json!([bob.email])).await;
    assert!(browser.path().await.contains("role=reader"), "the filters are in the URL");
    browser.click("[data-chips] a").await;
    browser.until("return document.querySelectorAll('[data-chips] a').length", &json!(1)).await;
    browser.back().await;
    browser.until("return document.querySelectorAll('[data-chips] a').length", &json!(2)).await;
    browser.until(found, &json!([bob.email])).await;
}

#[tokio::test]
async fn an_admin_sends_a_user_to_a_new_password_and_hears_that_the_mail_is_on_its_way() {
    let stack = Stack::any().start_auth().await;
    let (admin, ada) = (stack.admin().await, stack.ada().await);
    let query = format!("?view=user&id={}", ada.id);
    let browser = at_the_console(&stack, &admin.email, &admin.password, &query).await;
    browser.click("[data-act='reset']").await;
    browser.click("dialog[open] .primary").await;
    browser.shows("A mail is on its way to").await;
}

#[tokio::test]
async fn an_admin_who_is_one_no_longer_sees_nothing_more_without_a_reload() {
    let stack = Stack::any().start_auth().await;
    let (admin, eve) = (stack.admin().await, stack.person("eve").await);
    stack.auth.change_user(&admin.tokens, &eve.id, &json!({ "roles": ["admin"] })).await.expect(200);
    let browser = at_the_console(&stack, &eve.email, &eve.password, "").await;
    browser.until("return document.querySelectorAll('.figures > li').length > 0", &json!(true)).await;
    stack.auth.change_user(&admin.tokens, &eve.id, &json!({ "roles": ["reader"] })).await.expect(200);
    browser.until("return document.querySelector('#forbidden').hidden", &json!(false)).await;
    browser.until("return document.querySelectorAll('.figures > li').length", &json!(0)).await;
}
