//! `GET /auth/sessions` and `DELETE /auth/sessions/{id}`: the user's devices.

use super::{State, audit::Listed, caller::Caller, client::client};
use crate::domain::sessions::SessionRecord;
use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Path},
};
use serde_json::{Value, json};
use shared::{
    ids::SessionId,
    problem::{self, Problem},
};

/// Lists the caller's sessions, and the thefts that were found out.
pub async fn list(caller: Caller, state: Data<State>) -> Result<HttpResponse, Problem> {
    let sessions = state.auth.sessions_of(&caller).await?;
    let sessions: Vec<Value> = sessions.iter().map(|record| device(record, caller.session)).collect();
    let incidents = state.auth.incidents(caller.account.id).await?;
    let incidents: Vec<Listed<'_>> = incidents.iter().map(Listed::of).collect();
    Ok(HttpResponse::Ok().json(json!({ "sessions": sessions, "incidents": incidents })))
}

fn device(record: &SessionRecord, current: SessionId) -> Value {
    json!({
        "id": record.sid,
        "created_at": record.auth_time.rfc3339(),
        "last_used_at": record.last_used.rfc3339(),
        "expires_at": record.expires_at.rfc3339(),
        "ip": record.ip,
        "user_agent": record.user_agent,
        "current": record.sid == current,
    })
}

/// Ends one of the caller's sessions.
pub async fn end(
    caller: Caller,
    request: HttpRequest,
    state: Data<State>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let id: SessionId = id.parse().map_err(|_| problem::not_found())?;
    state.auth.end_own_session(&caller, id, &client(&request, &state)).await?;
    Ok(HttpResponse::NoContent().finish())
}
