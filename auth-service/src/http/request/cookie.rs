//! The refresh cookie. Over https `__Host-jeton-refresh`, which no other host can set; over plain http, for
//! development, `jeton-refresh`, sent to `/auth` only. (`AUTH_COOKIE_NAME` gives it another name.)
//!
//! Browsers send the cookies of all applications of a host together, with whatever bytes they hold, and proxies split
//! them into several header lines: so cookies are read as bytes, each by itself.

use crate::http::Site;
use actix_web::{
    HttpRequest, HttpResponseBuilder,
    cookie::{Cookie, SameSite, time::Duration},
    http::header::{self, HeaderValue},
};
use shared::problem::Problem;

/// The header in which a page proves that it knows the session's CSRF token.
pub const CSRF_HEADER: &str = "x-csrf-token";

/// The cookie that carries a refresh token for as long as the token lives.
pub fn carrying(token: &str, lifetime: std::time::Duration, site: &Site) -> Cookie<'static> {
    secret(site.cookie_name(), token, lifetime, site)
}

/// A cookie that no script can read, and that is sent to auth-service only.
pub fn secret(name: &str, value: &str, lifetime: std::time::Duration, site: &Site) -> Cookie<'static> {
    let seconds = i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX);
    Cookie::build(name.to_owned(), value.to_owned())
        .http_only(true)
        .same_site(SameSite::Strict)
        .secure(site.is_https())
        .path(if site.is_https() { "/" } else { "/auth" })
        .max_age(Duration::seconds(seconds))
        .finish()
}

/// Makes a browser forget the cookie.
pub fn clear(answer: &mut HttpResponseBuilder, request: &HttpRequest, site: &Site) {
    answer.cookie(cleared(site));
    clear_stray(answer, request, site);
}

/// Makes a browser forget a second cookie of the same name, set for another path of the host. No session can continue
/// with two. Over https there is none: a `__Host-` cookie is for all paths.
pub fn clear_stray(answer: &mut HttpResponseBuilder, request: &HttpRequest, site: &Site) {
    if !site.is_https() && values(request, site).count() > 1 {
        let mut stray = cleared(site);
        stray.set_path("/");
        answer.cookie(stray);
    }
}

/// A refusal that makes a browser forget the cookie.
pub fn cleared_by(problem: Problem, site: &Site) -> Problem {
    match HeaderValue::from_str(&cleared(site).to_string()) {
        Ok(cookie) => problem.with(header::SET_COOKIE, cookie),
        Err(_) => problem,
    }
}

fn cleared(site: &Site) -> Cookie<'static> {
    carrying("", std::time::Duration::ZERO, site)
}

/// Whether a cookie with that name was sent, whatever it holds.
pub fn came(request: &HttpRequest, site: &Site) -> bool {
    values(request, site).next().is_some()
}

/// The different refresh tokens in the request's cookies. If there are several, none may be chosen.
pub fn refresh_tokens<'a>(request: &'a HttpRequest, site: &Site) -> Vec<&'a [u8]> {
    let mut tokens: Vec<&[u8]> = Vec::new();
    for token in values(request, site).filter(|value| !value.is_empty()) {
        // A proxy that repeats header lines may send the same token twice.
        if !tokens.contains(&token) {
            tokens.push(token);
        }
    }
    tokens
}

fn values<'a>(request: &'a HttpRequest, site: &Site) -> impl Iterator<Item = &'a [u8]> {
    named(request, site.cookie_name())
}

/// The values of all cookies with this name.
pub fn named<'a>(request: &'a HttpRequest, name: &str) -> impl Iterator<Item = &'a [u8]> {
    let lines = request.headers().get_all(header::COOKIE);
    lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b';')).filter_map(move |cookie| value(cookie, name))
}

/// The value of a cookie, if it has this name.
fn value<'a>(cookie: &'a [u8], wanted: &str) -> Option<&'a [u8]> {
    let (name, value) = cookie.split_at_checked(cookie.iter().position(|byte| *byte == b'=')?)?;
    let value = value[1..].trim_ascii();
    let unquoted = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\""));
    (name.trim_ascii() == wanted.as_bytes()).then_some(unquoted.unwrap_or(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;
    use url::Url;

    fn site() -> Site {
        Site::new(&Url::parse("http://localhost:8080").unwrap(), Vec::new(), Vec::new())
    }

    fn tokens_of(lines: &[&[u8]]) -> Vec<String> {
        let request = lines.iter().fold(TestRequest::default(), |request, line| {
            request.append_header((header::COOKIE, HeaderValue::from_bytes(line).unwrap()))
        });
        let request = request.to_http_request();
        refresh_tokens(&request, &site()).iter().map(|token| token.escape_ascii().to_string()).collect()
    }

    #[test]
    fn the_refresh_cookie_is_found_whatever_other_cookies_hold() {
        let beside: [&[&[u8]]; 13] = [
            &[b"jeton-refresh=t"],
            &[b"lang=fran\xe7ais; jeton-refresh=t"],
            &[b"jeton-refresh=t; lang=fran\xc3\xa7ais; \xff"],
            &[b"\xff=\xff;jeton-refresh=t"],
            &[b"a=1", b"jeton-refresh=t", b"b=\xff"],
            &[b";; ;=;==; jeton-refresh=t;"],
            &[b"jeton-refresh=\"t\""],
            &[b"\tjeton-refresh = t\t"],
            &[b"Jeton-Refresh=x; jeton-refresh=t; jeton-refresh2=y; xjeton-refresh=z"],
            &[b"jeton-refresh; jeton-refresh=; jeton-refresh=t"],
            &[b"jeton-refresh=t; jeton-refresh=t", b"jeton-refresh=t"],
            &[b"a=\"; jeton-refresh=t"],
            &[b"json={\"a\":1,\"b\":2}; jeton-refresh=t"],
        ];
        for lines in beside {
            assert_eq!(tokens_of(lines), ["t"], "{}", lines.join(&b'|').escape_ascii());
        }
    }

    #[test]
    fn another_cookie_is_not_taken_for_the_refresh_cookie() {
        let lines: [&[u8]; 6] = [
            b"",
            b"jeton-refresh",
            b"x=jeton-refresh=t",
            b"__Host-jeton-refresh=t",
            b"jeton\xff-refresh=t",
            b"JETON-REFRESH=t",
        ];
        for line in lines {
            assert_eq!(tokens_of(&[line]), [""; 0], "{}", line.escape_ascii());
        }
        assert_eq!(tokens_of(&[b"jeton-refresh=t; jeton-refresh=u"]), ["t", "u"]);
    }
}
