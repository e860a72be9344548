//! Notices: mails that report to users what happened to their accounts, one to each of their addresses.

use super::{Mail, MailKind, Params, SealedMail};
use crate::domain::{Client, Language, email_address::EmailAddress, secrets::KeyRing};
use shared::clock::{Clock, Timestamp};
use std::{net::IpAddr, sync::Arc, time::Duration};

/// How long a notice is worth sending, and so the longest outage of a mail server that none is lost to (RFC 5321,
/// section 4.5.4.1).
const LIFE: Duration = Duration::from_secs(5 * 24 * 3600);

impl MailKind {
    /// The kinds that are notices.
    pub const NOTICES: [Self; 10] = [
        Self::PasswordChanged,
        Self::SecondAddressChanged,
        Self::FactorsChanged,
        Self::RecoveryCodeUsed,
        Self::PasskeyChanged,
        Self::PasskeyCloned,
        Self::TheftFound,
        Self::NewDevice,
        Self::AccountDeleted,
        Self::AccountDisabled,
    ];
}

/// How the second factors of a user were changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FactorChange {
    /// An app for codes was set up.
    TotpAdded,
    /// It was removed.
    TotpRemoved,
    /// New recovery codes were made, and those of before are void.
    NewRecoveryCodes,
    /// The password was removed, and passkeys are the way in.
    PasswordRemoved,
    /// An administrator removed all factors.
    Reset,
    /// An administrator has planned to.
    ResetPlanned,
}

impl FactorChange {
    /// All changes.
    pub const ALL: [Self; 6] = [
        Self::TotpAdded,
        Self::TotpRemoved,
        Self::NewRecoveryCodes,
        Self::PasswordRemoved,
        Self::Reset,
        Self::ResetPlanned,
    ];

    /// Its name in templates.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TotpAdded => "totp_added",
            Self::TotpRemoved => "totp_removed",
            Self::NewRecoveryCodes => "new_recovery_codes",
            Self::PasswordRemoved => "password_removed",
            Self::Reset => "reset",
            Self::ResetPlanned => "reset_planned",
        }
    }
}

/// Who reads a notice.
#[derive(Debug, Clone)]
pub struct Readers<'a> {
    /// The addresses, each of which gets a mail.
    pub addresses: Vec<&'a EmailAddress>,
    /// The user's language, if that is known.
    pub language: Option<Language>,
}

/// Which notices are sent.
#[derive(Debug, Clone)]
pub struct NoticePolicy {
    /// The kinds that are sent.
    pub kinds: Vec<MailKind>,
    /// The language of whoever's is not known.
    pub language: Language,
    /// The page where a forgotten password is replaced.
    pub forgot: String,
}

/// Writes notices.
pub struct Notices {
    policy: NoticePolicy,
    secrets: Arc<KeyRing>,
    clock: Arc<dyn Clock>,
}

impl Notices {
    /// Writes the notices that are sent.
    #[must_use]
    pub fn new(policy: NoticePolicy, secrets: Arc<KeyRing>, clock: Arc<dyn Clock>) -> Self {
        Self { policy, secrets, clock }
    }

    /// The password was changed, by the user (from this client) or by an administrator.
    #[must_use]
    pub fn password_changed(&self, to: &Readers<'_>, by: Option<&Client>) -> Vec<SealedMail> {
        self.write(MailKind::PasswordChanged, to, by, |params| {
            params.with("ip", address_of(by)).with("link", self.policy.forgot.as_str())
        })
    }

    /// The address was changed from this client. The mail to the old address has the link that undoes it; it is sent
    /// whatever the policy says.
    #[must_use]
    pub fn address_changed(&self, to: &Readers<'_>, by: &Client, undo: &str) -> Vec<SealedMail> {
        let fill = |params: Params| params.with("ip", by.address.to_string()).with("link", undo);
        self.write_always(MailKind::AddressChanged, to, Some(by), fill)
    }

    /// The second address was set or removed from this client.
    #[must_use]
    pub fn second_address_changed(&self, to: &Readers<'_>, by: &Client) -> Vec<SealedMail> {
        self.write(MailKind::SecondAddressChanged, to, Some(by), |params| params.with("ip", by.address.to_string()))
    }

    /// The second factors were changed, by the user (from this client) or by an administrator.
    #[must_use]
    pub fn factors_changed(&self, to: &Readers<'_>, by: Option<&Client>, change: FactorChange) -> Vec<SealedMail> {
        let forgot = self.policy.forgot.as_str();
        let fill = |params: Params| {
            params.with("ip", address_of(by)).with("change", change.name()).with("link", forgot).with("due", "")
        };
        self.write(MailKind::FactorsChanged, to, by, fill)
    }

    /// An administrator has planned to remove all factors of the account at this time.
    #[must_use]
    pub fn factors_reset_planned(&self, to: &Readers<'_>, due: Timestamp) -> Vec<SealedMail> {
        let forgot = self.policy.forgot.as_str();
        let change = FactorChange::ResetPlanned.name();
        let fill = |params: Params| {
            params.with("ip", "").with("change", change).with("link", forgot).with("due", to_the_minute(due))
        };
        self.write(MailKind::FactorsChanged, to, None, fill)
    }

    /// A recovery code was used from this client, and so many are left. Not in the client's language: it may be a stranger's.
    #[must_use]
    pub fn recovery_code_used(&self, to: &Readers<'_>, by: &Client, left: usize) -> Vec<SealedMail> {
        let (from, forgot) = (by.address.to_string(), self.policy.forgot.as_str());
        let fill =
            |params: Params| params.with("ip", from.as_str()).with("left", left.to_string()).with("link", forgot);
        self.write(MailKind::RecoveryCodeUsed, to, None, fill)
    }

    /// A passkey was added or removed from this client: `change` says which.
    #[must_use]
    pub fn passkey_changed(&self, to: &Readers<'_>, by: &Client, change: &str) -> Vec<SealedMail> {
        let forgot = self.policy.forgot.as_str();
        let fill =
            |params: Params| params.with("ip", by.address.to_string()).with("change", change).with("link", forgot);
        self.write(MailKind::PasskeyChanged, to, Some(by), fill)
    }

    /// There are two copies of a passkey. Not in the client's language: it may be a stranger's.
    #[must_use]
    pub fn passkey_cloned(&self, to: &Readers<'_>) -> Vec<SealedMail> {
        self.write(MailKind::PasskeyCloned, to, None, |params| params)
    }

    /// The account was deleted, by the user (from this client) or by an administrator.
    #[must_use]
    pub fn account_deleted(&self, to: &Readers<'_>, by: Option<&Client>) -> Vec<SealedMail> {
        self.write(MailKind::AccountDeleted, to, by, |params| params.with("ip", address_of(by)))
    }

    /// An administrator disabled the account.
    #[must_use]
    pub fn account_disabled(&self, to: &Readers<'_>) -> Vec<SealedMail> {
        self.write(MailKind::AccountDisabled, to, None, |params| params)
    }

    /// A refresh token was used twice. Not in the client's language: it may be the thief's.
    #[must_use]
    pub fn theft_found(&self, to: &Readers<'_>, from: IpAddr, ends: &str) -> Vec<SealedMail> {
        let forgot = self.policy.forgot.as_str();
        let fill = |params: Params| params.with("ip", from.to_string()).with("ends", ends).with("link", forgot);
        self.write(MailKind::TheftFound, to, None, fill)
    }

    /// A login from a device and a network that are new for the user. Not in the client's language: it may be a stranger's.
    #[must_use]
    pub fn new_device(&self, to: &Readers<'_>, from: IpAddr) -> Vec<SealedMail> {
        let fill = |params: Params| params.with("ip", from.to_string()).with("link", self.policy.forgot.as_str());
        self.write(MailKind::NewDevice, to, None, fill)
    }

    fn write(
        &self,
        kind: MailKind,
        to: &Readers<'_>,
        by: Option<&Client>,
        fill: impl Fn(Params) -> Params,
    ) -> Vec<SealedMail> {
        if self.policy.kinds.contains(&kind) { self.write_always(kind, to, by, fill) } else { Vec::new() }
    }

    fn write_always(
        &self,
        kind: MailKind,
        to: &Readers<'_>,
        by: Option<&Client>,
        fill: impl Fn(Params) -> Params,
    ) -> Vec<SealedMail> {
        let now = self.clock.now();
        let language = to.language.or_else(|| by?.language);
        let mail = |to: &EmailAddress| Mail {
            kind,
            to: to.clone(),
            language: language.unwrap_or(self.policy.language),
            expires_at: now.plus(LIFE),
            params: fill(Params::default().with("at", to_the_minute(now))),
        };
        to.addresses.iter().map(|to| SealedMail::of(mail(to), &self.secrets, now)).collect()
    }
}

fn address_of(client: Option<&Client>) -> String {
    client.map(|client| client.address.to_string()).unwrap_or_default()
}

/// `2026-11-27 21:03 UTC`: readable in every language.
fn to_the_minute(time: Timestamp) -> String {
    let text = time.rfc3339();
    format!("{} UTC", text.get(..16).unwrap_or(&text).replace('T', " "))
}
