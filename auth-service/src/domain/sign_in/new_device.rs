//! The notice of a login from a device and a network that a user has not logged in from lately.

use crate::domain::{
    Client, Unavailable,
    accounts::Account,
    audit::{Action, Audit, AuditQuery, Event},
    client::network,
    mail::{Notices, Outbox},
};
use shared::clock::Clock;
use std::{net::IpAddr, sync::Arc, time::Duration};

/// A network from which nobody has logged in for longer than this is a new one.
const LATELY: Duration = Duration::from_secs(90 * 24 * 3600);

/// How many of the latest logins are looked at.
const SOME_LOGINS: u32 = 200;

/// A user gets at most one such notice in this time.
const ONCE: Duration = Duration::from_secs(24 * 3600);

/// Finds such logins by the audit log, and notifies their users.
pub struct NewDevices {
    audit: Arc<Audit>,
    notices: Arc<Notices>,
    outbox: Arc<dyn Outbox>,
    clock: Arc<dyn Clock>,
}

impl NewDevices {
    /// By this audit log.
    #[must_use]
    pub fn new(audit: Arc<Audit>, notices: Arc<Notices>, outbox: Arc<dyn Outbox>, clock: Arc<dyn Clock>) -> Self {
        Self { audit, notices, outbox, clock }
    }

    /// Whether a login that is about to happen is one that its user is to be notified of: the device shows no refresh token of
    /// the account, the user has logged in before, but not lately from the client's network, and has had no such notice for a day. To be asked
    /// before the login is recorded. An outage notifies nobody, and fails no login.
    pub async fn is_news(&self, account: &Account, client: &Client) -> bool {
        if client.known_by(Some(account.id)).is_some() {
            return false;
        }
        self.looks_new(account, client).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "failed to look for earlier logins: a user is not notified of a new device");
            false
        })
    }

    async fn looks_new(&self, account: &Account, client: &Client) -> Result<bool, Unavailable> {
        let now = self.clock.now();
        let of_user = |action, since, limit| AuditQuery {
            sub: Some(account.id),
            action: Some(action),
            is_success: Some(true),
            since: Some(since),
            limit,
            ..AuditQuery::default()
        };
        let (logins, _) = self.audit.events(of_user(Action::Login, now.minus(LATELY), SOME_LOGINS)).await?;
        let here = network(client.address);
        let is_from_here = |login: &Event| {
            let address = login.ip.as_ref().and_then(|ip| ip.parse::<IpAddr>().ok());
            address.is_some_and(|address| network(address) == here)
        };
        if logins.iter().any(is_from_here) {
            return Ok(false);
        }
        let is_first = logins.is_empty() && {
            let ever = AuditQuery { since: None, ..of_user(Action::Login, now, 1) };
            self.audit.events(ever).await?.0.is_empty()
        };
        if is_first {
            return Ok(false);
        }
        let (told, _) = self.audit.events(of_user(Action::NewDevice, now.minus(ONCE), 1)).await?;
        Ok(told.is_empty())
    }

    /// Notifies the user of such a login, once it has happened.
    pub async fn notify(&self, account: &Account, client: &Client) {
        let mails = self.notices.new_device(&account.readers(), client.address);
        if mails.is_empty() {
            return;
        }
        for mail in mails {
            if let Err(error) = self.outbox.enqueue(&mail).await {
                tracing::warn!(%error, "a user is not notified of a new device: the mail could not be stored");
                return;
            }
        }
        let event = self.audit.event(Action::NewDevice).to(account.id).by(account.id);
        self.audit.record(event.from(client)).await;
    }
}
