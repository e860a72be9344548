//! A thief who has copied one token and keeps to the rules: watches the list of sessions for signs of the victim's
//! refreshes, refreshes with the copied token right after one, again and again while nothing happens, and goes on with
//! whatever tokens are answered.

use crate::{ledger::Ledger, size::size};
use futures_util::future::join_all;
use harness::{Answer, Http, Stack, Storage, Tokens};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::time::sleep;

const WINDOW: Duration = Duration::from_secs(1);

const VICTIMS: &str = "victims";
const BY_THE_VICTIM: &str = "refreshes by the victim";
const BY_THE_THIEF: &str = "by the thief";
const SIGNS: &str = "signs of a refresh in the list";
const FOUND_OUT: &str = "found out";
const LEFT_A_TRACE: &str = "not found out, and shown to the user";
const UNNOTICED: &str = "neither";
const UNKNOWN: &str = "answers that were neither tokens nor a refusal";

/// The user agents of the victim and of the thief.
const BROWSER: &str = "Browser/1.0";
const THIEF: &str = "Thief/6.6";

/// Comes again within every window, so as to be in time whenever the victim has refreshed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn asking_all_the_time() {
    run("a thief who asks all the time", WINDOW / 3, &[FOUND_OUT]).await;
}

/// Comes when the list shows something new, and otherwise seldom.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waiting_for_a_sign() {
    run("a thief who waits for a sign", WINDOW * 7, &[]).await;
}

async fn run(name: &str, idle: Duration, struck: &[&'static str]) {
    let ledger = Arc::new(Ledger::default());
    let settings = Stack::on(Storage::RedisAndPostgres).auth("AUTH_REPLAY_WINDOW", "1s");
    let stack = settings.auth("AUTH_REUSE_ENDS", "session").start_auth().await;
    join_all((0..size(6, 40)).map(|_| robbed(&stack, &ledger, idle))).await;
    ledger.conclude(
        name,
        &[&[VICTIMS, BY_THE_VICTIM, BY_THE_THIEF][..], struck].concat(),
        &[SIGNS, UNNOTICED, UNKNOWN],
    );
}

/// A victim who refreshes at a pace that the thief does not know, and the thief.
async fn robbed(stack: &Stack, ledger: &Ledger, idle: Duration) {
    let person = stack.person("victim").await;
    let first = refreshed(&stack.auth, &person.another_device().await, BROWSER).await.tokens();
    let mut victim = first.clone();
    let mut thief = Thief { copied: first, shown: None, asked: Instant::now(), idle };
    ledger.add(VICTIMS, 1);
    let until = Instant::now() + WINDOW * u32::try_from(size(45, 900)).unwrap_or(45);
    let mut next = Instant::now();
    let is_found_out = loop {
        if Instant::now() > until {
            break false;
        }
        if Instant::now() >= next {
            next = Instant::now() + WINDOW.mul_f64(15.0 + 15.0 * fastrand::f64());
            ledger.add(BY_THE_VICTIM, 1);
            match taken(refreshed(&stack.auth, &victim, BROWSER).await, ledger) {
                Some(tokens) => victim = tokens,
                None => break true,
            }
        }
        if !thief.goes_on(&stack.auth, ledger).await {
            break true;
        }
        sleep(WINDOW / 4).await;
    };
    let own = person.another_device().await;
    let shown = stack.auth.sessions(&own).await.expect(200);
    let has_left_a_trace = shown["incidents"].as_array().is_some_and(|incidents| !incidents.is_empty());
    ledger.add(if is_found_out { FOUND_OUT } else { LEFT_A_TRACE }, 1);
    if !has_left_a_trace {
        ledger.incident(UNNOTICED, shown.to_string());
    }
}

struct Thief {
    copied: Tokens,
    /// What the list has shown of the session.
    shown: Option<String>,
    asked: Instant,
    /// How long to wait without a sign.
    idle: Duration,
}

impl Thief {
    /// Whether the session goes on.
    async fn goes_on(&mut self, auth: &Http, ledger: &Ledger) -> bool {
        let list = auth.sessions(&self.copied).await;
        let session = list.json["sessions"].as_array().into_iter().flatten().find(|session| session["current"] == true);
        let shown = session.map(|session| format!("{} {}", session["ip"], session["user_agent"]));
        let is_sign = shown != self.shown && self.shown.is_some();
        self.shown = shown;
        if is_sign {
            ledger.incident(SIGNS, list.to_string());
        }
        if !is_sign && self.asked.elapsed() < self.idle {
            return true;
        }
        self.asked = Instant::now();
        ledger.add(BY_THE_THIEF, 1);
        let answer = refreshed(auth, &self.copied, THIEF).await;
        match taken(answer, ledger) {
            Some(tokens) => {
                self.takes(tokens);
                true
            }
            None => false,
        }
    }
}

impl Thief {
    /// What the copied token was exchanged for is not used: that would kill the victim's own. A token that the victim
    /// has moved on to is copied instead.
    fn takes(&mut self, answered: Tokens) {
        if answered.refresh_claims()["fam"] == self.copied.refresh_claims()["jti"] {
            self.copied.access = answered.access;
        } else {
            self.copied = answered;
        }
    }
}

async fn refreshed(auth: &Http, tokens: &Tokens, program: &str) -> Answer {
    auth.refresh_request(tokens).header("user-agent", program).send().await
}

/// The tokens, unless the session is over.
fn taken(answer: Answer, ledger: &Ledger) -> Option<Tokens> {
    match answer.status {
        200 => Some(answer.tokens()),
        401 => None,
        _ => {
            ledger.incident(UNKNOWN, answer.to_string());
            None
        }
    }
}
