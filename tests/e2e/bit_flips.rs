//! A token in which one bit is wrong is refused before any store is asked: every bit of the text, one after the other.

use futures_util::{StreamExt as _, stream};
use harness::{
    Answer, Person, Stack, Storage, postgres, redis::Redis, storage::random_secret, tokens::Tokens, wire::Wire,
};
use serde_json::Value;

/// How many requests are under way at once.
const AT_ONCE: usize = 16;
/// How many requests are counted together.
const BATCH: usize = 512;
/// Housekeeping asks the stores too, every 30 s: a batch that it falls into is presented again.
const TRIES: usize = 5;

/// A stack that counts every query to its stores.
struct Watched {
    stack: Stack,
    redis: Wire,
    postgres: Wire,
    _redis: Redis,
}

impl Watched {
    async fn start() -> Self {
        let server = Redis::start();
        let (redis, redis_url) = Wire::through(&server.url());
        let (postgres, database_url) = Wire::through(&postgres::fresh_database());
        let stack = Stack::on(Storage::Embedded)
            .auth("AUTH_REDIS_URL", &redis_url)
            .auth("AUTH_DATABASE_URL", &database_url)
            .auth("AUTH_SECRET", &random_secret())
            // It would have auth-service look at the log of endings all the time.
            .resource("RESOURCE_REVOCATIONS_URL", "off")
            .start()
            .await;
        Self { stack, redis, postgres, _redis: server }
    }

    fn asked(&self) -> [u64; 2] {
        [self.redis.asked(), self.postgres.asked()]
    }

    /// Presents every text that differs from the token in one bit; each must be refused without asking a store. A text
    /// that is not valid in an HTTP header, or in JSON, is refused for that.
    async fn refuses_every_flip(&self, token: &str, code: &str, present: impl AsyncFn(&[u8]) -> Answer) {
        let flips: Vec<Vec<u8>> = flips(token).collect();
        for batch in flips.chunks(BATCH) {
            let mut tries = 0;
            loop {
                let before = self.asked();
                stream::iter(batch)
                    .map(async |text| refused(&present(text).await, text, code))
                    .buffer_unordered(AT_ONCE)
                    .count()
                    .await;
                if self.asked() == before {
                    break;
                }
                tries += 1;
                assert!(tries < TRIES, "a store is asked about forged tokens: {before:?} {:?}", self.asked());
            }
        }
    }
}

fn flips(token: &str) -> impl Iterator<Item = Vec<u8>> {
    (0..token.len() * 8).map(|bit| {
        let mut text = token.as_bytes().to_vec();
        text[bit / 8] ^= 1 << (bit % 8);
        text
    })
}

fn refused(answer: &Answer, text: &[u8], code: &str) {
    let is_sound = !text.iter().any(u8::is_ascii_control) && text.is_ascii();
    let is_malformed = answer.status == 400 && !is_sound;
    assert!(is_malformed || (answer.status == 401 && answer["code"] == code), "{}\n{answer}", text.escape_ascii());
}

fn request(line: &str, header: &str, value: &[u8]) -> Vec<u8> {
    let head = format!("{line} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{header}");
    [head.as_bytes(), value, b"\r\n\r\n"].concat()
}

/// The body holds the text as a JSON string, or its bytes as they are if they are not UTF-8.
fn with_body(text: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(text)
        .map_or_else(|_| [b"\"", text, b"\""].concat(), |text| Value::from(text).to_string().into_bytes());
    let body = [b"{\"refresh_token\":", text.as_slice(), b"}"].concat();
    let head = format!("content-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len());
    let mut request = request("POST /auth/refresh", &head, &body);
    request.truncate(request.len() - 4);
    request
}

async fn assert_good_tokens_ask(watched: &Watched, tokens: &Tokens) {
    let before = watched.asked();
    watched.stack.auth.refresh(tokens).await.tokens();
    let after = watched.asked();
    assert!(after[0] > before[0] && after[1] > before[1], "a good refresh token asks both stores");
    watched.stack.auth.me(tokens).await.expect(200);
    assert!(watched.asked()[1] > after[1], "a good access token asks auth-service's database");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refresh_token_with_any_bit_flipped_is_refused_before_any_store_is_asked() {
    let watched = Watched::start().await;
    let (ada, browser) = (watched.stack.ada().await, watched.stack.ada_in_a_browser().await);
    let auth = &watched.stack.auth;
    let in_body = async |text: &[u8]| auth.raw(&with_body(text)).await;
    watched.refuses_every_flip(&ada.tokens.refresh, "invalid_refresh_token", in_body).await;
    let csrf = format!("x-csrf-token: {}\r\ncookie: jeton-refresh=", browser.tokens.csrf);
    let in_cookie = async |text: &[u8]| auth.raw(&request("POST /auth/refresh", &csrf, text)).await;
    watched.refuses_every_flip(&browser.tokens.refresh, "invalid_refresh_token", in_cookie).await;
    for Person { tokens, .. } in [ada, browser] {
        assert_good_tokens_ask(&watched, &tokens).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_access_token_with_any_bit_flipped_is_refused_before_any_store_is_asked() {
    let watched = Watched::start().await;
    let ada = watched.stack.ada().await;
    for (service, line) in [(&watched.stack.auth, "GET /auth/me"), (&watched.stack.resource, "GET /whoami")] {
        let present = async |text: &[u8]| service.raw(&request(line, "authorization: Bearer ", text)).await;
        watched.refuses_every_flip(&ada.tokens.access, "token_invalid", present).await;
    }
    assert_good_tokens_ask(&watched, &ada.tokens).await;
    watched.stack.resource.whoami(&ada.tokens).await.expect(200);
}
