//! Passkeys, authenticator apps and recovery codes on the pages, with authenticators that Chromium has in its memory.

use harness::{
    Person, Stack,
    chromium::{Authenticator, Chromium},
    eventually,
};
use serde_json::{Value, json};
use std::time::Duration;

/// How long a browser may take to do what it is told.
const PATIENCE: Duration = Duration::from_secs(20);

/// A service at `localhost`: an address such as `127.0.0.1` can have no passkeys.
async fn at_localhost() -> Stack {
    let mut stack = Stack::any().unlimited().prepare();
    let url = url(&stack);
    stack.auth.set("AUTH_PUBLIC_URL", &url);
    stack.auth.start().await;
    stack
}

/// Where browsers find it.
fn url(stack: &Stack) -> String {
    format!("http://localhost:{}", stack.auth.port())
}

async fn open(browser: &Chromium, stack: &Stack, path: &str) {
    browser.open(&format!("{}{path}", url(stack))).await;
}

/// Types the password on the login page, where the browser is already or is led now.
async fn type_password(browser: &Chromium, stack: &Stack, person: &Person) {
    open(browser, stack, "/login").await;
    browser.fill("#email", &person.email).await;
    browser.fill("#password", &person.password).await;
    browser.click("#login .primary").await;
}

/// A browser in which somebody is logged in by password, at the page for factors.
async fn at_security(stack: &Stack, person: &Person) -> (Chromium, Authenticator) {
    let browser = Chromium::start().await;
    let authenticator = browser.authenticator(&json!({})).await;
    type_password(&browser, stack, person).await;
    browser.is_at("/account").await;
    open(&browser, stack, "/security").await;
    browser.shows("None yet. Those that you add appear here.").await;
    (browser, authenticator)
}

/// The recovery codes that are shown, once the person has said that they are saved.
async fn saved_codes(browser: &Chromium) -> Vec<String> {
    browser.shows("Save your recovery codes").await;
    let codes = browser.run("return [...document.querySelectorAll('#codes li')].map((code) => code.innerText)").await;
    let codes: Vec<String> = serde_json::from_value(codes.expect("a list")).expect("texts");
    // They are not given away before.
    browser.click("#codes-dialog .primary").await;
    browser.shows("Tick this once they are saved.").await;
    browser.click("#saved").await;
    browser.click("#codes-dialog .primary").await;
    browser.until("return document.querySelector('#codes-dialog').open", &json!(false)).await;
    assert_eq!(codes.len(), 8, "{codes:?}");
    codes
}

/// Adds a passkey, the account's first, and answers the recovery codes that come with it.
async fn add_passkey(browser: &Chromium, name: &str) -> Vec<String> {
    browser.click("#add-passkey").await;
    browser.fill("#passkey-name", name).await;
    browser.click("#passkey-dialog .primary").await;
    let codes = saved_codes(browser).await;
    browser.shows(&format!("“{name}” is added.")).await;
    codes
}

/// The code of an authenticator app that has this secret, so many half minutes from now (RFC 6238).
async fn app_code(browser: &Chromium, secret: &str, later: i64) -> String {
    let code = format!(
        "const bits = [...{secret}].map((sign) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(sign).toString(2).padStart(5, '0')).join('')
        const bytes = Uint8Array.from(bits.match(/.{{8}}/g), (byte) => parseInt(byte, 2))
        const key = await crypto.subtle.importKey('raw', bytes, {{ name: 'HMAC', hash: 'SHA-1' }}, false, ['sign'])
        const step = new DataView(new ArrayBuffer(8))
        step.setBigUint64(0, BigInt(Math.floor(Date.now() / 30_000) + {later}))
        const mac = new DataView(await crypto.subtle.sign('HMAC', key, step))
        const number = mac.getUint32(mac.getUint8(19) & 15) & 0x7fff_ffff
        return String(number % 1_000_000).padStart(6, '0')",
        secret = json!(secret),
    );
    browser.run(&code).await.expect("a code").as_str().expect("a text").to_owned()
}

/// Sets an app up: its secret, and the recovery codes.
async fn set_up_app(browser: &Chromium) -> (String, Vec<String>) {
    browser.click("#set-up-app").await;
    browser.until("return document.querySelectorAll('#qr path[d^=M]').length", &json!(1)).await;
    let secret = browser.run("return document.querySelector('#secret').textContent.replaceAll(' ', '')").await;
    let secret = secret.expect("a text").as_str().expect("a text").to_owned();
    browser.fill("#app-code", "12345").await;
    browser.click("#app-dialog .primary").await;
    browser.shows("That isn’t the code that the app shows now.").await;
    let code = app_code(browser, &secret, 0).await;
    browser.fill("#app-code", &format!("{} {}", &code[..3], &code[3..])).await;
    browser.click("#app-dialog .primary").await;
    let codes = saved_codes(browser).await;
    browser.shows("The authenticator app is set up.").await;
    assert_eq!(
        browser.run("return document.querySelector('#secret').textContent").await,
        Ok(json!("")),
        "the secret is gone from the page"
    );
    (secret, codes)
}

/// Waits until the authenticator, told what is known here, has no passkey left.
async fn forgets_them(browser: &Chromium, authenticator: &Authenticator) {
    eventually("the authenticator forgets the passkey", PATIENCE, async || {
        browser.passkeys(authenticator).await.is_empty().then_some(())
    })
    .await;
}

async fn log_out(browser: &Chromium) {
    browser.click("#log-out").await;
}

/// Whether the page says that something is wrong.
async fn complaints(browser: &Chromium) -> Value {
    let found = "return [...document.querySelectorAll('[role=alert]')].filter((alert) => alert.checkVisibility()).map((alert) => alert.innerText).join('')";
    browser.run(found).await.expect("a text")
}

#[tokio::test]
async fn a_passkey_is_added_renamed_and_removed_and_the_browser_forgets_it_too() {
    let stack = at_localhost().await;
    let ada = stack.ada().await;
    let (browser, authenticator) = at_security(&stack, &ada).await;
    add_passkey(&browser, "My laptop").await;
    assert_eq!(browser.passkeys(&authenticator).await.len(), 1);
    browser.shows("On one device only").await;
    browser.click("[data-rename]").await;
    browser.fill("#passkey-name", "The old laptop").await;
    browser.click("#passkey-dialog .primary").await;
    browser.shows("The passkey is called “The old laptop” now.").await;
    browser.click("[data-remove]").await;
    browser.shows("Remove “The old laptop”?").await;
    browser.click("#confirmation .primary").await;
    // The password alone was shown, and by now the account has a second factor.
    browser.click("#reauthentication [data-passkey]").await;
    browser.shows("“The old laptop” is removed.").await;
    browser.shows("None yet.").await;
    let left = "return document.querySelectorAll('#passkeys > li').length";
    browser.until(left, &json!(0)).await;
    forgets_them(&browser, &authenticator).await;
}

#[tokio::test]
async fn an_authenticator_holds_one_passkey_of_an_account_and_says_so() {
    let stack = at_localhost().await;
    let ada = stack.ada().await;
    let (browser, authenticator) = at_security(&stack, &ada).await;
    add_passkey(&browser, "My laptop").await;
    browser.click("#add-passkey").await;
    browser.click("#passkey-dialog .primary").await;
    browser.click("#reauthentication [data-passkey]").await;
    browser.shows("has a passkey of your account already").await;
    assert_eq!(browser.passkeys(&authenticator).await.len(), 1);
}

#[tokio::test]
async fn passkeys_of_a_provider_that_syncs_them_are_shown_as_such() {
    let stack = at_localhost().await;
    let ada = stack.ada().await;
    let browser = Chromium::start().await;
    browser.authenticator(&json!({ "defaultBackupEligibility": true, "defaultBackupState": true })).await;
    type_password(&browser, &stack, &ada).await;
    browser.is_at("/account").await;
    open(&browser, &stack, "/security").await;
    add_passkey(&browser, "Everywhere").await;
    browser.shows("Synced between your devices").await;
}

#[tokio::test]
async fn whoever_has_a_passkey_logs_in_where_addresses_are_offered_without_typing_anything() {
    let stack = at_localhost().await;
    let ada = stack.ada().await;
    let (browser, _) = at_security(&stack, &ada).await;
    add_passkey(&browser, "My laptop").await;
    log_out(&browser).await;
    // The authenticator's user chooses at once what is offered.
    browser.is_at("/account").await;
    browser.shows("1 passkey").await;
}

#[tokio::test]
async fn a_refused_fingerprint_is_no_error_and_the_button_works_afterwards() {
    let stack = at_localhost().await;
    let ada = stack.ada().await;
    let (browser, authenticator) = at_security(&stack, &ada).await;
    add_passkey(&browser, "My laptop").await;
    browser.set_user_verified(&authenticator, false).await;
    log_out(&browser).await;
    browser.click("#with-passkey").await;
    browser.until("return document.querySelector('#with-passkey').hasAttribute('aria-busy')", &json!(false)).await;
    assert_eq!(complaints(&browser).await, json!(""));
    assert!(browser.path().await.starts_with("/login"));
    browser.set_user_verified(&authenticator, true).await;
    browser.click("#with-passkey").await;
    browser.is_at("/account").await;
}

#[tokio::test]
async fn without_an_authenticator_the_login_page_is_as_ever() {
    let stack = at_localhost().await;
    let ada = stack.ada().await;
    let browser = Chromium::start().await;
    type_password(&browser, &stack, &ada).await;
    browser.is_at("/account").await;
}

#[tokio::test]
async fn a_passkey_that_is_not_known_any_more_is_not_offered_again() {
    let stack = at_localhost().await;
    let (admin, ada) = (stack.admin().await, stack.ada().await);
    let (browser, authenticator) = at_security(&stack, &ada).await;
    add_passkey(&browser, "My laptop").await;
    let factors = format!("/admin/users/{}/factors", ada.id);
    stack.auth.request("DELETE", &factors).bearer(&admin.tokens.access).send().await.expect(202);
    open(&browser, &stack, "/login").await;
    browser.shows("This passkey isn’t known here any more.").await;
    forgets_them(&browser, &authenticator).await;
}

#[tokio::test]
async fn the_code_of_an_app_is_the_second_step_until_the_device_is_trusted() {
    let stack = at_localhost().await;
    let ada = stack.ada().await;
    let (browser, _) = at_security(&stack, &ada).await;
    let (secret, _) = set_up_app(&browser).await;
    log_out(&browser).await;
    type_password(&browser, &stack, &ada).await;
    browser.shows("One more step").await;
    assert_eq!(browser.run("return document.activeElement.name").await, Ok(json!("totp")));
    browser.fill("#second-totp", "12345").await;
    browser.click("#second-form .primary").await;
    browser.shows("That didn’t match.").await;
    let next = app_code(&browser, &secret, 1).await;
    browser.fill("#second-totp", &next).await;
    browser.click("#trust").await;
    browser.click("#second-form .primary").await;
    browser.is_at("/account").await;
    log_out(&browser).await;
    browser.shows("You’re logged out on this device.").await;
    type_password(&browser, &stack, &ada).await;
    browser.is_at("/account").await;
    open(&browser, &stack, "/security").await;
    browser.click("#trusted [data-remove]").await;
    browser.shows("is no longer trusted").await;
    log_out(&browser).await;
    browser.shows("You’re logged out on this device.").await;
    type_password(&browser, &stack, &ada).await;
    browser.shows("One more step").await;
}

#[tokio::test]
async fn a_recovery_code_lets_in_once_however_it_is_typed() {
    let stack = at_localhost().await;
    let ada = stack.ada().await;
    let (browser, _) = at_security(&stack, &ada).await;
    let (_, codes) = set_up_app(&browser).await;
    let typed = format!("{}-{}", &codes[0][..5].to_lowercase(), &codes[0][5..]);
    log_out(&browser).await;
    type_password(&browser, &stack, &ada).await;
    browser.click("#second-form [data-choose='recovery_code']").await;
    browser.fill("#second-recovery", &typed).await;
    browser.click("#second-form .primary").await;
    browser.is_at("/account").await;
    browser.shows("7 are left").await;
    log_out(&browser).await;
    browser.shows("You’re logged out on this device.").await;
    type_password(&browser, &stack, &ada).await;
    browser.click("#second-form [data-choose='recovery_code']").await;
    browser.fill("#second-recovery", &typed).await;
    browser.click("#second-form .primary").await;
    browser.shows("That didn’t match.").await;
    browser.click("#start-login-again").await;
    browser.shows("Forgot your password?").await;
}

#[tokio::test]
async fn a_passkey_is_the_second_step_too_if_somebody_begins_with_the_password() {
    let stack = at_localhost().await;
    let ada = stack.ada().await;
    let (browser, authenticator) = at_security(&stack, &ada).await;
    add_passkey(&browser, "My laptop").await;
    browser.set_user_verified(&authenticator, false).await;
    log_out(&browser).await;
    browser.shows("You’re logged out on this device.").await;
    type_password(&browser, &stack, &ada).await;
    browser.shows("One more step").await;
    browser.set_user_verified(&authenticator, true).await;
    browser.click("#second-form [data-passkey]").await;
    browser.is_at("/account").await;
}

#[tokio::test]
async fn what_was_begun_goes_on_once_somebody_has_shown_who_it_is_and_stays_undone_otherwise() {
    let stack = at_localhost().await;
    let ada = stack.ada().await;
    let (browser, _) = at_security(&stack, &ada).await;
    let old = add_passkey(&browser, "My laptop").await;
    browser.click("#make-codes").await;
    browser.click("#confirmation .primary").await;
    browser.shows("Show that it’s you").await;
    browser.click("#reauthentication [data-close]").await;
    browser.until("return document.querySelector('#reauthentication').open", &json!(false)).await;
    let unchanged = "return [document.querySelector('#confirmation').open, document.activeElement.id]";
    assert_eq!(browser.run(unchanged).await, Ok(json!([true, "confirmation-action"])));
    assert_eq!(complaints(&browser).await, json!(""));
    browser.click("#confirmation .primary").await;
    browser.click("#reauthentication [data-choose='recovery_code']").await;
    browser.fill("#proof-password", "not the password").await;
    browser.fill("#proof-recovery", &old[0]).await;
    browser.press("\u{E007}").await;
    browser.until("return !document.querySelector('#reauthentication [role=alert]:not(:empty)')", &json!(false)).await;
    browser.fill("#proof-password", &ada.password).await;
    browser.fill("#proof-recovery", &old[1]).await;
    browser.click("#reauthentication .primary").await;
    let new = saved_codes(&browser).await;
    assert!(new.iter().all(|code| !old.contains(code)));
    browser.shows("The new recovery codes count from now on.").await;
    // It counts for what comes next, on this page, and not after a reload.
    browser.click("#make-codes").await;
    browser.click("#confirmation .primary").await;
    saved_codes(&browser).await;
    browser.reload().await;
    browser.click("#make-codes").await;
    browser.click("#confirmation .primary").await;
    browser.click("#reauthentication [data-passkey]").await;
    saved_codes(&browser).await;
}

#[tokio::test]
async fn a_new_password_is_set_once_somebody_with_a_second_factor_has_shown_it() {
    let stack = at_localhost().await;
    let ada = stack.ada().await;
    let (browser, _) = at_security(&stack, &ada).await;
    add_passkey(&browser, "My laptop").await;
    open(&browser, &stack, "/account").await;
    browser.click("#change-password").await;
    browser.fill("#current-password", &ada.password).await;
    browser.fill("#new-password", "another password that is long enough").await;
    browser.click("#password-dialog .primary").await;
    browser.click("#reauthentication [data-passkey]").await;
    browser.shows("Your password is changed").await;
}

#[tokio::test]
async fn an_admin_sees_what_a_user_has_and_removes_it() {
    let stack = at_localhost().await;
    let (admin, ada) = (stack.admin().await, stack.ada().await);
    let (user, _) = at_security(&stack, &ada).await;
    add_passkey(&user, "My laptop").await;
    let browser = Chromium::start().await;
    type_password(&browser, &stack, &admin).await;
    browser.is_at("/account").await;
    open(&browser, &stack, &format!("/console?view=user&id={}", ada.id)).await;
    browser.shows("1 passkey · 8 recovery codes left").await;
    browser.click("[data-act='factors']").await;
    browser.shows("Remove all factors of").await;
    browser.click("#confirmation .primary").await;
    browser.until("return document.querySelector('[data-factors]').innerText", &json!("None")).await;
    // All sessions have ended with them.
    open(&user, &stack, "/security").await;
    user.until("return location.pathname", &json!("/login")).await;
}
