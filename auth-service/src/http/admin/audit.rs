//! `GET /admin/audit` and `GET /admin/users/{id}/audit`: what happened.

use super::{moment, user_id};
use crate::{
    domain::{
        Unavailable,
        audit::{Action, AuditQuery, Event},
    },
    http::{
        State,
        request::caller::{Permitted, UsersRead},
    },
};
use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Path},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use shared::{
    ids::{EventId, SessionId, UserId},
    openapi::{NotFound, Refusals, Refuses},
    paging::{Limit, Listing},
    problem::Problem,
};
use utoipa::{
    IntoParams, PartialSchema, ToSchema,
    openapi::{
        RefOr, Schema,
        schema::{ObjectBuilder, Type},
    },
};

/// An audit event.
#[derive(Serialize, ToSchema)]
#[schema(as = Event)]
pub struct Listed<'a> {
    /// The event's id; ids sort by time.
    #[schema(value_type = String, format = Uuid)]
    id: EventId,
    /// When it happened.
    #[schema(format = DateTime)]
    at: String,
    /// What happened, such as `login` or `refresh_reuse`.
    #[schema(value_type = String)]
    action: &'static str,
    /// `success`, or `failure` if it was only attempted.
    #[schema(value_type = String)]
    result: &'static str,
    /// The user who did it, if it was a user.
    #[schema(value_type = Option<String>, format = Uuid, required = true)]
    actor: Option<UserId>,
    /// The user it happened to.
    #[schema(value_type = Option<String>, format = Uuid, required = true)]
    user: Option<UserId>,
    /// The session it was about.
    #[schema(value_type = Option<String>, format = Uuid, required = true)]
    session_id: Option<SessionId>,
    /// The client's address.
    #[schema(required = true)]
    ip: Option<&'a str>,
    /// The client's `User-Agent`.
    #[schema(required = true)]
    user_agent: Option<&'a str>,
    /// Further details, which depend on the action.
    #[schema(value_type = Object)]
    details: &'a Map<String, Value>,
}

/// A page of events.
#[derive(Serialize, ToSchema)]
struct Events<'a> {
    /// Newest first.
    events: Vec<Listed<'a>>,
    /// The `cursor` of the next page, if there is one.
    #[schema(value_type = Option<String>, format = Uuid, required = true)]
    next: Option<EventId>,
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

/// Which events.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Asked {
    /// Maximum number of entries.
    #[serde(default)]
    #[param(value_type = u32, minimum = 1, maximum = 200, default = 50)]
    limit: Limit<200>,
    /// The `next` of the previous page.
    #[param(value_type = Option<String>, nullable = false, format = Uuid)]
    cursor: Option<EventId>,
    /// Only events about this session.
    #[param(value_type = Option<String>, nullable = false, format = Uuid)]
    session: Option<SessionId>,
    /// Only events with this action.
    #[param(nullable = false, inline, value_type = Option<ActionName>)]
    action: Option<String>,
    /// Only successes, or only failures.
    #[param(nullable = false, inline, value_type = Option<ResultName>)]
    result: Option<String>,
    /// Only events at or after this time.
    #[param(nullable = false, format = DateTime)]
    since: Option<String>,
    /// Only events before this time.
    #[param(nullable = false, format = DateTime)]
    until: Option<String>,
}

impl Listing for Asked {
    const TAKES: &'static str = "takes limit (1 to 200), cursor (the `next` of the previous page), session, action, result \
         (success or failure), since and until (RFC 3339)";
}

impl Asked {
    fn query(self) -> Option<AuditQuery> {
        let is_success = match self.result.as_deref() {
            None => None,
            Some("success") => Some(true),
            Some("failure") => Some(false),
            Some(_) => return None,
        };
        Some(AuditQuery {
            sub: None,
            sid: self.session,
            action: self.action.map(|name| name.parse()).transpose().ok()?,
            is_success,
            since: moment(self.since)?,
            until: moment(self.until)?,
            before: self.cursor,
            limit: self.limit.get(),
        })
    }
}

impl Refuses for Asked {
    fn problems() -> Vec<Problem> {
        vec![Self::refusal()]
    }
}

/// The name of an action.
struct ActionName;

/// `success` or `failure`.
struct ResultName;

impl ToSchema for ActionName {}
impl ToSchema for ResultName {}

impl PartialSchema for ActionName {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(Action::ALL.iter().map(|action| action.name())))
            .into()
    }
}

impl PartialSchema for ResultName {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::String).enum_values(Some(["success", "failure"])).into()
    }
}

/// List audit events
///
/// All users, newest first.
#[utoipa::path(
    get, path = "/admin/audit", tag = "users", operation_id = "list_audit_events",
    params(Asked),
    responses(
        (status = 200, description = "A page", body = Events<'_>),
        Refusals<(Permitted<UsersRead>, Asked, Unavailable)>,
    ),
    security(("bearer" = []))
)]
pub async fn all(_: Permitted<UsersRead>, request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Problem> {
    answer(&state, query(&request)?).await
}

/// List audit events of a user
///
/// Newest first; also for a user who has been deleted since.
#[utoipa::path(
    get, path = "/admin/users/{id}/audit", tag = "users", operation_id = "list_audit_events_of_user",
    params(("id" = String, Path, format = Uuid, description = "The user's id"), Asked),
    responses(
        (status = 200, description = "A page", body = Events<'_>),
        Refusals<(Permitted<UsersRead>, NotFound, Asked, Unavailable)>,
    ),
    security(("bearer" = []))
)]
pub async fn of_user(
    _: Permitted<UsersRead>,
    request: HttpRequest,
    state: Data<State>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let id = user_id(&id)?;
    answer(&state, AuditQuery { sub: Some(id), ..query(&request)? }).await
}

async fn answer(state: &State, query: AuditQuery) -> Result<HttpResponse, Problem> {
    let (events, next) = state.audit.events(query).await?;
    let events = events.iter().map(Listed::of).collect();
    Ok(HttpResponse::Ok().json(Events { events, next }))
}

fn query(request: &HttpRequest) -> Result<AuditQuery, Problem> {
    Asked::of(request)?.query().ok_or_else(Asked::refusal)
}
