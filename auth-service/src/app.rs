//! The composition root: the only file that knows all the parts. Which store, which keys, which clock is chosen here.

use crate::{
    config::Config,
    domain::{
        Auth, Unavailable,
        counters::Counters,
        hashing::Hasher,
        refresh_token::RefreshTokens,
        register::RegisterError,
        roles::ADMIN_ROLE,
        sessions::Sessions,
        signing_keys::{KeyError, SigningKeys},
        throttle::Throttle,
    },
    http::{self, State},
    storage::{redis::RedisStores, sql::Sql},
};
use actix_web::{App, HttpServer, middleware::from_fn, web::Data};
use shared::{
    access_token::Verifier,
    clock::{Clock, SystemClock},
    problem::speak_problems,
    server::{self, DRAIN_SECONDS, Listeners},
};
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

/// How long the start waits for a database that does not answer yet.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often the keys are read again, and what has expired is forgotten.
const HOUSEKEEPING: Duration = Duration::from_secs(30);

/// The service, put together, and what only housekeeping needs of it.
pub struct Assembled {
    /// What handlers need.
    pub state: State,
    counters: Arc<dyn Counters>,
}

/// Puts the service together; waits for the database if it does not answer yet.
///
/// # Errors
/// One sentence that says what to change.
pub async fn assemble(config: Config) -> Result<(Assembled, Listening), String> {
    shared::access_token::install_crypto();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let sql = open_database(&config.database_url, &clock).await?;
    let (sessions, counters) = session_stores(config.redis_url.as_deref(), &sql)?;
    let secrets = Arc::new(config.keys);
    let keys = SigningKeys::open(Arc::new(sql.clone()), Arc::clone(&secrets), config.key_policy)
        .await
        .map_err(|error| error.to_string())?;
    let verifier = Verifier::new(config.site.issuer(), &config.policy.audience, Arc::clone(&clock));
    let auth = Auth {
        accounts: Arc::new(sql),
        sessions,
        throttle: Throttle::new(Arc::clone(&counters), Arc::clone(&secrets)),
        hasher: Hasher::start(),
        keys,
        refresh_tokens: RefreshTokens::new(secrets, config.site.issuer().to_owned()),
        roles: config.roles,
        policy: config.policy,
        clock,
    };
    if let Some((email, password)) = config.bootstrap_admin
        && !auth.accounts.has_any_with_role(ADMIN_ROLE).await.map_err(|error| error.to_string())?
    {
        match auth.create_user(email, &password, None, ADMIN_ROLE).await {
            Ok(_) => {}
            // A stranger may have registered the address: never promoted. Or another replica was faster.
            Err(RegisterError::EmailTaken) => {
                tracing::warn!(
                    "AUTH_ADMIN_EMAIL is registered already and was not made an admin: use `auth-service user create` with another address"
                );
            }
            Err(error) => return Err(format!("AUTH_ADMIN_PASSWORD: {error}")),
        }
    }
    let state = State { auth, site: config.site, verifier };
    let listening = Listening { public: config.listen, admin: config.admin_listen };
    Ok((Assembled { state, counters }, listening))
}

/// Where to listen.
pub struct Listening {
    public: std::net::SocketAddr,
    admin: std::net::SocketAddr,
}

async fn open_database(url: &str, clock: &Arc<dyn Clock>) -> Result<Sql, String> {
    let started = Instant::now();
    loop {
        match Sql::connect(url, Arc::clone(clock)).await {
            Ok(sql) => return Ok(sql),
            Err(error) if url.starts_with("sqlite") || started.elapsed() > PATIENCE => {
                return Err(format!("AUTH_DATABASE_URL: {error}"));
            }
            Err(error) => tracing::warn!(%error, "waiting for the database"),
        }
        sleep(Duration::from_secs(1)).await;
    }
}

fn session_stores(redis_url: Option<&str>, sql: &Sql) -> Result<(Arc<dyn Sessions>, Arc<dyn Counters>), String> {
    let Some(url) = redis_url else {
        return Ok((Arc::new(sql.clone()), Arc::new(sql.clone())));
    };
    let redis = RedisStores::connect(url).map_err(|mistake| format!("AUTH_REDIS_URL: {mistake}"))?;
    Ok((Arc::new(redis.clone()), Arc::new(redis)))
}

/// Serves until told to stop.
///
/// # Errors
/// One sentence that says what to change.
pub async fn serve(config: Config) -> Result<(), String> {
    let (assembled, listening) = assemble(config).await?;
    let listeners = Listeners::bind(listening.public, listening.admin)?;
    let address = |listener: &std::net::TcpListener| listener.local_addr().map_err(|error| error.to_string());
    let (public, admin) = (address(&listeners.public)?, address(&listeners.admin)?);
    let state = Data::new(assembled.state);
    let housekeeping = tokio::spawn(keep_house(state.clone(), assembled.counters));

    let for_public = state.clone();
    let public_server = HttpServer::new(move || {
        App::new()
            .configure(http::public(for_public.clone()))
            .wrap(http::cors(&for_public.site))
            .wrap(http::default_headers())
            .wrap(from_fn(speak_problems))
    })
    .listen(listeners.public)
    .map_err(|error| error.to_string())?
    .disable_signals()
    .shutdown_timeout(DRAIN_SECONDS)
    .run();

    let admin_server = HttpServer::new(move || {
        App::new().configure(http::admin(state.clone())).wrap(http::default_headers()).wrap(from_fn(speak_problems))
    })
    .workers(1)
    .listen(listeners.admin)
    .map_err(|error| error.to_string())?
    .disable_signals()
    .shutdown_timeout(DRAIN_SECONDS)
    .run();

    tracing::info!("auth-service listens on http://{public}, health on http://{admin}");
    let ended = server::run(public_server, admin_server).await;
    housekeeping.abort();
    ended.map_err(|error| error.to_string())
}

async fn keep_house(state: Data<State>, counters: Arc<dyn Counters>) {
    let mut rounds = interval(HOUSEKEEPING);
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    rounds.tick().await;
    loop {
        rounds.tick().await;
        if let Err(error) = state.auth.keys.reload().await {
            warn("the signing keys could not be read again; the known ones stay", &error);
        }
        while state.auth.tidy(&*counters).await.unwrap_or_else(|error: Unavailable| {
            warn("what has expired could not be forgotten; tried again later", &KeyError::from(error));
            false
        }) {}
    }
}

fn warn(what: &str, error: &KeyError) {
    tracing::warn!(%error, "{what}");
}
