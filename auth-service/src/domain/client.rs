//! The caller: its address, its user agent, and whether it is a known device.

use super::Language;
use shared::ids::{SessionId, UserId};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The client of a request.
#[derive(Debug, Clone)]
pub struct Client {
    /// The client's address.
    pub address: IpAddr,
    /// Whether each client has an address of its own here. If not, the address belongs to a crowd, or to a client that
    /// pretends to be a proxy.
    pub has_own_address: bool,
    /// The client that the nearest proxy names, if addresses do not tell clients apart. The client may have chosen this
    /// name itself: it divides what the crowd may do, and never adds to it.
    pub named: Option<IpAddr>,
    /// The `User-Agent`, shortened.
    pub user_agent: String,
    /// The language that the request asks for, if mails are written in it.
    pub language: Option<Language>,
    /// The device, if it shows a refresh token of an account, expired or not. Only password checks look at it.
    pub device: Option<KnownDevice>,
}

/// A device that has logged in to an account before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownDevice {
    /// The account.
    pub user: UserId,
    /// The session that the device began at that login.
    pub session: SessionId,
}

impl Client {
    /// The session of the device's earlier login to this account, if there was one.
    #[must_use]
    pub fn known_by(&self, account: Option<UserId>) -> Option<SessionId> {
        self.device.filter(|device| Some(device.user) == account).map(|device| device.session)
    }

    /// The part of an address that one subscriber has: an IPv4 address, an IPv6 /56.
    #[must_use]
    pub fn host(&self) -> IpAddr {
        host(self.address)
    }
}

/// The part of an address that one subscriber has: an IPv4 address, an IPv6 /56.
pub(super) fn host(address: IpAddr) -> IpAddr {
    prefix(address, 32, 56)
}

/// The range within which one subscriber's address may change: an IPv4 /24, an IPv6 /56.
pub(super) fn network(address: IpAddr) -> IpAddr {
    prefix(address, 24, 56)
}

fn prefix(address: IpAddr, v4: u32, v6: u32) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => (address & Ipv4Addr::from(u32::MAX << (32 - v4))).into(),
        IpAddr::V6(address) => (address & Ipv6Addr::from(u128::MAX << (128 - v6))).into(),
    }
}
