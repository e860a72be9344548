//! A service on axum that accepts Jeton's access tokens:
//! `cargo run -p jeton-verifier --example axum --features axum`, beside `cargo xtask up`.

use axum::{
    Router,
    routing::{get, post},
};
use jeton_verifier::{
    guard::{AccessToken, Authenticate, Recent, Scope, Scoped},
    keys::{Config, KeySource},
};
use std::{env, error::Error, sync::Arc};
use tokio::net::TcpListener;

/// The scope that writing requires.
struct BooksWrite;

impl Scope for BooksWrite {
    const NAME: &'static str = "books:write";
}

/// For everybody with a good token.
async fn hello(token: AccessToken) -> String {
    format!("hello {}\n", token.subject())
}

/// Only for tokens that grant the scope.
async fn write(author: Scoped<BooksWrite>) -> String {
    format!("written by {}\n", author.subject())
}

/// Only for tokens that grant the scope, and within five minutes after the user has authenticated.
async fn burn(author: Recent<BooksWrite, 300>) -> String {
    format!("burnt by {}\n", author.subject())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let issuer = env::var("ISSUER").unwrap_or_else(|_| "http://localhost:8080".to_owned());
    let source = KeySource::of_issuer(&issuer)?.with_snapshot(env::temp_dir().join("jeton-keys.json"));
    let keys: Arc<dyn Authenticate> = Config::new(issuer, "jeton", source).start().await?;
    let app = Router::new().route("/hello", get(hello)).route("/books", post(write).delete(burn)).with_state(keys);
    let listener = TcpListener::bind(env::var("LISTEN").as_deref().unwrap_or("127.0.0.1:8090")).await?;
    println!("listening on http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, app).await?)
}
