//! `GET /auth/trusted-devices` and `DELETE /auth/trusted-devices/{id}`.

use crate::{
    domain::Unavailable,
    http::{
        State,
        request::{caller::Caller, client::client, device},
    },
};
use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Path},
};
use serde::Serialize;
use shared::{
    ids::DeviceId,
    openapi::{NotFound, Refusals},
    problem::{self, Problem},
};
use utoipa::ToSchema;

/// The browsers on which the second factor is not asked for.
#[derive(Serialize, ToSchema)]
struct TrustedDevices<'a> {
    /// The last used first.
    trusted_devices: Vec<TrustedDevice<'a>>,
}

/// A browser on which the second factor is not asked for.
#[derive(Serialize, ToSchema)]
struct TrustedDevice<'a> {
    /// Its public id.
    #[schema(value_type = String, format = Uuid)]
    id: DeviceId,
    /// Since when.
    #[schema(format = DateTime)]
    created_at: String,
    /// When it last spared its user the second factor.
    #[schema(format = DateTime)]
    last_used_at: String,
    /// Until when.
    #[schema(format = DateTime)]
    expires_at: String,
    /// The address that last used it.
    ip: &'a str,
    /// The `User-Agent` that last used it.
    user_agent: &'a str,
    /// Whether it is the one that asks.
    current: bool,
}

/// List the current user's trusted devices
#[utoipa::path(
    get, path = "/auth/trusted-devices", tag = "account", operation_id = "list_trusted_devices",
    responses((status = 200, description = "The devices", body = TrustedDevices<'_>), Refusals<(Caller, Unavailable)>),
    security(("bearer" = []))
)]
pub async fn list_trusted(caller: Caller, request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Problem> {
    let devices = state.second_steps.devices.of(&caller.account).await?;
    let current = device::shown(&request, &state);
    let trusted_devices = devices
        .iter()
        .map(|device| TrustedDevice {
            id: device.id,
            created_at: device.created_at.rfc3339(),
            last_used_at: device.last_used_at.rfc3339(),
            expires_at: device.expires_at.rfc3339(),
            ip: &device.ip,
            user_agent: &device.user_agent,
            current: current == Some(device.id),
        })
        .collect();
    Ok(HttpResponse::Ok().json(TrustedDevices { trusted_devices }))
}

/// Ask for the second factor on a device again
#[utoipa::path(
    delete, path = "/auth/trusted-devices/{id}", tag = "account", operation_id = "remove_trusted_device",
    params(("id" = String, Path, format = Uuid, description = "The device's id")),
    responses(
        (status = 204, description = "The device is no longer trusted"),
        Refusals<(Caller, NotFound, Unavailable)>,
    ),
    security(("bearer" = []))
)]
pub async fn distrust(
    caller: Caller,
    request: HttpRequest,
    state: Data<State>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let id: DeviceId = id.parse().map_err(|_| problem::not_found())?;
    let was_trusted = state.second_steps.devices.distrust(&caller.account, id, &client(&request, &state)).await?;
    if was_trusted { Ok(HttpResponse::NoContent().finish()) } else { Err(problem::not_found()) }
}
