//! A cookie alone does nothing: the CSRF token must come with it.

use harness::{Stack, Storage, answer::assert_is_problem, assert_problem};

on_every_storage! { a_cookie_needs_the_csrf_token_of_its_own_session }

async fn a_cookie_needs_the_csrf_token_of_its_own_session(storage: Storage) {
    let stack = Stack::on(storage).start().await;
    let (ada, eve) = (stack.ada_in_a_browser().await, stack.ada_in_a_browser().await);
    for path in ["/auth/refresh", "/auth/logout"] {
        let with_cookie = || stack.auth.post(path).header("cookie", &ada.tokens.cookie_header());
        let attempts = [
            with_cookie(),
            with_cookie().header("x-csrf-token", ""),
            with_cookie().header("x-csrf-token", "wrong"),
            with_cookie().header("x-csrf-token", &eve.tokens.csrf),
            with_cookie().header("x-csrf-token", &ada.tokens.csrf.to_uppercase()),
            with_cookie().header("x-csrf-token", &ada.tokens.session_id),
        ];
        for attempt in attempts {
            assert_problem(&attempt.send().await, 403, "csrf_rejected");
        }
    }
    stack.auth.refresh(&ada.tokens).await.tokens();
}

#[tokio::test]
async fn a_page_that_was_reloaded_asks_for_its_csrf_token_which_never_changes() {
    let stack = Stack::any().start().await;
    let mut ada = stack.ada_in_a_browser().await;
    for _ in 0..2 {
        let asked = stack.auth.csrf(&ada.tokens).await.expect(200);
        assert_eq!(asked["csrf_token"], ada.tokens.csrf, "{asked}");
        assert_eq!(asked.header("cache-control"), "no-store", "{asked}");
        assert_eq!(asked["refresh_token"], serde_json::Value::Null, "{asked}");
        let before = ada.tokens.csrf.clone();
        assert_eq!(ada.refresh().await.csrf, before);
    }
}

#[tokio::test]
async fn asking_for_the_csrf_token_needs_a_genuine_cookie() {
    let stack = Stack::any().start().await;
    let ada = stack.ada_in_a_browser().await;
    let forged = ada.tokens.with_refresh(&harness::forge::with_flipped_signature(&ada.tokens.refresh));
    let without = stack.auth.get("/auth/csrf").send().await;
    for answer in [without, stack.auth.csrf(&forged).await] {
        assert!((400..500).contains(&answer.status), "{answer}");
        assert_is_problem(&answer);
    }
}

#[tokio::test]
async fn a_session_that_is_over_has_no_csrf_token() {
    let stack = Stack::any().start().await;
    let ada = stack.ada_in_a_browser().await;
    stack.auth.logout(&ada.tokens).await.expect(204);
    let answer = stack.auth.csrf(&ada.tokens).await;
    assert_problem(&answer, 401, "session_ended");
    assert_eq!(answer.set_cookies(), [], "it may come after a newer login\n{answer}");
    let bob = stack.ada_in_a_browser().await;
    stack.auth.logout_all(&bob.tokens).await.expect(204);
    assert_problem(&stack.auth.csrf(&bob.tokens).await, 401, "session_ended");
}

#[tokio::test]
async fn every_csrf_token_in_a_request_must_be_right() {
    let stack = Stack::any().start().await;
    let ada = stack.ada_in_a_browser().await;
    for tokens in [["wrong", &ada.tokens.csrf], [&ada.tokens.csrf, "wrong"]] {
        let request = stack.auth.post("/auth/refresh").header("cookie", &ada.tokens.cookie_header());
        let request = tokens.iter().fold(request, |request, token| request.header("x-csrf-token", token));
        assert_problem(&request.send().await, 403, "csrf_rejected");
    }
}

#[tokio::test]
async fn a_program_needs_no_csrf_token() {
    let stack = Stack::any().start().await;
    let mut ada = stack.ada().await;
    ada.refresh().await;
    stack.auth.logout(&ada.tokens).await.expect(204);
}
