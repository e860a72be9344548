//! Mails on their way out: the templates, the mail server, the worker that empties the outbox, and the mailbox that
//! stands in for a mail server.

mod mailbox;
mod message;
mod postman;
mod server;
mod smtp;
mod templates;

pub use self::{
    mailbox::{Mailbox, Shown},
    message::{Sender, address},
    postman::Postman,
    server::MailServer,
    smtp::{Failure, Session, Step},
    templates::{Rendered, Templates},
};

/// How mails are written and sent.
#[derive(Clone)]
pub struct Sending {
    /// Renders them.
    pub templates: Templates,
    /// Whom they are from.
    pub sender: Sender,
    /// What sends them; `None`: they are kept in the mailbox.
    pub server: Option<MailServer>,
}
