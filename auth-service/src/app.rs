//! The composition root: the only file that knows all the parts. Which store, which keys, which clock is chosen here.

use crate::{
    config::Config,
    crypto,
    domain::{
        Auth,
        accounts::{EmailAddress, roles::ADMIN_ROLE},
        keys::{KeyError, SigningKeys, table::KeyTable},
        operator::housekeeping::Clocks,
        passwords::{Password, judging::Judges, pool::Hasher},
        sessions::{records::Records, refresh_token::RefreshTokens, stall::Pulse, store::Sessions},
        sign_in::register::{Maker, RegisterError},
        throttling::{Throttle, counters::Counters, limits},
    },
    http::{self, Readiness, State},
    machine,
    storage::{
        redis::RedisStores,
        sql::{CannotOpen, Opening, Sql},
    },
};
use actix_web::{App, dev::Server, middleware::from_fn, web::Data};
use shared::{
    access_token::Verifier,
    clock::{Clock, SystemClock},
    cors,
    observe::observed,
    problem::speak_problems,
    server::{self, Limits, Listeners, Serving, StopSignal},
};
use std::{io, net::TcpListener, sync::Arc, time::Duration};
use tokio::{
    task::JoinHandle,
    time::{Instant, MissedTickBehavior, interval, sleep},
};

/// How long the start waits for a database that does not answer yet.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long to wait after the keys could not be read.
const RETRY: Duration = Duration::from_secs(1);
/// How often it is tried to make searches fast, where rights may be missing.
const INDEXES: Duration = Duration::from_secs(3600);
/// How many passwords a command hashes at once.
const HASHING_THREADS_OF_A_COMMAND: usize = 1;
/// How often what has expired is forgotten.
const HOUSEKEEPING: Duration = Duration::from_secs(30);

/// Puts the service together: makes what is missing, and waits for the database if it does not answer yet.
///
/// # Errors
/// One sentence that says what to change.
pub async fn assemble(mut config: Config) -> Result<State, String> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let sql = open_database(&config.database_url, &clock).await?;
    let admin = config.bootstrap_admin.take();
    let state = compose(config, sql, clock, machine::hashing_threads()).await?;
    if let Some((email, password)) = admin {
        bootstrap_admin(&state.auth, email, &password).await?;
    }
    Ok(state)
}

/// What a command needs of an installation that is there.
///
/// # Errors
/// One sentence that says what to change.
pub async fn open(config: Config, opening: Opening) -> Result<Auth, String> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let opened = Sql::open(&config.database_url, opening, Arc::clone(&clock)).await;
    let sql = opened.map_err(|error| format!("AUTH_DATABASE_URL: {error}"))?;
    Ok(compose(config, sql, clock, HASHING_THREADS_OF_A_COMMAND).await?.auth)
}

async fn compose(config: Config, sql: Sql, clock: Arc<dyn Clock>, hashing_threads: usize) -> Result<State, String> {
    crypto::install();
    let sql = Arc::new(sql);
    let stores = session_stores(config.redis_url.as_deref(), &sql)?;
    let secrets = Arc::new(config.keys);
    let table: Arc<dyn KeyTable> = sql.clone();
    let keys = SigningKeys::open(table, Arc::clone(&secrets), config.key_policy, Arc::clone(&clock)).await;
    let issuer = config.site.issuer();
    let auth = Auth {
        accounts: sql.clone(),
        audit: sql,
        sessions: Records::new(stores.sessions, Arc::clone(&secrets)),
        throttle: Throttle::new(stores.counters, Arc::clone(&secrets), config.failure_limits),
        hasher: Hasher::start(hashing_threads, machine::hash_grant(config.stored_hash_memory, hashing_threads)),
        judges: Judges::new(hashing_threads),
        limits: limits::Limits::new(config.limits),
        keys: keys.map_err(|error| error.to_string())?,
        refresh_tokens: RefreshTokens::new(Arc::clone(&secrets), issuer.to_owned()),
        roles: config.roles,
        clock: Arc::clone(&clock),
        policy: config.policy,
        clocks: Clocks::start(),
        pulse: Pulse::start(),
    };
    let verifier = Verifier::new(issuer, &auth.policy.audience, clock);
    Ok(State { auth, site: config.site, verifier, secrets, readiness: Readiness::default() })
}

async fn bootstrap_admin(auth: &Auth, email: EmailAddress, password: &Password) -> Result<(), String> {
    if auth.accounts.has_any_with_role(ADMIN_ROLE).await.map_err(|error| error.to_string())? {
        return Ok(());
    }
    match auth.create_user(email, password, None, ADMIN_ROLE, Maker::Settings).await {
        Ok(_) => Ok(()),
        // A stranger may have registered the address: never promoted. Or another replica was faster.
        Err(RegisterError::EmailTaken) => {
            tracing::warn!(
                "AUTH_ADMIN_EMAIL belongs to an existing user, who was not promoted: choose another address"
            );
            Ok(())
        }
        Err(error) => Err(format!("AUTH_ADMIN_PASSWORD: {error}")),
    }
}

async fn open_database(url: &str, clock: &Arc<dyn Clock>) -> Result<Sql, String> {
    let started = Instant::now();
    loop {
        match Sql::open(url, Opening::Make, Arc::clone(clock)).await {
            Ok(sql) => return Ok(sql),
            Err(CannotOpen::NotYet(reason)) if url.starts_with("postgres") && started.elapsed() < PATIENCE => {
                tracing::warn!("waiting for the database: {reason}");
            }
            Err(error) => return Err(format!("AUTH_DATABASE_URL: {error}")),
        }
        sleep(Duration::from_secs(1)).await;
    }
}

struct SessionStores {
    sessions: Arc<dyn Sessions>,
    counters: Arc<dyn Counters>,
}

fn session_stores(redis_url: Option<&str>, sql: &Arc<Sql>) -> Result<SessionStores, String> {
    let Some(url) = redis_url else {
        return Ok(SessionStores { sessions: sql.clone(), counters: sql.clone() });
    };
    let redis = Arc::new(RedisStores::connect(url).map_err(|mistake| format!("AUTH_REDIS_URL: {mistake}"))?);
    Ok(SessionStores { sessions: redis.clone(), counters: redis })
}

/// Serves until told to stop.
///
/// # Errors
/// One sentence that says what to change.
pub async fn serve(config: Config, mut stop_signal: StopSignal) -> Result<(), String> {
    let (public, admin, limits) = (config.listen, config.admin_listen, config.connections);
    let state = tokio::select! {
        state = assemble(config) => Data::new(state?),
        () = stop_signal.received() => return Ok(()),
    };
    // Before anybody can ask, so that it cannot be told by the time of whom it is asked first.
    if let Err(error) = state.auth.notice_hashes().await {
        tracing::warn!(%error, "what the stored password hashes cost could not be read; tried again later");
    }
    let listeners = Listeners::bind(public, admin)?;
    let address = |listener: &TcpListener| listener.local_addr().map_err(|error| error.to_string());
    let (public, admin) = (address(&listeners.public)?, address(&listeners.admin)?);
    let chores = [
        tokio::spawn(keep_house(state.clone())),
        tokio::spawn(follow_keys(state.clone())),
        tokio::spawn(make_keys(state.clone())),
        tokio::spawn(report_lost_roles(state.clone())),
        tokio::spawn(report_unusable_hashes(state.clone())),
        tokio::spawn(make_indexes(state.clone())),
        tokio::spawn(try_sessions(state.clone())),
    ];

    let servers = serve_public(&state, limits, listeners.public).and_then(|public| {
        let admin = serve_admin(state, listeners.admin)?;
        Ok((public, admin))
    });
    let (public_server, admin_server) = servers.map_err(|error| error.to_string())?;
    tracing::info!("auth-service listens on http://{public}, health on http://{admin}");
    let ended = server::run(public_server, admin_server, stop_signal).await;
    chores.iter().for_each(JoinHandle::abort);
    ended.map_err(|error| error.to_string())
}

fn serve_public(state: &Data<State>, limits: Limits, listener: TcpListener) -> io::Result<Server> {
    let (proxies, state) = (state.clone(), state.clone());
    let admission = server::public(limits, move |address| proxies.site.trusts(address));
    let cors = Data::new(http::cors(&state.site));
    // What a client has given up while we stood still is not carried out: it has gone on by now, and its own outdated token would look
    // like a theft.
    Serving { listener, admission, workers: None, serves_half_closed: false }.run(move || {
        App::new()
            .app_data(cors.clone())
            .configure(http::public(state.clone()))
            .wrap(from_fn(speak_problems))
            .wrap(from_fn(cors::answered))
            .wrap(http::default_headers())
            .wrap(from_fn(observed))
    })
}

fn serve_admin(state: Data<State>, listener: TcpListener) -> io::Result<Server> {
    Serving { listener, admission: server::admin(), workers: Some(1), serves_half_closed: true }.run(move || {
        App::new().configure(http::admin(state.clone())).wrap(http::default_headers()).wrap(from_fn(speak_problems))
    })
}

/// Follows what other processes do with the signing keys, and what the time does.
async fn follow_keys(state: Data<State>) {
    loop {
        sleep(state.auth.keys.next_reload()).await;
        if let Err(error) = state.auth.keys.reload().await {
            tracing::warn!(%error, "failed to reload the signing keys; keeping the current ones");
            sleep(RETRY).await;
        }
    }
}

/// Makes each key in time, beside [`follow_keys`]: it takes seconds, in which others may do something.
async fn make_keys(state: Data<State>) {
    loop {
        sleep(state.auth.keys.next_reload()).await;
        match state.auth.keys.make_due().await {
            Ok(()) => continue,
            // Whoever follows the keys tells.
            Err(KeyError::Unavailable(_)) => {}
            Err(error) => tracing::warn!(%error, "failed to make the next signing key; will retry"),
        }
        sleep(RETRY).await;
    }
}

/// Aside: nobody has to wait for it.
async fn report_lost_roles(state: Data<State>) {
    match state.auth.lost_roles().await {
        Ok(lost) => lost.iter().for_each(|(role, users)| {
            tracing::warn!(role, users, "users have a role that does not exist: it gives them nothing (docs/roles.md)");
        }),
        Err(error) => tracing::warn!(%error, "whether all roles of the users are known could not be read"),
    }
}

async fn report_unusable_hashes(state: Data<State>) {
    match state.auth.unusable_hashes().await {
        Ok(unusable) => unusable.iter().for_each(|(reason, users)| {
            tracing::warn!(
                users,
                reason,
                "users cannot log in: their stored password hash cannot be used (docs/operate.md)"
            );
        }),
        Err(error) => tracing::warn!(%error, "whether all stored password hashes can be used could not be read"),
    }
}

/// Where there is no right to it, searches take longer: `doctor` says what to run.
async fn make_indexes(state: Data<State>) {
    loop {
        if let Err(error) = state.auth.accounts.make_indexes().await {
            tracing::debug!(%error, "an index is missing");
        }
        sleep(INDEXES).await;
    }
}

/// Once: what refuses us should not wait for the first login to be reported.
async fn try_sessions(state: Data<State>) {
    if let Err(error) = state.auth.sessions.probe().await {
        tracing::warn!(%error, "the session store does not take what is written; until it does, nobody can log in or refresh");
    }
}

async fn keep_house(state: Data<State>) {
    let mut rounds = interval(HOUSEKEEPING);
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    rounds.tick().await;
    loop {
        rounds.tick().await;
        match state.auth.tidy().await {
            Ok(true) => rounds.reset_immediately(),
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "failed to purge what has expired; will retry"),
        }
    }
}
