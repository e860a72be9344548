//! Which pages may call the endpoints that browsers authenticate by themselves: the cookie's, login and registration.
//! If the refresh token travels in bodies, browsers add nothing by themselves, and a page whose origin is not allowed
//! cannot read the answer: so native applications and their web views may call from any origin.

use super::cookie;
use crate::{
    domain::sessions::refresh_token::Transport,
    http::{
        Site, State,
        answer::error::{cross_site_cookie, csrf_rejected},
    },
};
use actix_web::{FromRequest, HttpRequest, dev::Payload, http::header, web};
use shared::{
    cors,
    openapi::Refuses,
    problem::Problem,
    seldom::{Seldom, printable},
};
use std::future::{Ready, ready};

/// The header in which a browser states how its page's site relates to this one.
const SEC_FETCH_SITE: &str = "sec-fetch-site";

static SAID: Seldom = Seldom::new();

/// Proof that the request comes from a page that may send it, or from no page at all.
pub struct AllowedOrigin(());

impl FromRequest for AllowedOrigin {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(check(request, &state(request).site).map(|()| Self(())).map_err(Problem::from))
    }
}

impl Refuses for AllowedOrigin {
    fn problems() -> Vec<Problem> {
        vec![of_another_site()]
    }
}

/// The page that the request comes from, if any. Call [`Page::admit`] once it is known how the refresh token travels; a
/// request with the cookie from a page that may not call is refused before that.
pub struct Page {
    verdict: Result<(), Foreign>,
    /// The page's origin, if it is on another site, from which browsers send no `SameSite` cookie.
    cross_site: Option<String>,
}

impl FromRequest for Page {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let site = &state(request).site;
        let verdict = check(request, site);
        if cookie::came(request, site)
            && let Err(foreign) = verdict
        {
            return ready(Err(foreign.into()));
        }
        let headers = request.headers();
        let is_cross_site = headers.get(SEC_FETCH_SITE).is_some_and(|site| site.as_bytes() == b"cross-site");
        let origin =
            || headers.get(header::ORIGIN).map_or_else(|| "?".to_owned(), |origin| printable(origin.as_bytes()));
        ready(Ok(Self { verdict, cross_site: is_cross_site.then(origin) }))
    }
}

impl Page {
    /// Whether the page may call if the refresh token travels like this.
    ///
    /// # Errors
    /// 403 `csrf_rejected`.
    pub fn admit(&self, transport: Transport) -> Result<(), Problem> {
        match transport {
            Transport::Body => Ok(()),
            Transport::Cookie => self.verdict.clone().map_err(Problem::from),
        }
    }

    /// As [`Page::admit`]; with the cookie, only if browsers keep the one of the answer.
    ///
    /// # Errors
    /// 403 `csrf_rejected` or `cross_site_cookie`.
    pub fn admit_for(&self, transport: Transport) -> Result<(), Problem> {
        self.admit(transport)?;
        if transport == Transport::Cookie { self.keeps_cookies() } else { Ok(()) }
    }

    /// Whether browsers would keep the cookie of an answer to this page, and send it back.
    ///
    /// # Errors
    /// 403 `cross_site_cookie`.
    pub fn keeps_cookies(&self) -> Result<(), Problem> {
        let Some(origin) = &self.cross_site else { return Ok(()) };
        if SAID.is_due(origin) {
            tracing::warn!(
                origin,
                "a page of another site than AUTH_PUBLIC_URL logs in or out with the cookie, which browsers drop: serve both under one site, or let the page use transport body"
            );
        }
        Err(cross_site_cookie())
    }
}

impl Refuses for Page {
    fn problems() -> Vec<Problem> {
        vec![of_another_site(), cross_site_cookie()]
    }
}

fn state(request: &HttpRequest) -> &State {
    request.app_data::<web::Data<State>>().expect("app.rs registers the state")
}

fn of_another_site() -> Problem {
    csrf_rejected(
        "cross-site requests are not allowed: browsers do not send the SameSite=Strict cookie from other sites",
    )
}

/// A page that may not call.
#[derive(Clone)]
enum Foreign {
    /// Its origin is not allowed.
    Origin(Vec<u8>),
    /// It sends no origin, and is of another one.
    Site,
}

impl From<Foreign> for Problem {
    fn from(page: Foreign) -> Self {
        match page {
            Foreign::Origin(origin) => not_allowed(&origin),
            Foreign::Site => of_another_site(),
        }
    }
}

fn check(request: &HttpRequest, site: &Site) -> Result<(), Foreign> {
    let mut origins = request.headers().get_all(header::ORIGIN).peekable();
    if origins.peek().is_some() {
        let foreign = origins.find(|origin| !site.allows(origin.as_bytes()));
        return foreign.map_or(Ok(()), |origin| Err(Foreign::Origin(origin.as_bytes().to_vec())));
    }
    match request.headers().get(SEC_FETCH_SITE).map(|site| site.as_bytes()) {
        None | Some(b"same-origin" | b"none") => Ok(()),
        Some(_) => Err(Foreign::Site),
    }
}

/// 403 `csrf_rejected`, for a page or its preflight; logged once an hour for each origin.
pub fn not_allowed(origin: &[u8]) -> Problem {
    cors::warn(origin, "AUTH_ALLOWED_ORIGINS");
    csrf_rejected(
        "this page's origin is not allowed: it is neither that of AUTH_PUBLIC_URL nor in AUTH_ALLOWED_ORIGINS",
    )
}
