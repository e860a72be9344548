//! A plain web server inside the test, which knows nothing about tokens: for use behind a gateway, or to publish keys.

use crate::sockets::{fresh_listener, port_of};
use std::{
    collections::VecDeque,
    fmt, io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// A running server. It ends when it is dropped.
#[derive(Debug)]
pub struct Site {
    port: u16,
    received: Arc<Mutex<VecDeque<Received>>>,
    task: JoinHandle<()>,
}

/// A request as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// The method.
    pub method: String,
    /// Path and query, undecoded.
    pub target: String,
    /// `HTTP/1.1`, or an older one.
    pub version: String,
    /// Names as they were written, and values; repeated ones stay repeated.
    pub headers: Vec<(String, String)>,
    /// What was announced by `Content-Length`.
    pub body: Vec<u8>,
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// The media type.
    pub content_type: &'static str,
    /// The body.
    pub body: String,
}

impl Site {
    /// Serves every request with `answer`.
    ///
    /// # Panics
    /// When no port is free.
    #[must_use]
    pub fn start(answer: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Self {
        let listener = fresh_listener();
        let port = port_of(&listener);
        listener.set_nonblocking(true).expect("our own socket");
        let listener = TcpListener::from_std(listener).expect("the test runs in tokio");
        let received = Arc::default();
        let task = tokio::spawn(serve(listener, Arc::new(answer), Arc::clone(&received)));
        Self { port, received, task }
    }

    /// `http://127.0.0.1:<port>`
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The requests since this was last asked, in order.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        lock(&self.received).drain(..).collect()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Received {
    /// The values of a header, whatever the case of its name.
    #[must_use]
    pub fn header(&self, name: &str) -> Vec<&str> {
        let named = self.headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str()).collect()
    }
}

impl fmt::Display for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} {}", self.method, self.target)?;
        self.headers.iter().try_for_each(|(name, value)| writeln!(f, "{name}: {value}"))
    }
}

impl Reply {
    /// 200 with JSON.
    #[must_use]
    pub fn json(body: &serde_json::Value) -> Self {
        Self { status: 200, content_type: "application/json", body: body.to_string() }
    }

    /// A status and nothing else.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self { status, content_type: "text/plain", body: String::new() }
    }
}

type Answer = dyn Fn(&Received) -> Reply + Send + Sync;

async fn serve(listener: TcpListener, answer: Arc<Answer>, received: Arc<Mutex<VecDeque<Received>>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (answer, received) = (Arc::clone(&answer), Arc::clone(&received));
        tokio::spawn(async move {
            // A client that disconnects does not concern the others.
            drop(one(BufReader::new(stream), &*answer, &received).await);
        });
    }
}

async fn one(
    mut stream: BufReader<TcpStream>,
    answer: &Answer,
    received: &Mutex<VecDeque<Received>>,
) -> io::Result<()> {
    let request = read(&mut stream).await?;
    let Reply { status, content_type, body } = answer(&request);
    lock(received).push_back(request);
    let head = format!("HTTP/1.1 {status} -\r\ncontent-type: {content_type}\r\ncontent-length: {}", body.len());
    stream.write_all(format!("{head}\r\nconnection: close\r\n\r\n{body}").as_bytes()).await
}

/// The next request of a connection.
pub(crate) async fn read(stream: &mut BufReader<TcpStream>) -> io::Result<Received> {
    let first = line(stream).await?;
    let mut words = first.split(' ').map(str::to_owned);
    let [method, target, version] = [(); 3].map(|()| words.next().unwrap_or_default());
    let mut headers = Vec::new();
    loop {
        let line = line(stream).await?;
        let Some((name, value)) = line.split_once(':') else { break };
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
    let mut request = Received { method, target, version, headers, body: Vec::new() };
    let length = request.header("content-length").first().and_then(|length| length.parse().ok()).unwrap_or(0);
    request.body.resize(length, 0);
    stream.read_exact(&mut request.body).await?;
    Ok(request)
}

/// A line without its end; an error where the connection ends.
async fn line(stream: &mut BufReader<TcpStream>) -> io::Result<String> {
    let mut line = String::new();
    if stream.read_line(&mut line).await? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(line.trim_end().to_owned())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
