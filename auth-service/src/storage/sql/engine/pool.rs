//! The idle connections of one kind, and the callers that wait for one.
//!
//! The pool opens connections, not the caller that needs one: while a server hangs, callers give up one after the
//! other, and an attempt that ended with its caller would never succeed.

use super::backend::Purpose;
use sqlx::{AnyConnection, ConnectOptions as _, Connection as _, any::AnyConnectOptions, raw_sql};
use std::{
    collections::VecDeque,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::{
    sync::{Semaphore, oneshot},
    time::{sleep, timeout},
};

/// A connection that was idle for this long is pinged before use, and has [`PING`] to answer.
const STALE: Duration = Duration::from_millis(500);
const PING: Duration = Duration::from_millis(250);

/// How many connections a pool opens at the same time; each of actix's workers has a pool. Opening one costs the server
/// a process and a password's hash, and a statement next to nothing: in a burst, most callers are better off with a
/// connection that another one gives back.
const OPENING: usize = 2;

/// Delay before SQLite is asked again while another process writes. SQLite's own waiting backs off to 100 ms, and a
/// busy neighbour starves it.
pub(in crate::storage) const BUSY: Duration = Duration::from_millis(2);

/// Opens no connection before one is needed.
pub(in crate::storage) struct Pool {
    options: AnyConnectOptions,
    purpose: Purpose,
    opening: Arc<Semaphore>,
    /// How long opening one may take.
    patience: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The most recently used one is the last.
    idle: Vec<Idle>,
    /// The caller that has waited longest is the first. Empty while there are idle connections.
    waiting: VecDeque<oneshot::Sender<sqlx::Result<AnyConnection>>>,
}

struct Idle {
    connection: AnyConnection,
    since: Instant,
}

impl Pool {
    pub(in crate::storage) fn new(options: AnyConnectOptions, purpose: Purpose, patience: Duration) -> Arc<Self> {
        let opening = Arc::new(Semaphore::new(OPENING));
        Arc::new(Self { options, purpose, opening, patience, state: Mutex::default() })
    }

    /// What its connections are for.
    pub(in crate::storage) fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// A connection that is idle, given back or new, whichever comes first. Others cannot use it until it is given
    /// back.
    pub(in crate::storage) async fn take(self: &Arc<Self>) -> sqlx::Result<AnyConnection> {
        loop {
            match self.idle_or_place() {
                Ok(Idle { mut connection, since }) => {
                    if since.elapsed() < STALE || matches!(timeout(PING, connection.ping()).await, Ok(Ok(()))) {
                        return Ok(connection);
                    }
                    self.close_idle();
                }
                Err(place) => {
                    self.open_for_those_who_wait();
                    return place.await.unwrap_or_else(|_| Err(sqlx::Error::PoolClosed));
                }
            }
        }
    }

    /// Gives a connection to the caller that has waited longest, or keeps it for the next one.
    pub(in crate::storage) fn give_back(&self, connection: AnyConnection) {
        self.hand_over(Ok(connection));
    }

    /// Only the caller that has waited longest gets a failure: the others may still get a connection that is given
    /// back.
    fn hand_over(&self, mut opened: sqlx::Result<AnyConnection>) {
        let mut state = self.state();
        while let Some(place) = state.waiting.pop_front() {
            match place.send(opened) {
                Ok(()) => return,
                Err(not_wanted_any_more) => opened = not_wanted_any_more,
            }
        }
        state.idle.extend(opened.map(|connection| Idle { connection, since: Instant::now() }));
    }

    /// Closes all idle connections.
    pub(in crate::storage) fn close_idle(&self) {
        self.state().idle.clear();
    }

    /// An idle connection, or else a place in the queue.
    fn idle_or_place(&self) -> Result<Idle, oneshot::Receiver<sqlx::Result<AnyConnection>>> {
        let mut state = self.state();
        state.idle.pop().ok_or_else(|| {
            let (giver, place) = oneshot::channel();
            state.waiting.push_back(giver);
            place
        })
    }

    /// Opens connections until enough are on their way, or as many as may be opened at the same time. The number of
    /// attempts is bounded because a runtime that shuts down drops new tasks at once, so that there may never be
    /// enough.
    fn open_for_those_who_wait(self: &Arc<Self>) {
        for _ in 0..OPENING {
            if self.on_their_way() >= self.waiting() {
                return;
            }
            let Ok(permit) = Arc::clone(&self.opening).try_acquire_owned() else { return };
            let pool = Arc::clone(self);
            tokio::spawn(async move {
                let opened = timeout(pool.patience, open(&pool.options, pool.purpose)).await;
                pool.hand_over(opened.unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into())));
                drop(permit);
                pool.open_for_those_who_wait();
            });
        }
    }

    fn on_their_way(&self) -> usize {
        OPENING - self.opening.available_permits()
    }

    fn waiting(&self) -> usize {
        let mut state = self.state();
        state.waiting.retain(|place| !place.is_closed());
        state.waiting.len()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A new connection, ready for use. SQLite is also busy for a moment when another process closes its last connection.
pub(in crate::storage) async fn open(options: &AnyConnectOptions, purpose: Purpose) -> sqlx::Result<AnyConnection> {
    loop {
        match open_at_once(options, purpose).await {
            Err(error) if is_busy(&error) => sleep(BUSY).await,
            outcome => return outcome,
        }
    }
}

async fn open_at_once(options: &AnyConnectOptions, purpose: Purpose) -> sqlx::Result<AnyConnection> {
    let mut connection = options.connect().await?;
    raw_sql(purpose.setup()).execute(&mut connection).await?;
    Ok(connection)
}

/// Whether nothing was done because another process writes to the SQLite file.
pub(in crate::storage) fn is_busy(error: &sqlx::Error) -> bool {
    const SQLITE_BUSY: [&str; 4] = ["5", "261", "517", "773"];
    error.as_database_error().and_then(|error| error.code()).is_some_and(|code| SQLITE_BUSY.contains(&code.as_ref()))
}
