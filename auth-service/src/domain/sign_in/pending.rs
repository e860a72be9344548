//! A login of which the first step is done, while the second factor is asked for. Kept by the client, as a signed text, so that
//! strangers' logins leave nothing behind.

use crate::domain::{
    accounts::Epoch,
    secrets::KeyRing,
    sessions::methods::{Method, Methods},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use shared::{
    clock::Timestamp,
    ids::{TokenId, UserId},
};
use std::{net::IpAddr, time::Duration};
use zeroize::Zeroizing;

/// How long the second step may take.
pub const LIFE: Duration = Duration::from_secs(5 * 60);

/// Genuine ones are much shorter.
const MAX_BYTES: usize = 1024;

/// The text that a client shows at the second step: it says that the first one was right. Has no `Debug`, and is wiped when
/// dropped.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct SecondFactorToken(Zeroizing<String>);

impl SecondFactorToken {
    /// One that is good for nothing, for documents.
    pub(super) fn example() -> Self {
        Self(Zeroizing::new("eyJ…".to_owned()))
    }

    /// The text itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// A login between its two steps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pending {
    /// Names it, so that it is completed once.
    pub id: TokenId,
    /// The user.
    pub sub: UserId,
    /// The user's epoch at the first step: a change of the password makes the text worthless.
    pub epoch: Epoch,
    /// What was shown at the first step.
    pub shown: Methods,
    /// Where: the second step is made from the same network.
    pub network: IpAddr,
    /// Until when, in milliseconds since 1970.
    pub expires_at: i64,
}

impl Pending {
    /// After a first step at `now`.
    #[must_use]
    pub fn after(first: Method, sub: UserId, epoch: Epoch, network: IpAddr, now: Timestamp) -> Self {
        let expires_at = now.plus(LIFE).millis();
        Self { id: TokenId::fresh(), sub, epoch, shown: first.into(), network, expires_at }
    }

    /// Signs it.
    ///
    /// # Panics
    /// Never: it has a form in JSON.
    #[must_use]
    pub fn signed(&self, secrets: &KeyRing) -> SecondFactorToken {
        let text = URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).expect("it has a form in JSON"));
        let tag = URL_SAFE_NO_PAD.encode(secrets.pending_login_tag(&text));
        SecondFactorToken(Zeroizing::new(format!("{text}.{tag}")))
    }

    /// Reads what a client shows. `None`: it is none of ours, or too late, or from another network.
    #[must_use]
    pub fn read(token: &SecondFactorToken, secrets: &KeyRing, network: IpAddr, now: Timestamp) -> Option<Self> {
        let token = Some(token.expose()).filter(|token| token.len() <= MAX_BYTES)?;
        let (text, tag) = token.split_once('.')?;
        let tag = URL_SAFE_NO_PAD.decode(tag).ok()?;
        if !secrets.is_pending_login_tag(text, &tag) {
            return None;
        }
        let pending: Self = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        let is_good = now < Timestamp::from_millis(pending.expires_at) && pending.network == network;
        is_good.then_some(pending)
    }

    /// When it can be forgotten that it was completed.
    #[must_use]
    pub fn expiry(&self) -> Timestamp {
        Timestamp::from_millis(self.expires_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::secrets::RootSecret;

    fn ring() -> KeyRing {
        KeyRing::new(&RootSecret::parse(&RootSecret::generate()).unwrap_or_else(|error| panic!("{error}")), None)
    }

    const NOW: Timestamp = Timestamp::from_millis(1_795_000_000_000);

    fn network(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn pending() -> Pending {
        Pending::after(Method::Password, UserId::fresh(), Epoch(7), network("203.0.113.0"), NOW)
    }

    #[test]
    fn it_is_read_back_until_it_is_five_minutes_old() {
        let (secrets, pending) = (ring(), pending());
        let token = pending.signed(&secrets);
        let read = |now| Pending::read(&token, &secrets, network("203.0.113.0"), now);
        assert_eq!(read(NOW), Some(pending.clone()));
        assert_eq!(read(NOW.plus(LIFE).minus(Duration::from_millis(1))), Some(pending));
        assert_eq!(read(NOW.plus(LIFE)), None);
    }

    #[test]
    fn it_is_good_in_its_network_only() {
        let (secrets, pending) = (ring(), pending());
        let token = pending.signed(&secrets);
        for other in ["203.0.112.0", "2001:db8::"] {
            assert_eq!(Pending::read(&token, &secrets, network(other), NOW), None);
        }
    }

    #[test]
    fn with_any_bit_flipped_or_of_another_secret_it_is_none_of_ours() {
        let (secrets, pending) = (ring(), pending());
        let token = pending.signed(&secrets);
        assert_eq!(Pending::read(&token, &ring(), pending.network, NOW), None);
        let bytes = token.expose().as_bytes();
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let Ok(text) = String::from_utf8(flipped) else { continue };
            let flipped = SecondFactorToken(Zeroizing::new(text));
            assert_eq!(Pending::read(&flipped, &secrets, pending.network, NOW), None, "bit {bit}");
        }
        for odd in ["", ".", "a.b", &"x".repeat(100_000)] {
            let odd = SecondFactorToken(Zeroizing::new(odd.to_owned()));
            assert_eq!(Pending::read(&odd, &secrets, pending.network, NOW), None);
        }
    }
}
