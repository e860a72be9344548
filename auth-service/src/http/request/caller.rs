//! Guards of auth-service's own protected endpoints: a handler that takes one of these cannot run without it.

use crate::{
    domain::{self, Unavailable, accounts::roles},
    http::State,
};
use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    http::header::{AUTHORIZATION, HeaderValue},
    web,
};
use futures_util::future::LocalBoxFuture;
use jeton_verifier::{
    Observer,
    guard::{self, Authenticate, Rejection, Scope, Verdict},
};
use shared::{guard::token_refusals, metrics::Verifications, openapi::Refuses, problem::Problem};
use std::{future::ready, marker::PhantomData, ops::Deref};

/// A caller with a valid access token and, as SQL says now, a live session.
pub struct Caller(domain::sessions::caller::Caller);

/// A [`Caller`] whose roles, as SQL has them now, bring the scope `S`.
pub struct Permitted<S>(domain::sessions::caller::Caller, PhantomData<S>);

/// May see the users.
pub struct UsersRead;
/// May change the users.
pub struct UsersWrite;

/// May publish the next signing key.
pub struct KeysWrite;

impl Scope for KeysWrite {
    const NAME: &'static str = roles::KEYS_WRITE;
}

impl Scope for UsersRead {
    const NAME: &'static str = roles::USERS_READ;
}

impl Scope for UsersWrite {
    const NAME: &'static str = roles::USERS_WRITE;
}

impl Deref for Caller {
    type Target = domain::sessions::caller::Caller;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<S> Deref for Permitted<S> {
    type Target = domain::sessions::caller::Caller;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl FromRequest for Caller {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { identify(&request).await.map(Self) })
    }
}

impl<S: Scope> FromRequest for Permitted<S> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let caller = identify(&request).await?;
            if state(&request).sessions.permits(&caller, S::NAME) {
                Ok(Self(caller, PhantomData))
            } else {
                Err(Rejection::without_scope(S::NAME).into())
            }
        })
    }
}

impl Refuses for Caller {
    fn problems() -> Vec<Problem> {
        [token_refusals(), Unavailable::problems()].concat()
    }
}

impl<S: Scope> Refuses for Permitted<S> {
    fn problems() -> Vec<Problem> {
        [Caller::problems(), vec![Rejection::without_scope(S::NAME).into()]].concat()
    }
}

fn state(request: &HttpRequest) -> &State {
    request.app_data::<web::Data<State>>().expect("app.rs registers the state")
}

async fn identify(request: &HttpRequest) -> Result<domain::sessions::caller::Caller, Problem> {
    let state = state(request);
    let authorization = request.headers().get_all(AUTHORIZATION).map(HeaderValue::as_bytes);
    let token = guard::admit(&OwnKeys(state), authorization).await.inspect_err(|rejection| {
        if *rejection != Rejection::Missing {
            tracing::debug!(path = request.path(), reason = %rejection, "access token rejected");
        }
    })?;
    state.sessions.caller(&token).await.map_err(Problem::from)
}

/// Answers for access tokens by the keys that sign them.
struct OwnKeys<'a>(&'a State);

impl Authenticate for OwnKeys<'_> {
    fn authenticate<'a>(&'a self, token: &'a str) -> Verdict<'a> {
        let keys = self.0.keys.active();
        let verdict = self.0.verifier.verify(token, &keys.verification);
        Box::pin(ready(verdict.map_err(Rejection::from)))
    }

    fn observer(&self) -> &dyn Observer {
        &Verifications
    }
}
