//! `/verify`: the verdict on a request, for gateways (nginx `auth_request`, Traefik ForwardAuth, Caddy `forward_auth`).

use actix_web::{
    Error, HttpResponse, ResponseError as _,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::StatusCode,
    middleware::Next,
    web,
};
use jeton_verifier::{
    VerifiedToken,
    guard::{self, AccessToken, Authenticate, Level, Rejection},
};
use serde::Deserialize;
use shared::{
    guard::{authentication_refusal, ended_refusal, token_refusals},
    openapi::{NothingBut, Refuses},
    problem::{Challenge, Problem},
};
use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};
use utoipa::IntoParams;

/// Where gateways ask.
pub const PATH: &str = "/verify";

/// What the gateway requires besides a valid token.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Wanted {
    /// A scope, or several separated by spaces.
    #[param(
        nullable = false,
        pattern = r"^[\x21\x23-\x5B\x5D-\x7E]+( [\x21\x23-\x5B\x5D-\x7E]+)*$",
        example = "books:read"
    )]
    scope: Option<String>,
    /// A level of authentication (`acr`), which a higher one satisfies too: `1` < `2` (two factors) < `phr` (resistant to
    /// phishing). Any other is satisfied by itself only.
    #[param(nullable = false, pattern = r"^[\x21\x23-\x5B\x5D-\x7E]+$", example = "2")]
    acr: Option<String>,
    /// How many seconds ago the user has to have authenticated at most.
    #[param(required = false, nullable = false, value_type = u32, minimum = 1, maximum = 999_999_999, example = 300)]
    max_age: Option<String>,
}

impl Wanted {
    /// What is asked of the token's scopes and of its user's login; `None` if that is not understood.
    fn understood(&self) -> Option<(Vec<&str>, guard::Wanted)> {
        let scopes = self.scope.as_deref();
        if !scopes.is_none_or(guard::is_scope) {
            return None;
        }
        let acr = self.acr.as_deref().map(|acr| Level::parse(acr).ok_or(())).transpose().ok()?;
        let max_age = self.max_age.as_deref().map(|age| seconds(age).ok_or(())).transpose().ok()?;
        Some((scopes.into_iter().flat_map(|scopes| scopes.split(' ')).collect(), guard::Wanted { acr, max_age }))
    }
}

/// Seconds in the one way in which they are written: digits, of which the first is not zero.
fn seconds(text: &str) -> Option<u32> {
    let is_plain = text.len() <= 9 && !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_plain)
}

impl Refuses for Wanted {
    fn problems() -> Vec<Problem> {
        vec![misconfigured()]
    }
}

/// How [`PATH`] refuses a request: with 401 or 403, and with nothing else.
struct Verdict;

impl Refuses for Verdict {
    fn problems() -> Vec<Problem> {
        let lacking = Rejection::without_scope("books:read").into();
        let login = authentication_refusal(guard::Wanted { acr: Some(Level::TWO_FACTORS), max_age: Some(300) });
        [token_refusals(), vec![ended_refusal(), login, no_verdict(), too_large(), lacking]].concat()
    }
}

/// Verify a request for a gateway
///
/// For nginx `auth_request`, Traefik ForwardAuth, Caddy `forward_auth`: whatever happens, the answer is 200, 401 or
/// 403. All methods get the same answer, because gateways pass on the client's.
#[utoipa::path(
    get, path = PATH, tag = "identity", operation_id = "verify_for_gateway",
    params(Wanted),
    responses(
        (status = 200, description = "Let the request in", headers(
            ("X-Auth-Subject" = String, description = "The user's id"),
            ("X-Auth-Session" = String, description = "The session's public id"),
            ("X-Auth-Roles" = String, description = "The user's roles, separated by commas"),
            ("X-Auth-Scopes" = String, description = "The user's scopes, separated by spaces"),
        )),
        NothingBut<(Verdict, Wanted)>,
    ),
    security(("bearer" = []))
)]
pub(super) async fn verify(
    token: AccessToken,
    authority: web::Data<dyn Authenticate>,
    wanted: Result<web::Query<Wanted>, Error>,
) -> Result<HttpResponse, Problem> {
    let wanted = wanted.ok();
    let Some((scopes, login)) = wanted.as_ref().and_then(|wanted| wanted.understood()) else {
        say_that_a_gateway_is_misconfigured();
        return Err(misconfigured());
    };
    if let Some(lacking) = scopes.iter().find(|scope| !token.has_scope(scope)) {
        return Err(Rejection::without_scope((*lacking).to_owned()).into());
    }
    scopes.iter().try_for_each(|scope| guard::fresh_enough(&**authority, Some(scope)))?;
    guard::sufficient(&token, &login, authority.now())?;
    Ok(identity(&token))
}

const UNSUPPORTED: &str = "unsupported query: only scope=, acr= and max_age= are accepted, each once";

/// A gateway with an unsupported query lets nobody in: 403, since it would turn any other status into a 500 of its own.
fn misconfigured() -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "invalid_query", UNSUPPORTED)
}

/// At most one line a minute: anybody with a token can send such a query.
fn say_that_a_gateway_is_misconfigured() {
    static LAST_SAID: Mutex<Option<Instant>> = Mutex::new(None);
    let mut last_said = LAST_SAID.lock().unwrap_or_else(PoisonError::into_inner);
    if last_said.is_none_or(|said| said.elapsed() >= Duration::from_secs(60)) {
        *last_said = Some(Instant::now());
        tracing::warn!("a gateway asks {PATH} with an {UNSUPPORTED}");
    }
}

fn identity(token: &VerifiedToken) -> HttpResponse {
    let roles: Vec<String> = token.roles().iter().map(|role| header_word(role)).collect();
    let scopes: Vec<String> = token.scopes().map(header_word).collect();
    HttpResponse::Ok()
        .insert_header(("X-Auth-Subject", header_word(token.subject())))
        .insert_header(("X-Auth-Session", header_word(token.session_id())))
        .insert_header(("X-Auth-Roles", roles.join(",")))
        .insert_header(("X-Auth-Scopes", scopes.join(" ")))
        .finish()
}

/// Percent-encodes what a header cannot carry and what separates roles, so that no role's name reads as two roles.
fn header_word(text: &str) -> String {
    let mut word = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_graphic() && !matches!(byte, b',' | b'%') {
            word.push(char::from(byte));
        } else {
            word.push_str(&format!("%{byte:02X}"));
        }
    }
    word
}

/// Middleware, around everything: whatever happens, the answer at [`PATH`] is 200, 401 or 403, since nginx turns
/// anything else into a 500. A temporary failure that says nothing about the token (no keys yet, or no recent knowledge of what has ended) becomes a 401 without
/// an `error` in its challenge, with `Retry-After`. That is not a logout: a client refreshes and repeats, and only
/// `/auth/refresh` can say that the session is over. A lasting failure (an oversized request head) becomes a 403, which
/// clients do not repeat.
///
/// # Errors
/// Only those of the inner service.
pub async fn nothing_but_a_verdict(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let is_asked_for_a_verdict = request.path() == PATH;
    let answer = next.call(request).await?.map_into_boxed_body();
    if !is_asked_for_a_verdict {
        return Ok(answer);
    }
    let problem = match answer.status() {
        StatusCode::OK | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => return Ok(answer),
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => too_large(),
        status if status.is_client_error() => misconfigured(),
        _ => no_verdict(),
    };
    Ok(answer.into_response(problem.error_response()))
}

fn no_verdict() -> Problem {
    let detail = "the access token cannot be verified right now: keep it and try again";
    Problem::new(StatusCode::UNAUTHORIZED, "unavailable", detail).challenge(&Challenge::default()).retry_after(1)
}

fn too_large() -> Problem {
    let detail = "the gateway passed on more than 16 KiB of request line and headers: send fewer cookies and smaller \
                  headers, or let the gateway pass on only the Authorization header";
    Problem::new(StatusCode::FORBIDDEN, "headers_too_large", detail)
}
