//! People who use Jeton.

use crate::{
    eventually,
    http::Http,
    tokens::{Tokens, Transport},
};
use std::time::Duration;
use uuid::Uuid;

/// How long people try to log in.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A registered user who is logged in, with an honest client: after a refresh, it forgets the old token.
#[derive(Debug, Clone)]
pub struct Person {
    /// Unique to this person.
    pub email: String,
    /// Unique to this person, and strong.
    pub password: String,
    /// The user's id.
    pub id: String,
    /// What this device holds now.
    pub tokens: Tokens,
    auth: Http,
}

impl Person {
    /// Registers and logs in over HTTP.
    ///
    /// # Panics
    /// When either is refused.
    pub async fn new(auth: &Http, name: &str, transport: Transport) -> Self {
        let (email, password, registered) = answered(async || {
            // A registration that was answered 503 may have succeeded.
            let (email, password) = (fresh_email(name), fresh_password());
            let answer = auth.register(&email, &password).await;
            (answer.status != 503).then_some((email, password, answer))
        })
        .await;
        let id = registered.expect(201)["id"].as_str().expect("a user has an id").to_owned();
        let tokens = logged_in(auth, &email, &password, transport).await;
        Self { email, password, id, tokens, auth: auth.clone() }
    }

    /// Somebody who is registered already, the admin for example.
    ///
    /// # Panics
    /// When the login is refused.
    pub async fn registered(auth: &Http, email: &str, password: &str) -> Self {
        let tokens = logged_in(auth, email, password, Transport::Body).await;
        let id = tokens.claims()["sub"].as_str().expect("a token has a subject").to_owned();
        Self { email: email.to_owned(), password: password.to_owned(), id, tokens, auth: auth.clone() }
    }

    /// Logs in on another device, with a new session.
    ///
    /// # Panics
    /// When that is refused.
    pub async fn another_device(&self) -> Tokens {
        logged_in(&self.auth, &self.email, &self.password, Transport::Body).await
    }

    /// Refreshes, until there is an answer, and goes on with the new tokens.
    ///
    /// # Panics
    /// When that is refused.
    pub async fn refresh(&mut self) -> &Tokens {
        self.tokens = self.auth.refreshed(&self.tokens).await;
        &self.tokens
    }
}

/// A busy machine may answer 503, and how a test begins is not what it is about.
async fn answered<T>(ask: impl AsyncFn() -> Option<T>) -> T {
    eventually("an answer that is not 503", TIMEOUT, || ask()).await
}

async fn logged_in(auth: &Http, email: &str, password: &str, transport: Transport) -> Tokens {
    let login = async || Some(auth.login(email, password, transport).await).filter(|answer| answer.status != 503);
    answered(login).await.tokens()
}

/// An e-mail address that is not registered.
#[must_use]
pub fn fresh_email(name: &str) -> String {
    format!("{name}-{}@example.org", Uuid::new_v4().simple())
}

/// A password that is new and cannot be guessed.
#[must_use]
pub fn fresh_password() -> String {
    format!("correct horse {}", Uuid::new_v4().simple())
}
