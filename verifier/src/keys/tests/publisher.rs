//! A publisher over real HTTP that answers what a test wants.

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer,
    dev::ServerHandle,
    http::{StatusCode, header},
    web,
};
use std::{
    net::TcpListener,
    sync::{Arc, Mutex},
};
use url::Url;

pub(super) struct TestPublisher {
    state: Arc<State>,
    port: u16,
    server: ServerHandle,
}

#[derive(Default)]
struct State {
    answer: Mutex<Answer>,
    /// The `If-None-Match` of each request so far.
    asked: Mutex<Vec<Option<String>>>,
    /// Whether each of them wanted nothing that a cache has kept.
    went_past_caches: Mutex<Vec<bool>>,
}

#[derive(Clone, Default)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: String,
    pub(super) headers: Vec<(&'static str, String)>,
}

impl Answer {
    /// 200 with a key set that is good for an hour.
    pub(super) fn good(jwks: impl Into<String>) -> Self {
        Self { status: 200, body: jwks.into(), headers: vec![("cache-control", "max-age=3600".to_owned())] }
    }

    pub(super) fn status(status: u16) -> Self {
        Self { status, ..Self::default() }
    }

    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

async fn answer(request: HttpRequest, state: web::Data<State>) -> HttpResponse {
    let etag =
        request.headers().get(header::IF_NONE_MATCH).map(|etag| String::from_utf8_lossy(etag.as_bytes()).into_owned());
    state.asked.lock().unwrap().push(etag.clone());
    let is_past_caches = request.headers().get(header::CACHE_CONTROL).is_some_and(|value| value == "no-cache");
    state.went_past_caches.lock().unwrap().push(is_past_caches);
    let Answer { status, body, headers } = state.answer.lock().unwrap().clone();
    if etag.is_some() && headers.iter().any(|(name, value)| *name == "etag" && Some(value) == etag.as_ref()) {
        return HttpResponse::NotModified().finish();
    }
    let mut answer = HttpResponse::build(StatusCode::from_u16(status).expect("a status"));
    for header in headers {
        answer.append_header(header);
    }
    answer.body(body)
}

impl TestPublisher {
    pub(super) fn that_answers(answer_with: Answer) -> Self {
        let state = Arc::new(State { answer: Mutex::new(answer_with), ..State::default() });
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let data = web::Data::from(Arc::clone(&state));
        let server = HttpServer::new(move || App::new().app_data(data.clone()).default_service(web::to(answer)))
            .workers(1)
            .disable_signals()
            .listen(listener)
            .expect("a server")
            .run();
        let handle = server.handle();
        actix_web::rt::spawn(server);
        Self { state, port, server: handle }
    }

    pub(super) fn url(&self) -> Url {
        self.url_of("/.well-known/jwks.json")
    }

    pub(super) fn url_of(&self, path: &str) -> Url {
        Url::parse(&format!("http://127.0.0.1:{}{path}", self.port)).expect("a URL")
    }

    pub(super) fn now_answers(&self, answer: Answer) {
        *self.state.answer.lock().unwrap() = answer;
    }

    /// The `If-None-Match` of each request so far.
    pub(super) fn asked(&self) -> Vec<Option<String>> {
        self.state.asked.lock().unwrap().clone()
    }

    /// Whether each request so far wanted nothing that a cache has kept.
    pub(super) fn went_past_caches(&self) -> Vec<bool> {
        self.state.went_past_caches.lock().unwrap().clone()
    }

    pub(super) async fn stop(self) {
        self.server.stop(false).await;
    }
}
