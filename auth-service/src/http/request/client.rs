//! The client of a request: its address, its user agent, and the refresh cookie that it sent.

use super::{cookie, forwarded::Nearest};
use crate::{
    domain::{
        Client, KnownDevice, Language,
        sessions::refresh_token::{RefreshClaims, Transport},
    },
    http::State,
};
use actix_web::{
    HttpRequest,
    http::header::{self, HeaderMap},
};
use shared::seldom::Seldom;
use std::net::{IpAddr, Ipv4Addr};

/// How many characters of a `User-Agent` are kept.
const USER_AGENT_CHARS: usize = 200;

static SAID: Seldom = Seldom::new();

/// The client of a request, without its device.
pub fn client(request: &HttpRequest, state: &State) -> Client {
    let Nearest { address, has_own_address, named } = nearest(request, state);
    let headers = request.headers();
    let (user_agent, language) = (user_agent(headers), language(headers));
    Client { address, has_own_address, named, user_agent, language, device: None }
}

/// As [`client`], with the known device that a refresh cookie shows it to be: for calls that check a password.
pub fn client_with_device(request: &HttpRequest, state: &State) -> Client {
    let token = refresh_cookie(request, state);
    let device = token.map(|token| KnownDevice { user: token.sub, session: token.sid });
    Client { device, ..client(request, state) }
}

/// The genuine refresh token in a cookie, expired or not.
pub fn refresh_cookie(request: &HttpRequest, state: &State) -> Option<RefreshClaims> {
    tokens(request, state).into_iter().find(|token| token.transport == Transport::Cookie)
}

/// All genuine refresh tokens in the request's cookies, expired or not.
pub fn tokens(request: &HttpRequest, state: &State) -> Vec<RefreshClaims> {
    cookie::refresh_tokens(request, &state.site).into_iter().filter_map(|token| read(token, state)).collect()
}

/// Reads a refresh token if it is genuine, expired or not.
pub fn read(token: &[u8], state: &State) -> Option<RefreshClaims> {
    state.sessions.read_token(std::str::from_utf8(token).ok()?)
}

/// The address that sent the request: the client's, or a proxy's.
pub fn peer(request: &HttpRequest) -> IpAddr {
    request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip().to_canonical())
}

fn nearest(request: &HttpRequest, state: &State) -> Nearest {
    let (peer, headers, site) = (peer(request), request.headers(), &state.site);
    let is_forwarded = headers.contains_key(site.address_header().name());
    if site.trusts(peer) {
        if !is_forwarded {
            suspect_another_header(peer, headers, state);
        }
        return site.address_header().nearest(headers, peer, |hop| site.trusts(hop));
    }
    // A peer in a private network that forwards for others is a proxy, trusted or not.
    let seems_a_proxy = is_forwarded && is_internal(peer);
    if seems_a_proxy && SAID.is_due(&peer.to_string()) {
        tracing::warn!(
            %peer,
            "a request from a private network has the header {}, which is not trusted: add the proxy to AUTH_TRUSTED_PROXIES, or its clients share one limit",
            site.address_header().name()
        );
    }
    // Once proxies are named, all of them are: any other peer is a client, and the header is its own.
    let has_own_address = !seems_a_proxy || site.names_proxies();
    let named = (!has_own_address).then(|| site.address_header().nearest(headers, peer, |_| false).address);
    Nearest { address: peer, has_own_address, named: named.filter(|named| *named != peer) }
}

/// Only warns: no header other than the chosen one is ever trusted.
fn suspect_another_header(peer: IpAddr, headers: &HeaderMap, state: &State) {
    let other = [header::FORWARDED, header::X_FORWARDED_FOR].into_iter().find(|name| headers.contains_key(name));
    let Some(other) = other else { return };
    if SAID.is_due(&peer.to_string()) {
        tracing::warn!(
            %peer,
            "a trusted proxy sends {other} and no {}: if the proxy writes it, set AUTH_CLIENT_ADDRESS_HEADER={other}, or its clients share one limit",
            state.site.address_header().name()
        );
    }
}

fn user_agent(headers: &HeaderMap) -> String {
    let text =
        headers.get(header::USER_AGENT).map(|value| String::from_utf8_lossy(value.as_bytes())).unwrap_or_default();
    text.chars().filter(|letter| !letter.is_control()).take(USER_AGENT_CHARS).collect()
}

fn language(headers: &HeaderMap) -> Option<Language> {
    Language::preferred_in(headers.get(header::ACCEPT_LANGUAGE)?.to_str().ok()?)
}

/// Private addresses, and those that carriers and clusters share (RFC 6598).
fn is_internal(peer: IpAddr) -> bool {
    match peer {
        IpAddr::V4(peer) => {
            let [first, second, ..] = peer.octets();
            let is_shared = first == 100 && second & 0b1100_0000 == 64;
            peer.is_loopback() || peer.is_private() || peer.is_link_local() || is_shared
        }
        IpAddr::V6(peer) => peer.is_loopback() || peer.is_unique_local() || peer.is_unicast_link_local(),
    }
}
