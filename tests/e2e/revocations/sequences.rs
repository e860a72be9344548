//! Whatever people, thieves, admins and operators do, in whatever order: the feed refuses what auth-service refuses.

use super::feed::{PROMISE, Reader};
use crate::{
    letters::letter,
    recovery::{forgot, reset},
};
use fastrand::Rng;
use futures_util::future::join_all;
use harness::{Person, Stack, Storage, Tokens, lateness::Lateness, person::fresh_password};
use serde_json::json;
use std::{
    env,
    time::{Duration, Instant},
};
use tokio::time::sleep;

on_every_storage! {
    after_any_sequence_the_feed_refuses_what_auth_service_refuses,
}

const STEPS: usize = 40;

/// What may happen; the first ones more often.
const STEPS_OF: [&str; 22] = [
    "login",
    "login",
    "login",
    "refresh",
    "refresh",
    "refresh",
    "logout",
    "logout",
    "device",
    "everywhere",
    "password",
    "reset",
    "theft",
    "disable",
    "admin-end",
    "admin-delete",
    "delete",
    "register",
    "command",
    "end-all",
    "wipe",
    "restart",
];

/// Everybody, and every token that they ever had.
struct World {
    stack: Stack,
    storage: Storage,
    rng: Rng,
    people: Vec<Person>,
    /// Of each session, all tokens, the newest last.
    sessions: Vec<Vec<Tokens>>,
}

impl World {
    async fn new(storage: Storage, seed: u64) -> Self {
        let stack = Stack::on(storage).unlimited().auth("AUTH_REPLAY_WINDOW", "0s").auth("AUTH_MAX_SESSIONS", "3");
        let stack = stack.auth("AUTH_LIMIT_MAILS", "off").start_auth().await;
        let mut world = Self { stack, storage, rng: Rng::with_seed(seed), people: vec![], sessions: vec![] };
        for _ in 0..3 {
            world.register().await;
        }
        world
    }

    async fn register(&mut self) {
        let person = self.stack.person("somebody").await;
        self.sessions.push(vec![person.tokens.clone()]);
        self.people.push(person);
    }

    /// A session that auth-service accepts, as the device of its user sees it.
    async fn a_live_session(&mut self) -> Option<usize> {
        let mut order: Vec<usize> = (0..self.sessions.len()).collect();
        self.rng.shuffle(&mut order);
        for index in order {
            if self.stack.auth.me(self.newest(index)).await.status == 200 {
                return Some(index);
            }
        }
        None
    }

    fn newest(&self, session: usize) -> &Tokens {
        self.sessions[session].last().expect("a session begins with tokens")
    }

    async fn admin(&mut self) -> Tokens {
        let tokens = self.stack.admin().await.tokens;
        self.sessions.push(vec![tokens.clone()]);
        tokens
    }

    async fn command(&self, words: &[&str], input: &str) {
        let ended = self.stack.auth.command(words).input(input).ended().await;
        assert_eq!(ended.code, Some(0), "{words:?}: {ended:?}");
    }

    /// Does one thing, if there is anybody to do it.
    async fn step(&mut self, what: &str) -> Option<()> {
        let somebody = self.rng.usize(..self.people.len().max(1));
        match what {
            "register" => self.register().await,
            "wipe" if self.storage == Storage::Embedded => return None,
            "wipe" => self.stack.redis().flush(),
            "restart" => self.stack.auth.restart().await,
            "login" => {
                let tokens = self.people.get(somebody)?.another_device().await;
                self.sessions.push(vec![tokens]);
            }
            "reset" => self.reset(somebody).await?,
            "disable" | "admin-end" | "admin-delete" => {
                let (admin, id) = (self.admin().await, self.people.get(somebody)?.id.clone());
                let auth = &self.stack.auth;
                if what == "admin-end" {
                    auth.end_sessions_of(&admin, &id).await.expect(204);
                } else if what == "admin-delete" {
                    auth.delete_user(&admin, &id).await.expect(204);
                    self.people.remove(somebody);
                } else {
                    for disabled in [true, false] {
                        auth.change_user(&admin, &id, &json!({ "disabled": disabled })).await.expect(200);
                    }
                }
            }
            "command" => {
                let person = self.people.get_mut(somebody)?;
                person.password = fresh_password();
                let (email, input) = (person.email.clone(), format!("{}\n", person.password));
                match self.rng.u8(..3) {
                    0 => self.command(&["user", "set-password", &email], &input).await,
                    1 => {
                        self.command(&["sessions", "end", &email], "").await;
                        self.command(&["user", "set-password", &email], &input).await;
                    }
                    _ => {
                        self.command(&["user", "delete", &email, "--yes"], "").await;
                        self.people.remove(somebody);
                    }
                }
            }
            "end-all" => self.command(&["sessions", "end-all"], "").await,
            _ => self.with_a_session(what).await?,
        }
        Some(())
    }

    /// What users do who are logged in.
    async fn with_a_session(&mut self, what: &str) -> Option<()> {
        let session = self.a_live_session().await?;
        let tokens = self.newest(session).clone();
        let owner = self.people.iter().position(|person| tokens.claims()["sub"] == person.id.as_str())?;
        let auth = &self.stack.auth;
        match what {
            "refresh" => {
                let next = auth.refreshed(&tokens).await;
                self.sessions[session].push(next);
            }
            "logout" => drop(auth.logout(&tokens).await.expect(204)),
            "everywhere" => drop(auth.logout_all(&tokens).await.expect(204)),
            "device" => {
                let all = (0..self.sessions.len())
                    .filter(|other| self.newest(*other).claims()["sub"] == tokens.claims()["sub"]);
                let other = self.rng.choice(all.collect::<Vec<_>>())?;
                auth.end_session(&tokens, &self.newest(other).session_id).await.expect(204);
            }
            "password" => {
                let new = fresh_password();
                auth.change_password(&tokens, &self.people[owner].password, &new).await.expect(204);
                self.people[owner].password = new;
            }
            "theft" => {
                for _ in 0..2 {
                    let next = auth.refreshed(self.newest(session)).await;
                    self.sessions[session].push(next);
                }
                auth.refresh(&tokens).await.expect(401);
            }
            "delete" => {
                auth.delete_account(&tokens, &self.people[owner].password).await.expect(204);
                self.people.remove(owner);
            }
            other => panic!("nobody can {other}"),
        }
        Some(())
    }

    /// A forgotten password, at most once for each person: mails are a minute apart.
    async fn reset(&mut self, somebody: usize) -> Option<()> {
        let email = self.people.get(somebody)?.email.clone();
        if !self.stack.auth.mails(&email).await.is_empty() {
            return None;
        }
        let asked = forgot(&self.stack.auth, &email).await.expect(202);
        let mail = letter(&self.stack, &email, "password_reset").await;
        let new = fresh_password();
        let tokens = reset(&self.stack.auth, &asked.json, &mail.code, &new).await.tokens();
        self.people[somebody].password = new;
        self.sessions.push(vec![tokens]);
        Some(())
    }

    fn every_token(&self) -> impl Iterator<Item = &Tokens> {
        self.sessions.iter().flatten()
    }

    /// Which tokens auth-service refuses.
    async fn refused(&self) -> Vec<bool> {
        let answers = join_all(self.every_token().map(|tokens| self.stack.auth.me(tokens))).await;
        let refused = |answer: &harness::Answer| match answer.status {
            200 => false,
            401 => true,
            _ => panic!("{answer}"),
        };
        answers.iter().map(refused).collect()
    }

    /// The feed agrees with auth-service about every token, at most a second later.
    async fn assert_agreement(&self, reader: &mut Reader, done: &[&str]) {
        let lateness = Lateness::from_now();
        let refused = self.refused().await;
        let begun = Instant::now();
        loop {
            reader.catch_up(&self.stack.auth).await;
            let differs = self.every_token().zip(&refused).find(|(tokens, refused)| {
                let until = reader.held.refuses_until(&tokens.access);
                until.is_some() != **refused || until.is_some_and(|until| Some(until) < tokens.claims()["exp"].as_u64())
            });
            let Some((tokens, refused)) = differs else { return };
            assert!(
                begun.elapsed() < PROMISE + lateness.so_far(),
                "auth-service {} {}, and the feed differs, after {done:?}: {:?}",
                if *refused { "refuses" } else { "accepts" },
                tokens.claims(),
                reader.held,
            );
            sleep(Duration::from_millis(20)).await;
        }
    }
}

/// `JETON_SEED=… cargo test …` repeats a sequence.
fn seed() -> u64 {
    env::var("JETON_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(|| fastrand::u64(..))
}

async fn after_any_sequence_the_feed_refuses_what_auth_service_refuses(storage: Storage) {
    let seed = seed();
    println!("JETON_SEED={seed}");
    let mut world = World::new(storage, seed).await;
    let (mut reader, mut done) = (Reader::of(&world.stack), vec![]);
    while done.len() < STEPS {
        let what = *world.rng.choice(&STEPS_OF).expect("there are some");
        if world.step(what).await.is_some() {
            done.push(what);
            world.assert_agreement(&mut reader, &done).await;
        }
    }
    let mut late = Reader::of(&world.stack);
    world.assert_agreement(&mut late, &done).await;
    assert_eq!(reader.restarts, 0, "it never had to begin again");
}
