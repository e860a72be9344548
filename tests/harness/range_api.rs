//! A server in the test that speaks the range API of Have I Been Pwned, well or badly.

use crate::{
    site::{Received, read},
    sockets::{fresh_listener, port_of},
};
use std::{
    future, io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
    time::interval,
};
use uuid::Uuid;

/// How the server answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// As it should.
    Well,
    /// With this status.
    Status(u16),
    /// With a redirect to where it would answer.
    Redirects,
    /// With a page.
    Garbage,
    /// By closing the connection.
    HangsUp,
    /// Never.
    Silent,
    /// Never to the first request, and well to the others.
    LosesTheFirst,
    /// A line now and then, without an end.
    Drips,
    /// Lines without an end.
    Endless,
}

/// A running server. It ends when it is dropped.
#[derive(Debug)]
pub struct RangeApi {
    port: u16,
    state: Arc<State>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct State {
    /// SHA-1 in capital digits, and how often it was seen.
    listed: Vec<(String, u64)>,
    manner: Mutex<Manner>,
    received: Mutex<Vec<Received>>,
    number: AtomicUsize,
}

impl RangeApi {
    /// Lists these hashes, each with how often it was seen.
    ///
    /// # Panics
    /// When no port is free.
    #[must_use]
    pub fn start(manner: Manner, listed: &[(String, u64)]) -> Self {
        let listener = fresh_listener();
        let port = port_of(&listener);
        listener.set_nonblocking(true).expect("our own socket");
        let listener = TcpListener::from_std(listener).expect("the test runs in tokio");
        let (received, number) = (Mutex::default(), AtomicUsize::default());
        let state = Arc::new(State { listed: listed.to_vec(), manner: Mutex::new(manner), received, number });
        let serving = Arc::clone(&state);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // A client that disconnects does not concern the others.
                let state = Arc::clone(&serving);
                tokio::spawn(async move { drop(state.serve(BufReader::new(stream)).await) });
            }
        });
        Self { port, state, task }
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/range", self.port)
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The requests so far.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.state.received.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Answers in another manner from now on.
    pub fn becomes(&self, manner: Manner) {
        *self.state.manner.lock().unwrap_or_else(PoisonError::into_inner) = manner;
    }
}

impl Drop for RangeApi {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl State {
    async fn serve(&self, mut stream: BufReader<TcpStream>) -> io::Result<()> {
        let request = read(&mut stream).await?;
        let range = self.range(&request);
        self.received.lock().unwrap_or_else(PoisonError::into_inner).push(request);
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let manner = *self.manner.lock().unwrap_or_else(PoisonError::into_inner);
        match manner {
            Manner::LosesTheFirst if number == 0 => future::pending().await,
            Manner::Well | Manner::LosesTheFirst => answer(&mut stream, "200 OK", "", &range).await,
            Manner::Status(status) => answer(&mut stream, &format!("{status} -"), "", &range).await,
            Manner::Redirects => answer(&mut stream, "302 Found", "location: /elsewhere\r\n", &range).await,
            Manner::Garbage => answer(&mut stream, "200 OK", "", "<html>It works!</html>").await,
            Manner::HangsUp => Ok(()),
            Manner::Silent => future::pending().await,
            Manner::Drips | Manner::Endless => {
                stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n").await?;
                let mut moments = interval(Duration::from_millis(20));
                loop {
                    if manner == Manner::Drips {
                        moments.tick().await;
                    }
                    stream.write_all(padding().as_bytes()).await?;
                    stream.flush().await?;
                }
            }
        }
    }

    /// All entries with the prefix that is asked for, among some that are padding.
    fn range(&self, request: &Received) -> String {
        let prefix = request.target.strip_prefix("/range/").unwrap_or_default();
        let prefix = prefix.split('?').next().unwrap_or_default();
        let wants_padding = request.header("add-padding") == ["true"];
        let listed =
            self.listed.iter().filter_map(|(hash, count)| Some(format!("{}:{count}\r\n", hash.strip_prefix(prefix)?)));
        let padding = (0..if wants_padding { 800 } else { 0 }).map(|_| padding());
        padding.chain(listed).collect()
    }
}

/// An entry that lists nothing.
fn padding() -> String {
    let digits = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
    format!("{}:0\r\n", digits[..35].to_uppercase())
}

async fn answer(stream: &mut BufReader<TcpStream>, status: &str, header: &str, body: &str) -> io::Result<()> {
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\n{header}content-length: {length}\r\nconnection: close\r\n\r\n");
    stream.write_all(format!("{head}{body}").as_bytes()).await?;
    stream.flush().await
}
