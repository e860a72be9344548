//! Memory for large bodies of requests and of answers, which all share. A client that sends or takes one slowly holds
//! it for as long.

use crate::problem::Problem;
use tokio::sync::{Semaphore, SemaphorePermit};

/// Bodies up to this many bytes need no room.
const SMALL: usize = 64 * 1024;

/// How much may be held beyond that: 16 MiB, an eighth of the smaller container.
const ROOM: usize = 16 * 1024;
const UNIT: usize = 1024;

static LARGE: Semaphore = Semaphore::const_new(ROOM);

/// Room for a body, until this is dropped.
pub(crate) struct Held(#[expect(dead_code, reason = "it gives the room back")] Option<SemaphorePermit<'static>>);

/// Holds room for a body of this many bytes.
///
/// # Errors
/// 503 `unavailable`, when there is no room for it.
pub(crate) fn hold(bytes: usize) -> Result<Held, Problem> {
    hold_in(&LARGE, bytes)
}

fn hold_in(room: &'static Semaphore, bytes: usize) -> Result<Held, Problem> {
    if bytes <= SMALL {
        return Ok(Held(None));
    }
    let units = u32::try_from(bytes.div_ceil(UNIT).min(ROOM)).unwrap_or(u32::MAX);
    room.try_acquire_many(units).map(|permit| Held(Some(permit))).map_err(|_| no_room())
}

fn no_room() -> Problem {
    Problem::unavailable("too many large bodies are being sent and fetched: try again")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_bodies_share_the_room_and_small_ones_need_none() {
        static SMALL_ROOM: Semaphore = Semaphore::const_new(2048);
        let held = [hold_in(&SMALL_ROOM, 1024 * 1024), hold_in(&SMALL_ROOM, 1024 * 1024)];
        assert!(held.iter().all(Result::is_ok) && hold_in(&SMALL_ROOM, SMALL + 1).is_err());
        assert!(hold_in(&SMALL_ROOM, SMALL).is_ok());
        drop(held);
        assert!(hold_in(&SMALL_ROOM, SMALL + 1).is_ok());
    }
}
