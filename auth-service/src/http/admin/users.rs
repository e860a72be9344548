//! `/admin/users…`: how admins list and change users.

use super::{moment, user_id};
use crate::{
    domain::{
        accounts::{AccountChange, AccountQuery, SearchError},
        admin::{
            create::{Creation, CreationError},
            users::{AdminError, By},
        },
        passwords::Password,
    },
    http::{
        State,
        admin::audit::Listed,
        answer::{
            own_cookie::{self, Ends},
            refusals::{ResetRefused, UserOutOfReach, UserRefused},
        },
        auth::{
            me::User,
            register::{Invalid, address, person_name},
            sessions::Session,
        },
        request::{
            caller::{Permitted, Recent, UsersRead, UsersWrite},
            client::client,
        },
    },
};
use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Path},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use shared::{
    body::{Body, BodyOfUsualSize},
    clock::Timestamp,
    ids::UserId,
    openapi::{NotFound, Refusals, Refuses},
    paging::{Limit, Listing},
    problem::{self, Problem},
};
use utoipa::{IntoParams, ToSchema};

/// How many characters a search may have.
const MAX_SEARCH_CHARS: usize = 200;
/// How many characters the name of a role that is looked for may have: no role's name has more.
const MAX_ROLE_CHARS: usize = 64;

/// Which users.
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
    cursor: Option<UserId>,
    /// Only users whose address or name contains this, in any case. Three or more letters are found fast.
    #[param(nullable = false, max_length = 200, pattern = r"^[^\x00-\x1F\x7F-\x9F]*$")]
    q: Option<String>,
    /// Only users who have this role.
    #[param(nullable = false, max_length = 64, pattern = r"^[^\x00-\x1F\x7F-\x9F]*$")]
    role: Option<String>,
    /// Only users who are disabled, or only those who are not.
    #[param(nullable = false)]
    disabled: Option<bool>,
    /// Only users who were created at or after this time.
    #[param(nullable = false, format = DateTime)]
    created_from: Option<String>,
    /// Only users who were created before this time.
    #[param(nullable = false, format = DateTime)]
    created_until: Option<String>,
}

/// A page of users.
#[derive(Serialize, ToSchema)]
struct Users<'a> {
    /// In the order of registration.
    users: Vec<User<'a>>,
    /// The `cursor` of the next page, if there is one.
    #[schema(value_type = Option<String>, format = Uuid, required = true)]
    next: Option<UserId>,
}

impl Listing for Asked {
    const TAKES: &'static str = "takes limit (1 to 200), cursor (the `next` of the previous page), q (at most 200 characters), role (at most 64), \
         disabled (true or false), created_from and created_until (RFC 3339)";
}

impl Asked {
    fn query(self) -> Option<AccountQuery> {
        Some(AccountQuery {
            search: text(self.q, MAX_SEARCH_CHARS)?,
            role: text(self.role, MAX_ROLE_CHARS)?,
            disabled: self.disabled,
            created_from: moment(self.created_from)?,
            created_until: moment(self.created_until)?,
            after: self.cursor,
            limit: self.limit.get(),
        })
    }
}

/// A text to look for, if it is not empty; `None`: nobody's address, name or role is such a text.
fn text(asked: Option<String>, longest: usize) -> Option<Option<String>> {
    let is_possible = |text: &String| text.chars().count() <= longest && !text.chars().any(char::is_control);
    asked.as_ref().is_none_or(is_possible).then(|| asked.filter(|text| !text.is_empty()))
}

impl Refuses for Asked {
    fn problems() -> Vec<Problem> {
        vec![Self::refusal()]
    }
}

/// List users
#[utoipa::path(
    get, path = "/admin/users", tag = "users", operation_id = "list_users",
    params(Asked),
    responses(
        (status = 200, description = "A page", body = Users<'_>),
        Refusals<(Permitted<UsersRead>, Asked, SearchError)>,
    ),
    security(("bearer" = []))
)]
pub async fn list(_: Permitted<UsersRead>, request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Problem> {
    let (users, next) = state.users.page(Asked::of(&request)?.query().ok_or_else(Asked::refusal)?).await?;
    let users = users.iter().map(User::of).collect();
    Ok(HttpResponse::Ok().json(Users { users, next }))
}

/// A user to create.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewUser, example = json!({ "email": "bob@example.com", "password": "correct horse battery", "roles": ["author"] }))]
pub struct NewUser {
    /// An address in ASCII, stored in lower case.
    #[schema(format = Email, max_length = 254)]
    email: String,
    /// The first password. Easily guessed ones are refused, and, if the service looks them up, ones that are known from breaches. A
    /// service may ask for more than 8 characters: the problem says how many.
    #[schema(value_type = String, format = Password, min_length = 8, max_length = 256)]
    password: Password,
    /// The user's name: not only whitespace, no control characters, and none that change the direction of text.
    #[schema(
        min_length = 1,
        max_length = 200,
        pattern = r"^[^\x00-\x1F\x7F-\x9F\u061C\u200E\u200F\u2028-\u202E\u2066-\u2069\uFEFF]*[^\s\x00-\x1F\x7F-\x9F\u061C\u200E\u200F\u2028-\u202E\u2066-\u2069\uFEFF][^\x00-\x1F\x7F-\x9F\u061C\u200E\u200F\u2028-\u202E\u2066-\u2069\uFEFF]*$"
    )]
    name: Option<String>,
    /// At most 16, and none that grants what the caller may not do. Default: the role of users who register.
    roles: Option<Vec<String>>,
    /// Custom claims: at most 1 KiB of JSON, nested at most 8 deep.
    #[schema(value_type = Option<Object>)]
    custom: Option<Map<String, Value>>,
}

/// Create a user
///
/// Works even if registration is closed. The user can log in at once.
#[utoipa::path(
    post, path = "/admin/users", tag = "users", operation_id = "create_user",
    request_body = NewUser,
    responses(
        (status = 201, description = "The new user", body = User<'_>),
        Refusals<(Recent<Permitted<UsersWrite>>, BodyOfUsualSize, Invalid, CreationError)>,
    ),
    security(("bearer" = []))
)]
pub async fn create(
    caller: Recent<Permitted<UsersWrite>>,
    request: HttpRequest,
    state: Data<State>,
    body: Body<NewUser>,
) -> Result<HttpResponse, Problem> {
    let input = body.read().await?;
    let creation = Creation {
        email: address(&input.email)?,
        name: person_name(input.name.as_deref())?,
        password: input.password,
        roles: input.roles,
        custom: input.custom.unwrap_or_default(),
    };
    let account = state.user_creation.create(&caller, &client(&request, &state), creation).await?;
    Ok(HttpResponse::Created().json(User::of(&account)))
}

/// The fields to change; omitted ones stay as they are.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = UserChange, example = json!({ "roles": ["author"], "custom": { "plan": "premium" } }))]
pub struct Change {
    /// All roles from now on: at most 16, and none that grants what the caller may not do.
    roles: Option<Vec<String>>,
    /// Disabling ends all sessions.
    disabled: Option<bool>,
    /// All custom claims from now on: at most 1 KiB of JSON, nested at most 8 deep.
    #[schema(value_type = Option<Object>)]
    custom: Option<Map<String, Value>>,
}

/// Change a user
///
/// New roles take effect at the next refresh, and at once in auth-service itself. Callers can neither grant what they
/// may not do themselves, nor change a user who may do more. The last enabled user who may make others an admin stays
/// one.
#[utoipa::path(
    patch, path = "/admin/users/{id}", tag = "users", operation_id = "change_user",
    params(("id" = String, Path, format = Uuid, description = "The user's id")),
    request_body = Change,
    responses(
        (status = 200, description = "The user as changed", body = User<'_>, headers(
            ("Set-Cookie" = String, description = "Clears the caller's cookie, if it was sent and its session has ended too"),
            ("Clear-Site-Data" = String, description = "With that: the browser forgets the pages that it keeps"),
        )),
        Refusals<(Recent<Permitted<UsersWrite>>, NotFound, BodyOfUsualSize, AdminError)>,
    ),
    security(("bearer" = []))
)]
pub async fn change(
    caller: Recent<Permitted<UsersWrite>>,
    request: HttpRequest,
    state: Data<State>,
    id: Path<String>,
    body: Body<Change>,
) -> Result<HttpResponse, Problem> {
    let id = user_id(&id)?;
    let input = body.read().await?;
    let change = AccountChange { roles: input.roles, disabled: input.disabled, custom: input.custom };
    let client = client(&request, &state);
    let account = state.users.change(&By::Admin { caller: &caller, client: &client }, id, change).await?;
    let mut answer = HttpResponse::Ok();
    if account.disabled {
        own_cookie::clear_after(Ends::AllSessionsOf(id), &mut answer, &request, &state);
    }
    Ok(answer.json(User::of(&account)))
}

/// Delete a user
#[utoipa::path(
    delete, path = "/admin/users/{id}", tag = "users", operation_id = "delete_user",
    params(("id" = String, Path, format = Uuid, description = "The user's id")),
    responses((status = 204, description = "User deleted", headers(
            ("Set-Cookie" = String, description = "Clears the caller's cookie, if it was sent and its session has ended too"),
            ("Clear-Site-Data" = String, description = "With that: the browser forgets the pages that it keeps"),
        )),
        Refusals<(Recent<Permitted<UsersWrite>>, NotFound, UserRefused)>),
    security(("bearer" = []))
)]
pub async fn delete(
    caller: Recent<Permitted<UsersWrite>>,
    request: HttpRequest,
    state: Data<State>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let (client, id) = (client(&request, &state), user_id(&id)?);
    state.users.delete(&By::Admin { caller: &caller, client: &client }, id).await?;
    Ok(own_cookie::gone(Ends::AllSessionsOf(id), &request, &state))
}

/// Get a user
#[utoipa::path(
    get, path = "/admin/users/{id}", tag = "users", operation_id = "get_user",
    params(("id" = String, Path, format = Uuid, description = "The user's id")),
    responses((status = 200, description = "The user", body = UserAndFactors<'_>), Refusals<(Permitted<UsersRead>, NotFound)>),
    security(("bearer" = []))
)]
pub async fn show(_: Permitted<UsersRead>, state: Data<State>, id: Path<String>) -> Result<HttpResponse, Problem> {
    let account = state.users.by_id(user_id(&id)?).await?;
    let (enrolled, reset_due_at) = state.factor_resets.of(account.id).await?;
    let factors = FactorsOfUser {
        totp: enrolled.totp.is_some(),
        passkeys: enrolled.passkeys,
        recovery_codes_left: enrolled.recovery_codes_left,
        reset_due_at: reset_due_at.map(Timestamp::rfc3339),
    };
    Ok(HttpResponse::Ok().json(UserAndFactors { user: User::of(&account), factors }))
}

/// A user, with what the user shows at a login.
#[derive(Serialize, ToSchema)]
struct UserAndFactors<'a> {
    #[serde(flatten)]
    user: User<'a>,
    /// What the user shows besides the password.
    factors: FactorsOfUser,
}

/// What a user shows besides the password.
#[derive(Serialize, ToSchema)]
struct FactorsOfUser {
    /// Whether the user has an authenticator app.
    totp: bool,
    /// How many passkeys there are.
    passkeys: u32,
    /// How many recovery codes are not used yet.
    recovery_codes_left: u32,
    /// When an administrator will have all of them removed, unless the user stops it.
    #[schema(format = DateTime)]
    #[serde(skip_serializing_if = "Option::is_none")]
    reset_due_at: Option<String>,
}

/// When the factors of a user are removed.
#[derive(Serialize, ToSchema)]
struct FactorReset {
    /// Now, or after `AUTH_FACTOR_RESET_DELAY`, during which the user can stop it.
    #[schema(format = DateTime)]
    due_at: String,
}

/// Remove a user's second factors
///
/// Authenticator app, recovery codes and passkeys, and all sessions end; the user is notified at once. With
/// `AUTH_FACTOR_RESET_DELAY` it takes effect later, and the user can stop it.
#[utoipa::path(
    delete, path = "/admin/users/{id}/factors", tag = "users", operation_id = "remove_factors",
    params(("id" = String, Path, format = Uuid, description = "The user's id")),
    responses(
        (status = 202, description = "They are removed then", body = FactorReset),
        Refusals<(Recent<Permitted<UsersWrite>>, NotFound, UserOutOfReach)>,
    ),
    security(("bearer" = []))
)]
pub async fn remove_factors(
    caller: Recent<Permitted<UsersWrite>>,
    request: HttpRequest,
    state: Data<State>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let (client, id) = (client(&request, &state), user_id(&id)?);
    let due_at = state.factor_resets.remove(&By::Admin { caller: &caller, client: &client }, id).await?;
    Ok(HttpResponse::Accepted().json(FactorReset { due_at: due_at.rfc3339() }))
}

/// Where a user is logged in.
#[derive(Serialize, ToSchema)]
#[schema(as = SessionsOfUser)]
struct SessionsOfUser<'a> {
    /// The most recently used first.
    sessions: Vec<Session<'a>>,
    /// The latest detected and suspected thefts of the user's refresh tokens, newest first.
    incidents: Vec<Listed<'a>>,
}

/// List a user's sessions
///
/// With the thefts that were detected or may be under way, as the user sees them.
#[utoipa::path(
    get, path = "/admin/users/{id}/sessions", tag = "users", operation_id = "list_sessions_of_user",
    params(("id" = String, Path, format = Uuid, description = "The user's id")),
    responses(
        (status = 200, description = "The sessions", body = SessionsOfUser<'_>),
        Refusals<(Permitted<UsersRead>, NotFound)>,
    ),
    security(("bearer" = []))
)]
pub async fn sessions(_: Permitted<UsersRead>, state: Data<State>, id: Path<String>) -> Result<HttpResponse, Problem> {
    let user = state.users.by_id(user_id(&id)?).await?;
    let devices = state.sessions.devices_of(&user).await?;
    let incidents = state.audit.incidents(user.id).await?;
    let sessions = devices.iter().map(Session::on).collect();
    let incidents = incidents.iter().map(Listed::of).collect();
    Ok(HttpResponse::Ok().json(SessionsOfUser { sessions, incidents }))
}

/// End one session of a user
///
/// Works even if the session store has lost the session.
#[utoipa::path(
    delete, path = "/admin/users/{id}/sessions/{session}", tag = "users", operation_id = "end_session_of_user",
    params(
        ("id" = String, Path, format = Uuid, description = "The user's id"),
        ("session" = String, Path, format = Uuid, description = "The session's id"),
    ),
    responses((status = 204, description = "Session ended", headers(
            ("Set-Cookie" = String, description = "Clears the caller's cookie, if it was sent and its session has ended too"),
            ("Clear-Site-Data" = String, description = "With that: the browser forgets the pages that it keeps"),
        )),
        Refusals<(Permitted<UsersWrite>, NotFound, UserOutOfReach)>),
    security(("bearer" = []))
)]
pub async fn end_session(
    caller: Permitted<UsersWrite>,
    request: HttpRequest,
    state: Data<State>,
    ids: Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let (user, session) = (user_id(&ids.0)?, ids.1.parse().map_err(|_| problem::not_found())?);
    let client = client(&request, &state);
    state.users.end_session(&By::Admin { caller: &caller, client: &client }, user, session).await?;
    Ok(own_cookie::gone(Ends::Session(session), &request, &state))
}

/// End all sessions of a user
#[utoipa::path(
    delete, path = "/admin/users/{id}/sessions", tag = "users", operation_id = "end_sessions_of_user",
    params(("id" = String, Path, format = Uuid, description = "The user's id")),
    responses((status = 204, description = "Sessions ended", headers(
            ("Set-Cookie" = String, description = "Clears the caller's cookie, if it was sent and its session has ended too"),
            ("Clear-Site-Data" = String, description = "With that: the browser forgets the pages that it keeps"),
        )),
        Refusals<(Permitted<UsersWrite>, NotFound, UserOutOfReach)>),
    security(("bearer" = []))
)]
pub async fn end_sessions(
    caller: Permitted<UsersWrite>,
    request: HttpRequest,
    state: Data<State>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let (client, id) = (client(&request, &state), user_id(&id)?);
    state.users.end_sessions(&By::Admin { caller: &caller, client: &client }, id).await?;
    Ok(own_cookie::gone(Ends::AllSessionsOf(id), &request, &state))
}

/// Send a user a mail to set a new password
///
/// The code is good for 24 hours. The old password stays valid until then, and so do the sessions; the caller sees neither password nor
/// code.
#[utoipa::path(
    post, path = "/admin/users/{id}/reset", tag = "users", operation_id = "start_password_reset",
    params(("id" = String, Path, format = Uuid, description = "The user's id")),
    responses(
        (status = 202, description = "A mail is on its way"),
        Refusals<(Recent<Permitted<UsersWrite>>, NotFound, UserOutOfReach, ResetRefused)>,
    ),
    security(("bearer" = []))
)]
pub async fn start_reset(
    caller: Recent<Permitted<UsersWrite>>,
    request: HttpRequest,
    state: Data<State>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    state.invitations.start_reset(&caller, &client(&request, &state), user_id(&id)?).await?;
    Ok(HttpResponse::Accepted().finish())
}
