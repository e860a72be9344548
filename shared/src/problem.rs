//! Errors as RFC 9457 problem documents with a stable `code`.

use actix_web::{
    Error, HttpResponse, HttpResponseBuilder, ResponseError,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        StatusCode,
        header::{self, HeaderName, HeaderValue},
    },
    middleware::Next,
    web,
};
use serde::Serialize;
use serde_json::{Map, Value};
use std::{borrow::Cow, fmt};
use utoipa::ToSchema;

/// The media type of a problem document.
pub const CONTENT_TYPE: &str = "application/problem+json";

/// The members of every problem document.
const USUAL: [&str; 5] = ["type", "title", "status", "code", "detail"];

/// An answer that says what went wrong and what to do. Never holds a secret or what a client sent.
#[derive(Debug, Clone)]
pub struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: Cow<'static, str>,
    headers: Vec<(HeaderName, HeaderValue)>,
    members: Map<String, Value>,
}

/// What went wrong (RFC 9457).
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct Document<'a> {
    /// `urn:jeton:problem:` and the code.
    #[schema(format = "uri")]
    r#type: String,
    /// The status in words.
    title: &'a str,
    /// The status code of the answer.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// The stable name of what went wrong: the one member to decide by.
    code: &'a str,
    /// For people; may change.
    detail: &'a str,
    /// What else a client needs to go on, depending on the code.
    #[serde(flatten)]
    #[schema(ignore)]
    members: &'a Map<String, Value>,
}

impl Problem {
    /// `code` is part of the contract; `detail` is for people and may change.
    #[must_use]
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { status, code, detail: detail.into(), headers: Vec::new(), members: Map::new() }
    }

    /// 503 `unavailable`: try again in a second and keep what you have.
    #[must_use]
    pub fn unavailable(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail).retry_after(1)
    }

    /// Adds `Retry-After`, in seconds.
    #[must_use]
    pub fn retry_after(self, seconds: u64) -> Self {
        self.with(header::RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// Adds a `WWW-Authenticate` challenge.
    #[must_use]
    pub fn challenge(self, challenge: &Challenge) -> Self {
        let value = HeaderValue::from_str(&challenge.to_string()).expect("a challenge is printable ASCII");
        self.with(header::WWW_AUTHENTICATE, value)
    }

    /// Adds any other header.
    #[must_use]
    pub fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Adds an extension member (RFC 9457, section 3.2). The usual members cannot be replaced.
    #[must_use]
    pub fn with_member(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        debug_assert!(!USUAL.contains(&name), "{name} is one of the usual members");
        self.members.insert(name.to_owned(), value.into());
        self
    }

    /// The status of the answer.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The stable name of what went wrong.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// The headers beyond those of every problem.
    pub fn headers(&self) -> impl Iterator<Item = &HeaderName> {
        self.headers.iter().map(|(name, _)| name)
    }

    /// 500 `internal`: a fault of the service.
    #[must_use]
    pub fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "something is wrong on our side: see the log")
    }

    /// The body.
    #[must_use]
    pub fn document(&self) -> Document<'_> {
        Document {
            r#type: format!("urn:jeton:problem:{}", self.code),
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            code: self.code,
            detail: &self.detail,
            members: &self.members,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.status.as_u16(), self.code, self.detail)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse<BoxBody> {
        let mut answer = HttpResponseBuilder::new(self.status);
        for (name, value) in &self.headers {
            answer.append_header((name.clone(), value.clone()));
        }
        answer.insert_header((header::CONTENT_TYPE, CONTENT_TYPE)).insert_header((header::CACHE_CONTROL, "no-store"));
        answer.body(serde_json::to_string(&self.document()).expect("a document has a form in JSON"))
    }
}

/// A `WWW-Authenticate: Bearer` challenge (RFC 6750, section 3), its parameters separated by commas (RFC 9110).
#[derive(Debug, Clone, Copy, Default)]
pub struct Challenge {
    /// `error`: absent when no credentials were sent.
    pub error: Option<&'static str>,
    /// `error_description`: no quotes, no backslashes.
    pub description: Option<&'static str>,
    /// `scope`: what would have been needed.
    pub scope: Option<&'static str>,
}

impl fmt::Display for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(r#"Bearer realm="jeton""#)?;
        for (name, value) in [("error", self.error), ("error_description", self.description), ("scope", self.scope)] {
            if let Some(value) = value {
                write!(f, r#", {name}="{value}""#)?;
            }
        }
        Ok(())
    }
}

/// Makes the framework's own refusals (paths, queries, unknown routes) problems too. Call it for every `App`.
pub fn configure(app: &mut web::ServiceConfig) {
    app.app_data(web::PathConfig::default().error_handler(|_, _| not_found().into()))
        .app_data(web::QueryConfig::default().error_handler(|_, _| invalid_query().into()))
        .default_service(web::to(async || Err::<HttpResponse, Problem>(not_found())));
}

/// 404 `not_found`.
#[must_use]
pub fn not_found() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "not_found", "there is nothing at this path")
}

/// 400 `invalid_query`.
#[must_use]
pub fn invalid_query() -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "invalid_query", "invalid query parameters")
}

/// The largest request head (names and values of its headers, in bytes) that is accepted.
const MAX_HEAD: usize = 16 * 1024;

/// 431 `headers_too_large`.
#[must_use]
pub fn headers_too_large() -> Problem {
    Problem::new(
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        "headers_too_large",
        "the request line and headers are larger than 16 KiB",
    )
}

/// Middleware, the outermost: refuses oversized heads, and turns whatever error is not yet a problem document into one.
///
/// # Errors
/// Those of inner middleware. Errors of handlers and extractors have become answers before they come here.
pub async fn speak_problems(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let head: usize = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len()).sum::<usize>()
        + request.uri().to_string().len();
    if head > MAX_HEAD {
        return Ok(request.into_response(headers_too_large().error_response()));
    }
    // The request must not be kept: actix takes it back, and panics if it is still referenced.
    let answer = next.call(request).await?.map_into_boxed_body();
    let status = answer.status();
    // A page is for people; the framework's own refusals are plain text.
    let is_ours = |kind: &HeaderValue| kind == CONTENT_TYPE || kind.as_bytes().starts_with(b"text/html");
    let spoken = answer.headers().get(header::CONTENT_TYPE).is_some_and(is_ours);
    if spoken || !(status.is_client_error() || status.is_server_error()) {
        return Ok(answer);
    }
    let (request, plain) = answer.into_parts();
    let mut problem = of_status(status).error_response();
    for (name, value) in plain.headers() {
        if name != header::CONTENT_TYPE && name != header::CONTENT_LENGTH {
            problem.headers_mut().append(name.clone(), value.clone());
        }
    }
    Ok(ServiceResponse::new(request, problem))
}

fn of_status(status: StatusCode) -> Problem {
    let (code, detail) = match status {
        StatusCode::NOT_FOUND => return not_found(),
        StatusCode::METHOD_NOT_ALLOWED => {
            ("method_not_allowed", "this path does not take this method: see the Allow header")
        }
        StatusCode::PAYLOAD_TOO_LARGE => ("body_too_large", "the body is larger than this call takes"),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => ("unsupported_media_type", "send application/json"),
        StatusCode::REQUEST_TIMEOUT => ("request_timeout", "the request did not arrive in time"),
        status if status.is_server_error() => return Problem { status, ..Problem::internal() },
        _ => ("bad_request", "the request could not be understood"),
    };
    Problem::new(status, code, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_has_further_members_beside_the_usual_ones() {
        let problem = not_found().with_member("rp_id", "example.com").with_member("methods", vec!["totp"]);
        let document = serde_json::to_value(problem.document()).unwrap();
        let names: Vec<&str> = document.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(names, ["code", "detail", "methods", "rp_id", "status", "title", "type"]);
        assert_eq!((&document["rp_id"], &document["methods"]), (&"example.com".into(), &vec!["totp"].into()));
    }

    #[test]
    fn a_challenge_separates_its_parameters_with_commas() {
        let challenge =
            Challenge { error: Some("insufficient_scope"), scope: Some("books:write"), ..Challenge::default() };
        assert_eq!(challenge.to_string(), r#"Bearer realm="jeton", error="insufficient_scope", scope="books:write""#);
    }
}
