//! The map against a list of everything that was ever said.

use crate::{
    access_token::Digest,
    revocations::{
        map::{Ending, Layers, Limits, Moment, Seed, Token},
        page::Named,
    },
};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// Names are few, so that they meet.
const NAMES: u8 = 4;

fn digest(number: u8) -> Digest {
    Digest::of("sid", &number.to_string())
}

/// An ending, a lookup, or time that passes.
#[derive(Debug, Clone)]
enum Event {
    /// Several, as of one page; how long each is kept.
    Ends(Vec<(Said, u32)>),
    Passes(u32),
    Sweeps,
}

#[derive(Debug, Clone, Copy)]
enum Said {
    Whole(u8),
    Epoch(u8, i64, Option<u8>),
    Rev(u8, i64),
    Everybody(i64),
}

impl Said {
    fn named(self) -> Named {
        match self {
            Self::Whole(name) => Named::Whole(digest(name)),
            Self::Epoch(name, epoch, but) => {
                Named::User { name: digest(name), epoch: Some((epoch, but.map(digest))), rev: None }
            }
            Self::Rev(name, rev) => Named::User { name: digest(name), epoch: None, rev: Some(rev) },
            Self::Everybody(epoch) => Named::Everybody { epoch },
        }
    }
}

/// What is known of one name, as the contract says it, without layers: until when, and what.
#[derive(Debug, Clone, Default)]
struct Naive {
    whole: BTreeMap<u8, u32>,
    users: BTreeMap<u8, NaiveUser>,
    everybody: (u32, i64),
}

/// What was ever said of one user, and until when.
#[derive(Debug, Clone, Default)]
struct NaiveUser {
    until: u32,
    epochs: Vec<(i64, Option<u8>)>,
    revs: Vec<i64>,
}

/// Kept for so much longer that a repetition is no news.
fn later(held: u32, until: u32) -> u32 {
    if held >= until { held } else { until + 2 }
}

impl Naive {
    fn hears(&mut self, said: Said, until: u32, now: u32) {
        match said {
            Said::Whole(name) => {
                let held = self.whole.entry(name).or_default();
                *held = later(if *held > now { *held } else { 0 }, until);
            }
            Said::Epoch(name, ..) | Said::Rev(name, _) => {
                let held = self.users.entry(name).or_default();
                if held.until <= now {
                    *held = NaiveUser::default();
                }
                held.until = later(held.until, until);
                match said {
                    Said::Epoch(_, epoch, but) => held.epochs.push((epoch, but)),
                    Said::Rev(_, rev) => held.revs.push(rev),
                    Said::Whole(_) | Said::Everybody(_) => {}
                }
            }
            Said::Everybody(epoch) => {
                let held = if self.everybody.0 > now { self.everybody } else { (0, 0) };
                self.everybody = (later(held.0, until), held.1.max(epoch));
            }
        }
    }

    fn ends(&self, session: u8, itself: u8, user: u8, epoch: i64, rev: i64, now: u32) -> bool {
        let whole = |name| self.whole.get(&name).is_some_and(|until| now < *until);
        let of_user = self.users.get(&user).filter(|user| now < user.until);
        let by_user = of_user.is_some_and(|NaiveUser { epochs, revs, .. }| {
            let highest = epochs.iter().map(|(epoch, _)| *epoch).max();
            let is_spared =
                epochs.iter().filter(|(epoch, _)| Some(*epoch) == highest).all(|(_, but)| *but == Some(session));
            highest.is_some_and(|highest| epoch < highest && !is_spared) || revs.iter().any(|least| rev < *least)
        });
        whole(session) || whole(itself) || by_user || (now < self.everybody.0 && epoch < self.everybody.1)
    }
}

fn said() -> impl Strategy<Value = Said> {
    let name = || 0..NAMES;
    prop_oneof![
        name().prop_map(Said::Whole),
        (name(), 0..4_i64, prop::option::of(name())).prop_map(|(name, epoch, but)| Said::Epoch(name, epoch, but)),
        (name(), 0..4_i64).prop_map(|(name, rev)| Said::Rev(name, rev)),
        (0..3_i64).prop_map(Said::Everybody),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => prop::collection::vec((said(), 0..20_u32), 1..6).prop_map(Event::Ends),
        2 => (0..15_u32).prop_map(Event::Passes),
        1 => Just(Event::Sweeps),
    ]
}

/// Every token that the names can make.
fn tokens() -> impl Iterator<Item = (u8, u8, u8, i64, i64)> {
    let names = || 0..NAMES;
    names().flat_map(move |session| {
        names().flat_map(move |user| {
            (0..4).flat_map(move |epoch| (0..4).map(move |rev| (session, (session + 1) % NAMES, user, epoch, rev)))
        })
    })
}

proptest! {
    #[test]
    fn the_map_refuses_exactly_what_was_said_and_has_not_expired(
        events in prop::collection::vec(event(), 1..40),
        delta in 0..6_usize,
    ) {
        let limits = Limits { entries: 1000, delta };
        let (mut layers, mut naive, mut now) = (Layers::empty(Seed::fresh()), Naive::default(), 0_u32);
        for event in events {
            match event {
                Event::Ends(list) => {
                    let endings: Vec<Ending> = list
                        .iter()
                        .map(|(said, life)| Ending { named: said.named(), until: Moment(now + life) })
                        .collect();
                    list.iter().filter(|(_, life)| *life > 0).for_each(|(said, life)| naive.hears(*said, now + life, now));
                    let addition = layers.with(&endings, Moment(now), limits);
                    prop_assert_eq!(addition.left_out, 0);
                    layers = addition.layers.unwrap_or(layers);
                    prop_assert!(layers.with(&endings, Moment(now), limits).layers.is_none(), "repetition is no news");
                    prop_assert!(layers.delta.len() <= delta);
                }
                Event::Passes(seconds) => now += seconds,
                Event::Sweeps => layers = layers.merged(Moment(now)),
            }
            for (session, itself, user, epoch, rev) in tokens() {
                let names = crate::access_token::Names { session: digest(session), token: digest(itself), user: digest(user) };
                let found = layers.end(&Token { names, epoch, rev }, || Moment(now));
                prop_assert_eq!(found, naive.ends(session, itself, user, epoch, rev, now), "{} {} {} {} {}", session, itself, user, epoch, rev);
            }
        }
        let swept = layers.merged(Moment(now + 1000));
        prop_assert_eq!(swept.len(), 0);
    }
}

#[test]
fn beyond_the_limit_what_is_held_stays_and_is_still_renewed() {
    let limits = Limits { entries: 3, delta: 1 };
    let ending = |number, until| Ending { named: Named::Whole(digest(number)), until: Moment(until) };
    let full = Layers::empty(Seed::fresh()).with(&[ending(0, 10), ending(1, 10), ending(2, 10)], Moment(0), limits);
    let full = full.layers.expect("news");
    let addition = full.with(&[ending(3, 10), ending(0, 50)], Moment(0), limits);
    assert_eq!(addition.left_out, 1);
    let renewed = addition.layers.expect("one is kept longer");
    assert_eq!(renewed.len(), 3);
    assert!(renewed.all_whole().any(|(name, until)| *name == digest(0) && until >= Moment(50)));
    assert!(renewed.all_whole().all(|(name, _)| *name != digest(3)));
}
