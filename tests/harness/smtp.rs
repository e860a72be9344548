//! A mail server that can misbehave. It keeps what it has accepted.

use crate::{
    eventually,
    sockets::{fresh_listener, port_of},
};
use std::{
    io::{self, ErrorKind},
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    },
};

/// How long a mail may take to arrive on a busy machine.
const ARRIVAL: Duration = Duration::from_secs(30);

/// The user and the password that it takes, as `AUTH PLAIN` sends them: `jeton` and `hunter2hunter2`.
const CREDENTIALS: &str = "AGpldG9uAGh1bnRlcjJodW50ZXIy";

/// What it does with connections and messages from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// Takes every message.
    Accepts,
    /// Accepts connections and says nothing.
    Hangs,
    /// Answers 451 to every recipient.
    PutsOff,
    /// Answers 550 to every recipient, and repeats the address.
    Refuses,
    /// Takes the message, keeps it, and closes the connection without an answer.
    CutsAfterData,
    /// Takes the message, keeps it, and does not answer.
    KeepsTheAnswer,
    /// Takes no user and no password any more.
    KnowsNobody,
}

/// How its connections are secured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// Not at all.
    None,
    /// By STARTTLS, with the certificate of `tests/e2e/tls/`.
    StartTls,
    /// From the first byte, with the same certificate.
    Tls,
}

/// A message that was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// The recipient, as the conversation named it.
    pub to: String,
    /// The message: head and body.
    pub message: String,
}

impl Received {
    /// The value of a header, as it was sent; empty if there is none.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        let head = self.message.split("\r\n\r\n").next().unwrap_or_default();
        let mut lines = head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(known, _)| known.eq_ignore_ascii_case(name)).map_or("", |(_, value)| value)
    }
}

/// A running mail server. Dropping it cuts its connections.
#[derive(Debug)]
pub struct MailServer {
    port: u16,
    inner: Arc<Inner>,
    serving: JoinHandle<()>,
}

struct Inner {
    security: Security,
    acceptor: TlsAcceptor,
    manner: Mutex<Manner>,
    received: Mutex<Vec<Received>>,
    connections: AtomicUsize,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MailServer").field("security", &self.security).field("received", &self.received).finish()
    }
}

impl MailServer {
    /// Starts one without TLS.
    ///
    /// # Panics
    /// When ports run out.
    #[must_use]
    pub fn start() -> Self {
        Self::secured(Security::None)
    }

    /// Starts one.
    ///
    /// # Panics
    /// When ports run out.
    #[must_use]
    pub fn secured(security: Security) -> Self {
        let listener = fresh_listener();
        let port = port_of(&listener);
        listener.set_nonblocking(true).expect("our own socket");
        let listener = TcpListener::from_std(listener).expect("within a runtime");
        let inner = Arc::new(Inner {
            security,
            acceptor: acceptor(),
            manner: Mutex::new(Manner::Accepts),
            received: Mutex::default(),
            connections: AtomicUsize::new(0),
        });
        let serving = tokio::spawn(serve(listener, Arc::clone(&inner)));
        Self { port, inner, serving }
    }

    /// Its address, as `AUTH_SMTP_URL` takes it.
    #[must_use]
    pub fn url(&self) -> String {
        let port = self.port;
        match self.inner.security {
            Security::None => format!("smtp://127.0.0.1:{port}"),
            Security::StartTls => format!("smtp://jeton:hunter2hunter2@localhost:{port}?tls=required"),
            Security::Tls => format!("smtps://jeton:hunter2hunter2@localhost:{port}"),
        }
    }

    /// Changes what it does, from the next command on.
    pub fn turns(&self, manner: Manner) {
        *self.inner.manner.lock().unwrap_or_else(PoisonError::into_inner) = manner;
    }

    /// What it has accepted, in the order of arrival.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.inner.received().clone()
    }

    /// How many connections were made.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.inner.connections.load(Ordering::SeqCst)
    }

    /// Waits for a mail to this address.
    ///
    /// # Panics
    /// When there is none within 30 s.
    pub async fn mail_to(&self, address: &str) -> Received {
        self.mails_to(address, 1).await.remove(0)
    }

    /// Waits for this many mails to an address.
    ///
    /// # Panics
    /// When there are fewer after 30 s.
    pub async fn mails_to(&self, address: &str, number: usize) -> Vec<Received> {
        eventually(&format!("{number} mails to {address}"), ARRIVAL, || async {
            let mails: Vec<_> = self.received().into_iter().filter(|mail| mail.to == address).collect();
            (mails.len() >= number).then_some(mails)
        })
        .await
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Inner {
    fn manner(&self) -> Manner {
        *self.manner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn received(&self) -> MutexGuard<'_, Vec<Received>> {
        self.received.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn acceptor() -> TlsAcceptor {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../e2e/tls");
    let certificate = CertificateDer::from_pem_file(directory.join("good.pem")).expect("a certificate");
    let key = PrivateKeyDer::from_pem_file(directory.join("server.key")).expect("a key");
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider has them")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("the key is the certificate's");
    TlsAcceptor::from(Arc::new(config))
}

async fn serve(listener: TcpListener, inner: Arc<Inner>) {
    // Aborted with this task.
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        inner.connections.fetch_add(1, Ordering::SeqCst);
        connections.spawn(connection(stream, Arc::clone(&inner)));
    }
}

async fn connection(stream: TcpStream, inner: Arc<Inner>) -> io::Result<()> {
    match inner.security {
        Security::None => Conversation::over(stream, &inner, false).held(true).await.map(drop),
        Security::Tls => {
            let stream = inner.acceptor.accept(stream).await?;
            Conversation::over(stream, &inner, true).held(true).await.map(drop)
        }
        Security::StartTls => {
            let Some(stream) = Conversation::over(stream, &inner, false).held(true).await? else { return Ok(()) };
            let stream = inner.acceptor.accept(stream).await?;
            Conversation::over(stream, &inner, true).held(false).await.map(drop)
        }
    }
}

struct Conversation<'a, S> {
    stream: BufReader<S>,
    inner: &'a Inner,
    is_secured: bool,
    to: String,
}

impl<'a, S: AsyncRead + AsyncWrite + Unpin> Conversation<'a, S> {
    fn over(stream: S, inner: &'a Inner, is_secured: bool) -> Self {
        Self { stream: BufReader::new(stream), inner, is_secured, to: String::new() }
    }

    /// Answers commands to the end; returns the connection if TLS is to begin on it.
    async fn held(mut self, greets: bool) -> io::Result<Option<S>> {
        if greets {
            self.hang_if(Manner::Hangs).await?;
            self.say("220 mail.example.org").await?;
        }
        loop {
            let mut line = String::new();
            if self.stream.read_line(&mut line).await? == 0 {
                return Ok(None);
            }
            let command = line.trim_end();
            match command.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase().as_str() {
                "EHLO" => self.say(&self.abilities()).await?,
                "STARTTLS" => {
                    self.say("220 go ahead").await?;
                    return Ok(Some(self.stream.into_inner()));
                }
                "AUTH" => self.log_in(command).await?,
                "RCPT" => self.recipient(command).await?,
                "DATA" => self.message().await?,
                "QUIT" => {
                    self.say("221 bye").await?;
                    return Ok(None);
                }
                _ => self.say("250 ok").await?,
            }
        }
    }

    fn abilities(&self) -> String {
        match (self.inner.security, self.is_secured) {
            (Security::None, _) => "250 mail.example.org".to_owned(),
            (_, false) => "250-mail.example.org\r\n250 STARTTLS".to_owned(),
            (_, true) => "250-mail.example.org\r\n250 AUTH PLAIN LOGIN".to_owned(),
        }
    }

    async fn log_in(&mut self, command: &str) -> io::Result<()> {
        let is_known = command == format!("AUTH PLAIN {CREDENTIALS}") && self.inner.manner() != Manner::KnowsNobody;
        self.say(if is_known { "235 welcome" } else { "535 5.7.8 unknown user or wrong password" }).await
    }

    async fn recipient(&mut self, command: &str) -> io::Result<()> {
        let address = command.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
        match self.inner.manner() {
            Manner::PutsOff => self.say("451 4.7.1 come back later").await,
            Manner::Refuses => self.say(&format!("550 5.1.1 <{address}>: there is no such mailbox")).await,
            _ => {
                self.to = address;
                self.say("250 ok").await
            }
        }
    }

    async fn message(&mut self) -> io::Result<()> {
        self.say("354 go on").await?;
        let mut message = Vec::new();
        while !message.ends_with(b"\r\n.\r\n") {
            message.push(self.stream.read_u8().await?);
        }
        message.truncate(message.len() - 3);
        let message = String::from_utf8(message).map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
        self.inner.received().push(Received { to: self.to.clone(), message });
        self.hang_if(Manner::KeepsTheAnswer).await?;
        match self.inner.manner() {
            Manner::CutsAfterData => Err(ErrorKind::ConnectionAborted.into()),
            _ => self.say("250 2.0.0 queued").await,
        }
    }

    /// In this manner, waits until the other side has gone.
    async fn hang_if(&mut self, manner: Manner) -> io::Result<()> {
        if self.inner.manner() == manner {
            let mut rest = Vec::new();
            self.stream.read_to_end(&mut rest).await?;
            return Err(ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }

    async fn say(&mut self, words: &str) -> io::Result<()> {
        self.stream.write_all(format!("{words}\r\n").as_bytes()).await?;
        self.stream.flush().await
    }
}
