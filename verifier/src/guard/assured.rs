//! Proof of a login that is recent or strong enough (RFC 9470).

#[cfg(any(feature = "actix", feature = "axum"))]
use super::{Authenticate, Scope};
use super::{Level, Rejection, Scoped};
use crate::{VerifiedToken, access_token::FUTURE_LEEWAY, clock::Timestamp};
use std::{marker::PhantomData, ops::Deref, time::Duration};

/// What a request needs of the login behind its token. By default, nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// At least this level.
    pub acr: Option<Level>,
    /// The user has proved who they are at most this many seconds ago.
    pub max_age: Option<u32>,
}

/// Whether the user of a verified token is authenticated as the request wants, at this moment: what [`Assured`] asks, for
/// programs that check themselves.
///
/// Tokens that do not say when the user logged in are never recent, and those without a level have the lowest. If the
/// login lies in the future, by more than clocks may differ (60 seconds), it satisfies nothing.
///
/// ```
/// # use jeton_verifier::{VerifiedToken, clock::{Clock, SystemClock}, guard::{self, Level, Rejection, Wanted}};
/// # fn example(token: &VerifiedToken) -> Result<(), Rejection> {
/// let wanted = Wanted { acr: Some(Level::TWO_FACTORS), max_age: Some(300) };
/// guard::sufficient(token, &wanted, SystemClock.now())?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`Rejection::InsufficientAuthentication`] with that part of what is wanted which is lacking.
pub fn sufficient(token: &VerifiedToken, wanted: &Wanted, now: Timestamp) -> Result<(), Rejection> {
    let at = token.authenticated_at();
    let is_yet_to_come = at.is_some_and(|at| at > now.plus(FUTURE_LEEWAY));
    let has_level = |level: &Level| !is_yet_to_come && level.is_satisfied_by(token.acr());
    let is_within = |age: u32| !is_yet_to_come && at.is_some_and(|at| now.since(at) <= Duration::from_secs(age.into()));
    let lacking = Wanted {
        acr: wanted.acr.clone().filter(|level| !has_level(level)),
        max_age: wanted.max_age.filter(|age| !is_within(*age)),
    };
    if lacking == Wanted::default() { Ok(()) } else { Err(Rejection::InsufficientAuthentication(lacking)) }
}

/// A level that a route requires.
pub trait Assurance: 'static {
    /// At least this one; `None` for any login.
    const ACR: Option<Level>;
}

/// Any login will do, as long as it is recent: see [`Recent`].
#[derive(Debug)]
pub struct AnyLevel;

impl Assurance for AnyLevel {
    const ACR: Option<Level> = None;
}

/// A login with two factors, or resistant to phishing: [`Level::TWO_FACTORS`].
#[derive(Debug)]
pub struct TwoFactors;

impl Assurance for TwoFactors {
    const ACR: Option<Level> = Some(Level::TWO_FACTORS);
}

/// A login that is resistant to phishing: [`Level::PHISHING_RESISTANT`].
#[derive(Debug)]
pub struct PhishingResistant;

impl Assurance for PhishingResistant {
    const ACR: Option<Level> = Some(Level::PHISHING_RESISTANT);
}

/// Stands for a login of any age.
pub const ANY_AGE: u32 = u32::MAX;

/// A verified access token that grants the scope `S`, of a user who is authenticated at the level `L` or a higher one, and has
/// proved who they are at most `MAX_AGE` seconds ago: for what a stolen token, or somebody at an unlocked screen, must not
/// do.
///
/// ```
/// # use jeton_verifier::guard::{Assured, PhishingResistant, Recent, Scope, TwoFactors};
/// # struct Transfers;
/// # impl Scope for Transfers { const NAME: &'static str = "transfers:write"; }
/// async fn add_recipient(user: Recent<Transfers, 300>) { /* within the last five minutes */ }
/// async fn transfer(user: Assured<Transfers, TwoFactors>) { /* with two factors, at any time */ }
/// async fn raise_limit(user: Assured<Transfers, PhishingResistant, 60>) { /* both */ }
/// ```
///
/// Otherwise the answer is 401 [`Rejection::InsufficientAuthentication`], whose challenge says what is lacking. The client
/// has the user authenticate again; refreshing would change nothing.
#[derive(Debug)]
pub struct Assured<S, L, const MAX_AGE: u32 = ANY_AGE>(Scoped<S>, PhantomData<fn() -> L>);

/// A verified access token that grants the scope `S`, of a user who has proved who they are at most `MAX_AGE` seconds ago, in
/// whichever way: see [`Assured`].
pub type Recent<S, const MAX_AGE: u32> = Assured<S, AnyLevel, MAX_AGE>;

impl<S, L, const MAX_AGE: u32> Deref for Assured<S, L, MAX_AGE> {
    type Target = VerifiedToken;

    fn deref(&self) -> &VerifiedToken {
        &self.0
    }
}

impl<S, L: Assurance, const MAX_AGE: u32> Assured<S, L, MAX_AGE> {
    /// What it asks of the login.
    #[must_use]
    pub fn wanted() -> Wanted {
        Wanted { acr: L::ACR, max_age: Some(MAX_AGE).filter(|age| *age != ANY_AGE) }
    }
}

#[cfg(any(feature = "actix", feature = "axum"))]
impl<S: Scope, L: Assurance, const MAX_AGE: u32> Assured<S, L, MAX_AGE> {
    pub(super) fn granted(token: VerifiedToken, authority: &dyn Authenticate) -> Result<Self, Rejection> {
        let scoped = Scoped::granted(token, authority)?;
        sufficient(&scoped, &Self::wanted(), authority.now())?;
        Ok(Self(scoped, PhantomData))
    }
}
