//! How many connections there may be: in all, and from one address.

use super::{
    Timeouts,
    metrics::{REFUSED, opened},
};
use std::{
    collections::HashMap,
    fmt,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// The limits of the connections of one socket.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How many there may be at once.
    pub total: usize,
    /// How many of them may come from one address: an IPv4 address, or the 56 bits of an IPv6 address that one
    /// subscriber has. 0: no limit.
    pub per_address: usize,
    /// How long their clients may take.
    pub timeouts: Timeouts,
}

/// Accepts connections, or refuses them. Clones share the count.
#[derive(Clone)]
pub struct Admission(Arc<Shared>);

struct Shared {
    socket: &'static str,
    limits: Limits,
    is_exempt: Box<dyn Fn(IpAddr) -> bool + Send + Sync>,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    all: Crowd,
    by_address: HashMap<Network, Crowd>,
}

/// Connections that are counted together.
#[derive(Default, Clone, Copy)]
struct Crowd {
    count: usize,
    /// Whether some were refused since there was last plenty of room.
    is_refusing: bool,
}

/// What counts as one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Network(IpAddr);

/// A connection that is counted until this is dropped.
pub(super) struct Admitted {
    shared: Arc<Shared>,
    network: Option<Network>,
}

impl Admission {
    /// For a socket of this name. `is_exempt` names addresses that many clients share; those of this machine are exempt
    /// too.
    #[must_use]
    pub fn new(
        socket: &'static str,
        limits: Limits,
        is_exempt: impl Fn(IpAddr) -> bool + Send + Sync + 'static,
    ) -> Self {
        let open = Mutex::default();
        Self(Arc::new(Shared { socket, limits, is_exempt: Box::new(is_exempt), open }))
    }

    pub(super) fn total(&self) -> usize {
        self.0.limits.total
    }

    pub(super) fn timeouts(&self) -> Timeouts {
        self.0.limits.timeouts
    }

    pub(super) fn socket(&self) -> &'static str {
        self.0.socket
    }

    /// Counts a connection in, if there is room for it.
    pub(super) fn admit(&self, peer: Option<SocketAddr>) -> Option<Admitted> {
        let Shared { socket, limits, .. } = *self.0;
        let network = peer.map(|peer| peer.ip().to_canonical()).and_then(|address| self.counted_as(address));
        let mut open = self.0.open();
        let of_address = network.map(|network| open.count_of(network));
        if open.all.count >= limits.total {
            REFUSED.add("total");
            if open.all.begins_to_refuse() {
                let address = peer.map(|peer| peer.ip().to_canonical().to_string());
                tracing::warn!(socket, address, limit = limits.total, "too many connections: more are closed");
            }
            return None;
        }
        if let Some(network) = network.filter(|_| of_address >= Some(limits.per_address)) {
            REFUSED.add("address");
            if open.by_address.entry(network).or_default().begins_to_refuse() {
                let (address, limit) = (network.to_string(), limits.per_address);
                tracing::warn!(socket, address, limit, "too many connections from one address: more are closed");
            }
            return None;
        }
        open.take(network);
        opened(socket, 1);
        Some(Admitted { shared: Arc::clone(&self.0), network })
    }

    fn counted_as(&self, address: IpAddr) -> Option<Network> {
        let is_counted = self.0.limits.per_address > 0 && !address.is_loopback() && !(self.0.is_exempt)(address);
        is_counted.then(|| Network::of(address))
    }
}

impl Shared {
    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    fn count_of(&self, network: Network) -> usize {
        self.by_address.get(&network).map_or(0, |crowd| crowd.count)
    }

    fn take(&mut self, network: Option<Network>) {
        self.all.count += 1;
        if let Some(network) = network {
            self.by_address.entry(network).or_default().count += 1;
        }
    }
}

impl Crowd {
    fn begins_to_refuse(&mut self) -> bool {
        !std::mem::replace(&mut self.is_refusing, true)
    }

    fn leave(&mut self, limit: usize) {
        self.count -= 1;
        self.is_refusing &= self.count > limit / 2;
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let limits = self.shared.limits;
        let mut open = self.shared.open();
        open.all.leave(limits.total);
        if let Some(network) = self.network
            && let Some(of_address) = open.by_address.get_mut(&network)
        {
            of_address.leave(limits.per_address);
            if of_address.count == 0 {
                open.by_address.remove(&network);
            }
        }
        opened(self.shared.socket, -1);
    }
}

impl Network {
    fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self(address),
            IpAddr::V6(address) => Self(Ipv6Addr::from_bits(address.to_bits() >> 72 << 72).into()),
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(address) => address.fmt(f),
            IpAddr::V6(address) => write!(f, "{address}/56"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission(total: usize, per_address: usize) -> Admission {
        let proxy: IpAddr = [10, 0, 0, 1].into();
        Admission::new("public", Limits { total, per_address, timeouts: Timeouts::default() }, move |address| {
            address == proxy
        })
    }

    fn from(admission: &Admission, address: &str) -> Option<Admitted> {
        admission.admit(Some(SocketAddr::new(address.parse().expect("an address"), 1)))
    }

    #[test]
    fn one_address_leaves_room_for_others() {
        let admission = admission(10, 2);
        let taken = [from(&admission, "192.0.2.1"), from(&admission, "192.0.2.1")];
        assert!(taken.iter().all(Option::is_some) && from(&admission, "192.0.2.1").is_none());
        assert!(from(&admission, "::ffff:192.0.2.1").is_none(), "the same address, written as IPv6");
        assert!(from(&admission, "192.0.2.2").is_some());
        drop(taken);
        assert!(from(&admission, "192.0.2.1").is_some());
        assert!(admission.0.open().by_address.is_empty(), "what is closed is forgotten");
    }

    #[test]
    fn the_addresses_of_one_ipv6_network_count_as_one() {
        let admission = admission(10, 1);
        let taken = from(&admission, "2001:db8:1:1::1");
        assert!(taken.is_some() && from(&admission, "2001:db8:1:ff:ffff::2").is_none());
        assert!(from(&admission, "2001:db8:1:100::1").is_some());
    }

    #[test]
    fn proxies_and_this_machine_are_limited_by_the_total_only() {
        let admission = admission(4, 1);
        let addresses = ["10.0.0.1", "10.0.0.1", "127.0.0.1", "::1"];
        let taken = addresses.map(|address| from(&admission, address));
        assert!(taken.iter().all(Option::is_some));
        assert!(from(&admission, "127.0.0.1").is_none(), "the total");
    }

    #[test]
    fn without_a_limit_by_address_only_the_total_counts() {
        let admission = admission(2, 0);
        let taken = ["192.0.2.1"; 2].map(|address| from(&admission, address));
        assert!(taken.iter().all(Option::is_some) && from(&admission, "192.0.2.2").is_none());
    }

    #[test]
    fn a_burst_is_reported_once() {
        let mut crowd = Crowd { count: 4, is_refusing: false };
        assert!(crowd.begins_to_refuse() && !crowd.begins_to_refuse());
        crowd.leave(4);
        assert!(!crowd.begins_to_refuse(), "still the same burst");
        crowd.leave(4);
        assert!(crowd.begins_to_refuse(), "another");
    }
}
