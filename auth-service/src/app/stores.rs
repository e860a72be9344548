//! Which stores the settings ask for.

use crate::{
    breached_passwords::BreachList,
    domain::{passwords::breached::BreachedPasswords, sessions::store::SessionStore, throttling::counters::Counters},
    storage::{
        redis::RedisStores,
        sql::{CannotOpen, Sql},
    },
};
use shared::clock::Clock;
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, sleep};

/// How long the start waits for a database that does not answer yet.
const TIMEOUT: Duration = Duration::from_secs(60);

pub(super) async fn open_database(url: &str, clock: &Arc<dyn Clock>) -> Result<Sql, String> {
    let started = Instant::now();
    loop {
        match Sql::connect(url, Arc::clone(clock)).await {
            Ok(sql) => return Ok(sql),
            Err(CannotOpen::NotYet(reason)) if url.starts_with("postgres") && started.elapsed() < TIMEOUT => {
                tracing::warn!("waiting for the database: {reason}");
            }
            Err(error) => return Err(format!("AUTH_DATABASE_URL: {error}")),
        }
        sleep(Duration::from_secs(1)).await;
    }
}

pub(super) struct SessionStores {
    pub(super) sessions: Arc<dyn SessionStore>,
    pub(super) counters: Arc<dyn Counters>,
}

pub(super) fn session_stores(redis_url: Option<&str>, sql: &Arc<Sql>) -> Result<SessionStores, String> {
    let Some(url) = redis_url else {
        return Ok(SessionStores { sessions: sql.clone(), counters: sql.clone() });
    };
    let redis = Arc::new(RedisStores::connect(url).map_err(|mistake| format!("AUTH_REDIS_URL: {mistake}"))?);
    Ok(SessionStores { sessions: redis.clone(), counters: redis })
}

pub(super) fn breached_passwords(list: &BreachList) -> Result<Option<Arc<dyn BreachedPasswords>>, String> {
    list.open().map_err(|mistake| format!("AUTH_BREACHED_PASSWORDS: {mistake}"))
}
