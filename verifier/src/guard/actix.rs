//! Guards for actix-web. An app registers its verifier as `web::Data<dyn Authenticate>`.

use super::{AccessToken, Assurance, Assured, Authenticate, Fresh, PROBLEM_TYPE, Rejection, Scope, Scoped, admit, log};
use crate::VerifiedToken;
use actix_web::{
    FromRequest, HttpRequest, HttpResponse, HttpResponseBuilder, ResponseError,
    body::BoxBody,
    dev::Payload,
    http::{
        StatusCode,
        header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE},
    },
    web::Data,
};
use std::{future::Future, pin::Pin};

type Extracted<T> = Pin<Box<dyn Future<Output = Result<T, Rejection>>>>;

impl FromRequest for AccessToken {
    type Error = Rejection;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { authenticate(&request, |token, _| Ok(Self(token))).await })
    }
}

impl<S: Scope> FromRequest for Scoped<S> {
    type Error = Rejection;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { authenticate(&request, Self::granted).await })
    }
}

impl<S: Scope> FromRequest for Fresh<S> {
    type Error = Rejection;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { authenticate(&request, Self::granted).await })
    }
}

impl<S: Scope, L: Assurance, const MAX_AGE: u32> FromRequest for Assured<S, L, MAX_AGE> {
    type Error = Rejection;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { authenticate(&request, Self::granted).await })
    }
}

/// Lets a request in if its token is good, and good enough for the guard.
async fn authenticate<G>(
    request: &HttpRequest,
    grant: fn(VerifiedToken, &dyn Authenticate) -> Result<G, Rejection>,
) -> Result<G, Rejection> {
    let Some(authority) = request.app_data::<Data<dyn Authenticate>>() else {
        tracing::error!(path = request.path(), "no verifier is registered for this app: nobody is let in");
        return Err(Rejection::NoVerifier);
    };
    let authorization = request.headers().get_all(AUTHORIZATION).map(HeaderValue::as_bytes);
    let authority = &***authority;
    let admitted = admit(authority, authorization).await.and_then(|token| grant(token, authority));
    admitted.inspect_err(|rejection| log(request.path(), rejection))
}

impl ResponseError for Rejection {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse<BoxBody> {
        let mut answer = HttpResponseBuilder::new(self.status_code());
        if let Some(challenge) = self.challenge() {
            answer.insert_header((WWW_AUTHENTICATE, challenge));
        }
        if let Some(seconds) = self.retry_after() {
            answer.insert_header((RETRY_AFTER, seconds));
        }
        answer.insert_header((CONTENT_TYPE, PROBLEM_TYPE)).insert_header((CACHE_CONTROL, "no-store")).body(self.body())
    }
}
