//! Empties the outbox: each replica has one of these. A mail is sent at least once: whoever ends between the server's
//! answer and the deletion of the row leaves a lease that ends, and the mail is sent again with the same `Message-ID`.

use super::{Failure, Sending, Session, Step};
use crate::{
    domain::{
        Unavailable,
        mail::{Leased, Outbox, Outcome, Params},
        secrets::KeyRing,
    },
    metrics::{MAIL_OLDEST, MAIL_WAITING, MAILS},
};
use futures_util::future::try_join_all;
use shared::{clock::Clock, seldom::Seldom};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{sync::watch, time::sleep};

/// How many mails are leased at once.
const BATCH: u32 = 20;
/// How long a lease lasts: a mail of a process that was killed is sent by another one after this time.
const LEASE: Duration = Duration::from_secs(60);
/// No mail is begun when its lease is older than this: sending one may take half a minute.
const BEGIN_WITHIN: Duration = Duration::from_secs(25);
/// The most connections to the mail server.
const CONNECTIONS: u64 = 4;
/// How often to look for mails of other processes, and for those that are due again.
const POLL: Duration = Duration::from_secs(5);
/// How many seconds a mail waits after each attempt that failed; after the last of these, always as many.
const DELAYS: [u64; 5] = [2, 10, 60, 300, 900];

/// Which outages were reported lately.
static SAID: Seldom = Seldom::new();

/// Sends the mails of the outbox.
pub struct Postman {
    outbox: Arc<dyn Outbox>,
    secrets: Arc<KeyRing>,
    clock: Arc<dyn Clock>,
    sending: Sending,
}

/// Whether the rest of a batch can be tried.
#[derive(PartialEq, Eq)]
enum Server {
    Answers,
    Away,
}

impl Postman {
    /// For this outbox.
    #[must_use]
    pub fn new(outbox: Arc<dyn Outbox>, secrets: Arc<KeyRing>, clock: Arc<dyn Clock>, sending: Sending) -> Self {
        Self { outbox, secrets, clock, sending }
    }

    /// Sends what comes, until it is told to stop; then the mails that are being sent are finished.
    pub async fn work(&self, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            if let Err(error) = self.round(&stop).await {
                tracing::warn!(%error, "failed to read or update the outbox of mails; will retry");
            }
            tokio::select! {
                () = self.outbox.arrivals().notified() => {}
                () = sleep(POLL) => {}
                _ = stop.changed() => {}
            }
        }
    }

    async fn round(&self, stop: &watch::Receiver<bool>) -> Result<(), Unavailable> {
        let waiting = self.look().await?;
        if waiting == 0 {
            return Ok(());
        }
        let lanes = waiting.div_ceil(BATCH.into()).min(CONNECTIONS);
        try_join_all((0..lanes).map(|_| self.lane(stop))).await?;
        self.look().await.map(drop)
    }

    /// How many mails wait.
    async fn look(&self) -> Result<u64, Unavailable> {
        let waiting = self.outbox.waiting().await?;
        MAIL_WAITING.set(waiting.mails as f64);
        MAIL_OLDEST.set(waiting.oldest.as_secs_f64());
        Ok(waiting.mails)
    }

    /// Sends over one connection what is due, batch by batch.
    async fn lane(&self, stop: &watch::Receiver<bool>) -> Result<(), Unavailable> {
        let mut session = None;
        let mut server = Server::Answers;
        while server == Server::Answers && !*stop.borrow() {
            let (leased_at, batch) = (Instant::now(), self.outbox.lease(BATCH, LEASE).await?);
            if batch.is_empty() {
                break;
            }
            for leased in &batch {
                if server == Server::Away {
                    self.outbox.put_off(leased, self.delay(leased), None).await?;
                } else if *stop.borrow() || leased_at.elapsed() > BEGIN_WITHIN {
                    self.outbox.put_off(leased, Duration::ZERO, None).await?;
                } else {
                    server = self.deliver(leased, &mut session).await?;
                }
            }
        }
        if let Some(session) = session {
            Session::close(session).await;
        }
        Ok(())
    }

    async fn deliver(&self, leased: &Leased, session: &mut Option<Session>) -> Result<Server, Unavailable> {
        let mail = &leased.mail;
        if mail.expires_at <= self.clock.now() {
            self.settle(leased, Outcome::Expired, None).await?;
            return Ok(Server::Answers);
        }
        let Ok(params) = mail.open(&self.secrets) else {
            tracing::error!(id = %mail.id, kind = %mail.kind, "a mail cannot be opened and is not sent: it was sealed with another secret than AUTH_SECRET, or changed by another program");
            self.settle(leased, Outcome::Unreadable, None).await?;
            return Ok(Server::Answers);
        };
        if self.sending.server.is_none() {
            self.settle(leased, Outcome::Kept, None).await?;
            tracing::info!(id = %mail.id, kind = %mail.kind, to = mail.to.masked(), "mail kept in the mailbox");
            return Ok(Server::Answers);
        }
        match self.send(leased, &params, session).await {
            Ok(()) => {
                self.outbox.delivered(mail.id).await?;
                MAILS.add(mail.kind, "delivered");
                tracing::info!(id = %mail.id, kind = %mail.kind, to = mail.to.masked(), "mail delivered");
                Ok(Server::Answers)
            }
            Err(failure) => self.failed(leased, &params, failure).await,
        }
    }

    async fn send(&self, leased: &Leased, params: &Params, session: &mut Option<Session>) -> Result<(), Failure> {
        let (mail, Sending { templates, sender, server }) = (&leased.mail, &self.sending);
        let of_ours = |reason| Failure { step: Step::Send, reason, is_final: false };
        let rendered = templates.render(mail.kind, mail.language, params).map_err(of_ours)?;
        let message = sender.message(mail.id, mail.created_at, &mail.to, &rendered).map_err(of_ours)?;
        let mut open = match (session.take(), server) {
            (Some(open), _) => open,
            (None, Some(server)) => sender.converse(server, |_| ()).await?,
            (None, None) => return Err(of_ours("there is no mail server".to_owned())),
        };
        open.send(&message).await?;
        *session = Some(open);
        Ok(())
    }

    async fn failed(&self, leased: &Leased, params: &Params, failure: Failure) -> Result<Server, Unavailable> {
        let mail = &leased.mail;
        let error = without_content(&failure.to_string(), leased, params);
        if failure.is_final {
            self.settle(leased, Outcome::Refused, Some(&error)).await?;
            tracing::info!(id = %mail.id, kind = %mail.kind, to = mail.to.masked(), error, "mail refused by the mail server");
            return Ok(Server::Answers);
        }
        self.outbox.put_off(leased, self.delay(leased), Some(&error)).await?;
        MAILS.add(mail.kind, "put_off");
        if SAID.is_due(&failure.step.to_string()) {
            tracing::warn!(id = %mail.id, kind = %mail.kind, to = mail.to.masked(), error, "a mail could not be sent; will retry");
        }
        Ok(if failure.step == Step::Send { Server::Answers } else { Server::Away })
    }

    async fn settle(&self, leased: &Leased, outcome: Outcome, error: Option<&str>) -> Result<(), Unavailable> {
        self.outbox.settle(leased, outcome, error).await?;
        MAILS.add(leased.mail.kind, outcome.name());
        Ok(())
    }

    fn delay(&self, leased: &Leased) -> Duration {
        delay(leased.attempts, leased.mail.expires_at.since(self.clock.now()))
    }
}

/// How long to wait for the next attempt after so many, if the mail expires after `left`.
fn delay(attempts: u32, left: Duration) -> Duration {
    let attempts = usize::try_from(attempts).unwrap_or(DELAYS.len());
    Duration::from_secs(DELAYS[attempts.saturating_sub(1).min(DELAYS.len() - 1)]).min(left)
}

/// What the server said, without the address and what the mail contains, which it may have repeated.
fn without_content(error: &str, leased: &Leased, params: &Params) -> String {
    let to = &leased.mail.to;
    let error = error.replace(to.as_str(), &to.masked());
    params.iter().filter(|(_, value)| value.len() > 3).fold(error, |error, (_, value)| error.replace(value, "…"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_become_rarer_and_the_last_one_is_not_after_the_expiry() {
        let (seconds, day) = (Duration::from_secs, Duration::from_secs(86_400));
        let delays: Vec<Duration> = (1..=7).map(|attempts| delay(attempts, day)).collect();
        assert_eq!(delays, [2, 10, 60, 300, 900, 900, 900].map(seconds));
        assert_eq!(delay(u32::MAX, seconds(7)), seconds(7));
    }
}
