//! Mails: the server, the sender, the texts, and what is sent.

use crate::{
    domain::{
        Language,
        mail::{Links, MailKind, NoticePolicy, UnknownKind},
    },
    mailing::{MailServer, Sender, Sending, Templates, address},
};
use lettre::message::Mailbox;
use shared::{
    settings,
    settings::{Settings, any_text, number_within},
};
use std::path::Path;
use url::Url;

settings! {
    /// Mail server: smtps://user:password@host, or smtp://user:password@host?tls=required for STARTTLS. Without it, mails are kept in a mailbox for operators (docs/mail.md).
    url AUTH_SMTP_URL: MailServer, MailServer::parse;
    /// Sender of mails: an address, or a name and an address in angle brackets.
    plain AUTH_MAIL_FROM: Mailbox, address;
    /// Where answers to mails go, if not to the sender.
    plain AUTH_MAIL_REPLY_TO: Mailbox, address;
    /// Directory of templates that replace the built-in ones.
    plain AUTH_MAIL_TEMPLATES: String, any_text;
    /// Language of mails to users whose language is not known: en, uk or ru.
    plain AUTH_MAIL_LANGUAGE: Language = "en", language;
    /// Maximum number of mails an hour that requests of strangers may cause in all.
    plain AUTH_MAIL_BUDGET: usize = "1000", |text| number_within(text, 1, 1_000_000);
    /// Which events users are notified of by mail: on (all), off, or some of password_changed, second_address_changed, factors_changed, recovery_code_used, passkey_changed, passkey_cloned, theft_found, new_device, account_deleted, account_disabled, separated by commas.
    plain AUTH_MAIL_NOTICES: Vec<MailKind> = "on", notices;
}

/// The settings about mails.
pub struct MailConfig {
    /// How they are written and sent.
    pub sending: Sending,
    /// Which notices are sent.
    pub notices: NoticePolicy,
    /// The most mails an hour that requests of strangers may cause.
    pub budget: usize,
}

pub(super) fn mail(settings: &Settings, site: &Url, pages: &Url) -> MailConfig {
    let (server, from) = (settings.find(&AUTH_SMTP_URL), settings.find(&AUTH_MAIL_FROM));
    match (settings.is_given(&AUTH_SMTP_URL.named), settings.is_given(&AUTH_MAIL_FROM.named)) {
        (true, false) => settings.mistake("AUTH_MAIL_FROM: missing; AUTH_SMTP_URL is set"),
        (false, true) => settings.mistake("AUTH_SMTP_URL: missing; AUTH_MAIL_FROM is set"),
        _ => {}
    }
    let sender = Sender::new(from, settings.find(&AUTH_MAIL_REPLY_TO), site);
    MailConfig {
        sending: Sending { templates: templates(settings, site), sender, server },
        budget: settings.get(&AUTH_MAIL_BUDGET),
        notices: NoticePolicy {
            kinds: settings.get(&AUTH_MAIL_NOTICES),
            language: settings.get(&AUTH_MAIL_LANGUAGE),
            forgot: Links::to(pages).forgot(),
        },
    }
}

/// Whether mails leave this machine.
pub(super) fn is_sent(settings: &Settings) -> bool {
    settings.is_given(&AUTH_SMTP_URL.named)
}

fn templates(settings: &Settings, site: &Url) -> Templates {
    let site = site.origin().ascii_serialization();
    let folder = settings.find(&AUTH_MAIL_TEMPLATES);
    Templates::load(folder.as_deref().map(Path::new), &site).unwrap_or_else(|mistakes| {
        mistakes.into_iter().for_each(|mistake| settings.mistake(format!("AUTH_MAIL_TEMPLATES: {mistake}")));
        Templates::load(None, &site).unwrap_or_else(|mistakes| panic!("the built-in templates are right: {mistakes:?}"))
    })
}

fn language(text: &str) -> Result<Language, String> {
    let known = Language::ALL.into_iter().find(|language| language.code() == text);
    known.ok_or_else(|| "must be en, uk or ru".to_owned())
}

fn notices(text: &str) -> Result<Vec<MailKind>, String> {
    let wrong = |_: UnknownKind| {
        let names = MailKind::NOTICES.map(MailKind::name).join(", ");
        format!("must be on, off, or some of {names}")
    };
    match text {
        "on" => Ok(MailKind::NOTICES.to_vec()),
        "off" => Ok(Vec::new()),
        some => {
            let kinds: Vec<MailKind> =
                some.split(',').map(|name| name.trim().parse()).collect::<Result<_, _>>().map_err(wrong)?;
            if kinds.iter().all(|kind| MailKind::NOTICES.contains(kind)) { Ok(kinds) } else { Err(wrong(UnknownKind)) }
        }
    }
}
