//! Bodies of JSON, and forms, read only when the handler asks for them: the caller and its rights are checked before.

use crate::{memory, openapi::Refuses, problem::Problem, server::Timeouts};
use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    http::{StatusCode, header},
    web::{Bytes, BytesMut, Query},
};
use futures_util::StreamExt as _;
use serde::de::{DeserializeOwned, IgnoredAny};
use std::{
    future::{Ready, ready},
    marker::PhantomData,
};
use tokio::time::{Instant, timeout_at};

/// How many bytes a body may have without a [`Limit`]: 16 KiB.
pub const DEFAULT_LIMIT: usize = 16 * 1024;

/// Registered as `app_data` on a route, it changes how many bytes the body may have.
#[derive(Debug, Clone, Copy)]
pub struct Limit(pub usize);

/// A JSON body that has not been read yet. Taking it as an argument costs nothing and refuses nothing.
pub struct Body<T> {
    request: HttpRequest,
    payload: Payload,
    value: PhantomData<T>,
}

impl<T> FromRequest for Body<T> {
    type Error = actix_web::Error;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        ready(Ok(Self { request: request.clone(), payload: payload.take(), value: PhantomData }))
    }
}

/// A form (`application/x-www-form-urlencoded`) that has not been read yet.
pub struct Form<T>(Body<T>);

impl<T> FromRequest for Form<T> {
    type Error = actix_web::Error;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        ready(Ok(Self(Body { request: request.clone(), payload: payload.take(), value: PhantomData })))
    }
}

impl<T: DeserializeOwned> Form<T> {
    /// Reads and parses the form.
    ///
    /// # Errors
    /// 415 for another content type, 413 for too many bytes, 422 for what is no such form. None of them repeats what was
    /// sent.
    pub async fn read(mut self) -> Result<T, Problem> {
        let (bytes, _held) = self.0.bytes().await?;
        if !is_of_kind(&self.0.request, "application/x-www-form-urlencoded") {
            return Err(not_a_form());
        }
        let text = std::str::from_utf8(&bytes).map_err(|_| bad_form())?;
        Query::from_query(text).map(Query::into_inner).map_err(|_| bad_form())
    }
}

impl<T: DeserializeOwned> Body<T> {
    /// Reads and parses the body.
    ///
    /// # Errors
    /// 415 for another content type than JSON, 413 for too many bytes, 400 for what is not JSON, 422 for JSON of
    /// another shape. None of them repeats what was sent.
    pub async fn read(self) -> Result<T, Problem> {
        self.read_optional().await?.ok_or_else(|| {
            Problem::new(StatusCode::BAD_REQUEST, "invalid_json", "the body is empty: this call takes a JSON object")
        })
    }

    /// As [`Body::read`], but a body of no bytes is `None`, whatever its content type.
    ///
    /// # Errors
    /// As [`Body::read`].
    pub async fn read_optional(mut self) -> Result<Option<T>, Problem> {
        let (bytes, _held) = self.bytes().await?;
        if bytes.is_empty() {
            return Ok(None);
        }
        if !is_of_kind(&self.request, "application/json") {
            return Err(not_json());
        }
        serde_json::from_slice(&bytes).map(Some).map_err(|error| refusal(&error, &bytes))
    }
}

impl<T> Body<T> {
    /// All bytes, and the room for them, which is held until both are dropped.
    async fn bytes(&mut self) -> Result<(Bytes, memory::Held), Problem> {
        let limit = self.request.app_data::<Limit>().map_or(DEFAULT_LIMIT, |limit| limit.0);
        let announced = self.request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
        let announced = announced.and_then(|length| length.parse::<usize>().ok());
        if announced.is_some_and(|length| length > limit) {
            return Err(too_large(limit));
        }
        let held = memory::hold(announced.unwrap_or(limit))?;
        Ok((self.collect(limit, announced).await?, held))
    }

    /// Reads as many bytes as were announced: a request that also asks for an upgrade has no other end.
    async fn collect(&mut self, limit: usize, announced: Option<usize>) -> Result<Bytes, Problem> {
        let mut bytes = BytesMut::new();
        let deadline = Instant::now() + self.request.conn_data().copied().unwrap_or_else(Timeouts::default).body;
        while announced.is_none_or(|length| bytes.len() < length) {
            let Some(chunk) = timeout_at(deadline, self.payload.next()).await.map_err(|_| too_slow())? else { break };
            let chunk = chunk.map_err(|_| incomplete())?;
            if bytes.len() + chunk.len() > limit {
                return Err(too_large(limit));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes.freeze())
    }
}

fn is_of_kind(request: &HttpRequest, wanted: &str) -> bool {
    let Some(kind) = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()) else {
        return false;
    };
    let essence = kind.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case(wanted)
}

/// Documents the refusals of a body of at most this many bytes.
pub struct OfAtMost<const BYTES: usize>;

/// Documents the refusals of a body of at most [`DEFAULT_LIMIT`] bytes.
pub type BodyOfUsualSize = OfAtMost<DEFAULT_LIMIT>;

impl<const BYTES: usize> Refuses for OfAtMost<BYTES> {
    fn problems() -> Vec<Problem> {
        let syntax = serde_json::from_slice::<IgnoredAny>(b"{");
        let shape = serde_json::from_slice::<()>(b"{}");
        let mut problems = vec![incomplete(), too_slow(), too_large(BYTES), not_json()];
        problems.extend(syntax.map(drop).err().map(|error| refusal(&error, b"{")));
        problems.extend(shape.err().map(|error| refusal(&error, b"{}")));
        problems
    }
}

/// Documents the refusals of a form of at most [`DEFAULT_LIMIT`] bytes.
pub struct FormOfUsualSize;

impl Refuses for FormOfUsualSize {
    fn problems() -> Vec<Problem> {
        vec![incomplete(), too_slow(), too_large(DEFAULT_LIMIT), not_a_form(), bad_form()]
    }
}

fn not_a_form() -> Problem {
    let detail = "send a form, as Content-Type: application/x-www-form-urlencoded";
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail)
}

fn bad_form() -> Problem {
    let detail = "the form does not match the schema (duplicate field or wrong type), or is not UTF-8";
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_body", detail)
}

fn not_json() -> Problem {
    Problem::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "unsupported_media_type",
        "send the body as Content-Type: application/json",
    )
}

fn incomplete() -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "bad_request", "the request body is incomplete")
}

fn too_large(limit: usize) -> Problem {
    Problem::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "body_too_large",
        format!("the body is larger than the {limit} bytes that this call takes"),
    )
}

fn too_slow() -> Problem {
    Problem::new(StatusCode::REQUEST_TIMEOUT, "request_timeout", "the body did not arrive in time")
}

/// serde's message can repeat what was sent, even a password: only the place is passed on.
fn refusal(error: &serde_json::Error, bytes: &[u8]) -> Problem {
    let place = format!("line {}, column {}", error.line(), error.column());
    // serde reports a number in place of an enum's name as a mistake of syntax.
    if error.is_data() || reads_as_json(bytes) {
        let detail = format!(
            "the body does not match the schema (unknown, missing or duplicate field, or wrong type) at {place}"
        );
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_body", detail)
    } else {
        Problem::new(StatusCode::BAD_REQUEST, "invalid_json", format!("the body is not JSON, at {place}"))
    }
}

/// RFC 8259, section 8.1: JSON is UTF-8. serde does not check texts that it ignores.
fn reads_as_json(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| serde_json::from_str::<IgnoredAny>(text).is_ok())
}
