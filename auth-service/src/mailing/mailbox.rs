//! The mailbox: where there is no mail server, operators read here what would have been sent.

use super::{Rendered, Sending};
use crate::domain::{
    Unavailable,
    mail::{Outbox, SealedMail},
    operator::housekeeping::MAILBOX,
    secrets::KeyRing,
};
use shared::ids::MailId;
use std::sync::Arc;

/// Shows the mails that are kept.
pub struct Mailbox {
    outbox: Arc<dyn Outbox>,
    secrets: Arc<KeyRing>,
    sending: Sending,
}

/// A kept mail as its reader would have seen it.
pub struct Shown {
    /// The mail.
    pub mail: SealedMail,
    /// What it says.
    pub rendered: Rendered,
}

impl Mailbox {
    /// Of this outbox.
    #[must_use]
    pub fn new(outbox: Arc<dyn Outbox>, secrets: Arc<KeyRing>, sending: Sending) -> Self {
        Self { outbox, secrets, sending }
    }

    /// Whether mails are kept here rather than sent.
    #[must_use]
    pub fn is_in_use(&self) -> bool {
        self.sending.server.is_none()
    }

    /// Whom the mails are from.
    #[must_use]
    pub fn from(&self) -> String {
        self.sending.sender.from.to_string()
    }

    /// The mails, the newest first. Those that cannot be opened any more are left out.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn list(&self) -> Result<Vec<Shown>, Unavailable> {
        Ok(self.outbox.mailbox(MAILBOX).await?.into_iter().filter_map(|mail| self.shown(mail)).collect())
    }

    /// One of them.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn find(&self, id: MailId) -> Result<Option<Shown>, Unavailable> {
        Ok(self.outbox.in_mailbox(id).await?.and_then(|mail| self.shown(mail)))
    }

    fn shown(&self, mail: SealedMail) -> Option<Shown> {
        let params = mail.open(&self.secrets).ok()?;
        let rendered = self.sending.templates.render(mail.kind, mail.language, &params).ok()?;
        Some(Shown { mail, rendered })
    }
}
