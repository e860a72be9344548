//! auth-service, Redis and PostgreSQL are killed, and resource-service serves on for as long as tokens live.

use crate::{ledger::Ledger, size::size};
use futures_util::future::join_all;
use harness::{Http, Person, Stack, Storage, Tokens, assert_problem, eventually, forge};
use std::{sync::Arc, time::Duration};
use tokio::task::block_in_place;

const SERVED: &str = "requests served with everything else dead";
const FAILED: &str = "requests failed";
const RESTARTS: &str = "restarts of resource-service";

/// The last moments of a token's life are left out: a request may be on its way when it ends.
const MARGIN: i64 = 2;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn resource_service_needs_nobody_for_as_long_as_tokens_live() {
    let ledger = Arc::new(Ledger::default());
    let life = size(25, 300);
    let mut stack = Stack::on(Storage::RedisAndPostgres)
        .with_own_postgres()
        .auth("AUTH_ACCESS_TTL", &format!("{life}s"))
        .start()
        .await;
    let people: Vec<Person> = join_all((0..4).map(|_| stack.ada())).await;
    stack.resource.whoami(&people[0].tokens).await.expect(200);
    let ends = people.iter().filter_map(|person| person.tokens.claims()["exp"].as_i64()).min().expect("an expiry");
    let half = i64::midpoint(forge::now(), ends);

    stack.auth.kill();
    stack.redis().kill();
    block_in_place(|| stack.postgres().kill());
    serve_until(half, &stack.resource, &people, &ledger).await;
    stack.resource.kill();
    stack.resource.start().await;
    ledger.add(RESTARTS, 1);
    serve_until(ends - MARGIN, &stack.resource, &people, &ledger).await;

    let expired = eventually("the tokens expire", Duration::from_secs(60), || async {
        let answer = stack.resource.whoami(&people[0].tokens).await;
        (answer.status != 200).then_some(answer)
    })
    .await;
    assert_problem(&expired, 401, "token_expired");
    ledger.conclude("autonomy", &[SERVED, RESTARTS], &[FAILED]);
}

async fn serve_until(end: i64, resource: &Http, people: &[Person], ledger: &Ledger) {
    let ask = async |tokens: &Tokens| {
        while forge::now() < end {
            for answer in [resource.whoami(tokens).await, resource.books(tokens).await] {
                match answer.status {
                    200 => ledger.add(SERVED, 1),
                    _ => ledger.incident(FAILED, answer.to_string()),
                }
            }
        }
    };
    join_all(people.iter().map(|person| ask(&person.tokens))).await;
}
