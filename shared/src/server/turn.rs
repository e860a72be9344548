//! Whose turn it is on a connection: the client's, to send a request, or the service's, to answer it. The framework
//! would buffer thousands of small requests at once, at 150 times their size on the wire, before it answers the first.

use actix_http::{BoxedPayloadStream, HttpMessage as _, Payload, Request, error::PayloadError};
use actix_web::{http::header, web::Bytes};
use futures_util::Stream;
use std::{
    cell::{Cell, RefCell},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

/// A body of at most this many bytes is taken in whether it is read or not: a client that is still sending it can then
/// read the answer.
const SMALL: u64 = 16 * 1024;

/// Whose turn it is. A connection and the request on it share it; both live on one thread.
#[derive(Debug, Default)]
pub(super) struct Turn {
    state: Cell<State>,
    /// How many requests there have been.
    requests: Cell<u64>,
    /// Whether the body of the latest was read to its end.
    is_read: Cell<bool>,
    /// Whether it is unknown where the body of the latest ends.
    has_lost_the_end: Cell<bool>,
    /// The connection, which waits for its turn.
    waiting: RefCell<Option<Waker>>,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// The client may send a request, when it has sent what was left of the one before.
    Free { left: u64 },
    /// A request is being answered.
    Taken {
        /// How many bytes of its body are still to come; [`u64::MAX`] if that is unknown.
        left: u64,
        /// Whether they are taken in now.
        is_wanted: bool,
    },
}

impl Default for State {
    fn default() -> Self {
        Self::Free { left: 0 }
    }
}

impl Turn {
    /// How many requests have begun.
    pub(super) fn requests(&self) -> u64 {
        self.requests.get()
    }

    /// Whether no request is being answered.
    pub(super) fn is_free(&self) -> bool {
        matches!(self.state.get(), State::Free { .. })
    }

    /// Whether what comes next belongs to a request head.
    pub(super) fn expects_head(&self) -> bool {
        matches!(self.state.get(), State::Free { left: 0 }) && !self.has_lost_the_end.get()
    }

    /// Whether a head may be in what comes next: also after a body of unknown length.
    pub(super) fn may_hold_a_head(&self) -> bool {
        self.expects_head() || matches!(self.state.get(), State::Taken { left: u64::MAX, .. })
    }

    /// Whether a request was answered before its body had come to its end: the rest is not waited for as long as a
    /// body.
    pub(super) fn is_owed_a_rest(&self) -> bool {
        self.has_lost_the_end.get() || matches!(self.state.get(), State::Free { left } if left > 0)
    }

    /// How many bytes may be handed out now. After a zero, the task is woken when that has changed.
    pub(super) fn room(&self, context: &Context<'_>) -> u64 {
        match self.state.get() {
            State::Free { left: 0 } => u64::MAX,
            // The rest of a body, and no head after it: heads are looked for in what is handed out.
            State::Free { left } => left,
            State::Taken { left, is_wanted: true } if left > 0 => left,
            State::Taken { .. } => {
                self.waiting.replace(Some(context.waker().clone()));
                0
            }
        }
    }

    /// Records that this many bytes were handed out.
    pub(super) fn handed_out(&self, bytes: usize) {
        let less = |left: u64| if left == u64::MAX { left } else { left.saturating_sub(bytes as u64) };
        self.state.set(match self.state.get() {
            State::Free { left } => State::Free { left: less(left) },
            State::Taken { left, is_wanted } => State::Taken { left: less(left), is_wanted },
        });
    }

    /// From now on until the end of what is returned, `request` is being answered.
    pub(super) fn take(self: &Rc<Self>, request: &mut Request) -> Taken {
        self.requests.set(self.requests.get() + 1);
        self.is_read.set(false);
        self.has_lost_the_end.set(false);
        let payload = request.take_payload();
        let left = if matches!(payload, Payload::None) { 0 } else { announced(request) };
        self.state.set(State::Taken { left, is_wanted: left <= SMALL });
        if left > 0 {
            let body: BoxedPayloadStream = Box::pin(Body { payload, turn: Rc::clone(self), is_small: left <= SMALL });
            *request.payload() = Payload::Stream { payload: body };
        }
        Taken(Rc::clone(self))
    }

    fn want(&self, wants: bool) {
        if let State::Taken { left, is_wanted } = self.state.get() {
            self.state.set(State::Taken { left, is_wanted: wants });
            if wants && !is_wanted {
                self.wake();
            }
        }
    }

    fn wake(&self) {
        if let Some(waiting) = self.waiting.take() {
            waiting.wake();
        }
    }
}

/// A request that is being answered.
pub(super) struct Taken(Rc<Turn>);

impl Taken {
    /// Whether its body has an unknown length and was not read to its end: the next request could not be found.
    pub(super) fn leaves_no_end(&self) -> bool {
        matches!(self.0.state.get(), State::Taken { left: u64::MAX, .. }) && !self.0.is_read.get()
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.0.has_lost_the_end.set(self.leaves_no_end());
        if let State::Taken { left, .. } = self.0.state.get() {
            let left = if left == u64::MAX { 0 } else { left };
            self.0.state.set(State::Free { left });
        }
        self.0.wake();
    }
}

fn announced(request: &Request) -> u64 {
    let length = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    length.and_then(|length| length.trim().parse().ok()).unwrap_or(u64::MAX)
}

/// A body that is taken in as it is read, unless it is small.
struct Body {
    payload: Payload<BoxedPayloadStream>,
    turn: Rc<Turn>,
    is_small: bool,
}

impl Stream for Body {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let polled = Pin::new(&mut self.payload).poll_next(context);
        self.turn.want(self.is_small || polled.is_pending());
        if matches!(polled, Poll::Ready(None)) {
            self.turn.is_read.set(true);
        }
        polled
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        self.turn.want(self.is_small);
    }
}
