//! Counters in Redis. Each has its own key, which may be on any node of a Cluster.

use super::{
    RedisStores,
    engine::script::{Script, script},
};
use crate::domain::{
    Unavailable,
    throttling::counters::{Count, CounterKey, Counters},
};
use async_trait::async_trait;
use futures_util::future::try_join_all;
use std::time::Duration;

static COUNT: Script = script!("room.lua", "count.lua");

#[async_trait]
impl Counters for RedisStores {
    async fn read(&self, keys: &[CounterKey]) -> Result<Vec<Count>, Unavailable> {
        try_join_all(keys.iter().map(|key| self.count(key, &[]))).await
    }

    async fn add(&self, keys: &[CounterKey], window: Duration) -> Result<Vec<Count>, Unavailable> {
        let window = window.as_millis().max(1).to_string();
        let values = [window.as_bytes()];
        try_join_all(keys.iter().map(|key| self.count(key, &values))).await
    }

    async fn forget_expired(&self, _at_most: u32) -> Result<u64, Unavailable> {
        Ok(0)
    }
}

impl RedisStores {
    async fn count(&self, key: &CounterKey, values: &[&[u8]]) -> Result<Count, Unavailable> {
        let call = COUNT.on(&[&format!("jeton:count:{}", key.0)], values);
        let (value, resets_in): (u64, u64) = self.ask(&call).await?;
        Ok(Count { value, resets_in: Duration::from_millis(resets_in) })
    }
}
