//! `POST /auth/passkeys` and `GET /auth/passkeys`: the user's passkeys.

pub mod one;
pub mod options;

use super::factors::{owner, shown};
use crate::{
    domain::{
        factors::ChangeError,
        passkeys::{
            InvalidPasskeyName, Passkey, PasskeyName, Registration, RelyingParty,
            add::{AddError, NewPasskey},
            provider,
        },
        sessions::caller::Caller as DomainCaller,
    },
    http::{
        State,
        answer::refusals::{NoPasskeysHere, TooManyChanges},
        request::{
            caller::{Caller, Recent},
            client::client,
        },
    },
};
use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web::Data};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use shared::{
    body::{Body, BodyOfUsualSize},
    ids::PasskeyId,
    openapi::{Refusals, Refuses},
    problem::Problem,
};
use utoipa::ToSchema;
use zeroize::Zeroizing;

/// A new passkey.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewPasskey)]
pub struct New {
    /// The id of the challenge, from `/auth/passkeys/options`.
    challenge_id: String,
    /// What `navigator.credentials.create()` gave, as its `toJSON()` writes it.
    credential: Registration,
    /// What the user calls it. Without it, it is named after its provider.
    #[schema(min_length = 1, max_length = 64)]
    name: Option<String>,
}

/// A passkey.
#[derive(Serialize, ToSchema)]
#[schema(as = Passkey)]
pub struct Shown<'a> {
    /// Its public id; not that of the credential.
    #[schema(value_type = String, format = Uuid)]
    id: PasskeyId,
    /// What the user calls it.
    name: &'a str,
    /// When it was added.
    #[schema(format = DateTime)]
    created_at: String,
    /// When it was last used.
    #[schema(format = DateTime, required = true)]
    last_used_at: Option<String>,
    /// Whether it was copied to other devices or to a provider when it was last used.
    backed_up: bool,
    /// Where it is kept, if that is known; says the authenticator.
    #[schema(required = true)]
    provider: Option<&'static str>,
}

impl<'a> Shown<'a> {
    /// Of a passkey.
    pub fn of(passkey: &'a Passkey) -> Self {
        Self {
            id: passkey.id,
            name: passkey.name.as_str(),
            created_at: passkey.created_at.rfc3339(),
            last_used_at: passkey.last_used_at.map(|at| at.rfc3339()),
            backed_up: passkey.is_backed_up,
            provider: provider(&passkey.aaguid),
        }
    }
}

/// One passkey.
#[derive(Serialize, ToSchema)]
#[schema(as = OnePasskey)]
pub struct One<'a> {
    /// The passkey.
    passkey: Shown<'a>,
    /// Only with a new one, of a user who has no recovery codes: they are shown only now.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<String>>, min_items = 8, max_items = 8)]
    recovery_codes: Option<Vec<Zeroizing<String>>>,
}

/// A user's passkeys.
#[derive(Serialize, ToSchema)]
#[schema(as = Passkeys)]
struct All<'a> {
    /// The oldest first.
    passkeys: Vec<Shown<'a>>,
    /// For `PublicKeyCredential.signalAllAcceptedCredentials()`: browsers forget the user's other passkeys.
    accepted: Accepted<'a>,
}

/// The credentials that are accepted.
#[derive(Serialize, ToSchema)]
#[schema(as = AcceptedPasskeys)]
struct Accepted<'a> {
    /// The domain.
    rp_id: &'a str,
    /// The user's id, as authenticators have it (base64url).
    user_id: String,
    /// The ids of the credentials (base64url).
    credential_ids: Vec<String>,
}

impl<'a> Accepted<'a> {
    fn of(caller: &DomainCaller, party: &'a RelyingParty, passkeys: &[Passkey]) -> Self {
        Self {
            rp_id: &party.id,
            user_id: URL_SAFE_NO_PAD.encode(caller.account.id.to_bytes()),
            credential_ids: passkeys.iter().map(|passkey| passkey.credential.encoded()).collect(),
        }
    }
}

/// List the current user's passkeys
#[utoipa::path(
    get, path = "/auth/passkeys", tag = "account", operation_id = "list_passkeys",
    responses((status = 200, description = "The passkeys", body = All<'_>), Refusals<(Caller, NoPasskeysHere)>),
    security(("bearer" = []))
)]
pub async fn list(caller: Caller, state: Data<State>) -> Result<HttpResponse, Problem> {
    let party = state.passkeys.party()?;
    let passkeys = state.passkeys.of(caller.account.id).await?;
    let accepted = Accepted::of(&caller, party, &passkeys);
    Ok(HttpResponse::Ok().json(All { passkeys: passkeys.iter().map(Shown::of).collect(), accepted }))
}

/// Add a passkey
///
/// Its user is notified by mail. 422 `passkey_invalid` also if the credential is a passkey already.
#[utoipa::path(
    post, path = "/auth/passkeys", tag = "account", operation_id = "add_passkey",
    request_body = New,
    responses(
        (status = 201, description = "The passkey was added", body = One<'_>),
        Refusals<(Recent, BodyOfUsualSize, AddError, RefusedPasskeyName, TooManyChanges)>,
    ),
    security(("bearer" = []))
)]
pub async fn add(
    caller: Recent,
    request: HttpRequest,
    state: Data<State>,
    body: Body<New>,
) -> Result<HttpResponse, Problem> {
    let New { challenge_id, credential, name } = body.read().await?;
    let name = name.as_deref().map(passkey_name).transpose()?;
    let new = NewPasskey { challenge_id: &challenge_id, answer: &credential, name };
    let client = client(&request, &state);
    state.factors.admit_change(&client).map_err(ChangeError::from)?;
    let passkey = state.passkeys.add(&caller, new, &client).await?;
    // The passkey is there: without codes now, the user can ask for them.
    let codes = state.factors.ensure_recovery_codes(owner(&caller, &client)).await.unwrap_or_else(|error| {
        tracing::warn!(%error, "failed to make the recovery codes of a user who has added a passkey");
        None
    });
    let recovery_codes = codes.as_deref().map(shown);
    Ok(HttpResponse::Created().json(One { passkey: Shown::of(&passkey), recovery_codes }))
}

/// Reads the name of a passkey.
fn passkey_name(text: &str) -> Result<PasskeyName, Problem> {
    PasskeyName::parse(text).map_err(|_| invalid_name())
}

fn invalid_name() -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_name", InvalidPasskeyName.to_string())
}

/// How an invalid name is refused.
pub struct RefusedPasskeyName;

impl Refuses for RefusedPasskeyName {
    fn problems() -> Vec<Problem> {
        vec![invalid_name()]
    }
}
