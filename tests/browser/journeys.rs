//! People on the pages: from the first visit to the deleted account.

use crate::{line::Line, links::mail};
use harness::{
    Person, Stack,
    chromium::Chromium,
    person::{fresh_email, fresh_password},
};
use serde_json::{Value, json};

/// A browser at a page.
async fn at(stack: &Stack, path: &str) -> Chromium {
    let browser = Chromium::start().await;
    browser.open(&format!("{}{path}", stack.auth.url())).await;
    browser
}

/// Logs in on the login page.
async fn log_in(browser: &Chromium, email: &str, password: &str) {
    browser.fill("#email", email).await;
    browser.fill("#password", password).await;
    browser.click("#login .primary").await;
}

#[tokio::test]
async fn somebody_registers_looks_at_the_account_and_logs_out() {
    let stack = Stack::any().start_auth().await;
    let (email, password) = (fresh_email("ada"), fresh_password());
    let browser = at(&stack, "/").await;
    browser.is_at("/login").await;
    browser.click("a[href='/register']").await;
    browser.fill("#name", "Ada Lovelace").await;
    browser.fill("#email", &email).await;
    browser.fill("#password", &password).await;
    browser.click("#register .primary").await;
    browser.is_at("/account").await;
    browser.shows("Ada Lovelace").await;
    browser.shows(&email).await;
    browser.shows("This device").await;
    browser.reload().await;
    browser.shows(&email).await;
    browser.click("#log-out").await;
    browser.until("return location.pathname", &json!("/login")).await;
    browser.shows("You’re logged out on this device.").await;
    assert!(browser.cookies("jeton-refresh").await.is_empty());
    browser.open(&format!("{}/account", stack.auth.url())).await;
    browser.until("return location.pathname", &json!("/login")).await;
}

#[tokio::test]
async fn a_wrong_password_is_told_apart_from_an_outage_which_is_waited_out() {
    let mut stack = Stack::any().start_auth().await;
    let ada = stack.ada().await;
    let browser = at(&stack, "/login").await;
    log_in(&browser, &ada.email, "not the password").await;
    browser.shows("That address and password don’t match").await;
    assert_eq!(
        browser.run("return document.querySelector('#email').value").await,
        Ok(json!(ada.email)),
        "what was typed stays"
    );
    stack.auth.kill();
    log_in(&browser, &ada.email, &ada.password).await;
    browser.shows("We can’t reach the sign-in service").await;
    browser.shows("What you typed is still here").await;
    stack.auth.start().await;
    // The page tries again by itself.
    browser.is_at("/account").await;
    browser.shows(&ada.email).await;
}

#[tokio::test]
async fn whoever_tried_too_often_is_told_when_to_try_again() {
    let stack = Stack::any().auth("AUTH_LIMIT_LOGINS", "1/20s").start_auth().await;
    let browser = at(&stack, "/login").await;
    log_in(&browser, "nobody@example.org", "not the password").await;
    browser.shows("That address and password don’t match").await;
    log_in(&browser, "nobody@example.org", "not the password").await;
    browser.shows("Too many attempts for now").await;
    browser.shows("Try again in").await;
    browser.shows("You can try again now.").await;
    assert_eq!(browser.run("return document.querySelector('#login .primary').ariaDisabled").await, Ok(Value::Null));
}

#[tokio::test]
async fn a_forgotten_password_is_replaced_in_the_window_where_it_was_missed() {
    let stack = Stack::any().start_auth().await;
    let ada = stack.ada().await;
    let browser = at(&stack, "/login").await;
    browser.click("a[href='/forgot']").await;
    browser.fill("#email", &ada.email).await;
    browser.click("#forgot .primary").await;
    browser.shows("Check your mail").await;
    let (code, _) = mail(&stack, &ada.email, "password_reset").await;
    let wrong = crate::links::another(&code);
    browser.fill("#code", &wrong).await;
    browser.fill("#new", &fresh_password()).await;
    browser.click("#code-form .primary").await;
    browser.shows("That isn’t the code from the mail").await;
    // As people type it.
    browser.fill("#code", &code.to_lowercase().replace('-', " ")).await;
    browser.click("#code-form .primary").await;
    browser.is_at("/account").await;
    browser.shows(&ada.email).await;
    assert_eq!(stack.auth.refresh(&ada.tokens).await.status, 401, "all other sessions have ended");
}

#[tokio::test]
async fn the_link_of_a_registration_completes_it_only_in_the_browser_that_began_it() {
    let stack = Stack::any().auth("AUTH_REGISTRATION_PROOF", "on").start_auth().await;
    let (email, password) = (fresh_email("ada"), fresh_password());
    let browser = at(&stack, "/register").await;
    browser.fill("#email", &email).await;
    browser.fill("#password", &password).await;
    browser.click("#register .primary").await;
    browser.shows("Check your mail").await;
    let (code, link) = mail(&stack, &email, "registration").await;
    let elsewhere = Chromium::start().await;
    elsewhere.open(&link).await;
    elsewhere.shows("Create your account").await;
    assert!(!elsewhere.path().await.contains(&code), "the code has left the address bar");
    elsewhere.click("#action").await;
    elsewhere.shows("Enter this code in the other window").await;
    elsewhere.shows(&code).await;
    browser.open(&link).await;
    browser.click("#action").await;
    browser.is_at("/account").await;
    browser.shows(&email).await;
}

#[tokio::test]
async fn a_mail_scanner_that_runs_the_scripts_of_a_link_uses_nothing_up() {
    let stack = Stack::any().auth("AUTH_REGISTRATION_PROOF", "on").auth("AUTH_LOGIN_CODE", "on").start_auth().await;
    let admin = stack.admin().await;
    let (bob, eve) = (fresh_email("bob"), fresh_email("eve"));
    let invitation = stack.auth.post("/admin/invitations").bearer(&admin.tokens.access);
    invitation.json(&json!({ "email": bob })).send().await.expect(201);
    let forgot = stack.auth.post("/auth/password/forgot");
    forgot.json(&json!({ "email": admin.email, "transport": "body" })).send().await.expect(202);
    let registration = stack.auth.post("/auth/register");
    let body = json!({ "email": eve, "password": fresh_password(), "transport": "body" });
    let asked = registration.json(&body).send().await.expect(202);
    let scanner = Chromium::start().await;
    for (to, kind) in [(&bob, "invitation"), (&admin.email, "password_reset"), (&eve, "registration")] {
        let (_, link) = mail(&stack, to, kind).await;
        for _ in 0..3 {
            scanner.open(&link).await;
            scanner
                .until(
                    "return [...document.querySelectorAll('h1')].some((title) => title.checkVisibility())",
                    &json!(true),
                )
                .await;
            // What scanners also do: they look, point and scroll.
            let look = "dispatchEvent(new Event('focus')); scrollTo(0, 9999)
                document.querySelector('#action')?.dispatchEvent(new MouseEvent('mouseover', { bubbles: true }))
                await new Promise((later) => setTimeout(later, 300))";
            assert_eq!(scanner.run(look).await, Ok(Value::Null));
        }
    }
    let (code, link) = mail(&stack, &eve, "registration").await;
    let flow = link.split(['?', '&']).find_map(|pair| pair.strip_prefix("flow=")).unwrap_or_default();
    let confirmation = json!({ "flow": flow, "code": code, "flow_secret": asked["flow_secret"], "transport": "body" });
    stack.auth.post("/auth/confirm").json(&confirmation).send().await.expect(200);
    let (_, link) = mail(&stack, &bob, "invitation").await;
    let browser = Chromium::start().await;
    browser.open(&link).await;
    browser.fill("#name", "Bob").await;
    browser.fill("#password", &fresh_password()).await;
    browser.click("#action").await;
    browser.is_at("/account").await;
    browser.shows(&bob).await;
    let (_, link) = mail(&stack, &admin.email, "password_reset").await;
    let browser = Chromium::start().await;
    browser.open(&link).await;
    browser.fill("#password", &fresh_password()).await;
    browser.click("#action").await;
    browser.shows("Your new password is set").await;
}

#[tokio::test]
async fn a_code_logs_in_where_it_was_asked_for() {
    let stack = Stack::any().auth("AUTH_LOGIN_CODE", "on").start_auth().await;
    let ada = stack.ada().await;
    let browser = at(&stack, "/login").await;
    browser.fill("#email", &ada.email).await;
    browser.click("button[value='code']").await;
    browser.shows("Check your mail").await;
    let (code, _) = mail(&stack, &ada.email, "login_code").await;
    browser.fill("#code", &code).await;
    browser.click("#code-form .primary").await;
    browser.is_at("/account").await;
}

#[tokio::test]
async fn devices_are_named_and_ended_and_the_other_one_says_so() {
    let stack = Stack::any().auth("AUTH_ACCESS_TTL", "4s").start_auth().await;
    let ada = stack.ada().await;
    let other = at(&stack, "/login").await;
    log_in(&other, &ada.email, &ada.password).await;
    other.is_at("/account").await;
    let browser = at(&stack, "/login").await;
    log_in(&browser, &ada.email, &ada.password).await;
    browser.until("return document.querySelectorAll('#devices > li').length", &json!(3)).await;
    let first = "return document.querySelector('#devices > li [data-this]').checkVisibility()";
    assert_eq!(browser.run(first).await, Ok(json!(true)), "this device comes first");
    browser.shows("Chrome on Linux").await;
    browser.click("#end-others").await;
    browser.click("#confirmation-action").await;
    browser.until("return document.querySelectorAll('#devices > li').length", &json!(1)).await;
    other.until("return location.pathname", &json!("/login")).await;
    other.shows("Your login on this device was ended").await;
    assert_eq!(stack.auth.refresh(&ada.tokens).await.status, 401);
}

#[tokio::test]
async fn a_theft_is_told_as_one_with_what_to_do() {
    let stack = Stack::any().auth("AUTH_REPLAY_WINDOW", "1s").start_auth().await;
    let mut ada = stack.ada().await;
    let stolen = ada.tokens.clone();
    for _ in 0..3 {
        tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
        ada.refresh().await;
    }
    stack.auth.refresh(&stolen).await.expect(401);
    let browser = at(&stack, "/login").await;
    log_in(&browser, &ada.email, &ada.password).await;
    browser.is_at("/account").await;
    browser.shows("Somebody else may have used your account").await;
    browser.shows("What to do").await;
    browser.click("#incidents [data-seen]").await;
    browser.until("return document.querySelector('#incidents').checkVisibility()", &json!(false)).await;
    browser.reload().await;
    browser.shows("1 earlier incident").await;
}

#[tokio::test]
async fn the_password_is_changed_and_the_account_deleted() {
    let stack = Stack::any().start_auth().await;
    let ada = stack.ada().await;
    let new = fresh_password();
    let browser = at(&stack, "/login").await;
    log_in(&browser, &ada.email, &ada.password).await;
    browser.is_at("/account").await;
    browser.click("#change-password").await;
    browser.fill("#current-password", "wrong").await;
    browser.fill("#new-password", &new).await;
    browser.click("#password-dialog .primary").await;
    browser.shows("That password didn’t match.").await;
    browser.fill("#current-password", &ada.password).await;
    browser.click("#password-dialog .primary").await;
    browser.until("return document.querySelector('#password-dialog').open", &json!(false)).await;
    assert_eq!(stack.auth.refresh(&ada.tokens).await.status, 401, "other devices are logged out");
    let again = Person::registered(&stack.auth, &ada.email, &new).await;
    browser.click("#delete-account").await;
    browser.fill("#confirming-password", &new).await;
    browser.click("#confirmation-action").await;
    browser.shows("Your account was deleted.").await;
    assert_eq!(stack.auth.me(&again.tokens).await.status, 401);
}

#[tokio::test]
async fn the_back_button_shows_nothing_of_an_account_that_was_left() {
    let stack = Stack::any().start_auth().await;
    let ada = stack.ada().await;
    let browser = at(&stack, "/login").await;
    log_in(&browser, &ada.email, &ada.password).await;
    browser.shows(&ada.email).await;
    let first = browser.tab().await;
    // Away, then logged out in another tab, then back.
    browser.run("location.href = '/docs'").await.expect("a way out");
    browser.until("return location.pathname", &json!("/docs")).await;
    browser.new_tab().await;
    browser.open(&format!("{}/account", stack.auth.url())).await;
    browser.click("#log-out").await;
    browser.until("return location.pathname", &json!("/login")).await;
    browser.show(&first).await;
    browser.back().await;
    browser.until("return location.pathname", &json!("/login")).await;
    let shown = browser.run("return document.documentElement.textContent").await.expect("a page").to_string();
    assert!(!shown.contains(&ada.email), "{shown}");
}

#[tokio::test]
async fn a_page_that_opens_while_a_logout_is_not_told_yet_leads_to_the_login() {
    let stack = Stack::any().start_auth().await;
    let ada = stack.ada().await;
    for path in ["/account", "/console"] {
        let browser = at(&stack, "/login").await;
        log_in(&browser, &ada.email, &ada.password).await;
        browser.shows(&ada.email).await;
        browser.open(&format!("{}/a-page-without-anything", stack.auth.url())).await;
        // What a logout leaves until the server has answered.
        browser.run("localStorage['jeton:' + new URL('/', location)] = 1").await.expect("a mark");
        browser.open(&format!("{}{path}", stack.auth.url())).await;
        browser.until("return location.pathname", &json!("/login")).await;
    }
}

#[tokio::test]
async fn a_page_whose_scripts_cannot_be_loaded_says_so() {
    let stack = Stack::any().start_auth().await;
    let browser = Chromium::start().await;
    browser.command("Network.enable", json!({})).await;
    browser.command("Network.setBlockedURLs", json!({ "urls": ["*/words.js"] })).await;
    browser.open(&format!("{}/login", stack.auth.url())).await;
    browser.shows("We can’t reach the sign-in service").await;
}

#[tokio::test]
async fn whoever_logs_in_in_one_tab_is_logged_in_in_the_others() {
    let stack = Stack::any().start_auth().await;
    let ada = stack.ada().await;
    let browser = at(&stack, "/login").await;
    let first = browser.tab().await;
    browser.new_tab().await;
    browser.open(&format!("{}/login", stack.auth.url())).await;
    log_in(&browser, &ada.email, &ada.password).await;
    browser.is_at("/account").await;
    browser.show(&first).await;
    browser.is_at("/account").await;
}

#[tokio::test]
async fn the_whole_way_in_works_with_a_keyboard_only() {
    let stack = Stack::any().start_auth().await;
    let ada = stack.ada().await;
    let browser = at(&stack, "/login").await;
    browser.shows("Log in").await;
    let (tab, enter) = ("\u{e004}", "\u{e007}");
    for _ in 0..20 {
        if browser.run("return document.activeElement.id").await == Ok(json!("email")) {
            break;
        }
        browser.press(tab).await;
    }
    browser.press(&ada.email).await;
    browser.press(tab).await;
    assert_eq!(browser.run("return document.activeElement.id").await, Ok(json!("password")));
    browser.press(&ada.password).await;
    browser.press(enter).await;
    browser.is_at("/account").await;
    browser.shows(&ada.email).await;
}

#[tokio::test]
async fn a_page_at_another_address_of_the_service_leads_to_the_right_one() {
    let line = Line::new();
    let stack = Stack::any().auth("AUTH_PUBLIC_URL", &line.url()).start_auth().await;
    line.lead_to(stack.auth.port());
    let browser = Chromium::start().await;
    browser.open(&format!("{}/login?return_to=x", stack.auth.url())).await;
    browser.until("return document.querySelector('#wrong-address').hidden", &json!(false)).await;
    let is_shown = "return document.querySelector('#email').checkVisibility()";
    assert_eq!(browser.run(is_shown).await, Ok(json!(false)), "nothing is asked for here");
    browser.click("#wrong-address a").await;
    browser.until("return location.href", &json!(format!("{}/login?return_to=x", line.url()))).await;
    browser.until(is_shown, &json!(true)).await;
}

#[tokio::test]
async fn a_code_whose_answer_was_lost_is_not_told_as_a_failure() {
    let line = Line::new();
    let stack =
        Stack::any().auth("AUTH_REGISTRATION_PROOF", "on").auth("AUTH_PUBLIC_URL", &line.url()).start_auth().await;
    line.lead_to(stack.auth.port());
    let (email, password) = (fresh_email("ada"), fresh_password());
    let browser = Chromium::start().await;
    browser.open(&format!("{}/register", line.url())).await;
    browser.fill("#email", &email).await;
    browser.fill("#password", &password).await;
    browser.click("#register .primary").await;
    let (_, link) = mail(&stack, &email, "registration").await;
    browser.open(&link).await;
    browser.until("return document.querySelector('#action')?.checkVisibility() ?? false", &json!(true)).await;
    line.lose(1);
    browser.click("#action").await;
    // The browser repeats it by itself, or the person does.
    for _ in 0..2 {
        browser.until("return !document.querySelector('#action[aria-busy], #action:disabled')", &json!(true)).await;
        let shown = browser.run("return document.body.innerText").await.expect("a text");
        if shown.as_str().is_some_and(|shown| shown.contains("it may well have worked")) {
            break;
        }
        browser.click("#action").await;
    }
    browser.shows("it may well have worked").await;
    line.lose(0);
    browser.click("#look a").await;
    browser.until("return location.pathname", &json!("/login")).await;
    browser.fill("#email", &email).await;
    browser.fill("#password", &password).await;
    browser.click("#login .primary").await;
    browser.shows(&email).await;
}
