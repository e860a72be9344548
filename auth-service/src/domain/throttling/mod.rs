//! Throttling of failed logins: by account and network, by address, and by account, so that nobody can guess for long
//! and nobody can lock a user out from elsewhere.
//!
//! Attempts are checked before the password is hashed, and again before the result is reported: a burst of parallel
//! guesses learns no more than the same guesses one after the other.

pub mod counters;
pub mod limiter;
pub mod limits;
pub mod mail_budget;
pub mod rates;

use self::{
    counters::{Count, CounterKey, Counters},
    limits::{CROWD, Limit},
    rates::Rate,
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

/// How many failures are allowed in a time; `None`: any number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FailureLimits {
    /// From an address.
    pub per_address: Option<Rate>,
    /// For an account, from everywhere; known devices are exempt.
    pub per_account: Option<Rate>,
    /// For an account, from one network.
    pub per_account_and_network: Option<Rate>,
}

/// Where an attempt comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// The client's address.
    pub address: IpAddr,
    /// Whether each client has an address of its own: not so behind a proxy that is not trusted.
    pub has_own_address: bool,
    /// The client that such a proxy names, if it names one.
    pub named: Option<IpAddr>,
    /// The session of this account whose token the device has shown.
    pub known_device: Option<SessionId>,
}

impl Origin {
    /// Where a client's attempt on an account comes from.
    #[must_use]
    pub fn of(client: &Client, account: Option<UserId>) -> Self {
        let Client { address, has_own_address, named, .. } = *client;
        Self { address, has_own_address, named, known_device: client.known_by(account) }
    }
}

/// The account whose password is tried. It need not exist.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// The e-mail address that was given.
    pub email: &'a EmailAddress,
    /// How often the account was unlocked: earlier failures no longer count. Zero if there is no account.
    pub unlocks: i64,
}

/// An attempt to log in. There is no target if what was given is not an e-mail address.
#[derive(Debug, Clone, Copy)]
pub struct Attempt<'a> {
    /// The account whose password is tried.
    pub target: Option<Target<'a>>,
    /// Where the attempt comes from.
    pub origin: Origin,
}

/// Why an attempt is refused.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Throttled {
    /// Too many failures; try again later.
    #[error("too many failed attempts")]
    TooMany {
        /// The limit that was reached; of several, the one that holds longest.
        limit: Limit,
        /// The counter that reached it.
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

/// From a crowd, whose members share an address, the password of an account may be wrong this many times as often as
/// from a network. That is fewer failures than lock the account for everyone.
const CROWD_OF_ACCOUNT: u32 = 3;

/// The most failures that a counter may show.
struct Bound {
    limit: Limit,
    key: CounterKey,
    rate: Rate,
    spares: Spares,
}

/// The clients that a bound does not apply to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Spares {
    Nobody,
    /// Known devices of the account: they count their own failures.
    Devices,
    /// Known devices, and networks from which someone has logged in to the account.
    DevicesAndNetworks,
}

impl Throttle {
    /// Throttles with counters in this store.
    #[must_use]
    pub fn new(counters: Arc<dyn Counters>, keys: Arc<KeyRing>, limits: FailureLimits) -> Self {
        Self { counters, keys, limits }
    }

    /// Whether an attempt may be made: ask before doing anything costly.
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
    /// [`Throttled`]: the failure must not be reported.
    pub async fn failed(&self, attempt: &Attempt<'_>) -> Result<(), Throttled> {
        let bounds = self.bounds(attempt);
        let added = bounds.iter().map(|bound| self.counters.add(std::slice::from_ref(&bound.key), bound.rate.within));
        let counts = try_join_all(added).await?.concat();
        // The failure that reaches a limit is still reported; the next one is not.
        let reported: Vec<Count> =
            counts.iter().map(|count| Count { value: count.value.saturating_sub(1), ..*count }).collect();
        self.judge(attempt, &bounds, &reported).await
    }

    /// Remembers the network of the login, unless other attempts have failed too often in the meantime.
    ///
    /// # Errors
    /// [`Throttled`]: the success must not be reported.
    pub async fn succeeded(&self, attempt: &Attempt<'_>) -> Result<(), Throttled> {
        self.admit(attempt).await?;
        if let Some(device) = self.device(attempt) {
            self.counters.add(&[device], DEVICE_KNOWN_FOR).await?;
        }
        Ok(())
    }

    /// Deletes a bounded batch of expired counters; returns how many.
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

    /// The counter of a network's logins to an account: callers from that network are not strangers. `None` if an
    /// address does not tell clients apart.
    fn device(&self, attempt: &Attempt<'_>) -> Option<CounterKey> {
        let target = attempt.target.filter(|_| attempt.origin.has_own_address)?;
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

/// Each unlocking gives the account new counters.
fn name_of(target: Target<'_>) -> String {
    let Target { email, unlocks } = target;
    if unlocks == 0 { email.to_string() } else { format!("{email} {unlocks}") }
}

/// The places under which an attempt is counted, each with the factor by which its limit is raised. If an address does
/// not tell clients apart, the client that the proxy names counts as any other, and all clients together count too,
/// because the name may be invented.
fn places_of(origin: &Origin, prefix: fn(IpAddr) -> IpAddr, crowd: u32) -> Vec<(String, u32)> {
    let place = prefix(origin.address);
    if origin.has_own_address {
        return vec![(place.to_string(), 1)];
    }
    let named = origin.named.map(|named| (format!("{place} for {}", prefix(named)), 1));
    named.into_iter().chain([(format!("crowd {place}"), crowd)]).collect()
}

#[cfg(test)]
mod tests;
