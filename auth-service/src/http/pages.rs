//! The pages for people, their assets, and the client for other pages. They are no part of the API, and not in its document.

use super::{State, request::cookie, well_known};
use crate::{
    domain::Language,
    pages::{File, Pages},
};
use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder,
    cookie::{Cookie, SameSite, time::Duration},
    http::{Method, StatusCode, header},
    web::{self, Bytes, Data, Path, ServiceConfig, resource},
};
use shared::{
    problem::{self, Problem},
    server::{IsShared, get},
};
use std::sync::Arc;

/// The cookie that keeps the language that somebody has chosen. It says nothing about who that is.
const LANGUAGE_COOKIE: &str = "jeton-language";

/// How long a choice of language is kept.
const LANGUAGE_LIFETIME: Duration = Duration::days(365);

/// Nothing from elsewhere, no script or style in the page itself, and no text that becomes a script.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
    form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

const PERMISSIONS_POLICY: &str = "publickey-credentials-get=(self), publickey-credentials-create=(self), camera=(), \
    microphone=(), geolocation=(), payment=(), usb=()";

/// What an asset's URL promises: these bytes, for ever.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// Their routes.
pub fn routes(pages: &Pages) -> impl FnOnce(&mut ServiceConfig) {
    let are_served = pages.are_served();
    let has_playground = pages.playground().is_some();
    move |app| {
        app.service(resource("/client.js").route(get().to(client)));
        if are_served {
            app.service(resource("/").route(get().to(front)));
            app.service(resource("/assets/{fingerprint}/{name}").route(get().to(asset)));
            for name in Pages::NAMES.into_iter().filter(|name| *name != Pages::PLAYGROUND || has_playground) {
                let show = move |request, state| async move { page(name, &request, &state) };
                app.service(resource(format!("/{name}")).route(get().to(show)));
            }
            app.default_service(web::to(nothing));
        }
    }
}

/// Leads to one's account, and from there, without a session, to the login.
async fn front() -> HttpResponse {
    HttpResponse::TemporaryRedirect().insert_header((header::LOCATION, "/account")).finish()
}

/// 404: a page for people, a problem document for programs.
async fn nothing(request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Problem> {
    let accepted = request.headers().get_all(header::ACCEPT).filter_map(|line| line.to_str().ok());
    let is_for_people = accepted.flat_map(|line| line.split([',', ';'])).any(|kind| kind.trim() == "text/html");
    if !is_for_people || !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Err(problem::not_found());
    }
    let mut answer = page(Pages::NOT_FOUND, &request, &state)?;
    *answer.status_mut() = StatusCode::NOT_FOUND;
    Ok(answer)
}

fn page(name: &'static str, request: &HttpRequest, state: &Data<State>) -> Result<HttpResponse, Problem> {
    let chosen = chosen_language(request.query_string());
    let language = chosen.or_else(|| remembered_language(request)).or_else(|| preferred_language(request));
    let language = language.unwrap_or(Language::English);
    let file = state.pages.page(name, language).ok_or_else(problem::not_found)?;
    let mut answer = HttpResponse::Ok();
    answer
        .insert_header((header::CONTENT_LANGUAGE, language.code()))
        .insert_header((header::CONTENT_SECURITY_POLICY, content_security_policy(name, &state.pages)))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header(("permissions-policy", PERMISSIONS_POLICY))
        .insert_header(("cross-origin-opener-policy", "same-origin"))
        .insert_header(("cross-origin-resource-policy", "same-origin"));
    if let Some(chosen) = chosen {
        // Lax: a link in a mail leads to pages in the chosen language too.
        let cookie = Cookie::build(LANGUAGE_COOKIE, chosen.code()).path("/").max_age(LANGUAGE_LIFETIME);
        let cookie = cookie.same_site(SameSite::Lax).secure(state.site.is_https()).http_only(true);
        answer.cookie(cookie.finish());
    }
    Ok(served(answer, file, request))
}

/// The playground calls another origin besides our own.
fn content_security_policy(name: &str, pages: &Pages) -> String {
    const CALLED: &str = "connect-src 'self'";
    match pages.playground() {
        Some(resource) if name == Pages::PLAYGROUND => {
            CONTENT_SECURITY_POLICY.replace(CALLED, &format!("{CALLED} {resource}"))
        }
        _ => CONTENT_SECURITY_POLICY.to_owned(),
    }
}

/// `lang=uk` in a query.
fn chosen_language(query: &str) -> Option<Language> {
    query.split('&').find_map(|pair| pair.strip_prefix("lang=")).and_then(Language::of_tag)
}

fn remembered_language(request: &HttpRequest) -> Option<Language> {
    let values = cookie::named(request, LANGUAGE_COOKIE);
    values.filter_map(|value| std::str::from_utf8(value).ok()).find_map(Language::of_tag)
}

fn preferred_language(request: &HttpRequest) -> Option<Language> {
    let header = request.headers().get(header::ACCEPT_LANGUAGE)?;
    Language::preferred_in(header.to_str().ok()?)
}

async fn asset(
    path: Path<(String, String)>,
    request: HttpRequest,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let (fingerprint, name) = path.into_inner();
    let file = state.pages.asset(&name).ok_or_else(problem::not_found)?;
    let mut answer = HttpResponse::Ok();
    // During an upgrade, a page of a replica with other files may ask this one: its own name for them is not for these.
    let lifetime = if fingerprint == state.pages.fingerprint() { FOR_EVER } else { "no-store" };
    answer.insert_header((header::CACHE_CONTROL, lifetime));
    // An image that is opened by itself is a document, and runs no script either.
    answer.insert_header((header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'; sandbox"));
    Ok(served(for_all_origins(answer), file, &request))
}

/// The client under a name that stays: asked for again each time, and sent only when it has changed.
async fn client(request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Problem> {
    let file = state.pages.client().ok_or_else(problem::not_found)?;
    let etag = format!("\"{}\"", state.pages.fingerprint());
    let is_known = well_known::is_known(&request, &etag);
    // Weak: it is the same compressed or not.
    let etag = format!("W/{etag}");
    let mut answer = if is_known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    answer.insert_header((header::CACHE_CONTROL, "no-cache")).insert_header((header::ETAG, etag));
    let mut answer = for_all_origins(answer);
    Ok(if is_known { answer.finish() } else { served(answer, file, &request) })
}

fn for_all_origins(mut answer: HttpResponseBuilder) -> HttpResponseBuilder {
    answer.insert_header(("cross-origin-resource-policy", "cross-origin"));
    answer
}

fn served(mut answer: HttpResponseBuilder, file: &File, request: &HttpRequest) -> HttpResponse {
    answer.content_type(file.content_type).insert_header((header::VARY, "accept-encoding"));
    let body = if takes_gzip(request) {
        answer.insert_header((header::CONTENT_ENCODING, "gzip"));
        &file.gzipped
    } else {
        &file.plain
    };
    let mut answer = answer.body(Bytes::from_owner(Arc::clone(body)));
    answer.extensions_mut().insert(IsShared);
    answer
}

/// Whether `Accept-Encoding` (RFC 9110, section 12.5.3) names gzip.
fn takes_gzip(request: &HttpRequest) -> bool {
    let lines = request.headers().get_all(header::ACCEPT_ENCODING).filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).any(|item| {
        let (name, weight) = item.split_once(';').unwrap_or((item, ""));
        let is_refused = weight.trim().strip_prefix("q=").is_some_and(|weight| weight.trim().parse() == Ok(0.0));
        name.trim().eq_ignore_ascii_case("gzip") && !is_refused
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    #[test]
    fn gzip_is_sent_only_to_those_who_take_it() {
        let takes = |value: &str| {
            takes_gzip(&TestRequest::default().insert_header((header::ACCEPT_ENCODING, value)).to_http_request())
        };
        assert!(["gzip", "br, GZip", "deflate, gzip;q=0.5, *;q=0"].into_iter().all(takes));
        assert!(!["", "br", "gzip;q=0", "gzip; q=0.000", "x-gzip2"].into_iter().any(takes));
        assert!(!takes_gzip(&TestRequest::default().to_http_request()));
    }

    #[test]
    fn a_language_is_chosen_by_the_query() {
        assert_eq!(chosen_language("lang=uk"), Some(Language::Ukrainian));
        assert_eq!(chosen_language("flow=1&lang=RU&x"), Some(Language::Russian));
        assert_eq!(chosen_language("xlang=uk&lang=de"), None);
        assert_eq!(chosen_language(""), None);
    }
}
