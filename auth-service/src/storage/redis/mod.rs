//! Sessions and counters in Redis: one server, one behind Sentinel, or a Cluster.
//!
//! All keys of one user share the hash tag `{sub}`, so that a script stays within one slot of a Cluster. Every
//! operation is a script and may be repeated: what a broken connection leaves in doubt is simply repeated.

mod counters;
mod engine;
mod inspect;
mod sessions;

pub use inspect::RedisState;

use self::engine::{address::Address, faults::Refusals, link::Link, script::Call};
use super::per_runtime::PerRuntime;
use crate::{
    domain::Unavailable,
    metrics::{STORE_FAILURES, STORE_SECONDS},
};
use redis::FromRedisValue;
use std::{sync::Arc, time::Instant};

/// Redis. Clones share the connections.
#[derive(Clone)]
pub struct RedisStores {
    links: Arc<PerRuntime<Link>>,
    refusals: Arc<Refusals>,
}

impl RedisStores {
    /// Redis at `redis://…`, `rediss://…`, `redis+cluster://a,b,c` or `redis+sentinel://a,b,c/master`. Does not connect
    /// yet: a program can start while Redis is down.
    ///
    /// # Errors
    /// What is wrong with the URL, without repeating any of it.
    pub fn connect(url: &str) -> Result<Self, String> {
        let address = Arc::new(Address::parse(url)?);
        let refusals = Arc::new(Refusals::of(engine::address::hosts(url)));
        let heard = Arc::clone(&refusals);
        let link = move || Link::to(Arc::clone(&address), Arc::clone(&heard));
        Ok(Self { links: Arc::new(PerRuntime::new(link)), refusals })
    }

    async fn ask<T: FromRedisValue>(&self, call: &Call) -> Result<T, Unavailable> {
        let asked = Instant::now();
        let answer = self.links.here().ask(call).await;
        STORE_SECONDS.add("redis", asked.elapsed());
        if answer.is_err() {
            STORE_FAILURES.add("redis");
        }
        answer
    }
}

fn unavailable(cause: impl ToString) -> Unavailable {
    Unavailable { store: "Redis", cause: cause.to_string() }
}
