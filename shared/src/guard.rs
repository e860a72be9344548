//! Request guards for actix-web. A handler's signature says what it needs: an [`AccessToken`], or a [`Scoped`] one
//! that grants a scope. A handler without either does not see who calls.

use crate::{
    access_token::{Flaw, Refusal, VerifiedToken},
    metrics::{count_verification, count_verification_without_keys},
    openapi::Refuses,
    problem::{Challenge, Problem},
};
use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    http::{
        StatusCode,
        header::{self, HeaderValue},
    },
    web,
};
use futures_util::future::LocalBoxFuture;
use std::{future::Future, marker::PhantomData, ops::Deref, pin::Pin};

/// Answers for a token: the verifier, and the keys behind it. An app registers one as `web::Data<dyn Authenticate>`.
pub trait Authenticate: Send + Sync {
    /// Verifies a token.
    fn authenticate<'a>(&'a self, token: &'a str) -> Verdict<'a>;
}

/// What becomes of a token, once the keys are there.
pub type Verdict<'a> = Pin<Box<dyn Future<Output = Result<VerifiedToken, Rejection>> + Send + 'a>>;

/// Why a request with a token is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// The token is refused.
    #[error("{0}")]
    Refused(Refusal),
    /// There is no key to verify with: nothing can be said about the token.
    #[error("there is no key to verify with")]
    KeysUnavailable,
}

impl From<Refusal> for Rejection {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Rejection> for Problem {
    fn from(rejection: Rejection) -> Self {
        match rejection {
            Rejection::Refused(refusal) => refused(&refusal),
            Rejection::KeysUnavailable => {
                Self::unavailable("verification keys are not available yet: keep the token and retry")
            }
        }
    }
}

/// A verified access token, whatever it grants.
#[derive(Debug, Clone)]
pub struct AccessToken(VerifiedToken);

impl Deref for AccessToken {
    type Target = VerifiedToken;

    fn deref(&self) -> &VerifiedToken {
        &self.0
    }
}

impl FromRequest for AccessToken {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { authenticate(&request).await.map(Self) })
    }
}

impl Refuses for AccessToken {
    fn problems() -> Vec<Problem> {
        [token_refusals(), vec![Rejection::KeysUnavailable.into()]].concat()
    }
}

/// What becomes of a request whose token is missing or refused, whoever looks at it.
#[must_use]
pub fn token_refusals() -> Vec<Problem> {
    vec![missing(), invalid(), refused(&Refusal::Expired)]
}

/// A permission that a route needs.
pub trait Scope: 'static {
    /// Its name, as in the token's `scope`.
    const NAME: &'static str;
}

/// A verified access token that grants the scope `S`.
#[derive(Debug)]
pub struct Scoped<S>(VerifiedToken, PhantomData<S>);

impl<S> Deref for Scoped<S> {
    type Target = VerifiedToken;

    fn deref(&self) -> &VerifiedToken {
        &self.0
    }
}

impl<S: Scope> FromRequest for Scoped<S> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let token = authenticate(&request).await?;
            if token.has_scope(S::NAME) { Ok(Self(token, PhantomData)) } else { Err(insufficient_scope(S::NAME)) }
        })
    }
}

impl<S: Scope> Refuses for Scoped<S> {
    fn problems() -> Vec<Problem> {
        [AccessToken::problems(), vec![insufficient_scope(S::NAME)]].concat()
    }
}

async fn authenticate(request: &HttpRequest) -> Result<VerifiedToken, Problem> {
    let Some(authority) = request.app_data::<web::Data<dyn Authenticate>>() else {
        tracing::error!(path = request.path(), "no verifier is registered for this app: nobody is let in");
        return Err(Problem::internal());
    };
    let token = bearer(request)?;
    let verdict = authority.authenticate(token).await;
    count(&verdict);
    verdict.map_err(|rejection| {
        tracing::debug!(path = request.path(), reason = %rejection, "access token rejected");
        rejection.into()
    })
}

fn count(verdict: &Result<VerifiedToken, Rejection>) {
    match verdict {
        Ok(_) => count_verification(&Ok(())),
        Err(Rejection::Refused(refusal)) => count_verification::<()>(&Err(*refusal)),
        Err(Rejection::KeysUnavailable) => count_verification_without_keys(),
    }
}

/// The token of the `Authorization` header (RFC 6750, section 2.1). Another scheme counts as none.
///
/// # Errors
/// 401 `token_missing` without credentials, 401 `token_invalid` when they are malformed or come twice.
pub fn bearer(request: &HttpRequest) -> Result<&str, Problem> {
    let mut credentials = request.headers().get_all(header::AUTHORIZATION);
    let Some(first) = credentials.next() else {
        return Err(missing());
    };
    if credentials.next().is_some() {
        return Err(malformed(request));
    }
    let first = first.as_bytes().trim_ascii();
    let (scheme, token) = first.split_at(first.iter().position(|byte| *byte == b' ').unwrap_or(first.len()));
    if !scheme.eq_ignore_ascii_case(b"Bearer") {
        return Err(missing());
    }
    let token = std::str::from_utf8(token.trim_ascii()).map_err(|_| malformed(request))?;
    if token.is_empty() || token.contains([' ', '\t', ',']) { Err(malformed(request)) } else { Ok(token) }
}

/// Credentials that hold no single token are a token that is refused: counted and logged as one.
fn malformed(request: &HttpRequest) -> Problem {
    let refusal = Refusal::Invalid(Flaw::Credentials);
    count_verification::<()>(&Err(refusal));
    tracing::debug!(path = request.path(), reason = %refusal, "access token rejected");
    refused(&refusal)
}

/// The answer to a token that is refused. Clients learn whether it has expired, and nothing else.
#[must_use]
pub fn refused(refusal: &Refusal) -> Problem {
    match refusal {
        Refusal::Expired => unauthorized(
            "token_expired",
            "the access token has expired: refresh it and repeat the request",
            Some("token expired"),
        ),
        Refusal::UnknownKey | Refusal::Invalid(_) => invalid(),
    }
}

/// 403 `insufficient_scope`: who calls is known, and may not. Names the scope that would have been needed.
#[must_use]
pub fn insufficient_scope(scope: &str) -> Problem {
    let detail = "the access token does not grant what this call needs";
    let problem = Problem::new(StatusCode::FORBIDDEN, "insufficient_scope", detail);
    let plain = Challenge { error: Some("insufficient_scope"), ..Challenge::default() };
    if !is_scope(scope) {
        return problem.challenge(&plain);
    }
    let challenge = HeaderValue::from_str(&format!(r#"{plain}, scope="{scope}""#));
    problem.with(header::WWW_AUTHENTICATE, challenge.expect("a scope is printable ASCII"))
}

/// Whether a text is a scope, or several with spaces between them (RFC 6749, section 3.3).
#[must_use]
pub fn is_scope(text: &str) -> bool {
    let is_scope_byte = |byte: u8| matches!(byte, 0x21 | 0x23..=0x5B | 0x5D..=0x7E);
    text.split(' ').all(|scope| !scope.is_empty() && scope.bytes().all(is_scope_byte))
}

fn missing() -> Problem {
    let detail = "this call needs an access token: send it as Authorization: Bearer";
    Problem::new(StatusCode::UNAUTHORIZED, "token_missing", detail).challenge(&Challenge::default())
}

fn invalid() -> Problem {
    unauthorized(
        "token_invalid",
        "the access token is not valid: refresh it and repeat the request",
        Some("token invalid"),
    )
}

fn unauthorized(code: &'static str, detail: &'static str, description: Option<&'static str>) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, code, detail).challenge(&Challenge {
        error: Some("invalid_token"),
        description,
        scope: None,
    })
}
