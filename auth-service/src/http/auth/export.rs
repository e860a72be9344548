//! `GET /auth/me/export`: what is known of the user, to take along (GDPR, articles 15 and 20).

use super::{me::User, sessions::Session};
use crate::{
    domain::Unavailable,
    http::{
        State,
        admin::audit::Listed,
        request::{caller::Caller, client::client},
    },
};
use actix_web::{HttpRequest, HttpResponse, web::Data};
use serde::Serialize;
use shared::{openapi::Refusals, problem::Problem};
use utoipa::ToSchema;

/// Everything that is known of a user.
#[derive(Serialize, ToSchema)]
struct OwnData<'a> {
    /// When this was put together.
    #[schema(format = DateTime)]
    made_at: String,
    /// The account.
    user: User<'a>,
    /// Where the user is logged in.
    sessions: Vec<Session<'a>>,
    /// The latest detected and suspected thefts of the user's refresh tokens, newest first.
    incidents: Vec<Listed<'a>>,
    /// What happened to the account, newest first, at most 1,000 events. If somebody else did it, who that was and from
    /// where is left out.
    events: Vec<Listed<'a>>,
    /// Whether there are older events; admins can list them.
    has_more_events: bool,
}

/// Get everything that is known of the current user
///
/// As one document, to keep or to take along: the account, its sessions, and what happened to it.
#[utoipa::path(
    get, path = "/auth/me/export", tag = "account", operation_id = "export_me",
    responses((status = 200, description = "The data", body = OwnData<'_>), Refusals<(Caller, Unavailable)>),
    security(("bearer" = []))
)]
pub async fn export(caller: Caller, request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Problem> {
    let devices = state.sessions.devices(&caller, &client(&request, &state)).await?;
    let incidents = state.audit.incidents(caller.account.id).await?;
    let (events, has_more_events) = state.audit.of_user(caller.account.id).await?;
    Ok(HttpResponse::Ok().json(OwnData {
        made_at: state.clock.now().rfc3339(),
        user: User::of(&caller.account),
        sessions: devices.iter().map(Session::on).collect(),
        incidents: incidents.iter().map(Listed::of).collect(),
        events: events.iter().map(Listed::of).collect(),
        has_more_events,
    }))
}
