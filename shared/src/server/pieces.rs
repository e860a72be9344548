//! Bodies of answers in pieces: the framework copies each piece into the connection's own memory.

use crate::memory::{self, Held};
use actix_http::{
    Response,
    body::{BodySize, BoxBody, MessageBody},
};
use actix_web::{ResponseError as _, web::Bytes};
use std::{
    error::Error,
    pin::Pin,
    task::{Context, Poll, ready},
};

/// How large a piece may be.
const PIECE: usize = 8 * 1024;

/// A body in pieces, which share its memory.
pub(super) struct InPieces {
    body: BoxBody,
    rest: Bytes,
    _held: Option<Held>,
}

/// Marks an answer, in its extensions, whose body is in memory once for all requests.
pub struct IsShared;

/// The answer with its body in pieces, or a refusal if there is no memory left for one this large.
pub(super) fn in_pieces(answer: Response<impl MessageBody + 'static>) -> Response<InPieces> {
    let length = match answer.body().size() {
        BodySize::Sized(length) if !answer.extensions().contains::<IsShared>() => length,
        _ => 0,
    };
    match memory::hold(usize::try_from(length).unwrap_or(usize::MAX)) {
        Ok(held) => answer.map_body(|_, body| InPieces::of(body, Some(held))),
        Err(problem) => Response::from(problem.error_response()).map_body(|_, body| InPieces::of(body, None)),
    }
}

impl InPieces {
    fn of(body: impl MessageBody + 'static, held: Option<Held>) -> Self {
        Self { body: BoxBody::new(body), rest: Bytes::new(), _held: held }
    }
}

impl MessageBody for InPieces {
    type Error = Box<dyn Error>;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        if self.rest.is_empty() {
            match ready!(Pin::new(&mut self.body).poll_next(context)) {
                Some(Ok(bytes)) => self.rest = bytes,
                ended => return Poll::Ready(ended),
            }
        }
        let piece = self.rest.len().min(PIECE);
        Poll::Ready(Some(Ok(self.rest.split_to(piece))))
    }
}
