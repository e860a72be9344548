//! The cookie that holds a browser's refresh token.

use harness::{Answer, Person, Request, Stack, StackBuilder, Transport, assert_problem, forge, tokens::SetCookie};
use serde_json::json;

fn behind_https() -> StackBuilder {
    Stack::any().auth("AUTH_PUBLIC_URL", "https://auth.example")
}

fn only_cookie(answer: &Answer) -> SetCookie {
    let mut cookies = answer.set_cookies();
    assert_eq!(cookies.len(), 1, "exactly one cookie\n{answer}");
    cookies.remove(0)
}

#[tokio::test]
async fn over_http_the_cookie_has_exactly_the_attributes_of_the_contract() {
    let stack = Stack::any().start().await;
    let ada = stack.ada().await;
    let login = stack.auth.login(&ada.email, &ada.password, Transport::Cookie).await;
    let refreshed = stack.auth.refresh(&login.tokens()).await;
    for answer in [&login, &refreshed] {
        let cookie = only_cookie(answer);
        assert_eq!(cookie.name, "jeton-refresh");
        assert_eq!(cookie.fixed_attributes(), ["HttpOnly", "Path=/auth", "SameSite=Strict"]);
        assert_eq!(answer["refresh_token"], json!(null), "a page's scripts must not see it\n{answer}");
        assert_lives_as_long_as_its_token(&cookie);
    }
}

#[tokio::test]
async fn over_https_the_cookie_is_bound_to_the_host() {
    let stack = behind_https().start().await;
    let ada = stack.ada().await;
    let login = stack.auth.login(&ada.email, &ada.password, Transport::Cookie).await;
    let cookie = only_cookie(&login);
    assert_eq!(cookie.name, "__Host-jeton-refresh");
    assert_eq!(cookie.fixed_attributes(), ["HttpOnly", "Path=/", "SameSite=Strict", "Secure"]);
    assert_lives_as_long_as_its_token(&cookie);
    let refreshed = stack.auth.refresh(&login.tokens()).await.tokens();
    let goodbye = stack.auth.logout(&refreshed).await.expect(204);
    assert_cleared(&goodbye, &cookie);
}

#[tokio::test]
async fn logging_out_clears_the_cookie() {
    let stack = Stack::any().start().await;
    let ada = stack.ada().await;
    let login = stack.auth.login(&ada.email, &ada.password, Transport::Cookie).await;
    for _ in 0..2 {
        let goodbye = stack.auth.logout(&login.tokens()).await.expect(204);
        assert_cleared(&goodbye, &only_cookie(&login));
    }
}

#[tokio::test]
async fn the_cookie_is_the_default_transport() {
    let stack = Stack::any().start().await;
    let ada = stack.ada().await;
    let body = json!({ "email": ada.email, "password": ada.password });
    let login = stack.auth.post("/auth/login").json(&body).send().await.expect(200);
    assert_eq!(only_cookie(&login).name, "jeton-refresh");
}

#[tokio::test]
async fn tokens_in_the_body_set_no_cookie() {
    let stack = Stack::any().start().await;
    let ada = stack.ada().await;
    let login = stack.auth.login(&ada.email, &ada.password, Transport::Body).await.expect(200);
    let refreshed = stack.auth.refresh(&login.tokens()).await.expect(200);
    for answer in [login, refreshed] {
        assert_eq!(answer.set_cookies(), [], "{answer}");
    }
}

#[tokio::test]
async fn a_refresh_token_works_only_over_the_transport_it_was_made_for() {
    let stack = Stack::any().start().await;
    let (browser, program) = (stack.ada_in_a_browser().await, stack.bob().await);
    let mut cookie_in_a_body = browser.tokens.clone();
    cookie_in_a_body.cookie = None;
    assert_problem(&stack.auth.refresh(&cookie_in_a_body).await, 401, "invalid_refresh_token");
    let mut body_in_a_cookie = program.tokens.clone();
    body_in_a_cookie.cookie.clone_from(&browser.tokens.cookie);
    assert_problem(&stack.auth.refresh(&body_in_a_cookie).await, 401, "invalid_refresh_token");
    for tokens in [&browser.tokens, &program.tokens] {
        stack.auth.refresh(tokens).await.tokens();
    }
}

#[tokio::test]
async fn a_cookie_and_a_body_at_once_are_refused() {
    let stack = Stack::any().start().await;
    let (browser, program) = (stack.ada_in_a_browser().await, stack.bob().await);
    for path in ["/auth/refresh", "/auth/logout"] {
        let both = stack
            .auth
            .post(path)
            .header("cookie", &browser.tokens.cookie_header())
            .header("x-csrf-token", &browser.tokens.csrf)
            .json(&json!({ "refresh_token": program.tokens.refresh }));
        assert_problem(&both.send().await, 400, "ambiguous_credentials");
    }
    for tokens in [&browser.tokens, &program.tokens] {
        stack.auth.refresh(tokens).await.tokens();
    }
}

#[tokio::test]
async fn a_duplicate_cookie_is_refused() {
    let stack = Stack::any().start().await;
    let ada = stack.ada_in_a_browser().await;
    let own = ada.tokens.cookie_header();
    let planted = "jeton-refresh=planted";
    for path in ["/auth/refresh", "/auth/logout"] {
        let in_one_header = stack.auth.post(path).header("cookie", &format!("{own}; theme=dark; {planted}"));
        let in_two_headers = stack.auth.post(path).header("cookie", planted).header("cookie", &own);
        for request in [in_one_header, in_two_headers] {
            let answer = request.header("x-csrf-token", &ada.tokens.csrf).send().await;
            assert_problem(&answer, 400, "ambiguous_credentials");
        }
    }
    stack.auth.refresh(&ada.tokens).await.tokens();
}

#[tokio::test]
async fn other_cookies_do_not_interfere() {
    let stack = Stack::any().start().await;
    let ada = stack.ada_in_a_browser().await;
    let cookies = format!("theme=dark; {}; jeton-refresh-2=x; broken", ada.tokens.cookie_header());
    let request = stack.auth.post("/auth/refresh").header("cookie", &cookies);
    request.header("x-csrf-token", &ada.tokens.csrf).send().await.tokens();
}

#[tokio::test]
async fn logging_in_over_an_existing_cookie_ends_the_session_it_held() {
    let stack = Stack::any().start().await;
    let (ada, bob) = (stack.ada_in_a_browser().await, stack.bob().await);
    let login = stack.auth.login_request(&bob.email, &bob.password, Transport::Cookie);
    let bobs = login.header("cookie", &ada.tokens.cookie_header()).send().await.tokens();
    assert_problem(&stack.auth.refresh(&ada.tokens).await, 401, "session_ended");
    stack.auth.refresh(&bobs).await.tokens();
}

#[tokio::test]
async fn a_failed_login_over_an_existing_cookie_ends_nothing() {
    let stack = Stack::any().start().await;
    let ada = stack.ada_in_a_browser().await;
    let login = stack.auth.login_request(&ada.email, "not the password", Transport::Cookie);
    let refused = login.header("cookie", &ada.tokens.cookie_header()).send().await;
    assert_problem(&refused, 401, "invalid_credentials");
    stack.auth.refresh(&ada.tokens).await.tokens();
}

#[tokio::test]
async fn whatever_other_applications_put_into_cookies_ours_is_found() {
    let stack = Stack::any().start().await;
    let ada = stack.ada_in_a_browser().await;
    let own = ada.tokens.cookie_header();
    let beside: [(&[u8], &[u8]); 5] = [
        (b"lang=fran\xe7ais; ", b""),
        (b"lang=fran\xc3\xa7ais; ", b"; \xff=\xfe"),
        (b"", b"; \xff"),
        (b"\xff; ;=; a=\"; ", b";"),
        (b"jeton-refresh=; ", b"; Jeton-Refresh=x"),
    ];
    let with = |path: &str, cookies: &[&[u8]]| {
        let request = stack.auth.post(path).header("x-csrf-token", &ada.tokens.csrf).header_bytes("x-other", b"\xff");
        cookies.iter().fold(request, |request, line| request.header_bytes("cookie", line))
    };
    for (before, after) in beside {
        let cookies = [before, own.as_bytes(), after].concat();
        with("/auth/refresh", &[&cookies]).send().await.expect(200);
        with("/auth/refresh", &[b"a=\xff", own.as_bytes(), b"b=1"]).send().await.expect(200);
        let csrf = stack.auth.get("/auth/csrf").header_bytes("cookie", &cookies).send().await.expect(200);
        assert_eq!(csrf["csrf_token"], ada.tokens.csrf);
    }
    let quoted = own.replacen('=', "=\"", 1) + "\"";
    with("/auth/refresh", &[quoted.as_bytes()]).send().await.expect(200);
    let goodbye = with("/auth/logout", &[b"lang=fran\xe7ais", own.as_bytes()]).send().await.expect(204);
    assert_eq!(only_cookie(&goodbye).value, "");
    assert_problem(&stack.auth.refresh(&ada.tokens).await, 401, "session_ended");
}

#[tokio::test]
async fn logging_out_clears_a_cookie_whatever_it_holds() {
    let stack = Stack::any().start().await;
    let ada = stack.ada_in_a_browser().await;
    let login = stack.auth.login(&ada.email, &ada.password, Transport::Cookie).await;
    let forged = forge::with_flipped_signature(&ada.tokens.refresh);
    for value in [&b"garbage"[..], b"", b"\xff\xfe", b"\"", forged.as_bytes()] {
        let cookie = [b"jeton-refresh=", value].concat();
        let goodbye = stack.auth.post("/auth/logout").header_bytes("cookie", &cookie).send().await.expect(204);
        assert_cleared(&goodbye, &only_cookie(&login));
    }
    stack.auth.refresh(&ada.tokens).await.tokens();
}

#[tokio::test]
async fn logging_out_with_a_token_ends_its_session_however_it_comes() {
    let stack = Stack::any().start().await;
    let (browser, program) = (stack.ada_in_a_browser().await, stack.bob().await);
    let in_a_body = json!({ "refresh_token": browser.tokens.refresh });
    stack.auth.post("/auth/logout").json(&in_a_body).send().await.expect(204);
    assert_problem(&stack.auth.refresh(&browser.tokens).await, 401, "session_ended");
    let in_a_cookie = format!("jeton-refresh={}", program.tokens.refresh);
    let logout = || stack.auth.post("/auth/logout").header("cookie", &in_a_cookie);
    assert_problem(&logout().send().await, 403, "csrf_rejected");
    logout().header("x-csrf-token", &program.tokens.csrf).send().await.expect(204);
    assert_problem(&stack.auth.refresh(&program.tokens).await, 401, "session_ended");
}

/// The calls that end the caller's own session, as a browser with this cookie makes them.
fn endings(stack: &Stack, person: &Person, cookie: &str) -> [Request; 3] {
    let own = format!("/auth/sessions/{}", person.tokens.session_id);
    let password = json!({ "password": person.password });
    let requests = [
        stack.auth.request("DELETE", &own),
        stack.auth.post("/auth/logout-all"),
        stack.auth.request("DELETE", "/auth/me").json(&password),
    ];
    requests.map(|request| request.bearer(&person.tokens.access).header("cookie", cookie))
}

#[tokio::test]
async fn ending_the_callers_own_session_clears_its_cookie_but_not_a_newer_one() {
    let stack = Stack::any().start().await;
    let newer = stack.ada_in_a_browser().await.tokens.cookie_header();
    for number in 0..3 {
        let ada = stack.ada_in_a_browser().await;
        let login = stack.auth.login(&ada.email, &ada.password, Transport::Cookie).await;
        for (cookie, is_cleared) in [(newer.clone(), false), (ada.tokens.cookie_header(), true)] {
            let ada = if is_cleared { ada.clone() } else { stack.ada_in_a_browser().await };
            let [first, second, third] = endings(&stack, &ada, &cookie);
            let answer = [first, second, third].into_iter().nth(number).expect("three").send().await.expect(204);
            assert_eq!(answer.set_cookies().len(), usize::from(is_cleared), "{number}\n{answer}");
            if is_cleared {
                assert_cleared(&answer, &only_cookie(&login));
            }
        }
    }
}

#[tokio::test]
async fn a_login_that_ends_the_session_of_a_cookie_and_sets_none_clears_it() {
    let stack = Stack::any().start().await;
    let (ada, bob) = (stack.ada_in_a_browser().await, stack.bob().await);
    let login = stack.auth.login(&ada.email, &ada.password, Transport::Cookie).await;
    let over = |cookie: &str| {
        stack.auth.login_request(&bob.email, &bob.password, Transport::Body).header("cookie", cookie).send()
    };
    let answer = over(&ada.tokens.cookie_header()).await.expect(200);
    assert_cleared(&answer, &only_cookie(&login));
    assert_problem(&stack.auth.refresh(&ada.tokens).await, 401, "session_ended");
    let strange = over("jeton-refresh=not-ours").await.expect(200);
    assert_eq!(strange.set_cookies(), [], "{strange}");
}

#[tokio::test]
async fn ending_another_session_or_changing_the_password_clears_no_cookie() {
    let stack = Stack::any().start().await;
    let ada = stack.ada_in_a_browser().await;
    let phone = ada.another_device().await;
    let own = ada.tokens.cookie_header();
    let end = stack.auth.request("DELETE", &format!("/auth/sessions/{}", phone.session_id));
    let change = json!({ "current": ada.password, "new": harness::person::fresh_password() });
    for request in [end, stack.auth.post("/auth/password").json(&change)] {
        let answer = request.bearer(&ada.tokens.access).header("cookie", &own).send().await.expect(204);
        assert_eq!(answer.set_cookies(), [], "{answer}");
    }
    stack.auth.refresh(&ada.tokens).await.tokens();
}

#[tokio::test]
async fn a_401_clears_a_dead_cookie_except_at_a_refresh() {
    let stack = Stack::any().start().await;
    let ada = stack.ada_in_a_browser().await;
    let login = stack.auth.login(&ada.email, &ada.password, Transport::Cookie).await;
    let alive = login.tokens();
    stack.auth.logout(&ada.tokens).await.expect(204);
    let dead = ada.tokens.cookie_header();
    let [_, everywhere, delete] = endings(&stack, &ada, &dead);
    for request in [everywhere, delete] {
        let refused = request.send().await;
        assert_problem(&refused, 401, "token_invalid");
        assert_cleared(&refused, &only_cookie(&login));
    }
    let [_, everywhere, delete] = endings(&stack, &ada, &alive.cookie_header());
    for request in [everywhere, delete] {
        let refused = request.send().await;
        assert_problem(&refused, 401, "token_invalid");
        assert_eq!(refused.set_cookies(), [], "a session that goes on keeps its cookie\n{refused}");
    }
    let late = stack.auth.refresh(&ada.tokens).await;
    assert_problem(&late, 401, "session_ended");
    assert_eq!(late.set_cookies(), [], "it may come after a newer login\n{late}");
    stack.auth.refresh(&alive).await.tokens();
}

#[tokio::test]
async fn deployments_on_one_host_keep_their_cookies_apart_by_name() {
    let (one, other) = (Stack::any().start().await, Stack::any().auth("AUTH_COOKIE_NAME", "stage").start().await);
    let (here, there) = (one.ada_in_a_browser().await, other.ada_in_a_browser().await);
    assert_eq!(there.tokens.cookie.as_deref(), Some("stage"));
    let both = format!("{}; {}", here.tokens.cookie_header(), there.tokens.cookie_header());
    for (stack, person) in [(&one, &here), (&other, &there)] {
        let refresh = stack.auth.post("/auth/refresh").header("cookie", &both);
        refresh.header("x-csrf-token", &person.tokens.csrf).send().await.expect(200);
    }
    let secure = behind_https().auth("AUTH_COOKIE_NAME", "stage").start().await;
    assert_eq!(secure.ada_in_a_browser().await.tokens.cookie.as_deref(), Some("__Host-stage"));
}

fn assert_lives_as_long_as_its_token(cookie: &SetCookie) {
    let left = forge::claims_of(&cookie.value)["exp"].as_i64().expect("exp is a number") - forge::now();
    let max_age = cookie.max_age().expect("the cookie has a Max-Age");
    assert!((left - max_age).abs() <= 5, "the token lives for {left} s, the cookie for {max_age} s");
}

#[track_caller]
fn assert_cleared(answer: &Answer, cookie: &SetCookie) {
    let cleared = only_cookie(answer);
    assert_eq!((cleared.name.as_str(), cleared.value.as_str()), (cookie.name.as_str(), ""), "{answer}");
    assert_eq!(cleared.max_age(), Some(0), "{answer}");
    assert_eq!(cleared.fixed_attributes(), cookie.fixed_attributes(), "or the browser keeps the old one\n{answer}");
}
