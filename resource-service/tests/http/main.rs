//! The public API and the admin API, as their clients see them.

mod admin;
mod books;
mod browser;
mod openapi;
mod revocations;
mod verify;
mod whoami;

use actix_web::{
    body::MessageBody as _,
    dev::ServiceResponse,
    http::{StatusCode, header},
    test::{self, TestRequest},
};
use jeton_verifier::keys::{self, KeySource};
use resource_service::{
    app::{self, Parts},
    books::Books,
};
use serde_json::{Value, json};
use shared::clock::{Clock, ManualClock, Timestamp};
use sqlx::sqlite::SqliteConnectOptions;
use std::{fs, path::PathBuf, sync::Arc};
use tempfile::TempDir;
use testkit::{AUDIENCE, ISSUER, Issuer, claims};

/// When the tests take place.
const NOW: i64 = 1_800_000_000;

/// A service with a pinned key and no books.
struct Service {
    parts: Parts,
    directory: TempDir,
}

/// An answer, read whole.
struct Answer {
    status: StatusCode,
    headers: header::HeaderMap,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }

    fn code(&self) -> String {
        assert_eq!(self.header("content-type"), "application/problem+json");
        self.json()["code"].as_str().expect("a code").to_owned()
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().expect("ASCII")).unwrap_or_default()
    }
}

impl Service {
    async fn start() -> Self {
        Self::start_with(Some(Issuer::usual().key_set().to_string()), &[]).await
    }

    async fn start_with(pinned: Option<String>, origins: &[&str]) -> Self {
        Self::start_set_up(pinned, origins, |config| config).await
    }

    /// With a verifier that is set up in another way.
    async fn start_set_up(
        pinned: Option<String>,
        origins: &[&str],
        set_up: impl FnOnce(keys::Config) -> keys::Config,
    ) -> Self {
        let directory = TempDir::new().expect("a directory");
        let file = directory.path().join("keys.json");
        if let Some(jwks) = pinned {
            fs::write(&file, jwks).expect("a written file");
        }
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(Timestamp::from_secs(NOW)));
        let config = keys::Config::new(ISSUER, AUDIENCE, KeySource::Pinned(file)).clock(Arc::clone(&clock));
        let keys = set_up(config).start().await;
        let database = SqliteConnectOptions::new().filename(directory.path().join("books").join("books.db"));
        let books = Books::open(database, clock).await.expect("a store");
        let allowed_origins = origins.iter().map(|origin| (*origin).to_owned()).collect();
        let (keys, agreement) = (keys.expect("a key source"), Arc::default());
        Self { parts: Parts { keys, agreement, books, allowed_origins }, directory }
    }

    fn database(&self) -> PathBuf {
        self.directory.path().join("books").join("books.db")
    }

    async fn ask(&self, request: TestRequest) -> Answer {
        let app = test::init_service(app::public_app(self.parts.clone())).await;
        let answer: ServiceResponse<_> = test::call_service(&app, request.to_request()).await;
        read(answer.map_into_boxed_body()).await
    }

    async fn ask_admin(&self, request: TestRequest) -> Answer {
        let app = test::init_service(app::admin_app(self.parts.clone())).await;
        let answer = test::call_service(&app, request.to_request()).await;
        read(answer.map_into_boxed_body()).await
    }

    async fn get(&self, path: &str, token: &str) -> Answer {
        self.ask(bearer(TestRequest::get().uri(path), token)).await
    }

    async fn post(&self, path: &str, token: &str, body: &Value) -> Answer {
        self.ask(bearer(TestRequest::post().uri(path), token).set_json(body)).await
    }
}

async fn read(answer: ServiceResponse) -> Answer {
    let (_, answer) = answer.into_parts();
    let (head, body) = answer.into_parts();
    let body = actix_web::body::to_bytes(body.boxed()).await.expect("a body");
    Answer {
        status: head.status(),
        headers: head.headers().clone(),
        body: String::from_utf8(body.to_vec()).expect("UTF-8"),
    }
}

fn bearer(request: TestRequest, token: &str) -> TestRequest {
    request.insert_header((header::AUTHORIZATION, format!("Bearer {token}")))
}

/// May read.
fn reader() -> String {
    Issuer::usual().token_of(&claims(NOW))
}

/// May read and write.
fn author() -> String {
    token_with("scope", json!("books:read books:write"))
}

fn token_with(claim: &str, value: Value) -> String {
    let mut claims = claims(NOW);
    claims[claim] = value;
    Issuer::usual().token_of(&claims)
}
