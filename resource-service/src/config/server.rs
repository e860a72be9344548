//! Where the service listens, and the limits of connections.

use shared::{
    server::{Limits, Timeouts, are_in_conflict},
    settings,
    settings::{Settings, duration_within, number_within, parsed},
};
use std::{net::SocketAddr, time::Duration};

settings! {
    /// Address of the public API.
    plain RESOURCE_LISTEN: SocketAddr = "127.0.0.1:8081", address;
    /// Address for health checks and metrics; keep it private.
    plain RESOURCE_ADMIN_LISTEN: SocketAddr = "127.0.0.1:9081", address;
    /// Maximum number of connections to the public API; more are closed.
    plain RESOURCE_MAX_CONNECTIONS: usize = "1000", |text| number_within(text, 1, 1_000_000);
    /// Maximum number of connections from one IPv4 address or IPv6 /56; 0: no limit, as behind a proxy.
    plain RESOURCE_MAX_CONNECTIONS_PER_ADDRESS: usize = "500", |text| number_within(text, 0, 1_000_000);
    /// Time a client has to send a request's head: 1s to 5m.
    plain RESOURCE_HEAD_TIMEOUT: Duration = "5s", timeout;
    /// Time a client has to send a request's body: 1s to 5m.
    plain RESOURCE_BODY_TIMEOUT: Duration = "30s", timeout;
    /// Time a client may go without reading any of a response: 1s to 5m.
    plain RESOURCE_WRITE_TIMEOUT: Duration = "30s", timeout;
}

/// The public and the admin address.
pub(super) fn addresses(settings: &Settings) -> (SocketAddr, SocketAddr) {
    let (listen, admin_listen) = (settings.get(&RESOURCE_LISTEN), settings.get(&RESOURCE_ADMIN_LISTEN));
    if are_in_conflict(listen, admin_listen) {
        settings.mistake("RESOURCE_ADMIN_LISTEN: RESOURCE_LISTEN has this address already: give it another port");
    }
    (listen, admin_listen)
}

pub(super) fn connections(settings: &Settings) -> Limits {
    Limits {
        total: settings.get(&RESOURCE_MAX_CONNECTIONS),
        per_address: settings.get(&RESOURCE_MAX_CONNECTIONS_PER_ADDRESS),
        timeouts: Timeouts {
            head: settings.get(&RESOURCE_HEAD_TIMEOUT),
            body: settings.get(&RESOURCE_BODY_TIMEOUT),
            write: settings.get(&RESOURCE_WRITE_TIMEOUT),
        },
    }
}

fn address(text: &str) -> Result<SocketAddr, String> {
    parsed(text, "an address such as 127.0.0.1:8081")
}

fn timeout(text: &str) -> Result<Duration, String> {
    duration_within(text, "1s", "5m")
}
