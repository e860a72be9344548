//! The cookie of a browser on which the second factor is not asked for. Over https `__Host-jeton-device`.

use super::cookie;
use crate::{
    domain::sign_in::trusted_devices::DeviceCookie,
    http::{Site, State},
};
use actix_web::{HttpRequest, HttpResponseBuilder};
use shared::ids::DeviceId;

/// The device that the browser shows, if the text is genuine.
pub fn shown(request: &HttpRequest, state: &State) -> Option<DeviceId> {
    cookie::named(request, name(&state.site)).find_map(|value| state.second_steps.devices.read(value))
}

/// Has the browser keep what it shows at the next login.
pub fn keep(answer: &mut HttpResponseBuilder, device: &DeviceCookie, site: &Site) {
    answer.cookie(cookie::secret(name(site), &device.value, device.lifetime, site));
}

fn name(site: &Site) -> &'static str {
    if site.is_https() { "__Host-jeton-device" } else { "jeton-device" }
}
