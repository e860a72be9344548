//! A wire to a server that can go dead: connections stay open and nothing passes, as when a machine stalls or a
//! firewall forgets them.

use std::{net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::watch::{Receiver, Sender},
    time::sleep,
};

pub struct Wire {
    address: SocketAddr,
    state: Sender<State>,
}

#[derive(Clone, Copy, Default)]
struct State {
    is_dead: bool,
    /// How often it has forgotten its connections.
    forgotten: u32,
    connections: u32,
    /// How long a new connection takes before anything passes.
    to_connect: Duration,
}

impl Wire {
    pub async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Sender::new(State::default());
        let seen = state.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                seen.send_modify(|state| state.connections += 1);
                tokio::spawn(join(client, server, seen.subscribe()));
            }
        });
        Self { address, state }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many connections have been made through it.
    pub fn connections(&self) -> u32 {
        self.state.borrow().connections
    }

    /// From now on, new connections take this long.
    pub fn is_slow_to_connect(&self, delay: Duration) {
        self.state.send_modify(|state| state.to_connect = delay);
    }

    pub fn goes_dead(&self) {
        self.state.send_modify(|state| state.is_dead = true);
    }

    pub fn is_mended(&self) {
        self.state.send_modify(|state| state.is_dead = false);
    }

    /// Goes dead for good for existing connections; new ones work.
    pub fn forgets(&self) {
        self.state.send_modify(|state| state.forgotten += 1);
    }
}

async fn join(client: TcpStream, server: SocketAddr, state: Receiver<State>) {
    let delay = state.borrow().to_connect;
    sleep(delay).await;
    let Ok(server) = TcpStream::connect(server).await else { return };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::join!(pass(from_client, to_server, state.clone()), pass(from_server, to_client, state));
}

async fn pass(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, mut state: Receiver<State>) {
    let forgotten = state.borrow().forgotten;
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        let passes = state.wait_for(|state| !state.is_dead && state.forgotten == forgotten).await.is_ok();
        if !passes || to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}
