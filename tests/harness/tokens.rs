//! The tokens of a login.

use crate::{answer::Answer, forge};
use serde_json::Value;

/// How the refresh token travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// In the JSON body: programs.
    Body,
    /// In an `HttpOnly` cookie: browsers.
    Cookie,
}

impl Transport {
    /// As the login call names it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Body => "body",
            Self::Cookie => "cookie",
        }
    }
}

/// One set of tokens, as a client holds them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tokens {
    /// The access token.
    pub access: String,
    /// The refresh token, wherever it was sent.
    pub refresh: String,
    /// The session's CSRF token.
    pub csrf: String,
    /// The session's public id.
    pub session_id: String,
    /// The name of the cookie that holds the refresh token; `None` when it came in the body.
    pub cookie: Option<String>,
}

impl Tokens {
    pub(crate) fn of(answer: &Answer) -> Self {
        let text = |member: &str| -> String {
            let value = answer[member].as_str();
            value.unwrap_or_else(|| panic!("{member} is missing\n{answer}")).to_owned()
        };
        let cookie = answer.set_cookies().pop();
        let refresh = match &cookie {
            Some(cookie) => cookie.value.clone(),
            None => text("refresh_token"),
        };
        assert_eq!(answer["token_type"], "Bearer", "{answer}");
        Self {
            access: text("access_token"),
            refresh,
            csrf: text("csrf_token"),
            session_id: text("session_id"),
            cookie: cookie.map(|cookie| cookie.name),
        }
    }

    /// The claims of the access token, unverified.
    #[must_use]
    pub fn claims(&self) -> Value {
        forge::claims_of(&self.access)
    }

    /// The claims of the refresh token, unverified.
    #[must_use]
    pub fn refresh_claims(&self) -> Value {
        forge::claims_of(&self.refresh)
    }

    /// The `Cookie` header a browser would send.
    ///
    /// # Panics
    /// When the refresh token came in the body.
    #[must_use]
    pub fn cookie_header(&self) -> String {
        format!("{}={}", self.cookie.as_ref().expect("these tokens came with a cookie"), self.refresh)
    }

    /// The same session, with another refresh token.
    #[must_use]
    pub fn with_refresh(&self, refresh: &str) -> Self {
        Self { refresh: refresh.to_owned(), ..self.clone() }
    }
}

/// A `Set-Cookie` header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetCookie {
    /// The cookie's name.
    pub name: String,
    /// Its value; empty when it is cleared.
    pub value: String,
    /// `HttpOnly`, `Max-Age=…` and so on, sorted.
    pub attributes: Vec<String>,
}

impl SetCookie {
    pub(crate) fn parse(header: &str) -> Self {
        let mut parts = header.split(';').map(str::trim);
        let (name, value) = parts.next().and_then(|pair| pair.split_once('=')).expect("a cookie is name=value");
        let mut attributes: Vec<String> = parts.map(str::to_owned).collect();
        attributes.sort();
        Self { name: name.to_owned(), value: value.to_owned(), attributes }
    }

    /// The `Max-Age`, in seconds.
    #[must_use]
    pub fn max_age(&self) -> Option<i64> {
        self.attributes.iter().find_map(|attribute| attribute.strip_prefix("Max-Age=")?.parse().ok())
    }

    /// The attributes except `Max-Age` and `Expires`, whose values depend on the time.
    #[must_use]
    pub fn fixed_attributes(&self) -> Vec<&str> {
        let fixed = |attribute: &&str| !attribute.starts_with("Max-Age=") && !attribute.starts_with("Expires=");
        self.attributes.iter().map(String::as_str).filter(fixed).collect()
    }
}
