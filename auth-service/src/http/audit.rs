//! `GET /admin/audit` and `GET /admin/users/{id}/audit`: what happened.

use super::{
    State,
    admin::user_id,
    caller::{Permitted, UsersRead},
};
use crate::domain::audit::{AuditQuery, Event};
use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Path, Query},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use shared::{
    clock::Timestamp,
    ids::{EventId, SessionId, UserId},
    problem::Problem,
};

const DEFAULT_LIMIT: u32 = 50;
const MAX_LIMIT: u32 = 200;

/// An event, as answers show one.
#[derive(Serialize)]
pub struct Listed<'a> {
    id: EventId,
    at: String,
    action: &'static str,
    result: &'static str,
    actor: Option<UserId>,
    user: Option<UserId>,
    session_id: Option<SessionId>,
    ip: Option<&'a str>,
    user_agent: Option<&'a str>,
    details: &'a Map<String, Value>,
}

impl<'a> Listed<'a> {
    /// Of an event.
    pub fn of(event: &'a Event) -> Self {
        Self {
            id: event.id,
            at: event.at.rfc3339(),
            action: event.action.name(),
            result: event.result(),
            actor: event.actor,
            user: event.sub,
            session_id: event.sid,
            ip: event.ip.as_deref(),
            user_agent: event.user_agent.as_deref(),
            details: &event.details,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Listing {
    limit: Option<u32>,
    cursor: Option<EventId>,
    user: Option<UserId>,
    session: Option<SessionId>,
    action: Option<String>,
    result: Option<String>,
    since: Option<String>,
    until: Option<String>,
}

impl Listing {
    fn query(self) -> Option<AuditQuery> {
        let limit = self.limit.unwrap_or(DEFAULT_LIMIT);
        let moment = |text: Option<String>| text.map(|text| Timestamp::from_rfc3339(&text).ok_or(())).transpose();
        let is_success = match self.result.as_deref() {
            None => None,
            Some("success") => Some(true),
            Some("failure") => Some(false),
            Some(_) => return None,
        };
        (1..=MAX_LIMIT).contains(&limit).then_some(())?;
        Some(AuditQuery {
            sub: self.user,
            sid: self.session,
            action: self.action.map(|name| name.parse()).transpose().ok()?,
            is_success,
            since: moment(self.since).ok()?,
            until: moment(self.until).ok()?,
            before: self.cursor,
            limit,
        })
    }
}

/// Lists what happened to anybody.
pub async fn all(_: Permitted<UsersRead>, request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Problem> {
    answer(&state, query(&request)?).await
}

/// Lists what happened to a user; also to one who has been deleted since.
pub async fn of_user(
    _: Permitted<UsersRead>,
    request: HttpRequest,
    state: Data<State>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let id = user_id(&id)?;
    let query = query(&request)?;
    if query.sub.is_some_and(|user| user != id) {
        return Err(invalid_query());
    }
    answer(&state, AuditQuery { sub: Some(id), ..query }).await
}

async fn answer(state: &State, query: AuditQuery) -> Result<HttpResponse, Problem> {
    let (events, next) = state.auth.events(query).await?;
    let events: Vec<Listed<'_>> = events.iter().map(Listed::of).collect();
    Ok(HttpResponse::Ok().json(json!({ "events": events, "next": next })))
}

fn query(request: &HttpRequest) -> Result<AuditQuery, Problem> {
    let listing = Query::<Listing>::from_query(request.query_string()).ok();
    listing.and_then(|listing| listing.into_inner().query()).ok_or_else(invalid_query)
}

fn invalid_query() -> Problem {
    Problem::new(
        StatusCode::BAD_REQUEST,
        "invalid_query",
        "takes limit (1 to 200), cursor (the `next` of the page before), user, session, action, result (success or \
         failure), since and until (RFC 3339)",
    )
}
