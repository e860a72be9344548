//! Who is calling: address and user agent, and the refresh cookie that came along.

use super::{State, cookie};
use crate::domain::{Client, refresh_token::Transport};
use actix_web::{
    HttpRequest,
    http::header::{self, HeaderMap},
};
use std::net::{IpAddr, Ipv4Addr};

/// How many characters of a `User-Agent` are kept.
const USER_AGENT_CHARS: usize = 200;

/// What is known of the client of a request.
pub fn client(request: &HttpRequest, state: &State) -> Client {
    let peer = request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip().to_canonical());
    let hops = forwarded_for(request.headers());
    let (address, is_told_apart) = if state.site.trusts(peer) {
        // The nearest hop that is no proxy of ours; what stands before it is hearsay.
        let nearest = hops.into_iter().rev().find(|hop| !state.site.trusts(*hop));
        (nearest.unwrap_or(peer), nearest.is_some())
    } else {
        (peer, hops.is_empty() || !is_internal(peer))
    };
    let token = cookie::refresh_tokens(request, &state.site)
        .first()
        .and_then(|token| state.auth.refresh_tokens.read(token).ok())
        .filter(|token| token.transport == Transport::Cookie);
    Client { address, is_told_apart, user_agent: user_agent(request.headers()), token }
}

fn user_agent(headers: &HeaderMap) -> String {
    let text =
        headers.get(header::USER_AGENT).map(|value| String::from_utf8_lossy(value.as_bytes())).unwrap_or_default();
    text.chars().filter(|letter| !letter.is_control()).take(USER_AGENT_CHARS).collect()
}

/// A peer inside the own network that forwards for others is a proxy, trusted or not.
fn is_internal(peer: IpAddr) -> bool {
    match peer {
        IpAddr::V4(peer) => peer.is_loopback() || peer.is_private() || peer.is_link_local(),
        IpAddr::V6(peer) => peer.is_loopback() || peer.is_unique_local() || peer.is_unicast_link_local(),
    }
}

/// The addresses of `Forwarded` (RFC 7239) or else of `X-Forwarded-For`, the client's first.
fn forwarded_for(headers: &HeaderMap) -> Vec<IpAddr> {
    let texts = |name| headers.get_all(name).filter_map(|value| value.to_str().ok());
    if headers.contains_key(header::FORWARDED) {
        return texts(header::FORWARDED)
            .flat_map(|text| text.split(','))
            .filter_map(|hop| hop.split(';').find_map(|pair| strip_prefix_ignoring_case(pair.trim(), "for=")))
            .filter_map(node)
            .collect();
    }
    texts(header::X_FORWARDED_FOR).flat_map(|text| text.split(',')).filter_map(node).collect()
}

fn strip_prefix_ignoring_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (start, rest) = text.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

/// `192.0.2.1`, `192.0.2.1:80`, `"[2001:db8::1]:80"`, `2001:db8::1`.
fn node(text: &str) -> Option<IpAddr> {
    let text = text.trim().trim_matches('"');
    let bare = text.strip_prefix('[').and_then(|text| text.split_once(']')).map_or(text, |(address, _)| address);
    let address = bare.parse::<IpAddr>().ok();
    address.or_else(|| text.parse::<std::net::SocketAddr>().ok().map(|socket| socket.ip())).map(|ip| ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    fn hops(name: &'static str, value: &'static str) -> Vec<String> {
        let request = TestRequest::default().insert_header((name, value)).to_http_request();
        forwarded_for(request.headers()).iter().map(IpAddr::to_string).collect()
    }

    #[test]
    fn hops_are_read_in_both_notations() {
        assert_eq!(hops("X-Forwarded-For", "203.0.113.9, 10.0.0.1:4711"), ["203.0.113.9", "10.0.0.1"]);
        assert_eq!(
            hops("Forwarded", r#"for=203.0.113.9;proto=https, For="[2001:db8::1]:80""#),
            ["203.0.113.9", "2001:db8::1"]
        );
        assert_eq!(hops("X-Forwarded-For", "unknown, ::ffff:192.0.2.1"), ["192.0.2.1"]);
    }
}
