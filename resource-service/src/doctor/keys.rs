//! The keys where they are published or pinned: which of them can be used, and why others cannot.

use super::{Finding, place};
use http::{
    HeaderMap, HeaderValue, Method, Response, StatusCode,
    header::{CACHE_CONTROL, LOCATION},
};
use jeton_verifier::{
    Reading, Unused,
    keys::{Address, fetch::Client, read_pinned},
};
use std::path::Path;
use url::Host;

/// Reasons that are nobody's mistake: a set may hold keys that are for others.
const FOR_OTHERS: [&str; 3] = ["not an RSA key", "its use is not sig", "its alg is not RS256"];

pub(super) fn pinned(path: &Path) -> Vec<Finding> {
    let place = format!("RESOURCE_JWKS_FILE: {}", path.display());
    let mut findings = match read_pinned(path) {
        Ok(reading) => of_set(&place, &reading),
        Err(reason) => vec![Finding::error(format!("{place} cannot be read: {reason}"))],
    };
    findings.extend(place::for_anybody(&place, path));
    findings
}

pub(super) async fn published(client: &Client, address: &Address) -> Vec<Finding> {
    let headers = HeaderMap::from_iter([(CACHE_CONTROL, HeaderValue::from_static("no-cache"))]);
    let answer = match client.send(Method::GET, address.url(), headers).await {
        Ok(answer) => answer,
        Err(reason) => {
            return vec![Finding::error(format!(
                "the keys at {address} cannot be fetched: {reason}; start auth-service, or point RESOURCE_JWKS_URL at it"
            ))];
        }
    };
    if answer.status() != StatusCode::OK {
        return vec![not_keys(address, &answer)];
    }
    let is_dated = answer.headers().get(CACHE_CONTROL).is_some_and(|value| value.as_bytes().windows(8).any(is_max_age));
    match tokio::task::spawn_blocking(move || Reading::of_jwks(answer.body())).await {
        Ok(reading) => {
            let mut findings = of_set(&address.to_string(), &reading);
            findings.extend(without_age(address, is_dated));
            findings.extend(unprotected(address));
            findings
        }
        Err(reason) => vec![Finding::error(format!("{address}: {reason}"))],
    }
}

fn is_max_age(word: &[u8]) -> bool {
    word.eq_ignore_ascii_case(b"max-age=")
}

fn not_keys(address: &Address, answer: &Response<Vec<u8>>) -> Finding {
    let location = answer.headers().get(LOCATION).and_then(|value| value.to_str().ok());
    match location.and_then(|location| address.url().join(location).ok()).map(Address::from) {
        Some(target) if answer.status().is_redirection() => Finding::error(format!(
            "{address} redirects to {target}: redirects are not followed; point RESOURCE_JWKS_URL at where the keys are"
        )),
        _ => Finding::error(format!(
            "{address} answers {} instead of keys; point RESOURCE_JWKS_URL at the key set of auth-service",
            answer.status()
        )),
    }
}

/// What can be used of a set, and what cannot.
fn of_set(place: &str, reading: &Reading) -> Vec<Finding> {
    let whole = match &reading.keys {
        Ok(keys) => Finding::ok(format!("{place} holds {} usable key(s): {:?}", keys.len(), keys.kids())),
        Err(error) => Finding::error(format!("{place}: {error}: no token can be verified")),
    };
    std::iter::once(whole).chain(reading.unused.iter().map(|key| unused(place, key))).collect()
}

fn unused(place: &str, key: &Unused) -> Finding {
    let name = key.kid.as_ref().map(|kid| format!(" ({kid:?})")).unwrap_or_default();
    let text = format!("{place}: number {}{name} is not used: {}", key.position, key.reason);
    if FOR_OTHERS.contains(&key.reason) { Finding::note(text) } else { Finding::warning(text) }
}

fn without_age(address: &Address, is_dated: bool) -> Option<Finding> {
    (!is_dated).then(|| {
        Finding::warning(format!(
            "{address} has no Cache-Control: max-age: a proxy removes it, so a revoked key may stay in use for 5 minutes; let the header through"
        ))
    })
}

fn unprotected(address: &Address) -> Option<Finding> {
    let is_this_machine = match address.url().host()? {
        Host::Domain(name) => name == "localhost" || name.ends_with(".localhost"),
        Host::Ipv4(ip) => ip.is_loopback(),
        Host::Ipv6(ip) => ip.is_loopback(),
    };
    (address.url().scheme() == "http" && !is_this_machine).then(|| {
        Finding::note(format!(
            "the keys at {address} come over plain http: whoever can answer in its place decides whose tokens are accepted; use that only in a private network"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use shared::finding::Severity;
    use testkit::Issuer;

    #[test]
    fn each_key_that_is_not_used_is_named_with_its_reason() {
        let weak = json!({ "kty": "RSA", "kid": "weak\n", "n": "AQAB", "e": "AQAB" });
        let set = json!({ "keys": [{ "kty": "EC" }, Issuer::usual().public_key().clone(), weak] }).to_string();
        let found = of_set("there", &Reading::of_jwks(set.as_bytes()));
        let severities: Vec<Severity> = found.iter().map(|finding| finding.severity).collect();
        assert_eq!(severities, [Severity::Ok, Severity::Note, Severity::Warning], "{found:?}");
        assert!(found[0].text.contains("1 usable key(s): [\"first\"]"), "{found:?}");
        assert!(found[2].text.contains(r#"number 3 ("weak\n") is not used: its modulus"#), "{found:?}");
    }

    #[test]
    fn a_set_without_a_usable_key_is_an_error() {
        assert_eq!(of_set("there", &Reading::of_jwks(b"<html>"))[0].severity, Severity::Error);
        assert_eq!(of_set("there", &Reading::of_jwks(br#"{"keys":[]}"#))[0].severity, Severity::Error);
    }
}
