//! A line to auth-service that can lose answers: the request arrives, the answer does not.

use harness::sockets::{fresh_listener, port_of};
use std::{
    io,
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicU16, AtomicU64, Ordering},
    },
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// Where a line leads, and which answers are lost.
#[derive(Debug, Default)]
struct Losses {
    /// So many of the next ones.
    due: AtomicU64,
    lost: AtomicU64,
    service: AtomicU16,
}

/// A line. Dropping it cuts it.
#[derive(Debug)]
pub struct Line {
    port: u16,
    losses: Arc<Losses>,
    accepting: JoinHandle<()>,
}

impl Line {
    /// That leads nowhere yet.
    pub fn new() -> Self {
        let listener = fresh_listener();
        let port = port_of(&listener);
        listener.set_nonblocking(true).expect("our own socket");
        let listener = TcpListener::from_std(listener).expect("it does not block");
        let losses = Arc::<Losses>::default();
        let shared = Arc::clone(&losses);
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass(client, Arc::clone(&shared)));
            }
        });
        Self { port, losses, accepting }
    }

    /// Leads to a service at a port.
    pub fn lead_to(&self, service: u16) {
        self.losses.service.store(service, Ordering::SeqCst);
    }

    /// Its address, as a browser writes it.
    pub fn url(&self) -> String {
        format!("http://localhost:{}", self.port)
    }

    /// Loses the next answers.
    pub fn lose(&self, answers: u64) {
        self.losses.due.store(answers, Ordering::SeqCst);
    }

    /// How many have been lost.
    pub fn lost(&self) -> u64 {
        self.losses.lost.load(Ordering::SeqCst)
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn pass(client: TcpStream, losses: Arc<Losses>) -> io::Result<()> {
    let service = losses.service.load(Ordering::SeqCst);
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_service, mut to_service) = TcpStream::connect((Ipv4Addr::LOCALHOST, service)).await?.into_split();
    let requests = tokio::spawn(async move { tokio::io::copy(&mut from_client, &mut to_service).await });
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = from_service.read(&mut buffer).await?;
        let take = |due: u64| due.checked_sub(1);
        let is_lost = losses.due.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take).is_ok();
        if read == 0 || is_lost {
            losses.lost.fetch_add(u64::from(is_lost), Ordering::SeqCst);
            requests.abort();
            return Ok(());
        }
        to_client.write_all(&buffer[..read]).await?;
    }
}
