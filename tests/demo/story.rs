//! The story, from registration to logout: a lost response, an outage of auth-service and a theft happen on the way.

use super::{
    autonomy,
    client::{Answer, Call, Demo, shortened},
};
use harness::Stack;
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;
use uuid::Uuid;

/// What a client holds.
pub(super) struct Tokens {
    pub(super) access: String,
    pub(super) refresh: String,
}

impl Tokens {
    fn of(answer: &Answer) -> Result<Self, String> {
        Ok(Self { access: answer.text("access_token")?, refresh: answer.text("refresh_token")? })
    }
}

/// Tells it; in the middle, auth-service of a pair that may be stopped is stopped.
pub(super) async fn tell(demo: &mut Demo, window: Duration, pair: Option<&mut Stack>) -> Result<(), String> {
    let account = account();
    register(demo, &account).await?;
    demo.begin("log in", "The access token lives for minutes; the refresh token is exchanged at every use.");
    let login = log_in(demo, &account).await?;
    read_but_not_write(demo, &login).await?;
    let refreshed = refresh_and_retry(demo, &login).await?;
    if let Some(pair) = pair {
        autonomy::show(demo, pair).await?;
    }
    detect_a_theft(demo, &login, &refreshed, window).await?;
    log_in_again_and_out(demo, &account).await
}

/// With an address that is new, however often the demonstration runs.
pub(super) fn account() -> Value {
    let [email, password] = [Uuid::new_v4(), Uuid::new_v4()].map(|random| random.simple().to_string());
    json!({ "email": format!("ada-{}@example.org", &email[..12]), "password": format!("a lighthouse {password}") })
}

pub(super) async fn register(demo: &mut Demo, account: &Value) -> Result<(), String> {
    demo.begin("register", "A new account may read: its role is reader.");
    let user = demo.auth(post("/auth/register", account.clone())).await?.expect(201, None)?;
    same("roles", &user.json["roles"], &json!(["reader"]))
}

pub(super) async fn log_in(demo: &Demo, account: &Value) -> Result<Tokens, String> {
    let mut body = account.clone();
    body["transport"] = "body".into();
    Tokens::of(&demo.auth(post("/auth/login", body)).await?.expect(200, None)?)
}

async fn read_but_not_write(demo: &mut Demo, tokens: &Tokens) -> Result<(), String> {
    demo.begin("who am I", "resource-service checks the token by itself, with the public key only.");
    let whoami = demo.resource(get("/whoami", &tokens.access)).await?.expect(200, None)?;
    same("scope", &whoami.json["scope"], &json!("books:read"))?;
    demo.begin("read", "A reader may read.");
    demo.resource(get("/books", &tokens.access)).await?.expect(200, None)?;
    demo.begin("append, refused", "To be logged in is not enough: a reader may not write.");
    let append = Call {
        bearer: Some(&tokens.access),
        ..post("/books/1/chapters", json!({ "title": "Note G", "text": "Bernoulli numbers" }))
    };
    let refused = demo.resource(append).await?.expect(403, Some("insufficient_scope"))?;
    let challenge = refused.header("www-authenticate");
    if challenge.contains(r#"scope="books:write""#) {
        return Ok(());
    }
    Err(format!("the challenge does not name the missing scope: {challenge:?}"))
}

async fn refresh_and_retry(demo: &mut Demo, login: &Tokens) -> Result<Tokens, String> {
    demo.begin("refresh", "The refresh token is exchanged for another one.");
    let refreshed = refresh(demo, login).await?;
    if refreshed.refresh == login.refresh {
        return Err("the refresh token did not change".to_owned());
    }
    demo.begin("replay", "The answer was lost, say, and the client asks again: it gets the same successor.");
    let retried = refresh(demo, login).await?;
    same("refresh_token", &retried.refresh, &refreshed.refresh)?;
    Ok(retried)
}

async fn detect_a_theft(demo: &mut Demo, old: &Tokens, held: &Tokens, window: Duration) -> Result<(), String> {
    let window = window + Duration::from_millis(300);
    demo.begin("a later refresh", "Somebody has copied the first refresh token. Ada goes on as always.");
    demo.wait(window, "a session's token changes at most once per replay window").await;
    let next = refresh(demo, held).await?;
    if next.refresh == held.refresh {
        return Err("the refresh token did not change: is --replay-window that of auth-service?".to_owned());
    }
    demo.begin("the theft is found out", "The thief uses the copy. Two parties hold this session: it ends.");
    demo.wait(window, "within the window it could still be a slow tab of Ada's own").await;
    let stolen = post("/auth/refresh", json!({ "refresh_token": old.refresh }));
    demo.auth(stolen).await?.expect(401, Some("refresh_reused"))?;
    let victim = post("/auth/refresh", json!({ "refresh_token": next.refresh }));
    demo.auth(victim).await?.expect(401, Some("session_ended"))?;
    Ok(())
}

async fn log_in_again_and_out(demo: &mut Demo, account: &Value) -> Result<(), String> {
    demo.begin("log in again", "Only whoever knows the password goes on.");
    let tokens = log_in(demo, account).await?;
    demo.begin("log out", "The session ends, and a second logout changes nothing.");
    let logout = || post("/auth/logout", json!({ "refresh_token": tokens.refresh }));
    demo.auth(logout()).await?.expect(204, None)?;
    demo.auth(logout()).await?.expect(204, None)?;
    demo.begin("refresh, refused", "What has ended stays ended.");
    let over = post("/auth/refresh", json!({ "refresh_token": tokens.refresh }));
    demo.auth(over).await?.expect(401, Some("session_ended"))?;
    Ok(())
}

pub(super) async fn refresh(demo: &Demo, tokens: &Tokens) -> Result<Tokens, String> {
    let call = post("/auth/refresh", json!({ "refresh_token": tokens.refresh }));
    Tokens::of(&demo.auth(call).await?.expect(200, None)?)
}

pub(super) fn post(path: &str, body: Value) -> Call<'_> {
    Call { method: Method::POST, path, bearer: None, body: Some(body) }
}

pub(super) fn get<'a>(path: &'a str, token: &'a str) -> Call<'a> {
    Call { method: Method::GET, path, bearer: Some(token), body: None }
}

fn same<T: PartialEq + ToString>(what: &str, got: &T, expected: &T) -> Result<(), String> {
    if got == expected {
        return Ok(());
    }
    // Either may be a token.
    let shown = |value: &T| {
        let value = value.to_string();
        if value.len() > 60 { shortened(&value) } else { value }
    };
    Err(format!("{what} is {}, expected {}", shown(got), shown(expected)))
}
