//! A mail as the outbox keeps it.

use super::{Mail, MailKind, Params};
use crate::domain::{
    Language,
    email_address::EmailAddress,
    secrets::{CannotOpen, KeyRing},
};
use shared::{clock::Timestamp, ids::MailId};
use zeroize::Zeroizing;

/// A mail whose content nobody can read without the root secret. It opens only as what it was sealed as: whoever can
/// write to the outbox cannot send it elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedMail {
    /// The mail's id; ids sort by time. The `Message-ID` is made from it.
    pub id: MailId,
    /// What it is about.
    pub kind: MailKind,
    /// Where it goes.
    pub to: EmailAddress,
    /// The language that it is written in.
    pub language: Language,
    /// When it was written.
    pub created_at: Timestamp,
    /// When it is no longer worth sending.
    pub expires_at: Timestamp,
    /// The sealed [`Params`].
    pub sealed: Vec<u8>,
}

impl SealedMail {
    /// Seals a mail.
    ///
    /// # Panics
    /// If the mail lacks what its kind needs, which would fail again and again when it is sent; or if the operating
    /// system provides no randomness.
    #[must_use]
    pub fn of(mail: Mail, secrets: &KeyRing, now: Timestamp) -> Self {
        let Mail { kind, to, language, expires_at, params } = mail;
        let has = |name: &str| params.iter().any(|(given, _)| given == name);
        assert!(kind.params().iter().all(|(name, _)| has(name)), "a mail of the kind {kind} has what it needs");
        let id = MailId::fresh();
        let content = Zeroizing::new(serde_json::to_vec(&params).expect("texts are JSON"));
        let sealed = secrets.seal_mail(&label(id, kind, &to), &content);
        Self { id, kind, to, language, created_at: now, expires_at, sealed }
    }

    /// What its text needs.
    ///
    /// # Errors
    /// [`CannotOpen`].
    pub fn open(&self, secrets: &KeyRing) -> Result<Params, CannotOpen> {
        let content = secrets.open_mail(&label(self.id, self.kind, &self.to), &self.sealed)?;
        serde_json::from_slice(&content).map_err(|_| CannotOpen)
    }
}

fn label(id: MailId, kind: MailKind, to: &EmailAddress) -> String {
    format!("{id} {kind} {to}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::secrets::RootSecret;

    fn ring() -> KeyRing {
        KeyRing::new(&RootSecret::parse(&RootSecret::generate()).map_err(|error| error.to_string()).unwrap(), None)
    }

    fn mail(secrets: &KeyRing) -> SealedMail {
        let mail = Mail {
            kind: MailKind::PasswordChanged,
            to: EmailAddress::parse("ada@example.com").unwrap(),
            language: Language::English,
            expires_at: Timestamp::from_secs(1),
            params: MailKind::PasswordChanged.sample(),
        };
        SealedMail::of(mail, secrets, Timestamp::from_secs(0))
    }

    #[test]
    fn a_mail_opens_only_for_its_address_and_kind_and_with_its_secret() {
        let secrets = ring();
        let sealed = mail(&secrets);
        let opened = sealed.open(&secrets).expect("it is as it was sealed");
        assert!(opened.iter().eq(MailKind::PasswordChanged.sample().iter()));
        let elsewhere = EmailAddress::parse("eve@example.com").unwrap();
        for other in [
            SealedMail { to: elsewhere, ..sealed.clone() },
            SealedMail { kind: MailKind::TheftFound, ..sealed.clone() },
            SealedMail { id: MailId::fresh(), ..sealed.clone() },
        ] {
            assert!(other.open(&secrets).is_err(), "{other:?}");
        }
        assert!(sealed.open(&ring()).is_err());
    }

    #[test]
    #[should_panic(expected = "has what it needs")]
    fn a_mail_without_what_its_text_needs_is_not_written() {
        let mail = Mail { params: Params::default(), ..plain() };
        drop(SealedMail::of(mail, &ring(), Timestamp::from_secs(0)));
    }

    fn plain() -> Mail {
        Mail {
            kind: MailKind::PasswordChanged,
            to: EmailAddress::parse("ada@example.com").unwrap(),
            language: Language::English,
            expires_at: Timestamp::from_secs(1),
            params: MailKind::PasswordChanged.sample(),
        }
    }
}
