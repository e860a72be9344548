//! What other pages, other people's texts and injected scripts can do: nothing.

use crate::{
    links::mail,
    scripts::{log_in, open},
};
use harness::{
    Stack,
    chromium::Chromium,
    person::{fresh_email, fresh_password},
    site::{Reply, Site},
};
use serde_json::{Value, json};

#[tokio::test]
async fn a_page_runs_nothing_that_is_written_into_it() {
    let stack = Stack::any().start_auth().await;
    let browser = Chromium::start().await;
    for path in ["/login", "/register", "/forgot", "/confirm?flow=x&code=y&for=reset"] {
        browser.open(&format!("{}{path}", stack.auth.url())).await;
        for attack in [
            "document.body.innerHTML = '<img src=x onerror=\"globalThis.owned = 1\">'",
            "const script = document.createElement('script'); script.text = 'globalThis.owned = 1'; document.body.append(script)",
            "setTimeout('globalThis.owned = 1')",
            "document.body.setAttribute('onclick', 'globalThis.owned = 1'); document.body.click()",
            "const link = document.createElement('a'); link.href = 'javascript:globalThis.owned = 1'; document.body.append(link); link.click()",
            "const script = document.createElement('script'); script.src = 'data:text/javascript,globalThis.owned = 1'; document.body.append(script)",
        ] {
            // Some of them throw, the others are ignored.
            drop(browser.run(attack).await);
            let owned = "await new Promise((later) => setTimeout(later, 50)); return globalThis.owned ?? null";
            assert_eq!(browser.run(owned).await, Ok(Value::Null), "{path}: {attack}");
        }
        let base = "const base = document.createElement('base'); base.href = 'https://elsewhere.example/'; document.head.append(base); return document.baseURI";
        let base = browser.run(base).await.expect("an address");
        assert!(base.as_str().is_some_and(|base| base.starts_with(&stack.auth.url())), "{base}");
    }
}

#[tokio::test]
async fn pages_of_other_origins_cannot_act_for_somebody_who_is_logged_in() {
    let stack = Stack::any().start_auth().await;
    let (email, password) = (fresh_email("ada"), fresh_password());
    stack.auth.register(&email, &password).await.expect(201);
    // With the frames of other sites among those of the page.
    let browser = Chromium::start_with(&["--disable-site-isolation-trials"]).await;
    open(&browser, &stack.auth).await;
    log_in(&browser, &email, &password).await;
    let own = browser.tab().await;
    let page =
        || Reply { status: 200, content_type: "text/html", body: "<!doctype html><title>elsewhere</title>".to_owned() };
    let stranger = Site::start(move |_| page());
    let auth = stack.auth.url();
    // Another port is the same site, and gets the cookie; another host is another site.
    for host in ["127.0.0.1", "localhost"] {
        browser.new_tab().await;
        browser.open(&format!("http://{host}:{}/", stranger.port())).await;
        for path in ["/auth/logout", "/auth/logout-all", "/auth/refresh", "/auth/password/forgot", "/auth/login"] {
            let requests = format!(
                "const body = '{{}}'
                for (const init of [
                  {{ mode: 'cors', credentials: 'include', headers: {{ 'content-type': 'application/json', 'x-csrf-token': 'guess' }}, body }},
                  {{ mode: 'cors', credentials: 'include', body }},
                  {{ mode: 'no-cors', credentials: 'include', body }},
                  {{ mode: 'no-cors', credentials: 'include', headers: {{ 'content-type': 'text/plain' }}, body }},
                ]) {{
                  const answer = await fetch('{auth}{path}', {{ method: 'POST', ...init }}).catch(() => null)
                  if (answer && answer.type !== 'opaque') return [answer.status, init]
                }}
                return null"
            );
            assert_eq!(browser.run(&requests).await, Ok(Value::Null), "{host}{path}: an answer can be read");
        }
        let form = format!(
            "const form = document.createElement('form'); form.method = 'post'; form.action = '{auth}/auth/logout'
            document.body.append(form); form.submit()"
        );
        browser.run(&form).await.expect("a form is sent");
        browser.until("return location.pathname", &json!("/auth/logout")).await;
        // Nor do they see its pages in a frame; a document that may be framed shows that this can be told.
        for (path, is_refused) in [("/account", true), ("/login", true), ("/openapi.json", false)] {
            browser.open(&format!("http://{host}:{}/", stranger.port())).await;
            let frame = format!(
                "const frame = document.createElement('iframe'); frame.src = '{auth}{path}'
                const loaded = new Promise((done) => {{ frame.onload = done }})
                document.body.append(frame); await loaded"
            );
            browser.run(&frame).await.expect("a frame");
            let tree = browser.command("Page.getFrameTree", json!({})).await;
            let framed = &tree["frameTree"]["childFrames"][0]["frame"];
            let url = framed["url"].as_str().unwrap_or_default();
            assert_eq!(url.starts_with("chrome-error:"), is_refused, "{host}{path}: {framed}");
        }
    }
    browser.show(&own).await;
    let code = "globalThis.answer = await (await session.fetch('/auth/sessions')).json(); return [answer.sessions.length, answer.incidents.length]";
    assert_eq!(browser.run(code).await, Ok(json!([1, 0])));
}

#[tokio::test]
async fn after_a_login_the_page_leads_back_only_to_origins_that_were_named() {
    let app = Site::start(|_| Reply {
        status: 200,
        content_type: "text/html",
        body: "<!doctype html><title>app</title>".to_owned(),
    });
    let named = format!("http://127.0.0.1:{}", app.port());
    let stack = Stack::any().auth("AUTH_ALLOWED_ORIGINS", &named).start_auth().await;
    let (email, password) = (fresh_email("ada"), fresh_password());
    stack.auth.register(&email, &password).await.expect(201);
    let browser = Chromium::start().await;
    open(&browser, &stack.auth).await;
    log_in(&browser, &email, &password).await;
    let auth = stack.auth.url();
    let host = auth.strip_prefix("http://").expect("http");
    let (elsewhere, port) = (format!("http://localhost:{}", app.port()), app.port());
    for target in [
        elsewhere.clone(),
        format!("//localhost:{port}"),
        format!("\\\\localhost:{port}"),
        format!("/\\localhost:{port}"),
        format!("http:localhost:{port}"),
        format!("http://{host}@localhost:{port}/"),
        format!("http://x:y@127.0.0.1:{port}/"),
        format!("{named}.evil.example/"),
        format!("{named}@evil.example/"),
        "javascript:document.title='owned'".to_owned(),
        "data:text/html,<title>owned</title>".to_owned(),
        "https://evil.example/".to_owned(),
        format!("\t//localhost:{port}"),
        format!("ftp://127.0.0.1:{port}/"),
        String::new(),
    ] {
        let go = format!("location.href = '/login?' + new URLSearchParams({{ return_to: {} }})", json!(target));
        browser.open(&format!("{auth}/a-page-without-anything")).await;
        browser.run(&go).await.expect("a way to the login");
        browser.until("return location.origin + location.pathname", &json!(format!("{auth}/account"))).await;
    }
    browser.open(&format!("{auth}/login?return_to={named}/notes%3Fpage%3D2")).await;
    browser.until("return location.href", &json!(format!("{named}/notes?page=2"))).await;
}

#[tokio::test]
async fn texts_of_other_people_are_shown_and_never_run() {
    let stack = Stack::any().start_auth().await;
    let (email, password) = (fresh_email("ada"), fresh_password());
    let markup = "<img src=x onerror=alert(1)></script><script>alert(1)</script> {{ 7*7 }} \u{202e}evil";
    let name = "<img src=x onerror=alert(1)> </script> {{ 7*7 }}";
    let who = json!({ "email": email, "password": password, "name": name });
    stack.auth.post("/auth/register").json(&who).send().await.expect(201);
    let login = stack.auth.post("/auth/login").header("user-agent", &markup.replace('\u{202e}', ""));
    login.json(&json!({ "email": email, "password": password, "transport": "body" })).send().await.expect(200);
    let browser = Chromium::start().await;
    open(&browser, &stack.auth).await;
    log_in(&browser, &email, &password).await;
    browser.open(&format!("{}/account", stack.auth.url())).await;
    browser.shows(name).await;
    browser.until("return document.querySelectorAll('#devices > li').length", &json!(2)).await;
    assert_eq!(
        browser.run("return document.querySelectorAll('#content img, #content script').length").await,
        Ok(json!(0))
    );
    let admin = stack.admin().await;
    let ada = stack.auth.users(&admin.tokens, &format!("?q={email}")).await.expect(200)["users"][0]["id"].clone();
    open(&browser, &stack.auth).await;
    log_in(&browser, &admin.email, &admin.password).await;
    for view in [
        format!("?view=user&id={}", ada.as_str().unwrap_or_default()),
        "?view=users".to_owned(),
        "?view=audit".to_owned(),
    ] {
        browser.open(&format!("{}/console{view}", stack.auth.url())).await;
        browser.until("return document.querySelector('#view').getAttribute('aria-busy')", &Value::Null).await;
        browser
            .until("return document.querySelectorAll('#view [data-loaded]:not([hidden])').length > 0", &json!(true))
            .await;
        assert_eq!(
            browser.run("return document.querySelectorAll('#view img, #view script').length").await,
            Ok(json!(0))
        );
    }
    let query = "?why=%3Cimg%20src=x%3E&lang=%3Cscript%3E&return_to=%22%3E%3Cimg%20src=x%3E";
    browser
        .open(&format!(
            "{}/confirm{query}&flow=%3Cimg%20src=x%3E&code=%3Cimg%20src=x%3E&for=%3Cimg%20src=x%3E",
            stack.auth.url()
        ))
        .await;
    assert_eq!(browser.run("return document.querySelectorAll('main img').length").await, Ok(json!(0)));
}

#[tokio::test]
async fn no_page_asks_another_origin_for_anything_or_breaks_its_own_policy() {
    let stack = Stack::any().auth("AUTH_LOGIN_CODE", "on").start_auth().await;
    let ada = stack.ada().await;
    let forgot = stack.auth.post("/auth/password/forgot");
    forgot.json(&json!({ "email": ada.email, "transport": "body" })).send().await.expect(202);
    let (_, link) = mail(&stack, &ada.email, "password_reset").await;
    let browser = Chromium::start().await;
    open(&browser, &stack.auth).await;
    log_in(&browser, &ada.email, &ada.password).await;
    let auth = stack.auth.url();
    for url in [
        format!("{auth}/account"),
        link,
        format!("{auth}/nothing"),
        format!("{auth}/forgot"),
        format!("{auth}/register"),
    ] {
        browser.open(&url).await;
        browser.until("return document.readyState", &json!("complete")).await;
        let found = "await new Promise((later) => setTimeout(later, 500))
            const elsewhere = performance.getEntriesByType('resource').map(({ name }) => name).filter((name) => !name.startsWith(location.origin))
            const violations = await new Promise((done) => {
              new ReportingObserver((reports) => done(reports.map(({ body }) => body.effectiveDirective + ' ' + body.blockedURL)), { buffered: true }).observe()
              setTimeout(() => done([]), 200)
            })
            return [elsewhere, violations]";
        // Some lead whoever is logged in elsewhere, and that page is judged in their place.
        eprintln!("{url}");
        browser.until(found, &json!([[], []])).await;
    }
}

/// The cookie is not sent with the page then, but with what the page asks for.
#[tokio::test]
async fn a_link_on_another_site_leads_to_the_account_of_whoever_is_logged_in() {
    let stack = Stack::any().start_auth().await;
    let ada = stack.ada().await;
    let browser = Chromium::start().await;
    open(&browser, &stack.auth).await;
    log_in(&browser, &ada.email, &ada.password).await;
    let body =
        format!("<!doctype html><title>elsewhere</title><a href=\"{}/account\">Your account</a>", stack.auth.url());
    let stranger = Site::start(move |_| Reply { status: 200, content_type: "text/html", body: body.clone() });
    browser.open(&format!("http://localhost:{}/", stranger.port())).await;
    browser.click("a").await;
    browser.shows(&ada.email).await;
    browser.is_at("/account").await;
}
