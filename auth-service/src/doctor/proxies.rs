//! As whom the service sees its clients.

use super::{Finding, web::Answer};
use crate::http::{Site, doctor::SEEN};
use std::net::IpAddr;

/// By how the service saw the doctor, through whatever is in between.
pub(super) fn seen(answer: &Answer, site: &Site) -> Finding {
    let Some((client, peer, is_told_apart)) = answer.header(SEEN).and_then(read) else {
        return Finding::warning(
            "the service does not say as whom it sees this machine: it runs with another AUTH_SECRET, its clock is off, or a proxy removes X-Jeton-Doctor",
        );
    };
    if is_told_apart {
        return Finding::ok(format!("the service sees this machine as {client}"));
    }
    let what = format!(
        "the service cannot tell clients apart that come by {peer}, so that no limit of failed logins by address holds"
    );
    Finding::warning(if site.trusts(peer) {
        format!("{what}; let that proxy send Forwarded or X-Forwarded-For (unless it is this machine, without a proxy)")
    } else {
        format!("{what}; add {peer} to AUTH_TRUSTED_PROXIES")
    })
}

fn read(text: &str) -> Option<(IpAddr, IpAddr, bool)> {
    let mut parts = text.split(", ");
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()? == "yes"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Severity;
    use url::Url;

    fn found(header: &str) -> Finding {
        let trusted = vec!["10.0.0.0/8".parse().unwrap()];
        let site = Site::new(&Url::parse("https://auth.example.com").unwrap(), &[], trusted);
        let headers = [(SEEN.to_owned(), header.to_owned())].into_iter().collect();
        seen(&Answer { status: 200, headers, body: String::new() }, &site)
    }

    #[test]
    fn an_address_of_ones_own_is_ok() {
        assert_eq!(found("203.0.113.9, 10.0.0.1, yes").severity, Severity::Ok);
    }

    #[test]
    fn clients_behind_a_proxy_are_told_apart_or_it_is_said() {
        let untrusted = found("192.168.0.5, 192.168.0.5, no");
        assert_eq!(untrusted.severity, Severity::Warning);
        assert!(untrusted.text.contains("add 192.168.0.5 to AUTH_TRUSTED_PROXIES"), "{untrusted}");
        assert!(found("10.0.0.1, 10.0.0.1, no").text.contains("let that proxy send"));
        assert!(found("").text.contains("another AUTH_SECRET"));
    }
}
