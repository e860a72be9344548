//! A server of each framework, with the same routes and the same keys.

use actix_web::{App, HttpServer, web};
use axum::{Router, extract::FromRef, routing::get};
use jeton_verifier::{
    KeySet, Observer, Unobserved, Verifier,
    clock::{ManualClock, Timestamp},
    guard::{
        AccessToken, Assurance, Assured, Authenticate, Fresh, Level, PhishingResistant, Recent, Rejection, Scope,
        Scoped, TwoFactors, Verdict,
    },
};
use std::{
    net::{SocketAddr, TcpListener},
    sync::{Arc, LazyLock},
    thread,
};
use testkit::{AUDIENCE, ISSUER, Issuer};

/// When the tests take place.
pub(crate) const NOW: i64 = 1_800_000_000;

/// They run until the tests have ended.
pub(crate) static SERVERS: LazyLock<[(&str, SocketAddr); 2]> = LazyLock::new(|| [("actix", actix()), ("axum", axum())]);

pub(crate) struct BooksRead;

impl Scope for BooksRead {
    const NAME: &'static str = "books:read";
}

pub(crate) struct BooksWrite;

impl Scope for BooksWrite {
    const NAME: &'static str = "books:write";
}

pub(crate) async fn anybody(token: AccessToken) -> String {
    token.subject().to_owned()
}

async fn fresh_reader(token: Fresh<BooksRead>) -> String {
    token.subject().to_owned()
}

async fn reader(token: Scoped<BooksRead>) -> String {
    token.subject().to_owned()
}

async fn author(token: Scoped<BooksWrite>) -> String {
    token.subject().to_owned()
}

async fn recent_reader(token: Recent<BooksRead, 300>) -> String {
    token.subject().to_owned()
}

async fn recent_author(token: Recent<BooksWrite, 300>) -> String {
    token.subject().to_owned()
}

async fn surely_reader(token: Assured<BooksRead, TwoFactors>) -> String {
    token.subject().to_owned()
}

async fn surely_and_lately_reader(token: Assured<BooksRead, PhishingResistant, 60>) -> String {
    token.subject().to_owned()
}

/// A level of another issuer.
struct Gold;

impl Assurance for Gold {
    const ACR: Option<Level> = Some(Level::of("urn:bank:gold"));
}

async fn gold_reader(token: Assured<BooksRead, Gold>) -> String {
    token.subject().to_owned()
}

/// The verifier with keys that never change.
struct Fixed {
    verifier: Verifier,
    keys: KeySet,
    observer: Arc<dyn Observer>,
    is_fresh: bool,
}

impl Authenticate for Fixed {
    fn authenticate<'a>(&'a self, token: &'a str) -> Verdict<'a> {
        Box::pin(async move { Ok(self.verifier.verify(token, &self.keys)?) })
    }

    fn observer(&self) -> &dyn Observer {
        &*self.observer
    }

    fn is_fresh(&self) -> bool {
        self.is_fresh
    }

    fn must_be_fresh(&self, scope: Option<&str>) -> bool {
        scope == Some(BooksWrite::NAME)
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_secs(NOW)
    }
}

/// A verifier without keys.
struct NoKeys;

impl Authenticate for NoKeys {
    fn authenticate<'a>(&'a self, _: &'a str) -> Verdict<'a> {
        Box::pin(async { Err(Rejection::KeysUnavailable) })
    }
}

pub(crate) fn authority(observer: Arc<dyn Observer>) -> Arc<dyn Authenticate> {
    authority_that(true, observer)
}

/// One that knows recently what has ended, or not.
fn authority_that(is_fresh: bool, observer: Arc<dyn Observer>) -> Arc<dyn Authenticate> {
    let verifier = Verifier::new(ISSUER, AUDIENCE, Arc::new(ManualClock::at(Timestamp::from_secs(NOW))));
    let keys = KeySet::from_jwks(Issuer::usual().key_set().to_string().as_bytes()).expect("a good key set");
    Arc::new(Fixed { verifier, keys, observer, is_fresh })
}

fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("it is bound");
    (listener, address)
}

fn actix() -> SocketAddr {
    let (listener, address) = listener();
    let known = web::Data::from(authority(Arc::new(Unobserved)));
    let unknown = web::Data::from(Arc::new(NoKeys) as Arc<dyn Authenticate>);
    let app = move || {
        let without_keys = web::scope("/without-keys").app_data(unknown.clone()).route("", web::get().to(anybody));
        let stale = web::scope("/stale")
            .app_data(web::Data::from(authority_that(false, Arc::new(Unobserved))))
            .route("/fresh", web::get().to(fresh_reader))
            .route("/author", web::get().to(author))
            .route("/reader", web::get().to(reader))
            .route("/recent/author", web::get().to(recent_author));
        App::new()
            .app_data(known.clone())
            .service(stale)
            .route("/fresh", web::get().to(fresh_reader))
            .route("/anybody", web::get().to(anybody))
            .route("/author", web::get().to(author))
            .route("/recent", web::get().to(recent_reader))
            .route("/recent/author", web::get().to(recent_author))
            .route("/surely", web::get().to(surely_reader))
            .route("/surely/lately", web::get().to(surely_and_lately_reader))
            .route("/gold", web::get().to(gold_reader))
            .service(without_keys)
    };
    thread::spawn(|| {
        let server = HttpServer::new(app).workers(1).disable_signals().listen(listener).expect("a server");
        actix_web::rt::System::new().block_on(server.run())
    });
    address
}

/// The state of a program, which contains the verifier.
#[derive(Clone)]
struct State {
    authority: Arc<dyn Authenticate>,
}

impl FromRef<State> for Arc<dyn Authenticate> {
    fn from_ref(state: &State) -> Self {
        Self::clone(&state.authority)
    }
}

fn axum() -> SocketAddr {
    let (listener, address) = listener();
    let unknown: Arc<dyn Authenticate> = Arc::new(NoKeys);
    let stale = Router::new()
        .route("/stale/fresh", get(fresh_reader))
        .route("/stale/author", get(author))
        .route("/stale/reader", get(reader))
        .route("/stale/recent/author", get(recent_author))
        .with_state(authority_that(false, Arc::new(Unobserved)));
    let app = Router::new()
        .route("/anybody", get(anybody))
        .route("/author", get(author))
        .route("/fresh", get(fresh_reader))
        .route("/recent", get(recent_reader))
        .route("/recent/author", get(recent_author))
        .route("/surely", get(surely_reader))
        .route("/surely/lately", get(surely_and_lately_reader))
        .route("/gold", get(gold_reader))
        .with_state(State { authority: authority(Arc::new(Unobserved)) })
        .merge(stale)
        .merge(Router::new().route("/without-keys", get(anybody)).with_state(unknown));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    thread::spawn(move || {
        runtime.block_on(async {
            listener.set_nonblocking(true).expect("our own socket");
            let listener = tokio::net::TcpListener::from_std(listener).expect("our own socket");
            axum::serve(listener, app).await
        })
    });
    address
}
