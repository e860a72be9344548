//! CORS: which pages a browser lets call and read. An origin is trusted as a whole: its pages may send any header,
//! since they could do as much with those that the API knows; so tracing tools that add theirs break nothing. A page
//! that may not call gets the reason in words, and so does the operator.

use crate::{
    problem::Problem,
    seldom::{Seldom, printable},
};
use actix_web::{
    Error, HttpResponse, ResponseError as _,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        Method,
        header::{self, HeaderMap, HeaderName, HeaderValue},
    },
    middleware::Next,
    web::Data,
};

/// How long a browser may remember a preflight, in seconds.
const MAX_AGE: &str = "600";
/// The longest list of requested headers that is allowed.
const MAX_LIST: usize = 2048;

const ASKS_FOR_PRIVATE_NETWORK: HeaderName = HeaderName::from_static("access-control-request-private-network");
const PRIVATE_NETWORK: HeaderName = HeaderName::from_static("access-control-allow-private-network");

static REPORTED: Seldom = Seldom::new();

/// Who may read the answers of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Public: any page may read it, without credentials.
    Everybody,
    /// Pages of allowed origins.
    AllowedOrigins,
    /// Programs, not pages: answers say nothing about CORS.
    Programs,
}

/// Which pages may call, and what they may read. An app registers it as `web::Data<Policy>`.
pub struct Policy {
    /// The allowed origins, as browsers write them.
    pub origins: Vec<String>,
    /// Whether cookies may come along.
    pub with_credentials: bool,
    /// The methods of the API.
    pub methods: &'static str,
    /// The headers that pages may read beyond those that they always may.
    pub exposed_headers: &'static str,
    /// Who may read the answers of a path.
    pub audience: fn(&str) -> Audience,
    /// The answer to a page of another origin.
    pub refusal: fn(&[u8]) -> Problem,
}

/// Logs, once an hour for each origin, that a page was refused and which setting would allow it.
pub fn warn(origin: &[u8], setting: &str) {
    let origin = printable(origin);
    if REPORTED.is_due(&origin) {
        tracing::warn!(origin, "a page of another origin was refused: if it is yours, add its origin to {setting}");
    }
}

/// Middleware: answers preflights, and marks on each answer which page may read it.
///
/// # Errors
/// Those of inner middleware. Errors of handlers and extractors have become answers before they come here.
pub async fn answered(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let policy = Data::clone(request.app_data::<Data<Policy>>().expect("app.rs registers the policy"));
    let audience = (policy.audience)(request.path());
    let origin = request.headers().get(header::ORIGIN).cloned();
    if let Some(origin) = origin.as_ref().filter(|_| is_preflight(&request) && audience != Audience::Programs) {
        let answer = policy.preflight(origin, audience, request.headers());
        return Ok(request.into_response(answer));
    }
    let mut answer = next.call(request).await?.map_into_boxed_body();
    policy.mark(origin.as_ref(), audience, answer.headers_mut());
    Ok(answer)
}

fn is_preflight(request: &ServiceRequest) -> bool {
    request.method() == Method::OPTIONS && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

impl Policy {
    fn allows(&self, origin: &HeaderValue) -> bool {
        self.origins.iter().any(|allowed| allowed.as_bytes() == origin.as_bytes())
    }

    fn preflight(&self, origin: &HeaderValue, audience: Audience, asked: &HeaderMap) -> HttpResponse {
        let is_public = audience == Audience::Everybody;
        if !is_public && !self.allows(origin) {
            let mut answer = (self.refusal)(origin.as_bytes()).error_response();
            answer.headers_mut().append(header::VARY, HeaderValue::from_static("Origin"));
            return answer;
        }
        let mut answer = HttpResponse::NoContent();
        let methods = if is_public { "GET, HEAD" } else { self.methods };
        answer.insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, methods));
        if let Some(headers) = asked.get(header::ACCESS_CONTROL_REQUEST_HEADERS).filter(|headers| is_list(headers)) {
            answer.insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, headers.clone()));
        }
        if asked.contains_key(ASKS_FOR_PRIVATE_NETWORK) {
            answer.insert_header((PRIVATE_NETWORK, "true"));
        }
        answer.insert_header((header::ACCESS_CONTROL_MAX_AGE, MAX_AGE));
        let mut answer = answer.finish();
        self.mark(Some(origin), audience, answer.headers_mut());
        answer
    }

    /// Marks which page may read the answer.
    fn mark(&self, origin: Option<&HeaderValue>, audience: Audience, headers: &mut HeaderMap) {
        match audience {
            Audience::Everybody => {
                headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
            }
            Audience::AllowedOrigins => {
                // Caches must keep the answer for this origin only.
                headers.append(header::VARY, HeaderValue::from_static("Origin"));
                if let Some(origin) = origin.filter(|origin| self.allows(origin)) {
                    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
                    let exposed = HeaderValue::from_static(self.exposed_headers);
                    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
                    if self.with_credentials {
                        let yes = HeaderValue::from_static("true");
                        headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, yes);
                    }
                }
            }
            Audience::Programs => {}
        }
    }
}

/// Names of headers, and not absurdly many.
fn is_list(headers: &HeaderValue) -> bool {
    let is_of_a_list = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~, \t".contains(byte);
    headers.len() <= MAX_LIST && headers.as_bytes().iter().all(is_of_a_list)
}
