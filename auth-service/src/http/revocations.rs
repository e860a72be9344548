//! `GET /revocations`: what has ended, for verifiers that work offline.

use super::{State, request::client::client};
use crate::domain::{Unavailable, revocations::LONGEST_WAIT};
use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{Bytes, Data},
};
use serde::Deserialize;
use shared::{
    openapi::{Refusals, Refuses},
    paging::Listing,
    problem::Problem,
};
use std::{sync::Arc, time::Duration};
use utoipa::IntoParams;

/// A cache may hand a page out for a second, so that it makes one request of thousands; longer, and a reader would take what
/// it knows for younger than it is. Not `no-store`: then all that wait behind a cache would be sent on at once when a wait is over.
const CACHED: &str = "public, max-age=1";

/// The greatest number that every JSON reader understands.
const GREATEST: i64 = (1 << 53) - 1;

/// From where, and how patiently.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Asked {
    /// The `to` of the page before; 0: everything.
    #[serde(default)]
    #[param(value_type = i64, minimum = 0, maximum = 9_007_199_254_740_991_i64, default = 0)]
    after: Number,
    /// How many seconds to wait until something has ended.
    #[serde(default)]
    #[param(value_type = u8, minimum = 0, maximum = 30, default = 0)]
    wait: Seconds,
}

#[derive(Deserialize, Default)]
#[serde(try_from = "i64")]
struct Number(i64);

#[derive(Deserialize, Default)]
#[serde(try_from = "u8")]
struct Seconds(Duration);

impl TryFrom<i64> for Number {
    type Error = &'static str;

    fn try_from(number: i64) -> Result<Self, Self::Error> {
        if (0..=GREATEST).contains(&number) { Ok(Self(number)) } else { Err("out of range") }
    }
}

impl TryFrom<u8> for Seconds {
    type Error = &'static str;

    fn try_from(seconds: u8) -> Result<Self, Self::Error> {
        let wait = Duration::from_secs(seconds.into());
        if wait <= LONGEST_WAIT { Ok(Self(wait)) } else { Err("out of range") }
    }
}

impl Listing for Asked {
    const TAKES: &'static str = "takes after (the `to` of the page before, or 0) and wait (0 to 30 seconds)";
}

impl Refuses for Asked {
    fn problems() -> Vec<Problem> {
        vec![Self::refusal()]
    }
}

/// Read the revocation feed
///
/// What has ended before its access tokens expire: sessions, a user's sessions, everybody's. For verifiers that work offline:
/// they read from `after=0` on, and then ask for what follows, with `wait`. Each page is signed by a key of the JWKS.
#[utoipa::path(
    get, path = "/revocations", tag = "published", operation_id = "read_revocations",
    params(Asked),
    responses(
        (status = 200, description = "A page: a JWT of the type `revocations+jwt` (docs/revocations.md)", body = String,
            content_type = "application/jwt", headers(
            ("Cache-Control" = String, description = "How long caches may hand out the page"),
            ("Retry-After" = u32, description = "There was no room to wait: ask again after so many seconds"),
        )),
        Refusals<(Asked, Unavailable)>,
    )
)]
pub async fn revocations(request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Problem> {
    let Asked { after: Number(after), wait: Seconds(wait) } = Asked::of(&request)?;
    let answer = state.feed.page(after, wait, client(&request, &state).address).await?;
    let mut response = HttpResponse::Ok();
    response.insert_header((header::CACHE_CONTROL, CACHED)).insert_header((header::CONTENT_TYPE, "application/jwt"));
    if answer.had_no_room {
        response.insert_header((header::RETRY_AFTER, 1)).insert_header((header::CACHE_CONTROL, "no-store"));
    }
    Ok(response.body(Bytes::from_owner(Page(answer.page))))
}

/// A page, in memory only once, however many answers are under way.
struct Page(Arc<str>);

impl AsRef<[u8]> for Page {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes()
    }
}
