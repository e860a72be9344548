//! A thief and a victim who both go on refreshing one session, at random paces, each refresh later than the window after
//! the one before: they are found out by the second refresh of the slower one, every time.

use crate::{ledger::Ledger, size::size};
use futures_util::{StreamExt as _, stream};
use harness::{Http, Person, Stack, Storage, Tokens, assert_problem};
use std::{sync::Arc, time::Duration};
use tokio::time::sleep;

const DUELS: &str = "duels";
const REFRESHES: &str = "refreshes";
const BY_THE_FIRST: &str = "found out by the first refresh of the slower one";
const BY_THE_SECOND: &str = "by the second";
const LATER: &str = "later";
const UNKNOWN: &str = "answers that were neither tokens nor a theft";

/// How many duels one user has, one after another.
const OF_A_USER: u64 = 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn embedded() {
    run("duels, embedded", Storage::Embedded, Duration::ZERO, size(15, 150), OF_A_USER).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_and_postgres() {
    run("duels, Redis and PostgreSQL", Storage::RedisAndPostgres, Duration::ZERO, size(15, 150), OF_A_USER).await;
}

/// With a window, and really waiting.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slower_than_a_real_window() {
    let window = Duration::from_secs(1);
    run("duels, slower than a window of 1 s", Storage::RedisAndPostgres, window, size(20, 40), size(1, 10)).await;
}

/// Users duel in parallel; more of them would crowd the logins out.
const AT_ONCE: usize = 20;

async fn run(name: &str, storage: Storage, window: Duration, users: u64, duels: u64) {
    let ledger = Arc::new(Ledger::default());
    let seconds = format!("{}s", window.as_secs());
    let stack = Stack::on(storage)
        .unlimited()
        .auth("AUTH_REPLAY_WINDOW", &seconds)
        .auth("AUTH_REUSE_ENDS", "session")
        .start_auth()
        .await;
    let of_a_user = async || {
        let victim = stack.person("victim").await;
        for _ in 0..duels {
            Duel::begin(&victim, window).await.fight(&stack.auth, &ledger).await;
        }
    };
    stream::iter(0..users).for_each_concurrent(AT_ONCE, |_| of_a_user()).await;
    ledger.conclude(name, &[DUELS, BY_THE_FIRST, BY_THE_SECOND], &[LATER, UNKNOWN]);
}

struct Duel {
    /// What the victim and the thief hold.
    held: [Tokens; 2],
    /// How often each has refreshed since the theft, the refusal included.
    refreshes: [u32; 2],
    /// How likely it is that the next refresh is the thief's.
    pace: f64,
    window: Duration,
}

impl Duel {
    async fn begin(victim: &Person, window: Duration) -> Self {
        let tokens = victim.another_device().await;
        // From one in five refreshes to four in five.
        let pace = 0.2 + 0.6 * fastrand::f64();
        Self { held: [tokens.clone(), tokens], refreshes: [0; 2], pace, window }
    }

    async fn fight(mut self, auth: &Http, ledger: &Ledger) {
        self.live_a_while(auth).await;
        ledger.add(DUELS, 1);
        loop {
            let party = usize::from(fastrand::f64() < self.pace);
            self.refreshes[party] += 1;
            self.wait().await;
            ledger.add(REFRESHES, 1);
            let answer = auth.refresh(&self.held[party]).await;
            match answer.status {
                200 => self.held[party] = answer.tokens(),
                401 => {
                    assert_problem(&answer, 401, "refresh_reused");
                    break;
                }
                _ => return ledger.incident(UNKNOWN, answer.to_string()),
            }
            if self.slower() > 2 {
                return ledger.incident(LATER, format!("after {:?} refreshes", self.refreshes));
            }
        }
        match self.slower() {
            0 | 1 => ledger.add(BY_THE_FIRST, 1),
            2 => ledger.add(BY_THE_SECOND, 1),
            _ => ledger.incident(LATER, format!("after {:?} refreshes", self.refreshes)),
        }
        for tokens in &self.held {
            assert_problem(&auth.refresh(tokens).await, 401, "session_ended");
        }
    }

    /// The victim uses the session, and the thief copies the token that is in use then.
    async fn live_a_while(&mut self, auth: &Http) {
        for _ in 0..fastrand::u32(0..3) {
            self.wait().await;
            self.held[0] = auth.refresh(&self.held[0]).await.tokens();
        }
        self.held[1] = self.held[0].clone();
    }

    async fn wait(&self) {
        sleep(self.window.mul_f64(1.05 + fastrand::f64() / 2.0)).await;
    }

    fn slower(&self) -> u32 {
        self.refreshes[0].min(self.refreshes[1])
    }
}
