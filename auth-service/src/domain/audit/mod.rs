//! The audit log: what happened, to whom, by whom and from where. Each event is a line of the log and a row in SQL.

mod action;
mod event;
mod log;

pub use self::{
    action::{Action, UnknownAction},
    event::Event,
    log::{AuditLog, AuditQuery},
};

use super::{Unavailable, paging::page};
use shared::{
    clock::{Clock, Timestamp},
    ids::{EventId, UserId},
};
use std::sync::Arc;
use tokio::task::JoinHandle;
use tracing::Instrument as _;

/// How many incidents a user is shown.
const INCIDENTS: u32 = 20;

const IN_THIS_LOG_ONLY: &str = "an audit event is in this log only: its row could not be written";

/// Writes what happens, and shows it.
pub struct Audit {
    log: Arc<dyn AuditLog>,
    clock: Arc<dyn Clock>,
}

impl Audit {
    /// Of a table of events.
    #[must_use]
    pub fn new(log: Arc<dyn AuditLog>, clock: Arc<dyn Clock>) -> Self {
        Self { log, clock }
    }

    /// An event of this moment.
    #[must_use]
    pub fn event(&self, action: Action) -> Event {
        Event::new(action, self.clock.now())
    }

    /// Writes an event whatever becomes of the request: first the row, then the line in the log. If the row fails, a line
    /// says so.
    pub async fn record(&self, event: Event) {
        drop(self.write(event).await);
    }

    /// As [`Audit::record`], for an event that may be recorded again: only the first time counts.
    pub async fn record_once(&self, event: Event) {
        match self.log.append_once(&event).await {
            Ok(true) => event.log(),
            Ok(false) => {}
            Err(error) => {
                event.log();
                tracing::error!(%error, id = %event.id, "{}", IN_THIS_LOG_ONLY);
            }
        }
    }

    /// As [`Audit::record`], without waiting for the row: nobody may measure whether there was one to write.
    pub fn record_in_background(&self, event: Event) {
        drop(self.write(event));
    }

    /// Writes the line of an event whose row is written already, or that gets none because anyone could fill the table
    /// with it.
    pub fn log(&self, event: &Event) {
        event.log();
    }

    /// A page of events, and where the next one begins, if there is one.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn events(&self, query: AuditQuery) -> Result<(Vec<Event>, Option<EventId>), Unavailable> {
        let limit = query.limit;
        let events = self.log.events(&AuditQuery { limit: limit + 1, ..query }).await?;
        Ok(page(events, limit, |event| event.id))
    }

    /// The latest thefts of a user's refresh tokens, and what may be one, the newest first.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn incidents(&self, sub: UserId) -> Result<Vec<Event>, Unavailable> {
        self.log.incidents(sub, INCIDENTS).await
    }

    /// Removes, in a bounded batch, what happened before a moment; answers how much.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn forget(&self, before: Timestamp, at_most: u32) -> Result<u64, Unavailable> {
        self.log.forget_events(before, at_most).await
    }

    fn write(&self, event: Event) -> JoinHandle<()> {
        let log = Arc::clone(&self.log);
        let writing = async move {
            if let Err(error) = log.append(&event).await {
                tracing::error!(%error, id = %event.id, "{}", IN_THIS_LOG_ONLY);
            }
            event.log();
        };
        tokio::spawn(writing.in_current_span())
    }
}
