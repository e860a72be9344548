//! Two replicas, readers that hop between them with one cursor, and one replica that is killed now and then.

use super::feed::{Ended, PROMISE, Reader, question};
use fastrand::Rng;
use futures_util::future::{join, join_all};
use harness::{Http, Person, Stack, Storage, Tokens, eventually, lateness::Lateness, service::Service};
use serde_json::json;
use std::{
    cell::Cell,
    time::{Duration, Instant},
};
use tokio::time::sleep;

on_every_storage! {
    readers_that_hop_between_replicas_miss_no_ending,
}

const WRITERS: usize = 6;
const READERS: usize = 4;

/// How many sessions each writer ends.
const ENDINGS: usize = 8;

/// How often a replica is killed.
const KILLS: usize = 3;

/// Ends devices at any replica, several at the same instant.
async fn writes(replicas: &[Http; 2], ada: &Person, devices: &[Tokens]) {
    for at_once in devices.chunks(2) {
        join_all(at_once.iter().map(|tokens| ends(replicas, ada, tokens))).await;
        sleep(Duration::from_millis(fastrand::u64(..1200))).await;
    }
}

async fn ends(replicas: &[Http; 2], ada: &Person, tokens: &Tokens) {
    let (path, body) = (format!("/auth/sessions/{}", tokens.session_id), json!({ "refresh_token": tokens.refresh }));
    let is_logout = fastrand::bool();
    eventually("one of two replicas ends it", Duration::from_secs(30), async || {
        let replica = replicas[fastrand::usize(..2)].once();
        let request = if is_logout {
            replica.post("/auth/logout").json(&body)
        } else {
            replica.request("DELETE", &path).bearer(&ada.tokens.access)
        };
        // One of them is dead now and then.
        request.try_send().await.ok().filter(|answer| answer.status == 204)
    })
    .await;
}

/// What has been ended, once it has.
type AllEnded<'a> = Cell<Option<(Instant, Lateness, &'a [&'a Tokens])>>;

fn missed(held: &Ended, ended: &[&Tokens]) -> usize {
    ended.iter().filter(|tokens| !held.refuses(&tokens.access)).count()
}

/// Asks any replica for what follows its only cursor, with and without waiting, until it knows of every ending or has had
/// the time for it.
async fn reads(replicas: &[Http; 2], mut reader: Reader, ended: &AllEnded<'_>) -> Reader {
    let mut rng = Rng::new();
    // Questions wait for a second, and one of them may be under way.
    let patience = PROMISE + Duration::from_secs(2);
    let is_over = |reader: &Reader| {
        ended.get().is_some_and(|(since, lateness, ended)| {
            missed(&reader.held, ended) == 0 || since.elapsed() > patience + lateness.so_far()
        })
    };
    while !is_over(&reader) {
        let replica = &replicas[rng.usize(..2)];
        let request = replica.once().get(&question(reader.cursor, rng.u64(..2)));
        let Ok(answer) = request.try_send().await else {
            sleep(Duration::from_millis(10)).await;
            continue;
        };
        if answer.status == 503 {
            continue;
        }
        let cursor = reader.cursor;
        let page = reader.judge(replica, answer, cursor).await;
        reader.take(&page);
    }
    reader
}

/// Kills one replica, again and again.
async fn kills(replica: &mut Service) {
    for _ in 0..KILLS {
        sleep(Duration::from_millis(fastrand::u64(200..600))).await;
        replica.kill();
        sleep(Duration::from_millis(fastrand::u64(..100))).await;
        replica.start().await;
    }
}

async fn readers_that_hop_between_replicas_miss_no_ending(storage: Storage) {
    let stack = Stack::on(storage).unlimited().start_auth().await;
    let mut replica = stack.replica().await;
    let mut people = vec![];
    for _ in 0..WRITERS {
        let ada = stack.ada().await;
        let devices = join_all((0..ENDINGS).map(|_| ada.another_device())).await;
        people.push((ada, devices));
    }
    let replicas = [(*stack.auth).clone(), (*replica).clone()];
    let all: Vec<&Tokens> = people.iter().flat_map(|(_, devices)| devices).collect();
    let ended = Cell::new(None);
    let reader = Reader::caught_up(&stack).await;
    let readers = join_all((0..READERS).map(|_| reads(&replicas, reader.clone(), &ended)));
    let writers = async {
        let writers = join_all(people.iter().map(|(ada, devices)| writes(&replicas, ada, devices)));
        join(writers, kills(&mut replica)).await;
        ended.set(Some((Instant::now(), Lateness::from_now(), &*all)));
    };
    let (readers, ()) = join(readers, writers).await;
    let fresh = Reader::caught_up(&stack).await;
    assert_eq!(missed(&fresh.held, &all), 0, "of {} endings, in the feed", all.len());
    for reader in &readers {
        assert_eq!(missed(&reader.held, &all), 0, "of {} endings, by a reader at {}", all.len(), reader.cursor);
        assert_eq!(reader.restarts, 0, "no replica is behind a cursor");
        assert!(people.iter().all(|(ada, _)| !reader.held.refuses(&ada.tokens.access)));
    }
}
