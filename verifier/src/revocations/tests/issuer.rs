//! An issuer over real HTTP: its keys, and its feed with a log that a test writes.

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, dev::ServerHandle, http::StatusCode, web};
use serde_json::{Value, json};
use std::{
    net::TcpListener,
    sync::{Arc, Mutex},
    time::Duration,
};
use testkit::{ISSUER, Issuer};
use url::Url;

/// The first number of the log.
const FIRST: u64 = 1_800_000_000_000;

pub(super) struct TestIssuer {
    state: Arc<Mutex<State>>,
    port: u16,
    server: ServerHandle,
}

struct State {
    signer: &'static Issuer,
    published: Vec<&'static Issuer>,
    /// Entries with their numbers. `u` is the time that they live.
    log: Vec<(u64, Value)>,
    last: u64,
    /// The clock of the database, which goes on with each page.
    now: i64,
    page_size: usize,
    /// Numbers that are not told to whoever asks for just them.
    hidden: Vec<u64>,
    manner: Manner,
    is_patient: bool,
    /// After so many entries, every question fails.
    breaks_off_after: u64,
    asked: Vec<Asked>,
    keys_asked: usize,
}

/// A question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) after: u64,
    pub(super) wait: u64,
}

/// How the feed answers.
#[derive(Clone)]
pub(super) enum Manner {
    Sound,
    /// With this status.
    Fails(u16),
    /// With this body.
    Says(Vec<u8>),
    /// With a page that was changed before it was signed.
    Changed(fn(&mut Value, &mut Value)),
}

impl State {
    fn page(&mut self, after: u64) -> Value {
        let after = after.min(self.last);
        self.now += 1;
        let mut entries: Vec<&(u64, Value)> = self.log.iter().filter(|(number, _)| *number > after).collect();
        let more = entries.len() > self.page_size;
        entries.truncate(self.page_size);
        let to = if more { entries.last().map_or(after, |(number, _)| *number) } else { self.last };
        let ended = entries.into_iter().filter(|(number, _)| after + 1 != *number || !self.hidden.contains(number));
        let ended = ended.map(|(_, entry)| {
            let mut entry = entry.clone();
            entry["u"] = (entry["u"].as_i64().expect("a life") + self.now).into();
            entry
        });
        let ended: Vec<Value> = ended.collect();
        json!({ "iss": ISSUER, "iat": self.now, "after": after, "to": to, "more": more, "jwks": self.tag(), "ended": ended })
    }

    fn tag(&self) -> String {
        let kids: Vec<&str> = self.published.iter().map(|issuer| issuer.key_id()).collect();
        format!("\"{}\"", kids.join("-"))
    }
}

/// The header of a page by this signer.
pub(super) fn header(signer: &Issuer) -> Value {
    json!({ "alg": "RS256", "typ": "revocations+jwt", "kid": signer.key_id() })
}

async fn keys(state: web::Data<Mutex<State>>) -> HttpResponse {
    let mut state = state.lock().unwrap();
    state.keys_asked += 1;
    let keys: Vec<&Value> = state.published.iter().map(|issuer| issuer.public_key()).collect();
    HttpResponse::Ok().insert_header(("etag", state.tag())).json(json!({ "keys": keys }))
}

async fn feed(request: HttpRequest, state: web::Data<Mutex<State>>) -> HttpResponse {
    let url = Url::parse(&format!("http://localhost/?{}", request.query_string())).expect("a query");
    let number = |name: &str| {
        let found = url.query_pairs().find(|(known, _)| known == name).expect("it is given");
        found.1.parse::<u64>().expect("a number")
    };
    let asked = Asked { after: number("after"), wait: number("wait") };
    state.lock().unwrap().asked.push(asked);
    for _ in 0..asked.wait * 200 {
        let is_due =
            |state: &State| state.last != asked.after || !state.is_patient || !matches!(state.manner, Manner::Sound);
        if is_due(&state.lock().unwrap()) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let mut state = state.lock().unwrap();
    if asked.after.saturating_sub(FIRST) >= state.breaks_off_after {
        return HttpResponse::ServiceUnavailable().finish();
    }
    let (mut header, mut page) = (header(state.signer), state.page(asked.after));
    match state.manner.clone() {
        Manner::Sound => {}
        Manner::Fails(status) => return HttpResponse::build(StatusCode::from_u16(status).expect("a status")).finish(),
        Manner::Says(body) => return HttpResponse::Ok().body(body),
        Manner::Changed(change) => change(&mut header, &mut page),
    }
    HttpResponse::Ok().content_type("application/jwt").body(state.signer.sign(&header, &page))
}

impl TestIssuer {
    pub(super) fn start() -> Self {
        Self::start_at("127.0.0.1:0")
    }

    /// Where one has been before.
    pub(super) fn start_again_at(port: u16) -> Self {
        Self::start_at(&format!("127.0.0.1:{port}"))
    }

    fn start_at(address: &str) -> Self {
        let state = Arc::new(Mutex::new(State {
            signer: Issuer::usual(),
            published: vec![Issuer::usual()],
            log: Vec::new(),
            last: FIRST,
            now: super::NOW,
            page_size: 5000,
            hidden: Vec::new(),
            manner: Manner::Sound,
            is_patient: true,
            breaks_off_after: u64::MAX,
            asked: Vec::new(),
            keys_asked: 0,
        }));
        let listener = TcpListener::bind(address).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let data = web::Data::from(Arc::clone(&state));
        let app = move || {
            App::new()
                .app_data(data.clone())
                .route("/.well-known/jwks.json", web::get().to(keys))
                .route("/revocations", web::get().to(feed))
        };
        let server = HttpServer::new(app).workers(1).disable_signals().shutdown_timeout(0);
        let server = server.listen(listener).expect("a server").run();
        let handle = server.handle();
        actix_web::rt::spawn(server);
        Self { state, port, server: handle }
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().unwrap())
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn keys_url(&self) -> Url {
        Url::parse(&format!("http://127.0.0.1:{}/.well-known/jwks.json", self.port)).expect("a URL")
    }

    /// Writes into the log. `u` is how many seconds the entry lives.
    pub(super) fn ends(&self, entry: Value) {
        self.change(|state| {
            state.last += 1;
            state.log.push((state.last, entry));
        });
    }

    /// Writes into the log what only the reading of everything finds.
    pub(super) fn ends_unnoticed(&self, entry: Value) {
        self.ends(entry);
        self.change(|state| state.hidden.push(state.last));
    }

    /// Forgets the log, as a database that was restored from a backup.
    pub(super) fn is_restored(&self) {
        self.change(|state| {
            state.log.clear();
            state.last = FIRST - 1000;
        });
    }

    pub(super) fn behaves(&self, manner: Manner) {
        self.change(|state| state.manner = manner);
    }

    /// Answers at once, whatever it is asked.
    pub(super) fn never_waits(&self) {
        self.change(|state| state.is_patient = false);
    }

    pub(super) fn breaks_off_after(&self, entries: u64) {
        self.change(|state| state.breaks_off_after = entries);
    }

    pub(super) fn has_pages_of(&self, entries: usize) {
        self.change(|state| state.page_size = entries);
    }

    pub(super) fn sets_its_clock(&self, now: i64) {
        self.change(|state| state.now = now);
    }

    /// Signs with the first of these keys, and publishes all.
    pub(super) fn publishes(&self, keys: &[&'static Issuer]) {
        self.change(|state| {
            state.signer = keys[0];
            state.published = keys.to_vec();
        });
    }

    /// A page as it would be sent now.
    pub(super) fn page(&self, after: u64) -> Vec<u8> {
        self.change(|state| {
            let page = state.page(after);
            state.signer.sign(&header(state.signer), &page).into_bytes()
        })
    }

    pub(super) fn last(&self) -> u64 {
        self.change(|state| state.last)
    }

    pub(super) fn asked(&self) -> Vec<Asked> {
        self.change(|state| state.asked.clone())
    }

    pub(super) fn keys_asked(&self) -> usize {
        self.change(|state| state.keys_asked)
    }

    pub(super) async fn stop(self) {
        self.server.stop(false).await;
    }
}
