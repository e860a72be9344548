//! Messages as the mail server gets them.

use super::{Failure, MailServer, Rendered, Session, Step};
use crate::domain::accounts::EmailAddress;
use lettre::{
    Address, Message,
    message::{Mailbox, MultiPart, header::HeaderName, header::HeaderValue},
    transport::smtp::extension::ClientId,
};
use shared::{clock::Timestamp, ids::MailId};
use std::{
    net::Ipv4Addr,
    time::{Duration, UNIX_EPOCH},
};
use url::{Host, Url};

/// Whom mails are from.
#[derive(Debug, Clone)]
pub struct Sender {
    /// The address that readers see.
    pub from: Mailbox,
    /// Where answers go, if not there.
    pub reply_to: Option<Mailbox>,
    /// The host of the public URL, by which this program introduces itself and names messages.
    pub host: String,
}

impl Sender {
    /// The sender of a site.
    ///
    /// # Panics
    /// Never: each host gives an address.
    #[must_use]
    pub fn new(from: Option<Mailbox>, reply_to: Option<Mailbox>, site: &Url) -> Self {
        let host = site.host_str().unwrap_or("localhost").to_owned();
        let from = from.unwrap_or_else(|| Mailbox::new(None, no_reply(site)));
        Self { from, reply_to, host }
    }

    /// The message. It has the same `Message-ID` whenever it is sent, so that a repetition can be recognised.
    ///
    /// # Errors
    /// What is wrong with an address, which none of ours should cause.
    pub fn message(
        &self,
        id: MailId,
        written: Timestamp,
        to: &EmailAddress,
        mail: &Rendered,
    ) -> Result<Message, String> {
        let to: Address = to.as_str().parse().map_err(|_| "the mail library does not take the address".to_owned())?;
        let written = UNIX_EPOCH + Duration::from_millis(u64::try_from(written.millis()).unwrap_or_default());
        let message = Message::builder()
            .message_id(Some(format!("<{id}@{}>", self.host)))
            .date(written)
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(&mail.subject)
            .raw_header(automatic());
        let message = self.reply_to.iter().cloned().fold(message, |message, address| message.reply_to(address));
        let body = MultiPart::alternative_plain_html(mail.text.to_string(), mail.html.to_string());
        message.multipart(body).map_err(|error| error.to_string())
    }

    /// Begins a conversation, and reports each step that is done.
    ///
    /// # Errors
    /// [`Failure`]: nothing was sent.
    pub async fn converse(&self, server: &MailServer, done: impl FnMut(Step)) -> Result<Session, Failure> {
        Session::open(server, &self.hello(), done).await
    }

    /// How this program introduces itself.
    fn hello(&self) -> ClientId {
        match Host::parse(&self.host) {
            Ok(Host::Domain(name)) if name.contains('.') => ClientId::Domain(name),
            Ok(Host::Ipv4(address)) => ClientId::Ipv4(address),
            Ok(Host::Ipv6(address)) => ClientId::Ipv6(address),
            _ => ClientId::Ipv4(Ipv4Addr::LOCALHOST),
        }
    }
}

/// Tells other programs not to answer, as "on holiday" does (RFC 3834).
fn automatic() -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned())
}

fn no_reply(site: &Url) -> Address {
    let domain = site.domain().filter(|domain| domain.contains('.')).unwrap_or("localhost.localdomain");
    Address::new("no-reply", domain)
        .unwrap_or_else(|_| Address::new("no-reply", "localhost.localdomain").expect("this is an address"))
}

/// Reads `name@example.com` or `Name <name@example.com>`.
///
/// # Errors
/// What would be right.
pub fn address(text: &str) -> Result<Mailbox, String> {
    let wrong = || "must be an address such as `no-reply@example.com` or `Example <no-reply@example.com>`".to_owned();
    let mailbox: Mailbox = text.parse().map_err(|_| wrong())?;
    EmailAddress::parse(mailbox.email.as_ref()).map_err(|_| wrong())?;
    Ok(mailbox)
}
