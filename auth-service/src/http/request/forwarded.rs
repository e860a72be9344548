//! Whom a proxy forwards for, by the one header that `AUTH_CLIENT_ADDRESS_HEADER` names: proxies pass on all others as
//! clients write them. The header is read as bytes from the right, where the nearest proxy writes. A hop that cannot be
//! read ends the walk, since only that hop vouches for what is further left.

use actix_web::http::header::{self, HeaderMap, HeaderName};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The header in which trusted proxies name their client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AddressHeader {
    /// `X-Forwarded-For`: each proxy adds the address of whoever it forwards for.
    XForwardedFor,
    /// `Forwarded` (RFC 7239): the same, as `for=`.
    Forwarded,
    /// A header that carries the address of the client alone.
    Single(HeaderName),
}

/// The client that a request counts for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nearest {
    /// The nearest hop that is not a trusted proxy, or else the furthest known proxy.
    pub address: IpAddr,
    /// Whether different clients have different addresses here. Also true behind a hop that cannot be read, whose
    /// clients share the address of that proxy: hiding gets nobody past a limit.
    pub has_own_address: bool,
    /// The client that an untrusted proxy names.
    pub named: Option<IpAddr>,
}

impl AddressHeader {
    /// Reads the setting.
    ///
    /// # Errors
    /// What is accepted.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wanted = "must be x-forwarded-for, forwarded, or the name of a header that carries one address, which ends in \
            ip, addr or address: cf-connecting-ip, true-client-ip, x-real-ip, fly-client-ip";
        let name = HeaderName::from_bytes(text.as_bytes())
            .map_err(|_| format!("{text:?} is not the name of a header: {wanted}"))?;
        match name.as_str() {
            "x-forwarded-for" => Ok(Self::XForwardedFor),
            "forwarded" => Ok(Self::Forwarded),
            other if ["ip", "addr", "address"].iter().any(|end| other.ends_with(end)) => Ok(Self::Single(name)),
            _ => Err(format!("{text:?} names no client: {wanted}")),
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> HeaderName {
        match self {
            Self::XForwardedFor => header::X_FORWARDED_FOR,
            Self::Forwarded => header::FORWARDED,
            Self::Single(name) => name.clone(),
        }
    }

    /// The client that a request of `peer`, a trusted proxy, counts for.
    pub fn nearest(&self, headers: &HeaderMap, peer: IpAddr, trusts: impl Fn(IpAddr) -> bool) -> Nearest {
        let lines: Vec<&[u8]> = headers.get_all(self.name()).map(|line| line.as_bytes()).collect();
        let hops: Vec<Option<IpAddr>> = match (self, lines.as_slice()) {
            (Self::XForwardedFor, lines) => from_the_right(lines, elements, node).collect(),
            (Self::Forwarded, lines) => from_the_right(lines, quoted_elements, forwarded_for).collect(),
            (Self::Single(_), []) => Vec::new(),
            (Self::Single(_), [line]) => vec![node(line)],
            // There is no telling which of them the proxy wrote.
            (Self::Single(_), _) => vec![None],
        };
        let mut address = peer;
        for hop in hops {
            match hop {
                Some(proxy) if trusts(proxy) => address = proxy,
                Some(client) => return Nearest { address: client, has_own_address: true, named: None },
                None => return Nearest { address, has_own_address: true, named: None },
            }
        }
        Nearest { address, has_own_address: false, named: None }
    }
}

/// The elements of all lines, the last one first.
fn from_the_right<'a, T>(
    lines: &[&'a [u8]],
    split: fn(&'a [u8]) -> Vec<Option<&'a [u8]>>,
    read: fn(&[u8]) -> Option<T>,
) -> impl Iterator<Item = Option<T>> {
    lines.iter().rev().flat_map(move |line| split(line)).map(move |element| read(element?))
}

fn elements(line: &[u8]) -> Vec<Option<&[u8]>> {
    line.rsplit(|byte| *byte == b',').map(Some).collect()
}

/// The elements of a line in which commas may be quoted, the last one first: read from the right, so that a quotation
/// mark that a client leaves open swallows nothing that a proxy has added. `None`: the rest of the line is one open
/// quotation.
fn quoted_elements(line: &[u8]) -> Vec<Option<&[u8]>> {
    let mut found = Vec::new();
    let (mut end, mut is_quoted) = (line.len(), false);
    for (index, byte) in line.iter().enumerate().rev() {
        match byte {
            b'"' if !is_quoted || !is_escaped(line, index) => is_quoted = !is_quoted,
            b',' if !is_quoted => {
                found.push(Some(&line[index + 1..end]));
                end = index;
            }
            _ => {}
        }
    }
    found.push((!is_quoted).then_some(&line[..end]));
    found
}

fn is_escaped(line: &[u8], index: usize) -> bool {
    line[..index].iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1
}

/// The `for=` of an element of `Forwarded`, which must occur exactly once.
fn forwarded_for(element: &[u8]) -> Option<IpAddr> {
    let mut found = None;
    for pair in parameters(element)? {
        let (name, value) = pair.split_at_checked(pair.iter().position(|byte| *byte == b'=')?)?;
        if name.trim_ascii().eq_ignore_ascii_case(b"for") {
            let is_first = found.replace(node(&value[1..])?).is_none();
            is_first.then_some(())?;
        }
    }
    found
}

/// The parts between semicolons that are not quoted.
fn parameters(element: &[u8]) -> Option<Vec<&[u8]>> {
    let mut found = Vec::new();
    let (mut start, mut is_quoted, mut is_escaped) = (0, false, false);
    for (index, byte) in element.iter().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_quoted => is_escaped = true,
            b'"' => is_quoted = !is_quoted,
            b';' if !is_quoted => {
                found.push(&element[start..index]);
                start = index + 1;
            }
            _ => {}
        }
    }
    found.push(&element[start..]);
    (!is_quoted).then_some(found)
}

/// `192.0.2.1`, `192.0.2.1:80`, `"[2001:db8::1]:80"`, `2001:db8::1`.
fn node(bytes: &[u8]) -> Option<IpAddr> {
    let text = unquoted(bytes.trim_ascii())?;
    let text = text.as_str();
    if let Some(bracketed) = text.strip_prefix('[') {
        let (address, rest) = bracketed.split_once(']')?;
        let has_port = rest.strip_prefix(':').is_some_and(is_port);
        let address: Ipv6Addr = address.parse().ok()?;
        return (rest.is_empty() || has_port).then(|| IpAddr::V6(address).to_canonical());
    }
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(address.to_canonical());
    }
    let (address, port) = text.split_once(':')?;
    let address: Ipv4Addr = address.parse().ok()?;
    is_port(port).then_some(IpAddr::V4(address))
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

/// The content of a quoted string; anything else as it is.
fn unquoted(bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?;
    let Some(quoted) = text.strip_prefix('"') else { return Some(text.to_owned()) };
    let mut said = String::new();
    let mut letters = quoted.strip_suffix('"')?.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => said.push(letters.next()?),
            '"' => return None,
            other => said.push(other),
        }
    }
    Some(said)
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::HeaderValue;

    const PEER: &str = "10.0.0.1";

    /// The address for a request of the proxy with these lines; with a star if its clients cannot be told apart.
    fn seen_by(setting: &str, lines: &[&[u8]]) -> String {
        let header = AddressHeader::parse(setting).unwrap();
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header.name(), HeaderValue::from_bytes(line).unwrap());
        }
        let trusts = |address: IpAddr| matches!(address, IpAddr::V4(address) if address.octets()[0] == 10);
        let nearest = header.nearest(&headers, PEER.parse().unwrap(), trusts);
        format!("{}{}", nearest.address, if nearest.has_own_address { "" } else { "*" })
    }

    #[test]
    fn the_nearest_hop_that_is_not_a_trusted_proxy_counts() {
        let cases: [(&str, &[&[u8]], &str); 14] = [
            ("x-forwarded-for", &[b"203.0.113.9"], "203.0.113.9"),
            ("x-forwarded-for", &[b"198.51.100.1, 203.0.113.9"], "203.0.113.9"),
            ("x-forwarded-for", &[b"198.51.100.1", b"203.0.113.9,10.0.0.2:4711"], "203.0.113.9"),
            ("x-forwarded-for", &[b"\t203.0.113.9:80 ,10.0.0.2"], "203.0.113.9"),
            ("x-forwarded-for", &[b"::ffff:192.0.2.1"], "192.0.2.1"),
            ("x-forwarded-for", &[b"2001:db8::1"], "2001:db8::1"),
            ("x-forwarded-for", &[b"\"[2001:db8::1]:80\""], "2001:db8::1"),
            ("x-forwarded-for", &[b"10.0.0.3, 10.0.0.2"], "10.0.0.3*"),
            ("forwarded", &[br#"for=203.0.113.9;proto=https, For="[2001:db8::1]:80""#], "2001:db8::1"),
            ("forwarded", &[br#"proto=https; FOR = "203.0.113.\9""#], "203.0.113.9"),
            ("forwarded", &[br#"for=203.0.113.9;host="a,b;c\"d,""#], "203.0.113.9"),
            ("cf-connecting-ip", &[b"203.0.113.9"], "203.0.113.9"),
            ("X-Real-IP", &[b"[2001:db8::1]"], "2001:db8::1"),
            ("x-real-ip", &[b"10.0.0.7"], "10.0.0.7*"),
        ];
        for (setting, lines, wanted) in cases {
            assert_eq!(seen_by(setting, lines), wanted, "{setting}: {:?}", lines.concat().escape_ascii().to_string());
        }
    }

    #[test]
    fn a_hop_that_cannot_be_read_ends_the_walk() {
        let hops: [&[u8]; 17] = [
            b"unknown",
            b"_hidden",
            b"",
            b" ",
            b"\xff",
            b"203.0.113.9\xff",
            b"203.0.113.9:http",
            b"203.0.113.9:+80",
            b"203.0.113.9:65536",
            b"203.0.113.9:",
            b"[203.0.113.9]",
            b"[2001:db8::1",
            b"[2001:db8::1]x",
            b"fe80::1%eth0",
            b"203.0.113.09",
            b"203.0.113.9 203.0.113.8",
            b"\"203.0.113.9",
        ];
        for hop in hops {
            let shown = hop.escape_ascii().to_string();
            let line = [b"203.0.113.99, ", hop].concat();
            assert_eq!(seen_by("x-forwarded-for", &[&line]), PEER, "{shown}");
            assert_eq!(seen_by("x-forwarded-for", &[b"203.0.113.99", hop]), PEER, "{shown}");
            assert_eq!(seen_by("x-forwarded-for", &[&line, b"10.0.0.2"]), "10.0.0.2", "{shown}");
            assert_eq!(seen_by("cf-connecting-ip", &[hop]), PEER, "{shown}");
            let line = [b"for=203.0.113.99, for=", hop].concat();
            assert_eq!(seen_by("forwarded", &[&line]), PEER, "{shown}");
        }
        let elements: [&[u8]; 8] = [
            b"",
            b"203.0.113.9",
            b"by=203.0.113.9",
            b"for",
            b"for=203.0.113.9;for=203.0.113.8",
            b"for=203.0.113.9;host=a\"",
            b"for=203.0.113.9;proto",
            b"for=\"203.0.113.9\\",
        ];
        for element in elements {
            let line = [b"for=203.0.113.99, ", element].concat();
            assert_eq!(seen_by("forwarded", &[&line]), PEER, "{}", element.escape_ascii());
        }
        assert_eq!(seen_by("cf-connecting-ip", &[b"203.0.113.9", b"203.0.113.8"]), PEER);
        assert_eq!(seen_by("cf-connecting-ip", &[b"203.0.113.9, 203.0.113.8"]), PEER);
    }

    #[test]
    fn nothing_that_a_client_writes_hides_what_its_proxy_adds() {
        let written: [&[u8]; 7] = [b"\"", b"for=\"", b"\\", b"for=\"a\\", b"\xff", b",", b"for=203.0.113.99;host=\"x"];
        for written in written {
            let shown = written.escape_ascii().to_string();
            let added = [written, b", 198.51.100.7"].concat();
            assert_eq!(seen_by("x-forwarded-for", &[&added]), "198.51.100.7", "{shown}");
            for added in [&b"for=198.51.100.7"[..], b"for=\"198.51.100.7\"", b"for=198.51.100.7;host=\"a\""] {
                assert_eq!(seen_by("forwarded", &[written, added]), "198.51.100.7", "{shown}");
                assert_eq!(seen_by("forwarded", &[&[written, b", ", added].concat()]), "198.51.100.7", "{shown}");
            }
        }
    }

    #[test]
    fn without_the_header_clients_share_the_address_of_the_proxy() {
        for setting in ["x-forwarded-for", "forwarded", "cf-connecting-ip"] {
            assert_eq!(seen_by(setting, &[]), format!("{PEER}*"));
        }
    }

    #[test]
    fn a_header_that_names_no_client_is_refused() {
        for setting in
            ["", "host", "cookie", "x-forwarded-proto", "x-forwarded-host", "x forwarded for", "via", "x-forwarded"]
        {
            assert!(AddressHeader::parse(setting).is_err(), "{setting}");
        }
        for setting in ["X-Forwarded-For", "Forwarded", "CF-Connecting-IP", "true-client-ip", "x-azure-clientip"] {
            assert!(AddressHeader::parse(setting).is_ok(), "{setting}");
        }
    }
}
