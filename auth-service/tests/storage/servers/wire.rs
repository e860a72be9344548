//! A wire to a server that can go dead: connections stay open and nothing passes, as when a machine stands still or a
//! firewall forgets.

use std::{net::SocketAddr, sync::Arc};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::watch,
};

pub struct Wire {
    address: SocketAddr,
    is_dead: Arc<watch::Sender<bool>>,
}

impl Wire {
    pub async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let is_dead = Arc::new(watch::Sender::new(false));
        let switch = is_dead.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(join(client, server, switch.subscribe()));
            }
        });
        Self { address, is_dead }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn goes_dead(&self) {
        self.is_dead.send_replace(true);
    }

    pub fn is_mended(&self) {
        self.is_dead.send_replace(false);
    }
}

async fn join(client: TcpStream, server: SocketAddr, is_dead: watch::Receiver<bool>) {
    let Ok(server) = TcpStream::connect(server).await else { return };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::join!(pass(from_client, to_server, is_dead.clone()), pass(from_server, to_client, is_dead));
}

async fn pass(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, mut is_dead: watch::Receiver<bool>) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        if is_dead.wait_for(|is_dead| !is_dead).await.is_err() || to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}
