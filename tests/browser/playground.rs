//! The playground: what it says about sessions is what the services did.

use harness::{Stack, chromium::Chromium};
use serde_json::{Value, json};

/// Presses the button of the next step once that can be done, and says whether the story is over.
const NEXT_STEP: &str = "const step = document.getElementById('step')
    if (step.hidden) return true
    if (!step.disabled && step.getAttribute('aria-disabled') !== 'true') step.click()
    return false";

/// What was done, oldest first: who did it, the request, and what was answered.
const TOLD: &str = "return [...document.querySelectorAll('#log .entry')].reverse().map((entry) =>
    ['who', 'request', 'status'].map((part) => entry.querySelector(`[data-${part}]`).textContent).join(' | '))";

async fn services() -> Stack {
    let mut stack = Stack::any().auth("AUTH_REPLAY_WINDOW", "2s").prepare();
    let (auth, resource) = (stack.auth.url(), stack.resource.url());
    stack.auth.set("AUTH_PLAYGROUND", &resource);
    stack.resource.set("RESOURCE_ALLOWED_ORIGINS", &auth);
    stack.auth.start().await;
    stack.resource.start().await;
    stack
}

#[tokio::test]
async fn the_playground_plays_a_theft_and_how_it_is_found_out() {
    let stack = services().await;
    let browser = Chromium::start().await;
    browser.open(&format!("{}/playground", stack.auth.url())).await;
    browser.click("#begin-demo").await;
    browser.shows("playground-").await;
    browser.until(NEXT_STEP, &json!(true)).await;
    let told = browser.run(TOLD).await.expect("a log");
    let told: Vec<&str> = told.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut rest = told.iter();
    for (who, request, answer) in [
        ("victim", "/books", "200"),
        ("victim", "/books", "401 token_invalid"),
        ("victim", "POST /auth/refresh", "200"),
        ("thief", "POST /auth/refresh", "200"),
        ("victim", "POST /auth/refresh", "401 refresh_reused"),
        ("thief", "POST /auth/refresh", "401 session_ended"),
        ("victim", "POST /auth/login", "200"),
        ("victim", "GET /auth/sessions", "200"),
        ("victim", "POST /auth/logout", "204"),
        ("victim", "POST /auth/refresh", "401 session_ended"),
    ] {
        let is_it = |line: &&&str| line.contains(who) && line.contains(request) && line.ends_with(answer);
        assert!(rest.any(|line| is_it(&line)), "{who}, {request}, {answer}: {told:#?}");
    }
    // The news of the logout takes up to a second.
    let last = rest.next().expect("the access token is tried after the logout");
    assert!(last.contains("/books") && (last.ends_with("200") || last.ends_with("401 token_ended")), "{told:#?}");
    browser.shows("Reuse").await;
    let kept = "return [localStorage.length, sessionStorage.length, document.cookie]";
    assert_eq!(browser.run(kept).await, Ok(json!([0, 0, ""])), "nothing outlives the page");
    browser.click("#stop").await;
    browser.until("return !document.getElementById('begin').hidden", &json!(true)).await;
}
