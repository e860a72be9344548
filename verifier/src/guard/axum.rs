//! Guards for axum. The verifier is part of the router's state: a route without it does not compile.

use super::{AccessToken, Authenticate, PROBLEM_TYPE, Rejection, Scope, Scoped, admit, log};
use crate::VerifiedToken;
use axum_core::{
    extract::{FromRef, FromRequestParts},
    response::{IntoResponse, Response},
};
use http::{
    HeaderValue, StatusCode,
    header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
    request::Parts,
};
use std::sync::Arc;

impl<State> FromRequestParts<State> for AccessToken
where
    State: Send + Sync,
    Arc<dyn Authenticate>: FromRef<State>,
{
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Rejection> {
        authenticate(parts, state).await.map(Self)
    }
}

impl<State, S> FromRequestParts<State> for Scoped<S>
where
    State: Send + Sync,
    Arc<dyn Authenticate>: FromRef<State>,
    S: Scope,
{
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Rejection> {
        Self::granted(authenticate(parts, state).await?)
    }
}

async fn authenticate<State>(parts: &Parts, state: &State) -> Result<VerifiedToken, Rejection>
where
    Arc<dyn Authenticate>: FromRef<State>,
{
    let authority = <Arc<dyn Authenticate>>::from_ref(state);
    let authorization = parts.headers.get_all(AUTHORIZATION).into_iter().map(HeaderValue::as_bytes);
    admit(&*authority, authorization).await.inspect_err(|rejection| log(parts.uri.path(), rejection))
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut answer = (status, self.body()).into_response();
        let headers = answer.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_TYPE));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(challenge) = self.challenge().and_then(|challenge| HeaderValue::from_str(&challenge).ok()) {
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
        if let Some(seconds) = self.retry_after() {
            headers.insert(RETRY_AFTER, seconds.into());
        }
        answer
    }
}
