//! Passkeys (WebAuthn Level 3): added by users who are logged in, and good for logging in without anything else.
//!
//! The library behind [`ceremonies::Ceremonies`] verifies signatures, origins and domains. Everything that needs a memory is
//! here: which challenges were answered, whose a credential is, its counter, and whether it may be copied.

pub mod add;
pub mod authenticate;
mod by_passki;
mod ceremonies;
mod challenge;
mod manage;
mod name;
mod providers;
mod relying_party;
mod store;
mod wire;

pub use self::{
    by_passki::ByPasski,
    ceremonies::{AuthenticatorData, Ceremonies, NewCredential, NotGenuine, PublicKey},
    challenge::{Challenge, LIFE, Purpose},
    manage::RemovalError,
    name::{InvalidPasskeyName, PasskeyName},
    providers::provider,
    relying_party::{NoParty, RelyingParty},
    store::{Addition, MAX_PASSKEYS, Passkey, PasskeyStore, Records, Removal, Spent, Standing, Use},
    wire::{Assertion, AssertionResponse, Attestation, Bytes, CredentialId, Registration},
};

use super::{Unavailable, accounts::Accounts, audit::Audit, mail::Notices, secrets::KeyRing, sessions::caller::Caller};
use shared::{
    clock::{Clock, Timestamp},
    ids::UserId,
};
use std::{sync::Arc, time::Duration};

/// How long an answered challenge is remembered after its end: replicas whose clocks are behind still accept it for a while.
const MARGIN: Duration = Duration::from_secs(3600);

/// There are no passkeys here: the host of the public URL is an IP address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there are no passkeys here: browsers make them for host names only, and the public URL has an IP address")]
pub struct NoPasskeys;

/// A challenge that was made, with what the browser is to be asked.
#[derive(Debug, Clone)]
pub struct Offer<'a> {
    /// Returned with the answer.
    pub challenge_id: String,
    /// What the authenticator signs.
    pub challenge: [u8; 32],
    /// For whom.
    pub party: &'a RelyingParty,
    /// Passkeys of the user: for a login those that are accepted, for a registration those that there are already.
    pub passkeys: Vec<Passkey>,
}

/// Adds, lists and removes passkeys, and checks what they sign.
pub struct Passkeys {
    /// For whom they are, unless there cannot be any.
    pub party: Option<RelyingParty>,
    /// Verifies what authenticators answer.
    pub ceremonies: Arc<dyn Ceremonies>,
    /// The users, to notify them.
    pub accounts: Arc<dyn Accounts>,
    /// The store.
    pub store: Arc<dyn PasskeyStore>,
    /// Signs challenges.
    pub secrets: Arc<KeyRing>,
    /// Writes notices.
    pub notices: Arc<Notices>,
    /// The audit log.
    pub audit: Arc<Audit>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

impl Passkeys {
    /// For whom they are.
    ///
    /// # Errors
    /// [`NoPasskeys`].
    pub fn party(&self) -> Result<&RelyingParty, NoPasskeys> {
        self.party.as_ref().ok_or(NoPasskeys)
    }

    /// The passkeys of a user, the oldest first.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn of(&self, sub: UserId) -> Result<Vec<Passkey>, Unavailable> {
        self.store.passkeys_of(sub).await
    }

    /// Forgets up to `at_most` answered challenges that nobody can answer again; returns how many. `now` is the database's time.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn forget_challenges(&self, now: Timestamp, at_most: u32) -> Result<u64, Unavailable> {
        self.store.forget_challenges(now.minus(MARGIN), at_most).await
    }

    fn offer<'a>(&self, party: &'a RelyingParty, purpose: Purpose, passkeys: Vec<Passkey>) -> Offer<'a> {
        let challenge = Challenge::fresh(purpose, self.clock.now());
        Offer { challenge_id: challenge.signed(&self.secrets), challenge: challenge.bytes, party, passkeys }
    }

    fn challenge(&self, id: &str) -> Option<Challenge> {
        Challenge::read(id, &self.secrets, self.clock.now())
    }
}

impl Standing {
    /// Of a caller.
    #[must_use]
    pub fn of(caller: &Caller) -> Self {
        Self { sub: caller.account.id, epoch: caller.account.session_epoch, session: caller.session }
    }
}
