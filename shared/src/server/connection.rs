//! A client's connection, as the framework sees it: it hands out one request at a time, and gives up clients that send
//! a head too slowly or do not read the answers.

use super::{
    Timeouts,
    admission::Admitted,
    metrics::{LARGE_HEAD, SLOW_HEAD, count_ended},
    turn::Turn,
};
use actix_web::rt::net::TcpStream;
use std::{
    io::{self, ErrorKind},
    mem::MaybeUninit,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep_until},
};

/// How many bytes are handed out at once, and how many may wait for their turn.
const PIECE: usize = 8 * 1024;

/// How large a request head may become before it is given up: twice what is answered at all.
const MAX_HEAD: usize = 32 * 1024;

/// What no request head may contain: the framework refuses it, and closes.
const NO_HEAD: &[u8] = b"\n\0";

/// A connection. Dropping it frees its place.
pub(super) struct Connection {
    stream: TcpStream,
    turn: Rc<Turn>,
    held: Held,
    heads: HeadEnds,
    /// How many bytes of the current head were handed out.
    head_bytes: usize,
    /// Whether the end of a head has been handed out since reading last had to stop.
    must_stop: bool,
    /// Whether the client has closed its side.
    is_closed: bool,
    /// Whether requests are served although the client has closed its side.
    serves_half_closed: bool,
    timeouts: Timeouts,
    /// Whether the client has not read what was to be written.
    is_blocked: bool,
    /// How many requests there were when the current head began.
    requests: u64,
    head: Deadline,
    write: Deadline,
    _admitted: Admitted,
}

impl Connection {
    pub(super) fn new(stream: TcpStream, timeouts: Timeouts, serves_half_closed: bool, admitted: Admitted) -> Self {
        Self {
            stream,
            turn: Rc::default(),
            held: Held::default(),
            heads: HeadEnds::default(),
            head_bytes: 0,
            must_stop: false,
            is_closed: false,
            serves_half_closed,
            timeouts,
            is_blocked: false,
            requests: 0,
            head: Deadline::default(),
            write: Deadline::default(),
            _admitted: admitted,
        }
    }

    pub(super) fn turn(&self) -> Rc<Turn> {
        Rc::clone(&self.turn)
    }

    pub(super) fn timeouts(&self) -> Timeouts {
        self.timeouts
    }

    /// Checks whether more comes or the client has gone, while nothing may be handed out.
    fn wait(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.is_closed && self.held.len() < PIECE {
            let mut space = [MaybeUninit::uninit(); PIECE / 4];
            let room = (PIECE - self.held.len()).min(space.len());
            let mut read = ReadBuf::uninit(&mut space[..room]);
            match Pin::new(&mut self.stream).poll_read(context, &mut read)? {
                Poll::Ready(()) if read.filled().is_empty() => self.is_closed = true,
                Poll::Ready(()) => self.held.add(read.filled()),
                Poll::Pending => break,
            }
        }
        if self.is_closed && !self.serves_half_closed { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    /// Stops the framework after a head, so that it is answered before the next one is read.
    fn stop(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.must_stop = false;
        match self.wait(context) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            _ if self.held.is_empty() && self.is_closed => Poll::Ready(Ok(())),
            _ => {
                if !self.held.is_empty() {
                    context.waker().wake_by_ref();
                }
                Poll::Pending
            }
        }
    }

    /// Hands out what is there: at most one head, and at most `room` bytes.
    fn hand_out(&mut self, room: u64, context: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.head_bytes > MAX_HEAD {
            return self.refuse(out);
        }
        let most = out.remaining().min(PIECE).min(usize::try_from(room).unwrap_or(usize::MAX));
        if !self.held.is_empty() {
            let first = &self.held.bytes()[..most.min(self.held.len())];
            let end = if self.turn.may_hold_a_head() { self.heads.end_in(first) } else { first.len() };
            out.put_slice(&first[..end]);
            self.held.take(end);
            self.handed_out(end);
            return Poll::Ready(Ok(()));
        }
        if self.is_closed {
            return Poll::Ready(Ok(()));
        }
        let space = out.initialize_unfilled_to(most);
        let mut read = ReadBuf::new(space);
        std::task::ready!(Pin::new(&mut self.stream).poll_read(context, &mut read))?;
        let filled = read.filled();
        let end = if self.turn.may_hold_a_head() { self.heads.end_in(filled) } else { filled.len() };
        self.held.add(&read.filled()[end..]);
        out.advance(end);
        self.is_closed = end == 0;
        self.handed_out(end);
        Poll::Ready(Ok(()))
    }

    fn refuse(&mut self, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        count_ended(LARGE_HEAD);
        out.put_slice(NO_HEAD);
        self.held = Held::default();
        self.head_bytes = 0;
        self.is_closed = true;
        Poll::Ready(Ok(()))
    }

    fn handed_out(&mut self, bytes: usize) {
        self.must_stop = self.turn.may_hold_a_head() && self.heads.is_at_end();
        let is_within_head = self.turn.expects_head() && !self.must_stop;
        self.head_bytes = if is_within_head { self.head_bytes + bytes } else { 0 };
        let was_owed = self.turn.is_owed_a_rest();
        self.turn.handed_out(bytes);
        if was_owed && !self.turn.is_owed_a_rest() {
            self.head.end();
        } else if self.turn.is_free() && bytes > 0 {
            self.head.begin(self.timeouts.head);
        }
    }

    /// Whether a head that was begun, or the rest of a body that was answered, is not complete in time. A head that has
    /// become a request is complete.
    fn is_late(&mut self, context: &mut Context<'_>) -> bool {
        if !self.turn.is_free() || self.requests != self.turn.requests() {
            self.requests = self.turn.requests();
            self.head.end();
        }
        if self.turn.is_owed_a_rest() {
            self.head.begin(self.timeouts.head);
        }
        self.head.is_over(context)
    }
}

impl AsyncRead for Connection {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.is_late(context) {
            count_ended(SLOW_HEAD);
            // As if it had closed: the framework closes too.
            return Poll::Ready(Ok(()));
        }
        if this.must_stop {
            return this.stop(context);
        }
        let room = this.turn.room(context);
        if room == 0 || this.is_blocked { this.wait(context) } else { this.hand_out(room, context, out) }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(context, bytes);
        if written.is_ready() {
            this.write.end();
            if this.is_blocked {
                this.is_blocked = false;
                context.waker().wake_by_ref();
            }
            return written;
        }
        this.is_blocked = true;
        this.write.begin(this.timeouts.write);
        if !this.write.is_over(context) {
            return Poll::Pending;
        }
        // Otherwise the system would go on sending what it has buffered.
        let _closed_in_any_case = this.stream.set_zero_linger();
        Poll::Ready(Err(ErrorKind::TimedOut.into()))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

/// What was read and is not handed out yet.
#[derive(Debug, Default)]
struct Held {
    read: Vec<u8>,
    handed_out: usize,
}

impl Held {
    fn bytes(&self) -> &[u8] {
        &self.read[self.handed_out..]
    }

    fn len(&self) -> usize {
        self.bytes().len()
    }

    fn is_empty(&self) -> bool {
        self.bytes().is_empty()
    }

    fn add(&mut self, bytes: &[u8]) {
        self.read.drain(..self.handed_out);
        self.handed_out = 0;
        self.read.extend_from_slice(bytes);
    }

    fn take(&mut self, count: usize) {
        self.handed_out += count;
        if self.is_empty() {
            *self = Self::default();
        }
    }
}

/// Finds where request heads end: at an empty line. The parser also accepts lines that end without a carriage return.
/// In a body of unknown length, what is found may mean nothing, and does no harm.
#[derive(Debug, Default)]
struct HeadEnds(Line);

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Line {
    /// Before a head. Empty lines do not begin one (RFC 9112, section 2.2).
    #[default]
    Before,
    Within,
    /// After a line feed.
    Begun,
    /// After a line feed and a carriage return.
    Returned,
    /// After an empty line.
    Ended,
}

impl HeadEnds {
    /// The length up to the first end of a head, or of everything.
    fn end_in(&mut self, bytes: &[u8]) -> usize {
        for (index, byte) in bytes.iter().enumerate() {
            self.0 = match (byte, self.0) {
                (b'\n' | b'\r', Line::Before | Line::Ended) => Line::Before,
                (b'\n', Line::Begun | Line::Returned) => Line::Ended,
                (b'\n', _) => Line::Begun,
                (b'\r', Line::Begun) => Line::Returned,
                _ => Line::Within,
            };
            if self.is_at_end() {
                return index + 1;
            }
        }
        bytes.len()
    }

    fn is_at_end(&self) -> bool {
        self.0 == Line::Ended
    }
}

/// A time by which something has to be done. It moves at each request; the alarm rings at the one it was set to first, and is then
/// set again.
#[derive(Default)]
struct Deadline {
    at: Option<Instant>,
    alarm: Option<Pin<Box<Sleep>>>,
}

impl Deadline {
    fn begin(&mut self, timeout: Duration) {
        self.at.get_or_insert_with(|| Instant::now() + timeout);
    }

    fn end(&mut self) {
        self.at = None;
    }

    /// Whether it is over. If not, the task is woken when it is.
    fn is_over(&mut self, context: &mut Context<'_>) -> bool {
        let Some(at) = self.at else { return false };
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep_until(at)));
        while alarm.as_mut().poll(context).is_ready() {
            if Instant::now() >= at {
                return true;
            }
            alarm.as_mut().reset(at);
        }
        false
    }
}

#[cfg(test)]
mod tests;
