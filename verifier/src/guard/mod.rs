//! Guards, which let requests in. A handler's signature says what it needs. All have private fields, so that a handler that
//! takes one cannot run without the check.
//!
//! | guard | asks for | or else |
//! | --- | --- | --- |
//! | [`AccessToken`] | a good token | 401 |
//! | [`Scoped<S>`](Scoped) | one that grants the scope `S` | 403 `insufficient_scope` |
//! | [`Fresh<S>`](Fresh) | the same, while it is recently known **which sessions have ended** | 503 `revocations_stale` |
//! | [`Recent<S, 300>`](Recent) | the same as `Scoped<S>`, of a user who **has authenticated** in the last 300 seconds | 401 `authentication_insufficient` |
//! | [`Assured<S, TwoFactors>`](Assured) | of a user who has authenticated with two factors | the same |
//! | [`Assured<S, TwoFactors, 300>`](Assured) | both | the same |
//!
//! Where a route needs `Fresh` and `Assured` at once, name its scope in `keys::Config::fresh_scopes`: every guard of that scope
//! then asks for a fresh feed too. [`sufficient`] compares a token with what is only known at run time.
//!
//! With the feature `actix` they are extractors of actix-web, with `axum` those of axum. [`admit`] does the same for
//! any other framework.

#[cfg(feature = "actix")]
mod actix;
mod assured;
#[cfg(feature = "axum")]
mod axum;
mod credentials;
mod level;
pub(crate) mod rejection;

pub use assured::{ANY_AGE, AnyLevel, Assurance, Assured, PhishingResistant, Recent, TwoFactors, Wanted, sufficient};
pub use level::Level;
pub use rejection::{PROBLEM_TYPE, Rejection, is_scope};

use crate::{
    VerifiedToken,
    clock::{Clock as _, SystemClock, Timestamp},
    observer::{Observer, Unobserved},
};
use std::{future::Future, marker::PhantomData, ops::Deref, pin::Pin};

/// Verifies tokens: a verifier together with its keys.
pub trait Authenticate: Send + Sync {
    /// Verifies a token.
    fn authenticate<'a>(&'a self, token: &'a str) -> Verdict<'a>;

    /// The observer of the outcome for each request's credentials.
    fn observer(&self) -> &dyn Observer {
        &Unobserved
    }

    /// Whether it is known, as recently as the program wants it, which sessions have ended. Without a revocation feed it
    /// never is.
    fn is_fresh(&self) -> bool {
        false
    }

    /// Whether a request that needs this scope, or with `None` any token, is only served while [`is_fresh`](Self::is_fresh).
    fn must_be_fresh(&self, scope: Option<&str>) -> bool {
        let _ = scope;
        false
    }

    /// The current moment, from which the age of a login is counted: by the verifier's clock. By default, the machine's.
    fn now(&self) -> Timestamp {
        SystemClock.now()
    }
}

/// The outcome for a token, once the keys are there.
pub type Verdict<'a> = Pin<Box<dyn Future<Output = Result<VerifiedToken, Rejection>> + Send + 'a>>;

/// Lets a request in by the values of its `Authorization` headers, as the guards do.
///
/// ```
/// # use jeton_verifier::{KeySet, guard::{self, Authenticate, Rejection}};
/// # async fn example(authority: &dyn Authenticate) {
/// let nothing = guard::admit(authority, []).await;
/// assert_eq!(nothing.err(), Some(Rejection::Missing));
/// # }
/// ```
///
/// # Errors
/// [`Rejection`]: what to answer instead.
pub async fn admit<'a>(
    authority: &dyn Authenticate,
    authorization: impl IntoIterator<Item = &'a [u8]>,
) -> Result<VerifiedToken, Rejection> {
    let verdict = match credentials::bearer(authorization) {
        Ok(token) => authority.authenticate(token).await,
        Err(rejection) => Err(rejection),
    };
    let verdict = verdict.and_then(|token| fresh_enough(authority, None).map(|()| token));
    authority.observer().token_judged(verdict.as_ref());
    verdict
}

/// Whether a request whose token grants this scope, which it needs, may be served as far as freshness is concerned: for
/// programs that check scopes themselves. [`admit`] has done so for requests that need none.
///
/// # Errors
/// [`Rejection::RevocationsStale`].
pub fn fresh_enough(authority: &dyn Authenticate, scope: Option<&str>) -> Result<(), Rejection> {
    if authority.must_be_fresh(scope) { fresh(authority) } else { Ok(()) }
}

fn fresh(authority: &dyn Authenticate) -> Result<(), Rejection> {
    if authority.is_fresh() { Ok(()) } else { Err(Rejection::RevocationsStale) }
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

/// A scope that a route requires.
pub trait Scope: 'static {
    /// Its name, as in the token's `scope`.
    const NAME: &'static str;
}

/// A verified access token that grants the scope `S`.
#[derive(Debug)]
pub struct Scoped<S>(VerifiedToken, PhantomData<fn() -> S>);

impl<S> Deref for Scoped<S> {
    type Target = VerifiedToken;

    fn deref(&self) -> &VerifiedToken {
        &self.0
    }
}

#[cfg(any(feature = "actix", feature = "axum"))]
impl<S: Scope> Scoped<S> {
    fn granted(token: VerifiedToken, authority: &dyn Authenticate) -> Result<Self, Rejection> {
        if !token.has_scope(S::NAME) {
            return Err(Rejection::without_scope(S::NAME));
        }
        fresh_enough(authority, Some(S::NAME))?;
        Ok(Self(token, PhantomData))
    }
}

/// A verified access token that grants the scope `S`, at a moment when it is recently known that its session has not ended:
/// for what must not happen after a logout or a loss of rights, not even while the network is cut. At another moment the
/// answer is 503 ([`Rejection::RevocationsStale`]). How recently is up to
/// the program (`keys::Config::fresh_within`).
#[derive(Debug)]
pub struct Fresh<S>(Scoped<S>);

impl<S> Deref for Fresh<S> {
    type Target = VerifiedToken;

    fn deref(&self) -> &VerifiedToken {
        &self.0
    }
}

#[cfg(any(feature = "actix", feature = "axum"))]
impl<S: Scope> Fresh<S> {
    fn granted(token: VerifiedToken, authority: &dyn Authenticate) -> Result<Self, Rejection> {
        let scoped = Scoped::granted(token, authority)?;
        fresh(authority)?;
        Ok(Self(scoped))
    }
}

/// Logs a rejection, unless no token was sent.
#[cfg(any(feature = "actix", feature = "axum"))]
fn log(path: &str, rejection: &Rejection) {
    if *rejection != Rejection::Missing {
        tracing::debug!(path, reason = %rejection, "access token rejected");
    }
}

#[cfg(all(test, any(feature = "actix", feature = "axum")))]
mod tests {
    use super::*;
    use std::{fs, sync::Arc};
    use tracing::{Level, subscriber};

    /// What is written to the log about a rejection.
    fn logged(rejection: &Rejection) -> String {
        let file = tempfile::NamedTempFile::new().expect("a file of our own");
        let writer = tracing_subscriber::fmt().with_max_level(Level::DEBUG).with_ansi(false);
        let writer = writer.with_writer(Arc::new(file.reopen().expect("a file of our own")));
        subscriber::with_default(writer.finish(), || log("/books", rejection));
        fs::read_to_string(file.path()).expect("text")
    }

    #[test]
    fn a_refused_token_is_logged_with_its_reason_and_a_missing_one_is_not() {
        let refused = Rejection::without_scope("books:write");
        let line = logged(&refused);
        assert!(line.contains("/books") && line.contains(&refused.to_string()), "{line}");
        assert_eq!(logged(&Rejection::Missing), "");
    }
}
