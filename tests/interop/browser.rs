//! The JavaScript of `docs/browser.md`, as written there, in a real browser, on a page that nginx serves with the
//! sample of `docs/proxies/`.

use crate::report::Report;
use harness::{
    Person, Site, Stack,
    browser::{Browser, OBEDIENT_PAGE, Orders},
    pages::Pages,
    person::{fresh_email, fresh_password},
    site::{Received, Reply},
    sockets,
};
use serde_json::{Value, json};
use std::{
    fs,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::{Instant, sleep};

/// How long auth-service may take to be found again, on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(30);

/// How many refreshes the page has sent since it was loaded.
const REFRESHES: &str =
    "return performance.getEntriesByType('resource').filter((e) => e.name.endsWith('/auth/refresh')).length";

/// The JavaScript of the page.
fn shown() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/browser.md");
    let page = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let (_, after) = page.split_once("```javascript\n").expect("docs/browser.md shows JavaScript");
    after.split_once("```").expect("it ends").0.to_owned()
}

/// An API that can be made to take the next token for expired.
#[derive(Debug, Clone, Default)]
struct Api(Arc<Mutex<Expiry>>);

#[derive(Debug, Default)]
struct Expiry {
    is_due: bool,
    expired: Option<String>,
}

impl Api {
    fn expire_the_next_token(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_due = true;
    }

    fn answer(&self, request: &Received) -> Reply {
        let token = request.header("authorization").first().copied().unwrap_or_default().to_owned();
        let mut expiry = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::take(&mut expiry.is_due) {
            expiry.expired = Some(token.clone());
        }
        if token.is_empty() || expiry.expired.as_ref() == Some(&token) {
            return Reply::status(401);
        }
        let has_cookie = !request.header("cookie").is_empty();
        Reply::json(&json!({ "body": String::from_utf8_lossy(&request.body), "has_cookie": has_cookie }))
    }
}

/// Runs the checks.
pub(crate) async fn check(report: &mut Report) {
    let port = sockets::fresh_port();
    let url = format!("http://localhost:{port}");
    let mut stack = Stack::any().auth("AUTH_PUBLIC_URL", &url).trusting_us().start_auth().await;
    let (orders, api) = (Orders::default(), Api::default());
    let site = {
        let (orders, api) = (orders.clone(), api.clone());
        Site::start(move |request| orders.answer(request).unwrap_or_else(|| api.answer(request)))
    };
    let files = [("index.html", OBEDIENT_PAGE), ("session.js", &shown())];
    let pages = Pages::start(port, &files, &stack.auth, &site);
    let _browser = Browser::open(&format!("{}/index.html", pages.url()));
    let mut page = Page { orders, report };

    let (email, password) = (fresh_email("ada"), fresh_password());
    stack.auth.register(&email, &password).await.expect(201);
    logs_in(&mut page, &email, &password).await;
    refreshes_when_the_api_says_401(&mut page, &api).await;
    keeps_the_session_in_a_reload(&mut page).await;
    tells_an_outage_from_an_end(&mut page, &mut stack).await;
    ends_when_the_session_has_ended(&mut page, &stack, &email, &password).await;
}

async fn logs_in(page: &mut Page<'_>, email: &str, password: &str) {
    page.throws("nobody is logged in at first", "await refresh()", "SessionOver").await;
    let wrong = format!("await login({}, 'wrong')", json!(email));
    page.throws("a wrong password is an ordinary error", &wrong, "Error").await;
    page.returns("logs in", &format!("await login({}, {})", json!(email), json!(password)), &Value::Null).await;
    let me = "return (await (await api('/auth/me')).json()).email";
    page.returns("calls with its access token", me, &json!(email)).await;
    let found = "return [localStorage.length, sessionStorage.length, document.cookie]";
    page.returns("keeps nothing where scripts find it", found, &json!([0, 0, ""])).await;
}

async fn refreshes_when_the_api_says_401(page: &mut Page<'_>, api: &Api) {
    let before = page.orders.run(REFRESHES).await.unwrap_or_default();
    api.expire_the_next_token();
    let ten = "const send = () => api('/api/notes', { method: 'POST', body: 'note' })
        const answers = await Promise.all(Array.from({ length: 10 }, send))
        return Promise.all(answers.map(async (answer) => (await answer.json()).body))";
    page.returns("repeats ten calls after one 401, bodies included", ten, &json!(vec!["note"; 10])).await;
    let one_more = before.as_u64().map_or(Value::Null, |before| json!(before + 1));
    page.returns("with one refresh", REFRESHES, &one_more).await;
    let cookie = "return (await (await api('/api/notes')).json()).has_cookie";
    page.returns("shows the API no cookie", cookie, &json!(false)).await;
}

async fn keeps_the_session_in_a_reload(page: &mut Page<'_>) {
    page.orders.reload().await;
    page.returns("goes on after a reload", "await refresh(); return (await api('/auth/me')).status", &json!(200)).await;
}

async fn tells_an_outage_from_an_end(page: &mut Page<'_>, stack: &mut Stack) {
    stack.auth.kill();
    page.throws("an outage is: try later", "await refresh()", "TryLater").await;
    stack.auth.start().await;
    page.returns_soon("goes on after an outage", "await refresh(); return (await api('/auth/me')).status", &json!(200))
        .await;
    stack.auth.pause();
    page.throws("no answer is: try later", "await refresh()", "TryLater").await;
    stack.auth.resume();
    page.returns_soon("goes on after that", "await refresh(); return (await api('/auth/me')).status", &json!(200))
        .await;
}

async fn ends_when_the_session_has_ended(page: &mut Page<'_>, stack: &Stack, email: &str, password: &str) {
    page.returns("logs out", "await logout()", &Value::Null).await;
    page.throws("has ended after that", "await api('/auth/me')", "SessionOver").await;
    page.orders.reload().await;
    page.throws("has ended after a reload too", "await refresh()", "SessionOver").await;
    page.returns("logs in again", &format!("await login({}, {})", json!(email), json!(password)), &Value::Null).await;
    let elsewhere = Person::registered(&stack.auth, email, password).await;
    let everywhere = stack.auth.post("/auth/logout-all").bearer(&elsewhere.tokens.access);
    everywhere.send().await.expect(204);
    page.throws("has ended when it was ended elsewhere", "await api('/auth/me')", "SessionOver").await;
    let bob = stack.bob().await;
    let other = format!(
        "await login({}, {}); await fetch('/auth/login', {{ method: 'POST', credentials: 'include',
            headers: {{ 'content-type': 'application/json' }}, body: {} }}); return 'both'",
        json!(email),
        json!(password),
        json!(json!({ "email": bob.email, "password": bob.password }).to_string()),
    );
    page.returns("somebody else logs in in another tab", &other, &json!("both")).await;
    page.returns(
        "takes up the session of the cookie",
        "await refresh(); return (await (await api('/auth/me')).json()).email",
        &json!(bob.email),
    )
    .await;
}

/// The page, and the report on it.
struct Page<'a> {
    orders: Orders,
    report: &'a mut Report,
}

impl Page<'_> {
    async fn returns(&mut self, what: &str, code: &str, expected: &Value) {
        let outcome = self.tried(code, expected).await;
        self.report.check("Chromium", what, outcome);
    }

    /// As `returns`, but tries again while the service is not back.
    async fn returns_soon(&mut self, what: &str, code: &str, expected: &Value) {
        let until = Instant::now() + TIMEOUT;
        let outcome = loop {
            match self.tried(code, expected).await {
                Err(error) if error.contains("TryLater") && Instant::now() < until => {
                    sleep(Duration::from_millis(100)).await
                }
                outcome => break outcome,
            }
        };
        self.report.check("Chromium", what, outcome);
    }

    async fn tried(&self, code: &str, expected: &Value) -> Result<(), String> {
        match self.orders.run(code).await {
            Ok(value) if value == *expected => Ok(()),
            Ok(value) => Err(format!("it returns {value}, not {expected}")),
            Err(error) => Err(error),
        }
    }

    async fn throws(&mut self, what: &str, code: &str, class: &str) {
        let outcome = match self.orders.run(code).await {
            Err(error) if error.split(':').next() == Some(class) => Ok(()),
            other => Err(format!("{other:?}")),
        };
        self.report.check("Chromium", what, outcome);
    }
}
