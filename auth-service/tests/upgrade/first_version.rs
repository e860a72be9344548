//! A database as the first landed version left it.

use auth_service::{
    crypto,
    domain::{
        secrets::{KeyRing, RootSecret},
        sessions::refresh_token::{RefreshClaims, RefreshTokens},
    },
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use harness::postgres;
use serde_json::Value;
use shared::{
    clock::{Clock as _, SystemClock},
    ids::TokenId,
};
use sqlx::{AnyConnection, AssertSqlSafe, Connection as _, Row as _, raw_sql};
use std::sync::Arc;
use tempfile::TempDir;

pub const EMAIL: &str = "ada@example.com";
pub const PASSWORD: &str = "the engine weaves patterns";
pub const ISSUER: &str = "http://localhost:8080";

const SECRET: &str = include_str!("../../../tests/fixtures/first_version/secret");
const SQLITE: &str = include_str!("../../../tests/fixtures/first_version/sqlite.sql");
const POSTGRES: &str = include_str!("../../../tests/fixtures/first_version/postgres.sql");

const DAY: i64 = 24 * 3600;

pub fn secret() -> String {
    SECRET.trim().to_owned()
}

pub struct FirstVersion {
    pub url: String,
    _directory: TempDir,
}

impl FirstVersion {
    pub async fn on_sqlite() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", directory.path().join("auth.db").display());
        Self::filled(format!("{url}?mode=rwc"), SQLITE, directory).await
    }

    pub async fn on_postgres() -> Self {
        Self::filled(postgres::fresh_database(), POSTGRES, tempfile::tempdir().unwrap()).await
    }

    async fn filled(url: String, dump: &'static str, directory: TempDir) -> Self {
        sqlx::any::install_default_drivers();
        crypto::install();
        let database = Self { url, _directory: directory };
        let mut connection = database.connection().await;
        raw_sql(dump).execute(&mut connection).await.unwrap();
        // What has ended is remembered for as long as a token could live: the dump grows old, its tokens must not.
        let remembered = format!("UPDATE ended_sessions SET until = {}", (now() + 30 * DAY) * 1000);
        raw_sql(AssertSqlSafe(remembered)).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        database
    }

    pub async fn connection(&self) -> AnyConnection {
        AnyConnection::connect(&self.url).await.unwrap()
    }

    /// The one text named `it`.
    pub async fn text(&self, statement: &'static str) -> String {
        let mut connection = self.connection().await;
        let row = sqlx::query(statement).fetch_one(&mut connection).await.unwrap();
        let text = row.get("it");
        connection.close().await.unwrap();
        text
    }

    /// As that version signed it, but not expired yet.
    pub async fn refresh_token_of_the_live_session(&self) -> String {
        signed(&self.claims_of_the_live_session().await)
    }

    pub async fn refresh_token_of_the_ended_session(&self) -> String {
        let ended = self.text("SELECT sid AS it FROM ended_sessions").await;
        signed(&RefreshClaims {
            sid: ended.parse().unwrap(),
            family: ended.parse().unwrap(),
            jti: TokenId::fresh(),
            generation: 1,
            ..self.claims_of_the_live_session().await
        })
    }

    /// That version kept its newest token in the record, without the signature.
    async fn claims_of_the_live_session(&self) -> RefreshClaims {
        let record = self.text("SELECT record AS it FROM sessions").await;
        let record: Value = serde_json::from_str(&record).unwrap();
        let unsigned = record["newest"]["signing_input"].as_str().unwrap();
        let claims = URL_SAFE_NO_PAD.decode(unsigned.split('.').nth(1).unwrap()).unwrap();
        serde_json::from_slice(&claims).unwrap()
    }
}

fn now() -> i64 {
    SystemClock.now().secs()
}

fn tokens() -> RefreshTokens {
    let secret = RootSecret::parse(SECRET).unwrap_or_else(|error| panic!("{error}"));
    RefreshTokens::new(Arc::new(KeyRing::new(&secret, None)), ISSUER.to_owned())
}

fn signed(claims: &RefreshClaims) -> String {
    let fresh = RefreshClaims { iat: now(), auth_time: now(), exp: now() + DAY, ..claims.clone() };
    let tokens = tokens();
    tokens.sign(&fresh, tokens.key_id()).unwrap().expose().to_owned()
}
