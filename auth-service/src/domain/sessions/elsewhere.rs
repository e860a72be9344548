//! Audit events of unusual refreshes. A thief who copies a token and keeps to the rules of [`super::rules`] leaves
//! these traces.

use super::{Sessions, record::SessionRecord, refresh::How, theft::last_refresh};
use crate::domain::{
    Client,
    audit::{Action, Event},
    client::network,
};
use aws_lc_rs::digest::{SHA256, digest};
use shared::ids::EventId;

impl Sessions {
    /// Records late retries, adoptions, and any repeated refresh from elsewhere. If the store had lost the session,
    /// there is no last refresh to compare with.
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
            // A replay does not change the record: of all replays within a window, one is recorded.
            How::Replayed => self.audit.record_once(Event { id: of_this_window(session), ..event }).await,
            _ => self.audit.record(event).await,
        }
    }
}

/// How a client differs from the one of the session's last refresh.
fn differences(before: &SessionRecord, client: &Client) -> Vec<&'static str> {
    let is_elsewhere = network(before.ip) != network(client.address);
    let is_other_program = before.user_agent != client.user_agent;
    [(is_elsewhere, "network"), (is_other_program, "user_agent")]
        .into_iter()
        .filter_map(|(differs, name)| differs.then_some(name))
        .collect()
}

/// The event id of a session's replay window: the session's tokens are numbered, and each is replayed for one window.
fn of_this_window(session: &SessionRecord) -> EventId {
    let name = [&session.sid.to_bytes()[..], &session.lineage.generation.to_be_bytes()].concat();
    let digest = digest(&SHA256, &name);
    let mut short = [0; 10];
    short.iter_mut().zip(digest.as_ref()).for_each(|(to, from)| *to = *from);
    EventId::of(session.last_used, short)
}
