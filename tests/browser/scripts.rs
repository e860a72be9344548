//! A page of auth-service's origin with nothing but the client, for tests that call it.

use harness::{Http, Stack, chromium::Chromium};
use serde_json::{Value, json};

/// A service with short access tokens, at an address that a browser takes for the public one.
pub async fn with_short_tokens() -> Stack {
    Stack::any().auth("AUTH_ACCESS_TTL", "4s").start_auth().await
}

/// Opens a page without a script in the current tab, and makes `session` there.
pub async fn open(browser: &Chromium, auth: &Http) {
    browser.open(&format!("{}/a-page-without-anything", auth.url())).await;
    begin(browser).await;
}

/// Makes `session` in the page that is open.
pub async fn begin(browser: &Chromium) {
    let code = "const client = await import('/client.js')
        globalThis.session = client.createSession()
        globalThis.seen = []
        session.onChange((state) => seen.push(state.reason))
        await session.ready()";
    assert_eq!(browser.run(code).await, Ok(Value::Null));
}

/// Logs in there.
pub async fn log_in(browser: &Chromium, email: &str, password: &str) {
    let code = format!("return (await session.login({})).phase", json!({ "email": email, "password": password }));
    assert_eq!(browser.run(&code).await, Ok(json!("in")));
}

/// What is known of the session there.
pub async fn phase(browser: &Chromium) -> Value {
    browser.run("return session.state.phase").await.expect("a state")
}
