//! `GET /health/ready`: whether the stores accept what requests write, and how old the keys are. Once the service
//! listens, it always has a key to sign with.

use crate::{
    domain::{Unavailable, accounts::Accounts, sessions::live::LiveSessions},
    http::State,
};
use actix_web::{HttpResponse, web::Data};
use serde_json::json;
use shared::problem::Problem;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::Mutex;

/// Where an answer about health has a member that no other program's has: a JSON pointer (RFC 6901).
pub const PROOF: &str = "/accounts";

/// Report `degraded` after this many missed reloads.
const MISSED: u32 = 10;

/// How long an answer of the stores is reused, so that more frequent requests cost them no more.
const FRESH: Duration = Duration::from_millis(100);

/// What the stores last answered. They are probed for one request at a time, and at most ten times a second.
pub struct Readiness {
    accounts: Arc<dyn Accounts>,
    live: Arc<LiveSessions>,
    latest: Arc<Mutex<Option<(Instant, Stores)>>>,
}

/// What is wrong with each store.
#[derive(Clone)]
struct Stores {
    accounts: Result<(), String>,
    sessions: Result<(), String>,
}

impl Readiness {
    /// Of these stores.
    #[must_use]
    pub fn new(accounts: Arc<dyn Accounts>, live: Arc<LiveSessions>) -> Self {
        Self { accounts, live, latest: Arc::default() }
    }

    /// A probe continues if its request is given up, and serves the next one.
    async fn stores(&self) -> Stores {
        let mut latest = Arc::clone(&self.latest).lock_owned().await;
        if let Some((at, stores)) = &*latest
            && at.elapsed() < FRESH
        {
            return stores.clone();
        }
        let (accounts, live) = (Arc::clone(&self.accounts), Arc::clone(&self.live));
        let trying = tokio::spawn(async move {
            let stores = Stores::tried(&*accounts, &live).await;
            *latest = Some((Instant::now(), stores.clone()));
            stores
        });
        trying.await.unwrap_or_else(|_| Stores::unknown())
    }
}

impl Stores {
    async fn tried(accounts: &dyn Accounts, live: &LiveSessions) -> Self {
        let reason = |outcome: Result<(), Unavailable>| outcome.map_err(|error| error.to_string());
        let (accounts, sessions) = futures_util::future::join(accounts.probe(), live.probe()).await;
        Self { accounts: reason(accounts), sessions: reason(sessions) }
    }

    fn unknown() -> Self {
        let unknown = || Err("could not be probed".to_owned());
        Self { accounts: unknown(), sessions: unknown() }
    }
}

/// 200 if the stores accept what requests write, else 503 with what is wrong. `degraded`, still with 200, means that
/// the stores answer, but that the keys could not be read for a while: the service continues with the known ones, and
/// would miss a new one.
pub async fn ready(state: Data<State>) -> Result<HttpResponse, Problem> {
    let Stores { accounts, sessions } = state.readiness.stores().await;
    if accounts.is_err() || sessions.is_err() {
        let answered = |outcome: Result<(), String>| outcome.err().unwrap_or_else(|| "ok".to_owned());
        return Err(Problem::unavailable(format!(
            "accounts: {}; sessions: {}",
            answered(accounts),
            answered(sessions)
        )));
    }
    let (keys, latest) = (state.keys.ages(), state.keys.policy().notice() * MISSED);
    Ok(HttpResponse::Ok().json(json!({
        "status": if keys.read <= latest { "ready" } else { "degraded" },
        "accounts": "ok",
        "sessions": "ok",
        "keys": {
            "published": keys.published,
            "signing_age_seconds": keys.signing.as_secs(),
            "read_age_seconds": keys.read.as_secs(),
        },
    })))
}
