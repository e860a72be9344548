//! The running service: whether it is ready, and which pages of other origins it answers.

use super::{Finding, PATIENCE};
use crate::config::Config;
use futures_util::future::join_all;
use http::{HeaderMap, HeaderValue, Method, header};
use jeton_verifier::keys::{Address, fetch::Client};
use shared::server;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use url::Url;

pub(super) async fn findings(config: &Config) -> Vec<Finding> {
    let admin = config.admin_listen;
    let readiness = tokio::task::spawn_blocking(move || server::healthcheck(admin, crate::http::HEALTH_PROOF)).await;
    let readiness = readiness.unwrap_or_else(|error| Err(error.to_string()));
    let mut findings = vec![match &readiness {
        Ok(()) => Finding::ok(format!("the service on this machine is ready, seen at {admin}")),
        Err(why) => not_ready(why, [("RESOURCE_LISTEN", config.listen), ("RESOURCE_ADMIN_LISTEN", admin)]),
    }];
    if config.allowed_origins.is_empty() {
        findings.push(Finding::note(
            "RESOURCE_ALLOWED_ORIGINS is empty: in browsers, pages of other origins cannot read answers",
        ));
    } else if readiness.is_ok() {
        findings.extend(preflights(config).await);
    }
    findings
}

/// A service that does not run needs its addresses; one that runs has them.
fn not_ready(why: &str, addresses: [(&str, SocketAddr); 2]) -> Finding {
    let taken =
        addresses.into_iter().find_map(|(name, address)| Some((name, address, TcpListener::bind(address).err()?)));
    match taken {
        None => Finding::note(format!("the service does not run on this machine: {why}")),
        Some((name, address, error)) => Finding::error(format!(
            "the service on this machine is not ready: {why}; {name} {address} cannot be taken ({error}): if that is not the service itself, let it listen elsewhere"
        )),
    }
}

/// What a browser asks before a page of another origin may send a token.
async fn preflights(config: &Config) -> Vec<Finding> {
    let url = Url::parse(&format!("http://{}/whoami", reachable(config.listen)));
    let address = match url.map(Address::from) {
        Ok(address) => address,
        Err(error) => return vec![Finding::error(format!("RESOURCE_LISTEN: {error}"))],
    };
    let client = match Client::of(&address, PATIENCE) {
        Ok(client) => client,
        Err(error) => return vec![Finding::error(error.to_string())],
    };
    join_all(config.allowed_origins.iter().map(|origin| preflight(&client, &address, origin))).await
}

async fn preflight(client: &Client, address: &Address, origin: &str) -> Finding {
    let Ok(shown) = HeaderValue::from_str(origin) else {
        return Finding::error(format!("RESOURCE_ALLOWED_ORIGINS: {origin:?} cannot stand in a header"));
    };
    let headers = HeaderMap::from_iter([
        (header::ORIGIN, shown),
        (header::ACCESS_CONTROL_REQUEST_METHOD, HeaderValue::from_static("GET")),
        (header::ACCESS_CONTROL_REQUEST_HEADERS, HeaderValue::from_static("authorization")),
    ]);
    let answer = match client.send(Method::OPTIONS, address.url(), headers).await {
        Ok(answer) => answer,
        Err(reason) => {
            return Finding::error(format!("a preflight from {origin} is not answered at {address}: {reason}"));
        }
    };
    let allowed = answer.headers().get(header::ACCESS_CONTROL_ALLOW_ORIGIN);
    if answer.status().is_success() && allowed.is_some_and(|allowed| allowed == origin) {
        return Finding::ok(format!("pages of {origin} may call"));
    }
    Finding::error(format!(
        "browsers keep pages of {origin} from calling: the running service does not know them; restart it with RESOURCE_ALLOWED_ORIGINS as it is now"
    ))
}

/// How this machine reaches a wildcard address.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(if address.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() });
    }
    address
}
