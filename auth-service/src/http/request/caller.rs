//! Guards of auth-service's own protected endpoints: a handler that takes one of these cannot run without it.

use crate::{
    domain::{self, Unavailable, accounts::roles},
    http::State,
};
use actix_web::{FromRequest, HttpRequest, dev::Payload, web};
use futures_util::future::LocalBoxFuture;
use shared::{
    guard::{self, Scope},
    metrics::count_verification,
    openapi::Refuses,
    problem::Problem,
};
use std::{marker::PhantomData, ops::Deref};

/// A caller with a valid access token and, as SQL says now, a live session.
pub struct Caller(domain::sessions::caller::Caller);

/// A [`Caller`] whose roles, as SQL has them now, bring the scope `S`.
pub struct Permitted<S>(domain::sessions::caller::Caller, PhantomData<S>);

/// May see the users.
pub struct UsersRead;
/// May change the users.
pub struct UsersWrite;

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
                Err(guard::insufficient_scope(S::NAME))
            }
        })
    }
}

impl Refuses for Caller {
    fn problems() -> Vec<Problem> {
        [guard::token_refusals(), Unavailable::problems()].concat()
    }
}

impl<S: Scope> Refuses for Permitted<S> {
    fn problems() -> Vec<Problem> {
        [Caller::problems(), vec![guard::insufficient_scope(S::NAME)]].concat()
    }
}

fn state(request: &HttpRequest) -> &State {
    request.app_data::<web::Data<State>>().expect("app.rs registers the state")
}

async fn identify(request: &HttpRequest) -> Result<domain::sessions::caller::Caller, Problem> {
    let state = state(request);
    let token = guard::bearer(request)?;
    let keys = state.keys.active();
    let verdict = state.verifier.verify(token, &keys.verification);
    count_verification(&verdict);
    let verified = verdict.map_err(|refusal| {
        tracing::debug!(path = request.path(), reason = %refusal, "access token rejected");
        guard::refused(&refusal)
    })?;
    state.sessions.caller(&verified).await.map_err(Problem::from)
}
