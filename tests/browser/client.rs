//! The client in the situations in which others lose sessions.

use crate::{
    line::Line,
    scripts::{begin, log_in, open, phase, with_short_tokens},
};
use harness::{
    Http, Stack,
    chromium::Chromium,
    person::{fresh_email, fresh_password},
    site::{Reply, Site},
};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::sleep;

/// Somebody with an account.
async fn somebody(auth: &Http) -> (String, String) {
    let (email, password) = (fresh_email("ada"), fresh_password());
    auth.register(&email, &password).await.expect(201);
    (email, password)
}

/// How many sessions the user of the page has, and how many incidents.
async fn sessions_and_incidents(browser: &Chromium) -> Value {
    let code = "const { sessions, incidents } = await (await session.fetch('/auth/sessions')).json()
        return [sessions.length, incidents.length]";
    browser.run(code).await.expect("sessions")
}

#[tokio::test]
async fn no_token_is_where_a_script_of_the_page_finds_it() {
    let stack = Stack::any().start_auth().await;
    let (email, password) = somebody(&stack.auth).await;
    let browser = Chromium::start().await;
    open(&browser, &stack.auth).await;
    let overheard = "globalThis.overheard = []
        new BroadcastChannel('jeton:' + new URL('/', location)).onmessage = ({ data }) => overheard.push(data)";
    browser.run(overheard).await.expect("a listener");
    let listening = browser.tab().await;
    browser.new_tab().await;
    open(&browser, &stack.auth).await;
    log_in(&browser, &email, &password).await;
    browser.show(&listening).await;
    browser.until("return session.state.phase", &json!("in")).await;
    let token = browser.run("return session.accessToken()").await.expect("a token");
    let token = token.as_str().expect("text").to_owned();
    assert_eq!(token.split('.').count(), 3);
    let places = "const databases = await indexedDB.databases()
        const caches_ = await caches.keys()
        const stores = [localStorage, sessionStorage].map((store) => JSON.stringify({ ...store }))
        return [document.cookie, ...stores, JSON.stringify(databases), JSON.stringify(caches_), location.href, name,
          JSON.stringify(overheard), JSON.stringify(Object.keys(session)), JSON.stringify(session.state)]";
    let found = browser.run(places).await.expect("what scripts find").to_string();
    for part in token.split('.').skip(1) {
        assert!(!found.contains(part), "{found}");
    }
    assert!(found.contains("sessionId"), "the other tab was told: {found}");
    let cookies = browser.cookies("jeton-refresh").await;
    let [cookie] = &cookies[..] else { panic!("one cookie: {cookies:?}") };
    assert_eq!(
        (&cookie["name"], &cookie["httpOnly"], &cookie["sameSite"], &cookie["path"]),
        (&json!("jeton-refresh"), &json!(true), &json!("Strict"), &json!("/auth"))
    );
    let refresh = cookie["value"].as_str().expect("a token");
    assert!(!found.contains(refresh) && cookie["session"] == json!(false), "{cookie}");
}

#[tokio::test]
async fn five_tabs_of_an_expired_session_stay_logged_in_as_one_session() {
    let stack = with_short_tokens().await;
    let (email, password) = somebody(&stack.auth).await;
    let browser = Chromium::start().await;
    open(&browser, &stack.auth).await;
    log_in(&browser, &email, &password).await;
    let mut tabs = vec![browser.tab().await];
    for _ in 0..4 {
        tabs.push(browser.new_tab().await);
        open(&browser, &stack.auth).await;
    }
    for _ in 0..3 {
        sleep(Duration::from_secs(5)).await;
        // All of them find an expired token in the same moment.
        for tab in &tabs {
            browser.show(tab).await;
            let code = "setTimeout(() => { globalThis.answer = session.user() }, 400)";
            browser.run(code).await.expect("a timer");
        }
        for tab in &tabs {
            browser.show(tab).await;
            browser.until("return (await globalThis.answer)?.email", &json!(email)).await;
        }
    }
    assert_eq!(sessions_and_incidents(&browser).await, json!([1, 0]));
}

#[tokio::test]
async fn lost_answers_end_no_session() {
    let line = Line::new();
    let stack = Stack::any()
        .auth("AUTH_PUBLIC_URL", &line.url())
        .auth("AUTH_ACCESS_TTL", "2s")
        .auth("AUTH_REPLAY_WINDOW", "3s")
        .start_auth()
        .await;
    line.lead_to(stack.auth.port());
    let (email, password) = somebody(&stack.auth).await;
    let browser = Chromium::start().await;
    browser.open(&format!("{}/a-page-without-anything", line.url())).await;
    begin(&browser).await;
    log_in(&browser, &email, &password).await;
    // Retried within the window in which a refresh token is answered again, and after it.
    for pause in [0, 1, 4, 6] {
        sleep(Duration::from_secs(3)).await;
        let lost = line.lost();
        line.lose(1);
        let thrown = browser.run("return session.accessToken({ minValidity: 1 })").await;
        // The browser itself repeats some requests, on another connection.
        assert!(thrown.is_ok() || line.lost() > lost, "{thrown:?}");
        assert!(thrown.is_ok() || thrown.as_ref().is_err_and(|thrown| thrown.class == "NotNow"), "{thrown:?}");
        line.lose(0);
        sleep(Duration::from_secs(pause)).await;
        browser.until("return (await session.user()).email", &json!(email)).await;
    }
    assert!(line.lost() > 0);
    assert_eq!(sessions_and_incidents(&browser).await, json!([1, 0]));
    assert_eq!(phase(&browser).await, json!("in"));
}

#[tokio::test]
async fn a_frozen_page_takes_no_dead_token_for_a_live_one() {
    let stack = with_short_tokens().await;
    let (email, password) = somebody(&stack.auth).await;
    let browser = Chromium::start().await;
    open(&browser, &stack.auth).await;
    log_in(&browser, &email, &password).await;
    let frozen = browser.tab().await;
    let refreshing = "globalThis.refresh = session.accessToken({ minValidity: 3600 }).catch((error) => error.name)";
    let front = browser.new_tab().await;
    browser.show(&frozen).await;
    browser.run(refreshing).await.expect("a refresh has begun");
    browser.show(&front).await;
    browser.show(&frozen).await;
    browser.command("Page.setWebLifecycleState", json!({ "state": "frozen" })).await;
    browser.show(&front).await;
    sleep(Duration::from_secs(6)).await;
    browser.show(&frozen).await;
    browser.command("Page.setWebLifecycleState", json!({ "state": "active" })).await;
    let thawed = browser.run("return [await globalThis.refresh, session.state.phase]").await;
    assert!(thawed.is_ok_and(|outcome| outcome[1] == "in"));
    browser.until("return (await session.user()).email", &json!(email)).await;
    assert_eq!(sessions_and_incidents(&browser).await, json!([1, 0]));
}

#[tokio::test]
async fn a_machine_that_has_slept_and_clocks_that_jump_cost_one_refresh_and_no_session() {
    let stack = Stack::any().start_auth().await;
    let (email, password) = somebody(&stack.auth).await;
    let browser = Chromium::start().await;
    open(&browser, &stack.auth).await;
    log_in(&browser, &email, &password).await;
    // Asleep: the wall clock goes on, performance.now() does not. Set back: the other way round.
    for hours in [8, -9, 1000, -1000] {
        let jump = format!(
            "const now = Date.now; Date.now = () => now() + {hours} * 3600e3; dispatchEvent(new Event('resume'))"
        );
        browser.run(&jump).await.expect("a jump");
        let life = "const [, claims] = (await session.accessToken()).split('.')
            return JSON.parse(atob(claims.replaceAll('-', '+').replaceAll('_', '/'))).exp * 1000 > performance.timeOrigin + performance.now()";
        assert_eq!(browser.run(life).await, Ok(json!(true)), "{hours} h");
        assert_eq!(browser.run("return (await session.user()).email").await, Ok(json!(email)), "{hours} h");
    }
    assert_eq!(sessions_and_incidents(&browser).await, json!([1, 0]));
}

#[tokio::test]
async fn a_lock_that_is_never_let_go_holds_nobody_up() {
    let stack = with_short_tokens().await;
    let (email, password) = somebody(&stack.auth).await;
    let browser = Chromium::start().await;
    open(&browser, &stack.auth).await;
    log_in(&browser, &email, &password).await;
    let hold = "navigator.locks.request('jeton:' + new URL('/', location), () => new Promise(() => {}))
        return 'held'";
    browser.run(hold).await.expect("the lock");
    sleep(Duration::from_secs(5)).await;
    assert_eq!(browser.run("return (await session.user()).email").await, Ok(json!(email)));
}

#[tokio::test]
async fn a_logout_is_one_in_every_tab() {
    let stack = Stack::any().start_auth().await;
    let (email, password) = somebody(&stack.auth).await;
    let browser = Chromium::start().await;
    open(&browser, &stack.auth).await;
    let one = browser.tab().await;
    browser.new_tab().await;
    open(&browser, &stack.auth).await;
    log_in(&browser, &email, &password).await;
    browser.show(&one).await;
    browser.until("return session.state.phase", &json!("in")).await;
    assert_eq!(browser.run("await session.logout(); return session.state.phase").await, Ok(json!("out")));
    for tab in browser.tabs().await {
        browser.show(&tab).await;
        browser.until("return session.state.phase", &json!("out")).await;
        let thrown = browser.run("return session.user()").await.expect_err("nobody is logged in");
        assert_eq!(thrown.class, "SessionEnded");
    }
    assert!(browser.cookies("jeton-refresh").await.is_empty());
}

#[tokio::test]
async fn a_logout_without_a_network_holds_after_a_reload_and_is_told_later() {
    let stack = Stack::any().start_auth().await;
    let (email, password) = somebody(&stack.auth).await;
    let elsewhere = harness::Person::registered(&stack.auth, &email, &password).await;
    let browser = Chromium::start().await;
    open(&browser, &stack.auth).await;
    log_in(&browser, &email, &password).await;
    let count = async || stack.auth.sessions(&elsewhere.tokens).await.expect(200)["sessions"].as_array().map(Vec::len);
    assert_eq!(count().await, Some(2));
    browser.set_offline(true).await;
    assert_eq!(browser.run("await session.logout(); return session.state.phase").await, Ok(json!("out")));
    assert_eq!(count().await, Some(2), "the server knows of nothing");
    let mark = browser.run("return JSON.stringify(localStorage)").await.expect("a store").to_string();
    assert!(mark.len() < 100, "only a mark: {mark}");
    browser.set_offline(false).await;
    open(&browser, &stack.auth).await;
    assert_eq!(phase(&browser).await, json!("out"), "the cookie is still there, and is not used");
    harness::eventually("the server is told", Duration::from_secs(20), async || {
        (count().await == Some(1)).then_some(())
    })
    .await;
    browser.until("return localStorage.length", &json!(0)).await;
    assert!(browser.cookies("jeton-refresh").await.is_empty());
}

#[tokio::test]
async fn what_one_user_has_begun_is_not_repeated_as_another_user() {
    let stack = with_short_tokens().await;
    let ((ada, hers), (bob, his)) = (somebody(&stack.auth).await, somebody(&stack.auth).await);
    let browser = Chromium::start().await;
    // Her tab hears of nothing, and refreshes only when it must: so it finds out by the answer of the refresh.
    open(&browser, &stack.auth).await;
    let deaf = "session.close()
        globalThis.BroadcastChannel = undefined
        globalThis.session = (await import('/client.js')).createSession({ keepFresh: false })
        session.onChange((state) => seen.push(state.reason))";
    browser.run(deaf).await.expect("a session");
    log_in(&browser, &ada, &hers).await;
    let one = browser.tab().await;
    browser.new_tab().await;
    open(&browser, &stack.auth).await;
    log_in(&browser, &bob, &his).await;
    browser.show(&one).await;
    sleep(Duration::from_secs(5)).await;
    let begun = "return session.fetch('/auth/me', { method: 'DELETE', headers: { 'content-type': 'application/json' }, body: '{\"password\":\"x\"}' })
        .then((answer) => answer.status)";
    let thrown = browser.run(begun).await.expect_err("Ada's request is not sent as Bob's");
    assert_eq!((thrown.class.as_str(), thrown.code.as_deref()), ("SessionEnded", Some("switched")));
    let seen = browser.run("return seen").await.expect("reasons");
    assert!(seen.as_array().is_some_and(|seen| seen.contains(&json!("switched"))), "{seen}");
    assert_eq!(browser.run("return (await session.user()).email").await, Ok(json!(bob)));
}

#[tokio::test]
async fn only_the_401_of_a_refresh_ends_a_session() {
    let mut stack = with_short_tokens().await;
    let (email, password) = somebody(&stack.auth).await;
    let browser = Chromium::start().await;
    open(&browser, &stack.auth).await;
    log_in(&browser, &email, &password).await;
    sleep(Duration::from_secs(5)).await;
    stack.auth.kill();
    for _ in 0..3 {
        let thrown = browser.run("return session.user()").await.expect_err("nobody answers");
        assert_eq!(thrown.class, "NotNow", "{thrown:?}");
    }
    // At the next refresh at the latest.
    browser.until("return [session.state.phase, session.state.reachable]", &json!(["in", false])).await;
    stack.auth.start().await;
    browser.until("return (await session.user()).email", &json!(email)).await;
    browser.until("return session.state.reachable", &json!(true)).await;
    stack.auth.pause();
    sleep(Duration::from_secs(5)).await;
    let thrown = browser.run("return session.user()").await.expect_err("nothing comes");
    assert_eq!(thrown.class, "NotNow", "{thrown:?}");
    stack.auth.resume();
    browser.until("return (await session.user()).email", &json!(email)).await;
    let elsewhere = harness::Person::registered(&stack.auth, &email, &password).await;
    stack.auth.logout_all(&elsewhere.tokens).await.expect(204);
    sleep(Duration::from_secs(5)).await;
    browser.until("return session.state.phase", &json!("out")).await;
    let thrown = browser.run("return session.user()").await.expect_err("it has ended");
    assert_eq!((thrown.class.as_str(), thrown.code.as_deref()), ("SessionEnded", Some("session_ended")));
}

#[tokio::test]
async fn a_token_is_sent_to_no_origin_that_was_not_named() {
    let stack = Stack::any().start_auth().await;
    let (email, password) = somebody(&stack.auth).await;
    let stranger = Site::start(|_| Reply::json(&json!({ "ok": true })));
    let browser = Chromium::start_with(&["--disable-web-security"]).await;
    // Without the policy of a page, which would not let the request out at all.
    browser.open(&format!("{}/openapi.json", stack.auth.url())).await;
    begin(&browser).await;
    log_in(&browser, &email, &password).await;
    let ask = format!("return (await session.fetch('http://localhost:{}/books')).status", stranger.port());
    browser.run(&ask).await.expect("an answer");
    let asked = stranger.received();
    let has_token =
        |headers: &[(String, String)]| headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("authorization"));
    assert!(!asked.is_empty() && !asked.iter().any(|request| has_token(&request.headers)), "{asked:?}");
}
