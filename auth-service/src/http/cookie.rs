//! The refresh cookie. Over https `__Host-jeton-refresh`, which no other host can set; over plain http, for
//! development, `jeton-refresh`, sent to `/auth` only.

use super::Site;
use actix_web::{
    HttpRequest,
    cookie::{Cookie, SameSite, time::Duration},
    http::header,
};

/// The header in which a page shows that it knows the session's CSRF token.
pub const CSRF_HEADER: &str = "x-csrf-token";

/// Its name.
#[must_use]
pub fn name(site: &Site) -> &'static str {
    if site.is_https() { "__Host-jeton-refresh" } else { "jeton-refresh" }
}

/// The cookie that carries a refresh token for as long as the token lives.
pub fn carrying(token: &str, lifetime: std::time::Duration, site: &Site) -> Cookie<'static> {
    let seconds = i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX);
    Cookie::build(name(site), token.to_owned())
        .http_only(true)
        .same_site(SameSite::Strict)
        .secure(site.is_https())
        .path(if site.is_https() { "/" } else { "/auth" })
        .max_age(Duration::seconds(seconds))
        .finish()
}

/// The cookie that makes a browser forget it.
pub fn cleared(site: &Site) -> Cookie<'static> {
    carrying("", std::time::Duration::ZERO, site)
}

/// Every refresh token that the request's cookies carry: more than one is not for us to choose from.
pub fn refresh_tokens<'a>(request: &'a HttpRequest, site: &Site) -> Vec<&'a str> {
    let name = name(site);
    request
        .headers()
        .get_all(header::COOKIE)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|cookies| cookies.split(';'))
        .filter_map(|cookie| cookie.trim().split_once('='))
        .filter(|(key, value)| *key == name && !value.is_empty())
        .map(|(_, value)| value)
        .collect()
}
