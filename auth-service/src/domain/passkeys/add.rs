//! A user adds a passkey.

use super::{
    Addition, MAX_PASSKEYS, NoPasskeys, NotGenuine, Offer, Passkey, PasskeyName, Passkeys, Purpose, Records,
    Registration, Spent, Standing, provider,
};
use crate::domain::{Client, Unavailable, audit::Action, sessions::caller::Caller};
use shared::ids::{PasskeyId, TokenId};

/// Why no passkey was added.
#[derive(Debug, thiserror::Error)]
pub enum AddError {
    /// There are no passkeys here.
    #[error(transparent)]
    NoPasskeys(#[from] NoPasskeys),
    /// The user has [`MAX_PASSKEYS`].
    #[error("the user has too many passkeys")]
    TooMany,
    /// The challenge is unknown, late, used, or somebody else's.
    #[error("the challenge is not good, or not any more")]
    Expired,
    /// The answer does not verify, or the credential is a passkey already.
    #[error("the passkey is not accepted")]
    Invalid,
    /// The caller's session has ended meanwhile.
    #[error("the session has ended")]
    SessionEnded,
    /// A store did not answer.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// A passkey to be added.
pub struct NewPasskey<'a> {
    /// The id of the challenge.
    pub challenge_id: &'a str,
    /// What the authenticator answered.
    pub answer: &'a Registration,
    /// What the user calls it; otherwise it is named after its provider.
    pub name: Option<PasskeyName>,
}

impl Passkeys {
    /// A challenge to add a passkey, with the passkeys that the user has.
    ///
    /// # Errors
    /// [`AddError`].
    pub async fn offer_to_add(&self, caller: &Caller) -> Result<Offer<'_>, AddError> {
        let (party, sub) = (self.party()?, caller.account.id);
        let passkeys = self.of(sub).await?;
        if passkeys.len() >= MAX_PASSKEYS {
            return Err(AddError::TooMany);
        }
        Ok(self.offer(party, Purpose::Register(sub), passkeys))
    }

    /// Adds a passkey to the caller's account, and notifies the user.
    ///
    /// # Errors
    /// [`AddError`].
    pub async fn add(&self, caller: &Caller, new: NewPasskey<'_>, client: &Client) -> Result<Passkey, AddError> {
        let (party, account) = (self.party()?, &caller.account);
        let sub = account.id;
        let challenge =
            self.challenge(new.challenge_id).filter(|challenge| challenge.purpose == Purpose::Register(sub));
        let challenge = challenge.ok_or(AddError::Expired)?;
        let verified = self.ceremonies.registered(party, &challenge.bytes, new.answer);
        let credential = verified.map_err(|NotGenuine(reason)| {
            tracing::debug!(%sub, reason, "a passkey is not added");
            AddError::Invalid
        })?;
        let named = || PasskeyName::of_provider(provider(&credential.aaguid));
        let passkey = Passkey {
            id: PasskeyId::fresh(),
            sub,
            counter: credential.seen.counter,
            transports: new.answer.response.known_transports(),
            aaguid: credential.aaguid,
            is_backup_eligible: credential.seen.is_backup_eligible,
            is_backed_up: credential.seen.is_backed_up,
            name: new.name.unwrap_or_else(named),
            created_at: self.clock.now(),
            last_used_at: None,
            credential: credential.id,
            key: credential.key,
        };
        let event = self.audit.event(Action::PasskeyAdd).to(sub).by(sub).about(caller.session).from(client);
        let event = event.with("passkey", passkey.id.to_string());
        let mails = self.notices.passkey_changed(&account.readers(), client, "added");
        let (spent, records) =
            (Spent { challenge: &challenge, attempt: TokenId::fresh() }, Records { event: &event, mails: &mails });
        match self.store.add(&passkey, spent, Standing::of(caller), records).await? {
            Addition::Added => {
                self.audit.log(&event);
                Ok(passkey)
            }
            Addition::Spent => Err(AddError::Expired),
            Addition::Taken => Err(AddError::Invalid),
            Addition::TooMany => Err(AddError::TooMany),
            Addition::Outdated => Err(AddError::SessionEnded),
        }
    }
}
