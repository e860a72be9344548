//! `/admin/invitations…`: how admins invite users.

use crate::{
    domain::{
        Unavailable,
        admin::invitations::{self, InvitationError},
    },
    http::{
        State,
        answer::refusals::RevocationRefused,
        auth::register::{InvalidAddress, address},
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
use shared::{
    body::{Body, BodyOfUsualSize},
    ids::{ProofId, UserId},
    openapi::{NotFound, Refusals, Refuses},
    paging::{Limit, Listing},
    problem::{self, Problem},
};
use utoipa::{IntoParams, ToSchema};

/// Which invitations.
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
    cursor: Option<ProofId>,
}

impl Listing for Asked {
    const TAKES: &'static str = "takes limit (1 to 200) and cursor (the `next` of the previous page)";
}

impl Refuses for Asked {
    fn problems() -> Vec<Problem> {
        vec![Self::refusal()]
    }
}

/// An invitation that was not accepted yet.
#[derive(Serialize, ToSchema)]
struct Invitation<'a> {
    /// The invitation's id.
    #[schema(value_type = String, format = Uuid)]
    id: ProofId,
    /// Who is invited.
    email: &'a str,
    /// The roles that the user will have.
    roles: &'a [String],
    /// Who has invited. If that user may no longer give the roles, the invitation is worthless.
    #[schema(value_type = Option<String>, format = Uuid, required = true)]
    invited_by: Option<UserId>,
    /// Until when it can be accepted.
    #[schema(format = DateTime)]
    expires_at: String,
}

impl<'a> Invitation<'a> {
    fn of(invitation: &'a invitations::Invitation) -> Self {
        Self {
            id: invitation.id,
            email: invitation.email.as_str(),
            roles: &invitation.roles,
            invited_by: invitation.by,
            expires_at: invitation.expires_at.rfc3339(),
        }
    }
}

/// A page of invitations.
#[derive(Serialize, ToSchema)]
struct Invitations<'a> {
    /// In the order of their ids.
    invitations: Vec<Invitation<'a>>,
    /// The `cursor` of the next page, if there is one.
    #[schema(value_type = Option<String>, format = Uuid, required = true)]
    next: Option<ProofId>,
}

/// Somebody to invite.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewInvitation, example = json!({ "email": "bob@example.com", "roles": ["author"] }))]
pub struct NewInvitation {
    /// An address in ASCII.
    #[schema(format = Email, max_length = 254)]
    email: String,
    /// At most 16, and none that grants what the caller may not do. Default: the role of users who register.
    roles: Option<Vec<String>>,
}

/// Invite a user
///
/// The address gets a mail with a code and a link, good for seven days. The account is created by `/auth/confirm` with the code and the
/// password that the invited person chooses, if the caller may still give the roles then. Inviting an address again sends a new code,
/// and the earlier one is worthless. With `AUTH_REGISTRATION=closed`, nobody is invited.
#[utoipa::path(
    post, path = "/admin/invitations", tag = "users", operation_id = "invite_user",
    request_body = NewInvitation,
    responses(
        (status = 201, description = "The invitation", body = Invitation<'_>),
        Refusals<(Recent<Permitted<UsersWrite>>, BodyOfUsualSize, InvalidAddress, InvitationError)>,
    ),
    security(("bearer" = []))
)]
pub async fn invite(
    caller: Recent<Permitted<UsersWrite>>,
    request: HttpRequest,
    state: Data<State>,
    body: Body<NewInvitation>,
) -> Result<HttpResponse, Problem> {
    let NewInvitation { email, roles } = body.read().await?;
    let invited = state.invitations.invite(&caller, &client(&request, &state), address(&email)?, roles).await?;
    Ok(HttpResponse::Created().json(Invitation::of(&invited)))
}

/// List invitations
///
/// Those that were neither accepted nor revoked, and have not expired.
#[utoipa::path(
    get, path = "/admin/invitations", tag = "users", operation_id = "list_invitations",
    params(Asked),
    responses(
        (status = 200, description = "A page", body = Invitations<'_>),
        Refusals<(Permitted<UsersRead>, Asked, Unavailable)>,
    ),
    security(("bearer" = []))
)]
pub async fn list_invitations(
    _: Permitted<UsersRead>,
    request: HttpRequest,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let Asked { limit, cursor } = Asked::of(&request)?;
    let (found, next) = state.invitations.page(cursor, limit.get()).await?;
    let invitations = found.iter().map(Invitation::of).collect();
    Ok(HttpResponse::Ok().json(Invitations { invitations, next }))
}

/// Revoke an invitation
#[utoipa::path(
    delete, path = "/admin/invitations/{id}", tag = "users", operation_id = "revoke_invitation",
    params(("id" = String, Path, format = Uuid, description = "The invitation's id")),
    responses(
        (status = 204, description = "Invitation revoked"),
        Refusals<(Permitted<UsersWrite>, NotFound, RevocationRefused, Unavailable)>,
    ),
    security(("bearer" = []))
)]
pub async fn revoke(
    caller: Permitted<UsersWrite>,
    request: HttpRequest,
    state: Data<State>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let id = id.parse().map_err(|_| problem::not_found())?;
    state.invitations.revoke(&caller, &client(&request, &state), id).await?;
    Ok(HttpResponse::NoContent().finish())
}
