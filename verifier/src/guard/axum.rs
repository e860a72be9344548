//! Guards for axum. The verifier is part of the router's state: a route without it does not compile.

use super::{AccessToken, Assurance, Assured, Authenticate, Fresh, PROBLEM_TYPE, Rejection, Scope, Scoped, admit, log};
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
        authenticate(parts, state, |token, _| Ok(Self(token))).await
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
        authenticate(parts, state, Self::granted).await
    }
}

impl<State, S> FromRequestParts<State> for Fresh<S>
where
    State: Send + Sync,
    Arc<dyn Authenticate>: FromRef<State>,
    S: Scope,
{
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Rejection> {
        authenticate(parts, state, Self::granted).await
    }
}

impl<State, S, L, const MAX_AGE: u32> FromRequestParts<State> for Assured<S, L, MAX_AGE>
where
    State: Send + Sync,
    Arc<dyn Authenticate>: FromRef<State>,
    S: Scope,
    L: Assurance,
{
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Rejection> {
        authenticate(parts, state, Self::granted).await
    }
}

/// Lets a request in if its token is good, and good enough for the guard.
async fn authenticate<State, G>(
    parts: &Parts,
    state: &State,
    grant: fn(VerifiedToken, &dyn Authenticate) -> Result<G, Rejection>,
) -> Result<G, Rejection>
where
    Arc<dyn Authenticate>: FromRef<State>,
{
    let authority = <Arc<dyn Authenticate>>::from_ref(state);
    let authorization = parts.headers.get_all(AUTHORIZATION).into_iter().map(HeaderValue::as_bytes);
    let admitted = admit(&*authority, authorization).await.and_then(|token| grant(token, &*authority));
    admitted.inspect_err(|rejection| log(parts.uri.path(), rejection))
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
