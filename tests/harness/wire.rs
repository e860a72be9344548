//! A wire between a service and a store that counts what the service sends.

use crate::sockets::{fresh_listener, port_of};
use std::{
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::{
    io::{self, AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
};

/// Passes everything on, and counts what goes to the server.
#[derive(Debug)]
pub struct Wire {
    port: u16,
    asked: Arc<AtomicU64>,
}

impl Wire {
    /// To a server on loopback, for as long as the runtime lives.
    ///
    /// # Panics
    /// Outside a runtime.
    #[must_use]
    pub fn to(server: u16) -> Self {
        let listener = fresh_listener();
        let (port, asked) = (port_of(&listener), Arc::new(AtomicU64::new(0)));
        listener.set_nonblocking(true).expect("our own socket");
        let listener = TcpListener::from_std(listener).expect("a runtime");
        let counted = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(join(client, server, Arc::clone(&counted)));
            }
        });
        Self { port, asked }
    }

    /// A wire to the server of this URL, and the URL that leads through it.
    ///
    /// # Panics
    /// When the URL has no port on loopback.
    #[must_use]
    pub fn through(url: &str) -> (Self, String) {
        let (start, rest) = url.split_once("127.0.0.1:").expect("a URL of loopback");
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let wire = Self::to(rest[..digits].parse().expect("a port"));
        let url = format!("{start}127.0.0.1:{}{}", wire.port, &rest[digits..]);
        (wire, url)
    }

    /// How many bytes the service has sent so far.
    #[must_use]
    pub fn asked(&self) -> u64 {
        self.asked.load(Ordering::SeqCst)
    }
}

async fn join(client: TcpStream, server: u16, asked: Arc<AtomicU64>) {
    let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, server)).await else { return };
    let (from_client, mut to_client) = client.into_split();
    let (mut from_server, to_server) = server.into_split();
    drop(tokio::join!(pass(from_client, to_server, asked), io::copy(&mut from_server, &mut to_client)));
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, asked: Arc<AtomicU64>) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        asked.fetch_add(read as u64, Ordering::SeqCst);
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}
