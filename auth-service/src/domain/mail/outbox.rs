//! The outbox: the mails that wait to be sent, and for a while those that are settled. What it keeps, and what it
//! promises.

use super::{MailKind, SealedMail};
use crate::domain::{Unavailable, email_address::EmailAddress};
use async_trait::async_trait;
use shared::{clock::Timestamp, ids::MailId};
use std::{fmt, str::FromStr, time::Duration};
use tokio::sync::Notify;

/// A mail that one process may send until its lease ends.
#[derive(Debug, Clone)]
pub struct Leased {
    /// The mail.
    pub mail: SealedMail,
    /// How many leases it had, this one included.
    pub attempts: u32,
}

/// How a mail ended that was not delivered, or was not to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// There is no mail server: it is kept in the mailbox.
    Kept,
    /// The mail server refused it for good.
    Refused,
    /// It was not delivered in time.
    Expired,
    /// It cannot be read: sealed with another secret, or not written by auth-service.
    Unreadable,
}

impl Outcome {
    /// All outcomes.
    pub const ALL: [Self; 4] = [Self::Kept, Self::Refused, Self::Expired, Self::Unreadable];

    /// The outcome's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Refused => "refused",
            Self::Expired => "expired",
            Self::Unreadable => "unreadable",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Outcome {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|outcome| outcome.name() == text).ok_or("there is no such outcome")
    }
}

/// The mails that wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Waiting {
    /// How many there are.
    pub mails: u64,
    /// The age of the oldest one.
    pub oldest: Duration,
}

/// A mail of the outbox, as operators see it.
#[derive(Debug, Clone)]
pub struct Listed {
    /// The mail's id.
    pub id: MailId,
    /// What it is about.
    pub kind: MailKind,
    /// Where it goes.
    pub to: EmailAddress,
    /// When it was written.
    pub created_at: Timestamp,
    /// How it ended; `None`: it waits.
    pub outcome: Option<Outcome>,
    /// How often it was tried.
    pub attempts: u32,
    /// Why it was not delivered the last time, if it was tried.
    pub last_error: Option<String>,
}

/// The outbox. Whatever it reports as done is durable. The flows do not add to it: their stores do, in the transaction
/// of what a mail is about.
#[async_trait]
pub trait Outbox: Send + Sync {
    /// Adds a mail that is about nothing else that is written.
    async fn enqueue(&self, mail: &SealedMail) -> Result<(), Unavailable>;

    /// Leases the mails that are due, the longest due first: nobody else gets them until the lease ends. Mails of a
    /// kind that only a later version knows are left to it.
    async fn lease(&self, at_most: u32, lease: Duration) -> Result<Vec<Leased>, Unavailable>;

    /// Removes a mail that was delivered, whoever holds a lease of it by now.
    async fn delivered(&self, id: MailId) -> Result<(), Unavailable>;

    /// Ends a lease: the mail is due again after `delay`, because of an error if it was tried. Does nothing if the lease has ended and somebody else holds
    /// one.
    async fn put_off(&self, leased: &Leased, delay: Duration, error: Option<&str>) -> Result<(), Unavailable>;

    /// Ends a lease and with it the mail, which can no longer be sent. Unless it is [`Outcome::Kept`], its content is
    /// removed. Does nothing if the lease has ended and somebody else holds one.
    async fn settle(&self, leased: &Leased, outcome: Outcome, error: Option<&str>) -> Result<(), Unavailable>;

    /// The mails that wait.
    async fn waiting(&self) -> Result<Waiting, Unavailable>;

    /// The latest mails that wait or have ended, the newest first.
    async fn listed(&self, at_most: u32) -> Result<Vec<Listed>, Unavailable>;

    /// The mails that are kept in the mailbox, the newest first.
    async fn mailbox(&self, at_most: u32) -> Result<Vec<SealedMail>, Unavailable>;

    /// A mail that is kept in the mailbox.
    async fn in_mailbox(&self, id: MailId) -> Result<Option<SealedMail>, Unavailable>;

    /// Deletes, in bounded batches, what ended before a time, and of what is kept all but the newest `kept`; returns
    /// how many mails.
    async fn forget_settled(&self, before: Timestamp, kept: u32, at_most: u32) -> Result<u64, Unavailable>;

    /// Wakes whoever waits for mails when this process has added one.
    fn arrivals(&self) -> &Notify;
}
