//! Guards of auth-service's own protected endpoints: a handler that takes one of these cannot run without it.

use crate::{
    domain::{
        self, Unavailable, accounts::roles, my_account::change_password::PasswordError, passwords::Password,
        sessions::caller::NotPermitted, sign_in::password_check::CheckError,
    },
    http::{State, answer::factors},
};
use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    http::header::{AUTHORIZATION, HeaderValue},
    web,
};
use futures_util::future::LocalBoxFuture;
use jeton_verifier::{
    Observer, VerifiedToken,
    guard::{self, Authenticate, Level, Rejection, Scope, Verdict, Wanted},
};
use shared::{guard::token_refusals, metrics::Verifications, openapi::Refuses, problem::Problem};
use std::{future::ready, marker::PhantomData, ops::Deref};

/// A caller with a valid access token and, as SQL says now, a live session.
pub struct Caller {
    caller: domain::sessions::caller::Caller,
    /// Whether the caller has shown who they are as [`Recent`] asks.
    is_recent: Result<(), Rejection>,
}

/// A [`Caller`] whose roles, as SQL has them now, bring the scope `S`.
pub struct Permitted<S>(Caller, PhantomData<S>);

/// A [`Caller`], or one who is [`Permitted`], who has shown who they are within `AUTH_STEP_UP_MAX_AGE`, and with two factors if
/// they have two: for what a session alone must not be enough for.
pub struct Recent<C = Caller>(C);

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
        &self.caller
    }
}

impl<S> Deref for Permitted<S> {
    type Target = domain::sessions::caller::Caller;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<C: Deref> Deref for Recent<C> {
    type Target = C::Target;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Caller {
    /// For a call that a user without a second factor may make with the current password, however long ago the login was.
    ///
    /// # Errors
    /// [`Rejection::InsufficientAuthentication`].
    pub fn confirmed_by<'a>(&self, password: Option<&'a Password>) -> Result<Option<&'a Password>, Rejection> {
        if password.is_none() || self.has_second_factor {
            self.is_recent.clone()?;
        }
        Ok(password)
    }
}

impl FromRequest for Caller {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { Ok(identify(&request).await?.0) })
    }
}

impl<S: Scope> FromRequest for Permitted<S> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let (caller, token) = identify(&request).await?;
            match state(&request).sessions.permits(&caller, &token, S::NAME) {
                Ok(()) => Ok(Self(caller, PhantomData)),
                Err(NotPermitted::Scope) => Err(Rejection::without_scope(S::NAME).into()),
                Err(NotPermitted::SecondFactor) => Err(factors::second_factor_missing()),
            }
        })
    }
}

impl FromRequest for Recent {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let caller = Caller::from_request(request, payload);
        Box::pin(async move {
            let caller = caller.await?;
            caller.is_recent.clone()?;
            Ok(Self(caller))
        })
    }
}

impl<S: Scope> FromRequest for Recent<Permitted<S>> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let permitted = Permitted::from_request(request, payload);
        Box::pin(async move {
            let permitted: Permitted<S> = permitted.await?;
            permitted.0.is_recent.clone()?;
            Ok(Self(permitted))
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
        let lacking = vec![Rejection::without_scope(S::NAME).into(), factors::second_factor_missing()];
        [Caller::problems(), lacking].concat()
    }
}

impl<C: Refuses> Refuses for Recent<C> {
    fn problems() -> Vec<Problem> {
        [C::problems(), vec![not_recent()]].concat()
    }
}

/// How a call is refused that takes the password, or a recent proof of who the caller is.
pub struct NotRecent;

impl Refuses for NotRecent {
    fn problems() -> Vec<Problem> {
        vec![not_recent(), PasswordError::Check(CheckError::Missing).into()]
    }
}

fn not_recent() -> Problem {
    Rejection::InsufficientAuthentication(Wanted { acr: Some(Level::TWO_FACTORS), max_age: Some(300) }).into()
}

fn state(request: &HttpRequest) -> &State {
    request.app_data::<web::Data<State>>().expect("app.rs registers the state")
}

async fn identify(request: &HttpRequest) -> Result<(Caller, VerifiedToken), Problem> {
    let state = state(request);
    let authorization = request.headers().get_all(AUTHORIZATION).map(HeaderValue::as_bytes);
    let token = guard::admit(&OwnKeys(state), authorization).await.inspect_err(|rejection| {
        if *rejection != Rejection::Missing {
            tracing::debug!(path = request.path(), reason = %rejection, "access token rejected");
        }
    })?;
    let caller = state.sessions.caller(&token).await.map_err(Problem::from)?;
    let wanted = Wanted {
        acr: caller.has_second_factor.then_some(Level::TWO_FACTORS),
        max_age: Some(u32::try_from(state.step_up_max_age.as_secs()).unwrap_or(u32::MAX)),
    };
    // All that is wanted, also what is not lacking: what is shown again has to be enough by itself.
    let is_recent = guard::sufficient(&token, &wanted, state.clock.now());
    let is_recent = is_recent.map_err(|_| Rejection::InsufficientAuthentication(wanted));
    Ok((Caller { caller, is_recent }, token))
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
