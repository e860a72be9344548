//! `GET /admin/overview`: how the service is doing, in few figures.

use crate::{
    domain::Unavailable,
    http::{
        State,
        request::caller::{Permitted, UsersRead},
    },
    metrics::{LOGINS, MAIL_OLDEST, MAIL_WAITING, REFRESHES, STORE_FAILURES},
};
use actix_web::{HttpResponse, web::Data};
use serde::Serialize;
use shared::{openapi::Refusals, problem::Problem};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Counts by outcome.
type Outcomes = BTreeMap<&'static str, u64>;

/// How the replica that answers is doing. Counters are those of `GET /metrics`, since its start.
#[derive(Serialize, ToSchema)]
struct Overview {
    /// For how many seconds the replica has run.
    up: u64,
    /// Login attempts by outcome, since then.
    #[schema(value_type = BTreeMap<String, u64>)]
    logins: Outcomes,
    /// Refreshes by outcome, since then. `reuse` is a theft.
    #[schema(value_type = BTreeMap<String, u64>)]
    refreshes: Outcomes,
    /// Calls that a store did not answer in time, or answered with an error, since then.
    #[schema(value_type = BTreeMap<String, u64>)]
    store_failures: Outcomes,
    /// Passwords that are waiting to be hashed.
    hashing_queue: Queue,
    /// Mails that are waiting to be sent, of all replicas.
    mail: Mail,
    /// The signing keys.
    keys: Keys,
}

#[derive(Serialize, ToSchema)]
struct Queue {
    /// How many are waiting.
    waiting: usize,
    /// How many may wait before logins are refused.
    capacity: usize,
}

#[derive(Serialize, ToSchema)]
struct Mail {
    /// How many are waiting.
    waiting: u64,
    /// The age of the oldest of them, in seconds.
    oldest: u64,
}

#[derive(Serialize, ToSchema)]
struct Keys {
    /// How many are published to verifiers.
    published: usize,
    /// For how many seconds the current one has signed.
    signing_age: u64,
    /// How many seconds ago they were last read from SQL.
    read_age: u64,
}

/// Show how the service is doing
///
/// The figures of the replica that answers, cheap enough to be asked for every few seconds.
#[utoipa::path(
    get, path = "/admin/overview", tag = "about", operation_id = "get_overview",
    responses((status = 200, description = "Figures", body = Overview), Refusals<(Permitted<UsersRead>, Unavailable)>),
    security(("bearer" = []))
)]
pub async fn overview(_: Permitted<UsersRead>, state: Data<State>) -> Result<HttpResponse, Problem> {
    let keys = state.keys.ages();
    Ok(HttpResponse::Ok().json(Overview {
        up: state.started.elapsed().as_secs(),
        logins: LOGINS.all(),
        refreshes: REFRESHES.all(),
        store_failures: STORE_FAILURES.all(),
        hashing_queue: Queue { waiting: state.hasher.waiting(), capacity: state.hasher.capacity() },
        mail: Mail { waiting: whole(MAIL_WAITING.get()), oldest: whole(MAIL_OLDEST.get()) },
        keys: Keys { published: keys.published, signing_age: keys.signing.as_secs(), read_age: keys.read.as_secs() },
    }))
}

/// A gauge that counts, as a whole number.
fn whole(gauge: f64) -> u64 {
    gauge.max(0.0) as u64
}
