//! `sessions …`.

use super::{
    Failure,
    report::{Report, printable},
    users::named,
};
use auth_service::{
    app::Installation,
    domain::{admin::users::By, sessions::record::SessionRecord},
};
use clap::ArgMatches;
use serde_json::{Value, json};
use shared::ids::SessionId;

/// Shows where a user is logged in.
pub async fn list(installation: &Installation, arguments: &ArgMatches) -> Result<Report, Failure> {
    let user = named(installation, arguments).await?;
    let sessions = installation.operator().sessions_of(&user).await.map_err(|error| error.to_string())?;
    let head = format!("{:<36}  {:<20}  {:<20}  {:<15}  {}", "ID", "BEGAN", "LAST USED", "FROM", "WITH");
    let text = std::iter::once(head).chain(sessions.iter().map(line)).collect::<Vec<_>>().join("\n");
    let listed: Vec<Value> = sessions.iter().map(as_json).collect();
    Ok(Report { text, json: json!({ "sessions": listed }) })
}

/// Ends one session of a user, or all of them.
pub async fn end(installation: &Installation, arguments: &ArgMatches) -> Result<Report, Failure> {
    let user = named(installation, arguments).await?;
    let session = arguments.get_one::<SessionId>("session").copied();
    match session {
        Some(session) => {
            installation.operator().end_session(user.id, session).await.map_err(|error| error.to_string())?
        }
        None => installation.users().end_sessions(&By::Operator, user.id).await.map_err(|error| error.to_string())?,
    }
    let what = session.map_or_else(|| "all sessions".to_owned(), |session| format!("session {session}"));
    let text = format!("{what} of {} ended", user.email);
    Ok(Report { text, json: json!({ "user": user.id, "session": session }) })
}

/// Ends all sessions of all users.
pub async fn end_all(installation: &Installation) -> Result<Report, Failure> {
    let users = installation.operator().end_all_sessions().await.map_err(|error| error.to_string())?;
    Ok(Report { text: format!("ended the sessions of {users} users"), json: json!({ "users": users }) })
}

fn line(session: &SessionRecord) -> String {
    let (began, used) = (session.auth_time.rfc3339(), session.last_used.rfc3339());
    let (from, with) = (printable(&session.ip.to_string()), printable(&session.user_agent));
    format!("{:<36}  {began:<20}  {used:<20}  {from:<15}  {with}", session.sid.to_string())
}

/// The fields of the HTTP API.
fn as_json(session: &SessionRecord) -> Value {
    json!({
        "id": session.sid,
        "created_at": session.auth_time.rfc3339(),
        "last_used_at": session.last_used.rfc3339(),
        "expires_at": session.expires_at().rfc3339(),
        "ip": session.ip,
        "user_agent": session.user_agent,
    })
}
