//! Which pages may call what browsers authenticate by themselves: the cookie's endpoints, login and registration.

use super::{Site, State, error::csrf_rejected};
use actix_web::{FromRequest, HttpRequest, dev::Payload, http::header, web};
use shared::{openapi::Refuses, problem::Problem};
use std::future::{Ready, ready};

/// Proof that the request comes from a page that may send it, or from no page at all.
pub struct AllowedOrigin(());

impl FromRequest for AllowedOrigin {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let state = request.app_data::<web::Data<State>>().expect("app.rs registers the state");
        ready(check(request, &state.site).map(|()| Self(())))
    }
}

impl Refuses for AllowedOrigin {
    fn problems() -> Vec<Problem> {
        vec![of_another_site()]
    }
}

fn of_another_site() -> Problem {
    csrf_rejected("a page of another site may not call")
}

fn check(request: &HttpRequest, site: &Site) -> Result<(), Problem> {
    let text = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap_or("unreadable"));
    match (text(header::ORIGIN.as_str()), text("sec-fetch-site")) {
        (Some(origin), _) if site.allows(origin) => Ok(()),
        (Some(_), _) => Err(csrf_rejected(
            "this page's origin may not call: it is neither the public URL's (AUTH_PUBLIC_URL) nor in AUTH_ALLOWED_ORIGINS",
        )),
        (None, None | Some("same-origin" | "none")) => Ok(()),
        (None, Some(_)) => Err(of_another_site()),
    }
}
