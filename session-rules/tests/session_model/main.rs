//! The session protocol, model-checked: `decide` itself, the function that the service runs, under every interleaving
//! of a small world. `JETON_MODEL=deep` explores a larger one.
//!
//! What is assumed of a client, as the contract for clients says (`docs/sessions.md`): its requests and tabs share one
//! place for the refresh token, each request carries what is there when it is sent, a request arrives within half the
//! replay window of its sending or never, and a response that has not come within half the window of the sending is
//! given up.

mod duel;
mod world;

use duel::Duel;
use session_rules::{Row, TABLE};
use stateright::{Checker, HasDiscoveries, Model};
use std::{hash::Hash, time::Instant};
use world::{Bounds, World};

fn is_deep() -> bool {
    std::env::var("JETON_MODEL").is_ok_and(|depth| depth == "deep")
}

/// Explores everything within the model's bounds, and prints how much that was. Returns the names of the properties
/// that were violated or, for those that say that something *can* happen, never seen.
fn violations<M>(name: &str, model: M) -> Vec<&'static str>
where
    M: Model + Send + Sync + 'static,
    M::State: Hash + Clone + Send + Sync + std::fmt::Debug + PartialEq,
    M::Action: Clone + Send + Sync + std::fmt::Debug + PartialEq,
{
    let began = Instant::now();
    let checker = model.checker().threads(2).finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
    println!(
        "{name}: {} states, {} of them unique, depth {}, {:.1?}",
        checker.state_count(),
        checker.unique_state_count(),
        checker.max_depth(),
        began.elapsed()
    );
    let mut violated = Vec::new();
    for property in checker.model().properties() {
        let found = checker.discovery(property.name);
        let is_violated = match property.expectation {
            stateright::Expectation::Sometimes => found.is_none() && checker.is_done(),
            stateright::Expectation::Always | stateright::Expectation::Eventually => found.is_some(),
        };
        if is_violated {
            violated.push(property.name);
            if let Some(path) = found {
                println!("{}:", property.name);
                for action in path.into_actions() {
                    println!("    {action:?}");
                }
            }
        }
    }
    violated
}

/// Tabs that share a cookie and do not know of each other, responses that are late, lost or out of order, replicas that
/// stall or die between any two steps, and a store that may lose everything at any moment.
fn tabs(table: &[Row]) -> World {
    let small = Bounds { ticks: 4, tokens: 5, in_flight: 2, wipes: 1, ..patient() };
    let deep = Bounds { ticks: 6, tokens: 6, in_flight: 3, wipes: 2, ..small };
    World::new(table.to_vec(), if is_deep() { deep } else { small })
}

/// As [`tabs`], on a session that was idle for so long that the token they wake up with is old.
fn tabs_that_wake_up(table: &[Row]) -> World {
    let small = Bounds { ticks: 4, tokens: 5, in_flight: 2, wipes: 1, begins_idle: true, ..patient() };
    let deep = Bounds { ticks: 6, tokens: 6, in_flight: 3, ..small };
    World::new(table.to_vec(), if is_deep() { deep } else { small })
}

/// As [`tabs`], until the tokens that two late retries left behind are used and old. The store loses nothing.
fn tabs_for_long(table: &[Row]) -> World {
    let small = Bounds { ticks: 6, tokens: 5, in_flight: 2, ..patient() };
    let deep = Bounds { ticks: 7, tokens: 6, in_flight: 3, ..small };
    World::new(table.to_vec(), if is_deep() { deep } else { small })
}

/// A client that sends one request at a time (one that it gave up may still arrive), and a store that may fall back to
/// anything it acknowledged before: a failover, a restart from an old snapshot.
fn serial(table: &[Row]) -> World {
    let small = Bounds { ticks: 4, tokens: 5, in_flight: 2, is_serial: true, rollbacks: 1, ..patient() };
    let deep = Bounds { ticks: 6, tokens: 6, ..small };
    World::new(table.to_vec(), if is_deep() { deep } else { small })
}

fn patient() -> Bounds {
    Bounds { window: 2, patience: 1, ..Bounds::default() }
}

/// A logout at any moment.
fn logging_out() -> World {
    let small =
        Bounds { ticks: 2, window: 1, patience: 1, tokens: 3, in_flight: 2, wipes: 1, logouts: 1, ..Bounds::default() };
    let deep = Bounds { ticks: 3, tokens: 4, rollbacks: 1, ..small };
    World::new(TABLE.to_vec(), if is_deep() { deep } else { small })
}

/// A client that may retry late this often with one token, and loses this many answers.
fn losing(retries: u8, losses: usize) -> World {
    let small = Bounds { ticks: 9, tokens: 5, in_flight: 1, losses: Some(losses), retries, ..patient() };
    let deep = Bounds { ticks: 10, in_flight: 2, ..small };
    World::new(TABLE.to_vec(), if is_deep() { deep } else { small })
}

/// A thief who has copied any token at any time.
fn robbed() -> World {
    let small = Bounds {
        ticks: 4,
        window: 1,
        patience: 1,
        tokens: 3,
        in_flight: 2,
        thefts: 1,
        retries: 1,
        ..Bounds::default()
    };
    let deep = Bounds { ticks: 5, tokens: 5, ..small };
    World::new(TABLE.to_vec(), if is_deep() { deep } else { small })
}

#[test]
fn tabs_that_keep_to_the_contract_are_never_refused_even_if_the_store_is_wiped() {
    assert_eq!(violations("tabs", tabs(&TABLE)), Vec::<&str>::new());
}

#[test]
fn tabs_that_wake_up_an_idle_session_are_never_refused_even_if_the_store_is_wiped() {
    assert_eq!(violations("tabs that wake up", tabs_that_wake_up(&TABLE)), Vec::<&str>::new());
}

/// Each late retry but the first was preceded by one whose answer was lost: the bound is reached by as many losses.
#[test]
fn a_client_is_refused_only_after_it_has_lost_more_answers_than_it_may_retry() {
    assert_eq!(violations("two losses, two retries", losing(2, 2)), Vec::<&str>::new());
    assert_eq!(violations("three losses, two retries", losing(2, 3)), ["nobody is taken for a thief"]);
}

#[test]
fn tabs_that_retry_late_and_together_are_never_refused_later() {
    assert_eq!(violations("tabs for long", tabs_for_long(&TABLE)), Vec::<&str>::new());
}

#[test]
fn a_client_with_one_request_at_a_time_is_never_refused_even_if_the_store_falls_back() {
    assert_eq!(violations("one request at a time", serial(&TABLE)), Vec::<&str>::new());
}

#[test]
fn what_has_ended_stays_ended() {
    assert_eq!(violations("logout at any moment", logging_out()), Vec::<&str>::new());
}

#[test]
fn at_most_one_family_is_live_and_the_use_of_a_member_kills_the_others() {
    assert_eq!(violations("thief at any moment", robbed()), Vec::<&str>::new());
}

#[test]
fn two_parties_that_go_on_refreshing_are_detected_by_the_second_refresh_of_the_slower_one() {
    let (steps, store_losses) = if is_deep() { (12, 2) } else { (9, 2) };
    assert_eq!(violations("duel", Duel { table: TABLE.to_vec(), steps, store_losses }), Vec::<&str>::new());
}

#[test]
fn no_row_of_the_table_can_be_left_out() {
    for row in TABLE {
        let table: Vec<Row> = TABLE.into_iter().filter(|other| *other != row).collect();
        let is_missed = !violations(&format!("tabs without {row:?}"), tabs(&table)).is_empty()
            || !violations(&format!("one at a time without {row:?}"), serial(&table)).is_empty();
        assert!(is_missed, "no property is violated without {row:?}");
    }
}
