//! What happens when a client asks for too much: the request is refused, counted, and once in a while reported.

use super::limits::{Exceeded, Limit, Limits};
use crate::{
    domain::{
        Client,
        audit::{Action, Audit},
        client::host,
    },
    metrics::LIMITED,
};
use shared::ids::UserId;
use std::{sync::Arc, time::Instant};

/// Limits that are enforced, and reported in the audit log.
pub struct Limiter {
    limits: Limits,
    audit: Arc<Audit>,
}

impl Limiter {
    /// Enforces these limits.
    #[must_use]
    pub fn new(limits: Limits, audit: Arc<Audit>) -> Self {
        Self { limits, audit }
    }

    /// Takes one from what an address may ask for. If an address does not tell clients apart, each client that the
    /// proxy names may ask for as much, and all of them together for [`super::limits::CROWD`] times as much.
    ///
    /// # Errors
    /// [`Exceeded`].
    pub fn take_of_address(&self, limit: Limit, client: &Client) -> Result<(), Exceeded> {
        let (address, now) = (client.host().to_string(), Instant::now());
        let (key, taken) = match client.named.map(host) {
            _ if client.has_own_address => (address.clone(), self.limits.take(limit, &address, now)),
            Some(named) => {
                let key = format!("{address} {named}");
                let taken = self.limits.take(limit, &key, now);
                (key, taken.and_then(|()| self.limits.take_of_crowd(limit, &address, now)))
            }
            None => (address.clone(), self.limits.take_of_crowd(limit, &address, now)),
        };
        taken.inspect_err(|_| self.report(limit, &key, None, client))
    }

    /// Takes one from what a user, or one of their sessions, may ask for.
    ///
    /// # Errors
    /// [`Exceeded`].
    pub fn take_of_user(&self, limit: Limit, key: &str, sub: UserId, client: &Client) -> Result<(), Exceeded> {
        let taken = self.limits.take(limit, key, Instant::now());
        taken.inspect_err(|_| self.report(limit, key, Some(sub), client))
    }

    /// As [`Limiter::take_of_user`], but takes nothing.
    ///
    /// # Errors
    /// [`Exceeded`].
    pub fn look_at_user(&self, limit: Limit, key: &str, sub: UserId, client: &Client) -> Result<(), Exceeded> {
        let found = self.limits.look(limit, key, Instant::now());
        found.inspect_err(|_| self.report(limit, key, Some(sub), client))
    }

    /// Counts a refusal. Reports it if the limit was just reached, or still refuses requests after a while.
    pub fn report(&self, limit: Limit, key: &str, sub: Option<UserId>, client: &Client) {
        LIMITED.add(limit.name());
        let Some(refused_since) = self.limits.refused(limit, key, Instant::now()) else { return };
        let event = self.audit.event(Action::LimitReached).failed().from(client).with("limit", limit.name());
        let event = event.with("refused_since", refused_since);
        let event = match self.limits.rates(limit) {
            Some(rates) => event.with("rate", rates.to_string()),
            None => event,
        };
        self.audit.record_in_background(match sub {
            Some(sub) => event.to(sub),
            None => event,
        });
    }
}
