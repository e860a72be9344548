//! `auth-service doctor`: looks at the stores, and at the service through its public URL, and reports what a browser
//! and a verifier would meet. Each finding is a pure function of what was read; nothing is changed.

mod browser;
mod clocks;
mod database;
mod keys;
mod mail;
mod passwords;
mod proxies;
mod public;
mod redis;
mod users;
mod web;

pub use shared::finding::{Finding, Severity};

use self::{clocks::Reading, passwords::ListSeen};
use crate::{
    config::Config,
    domain::{
        Unavailable,
        accounts::Accounts,
        factors::SealedFactors as _,
        keys::{
            hash_facts::{self, SIGNER_KEYS},
            table::{KeyRows, KeyTable as _},
        },
        operator::housekeeping::HASHES,
        passwords::{argon2id::Argon, pool::today},
        secrets::KeyRing,
        sessions::store::SessionStore,
    },
    http::doctor::question,
    machine,
    storage::{
        redis::{RedisState, RedisStores},
        sql::{CannotOpen, DatabaseState, Opening, Sql},
    },
};
use shared::{
    clock::{Clock, SystemClock},
    server,
};
use std::{future::Future, sync::Arc, time::Duration};
use tokio::time::timeout;
use users::UsersSeen;
use web::View;

/// What exit statuses mean, for `--help`.
pub const EXIT_STATUS: &str = "Exit status: 0 for ok and notes, 1 if there are warnings, 2 if there are errors.\nNothing is changed; it works whether or not the service runs, and takes 10 s at most.";

/// How many times to ask a store that does not answer.
const ATTEMPTS: usize = 3;

/// How long to find out whether waiting would help.
const SECOND_LOOK: Duration = Duration::from_secs(2);

/// What was read.
struct Seen {
    view: View,
    /// Whether the service on this machine is ready, and if not, why.
    readiness: Result<(), String>,
    database: Result<Reading<DatabaseState>, String>,
    /// Whether the database accepts what requests write; `None`: it has no known tables.
    writing: Option<Result<(), Unavailable>>,
    keys: Option<KeyRows>,
    /// How many second factors another secret has sealed.
    sealed_by_others: Option<u64>,
    users: Option<UsersSeen>,
    /// `None`: there is no Redis.
    redis: Option<RedisSeen>,
    mail: Finding,
    breached: ListSeen,
}

/// What Redis reports about itself, and whether it accepts what requests write.
struct RedisSeen {
    states: Result<Reading<Vec<RedisState>>, Unavailable>,
    writing: Result<(), Unavailable>,
}

/// What was read of the database.
struct DatabaseSeen {
    state: Result<Reading<DatabaseState>, String>,
    writing: Option<Result<(), Unavailable>>,
    keys: Option<KeyRows>,
    sealed_by_others: Option<u64>,
    users: Option<UsersSeen>,
}

impl DatabaseSeen {
    fn without_tables(state: Result<Reading<DatabaseState>, String>) -> Self {
        Self { state, writing: None, keys: None, sealed_by_others: None, users: None }
    }
}

/// Looks at everything.
pub async fn examine(config: Config) -> Vec<Finding> {
    crate::crypto::install();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let asked = question(&config.keys, clock.now());
    let admin = config.admin_listen;
    let readiness = tokio::task::spawn_blocking(move || server::healthcheck(admin, crate::http::HEALTH_PROOF));
    let (view, readiness, database, redis, mail, breached) = tokio::join!(
        web::look(&config.site, &asked, &*clock),
        readiness,
        look_at_database(&config, &clock),
        look_at_redis(config.redis_url.as_deref(), &*clock),
        mail::look(&config.mail.sending),
        passwords::look(&config.breach_list),
    );
    let readiness = readiness.unwrap_or_else(|error| Err(error.to_string()));
    let DatabaseSeen { state, writing, keys, sealed_by_others, users } = database;
    report(
        &config,
        Seen { view, readiness, database: state, writing, keys, sealed_by_others, users, redis, mail, breached },
    )
}

fn report(config: &Config, mut seen: Seen) -> Vec<Finding> {
    let users = seen.users.take();
    let seen = &seen;
    let published = seen.keys.as_ref().map(keys::published);
    let mut findings = public::findings(&config.site, config.listen, &seen.view, &seen.readiness, published.as_deref());
    findings.extend(browser::cookie(&config.site));
    findings.push(browser::passkeys(config.relying_party.as_ref()));
    if public::is_ours(&config.site, &seen.view) {
        findings.extend(seen.view.preflights.iter().map(|(origin, answer)| browser::preflight(origin, answer)));
        findings.extend(seen.view.metadata.iter().map(|answer| proxies::seen(answer, &config.site)));
        let marked = seen.view.marked.iter().flatten();
        findings.extend(marked.flat_map(|answer| proxies::claims(answer, &config.site)));
    }
    findings.extend(config.site.origins().skip(1).filter_map(|origin| browser::site(config.site.issuer(), origin)));
    findings.extend(database::findings(
        seen.database.as_ref().map(|reading| &reading.value).map_err(String::as_str),
        seen.writing.as_ref(),
    ));
    findings.extend(users.into_iter().flat_map(|users| about_users(config, users)));
    findings.extend(about_secrets(&config.keys, seen));
    findings.extend(seen.keys.iter().flat_map(|rows| keys::ages(rows, &config.key_policy)));
    findings.extend(
        seen.redis
            .iter()
            .flat_map(|redis| redis::findings(redis.states.as_ref().map(|reading| &*reading.value), &redis.writing)),
    );
    findings.extend(offsets(seen));
    findings.push(seen.mail.clone());
    findings.push(passwords::finding(&seen.breached));
    findings
}

fn about_users(config: &Config, users: UsersSeen) -> Vec<Finding> {
    let grant = machine::hash_grant(config.stored_hash_memory, machine::hashing_threads());
    let argon = Argon::new(today(), grant);
    hash_facts::opened(&users.signer_keys, &config.keys).into_iter().for_each(|key| argon.add_key(key));
    users::findings(users, &config.roles, &argon)
}

fn about_secrets(secrets: &KeyRing, seen: &Seen) -> Option<Finding> {
    let state = &seen.database.as_ref().ok()?.value;
    keys::secret(secrets, state.secret_check.as_deref()?, seen.keys.as_ref(), seen.sealed_by_others)
}

fn offsets(seen: &Seen) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Ok(reading) = &seen.database {
        findings.push(clocks::offset(reading.value.kind, reading, reading.value.now));
    }
    if let Some(RedisSeen { states: Ok(reading), .. }) = &seen.redis {
        findings.extend(reading.value.iter().filter_map(|state| Some(clocks::offset("Redis", reading, state.now?))));
    }
    findings
}

async fn look_at_database(config: &Config, clock: &Arc<dyn Clock>) -> DatabaseSeen {
    let url = &config.database_url;
    let sql = match Sql::as_it_is(url, Arc::clone(clock)) {
        Ok(sql) => sql,
        Err(error) => {
            return DatabaseSeen::without_tables(Err(database::absent(&error)));
        }
    };
    let state = match Reading::of(&**clock, || sql.state()).await {
        Ok(state) => Ok(state),
        Err(error) => Err(why_not(url, clock, &error).await),
    };
    // Tables of an earlier version are not read.
    let is_known = state.as_ref().is_ok_and(|reading| reading.value.version >= Some(reading.value.known_version));
    if !is_known {
        return DatabaseSeen::without_tables(state);
    }
    let mut writing = patiently(|| Accounts::probe(&sql)).await;
    if writing.is_ok() && config.redis_url.is_none() {
        writing = patiently(|| SessionStore::probe(&sql)).await;
    }
    let users = patiently(|| look_at_users(&sql)).await.ok();
    let secret = config.keys.current().id();
    DatabaseSeen {
        state,
        writing: Some(writing),
        keys: patiently(|| sql.keys()).await.ok(),
        sealed_by_others: patiently(|| sql.sealed_by_others(secret)).await.ok(),
        users,
    }
}

/// The reason that a start of the service would give, if waiting does not help.
async fn why_not(url: &str, clock: &Arc<dyn Clock>, error: &Unavailable) -> String {
    match timeout(SECOND_LOOK, Sql::open(url, Opening::Look, Arc::clone(clock))).await {
        Ok(Err(CannotOpen::Never(reason))) => reason,
        _ => database::absent(error),
    }
}

async fn look_at_users(sql: &Sql) -> Result<UsersSeen, Unavailable> {
    let (holders, odd_hashes) = (sql.holders().await?, sql.odd_hashes(HASHES).await?);
    let signer_keys = sql.known_fact(SIGNER_KEYS).await?.unwrap_or_default();
    Ok(UsersSeen { holders, odd_hashes, signer_keys, rows: sql.rows_of_users().await? })
}

async fn look_at_redis(url: Option<&str>, clock: &dyn Clock) -> Option<RedisSeen> {
    let unreadable = |cause| Unavailable { store: "Redis", cause };
    let redis = match RedisStores::connect(url?) {
        Ok(redis) => redis,
        Err(mistake) => {
            return Some(RedisSeen { states: Err(unreadable(mistake.clone())), writing: Err(unreadable(mistake)) });
        }
    };
    let states = patiently(|| Reading::of(clock, || redis.state())).await;
    Some(RedisSeen { states, writing: patiently(|| redis.probe()).await })
}

/// Asks several times: a busy machine may take longer than the service would wait.
async fn patiently<T, F>(ask: impl Fn() -> F) -> Result<T, Unavailable>
where
    F: Future<Output = Result<T, Unavailable>>,
{
    for _ in 1..ATTEMPTS {
        if let Ok(answer) = ask().await {
            return Ok(answer);
        }
    }
    ask().await
}
