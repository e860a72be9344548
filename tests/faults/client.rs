//! A client that keeps to what `docs/sessions.md` asks of it: one jar for all its tabs, a request carries what is in the
//! jar when it is sent, a request that takes too long is given up, and only a 401 from `/auth/refresh` ends the session.

use crate::ledger::{ACKNOWLEDGED, CUT, GIVEN_UP, Ledger, PUT_OFF, SESSIONS_LOST};
use harness::{Answer, Http, Tokens, answer::assert_is_problem};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::timeout;

/// Longer than any answer takes: for clients that send one request at a time and need not give up.
pub const UNLIMITED: Duration = Duration::from_secs(30);

/// Requests that found nobody listening.
const NOT_CONNECTED: &str = "connections refused";

/// Where a client's tabs keep the session's tokens. The last that arrive are kept.
#[derive(Debug)]
pub struct Jar(Mutex<Contents>);

#[derive(Debug)]
struct Contents {
    tokens: Tokens,
    /// Every refresh token that was ever handed out, by its number in the session.
    handed_out: BTreeMap<u64, String>,
    /// How often a number was handed out twice.
    twins: u64,
    /// How often an older token came after a newer one.
    steps_back: u64,
    /// The port that answered last, and how often another one did.
    door: Option<u16>,
    hops: u64,
    is_over: bool,
}

impl Jar {
    fn new(tokens: Tokens) -> Self {
        let handed_out = BTreeMap::from([(number_of(&tokens), tokens.refresh.clone())]);
        Self(Mutex::new(Contents { tokens, handed_out, twins: 0, steps_back: 0, door: None, hops: 0, is_over: false }))
    }

    /// What is in it now.
    pub fn tokens(&self) -> Tokens {
        self.lock().tokens.clone()
    }

    /// The number of the newest token that was ever in it.
    pub fn generation(&self) -> u64 {
        self.lock().handed_out.last_key_value().map_or(0, |(number, _)| *number)
    }

    /// How often a number was handed out twice: a store that loses nothing must never let that happen.
    pub fn twins(&self) -> u64 {
        self.lock().twins
    }

    /// How often an older token came after a newer one.
    pub fn steps_back(&self) -> u64 {
        self.lock().steps_back
    }

    /// How often an answer came from another door than the one before.
    pub fn hops(&self) -> u64 {
        self.lock().hops
    }

    /// All tokens that were handed out but the newest two: the one in use, and its parent, which may be retried.
    pub fn outdated(&self) -> Vec<Tokens> {
        let contents = self.lock();
        let outdated = contents.handed_out.values().rev().skip(2);
        outdated.map(|refresh| contents.tokens.with_refresh(refresh)).collect()
    }

    fn is_over(&self) -> bool {
        self.lock().is_over
    }

    /// Marks the session as over, and returns whether it was before. A client then logs in again and asks no more.
    fn ends(&self) -> bool {
        std::mem::replace(&mut self.lock().is_over, true)
    }

    fn put(&self, tokens: Tokens, door: u16) {
        let number = number_of(&tokens);
        let mut contents = self.lock();
        contents.steps_back += u64::from(number < number_of(&contents.tokens));
        let before = contents.handed_out.insert(number, tokens.refresh.clone());
        contents.twins += u64::from(before.is_some_and(|before| before != tokens.refresh));
        contents.hops += u64::from(contents.door.replace(door).is_some_and(|before| before != door));
        contents.tokens = tokens;
    }

    fn lock(&self) -> MutexGuard<'_, Contents> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Which of the session's tokens it is.
pub fn number_of(tokens: &Tokens) -> u64 {
    tokens.refresh_claims()["gen"].as_u64().expect("gen is a number")
}

/// The outcome of a refresh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refreshed {
    Yes,
    /// Not now: the tokens are kept.
    NotNow,
    /// No answer in time: the tokens are kept.
    GivenUp,
    /// The session is over.
    Over,
}

/// A tab of a client. Clones share the jar.
#[derive(Debug, Clone)]
pub struct Client {
    pub jar: Arc<Jar>,
    /// Where auth-service is reached; each request goes to a random one.
    doors: Vec<Http>,
    /// After how long a request is given up: half the replay window.
    patience: Duration,
    ledger: Arc<Ledger>,
}

impl Client {
    /// A client with the tokens of a login.
    pub fn new(tokens: Tokens, doors: &[Http], patience: Duration, ledger: &Arc<Ledger>) -> Self {
        let (jar, doors) = (Arc::new(Jar::new(tokens)), doors.to_vec());
        Self { jar, doors, patience, ledger: Arc::clone(ledger) }
    }

    /// One request.
    ///
    /// # Panics
    /// When the contract of the service does not allow the answer.
    pub async fn refresh(&self) -> Refreshed {
        if self.jar.is_over() {
            return Refreshed::Over;
        }
        let held = self.jar.tokens();
        let door = fastrand::choice(&self.doors).expect("there is a door");
        match timeout(self.patience, door.refresh_request(&held).try_send()).await {
            Ok(Ok(answer)) => self.take(&answer, &held, door.port()),
            Ok(Err(error)) => {
                self.ledger.add(if error.is_connect() { NOT_CONNECTED } else { CUT }, 1);
                Refreshed::NotNow
            }
            Err(_) => {
                self.ledger.add(GIVEN_UP, 1);
                Refreshed::GivenUp
            }
        }
    }

    fn take(&self, answer: &Answer, held: &Tokens, door: u16) -> Refreshed {
        match answer.status {
            200 => {
                self.jar.put(answer.tokens(), door);
                self.ledger.add(ACKNOWLEDGED, 1);
                Refreshed::Yes
            }
            429 | 503 => {
                // It says when to retry.
                assert_is_problem(answer);
                self.ledger.add(PUT_OFF, 1);
                Refreshed::NotNow
            }
            401 => {
                if !self.jar.ends() {
                    let (presented, newest) = (number_of(held), self.jar.generation());
                    self.ledger.incident(SESSIONS_LOST, format!("with token {presented} of {newest}\n{answer}"));
                }
                Refreshed::Over
            }
            _ => panic!("not an answer to a refresh\n{answer}"),
        }
    }
}
