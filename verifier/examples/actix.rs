//! A service on actix-web that accepts Jeton's access tokens:
//! `cargo run -p jeton-verifier --example actix --features actix`, beside `cargo xtask up`.

use actix_web::{App, HttpServer, delete, get, post, web};
use jeton_verifier::{
    guard::{AccessToken, Authenticate, Recent, Scope, Scoped},
    keys::{Config, KeySource},
};
use std::{env, error::Error, sync::Arc};

/// The scope that writing requires.
struct BooksWrite;

impl Scope for BooksWrite {
    const NAME: &'static str = "books:write";
}

/// For everybody with a good token.
#[get("/hello")]
async fn hello(token: AccessToken) -> String {
    format!("hello {}\n", token.subject())
}

/// Only for tokens that grant the scope.
#[post("/books")]
async fn write(author: Scoped<BooksWrite>) -> String {
    format!("written by {}\n", author.subject())
}

/// Only for tokens that grant the scope, and within five minutes after the user has authenticated.
#[delete("/books")]
async fn burn(author: Recent<BooksWrite, 300>) -> String {
    format!("burnt by {}\n", author.subject())
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let issuer = env::var("ISSUER").unwrap_or_else(|_| "http://localhost:8080".to_owned());
    let source = KeySource::of_issuer(&issuer)?.with_snapshot(env::temp_dir().join("jeton-keys.json"));
    let keys: Arc<dyn Authenticate> = Config::new(issuer, "jeton", source).start().await?;
    let keys = web::Data::from(keys);
    let app = move || App::new().app_data(keys.clone()).service(hello).service(write).service(burn);
    let server = HttpServer::new(app).bind(env::var("LISTEN").as_deref().unwrap_or("127.0.0.1:8090"))?;
    for address in server.addrs() {
        println!("listening on http://{address}");
    }
    Ok(server.run().await?)
}
