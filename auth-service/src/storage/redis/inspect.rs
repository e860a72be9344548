//! What `auth-service doctor` reads of Redis.

use super::{RedisStores, engine::script::Call, unavailable};
use crate::domain::Unavailable;
use redis::Value;
use shared::clock::Timestamp;

/// The state of a Redis server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedisState {
    /// Its version.
    pub version: String,
    /// What it does when its memory is full.
    pub eviction: String,
    /// Its memory limit in bytes; zero: none.
    pub memory_limit: u64,
    /// The memory it uses, in bytes.
    pub memory_used: u64,
    /// Whether it appends writes to a file (AOF).
    pub appends: bool,
    /// Whether it saves snapshots by itself; `None`: it does not report that.
    pub saves: Option<bool>,
    /// Its time, if it reports that.
    pub now: Option<Timestamp>,
}

impl RedisStores {
    /// What the server reports about itself; in a Cluster, one state for each server.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub async fn state(&self) -> Result<Vec<RedisState>, Unavailable> {
        let [info, saving] = Call::about_itself();
        let info: Value = self.ask(&info).await?;
        // Managed servers refuse CONFIG.
        let saving = self.ask::<Value>(&saving).await.ok().and_then(|answer| saves(&texts(answer)));
        let states: Vec<_> = texts(info).iter().filter_map(|text| state(text, saving)).collect();
        if states.is_empty() { Err(unavailable("the answer to INFO cannot be read")) } else { Ok(states) }
    }
}

/// The texts of an answer, however nested: a Cluster's is nested by server.
fn texts(value: Value) -> Vec<String> {
    match value {
        Value::BulkString(bytes) => vec![String::from_utf8_lossy(&bytes).into_owned()],
        Value::SimpleString(text) | Value::VerbatimString { text, .. } => vec![text],
        Value::Array(values) => values.into_iter().flat_map(texts).collect(),
        Value::Map(pairs) => pairs.into_iter().flat_map(|(key, value)| [texts(key), texts(value)].concat()).collect(),
        _ => Vec::new(),
    }
}

fn saves(texts: &[String]) -> Option<bool> {
    let mut values = texts.windows(2).filter(|pair| pair[0] == "save").map(|pair| !pair[1].is_empty()).peekable();
    values.peek()?;
    Some(values.all(|saves| saves))
}

fn state(info: &str, saves: Option<bool>) -> Option<RedisState> {
    let field = |name: &str| {
        info.lines().find_map(|line| line.trim_end().strip_prefix(name)?.strip_prefix(':')).map(str::to_owned)
    };
    Some(RedisState {
        version: field("redis_version")?,
        eviction: field("maxmemory_policy").unwrap_or_default(),
        memory_limit: field("maxmemory").and_then(|bytes| bytes.parse().ok()).unwrap_or_default(),
        memory_used: field("used_memory").and_then(|bytes| bytes.parse().ok()).unwrap_or_default(),
        appends: field("aof_enabled").is_some_and(|flag| flag == "1"),
        saves,
        now: field("server_time_usec")
            .and_then(|text| text.parse::<i64>().ok())
            .map(|micros| micros / 1000)
            .map(Timestamp::from_millis),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk(text: &str) -> Value {
        Value::BulkString(text.as_bytes().to_vec())
    }

    #[test]
    fn the_answer_of_every_server_of_a_cluster_is_read() {
        let info = |policy: &str| {
            bulk(&format!(
                "# Server\r\nredis_version:7.0.15\r\nmaxmemory:0\r\nmaxmemory_policy:{policy}\r\naof_enabled:1\r\nserver_time_usec:1795219200000000\r\n"
            ))
        };
        let answer =
            Value::Map(vec![(bulk("10.0.0.1:6379"), info("noeviction")), (bulk("10.0.0.2:6379"), info("allkeys-lru"))]);
        let states: Vec<_> = texts(answer).iter().filter_map(|text| state(text, None)).collect();
        let policies: Vec<_> = states.iter().map(|state| state.eviction.as_str()).collect();
        assert_eq!(policies, ["noeviction", "allkeys-lru"]);
        assert!(states.iter().all(|state| state.appends && state.now == Some(Timestamp::from_secs(1_795_219_200))));
    }

    #[test]
    fn snapshots_are_off_where_one_server_makes_none() {
        let answer =
            |values: &[&str]| Value::Array(values.iter().flat_map(|value| [bulk("save"), bulk(value)]).collect());
        assert_eq!(saves(&texts(answer(&["3600 1"]))), Some(true));
        assert_eq!(saves(&texts(answer(&["3600 1", ""]))), Some(false));
        assert_eq!(saves(&[]), None);
    }
}
