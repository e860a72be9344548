//! A publisher of keys, of which the tests have the private halves, that counts how often they are fetched:
//! auth-service rightly gives no key away to forge with.

use harness::{
    Site,
    site::{Received, Reply},
    sockets::{fresh_listener, port_of},
};
use serde_json::{Value, json};
use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    io::AsyncWriteExt as _,
    net::{TcpListener, TcpStream},
    task::JoinHandle,
    time::sleep,
};

/// Where keys are published, as auth-service does.
pub(crate) const PATH: &str = "/.well-known/jwks.json";

/// A running publisher.
#[derive(Debug)]
pub(crate) struct Publisher {
    site: Site,
    keys: Arc<Mutex<Vec<Value>>>,
}

impl Publisher {
    /// Publishes no key yet.
    pub(crate) fn start() -> Self {
        let keys = Arc::<Mutex<Vec<Value>>>::default();
        let published = Arc::clone(&keys);
        Self { site: Site::start(move |request| answer(request, &published)), keys }
    }

    /// Its URL, which is the issuer.
    pub(crate) fn url(&self) -> String {
        self.site.url()
    }

    /// Replaces the keys.
    pub(crate) fn publish(&self, keys: &[&Value]) {
        *self.keys.lock().unwrap_or_else(PoisonError::into_inner) = keys.iter().copied().cloned().collect();
    }

    /// How often the keys were fetched since this was last asked.
    pub(crate) fn fetches(&self) -> usize {
        self.site.received().iter().filter(|request| request.target == PATH).count()
    }
}

fn answer(request: &Received, keys: &Mutex<Vec<Value>>) -> Reply {
    if request.target != PATH {
        return Reply::status(404);
    }
    Reply::json(&json!({ "keys": *keys.lock().unwrap_or_else(PoisonError::into_inner) }))
}

/// A publisher whose answer never ends: a byte comes five times a second.
#[derive(Debug)]
pub(crate) struct Dripping {
    port: u16,
    task: JoinHandle<()>,
}

impl Dripping {
    /// Drips in the body, or already in a header.
    pub(crate) fn start(in_body: bool) -> Self {
        let listener = fresh_listener();
        let port = port_of(&listener);
        listener.set_nonblocking(true).expect("our own socket");
        let listener = TcpListener::from_std(listener).expect("the conversation runs in tokio");
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // It ends when the other side does.
                tokio::spawn(async move { drop(drip(stream, in_body).await) });
            }
        });
        Self { port, task }
    }

    /// Its URL, which is the issuer.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for Dripping {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn drip(mut stream: TcpStream, in_body: bool) -> io::Result<()> {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 10000\r\n";
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(if in_body { b"\r\n{" } else { b"X-Any: " }).await?;
    loop {
        sleep(Duration::from_millis(200)).await;
        stream.write_all(if in_body { b" " } else { b"x" }).await?;
    }
}
