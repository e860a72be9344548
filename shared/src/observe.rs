//! Around every request: an id that its log lines carry, and the time that it took.

use crate::metrics::count_request;
use actix_web::{
    Error,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::header::{HeaderMap, HeaderName, HeaderValue},
    middleware::Next,
};
use std::time::Instant;
use tracing::Instrument as _;
use uuid::Uuid;

/// The id of a request: taken from the proxy in front if it is a harmless word, and generated otherwise; always sent
/// back.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const MAX_ID: usize = 64;

/// The outermost middleware of an app's public side.
///
/// # Errors
/// Those of the app.
pub async fn observed<B: MessageBody>(request: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<B>, Error> {
    let began = Instant::now();
    let id = given(request.headers()).unwrap_or_else(|| Uuid::new_v4().simple().to_string());
    let method = request.method().clone();
    let span = tracing::info_span!("request", id, method = method.as_str(), path = request.path());
    let mut response = next.call(request).instrument(span).await?;
    let route = response.request().match_pattern();
    count_request(method.as_str(), route, response.status().as_u16(), began.elapsed());
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    Ok(response)
}

fn given(headers: &HeaderMap) -> Option<String> {
    let id = headers.get(REQUEST_ID)?.to_str().ok()?;
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
    ((1..=MAX_ID).contains(&id.len()) && id.bytes().all(is_word)).then(|| id.to_owned())
}
