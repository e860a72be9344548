//! A passkey shows who somebody is: at a login, as a second factor, or again.

use super::{
    Assertion, AuthenticatorData, CredentialId, NoPasskeys, NotGenuine, Offer, Passkey, Passkeys, Purpose, Records,
    Spent, Use,
};
use crate::domain::{
    Client, Unavailable,
    audit::{Action, AuditQuery, Event},
    sessions::methods::Method,
};
use shared::ids::{TokenId, UserId};
use std::time::Duration;

/// A user gets at most one notice of two copies in this time.
const ONCE: Duration = Duration::from_secs(24 * 3600);

/// What is to be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Who somebody is: answers a challenge of [`Passkeys::offer_to_log_in`].
    Anybody,
    /// That somebody who gave this user's password is the user: answers either kind of challenge. A login by the same passkey
    /// would have needed nothing else.
    SecondFactorOf(UserId),
    /// That the caller is still this user: answers a challenge of [`Passkeys::offer_to_confirm`].
    Again(UserId),
}

impl Wanted {
    fn accepts(self, purpose: Purpose) -> bool {
        match (self, purpose) {
            (Self::Anybody | Self::SecondFactorOf(_), Purpose::Login) => true,
            (Self::SecondFactorOf(user) | Self::Again(user), Purpose::Confirm(asked)) => user == asked,
            (Self::Anybody, Purpose::Confirm(_)) | (Self::Again(_), Purpose::Login) | (_, Purpose::Register(_)) => {
                false
            }
        }
    }

    fn accepts_user(self, sub: UserId) -> bool {
        match self {
            Self::Anybody => true,
            Self::SecondFactorOf(user) | Self::Again(user) => user == sub,
        }
    }
}

/// What kind of passkey it is (RFC 8176).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It never leaves its device: `hwk`.
    Hardware,
    /// It may be copied to other devices: `swk`.
    Synced,
}

impl From<Kind> for Method {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Hardware => Self::Passkey,
            Kind::Synced => Self::SyncedPasskey,
        }
    }
}

/// Whose passkey it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Authenticated {
    /// The user.
    pub sub: UserId,
    /// The kind of passkey.
    pub kind: Kind,
}

/// Why a passkey was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum PasskeyError {
    /// There are no passkeys here.
    #[error(transparent)]
    NoPasskeys(#[from] NoPasskeys),
    /// The challenge is unknown, late, used, or for something else.
    #[error("the challenge is not good, or not any more")]
    Expired,
    /// Nobody has a passkey with this credential: the browser may forget it.
    #[error("the passkey is unknown")]
    Unknown {
        /// The domain.
        rp_id: String,
        /// The credential.
        credential: CredentialId,
    },
    /// The answer does not verify, or is not of the user it is wanted of, or the passkey was copied.
    #[error("the passkey is not accepted")]
    Refused {
        /// Whose passkey it is.
        sub: UserId,
        /// Why, for the audit log.
        reason: &'static str,
    },
    /// A store did not answer.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Passkeys {
    /// A challenge to log in, by whichever passkey the user picks.
    ///
    /// # Errors
    /// [`NoPasskeys`].
    pub fn offer_to_log_in(&self) -> Result<Offer<'_>, NoPasskeys> {
        Ok(self.offer(self.party()?, Purpose::Login, Vec::new()))
    }

    /// A challenge for a user, with the passkeys that are accepted.
    ///
    /// # Errors
    /// [`PasskeyError::NoPasskeys`], [`PasskeyError::Unavailable`].
    pub async fn offer_to_confirm(&self, sub: UserId) -> Result<Offer<'_>, PasskeyError> {
        let party = self.party()?;
        Ok(self.offer(party, Purpose::Confirm(sub), self.of(sub).await?))
    }

    /// Checks the answer to a challenge. A challenge is good for one success, however many answers come at the same time.
    ///
    /// Whether the user is disabled is not looked at.
    ///
    /// # Errors
    /// [`PasskeyError`].
    pub async fn authenticate(
        &self,
        challenge_id: &str,
        answer: &Assertion,
        wanted: Wanted,
        client: &Client,
    ) -> Result<Authenticated, PasskeyError> {
        let party = self.party()?;
        let challenge = self.challenge(challenge_id).filter(|challenge| wanted.accepts(challenge.purpose));
        let challenge = challenge.ok_or(PasskeyError::Expired)?;
        let Some(passkey) = self.store.by_credential(&answer.id).await? else {
            return Err(PasskeyError::Unknown { rp_id: party.id.clone(), credential: answer.id.clone() });
        };
        let sub = passkey.sub;
        let refused = |reason| PasskeyError::Refused { sub, reason };
        if !wanted.accepts_user(sub) {
            return Err(refused("other_user"));
        }
        let seen = self.ceremonies.asserted(party, &challenge.bytes, answer, &passkey.key);
        let seen = seen.map_err(|NotGenuine(reason)| {
            tracing::debug!(%sub, reason, "a passkey is refused");
            refused("not_genuine")
        })?;
        flaw(&passkey, &seen, answer, wanted).map_or(Ok(()), |reason| Err(refused(reason)))?;
        let spent = Spent { challenge: &challenge, attempt: TokenId::fresh() };
        match self.store.note_use(&passkey, &seen, spent, self.clock.now()).await? {
            Use::Noted => {}
            Use::Spent => return Err(PasskeyError::Expired),
            Use::Gone => return Err(PasskeyError::Unknown { rp_id: party.id.clone(), credential: answer.id.clone() }),
            Use::Behind => {
                self.report_copies(&passkey, client).await;
                return Err(refused("cloned"));
            }
        }
        let kind = if passkey.is_backup_eligible { Kind::Synced } else { Kind::Hardware };
        Ok(Authenticated { sub, kind })
    }

    /// Records that there are two copies of a passkey, and notifies its user. Nobody is locked out.
    async fn report_copies(&self, passkey: &Passkey, client: &Client) {
        let event = self.audit.event(Action::PasskeyCloned).failed().to(passkey.sub).from(client);
        let event = event.with("passkey", passkey.id.to_string());
        if let Err(error) = self.notify_of_copies(passkey.sub, &event).await {
            tracing::error!(%error, id = %event.id, "failed to record that there are two copies of a passkey, and to notify its user");
        }
        self.audit.log(&event);
    }

    async fn notify_of_copies(&self, sub: UserId, event: &Event) -> Result<(), Unavailable> {
        let (since, action) = (Some(event.at.minus(ONCE)), Some(Action::PasskeyCloned));
        let earlier = AuditQuery { sub: Some(sub), action, since, limit: 1, ..AuditQuery::default() };
        let is_first = self.audit.events(earlier).await?.0.is_empty();
        let user = self.accounts.by_id(sub).await?.filter(|_| is_first);
        let mails = user.map(|user| self.notices.passkey_cloned(&user.account.readers())).unwrap_or_default();
        self.store.report_copies(Records { event, mails: &mails }).await
    }
}

/// What is wrong with a genuine answer.
fn flaw(passkey: &Passkey, seen: &AuthenticatorData, answer: &Assertion, wanted: Wanted) -> Option<&'static str> {
    let handle = answer.response.user_handle.as_ref().map(|handle| handle.as_slice());
    // Without a list of credentials, only the handle says whose it is (WebAuthn Level 3, section 7.2, step 6).
    let is_handle_right = match handle {
        Some(handle) => handle == passkey.sub.to_bytes(),
        None => wanted != Wanted::Anybody,
    };
    if !is_handle_right {
        Some("user_handle")
    } else if !seen.is_user_verified {
        Some("not_verified")
    } else if seen.is_backup_eligible != passkey.is_backup_eligible {
        Some("backup_eligibility")
    } else {
        None
    }
}
