//! The flow of a mail that a client waits for. Browsers carry it in the cookie `__Host-jeton-flow` (over plain http
//! `jeton-flow`), other clients in bodies.

use super::cookie;
use crate::{
    domain::{
        proofs::{Flow, FlowSecret},
        sessions::refresh_token::Transport,
    },
    http::Site,
};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use serde::Serialize;
use shared::ids::ProofId;
use std::time::Duration;
use utoipa::ToSchema;

/// A mail is on its way, if there is somebody to send it to.
#[derive(Serialize, ToSchema)]
#[schema(as = Flow)]
pub struct Asked {
    /// Names the flow, for the confirmation. Not secret.
    #[schema(value_type = String, format = Uuid)]
    flow: ProofId,
    /// How long the code in the mail is good, in seconds.
    #[schema(minimum = 1)]
    expires_in: u64,
    /// With transport `body` only: shows at the confirmation that it comes from the client that asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    flow_secret: Option<String>,
}

/// 202, with the flow's secret in a cookie or in the body, never in both.
pub fn asked(flow: &Flow, transport: Transport, site: &Site) -> HttpResponse {
    let mut answer = HttpResponse::Accepted();
    let flow_secret = match transport {
        Transport::Cookie => {
            let value = format!("{}.{}", flow.id, flow.secret.expose());
            answer.cookie(cookie::secret(site.flow_cookie_name(), &value, flow.expires_in, site));
            None
        }
        Transport::Body => Some(flow.secret.expose().to_owned()),
    };
    answer.json(Asked { flow: flow.id, expires_in: flow.expires_in.as_secs().max(1), flow_secret })
}

/// Makes a browser forget a flow that is over.
pub fn clear(answer: &mut HttpResponseBuilder, request: &HttpRequest, site: &Site) {
    if in_cookie(request, site).is_some() {
        answer.cookie(cookie::secret(site.flow_cookie_name(), "", Duration::ZERO, site));
    }
}

/// The flow that the request's cookie names, and its secret, genuine or not.
pub fn in_cookie(request: &HttpRequest, site: &Site) -> Option<(ProofId, FlowSecret)> {
    cookie::named(request, site.flow_cookie_name()).find_map(|value| {
        let (flow, secret) = std::str::from_utf8(value).ok()?.split_once('.')?;
        Some((flow.parse().ok()?, FlowSecret::new(secret.to_owned())))
    })
}

/// The flow that a request to have a mail sent again brings, in the body or in the cookie.
pub fn earlier(
    request: &HttpRequest,
    site: &Site,
    flow: Option<ProofId>,
    secret: Option<FlowSecret>,
) -> Option<(ProofId, FlowSecret)> {
    flow.zip(secret).or_else(|| in_cookie(request, site))
}

/// The secret of this flow that a request brings, in the body or in the cookie.
pub fn secret(request: &HttpRequest, site: &Site, flow: ProofId, in_body: Option<FlowSecret>) -> Option<FlowSecret> {
    in_body.or_else(|| in_cookie(request, site).filter(|(id, _)| *id == flow).map(|(_, secret)| secret))
}
