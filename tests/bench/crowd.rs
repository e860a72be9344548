//! Sessions that are refreshed all at once, each by its own client on its own connection.

use crate::connection::{Connection, post};
use futures_util::future::join_all;
use harness::{Person, Transport};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::time::{Instant as TokioInstant, sleep_until};

/// One session.
#[derive(Debug)]
struct Client {
    connection: Connection,
    refresh_token: String,
}

impl Client {
    async fn refresh(&mut self) {
        let request = post("/auth/refresh", &json!({ "refresh_token": self.refresh_token }));
        let answer = self.connection.ask_json(&request).await;
        self.refresh_token = text(&answer, "refresh_token");
    }
}

/// Clients of one person.
#[derive(Debug)]
pub(crate) struct Crowd(Vec<Client>);

impl Crowd {
    /// This many sessions at the service on this port.
    pub(crate) async fn of(person: &Person, port: u16, sessions: usize) -> Self {
        let mut clients = Vec::new();
        for _ in 0..sessions {
            let mut connection = Connection::to(port).await;
            let answer = connection.ask_json(&login_of(person)).await;
            clients.push(Client { connection, refresh_token: text(&answer, "refresh_token") });
        }
        Self(clients)
    }

    /// How many refreshes [`Crowd::refresh`] makes in all.
    pub(crate) fn refreshes(&self, times: usize) -> usize {
        self.0.len() * times
    }

    /// Refreshes each session this many times, as fast as the service answers. Returns how long that took.
    pub(crate) async fn refresh(&mut self, times: usize) -> Duration {
        let begun = Instant::now();
        join_all(self.0.iter_mut().map(async |client| {
            for _ in 0..times {
                client.refresh().await;
            }
        }))
        .await;
        begun.elapsed()
    }

    /// Refreshes each session this many times, at this pace. Returns how long each refresh took, in order.
    pub(crate) async fn refresh_every(&mut self, pace: Duration, times: u32) -> Vec<Duration> {
        let count = u32::try_from(self.0.len()).expect("a crowd is small");
        let clients = self.0.iter_mut().zip(0..);
        let took = join_all(clients.map(async |(client, index)| {
            let mut took = Vec::new();
            let first = TokioInstant::now() + pace * index / count;
            for turn in 0..times {
                sleep_until(first + pace * turn).await;
                let begun = Instant::now();
                client.refresh().await;
                took.push(begun.elapsed());
            }
            took
        }))
        .await;
        let mut took = took.concat();
        took.sort();
        took
    }
}

/// A login of this person.
pub(crate) fn login_of(person: &Person) -> Vec<u8> {
    let transport = Transport::Body.name();
    post("/auth/login", &json!({ "email": person.email, "password": person.password, "transport": transport }))
}

fn text(answer: &Value, member: &str) -> String {
    answer[member].as_str().expect("tokens were answered").to_owned()
}
