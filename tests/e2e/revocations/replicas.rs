//! Two replicas, readers that hop between them with one cursor, and one replica that is killed now and then.

use super::feed::{Ended, Reader, question};
use fastrand::Rng;
use futures_util::future::{join, join_all};
use harness::{Http, Person, Stack, Storage, Tokens, eventually, service::Service};
use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};
use tokio::time::sleep;

on_every_storage! {
    readers_that_hop_between_replicas_miss_no_ending,
}

const WRITERS: usize = 3;
const READERS: usize = 4;

/// How many sessions each writer ends.
const ENDINGS: usize = 14;

/// How often a replica is killed.
const KILLS: usize = 3;

/// Tries until a replica answers: one of them is dead now and then.
async fn answered(replicas: &[Http; 2], ask: impl AsyncFn(&Http) -> Option<u16>, expected: u16) {
    eventually("one of two replicas does it", Duration::from_secs(30), async || {
        let replica = &replicas[fastrand::usize(..2)];
        (ask(replica).await? == expected).then_some(())
    })
    .await;
}

/// Logs devices in beforehand, and ends one after the other at any replica. What was answered has ended.
async fn writes(replicas: &[Http; 2], ada: &Person, devices: &[Tokens]) {
    for tokens in devices {
        let path = format!("/auth/sessions/{}", tokens.session_id);
        let by_id = async |replica: &Http| {
            let request = replica.once().request("DELETE", &path).bearer(&ada.tokens.access);
            Some(request.try_send().await.ok()?.status)
        };
        let logout = async |replica: &Http| {
            let body = serde_json::json!({ "refresh_token": tokens.refresh });
            Some(replica.once().post("/auth/logout").json(&body).try_send().await.ok()?.status)
        };
        if fastrand::bool() { answered(replicas, by_id, 204).await } else { answered(replicas, logout, 204).await }
        sleep(Duration::from_millis(fastrand::u64(..60))).await;
    }
}

/// Asks any replica for what follows its only cursor, with and without waiting, until it is told to stop.
async fn reads(replicas: &[Http; 2], mut reader: Reader, stop: &AtomicBool) -> Reader {
    let mut rng = Rng::new();
    while !stop.load(Ordering::Relaxed) {
        let replica = &replicas[rng.usize(..2)];
        let request = replica.once().get(&question(reader.cursor, rng.u64(..2)));
        let Ok(answer) = request.try_send().await else {
            sleep(Duration::from_millis(10)).await;
            continue;
        };
        if answer.status == 503 {
            continue;
        }
        // A replica that has just been killed has no key set to ask for.
        let keys = eventually("a key set", Duration::from_secs(30), async || {
            let keys = replicas[fastrand::usize(..2)].get("/.well-known/jwks.json").try_send().await.ok()?;
            (keys.status == 200).then_some(keys.json)
        })
        .await;
        reader.know(keys);
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
    let stop = AtomicBool::new(false);
    let readers = join_all((0..READERS).map(|_| reads(&replicas, Reader::of(&stack), &stop)));
    let writers = async {
        let writers = join_all(people.iter().map(|(ada, devices)| writes(&replicas, ada, devices)));
        join(writers, kills(&mut replica)).await;
        let ended = Instant::now();
        // Whoever reads has a second, and the time that questions take.
        while ended.elapsed() < Duration::from_secs(3) {
            sleep(Duration::from_millis(50)).await;
        }
        stop.store(true, Ordering::Relaxed);
    };
    let (readers, ()) = join(readers, writers).await;
    let all: Vec<&Tokens> = people.iter().flat_map(|(_, devices)| devices).collect();
    let missed = |held: &Ended| all.iter().filter(|tokens| !held.refuses(&tokens.access)).count();
    let fresh = Reader::caught_up(&stack).await;
    assert_eq!(missed(&fresh.held), 0, "of {} endings, in the feed", all.len());
    for reader in &readers {
        assert_eq!(missed(&reader.held), 0, "of {} endings, by a reader at {}", all.len(), reader.cursor);
        assert_eq!(reader.restarts, 0, "no replica is behind a cursor");
        assert!(people.iter().all(|(ada, _)| !reader.held.refuses(&ada.tokens.access)));
    }
}
