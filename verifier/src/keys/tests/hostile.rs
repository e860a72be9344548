//! A publisher that is malicious, or broken in the worst way: good keys stay in use, their tokens never wait, and
//! unknown keys cost one fetch.

use super::*;
use crate::Refusal;
use futures_util::{FutureExt as _, future::join_all};
use serde_json::Value;
use std::{
    pin::pin,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";

/// What is sent on a connection once a request has come.
#[derive(Debug, Clone)]
enum Manner {
    /// These bytes, and the end.
    Says(Vec<u8>),
    /// Nothing, and no end.
    Hangs,
    /// The first bytes, then the second ones again and again, this many milliseconds apart.
    NeverEnds(String, String, u64),
}

impl Manner {
    fn says(text: impl Into<String>) -> Self {
        Self::Says(text.into().into_bytes())
    }

    /// A sound answer with this body.
    fn answers(headers: &str, body: &str) -> Self {
        Self::says(format!("{HEAD}{headers}connection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len()))
    }

    async fn serve(self, mut client: TcpStream) {
        let mut request = [0; 4096];
        drop(client.read(&mut request).await);
        match self {
            Self::Says(bytes) => drop(client.write_all(&bytes).await),
            Self::Hangs => drop(client.read(&mut request).await),
            Self::NeverEnds(begin, piece, pause) => {
                let mut sent = client.write_all(begin.as_bytes()).await;
                while sent.is_ok() {
                    tokio::time::sleep(Duration::from_millis(pause)).await;
                    sent = client.write_all(piece.as_bytes()).await;
                }
            }
        }
    }
}

/// A publisher without manners.
struct Rude {
    manner: Arc<Mutex<Manner>>,
    asked: Arc<AtomicUsize>,
    port: u16,
}

impl Rude {
    async fn that(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (manner, asked) = (Arc::new(Mutex::new(manner)), Arc::new(AtomicUsize::new(0)));
        let (next, count) = (Arc::clone(&manner), Arc::clone(&asked));
        actix_web::rt::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                let manner = next.lock().unwrap().clone();
                actix_web::rt::spawn(manner.serve(client));
            }
        });
        Self { manner, asked, port }
    }

    fn now(&self, manner: Manner) {
        *self.manner.lock().unwrap() = manner;
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    async fn follow(&self, pace: Pace) -> Arc<PublishedKeys> {
        let url = Url::parse(&format!("http://127.0.0.1:{}/jwks.json", self.port)).expect("a URL");
        start(published_at(url, None), &clock(), pace).await
    }
}

fn good() -> Manner {
    Manner::answers("cache-control: max-age=3600\r\n", &Issuer::usual().key_set().to_string())
}

/// The other key, and another one with the same kid.
fn namesakes() -> [Value; 2] {
    let mut namesake = Issuer::usual().public_key().clone();
    namesake["kid"] = Issuer::other().public_key().clone()["kid"].take();
    [Issuer::other().public_key().clone(), namesake]
}

fn manners() -> Vec<(&'static str, Manner)> {
    let evil = Issuer::other().key_set().to_string();
    let never_ends = |begin: &str, piece: &str, pause| Manner::NeverEnds(begin.to_owned(), piece.to_owned(), pause);
    let chunk = format!("8000\r\n{}\r\n", " ".repeat(0x8000));
    let gzip = [
        format!("{HEAD}content-encoding: gzip\r\nconnection: close\r\n\r\n").as_bytes(),
        b"\x1f\x8b\x08\0\0\0\0\0\0\xff",
    ]
    .concat();
    vec![
        ("hangs", Manner::Hangs),
        ("hangs up", Manner::says("")),
        ("drips its head", never_ends("HTTP/1.1 200 OK\r\nx: ", "x", 10)),
        ("drips its body", never_ends(&format!("{HEAD}\r\n"), " ", 10)),
        ("never ends its head", never_ends("HTTP/1.1 200 OK\r\n", &format!("x: {}\r\n", "x".repeat(4000)), 0)),
        ("never ends its body", never_ends(&format!("{HEAD}\r\n"), &" ".repeat(0x8000), 0)),
        ("never ends its chunks", never_ends(&format!("{HEAD}transfer-encoding: chunked\r\n\r\n"), &chunk, 0)),
        ("is always about to answer", never_ends("", "HTTP/1.1 100 Continue\r\n\r\n", 1)),
        ("announces more than it sends", Manner::says(format!("{HEAD}content-length: 99999\r\n\r\n{evil}"))),
        (
            "announces more than there is",
            Manner::says(format!("{HEAD}content-length: 18446744073709551615\r\n\r\n{evil}")),
        ),
        ("announces two lengths", Manner::says(format!("{HEAD}content-length: 1\r\ncontent-length: 2\r\n\r\n{evil}"))),
        ("breaks off in a chunk", Manner::says(format!("{HEAD}transfer-encoding: chunked\r\n\r\nffff\r\n{evil}"))),
        ("sends half of it", Manner::answers("", &evil[..evil.len() / 2])),
        ("compresses unasked", Manner::Says(gzip)),
        ("speaks something else", Manner::says("SSH-2.0-OpenSSH_9.2\r\n")),
        ("has nothing", Manner::says("HTTP/1.1 204 No Content\r\n\r\n")),
        ("has a part", Manner::says(format!("HTTP/1.1 206 Partial Content\r\nconnection: close\r\n\r\n{evil}"))),
        ("has nothing new, not asked so", Manner::says("HTTP/1.1 304 Not Modified\r\n\r\n")),
        ("has two keys of one name", Manner::answers("", &json!({ "keys": namesakes() }).to_string())),
        ("has a thousand keys", Manner::answers("", &jwks_of(&[Issuer::other(); 1000]))),
        ("is in maintenance", Manner::answers("", "<html>back soon</html>")),
    ]
}

#[actix_web::test]
async fn good_keys_stay_their_tokens_never_wait_and_unknown_ones_cost_one_fetch() {
    join_all(manners().into_iter().map(|(what, manner)| costs_one_fetch(what, manner))).await;
}

async fn costs_one_fetch(what: &str, manner: Manner) {
    let publisher = Rude::that(good()).await;
    let keys =
        publisher.follow(Pace { retry: LONG, longest_retry: LONG, fetch: Duration::from_secs(5), ..pace() }).await;
    eventually("the first key", async || keys.held().is_some()).await;
    publisher.now(manner);
    let mut unknown = pin!(join_all((0..20).map(|_| verdict(&keys, Issuer::other()))));
    assert!(unknown.as_mut().now_or_never().is_none(), "they wait for a fetch: {what}");
    for _ in 0..10 {
        let at_once = verdict(&keys, Issuer::usual()).now_or_never();
        assert_eq!(at_once, Some(Ok(())), "a good key waits for nothing: {what}");
        tokio::task::yield_now().await;
    }
    let refused = Err(Rejection::Refused(Refusal::UnknownKey));
    assert_eq!(unknown.await, vec![refused.clone(); 20], "{what}");
    let again = join_all((0..20).map(|_| verdict(&keys, Issuer::other()))).now_or_never();
    assert_eq!(again, Some(vec![refused; 20]), "nobody waits twice: {what}");
    assert_eq!(publisher.asked(), 2, "{what}");
    assert_eq!(verdict(&keys, Issuer::usual()).await, Ok(()), "{what}");
}

/// Always fetching, and soon giving up on what never ends.
fn impatient() -> Pace {
    Pace { longest: Duration::ZERO, fetch: Duration::from_millis(300), ..pace() }
}

#[actix_web::test]
async fn a_good_answer_is_used_whatever_came_before() {
    let publisher = Rude::that(Manner::Hangs).await;
    let keys = publisher.follow(impatient()).await;
    for (turn, (what, manner)) in manners().into_iter().enumerate() {
        publisher.now(manner);
        let before = publisher.asked();
        eventually("two attempts", async || publisher.asked() > before + 1).await;
        let issuer = if turn % 2 == 0 { Issuer::usual() } else { Issuer::other() };
        publisher.now(Manner::answers("", &issuer.key_set().to_string()));
        eventually(what, async || verdict(&keys, issuer).await.is_ok()).await;
    }
}

#[actix_web::test]
async fn the_good_half_of_a_half_broken_set_is_used_whatever_its_media_type() {
    let publisher = Rude::that(Manner::Hangs).await;
    let keys = publisher.follow(impatient()).await;
    let [other, namesake] = namesakes();
    let broken = json!({ "keys": [{ "kty": "RSA", "kid": 1 }, null, other, "a key", namesake, Issuer::usual().public_key().clone()] });
    let length = broken.to_string().len();
    publisher.now(Manner::says(format!(
        "HTTP/1.1 200 OK\r\ncontent-type: image/gif\r\ncontent-length: {length}\r\n\r\n{broken}"
    )));
    eventually("the good half", async || verdict(&keys, Issuer::usual()).await.is_ok()).await;
    assert!(verdict(&keys, Issuer::other()).await.is_err(), "of two keys with one name neither is used");
}

#[actix_web::test]
async fn an_absurd_age_spoils_neither_the_keys_nor_later_answers() {
    let publisher = Rude::that(Manner::Hangs).await;
    let keys = publisher.follow(impatient()).await;
    for age in ["0", "-1", "99999999999999999999999", "18446744073709551615", "1e9", "\"5\"", "", "0, max-age=600"] {
        for issuer in [Issuer::usual(), Issuer::other()] {
            publisher.now(Manner::answers(&format!("cache-control: max-age={age}\r\n"), &issuer.key_set().to_string()));
            eventually(age, async || verdict(&keys, issuer).await.is_ok()).await;
        }
    }
}
