//! Which addresses the service sees for its clients, and what proxies let them claim.

use super::{
    Finding,
    web::{Answer, CLAIMED},
};
use crate::http::{
    AddressHeader, Site,
    doctor::{FORWARDED, SEEN},
};
use std::{collections::BTreeMap, net::IpAddr};

/// What the service reports about a request.
struct Seen {
    client: IpAddr,
    peer: IpAddr,
    has_own_address: bool,
    /// The values of the headers in which proxies name their client, by header.
    forwarded: BTreeMap<String, String>,
}

/// According to how the service sees the doctor, through whatever is in between.
pub(super) fn seen(answer: &Answer, site: &Site) -> Finding {
    let Some(Seen { client, peer, has_own_address, forwarded }) = read(answer) else {
        return Finding::warning(
            "the service did not report the address it sees for this machine: it runs with another AUTH_SECRET, its clock is off, or a proxy removes X-Jeton-Doctor",
        );
    };
    let header = site.address_header().name();
    if has_own_address && site.trusts(peer) && site.trusts(client) {
        let value = forwarded.get(header.as_str()).map_or("", String::as_str);
        return Finding::warning(format!(
            "{client} sends {header} that names no client ({value:?}): all clients behind it share one limit of failed logins; make that proxy write the address"
        ));
    }
    if !has_own_address && site.trusts(peer) && forwarded.contains_key(header.as_str()) {
        return Finding::note(format!(
            "the service sees this machine as {client}, which is itself in AUTH_TRUSTED_PROXIES: run the doctor elsewhere to see how clients appear"
        ));
    }
    if has_own_address {
        return Finding::ok(format!("the service sees this machine as {client}"));
    }
    let what = format!(
        "the service cannot tell clients behind {peer} apart, so limits of failed logins by address have no effect"
    );
    Finding::warning(if site.trusts(peer) {
        format!(
            "{what}; let that proxy send {header}, or name the header that it sends in AUTH_CLIENT_ADDRESS_HEADER (unless it is this machine, without a proxy)"
        )
    } else {
        format!("{what}; add {peer} to AUTH_TRUSTED_PROXIES")
    })
}

/// Judged by a request that claimed to come from another address, in each header that proxies know.
pub(super) fn claims(answer: &Answer, site: &Site) -> Vec<Finding> {
    let Some(seen) = read(answer) else { return Vec::new() };
    let chosen = site.address_header().name();
    let others = seen.forwarded.iter().filter(|(name, value)| *name != chosen.as_str() && value.contains(CLAIMED));
    let mut findings: Vec<Finding> = others
        .map(|(name, _)| Finding::note(format!("{name} reaches the service as clients write it; it is not trusted")))
        .collect();
    if let Some(value) = seen.forwarded.get(chosen.as_str()).filter(|_| site.trusts(seen.peer)) {
        findings.push(chosen_header(&seen, value, site));
    }
    findings
}

/// What is found about the trusted header.
fn chosen_header(Seen { client, peer, .. }: &Seen, value: &str, site: &Site) -> Finding {
    let header = site.address_header().name();
    let is_list = !matches!(site.address_header(), AddressHeader::Single(_));
    let is_passed_on = value.trim_end().ends_with(CLAIMED);
    if !value.contains(CLAIMED) {
        return Finding::ok(format!("{peer} writes {header} itself: clients cannot choose their address"));
    }
    if is_list && !is_passed_on {
        return Finding::ok(format!(
            "{peer} adds the client's address to {header}: clients cannot choose their address"
        ));
    }
    if client.to_string() == CLAIMED {
        return Finding::warning(format!(
            "every client behind {peer} chooses its own address: {header} reaches the service as clients write it; make that proxy write it, and trust nothing else in AUTH_TRUSTED_PROXIES (unless {peer} is this machine, without a proxy)"
        ));
    }
    Finding::warning(format!("{peer} lets clients write into {header}: make that proxy discard what they send"))
}

fn read(answer: &Answer) -> Option<Seen> {
    let mut parts = answer.header(SEEN)?.split(", ");
    let (client, peer) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let has_own_address = parts.next()? == "yes";
    let forwarded = answer.header(FORWARDED).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    Some(Seen { client, peer, has_own_address, forwarded })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Severity;
    use url::Url;

    fn site(header: &str) -> Site {
        let trusted = vec!["10.0.0.0/8".parse().unwrap()];
        let header = AddressHeader::parse(header).unwrap();
        Site::new(&Url::parse("https://auth.example.com").unwrap(), Vec::new(), trusted).with_address_header(header)
    }

    fn answer(seen: &str, forwarded: &str) -> Answer {
        let headers = [(SEEN.to_owned(), seen.to_owned()), (FORWARDED.to_owned(), forwarded.to_owned())];
        Answer { status: 200, headers: headers.into_iter().collect(), body: String::new() }
    }

    fn found(header: &str) -> Finding {
        seen(&answer(header, r#"{"x-forwarded-for":"unknown"}"#), &site("x-forwarded-for"))
    }

    fn claimed(header: &str, seen: &str, forwarded: &str) -> Vec<(Severity, String)> {
        let findings = claims(&answer(seen, forwarded), &site(header));
        findings.into_iter().map(|finding| (finding.severity, finding.text)).collect()
    }

    #[test]
    fn what_proxies_do_with_a_claimed_address_is_reported() {
        let behind = "203.0.113.9, 10.0.0.1, yes";
        let adds = claimed("x-forwarded-for", behind, r#"{"x-forwarded-for":"192.0.2.77, 203.0.113.9"}"#);
        assert!(
            matches!(&adds[..], [(Severity::Ok, text)] if text.contains("adds the client's address to x-forwarded-for")),
            "{adds:?}"
        );
        let writes = claimed("forwarded", behind, r#"{"forwarded":"for=203.0.113.9","x-forwarded-for":"192.0.2.77"}"#);
        let [(Severity::Note, note), (Severity::Ok, text)] = &writes[..] else { panic!("{writes:?}") };
        assert!(note.contains("x-forwarded-for reaches the service") && text.contains("writes forwarded itself"));
        let chosen = "192.0.2.77, 10.0.0.1, yes";
        for (header, value) in [
            ("x-forwarded-for", r#"{"x-forwarded-for":"192.0.2.77"}"#),
            ("forwarded", r#"{"forwarded":"for=203.0.113.9, for=192.0.2.77"}"#),
            ("cf-connecting-ip", r#"{"cf-connecting-ip":"192.0.2.77"}"#),
        ] {
            let found = claimed(header, chosen, value);
            assert!(
                matches!(&found[..], [(Severity::Warning, text)] if text.contains("chooses its own address")),
                "{found:?}"
            );
        }
        let untrusted =
            claimed("x-forwarded-for", "192.168.0.5, 192.168.0.5, no", r#"{"x-forwarded-for":"192.0.2.77"}"#);
        assert_eq!(untrusted, []);
    }

    #[test]
    fn a_proxy_that_hides_its_clients_is_named() {
        let hidden = found("10.0.0.1, 10.0.0.1, yes");
        assert_eq!(hidden.severity, Severity::Warning);
        assert!(hidden.text.contains("names no client (\"unknown\")"), "{hidden}");
    }

    #[test]
    fn a_client_with_its_own_address_is_ok() {
        assert_eq!(found("203.0.113.9, 10.0.0.1, yes").severity, Severity::Ok);
    }

    #[test]
    fn clients_behind_a_proxy_have_their_own_addresses_or_a_warning_says_so() {
        let untrusted = found("192.168.0.5, 192.168.0.5, no");
        assert_eq!(untrusted.severity, Severity::Warning);
        assert!(untrusted.text.contains("add 192.168.0.5 to AUTH_TRUSTED_PROXIES"), "{untrusted}");
        let silent = seen(&answer("10.0.0.1, 10.0.0.1, no", "{}"), &site("x-forwarded-for"));
        assert!(silent.text.contains("let that proxy send x-forwarded-for"), "{silent}");
        assert_eq!(found("10.0.0.2, 10.0.0.1, no").severity, Severity::Note);
        assert!(found("").text.contains("another AUTH_SECRET"));
    }
}
