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

/// The most incidents that a user is shown.
const MAX_INCIDENTS: u32 = 20;

/// The most events that a user is given of what happened to them.
const MAX_OWN_EVENTS: u32 = 1000;

const ROW_FAILED: &str = "failed to write the row of an audit event: its line in this log is the only record";

/// Records events, and lists them.
pub struct Audit {
    log: Arc<dyn AuditLog>,
    clock: Arc<dyn Clock>,
}

impl Audit {
    /// Records to this table.
    #[must_use]
    pub fn new(log: Arc<dyn AuditLog>, clock: Arc<dyn Clock>) -> Self {
        Self { log, clock }
    }

    /// A successful event at the current time.
    #[must_use]
    pub fn event(&self, action: Action) -> Event {
        Event::new(action, self.clock.now())
    }

    /// Records an event even if the request is given up: first the row, then the line in the log. If the row cannot be
    /// written, an error in the log reports it.
    pub async fn record(&self, event: Event) {
        drop(self.write(event).await);
    }

    /// As [`Audit::record`], for an event that may be recorded again: only the first one is kept.
    pub async fn record_once(&self, event: Event) {
        match self.log.append_once(&event).await {
            Ok(true) => event.log(),
            Ok(false) => {}
            Err(error) => {
                event.log();
                tracing::error!(%error, id = %event.id, "{}", ROW_FAILED);
            }
        }
    }

    /// As [`Audit::record`], without waiting for the row, so that response times do not reveal whether there was one to
    /// write.
    pub fn record_in_background(&self, event: Event) {
        drop(self.write(event));
    }

    /// Writes only the line in the log: for an event whose row is already written, or that gets no row because
    /// strangers could fill the table with it.
    pub fn log(&self, event: &Event) {
        event.log();
    }

    /// A page of events, and the id after which the next page begins, if there is one.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn events(&self, query: AuditQuery) -> Result<(Vec<Event>, Option<EventId>), Unavailable> {
        let limit = query.limit;
        let events = self.log.events(&AuditQuery { limit: limit + 1, ..query }).await?;
        Ok(page(events, limit, |event| event.id))
    }

    /// A user's latest thefts and possible thefts of refresh tokens, the newest first.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn incidents(&self, sub: UserId) -> Result<Vec<Event>, Unavailable> {
        self.log.incidents(sub, MAX_INCIDENTS).await
    }

    /// What happened to a user, the newest first, and whether there is more than is returned. Who else did it, and from
    /// where, is somebody else's data, and left out.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn of_user(&self, sub: UserId) -> Result<(Vec<Event>, bool), Unavailable> {
        let query = AuditQuery { sub: Some(sub), limit: MAX_OWN_EVENTS, ..AuditQuery::default() };
        let (mut events, next) = self.events(query).await?;
        for event in events.iter_mut().filter(|event| event.actor.is_some_and(|actor| actor != sub)) {
            (event.actor, event.ip, event.user_agent) = (None, None, None);
        }
        Ok((events, next.is_some()))
    }

    /// Deletes a bounded batch of events from before a time; returns how many.
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
                tracing::error!(%error, id = %event.id, "{}", ROW_FAILED);
            }
            event.log();
        };
        tokio::spawn(writing.in_current_span())
    }
}
