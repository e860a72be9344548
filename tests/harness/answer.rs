//! What a service answered.

use crate::tokens::{SetCookie, Tokens};
use reqwest::header::{HeaderMap, HeaderName};
use serde_json::Value;
use std::{collections::BTreeSet, fmt, ops::Index};

/// An answer, read to its end. Prints nicely in a failed assertion: `assert_eq!(answer.status, 200, "{answer}")`.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as text.
    pub body: String,
    /// The body as JSON; `null` if it is not JSON.
    pub json: Value,
}

impl Answer {
    pub(crate) fn new(status: u16, headers: HeaderMap, body: &[u8]) -> Self {
        let json = serde_json::from_slice(body).unwrap_or_default();
        Self { status, headers, body: String::from_utf8_lossy(body).into_owned(), json }
    }

    pub(crate) async fn read(response: reqwest::Response) -> Result<Self, reqwest::Error> {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Self::new(status, headers, &response.bytes().await?))
    }

    /// The answer itself, if it has this status.
    ///
    /// # Panics
    /// With the whole answer, if not.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self}");
        self
    }

    /// A header's value; empty when it is absent.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The names of all headers.
    #[must_use]
    pub fn header_names(&self) -> BTreeSet<String> {
        self.headers.keys().map(ToString::to_string).collect()
    }

    /// The `id` of what was created, whether it is a text or a number.
    ///
    /// # Panics
    /// With the whole answer, if it has none.
    #[must_use]
    #[track_caller]
    pub fn id(&self) -> String {
        match &self["id"] {
            Value::String(id) => id.clone(),
            Value::Number(id) => id.to_string(),
            _ => panic!("there is no id\n{self}"),
        }
    }

    /// The cookies that are set or cleared.
    ///
    /// # Panics
    /// When one cannot be read.
    #[must_use]
    pub fn set_cookies(&self) -> Vec<SetCookie> {
        let values = self.headers.get_all(HeaderName::from_static("set-cookie"));
        values.iter().map(|value| SetCookie::parse(value.to_str().expect("cookies are ASCII"))).collect()
    }

    /// The tokens of a login or a refresh.
    ///
    /// # Panics
    /// With the whole answer, if it is something else.
    #[track_caller]
    pub fn tokens(&self) -> Tokens {
        assert_eq!(self.status, 200, "tokens were expected\n{self}");
        Tokens::of(self)
    }
}

impl Index<&str> for Answer {
    type Output = Value;

    /// A member of the JSON body; `null` when it is absent.
    fn index(&self, member: &str) -> &Value {
        &self.json[member]
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "HTTP {}", self.status)?;
        for (name, value) in &self.headers {
            writeln!(f, "{name}: {}", String::from_utf8_lossy(value.as_bytes()))?;
        }
        let shown: String = self.body.chars().take(2000).collect();
        write!(f, "\n{shown}")
    }
}

/// Checks that the answer is a problem document with this status and code, and whatever belongs to that status.
///
/// # Panics
/// With the whole answer, if it is something else.
#[track_caller]
pub fn assert_problem(answer: &Answer, status: u16, code: &str) {
    assert_eq!((answer.status, &answer["code"]), (status, &Value::from(code)), "{answer}");
    assert_is_problem(answer);
}

/// Checks that the answer is a well-formed problem document, whatever its code.
///
/// # Panics
/// With the whole answer, if it is something else.
#[track_caller]
pub fn assert_is_problem(answer: &Answer) {
    assert_eq!(answer.header("content-type"), "application/problem+json", "{answer}");
    assert_eq!(answer["status"], answer.status, "the document repeats the status\n{answer}");
    for member in ["type", "title", "code", "detail"] {
        assert!(answer[member].as_str().is_some_and(|text| !text.is_empty()), "{member} is missing\n{answer}");
    }
    match answer.status {
        401 => assert!(answer.header("www-authenticate").starts_with("Bearer"), "every 401 has a challenge\n{answer}"),
        429 | 503 => {
            let seconds = answer.header("retry-after").parse::<u64>();
            assert!(seconds.is_ok_and(|seconds| seconds >= 1), "when to retry is missing\n{answer}");
        }
        405 => assert!(!answer.header("allow").is_empty(), "what is allowed is missing\n{answer}"),
        _ => {}
    }
}
