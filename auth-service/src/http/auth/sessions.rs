//! `GET /auth/sessions` and `DELETE /auth/sessions/{id}`: the user's devices.

use crate::{
    domain::{Unavailable, sessions::devices::Device},
    http::{
        State,
        admin::audit::Listed,
        answer::own_cookie::{self, Ends},
        request::{caller::Caller, client::client},
    },
};
use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Path},
};
use serde::Serialize;
use shared::{
    ids::SessionId,
    openapi::{NotFound, Refusals},
    problem::{self, Problem},
};
use utoipa::ToSchema;

/// Where a user is logged in.
#[derive(Serialize, ToSchema)]
struct Sessions<'a> {
    /// The caller's own session first, then the most recently used.
    sessions: Vec<Session<'a>>,
    /// The latest detected and suspected thefts of the user's refresh tokens, newest first.
    incidents: Vec<Listed<'a>>,
}

/// A session: one login on one device.
#[derive(Serialize, ToSchema)]
pub struct Session<'a> {
    /// Its public id.
    #[schema(value_type = String, format = Uuid)]
    id: SessionId,
    /// When it began.
    #[schema(format = DateTime)]
    created_at: String,
    /// Last refresh, in steps of five minutes and five minutes late; for the caller's own session, the current minute.
    #[schema(format = DateTime)]
    last_used_at: String,
    /// When it ends unless it is used again.
    #[schema(format = DateTime)]
    expires_at: String,
    /// The address that last used it. For the caller's own session: the address of this request.
    ip: &'a str,
    /// The `User-Agent` that last used it. For the caller's own session: that of this request.
    user_agent: &'a str,
    /// Whether it is the caller's own.
    current: bool,
}

/// List the current user's sessions
///
/// With the thefts that were detected or may be under way.
#[utoipa::path(
    get, path = "/auth/sessions", tag = "account", operation_id = "list_sessions",
    responses((status = 200, description = "The sessions", body = Sessions<'_>), Refusals<(Caller, Unavailable)>),
    security(("bearer" = []))
)]
pub async fn list(caller: Caller, request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Problem> {
    let devices = state.sessions.devices(&caller, &client(&request, &state)).await?;
    let sessions = devices.iter().map(Session::on).collect();
    let incidents = state.audit.incidents(caller.account.id).await?;
    let incidents = incidents.iter().map(Listed::of).collect();
    Ok(HttpResponse::Ok().json(Sessions { sessions, incidents }))
}

impl<'a> Session<'a> {
    /// On a device.
    pub fn on(device: &'a Device) -> Self {
        Self {
            id: device.sid,
            created_at: device.created_at.rfc3339(),
            last_used_at: device.last_used.rfc3339(),
            expires_at: device.expires_at.rfc3339(),
            ip: &device.ip,
            user_agent: &device.user_agent,
            current: device.is_current,
        }
    }
}

/// End one of the current user's sessions
///
/// Works even if the session store has lost the session. Never ends another user's session.
#[utoipa::path(
    delete, path = "/auth/sessions/{id}", tag = "account", operation_id = "end_session",
    params(("id" = String, Path, format = Uuid, description = "The session's id")),
    responses(
        (status = 204, description = "Session ended", headers(
            ("Set-Cookie" = String, description = "Clears its cookie, if it was sent"),
            ("Clear-Site-Data" = String, description = "With that: the browser forgets the pages that it keeps"),
        )),
        Refusals<(Caller, NotFound, Unavailable)>,
    ),
    security(("bearer" = []))
)]
pub async fn end(
    caller: Caller,
    request: HttpRequest,
    state: Data<State>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let id: SessionId = id.parse().map_err(|_| problem::not_found())?;
    state.sessions.end_own_session(&caller, id, &client(&request, &state)).await?;
    Ok(own_cookie::gone(Ends::Session(id), &request, &state))
}
