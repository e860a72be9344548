//! Addresses, the public URL, proxies, the cookie's name, and limits on connections.

use crate::{
    domain::{
        passkeys::{NoParty, RelyingParty},
        revocations::Room,
    },
    http::{AddressHeader, Site},
    pages::Brand,
};
use ipnet::{IpNet, Ipv4Net};
use shared::{
    origin,
    server::{Limits, Timeouts, are_in_conflict},
    settings,
    settings::{Settings, any_text, duration_within, number_within, on_off, parsed},
};
use std::{
    net::{IpAddr, Ipv6Addr, SocketAddr},
    path::Path,
    time::Duration,
};
use url::{Host, Url};

settings! {
    /// Address of the public API.
    plain AUTH_LISTEN: SocketAddr = "127.0.0.1:8080", address;
    /// Address for health checks and metrics; keep it private.
    plain AUTH_ADMIN_LISTEN: SocketAddr = "127.0.0.1:9080", address;
    /// URL at which clients reach the public API. It is the issuer of tokens; cookie flags and allowed origins follow from it.
    plain AUTH_PUBLIC_URL: Url = "http://localhost:8080", public_url;
    /// URL below which the pages are that links in mails lead to (confirm, forgot), if it is not AUTH_PUBLIC_URL.
    plain AUTH_PAGES_URL: Url, pages_url;
    /// Whether auth-service serves pages to log in, register, answer mails and manage one's account: on or off.
    plain AUTH_PAGES: bool = "on", on_off;
    /// Folder with what makes these pages your own: brand.toml, a logo, texts. See docs/pages.md.
    plain AUTH_BRAND_DIR: String, any_text;
    /// URL of the resource-service that the page /playground calls. The page is for development: there is none unless AUTH_PUBLIC_URL is on localhost.
    plain AUTH_PLAYGROUND: String, origin::parse;
    /// Browser origins, besides the public URL's, that may call with credentials; separated by commas.
    plain AUTH_ALLOWED_ORIGINS: Vec<String>, origin::list;
    /// Domain that passkeys belong to: the host of AUTH_PUBLIC_URL, or one above it. Changing it orphans all passkeys.
    plain AUTH_PASSKEY_RP_ID: String, any_text;
    /// Networks of your own proxies, separated by commas; what they report about client addresses is trusted.
    plain AUTH_TRUSTED_PROXIES: Vec<IpNet>, networks;
    /// Header in which those proxies name the client: x-forwarded-for, forwarded, or one with a single address (cf-connecting-ip, x-real-ip, …). Needs AUTH_TRUSTED_PROXIES.
    plain AUTH_CLIENT_ADDRESS_HEADER: AddressHeader = "x-forwarded-for", AddressHeader::parse;
    /// Name of the refresh cookie, for several deployments on one host; over https it is prefixed with __Host-.
    plain AUTH_COOKIE_NAME: String = "jeton-refresh", cookie_name;
    /// Maximum number of connections to the public API; more are closed.
    plain AUTH_MAX_CONNECTIONS: usize = "1000", |text| number_within(text, 1, 1_000_000);
    /// Maximum number of connections from one IPv4 address or IPv6 /56; 0: no limit. AUTH_TRUSTED_PROXIES are exempt.
    plain AUTH_MAX_CONNECTIONS_PER_ADDRESS: usize = "500", |text| number_within(text, 0, 1_000_000);
    /// Maximum number of verifiers that wait for the revocation feed at once, a tenth of them from one address; more are answered at once and ask again a second later. Each takes one of AUTH_MAX_CONNECTIONS.
    plain AUTH_FEED_WAITERS: usize = "500", |text| number_within(text, 0, 1_000_000);
    /// Time a client has to send a request's head: 1s to 5m.
    plain AUTH_HEAD_TIMEOUT: Duration = "5s", timeout;
    /// Time a client has to send a request's body: 1s to 5m.
    plain AUTH_BODY_TIMEOUT: Duration = "30s", timeout;
    /// Time a client may go without reading any of a response: 1s to 5m.
    plain AUTH_WRITE_TIMEOUT: Duration = "30s", timeout;
}

/// The addresses of the public API, and of health and metrics.
pub(super) fn addresses(settings: &Settings) -> (SocketAddr, SocketAddr) {
    let (public, admin) = (settings.get(&AUTH_LISTEN), settings.get(&AUTH_ADMIN_LISTEN));
    if are_in_conflict(public, admin) {
        settings.mistake("AUTH_ADMIN_LISTEN: AUTH_LISTEN has this address already: give it another port");
    }
    (public, admin)
}

pub(super) fn connections(settings: &Settings) -> Limits {
    Limits {
        total: settings.get(&AUTH_MAX_CONNECTIONS),
        per_address: settings.get(&AUTH_MAX_CONNECTIONS_PER_ADDRESS),
        timeouts: Timeouts {
            head: settings.get(&AUTH_HEAD_TIMEOUT),
            body: settings.get(&AUTH_BODY_TIMEOUT),
            write: settings.get(&AUTH_WRITE_TIMEOUT),
        },
    }
}

/// How many verifiers may wait for the revocation feed.
pub(super) fn feed_room(settings: &Settings) -> Room {
    let total = settings.get(&AUTH_FEED_WAITERS);
    Room { total, per_address: total.div_ceil(10) }
}

pub(super) fn url(settings: &Settings) -> Url {
    settings.get(&AUTH_PUBLIC_URL)
}

pub(super) fn site(settings: &Settings) -> Site {
    let origins = settings.find(&AUTH_ALLOWED_ORIGINS).unwrap_or_default();
    let proxies = settings.find(&AUTH_TRUSTED_PROXIES).unwrap_or_default();
    if settings.is_given(&AUTH_CLIENT_ADDRESS_HEADER.named) && !settings.is_given(&AUTH_TRUSTED_PROXIES.named) {
        settings
            .mistake("AUTH_CLIENT_ADDRESS_HEADER: no proxy is trusted to send it: name yours in AUTH_TRUSTED_PROXIES");
    }
    Site::new(&url(settings), origins, proxies)
        .with_address_header(settings.get(&AUTH_CLIENT_ADDRESS_HEADER))
        .with_cookie_name(&settings.get(&AUTH_COOKIE_NAME))
}

/// For whom passkeys are; `None`: the public URL has an IP address as its host, for which there are none.
pub(super) fn relying_party(settings: &Settings, site: &Site) -> Option<RelyingParty> {
    let (url, domain) = (url(settings), settings.find(&AUTH_PASSKEY_RP_ID));
    let party = RelyingParty::of(&url, domain.as_deref(), site.origins());
    if let (Err(error), Some(domain)) = (&party, &domain) {
        let host = url.host_str().unwrap_or_default();
        settings.mistake(match error {
            NoParty::NotAParent => format!(
                "AUTH_PASSKEY_RP_ID: {domain:?} must be the host of AUTH_PUBLIC_URL, {host}, or a domain above it, such as example.com for auth.example.com"
            ),
            NoParty::AddressAsHost => format!(
                "AUTH_PASSKEY_RP_ID: {host}, the host of AUTH_PUBLIC_URL, is an IP address, for which browsers make no passkeys: give the service a name"
            ),
        });
    }
    party.ok()
}

/// Where links in mails lead.
pub(super) fn pages(settings: &Settings) -> Url {
    settings.find(&AUTH_PAGES_URL).unwrap_or_else(|| settings.get(&AUTH_PUBLIC_URL))
}

/// The service's own pages.
#[derive(Debug)]
pub struct OwnPages {
    /// What makes them the installation's own.
    pub brand: Option<Brand>,
    /// The origin of the resource-service that the playground calls, if there is a playground.
    pub playground: Option<String>,
}

/// The service's own pages, if it has any.
pub(super) fn own_pages(settings: &Settings) -> Option<OwnPages> {
    let (brand, playground) = (brand(settings), playground(settings));
    if settings.get(&AUTH_PAGES) {
        return Some(OwnPages { brand, playground });
    }
    if settings.is_given(&AUTH_BRAND_DIR.named) {
        settings.mistake("AUTH_BRAND_DIR: there are no pages, because AUTH_PAGES is off");
    }
    None
}

fn playground(settings: &Settings) -> Option<String> {
    let resource = settings.find(&AUTH_PLAYGROUND)?;
    origin::is_this_machine(&url(settings)).then_some(resource)
}

fn brand(settings: &Settings) -> Option<Brand> {
    let folder = settings.find(&AUTH_BRAND_DIR)?;
    Brand::load(Path::new(&folder))
        .map_err(|mistakes| {
            mistakes.into_iter().for_each(|mistake| settings.mistake(format!("AUTH_BRAND_DIR: {mistake}")))
        })
        .ok()
}

fn pages_url(text: &str) -> Result<Url, String> {
    let wrong = || "must be an http or https URL without a query, such as https://www.example.com/account".to_owned();
    let url = Url::parse(text).map_err(|_| wrong())?;
    let is_plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty() && url.has_host();
    if ["http", "https"].contains(&url.scheme()) && is_plain && url.password().is_none() {
        Ok(url)
    } else {
        Err(wrong())
    }
}

fn address(text: &str) -> Result<SocketAddr, String> {
    parsed(text, "an address such as 127.0.0.1:8080")
}

fn timeout(text: &str) -> Result<Duration, String> {
    duration_within(text, "1s", "5m")
}

fn public_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|_| format!("{text:?} is not a URL: write it as https://auth.example.com"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("{text:?} must begin with https:// or http://"));
    }
    let is_nowhere = match url.host() {
        Some(Host::Ipv4(address)) => address.is_unspecified(),
        Some(Host::Ipv6(address)) => address.is_unspecified(),
        _ => false,
    };
    if is_nowhere {
        return Err(format!(
            "clients cannot reach the address {text:?}, which is for AUTH_LISTEN: write the name of the host"
        ));
    }
    origin::parse(text).map(|_| url)
}

fn networks(text: &str) -> Result<Vec<IpNet>, String> {
    let networks = text.split(',').map(str::trim).filter(|item| !item.is_empty());
    let networks: Vec<IpNet> = networks.map(network).collect::<Result<_, _>>()?;
    if networks.is_empty() { Err("names no network such as 10.0.0.0/8".to_owned()) } else { Ok(networks) }
}

/// The shortest prefixes of private networks: 10.0.0.0/8, fc00::/7. Anything wider holds clients.
const WIDEST: [u8; 2] = [8, 7];

fn network(text: &str) -> Result<IpNet, String> {
    let address = text.parse::<IpAddr>().map(IpNet::from);
    let network: IpNet = text
        .parse()
        .or(address)
        .map_err(|_| format!("{text:?} is neither a network such as 10.0.0.0/8 nor an address"))?;
    if is_nobodys(&network) {
        return Err(format!("{text:?}: no proxy has such an address: name the networks of your proxies"));
    }
    let IpNet::V6(v6) = network else { return narrow(text, network, network.trunc(), WIDEST[0]) };
    // Peers are compared in their canonical form, never as IPv4 in IPv6.
    match v6.addr().to_ipv4_mapped().zip(v6.prefix_len().checked_sub(96)) {
        Some((v4, prefix)) => {
            let written = Ipv4Net::new(v4, prefix).map(|v4| IpNet::V4(v4.trunc())).unwrap_or(network);
            Err(format!("write {text:?} as {written}"))
        }
        None => narrow(text, network, network.trunc(), WIDEST[1]),
    }
}

/// Whether a network holds addresses that no peer has: 0.0.0.0/8, ::, multicast, broadcast. (Networks wider than
/// [`WIDEST`] are refused for another reason.)
fn is_nobodys(network: &IpNet) -> bool {
    const MULTICAST: Ipv6Addr = Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0);
    match network {
        IpNet::V4(v4) if v4.prefix_len() < WIDEST[0] => false,
        IpNet::V4(v4) => v4.addr().octets()[0] == 0 || v4.addr().is_multicast() || v4.addr().is_broadcast(),
        IpNet::V6(v6) if v6.prefix_len() < WIDEST[1] => false,
        IpNet::V6(v6) => v6.addr().is_multicast() || v6.contains(&MULTICAST) || v6.contains(&Ipv6Addr::UNSPECIFIED),
    }
}

fn narrow(text: &str, network: IpNet, written: IpNet, widest: u8) -> Result<IpNet, String> {
    if network.prefix_len() < widest {
        return Err(format!("{text:?} would let clients claim any address: name the networks of your proxies"));
    }
    if network == written {
        Ok(network)
    } else {
        Err(format!("write {text:?} as {written}, or as {}/{}", network.addr(), network.max_prefix_len()))
    }
}

/// Prefixes that mean something to browsers, in any case.
const COOKIE_PREFIXES: [&str; 4] = ["__host-", "__secure-", "__http-", "__host-http-"];

fn cookie_name(text: &str) -> Result<String, String> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if !(1..=64).contains(&text.len()) || !text.bytes().all(is_token) {
        return Err(format!("{text:?} is not a cookie name: write 1 to 64 letters, digits and hyphens"));
    }
    let lower = text.to_ascii_lowercase();
    if COOKIE_PREFIXES.iter().any(|prefix| lower.starts_with(prefix)) {
        return Err(format!("write {text:?} without its prefix: over https, __Host- is added"));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::COOKIE_NAME;

    #[test]
    fn the_default_cookie_name_is_the_one_of_the_http_layer() {
        assert_eq!(AUTH_COOKIE_NAME.default, COOKIE_NAME);
    }
}
