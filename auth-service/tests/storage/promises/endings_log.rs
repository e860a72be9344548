//! What the log of endings promises.

use super::accounts::{HOUR, checked, created, hash, hash_of, read, somebody};
use crate::samples::{account, event, key, now};
use auth_service::domain::{
    accounts::{AccountChange, Accounts, Epoch, NewAccount},
    audit::Action,
    keys::table::KeyTable,
    revocations::{Ending, EndingsLog, Numbered},
    sessions::endings::{Endings, Theft},
};
use serde_json::{Map, json};
use shared::ids::{SessionId, UserId};
use std::{
    collections::HashMap,
    hash::{BuildHasher as _, RandomState},
    time::Duration,
};

/// All that the log needs, and what ends something.
pub trait Store: Accounts + Endings + EndingsLog + KeyTable {}

impl<S: Accounts + Endings + EndingsLog + KeyTable> Store for S {}

/// Numbers everything, and reads what comes after a number.
async fn after(store: &impl Store, number: i64) -> Vec<Numbered> {
    while store.number().await.unwrap() {}
    let (endings, has_more) = store.after(number).await.unwrap();
    assert!(!has_more, "no test writes so many");
    endings
}

/// What is in the log after a number, which is moved on.
async fn news(store: &impl Store, number: &mut i64) -> Vec<Ending> {
    let numbered = after(store, *number).await;
    *number = numbered.last().map_or(*number, |last| last.number);
    numbered.into_iter().map(|numbered| numbered.ending.expect("all kinds are known")).collect()
}

fn bytes(id: impl ToString) -> Vec<u8> {
    id.to_string().into_bytes()
}

async fn user_ends(store: &impl Store, id: UserId, spared: Option<SessionId>) -> Ending {
    let epoch = read(store, id).await.session_epoch;
    Ending::User { sub: bytes(id), epoch, spared: spared.map(bytes) }
}

pub async fn every_way_to_end_something_writes_its_ending(store: &impl Store) {
    let (id, sid, mut number) = (somebody(store).await, SessionId::fresh(), 0);
    assert_eq!(news(store, &mut number).await, [], "a new user has nothing that could end");

    store.end_session(id, sid, now().plus(HOUR)).await.unwrap();
    assert_eq!(news(store, &mut number).await, [Ending::Session(bytes(sid))]);
    store.end_session(id, sid, now().plus(HOUR)).await.unwrap();
    assert_eq!(news(store, &mut number).await, [], "it had ended");

    let old = hash_of(store, id).await;
    assert!(
        store
            .change_password(id, &checked(store, id, &old, SessionId::fresh()).await, &hash("2"), now(), &[])
            .await
            .unwrap()
    );
    let kept = read(store, id).await.kept_session;
    assert!(kept.is_some());
    assert_eq!(news(store, &mut number).await, [user_ends(store, id, kept).await]);

    assert!(store.set_password(id, &hash("3"), now(), &[]).await.unwrap());
    assert_eq!(news(store, &mut number).await, [user_ends(store, id, None).await]);

    assert!(store.raise_epoch(id, None, now()).await.unwrap());
    assert_eq!(news(store, &mut number).await, [user_ends(store, id, None).await]);

    let disabled = AccountChange { disabled: Some(true), ..AccountChange::default() };
    assert!(store.update(id, &disabled, &[], now(), &[]).await.unwrap().is_some());
    assert_eq!(news(store, &mut number).await, [user_ends(store, id, None).await]);
    let enabled = AccountChange { disabled: Some(false), ..AccountChange::default() };
    assert!(store.update(id, &enabled, &[], now(), &[]).await.unwrap().is_some());
    assert_eq!(news(store, &mut number).await, [], "enabling ends nothing");

    let (stolen, epoch) = (SessionId::fresh(), read(store, id).await.session_epoch);
    let theft = event(Action::RefreshReuse);
    let theft = Theft { sub: id, sid: stolen, until: now().plus(HOUR), epoch: Some(epoch), event: &theft, mails: &[] };
    store.end_stolen(&theft).await.unwrap();
    assert_eq!(news(store, &mut number).await, [Ending::Session(bytes(stolen)), user_ends(store, id, None).await]);

    let epoch = read(store, id).await.session_epoch;
    assert!(store.delete(id, &[], None, &[]).await.unwrap());
    let endings = news(store, &mut number).await;
    let [Ending::User { sub, epoch: ended, spared: None }] = &endings[..] else { panic!("{endings:?}") };
    assert!(*sub == bytes(id) && *ended > epoch, "all that the user had has ended");
}

pub async fn what_changes_rights_is_in_the_log_and_what_does_not_is_not(store: &impl Store) {
    let (id, mut number) = (somebody(store).await, 0);
    let custom = json!({ "team": 7 }).as_object().cloned();
    let (roles, nothing) = (Some(vec!["admin".to_owned()]), AccountChange::default());
    for change in [
        AccountChange { roles: roles.clone(), ..AccountChange::default() },
        AccountChange { custom: custom.clone(), ..AccountChange::default() },
        AccountChange { custom: Some(Map::new()), ..AccountChange::default() },
    ] {
        let changed = store.update(id, &change, &[], now(), &[]).await.unwrap().expect("the user exists");
        let ending = Ending::Rights { sub: bytes(id), revision: changed.revision };
        assert_eq!(news(store, &mut number).await, [ending]);
    }
    for change in [nothing, AccountChange { roles, ..AccountChange::default() }] {
        assert!(store.update(id, &change, &[], now(), &[]).await.unwrap().is_some());
        assert_eq!(news(store, &mut number).await, [], "nothing has changed");
    }
    let old = hash_of(store, id).await;
    assert!(store.rehash(id, &old, &hash("the same in other words")).await.unwrap());
    assert!(store.unlock(id).await.unwrap());
    assert_eq!(news(store, &mut number).await, []);
}

pub async fn ending_everything_is_one_ending_however_many_users_there_are(store: &impl Store) {
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(somebody(store).await);
    }
    // A replica whose clock was ahead has raised this one's epoch.
    let ahead = now().plus(HOUR);
    assert!(store.raise_epoch(ids[0], None, ahead).await.unwrap());
    let mut number = 0;
    news(store, &mut number).await;
    let at = now().plus(Duration::from_secs(1));
    assert_eq!(store.raise_all_epochs(at).await.unwrap(), 5);
    let expected = [Ending::All(Epoch(at.millis())), user_ends(store, ids[0], None).await];
    assert_eq!(news(store, &mut number).await, expected, "the one whose epoch is a later one has an ending of its own");

    // Whoever comes now, with whatever clock, is not taken for one of those.
    let late = created(store, &NewAccount { created_at: now().minus(HOUR), ..account() }).await;
    assert!(read(store, late).await.session_epoch >= Epoch(at.millis()));
}

pub async fn a_user_who_is_created_again_under_the_same_id_begins_after_what_has_ended(store: &impl Store) {
    let first = account();
    let id = created(store, &first).await;
    assert!(store.raise_epoch(id, None, now().plus(HOUR)).await.unwrap());
    assert!(store.delete(id, &[], None, &[]).await.unwrap());
    let endings = after(store, 0).await;
    let Some(Ending::User { epoch, .. }) = endings.last().and_then(|last| last.ending.clone()) else {
        panic!("{endings:?}")
    };
    created(store, &first).await;
    assert!(read(store, id).await.session_epoch >= epoch, "new tokens are none of those that have ended");
}

pub async fn numbers_rise_are_at_least_the_time_and_are_given_once(store: &impl Store) {
    let begun = now().millis();
    let id = somebody(store).await;
    for _ in 0..3 {
        store.end_session(id, SessionId::fresh(), now().plus(HOUR)).await.unwrap();
    }
    let before = store.look().await.unwrap();
    assert!(before.has_unnumbered && before.newest.is_none());
    let first = after(store, 0).await;
    for _ in 0..3 {
        store.end_session(id, SessionId::fresh(), now().plus(HOUR)).await.unwrap();
    }
    let all = after(store, 0).await;
    assert_eq!(all[..3], first[..], "what has a number keeps it");
    let numbers: Vec<i64> = all.iter().map(|numbered| numbered.number).collect();
    assert!(numbers.len() == 6 && numbers.is_sorted_by(|one, next| one < next) && numbers[0] >= begun, "{numbers:?}");
    let look = store.look().await.unwrap();
    assert_eq!((look.newest, look.has_unnumbered), (numbers.last().copied(), false));
    assert_eq!(after(store, numbers[3]).await, all[4..]);
}

pub async fn numbers_rise_also_when_everything_has_been_forgotten(store: &impl Store) {
    let id = somebody(store).await;
    store.end_session(id, SessionId::fresh(), now().plus(HOUR)).await.unwrap();
    let last = after(store, 0).await[0].clone();
    assert_eq!(EndingsLog::forget(store, last.until.plus(HOUR), 100).await.unwrap(), 1);
    assert_eq!(store.look().await.unwrap().newest, Some(last.number), "readers who have read it are not sent back");
    store.end_session(id, SessionId::fresh(), now().plus(HOUR)).await.unwrap();
    let next = after(store, 0).await;
    assert!(next.len() == 1 && next[0].number > last.number);
}

pub async fn an_ending_is_kept_until_the_last_token_that_it_names_has_expired(store: &impl Store) {
    let id = somebody(store).await;
    for (slot, life) in [(1, 900), (2, 1_800)] {
        store
            .insert_if_vacant(&auth_service::domain::keys::table::NewKey {
                token_life: Duration::from_secs(life),
                ..key(slot)
            })
            .await
            .unwrap();
    }
    let begun = now();
    store.end_session(id, SessionId::fresh(), now().plus(HOUR)).await.unwrap();
    assert_eq!(
        EndingsLog::forget(store, now().plus(24 * HOUR), 100).await.unwrap(),
        0,
        "what has no number has no end"
    );
    let until = after(store, 0).await[0].until;
    let expected = begun.plus(Duration::from_secs(1_800 + 65));
    assert!(expected <= until && until <= expected.plus(Duration::from_secs(10)), "{until:?}");
    assert_eq!(EndingsLog::forget(store, until, 100).await.unwrap(), 0);
    assert_eq!(EndingsLog::forget(store, until.plus(Duration::from_millis(1)), 100).await.unwrap(), 1);
    assert_eq!(after(store, 0).await, []);
}

pub async fn a_revoked_token_has_ended_and_its_session_goes_on(store: &impl Store) {
    let (id, sid, mut number) = (somebody(store).await, SessionId::fresh(), 0);
    let has_ended =
        async |token: &str| store.status_of_token(id, sid, token).await.unwrap().expect("the user exists").0.ended;
    assert!(!has_ended("first").await);
    assert!(store.end_token("first").await.unwrap());
    assert!(!store.end_token("first").await.unwrap(), "it had ended");
    assert_eq!(news(store, &mut number).await, [Ending::Token(b"first".to_vec())]);
    assert!(has_ended("first").await && !has_ended("second").await);
    store.end_session(id, sid, now().plus(HOUR)).await.unwrap();
    assert!(has_ended("second").await);
    assert!(store.status_of_token(UserId::fresh(), sid, "second").await.unwrap().is_none());
}

pub async fn trying_out_the_database_writes_no_ending(store: &impl Store) {
    Accounts::probe(store).await.unwrap();
    assert!(!store.look().await.unwrap().has_unnumbered);
}

/// An access token, as far as endings are concerned.
struct Token {
    sub: UserId,
    sid: SessionId,
    epoch: Epoch,
}

/// What a verifier knows from the log.
#[derive(Default)]
struct Verifier {
    read: i64,
    sessions: Vec<Vec<u8>>,
    users: HashMap<Vec<u8>, (Epoch, Option<Vec<u8>>)>,
    all: Option<Epoch>,
}

impl Verifier {
    async fn follow(&mut self, store: &impl Store) {
        for ending in news(store, &mut self.read).await {
            match ending {
                Ending::Session(sid) => self.sessions.push(sid),
                Ending::User { sub, epoch, spared } => {
                    let known = self.users.get(&sub).map(|(epoch, _)| *epoch);
                    if known.is_none_or(|known| epoch > known) {
                        self.users.insert(sub, (epoch, spared));
                    }
                }
                Ending::All(epoch) => self.all = self.all.max(Some(epoch)),
                Ending::Rights { .. } => {}
                Ending::Token(_) => unreachable!("nothing here ends single tokens"),
            }
        }
    }

    fn refuses(&self, token: &Token) -> bool {
        let of_user = self.users.get(&bytes(token.sub));
        self.sessions.contains(&bytes(token.sid))
            || of_user.is_some_and(|(epoch, spared)| token.epoch < *epoch && *spared != Some(bytes(token.sid)))
            || self.all.is_some_and(|epoch| token.epoch < epoch)
    }
}

async fn is_alive(store: &impl Store, token: &Token) -> bool {
    let status = store.status(token.sub, token.sid).await.unwrap();
    status.is_some_and(|status| status.is_alive(token.sid, token.epoch))
}

/// Any numbers, again the same for a seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }
}

pub async fn whatever_happens_the_log_refuses_exactly_the_tokens_that_the_service_refuses(store: &impl Store) {
    let seed = RandomState::new().hash_one(());
    let (mut dice, mut verifier) = (Dice(seed), Verifier::default());
    let (mut users, mut tokens): (Vec<NewAccount>, Vec<Token>) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        let user = account();
        created(store, &user).await;
        users.push(user);
    }
    let mut done = Vec::new();
    for _ in 0..120 {
        let user = users[dice.roll(users.len())].clone();
        let id = user.id;
        // Clocks of replicas differ.
        let at = now().plus(Duration::from_millis(2_000)).minus(Duration::from_millis(dice.roll(4_000) as u64));
        let exists = store.by_id(id).await.unwrap().map(|found| found.account);
        let ours: Vec<SessionId> = tokens.iter().filter(|token| token.sub == id).map(|token| token.sid).collect();
        let what = dice.roll(11);
        done.push((what, users.iter().position(|other| other.id == id)));
        match what {
            0..=3 => {
                let Some(account) = exists.filter(|account| !account.disabled) else { continue };
                tokens.push(Token { sub: id, sid: SessionId::fresh(), epoch: account.session_epoch });
            }
            4 if !ours.is_empty() => {
                store.end_session(id, ours[dice.roll(ours.len())], now().plus(HOUR)).await.unwrap();
            }
            // Only a live session changes the password.
            5 if exists.is_some() => {
                let mut live = Vec::new();
                for token in tokens.iter().filter(|token| token.sub == id) {
                    if is_alive(store, token).await {
                        live.push(token.sid);
                    }
                }
                let Some(kept) = (!live.is_empty()).then(|| live[dice.roll(live.len())]) else { continue };
                let old = hash_of(store, id).await;
                store.change_password(id, &checked(store, id, &old, kept).await, &hash("new"), at, &[]).await.unwrap();
            }
            6 => drop(store.raise_epoch(id, None, at).await.unwrap()),
            7 | 8 => {
                let change = AccountChange { disabled: Some(what == 7), ..AccountChange::default() };
                store.update(id, &change, &[], at, &[]).await.unwrap();
            }
            9 if dice.roll(3) == 0 => drop(store.raise_all_epochs(at).await.unwrap()),
            10 if exists.is_some() && dice.roll(2) == 0 => drop(store.delete(id, &[], None, &[]).await.unwrap()),
            10 if exists.is_none() => store.create(&NewAccount { created_at: at, ..user }).await.unwrap(),
            _ => continue,
        }
        verifier.follow(store).await;
        for token in &tokens {
            assert_eq!(verifier.refuses(token), !is_alive(store, token).await, "seed {seed}: {done:?}");
        }
    }
}

/// What an operator changes by statements is completed, and is in the log.
pub async fn changes_by_hand_are_completed(store: &impl Store, run: impl AsyncFn(&str)) {
    let (id, mut number) = (somebody(store).await, 0);
    let before = read(store, id).await;
    run("UPDATE users SET disabled = 1").await;
    assert!(read(store, id).await.session_epoch > before.session_epoch, "sessions do not come back with the user");
    assert_eq!(news(store, &mut number).await, [user_ends(store, id, None).await]);
    run("UPDATE users SET disabled = 0").await;
    assert_eq!(news(store, &mut number).await, []);
    for change in ["roles = '[\"author\"]'", "custom = '{\"team\":7}'"] {
        let before = read(store, id).await.revision;
        run(&format!("UPDATE users SET {change}")).await;
        assert_eq!(read(store, id).await.revision, before + 1, "what an admin decided on has changed");
        assert_eq!(news(store, &mut number).await, [Ending::Rights { sub: bytes(id), revision: before + 1 }]);
    }
    run("DELETE FROM users").await;
    assert!(matches!(&news(store, &mut number).await[..], [Ending::User { sub, .. }] if *sub == bytes(id)));
}
