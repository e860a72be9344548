//! What is recorded of refreshes that are not a session's ordinary next one. A thief who copies a token and keeps to the rules
//! of [`super::rules`] leaves these traces.

use super::{Sessions, record::SessionRecord, refresh::How, theft::last_refresh};
use crate::domain::{
    Client,
    audit::{Action, Event},
    client::network,
};
use aws_lc_rs::digest::{SHA256, digest};
use shared::ids::EventId;

impl Sessions {
    /// Records a retry and an adoption; and whatever is asked for again from elsewhere. Where the store had lost the session,
    /// there is nothing to compare with.
    pub(super) async fn record_refresh(
        &self,
        session: &SessionRecord,
        before: Option<&SessionRecord>,
        how: How,
        client: &Client,
    ) {
        let differs = before.map(|before| differences(before, client)).unwrap_or_default();
        let action = match how {
            How::Rotated => return,
            How::Replayed if differs.is_empty() => return,
            How::Retried if differs.is_empty() => Action::RefreshRetry,
            How::Adopted if differs.is_empty() => Action::RefreshAdopt,
            How::Replayed | How::Retried | How::Adopted => Action::RefreshElsewhere,
        };
        let mut event = self
            .audit
            .event(action)
            .to(session.sub)
            .about(session.sid)
            .from(client)
            .with("generation", session.lineage.generation);
        if let Some(before) = before.filter(|_| !differs.is_empty()) {
            event = event.with("how", how.name()).with("differs", differs).with("last_refresh", last_refresh(before));
        }
        match how {
            // A replay writes nothing to the record: however many come within a window, one is recorded.
            How::Replayed => self.audit.record_once(Event { id: of_this_window(session), ..event }).await,
            _ => self.audit.record(event).await,
        }
    }
}

/// In what a client differs from the one that refreshed the session last.
fn differences(before: &SessionRecord, client: &Client) -> Vec<&'static str> {
    let is_elsewhere = network(before.ip) != network(client.address);
    let is_other_program = before.user_agent != client.user_agent;
    [(is_elsewhere, "network"), (is_other_program, "user_agent")]
        .into_iter()
        .filter_map(|(differs, name)| differs.then_some(name))
        .collect()
}

/// A session's tokens have numbers, and each is replayed for one window.
fn of_this_window(session: &SessionRecord) -> EventId {
    let name = [&session.sid.to_bytes()[..], &session.lineage.generation.to_be_bytes()].concat();
    let digest = digest(&SHA256, &name);
    let mut short = [0; 10];
    short.iter_mut().zip(digest.as_ref()).for_each(|(to, from)| *to = *from);
    EventId::of(session.last_used, short)
}
