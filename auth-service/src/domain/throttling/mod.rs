//! Throttling of failed logins: by account and network, by address, and by account, so that nobody can guess for long
//! and nobody can lock a user out from afar.
//!
//! Attempts are looked at before the password is hashed, and again before the result is told: a burst of parallel
//! guesses learns no more than the same guesses one after the other.

pub mod counters;
pub mod limiter;
pub mod limits;

use self::{
    counters::{Count, CounterKey, Counters},
    limits::{CROWD, Limit, Rate},
};
use super::{
    Client, Unavailable,
    accounts::EmailAddress,
    client::{host, network},
    secrets::KeyRing,
};
use futures_util::future::try_join_all;
use shared::ids::{SessionId, UserId};
use std::{net::IpAddr, sync::Arc, time::Duration};

/// How long a device is known after a login.
const DEVICE_KNOWN_FOR: Duration = Duration::from_secs(30 * 24 * 3600);

/// How many failures there may be in a time; `None`: as many as there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FailureLimits {
    /// From an address.
    pub per_address: Option<Rate>,
    /// For an account, from everywhere; devices that have logged in to it before are exempt.
    pub per_account: Option<Rate>,
    /// For an account, from one network.
    pub per_account_and_network: Option<Rate>,
}

/// Where an attempt comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// The client's address.
    pub address: IpAddr,
    /// Whether different clients have different addresses: not so behind a proxy that is not trusted.
    pub is_told_apart: bool,
    /// Whom such a proxy names, if it does.
    pub named: Option<IpAddr>,
    /// The session of this account's whose token the device has shown.
    pub known_device: Option<SessionId>,
}

impl Origin {
    /// Where a client's attempt on an account comes from.
    #[must_use]
    pub fn of(client: &Client, account: Option<UserId>) -> Self {
        let Client { address, is_told_apart, named, .. } = *client;
        Self { address, is_told_apart, named, known_device: client.known_by(account) }
    }
}

/// Whose password is tried. It need not be anybody's.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// The address that was given.
    pub email: &'a EmailAddress,
    /// How often its account was unlocked: what failed before counts no more. Zero where there is none.
    pub unlocks: i64,
}

/// An attempt to log in. Without a target, what was given is no address.
#[derive(Debug, Clone, Copy)]
pub struct Attempt<'a> {
    /// Whose password is tried.
    pub target: Option<Target<'a>>,
    /// From where.
    pub origin: Origin,
}

/// Why an attempt is refused.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Throttled {
    /// Too many failures; try again later.
    #[error("too many failed attempts")]
    TooMany {
        /// Which limit was reached, of those that bind for longest.
        limit: Limit,
        /// Whose.
        key: CounterKey,
        /// When to try again.
        retry_after: Duration,
    },
    /// The store of the counters did not answer.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Counts failures and refuses attempts.
pub struct Throttle {
    counters: Arc<dyn Counters>,
    keys: Arc<KeyRing>,
    limits: FailureLimits,
}

/// How many times as often as from a network a password may be wrong from a crowd, whose members an address does not tell apart:
/// less than what locks the account for everybody.
const CROWD_OF_ACCOUNT: u32 = 3;

/// How many failures a counter may show.
struct Bound {
    limit: Limit,
    key: CounterKey,
    rate: Rate,
    spares: Spares,
}

/// Whom a bound does not hold for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Spares {
    Nobody,
    /// Devices that show a token of the account: they count their own failures.
    Devices,
    /// These, and networks from which somebody has logged in to the account.
    DevicesAndNetworks,
}

impl Throttle {
    /// Throttling with counters in a store.
    #[must_use]
    pub fn new(counters: Arc<dyn Counters>, keys: Arc<KeyRing>, limits: FailureLimits) -> Self {
        Self { counters, keys, limits }
    }

    /// Whether an attempt may be made: ask before anything costly.
    ///
    /// # Errors
    /// [`Throttled`].
    pub async fn admit(&self, attempt: &Attempt<'_>) -> Result<(), Throttled> {
        let bounds = self.bounds(attempt);
        let keys: Vec<CounterKey> = bounds.iter().map(|bound| bound.key.clone()).collect();
        let counts = self.counters.read(&keys).await?;
        self.judge(attempt, &bounds, &counts).await
    }

    /// Counts a failure.
    ///
    /// # Errors
    /// [`Throttled`]: the failure may not be told.
    pub async fn failed(&self, attempt: &Attempt<'_>) -> Result<(), Throttled> {
        let bounds = self.bounds(attempt);
        let added = bounds.iter().map(|bound| self.counters.add(std::slice::from_ref(&bound.key), bound.rate.within));
        let counts = try_join_all(added).await?.concat();
        // The failure that reaches a limit is still told, the one after it is not.
        let told: Vec<Count> =
            counts.iter().map(|count| Count { value: count.value.saturating_sub(1), ..*count }).collect();
        self.judge(attempt, &bounds, &told).await
    }

    /// Remembers the device, unless other attempts have failed too often in the meantime.
    ///
    /// # Errors
    /// [`Throttled`]: the success may not be told.
    pub async fn succeeded(&self, attempt: &Attempt<'_>) -> Result<(), Throttled> {
        self.admit(attempt).await?;
        if let Some(device) = self.device(attempt) {
            self.counters.add(&[device], DEVICE_KNOWN_FOR).await?;
        }
        Ok(())
    }

    /// Forgets, in a bounded batch, failures that no longer count; answers how many.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn forget_expired(&self, at_most: u32) -> Result<u64, Unavailable> {
        self.counters.forget_expired(at_most).await
    }

    async fn judge(&self, attempt: &Attempt<'_>, bounds: &[Bound], counts: &[Count]) -> Result<(), Throttled> {
        let is_device = attempt.origin.known_device.is_some();
        let binds = |bound: &Bound| bound.spares == Spares::Nobody || !is_device;
        let is_reached = |(bound, count): &(&Bound, &Count)| binds(bound) && count.value >= u64::from(bound.rate.most);
        let reached = || bounds.iter().zip(counts).filter(is_reached);
        let is_spared = reached().any(|(bound, _)| bound.spares == Spares::DevicesAndNetworks)
            && self.is_known_network(attempt).await?;
        let binding = reached().filter(|(bound, _)| !(is_spared && bound.spares == Spares::DevicesAndNetworks));
        binding.max_by_key(|(_, count)| count.resets_in).map_or(Ok(()), |(bound, count)| {
            Err(Throttled::TooMany { limit: bound.limit, key: bound.key.clone(), retry_after: count.resets_in })
        })
    }

    async fn is_known_network(&self, attempt: &Attempt<'_>) -> Result<bool, Unavailable> {
        let Some(device) = self.device(attempt) else { return Ok(false) };
        let counts = self.counters.read(&[device]).await?;
        Ok(counts.first().is_some_and(|count| count.value > 0))
    }

    /// The counter of a network's logins to an account: whoever calls from it is no stranger. `None` where that says nothing.
    fn device(&self, attempt: &Attempt<'_>) -> Option<CounterKey> {
        let target = attempt.target.filter(|_| attempt.origin.is_told_apart)?;
        Some(self.name(&format!("device {} {}", target.email, network(attempt.origin.address))))
    }

    fn bounds(&self, attempt: &Attempt<'_>) -> Vec<Bound> {
        let Attempt { target, origin } = attempt;
        let FailureLimits { per_address, per_account, per_account_and_network } = self.limits;
        let mut bounds = Vec::new();
        let mut bound = |limit, rate: Option<Rate>, factor, name: String, spares| {
            let rate = rate.map(|rate| rate.times(factor));
            bounds.extend(rate.map(|rate| Bound { limit, key: self.name(&name), rate, spares }));
        };
        for (place, factor) in places_of(origin, host, CROWD) {
            bound(Limit::Failures, per_address, factor, format!("address {place}"), Spares::Devices);
        }
        if let Some(account) = target.map(name_of) {
            let pair = Limit::FailuresPerAccountAndNetwork;
            for (place, factor) in places_of(origin, network, CROWD_OF_ACCOUNT) {
                bound(pair, per_account_and_network, factor, format!("pair {account} {place}"), Spares::Devices);
            }
            if let Some(session) = origin.known_device {
                bound(pair, per_account_and_network, 1, format!("pair {account} {session}"), Spares::Nobody);
            }
            let everywhere = format!("account {account}");
            bound(Limit::FailuresPerAccount, per_account, 1, everywhere, Spares::DevicesAndNetworks);
        }
        bounds
    }

    fn name(&self, parts: &str) -> CounterKey {
        CounterKey(self.keys.current().throttle_name(parts))
    }
}

/// Every unlocking gives an account new counters.
fn name_of(target: Target<'_>) -> String {
    let Target { email, unlocks } = target;
    if unlocks == 0 { email.to_string() } else { format!("{email} {unlocks}") }
}

/// From where attempts are counted together, and how many times as many there may be. Where an address does not tell clients apart,
/// whom the proxy names counts as anybody else, and all of them together count too: the name may be the client's invention.
fn places_of(origin: &Origin, prefix: fn(IpAddr) -> IpAddr, crowd: u32) -> Vec<(String, u32)> {
    let place = prefix(origin.address);
    if origin.is_told_apart {
        return vec![(place.to_string(), 1)];
    }
    let named = origin.named.map(|named| (format!("{place} for {}", prefix(named)), 1));
    named.into_iter().chain([(format!("crowd {place}"), crowd)]).collect()
}

#[cfg(test)]
mod tests;
