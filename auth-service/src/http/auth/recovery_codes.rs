//! `POST /auth/recovery-codes`.

use super::factors::{owner, shown};
use crate::http::{
    State,
    answer::refusals::RecoveryCodesRefused,
    request::{caller::Recent, client::client},
};
use actix_web::{HttpRequest, HttpResponse, web::Data};
use serde::Serialize;
use shared::{openapi::Refusals, problem::Problem};
use utoipa::ToSchema;
use zeroize::Zeroizing;

/// Recovery codes. They are shown only now.
#[derive(Serialize, ToSchema)]
struct RecoveryCodes {
    /// Each lets the user in once if a second factor is lost.
    #[schema(value_type = Vec<String>, min_items = 8, max_items = 8, example = json!(["9F2K-4MTX-W0QD-7YB3-HS5C-V8PZ-J6"]))]
    recovery_codes: Vec<Zeroizing<String>>,
}

/// Get new recovery codes
///
/// For users with a second factor. The codes of before are void.
#[utoipa::path(
    post, path = "/auth/recovery-codes", tag = "account", operation_id = "make_recovery_codes",
    responses(
        (status = 201, description = "The new codes", body = RecoveryCodes),
        Refusals<(Recent, RecoveryCodesRefused)>,
    ),
    security(("bearer" = []))
)]
pub async fn make_recovery_codes(
    caller: Recent,
    request: HttpRequest,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let codes = state.factors.new_recovery_codes(owner(&caller, &client(&request, &state))).await?;
    Ok(HttpResponse::Created().json(RecoveryCodes { recovery_codes: shown(&codes) }))
}
