//! Many sessions that refresh again and again while something goes wrong.

use crate::{
    client::{Client, Refreshed},
    ended::Ended,
    ledger::{FORKS, Ledger},
};
use futures_util::future::join_all;
use harness::{Http, Person, Stack, eventually};
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{task::JoinSet, time::sleep};

/// How long recovery may take under load. The promise of two seconds is tested elsewhere, on a machine at rest.
const RECOVERY: Duration = Duration::from_secs(20);

/// How many of a session's outdated tokens are tried; the first says most, since a theft ends the session.
const RIVALS: usize = 3;

/// How many sessions a user of the crowd has.
const DEVICES: usize = 4;

/// Sessions, each with one jar and one or more tabs.
pub struct Crowd {
    clients: Vec<Client>,
    tabs: usize,
    ledger: Arc<Ledger>,
}

/// Clients at work.
pub struct Load {
    is_over: Arc<AtomicBool>,
    tasks: JoinSet<()>,
}

impl Crowd {
    /// Logs in this many users, with four sessions each.
    pub async fn gather(stack: &Stack, users: usize, tabs: usize, patience: Duration, ledger: &Arc<Ledger>) -> Self {
        Self::gather_at(stack, &[Http::clone(&stack.auth)], users, tabs, patience, ledger).await
    }

    /// As [`Crowd::gather`], for clients that use any of these doors.
    pub async fn gather_at(
        stack: &Stack,
        doors: &[Http],
        users: usize,
        tabs: usize,
        patience: Duration,
        ledger: &Arc<Ledger>,
    ) -> Self {
        let devices = join_all((0..users).map(|_| async {
            let person = stack.person("crowd").await;
            let mut devices = vec![person.tokens.clone()];
            for _ in 1..DEVICES {
                devices.push(person.another_device().await);
            }
            devices
        }));
        let client = |tokens| Client::new(tokens, doors, patience, ledger);
        let clients = devices.await.into_iter().flatten().map(client).collect();
        Self { clients, tabs, ledger: Arc::clone(ledger) }
    }

    /// Lets all tabs refresh, and ended sessions try to come back, until the load is stopped.
    pub fn at_work(&self, ended: Option<&Ended>) -> Load {
        let is_over = Arc::new(AtomicBool::new(false));
        let mut tasks = JoinSet::new();
        for client in self.clients.iter().flat_map(|client| vec![client.clone(); self.tabs]) {
            let is_over = Arc::clone(&is_over);
            tasks.spawn(async move {
                while !is_over.load(Ordering::Relaxed) {
                    match client.refresh().await {
                        Refreshed::Yes => sleep(Duration::from_millis(fastrand::u64(0..40))).await,
                        Refreshed::NotNow => sleep(Duration::from_millis(fastrand::u64(10..80))).await,
                        // More requests do not help a service that is this slow.
                        Refreshed::GivenUp => sleep(Duration::from_millis(fastrand::u64(200..1000))).await,
                        Refreshed::Over => return,
                    }
                }
            });
        }
        if let Some(ended) = ended {
            tasks.spawn(ended.clone().haunt(Arc::clone(&is_over)));
        }
        Load { is_over, tasks }
    }

    /// Refreshes each session once more, however many tries it takes.
    ///
    /// # Panics
    /// When one does not get an answer within 20 s.
    pub async fn settle(&self) {
        let settled = self.clients.iter().map(|client| {
            eventually("a session goes on", RECOVERY, async || {
                matches!(client.refresh().await, Refreshed::Yes | Refreshed::Over).then_some(())
            })
        });
        join_all(settled).await;
    }

    /// How many tokens each session has been given, by its id.
    pub fn generations(&self) -> BTreeMap<String, u64> {
        let generation = |client: &Client| (client.jar.tokens().session_id, client.jar.generation());
        self.clients.iter().map(generation).collect()
    }

    /// Counts sessions with two tokens that can both be used, beyond the window: two rotations after everything has
    /// settled, only the newest token and its parent may be valid. Ends the sessions.
    pub async fn look_for_forks(&self, door: &Http, window: Duration) {
        for _ in 0..3 {
            sleep(window + window / 10).await;
            self.settle().await;
        }
        sleep(window + window / 10).await;
        self.ledger.add(FORKS, 0);
        join_all(self.clients.iter().map(|client| self.try_rivals(client, door))).await;
    }

    async fn try_rivals(&self, client: &Client, door: &Http) {
        let mut rivals = client.jar.outdated();
        assert!(!rivals.is_empty(), "a session that was refreshed thrice has outdated tokens");
        fastrand::shuffle(&mut rivals);
        for rival in rivals.iter().take(RIVALS) {
            let answer = door.refresh(rival).await;
            if answer.status != 401 {
                self.ledger.incident(FORKS, format!("an outdated token was accepted\n{answer}"));
            }
        }
    }

    /// Counts numbers that were given to two tokens of one session: where the store has lost nothing, that is a fork.
    pub fn look_for_twins(&self) {
        let twins: u64 = self.clients.iter().map(|client| client.jar.twins()).sum();
        self.ledger.add(FORKS, twins);
    }

    /// How often sessions were refreshed through another door than the last time.
    pub fn hops(&self) -> u64 {
        self.clients.iter().map(|client| client.jar.hops()).sum()
    }
}

impl Load {
    /// Waits until no request is under way.
    pub async fn stop(mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        while let Some(ended) = self.tasks.join_next().await {
            ended.expect("a client met an answer that it does not know");
        }
    }
}

/// How many generations all sessions together have lost.
pub fn rotations_lost(before: &BTreeMap<String, u64>, after: &BTreeMap<String, u64>) -> u64 {
    let lost = |(session, before): (&String, &u64)| before.saturating_sub(*after.get(session).unwrap_or(&0));
    before.iter().map(lost).sum()
}

/// A person's session with a token that has been exchanged three times.
pub async fn well_used(person: &mut Person) {
    for _ in 0..3 {
        person.refresh().await;
    }
}
