//! Mails: what is sent to users. A mail is written to the outbox in the transaction of what it is about, with its
//! content sealed, and sent afterwards: no request waits for it, and none fails because of it.

mod kind;
mod links;
mod notices;
mod outbox;
mod params;
mod sealed;

pub use self::{
    kind::{MailKind, UnknownKind},
    links::Links,
    notices::{FactorChange, NoticePolicy, Notices, Readers},
    outbox::{Leased, Listed, Outbox, Outcome, Waiting},
    params::Params,
    sealed::SealedMail,
};

use super::{Language, email_address::EmailAddress};
use shared::clock::Timestamp;

/// A mail to be sent. [`SealedMail::of`] makes of it what the outbox keeps.
pub struct Mail {
    /// What it is about.
    pub kind: MailKind,
    /// Where it goes.
    pub to: EmailAddress,
    /// The language that it is written in.
    pub language: Language,
    /// When it is no longer worth sending.
    pub expires_at: Timestamp,
    /// What its text needs: all that [`MailKind::params`] names.
    pub params: Params,
}
