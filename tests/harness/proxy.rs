//! A bad line to a service: requests and answers are late, answers overtake one another or never come.

use crate::{
    http::Http,
    sockets::{fresh_listener, port_of},
};
use std::{
    io,
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
    time::sleep,
};

/// How bad the line is. Each connection draws its own delays, from none at all to these.
#[derive(Debug, Clone, Copy)]
pub struct Weather {
    /// How late a request may be.
    pub request_delay: Duration,
    /// How late an answer may be.
    pub answer_delay: Duration,
    /// The share of answers that are lost, from 0 to 1.
    pub lost_answers: f64,
}

/// A proxy for clients with a connection for each request, such as [`Http`]. Dropping it cuts the line.
#[derive(Debug)]
pub struct Proxy {
    http: Http,
    seen: Arc<Seen>,
    accepting: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Seen {
    /// Numbers answers as they come from the service.
    answers: AtomicU64,
    /// The latest of them that was passed on.
    passed_on: AtomicU64,
    overtaken: AtomicU64,
    lost: AtomicU64,
    is_dead_for_answers: AtomicBool,
}

impl Proxy {
    /// A line to `service`.
    ///
    /// # Panics
    /// When ports run out.
    #[must_use]
    pub fn to(service: &Http, weather: Weather) -> Self {
        let listener = fresh_listener();
        let http = Http::to(port_of(&listener), service.secrets().clone());
        listener.set_nonblocking(true).expect("our own socket");
        let listener = TcpListener::from_std(listener).expect("it does not block");
        let (seen, port) = (Arc::new(Seen::default()), service.port());
        let counted = Arc::clone(&seen);
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                // Where the service is down, the client finds its connection closed.
                tokio::spawn(pass(client, port, weather, Arc::clone(&counted)));
            }
        });
        Self { http, seen, accepting }
    }

    /// The service, at the end of the line.
    #[must_use]
    pub fn http(&self) -> &Http {
        &self.http
    }

    /// Loses every answer from now on: a tunnel. Requests pass.
    pub fn loses_all_answers(&self) {
        self.seen.is_dead_for_answers.store(true, Ordering::SeqCst);
    }

    /// Undoes [`Proxy::loses_all_answers`].
    pub fn is_mended(&self) {
        self.seen.is_dead_for_answers.store(false, Ordering::SeqCst);
    }

    /// How many answers arrived after one that had left the service later.
    #[must_use]
    pub fn overtaken(&self) -> u64 {
        self.seen.overtaken.load(Ordering::Relaxed)
    }

    /// How many answers were lost.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.seen.lost.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// One connection, with one request and one answer.
async fn pass(client: TcpStream, port: u16, weather: Weather, seen: Arc<Seen>) -> io::Result<()> {
    let (mut from_client, mut to_client) = client.into_split();
    let first = chunk(&mut from_client).await?;
    sleep(up_to(weather.request_delay)).await;
    let (mut from_service, mut to_service) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?.into_split();
    to_service.write_all(&first).await?;
    let requests = tokio::spawn(async move { tokio::io::copy(&mut from_client, &mut to_service).await });
    let answer = chunk(&mut from_service).await?;
    let number = seen.answers.fetch_add(1, Ordering::SeqCst);
    sleep(up_to(weather.answer_delay)).await;
    let is_unlucky = fastrand::f64() < weather.lost_answers;
    if is_unlucky || seen.is_dead_for_answers.load(Ordering::SeqCst) {
        seen.lost.fetch_add(1, Ordering::Relaxed);
        requests.abort();
        return Ok(());
    }
    if seen.passed_on.fetch_max(number, Ordering::SeqCst) > number {
        seen.overtaken.fetch_add(1, Ordering::Relaxed);
    }
    to_client.write_all(&answer).await?;
    tokio::io::copy(&mut from_service, &mut to_client).await?;
    Ok(())
}

/// The next bytes; an error at the end.
async fn chunk(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let mut buffer = vec![0; 64 * 1024];
    let read = from.read(&mut buffer).await?;
    buffer.truncate(read);
    if buffer.is_empty() { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(buffer) }
}

fn up_to(longest: Duration) -> Duration {
    longest.mul_f64(fastrand::f64())
}
