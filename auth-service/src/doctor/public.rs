//! Whether the public URL leads to this service, and what verifiers fetch there.

use super::{
    Finding,
    web::{Answer, Certificate, Spoken, View},
};
use crate::http::Site;
use serde_json::Value;
use std::{collections::BTreeSet, net::SocketAddr};

pub(super) fn findings(
    site: &Site,
    listen: SocketAddr,
    view: &View,
    readiness: &Result<(), String>,
    published: Option<&[String]>,
) -> Vec<Finding> {
    let issuer = site.issuer();
    if let Some(finding) = spoken(issuer, &view.spoken) {
        return vec![finding];
    }
    let answer = match &view.metadata {
        Ok(answer) => answer,
        Err(reason) => return vec![unreachable(issuer, listen, reason, readiness)],
    };
    match stranger(issuer, answer) {
        Some(finding) => vec![finding],
        None => vec![Finding::ok(format!("{issuer} answers as itself")), key_set(view, published), ready(readiness)],
    }
}

/// What is wrong with the scheme or the certificate.
fn spoken(issuer: &str, spoken: &Spoken) -> Option<Finding> {
    let what = match spoken {
        Spoken::AsWritten => return None,
        Spoken::PlainHttp => {
            "speaks plain http, not TLS; terminate TLS in a proxy there, or write the URL with http:// (development only)".to_owned()
        }
        Spoken::Tls => "speaks TLS, not plain http; write the URL with https://".to_owned(),
        Spoken::With(Certificate::Untrusted) => {
            "has a certificate that this machine does not trust, and verifiers and browsers may not either: use one from a public authority, with its whole chain, or install the authority that signed it (SSL_CERT_FILE names a file of authorities)".to_owned()
        }
        Spoken::With(Certificate::Expired) => "has a certificate that has expired: renew it".to_owned(),
        Spoken::With(Certificate::NotYetValid) => {
            "has a certificate that is not valid yet: is this machine's clock right?".to_owned()
        }
        Spoken::With(Certificate::OfAnotherHost) => {
            "has a certificate for another host: get one for the host of AUTH_PUBLIC_URL, or write the URL with the certificate's host".to_owned()
        }
        Spoken::With(Certificate::Other(words)) => format!("has a certificate that is not accepted: {words}"),
    };
    Some(Finding::error(format!("AUTH_PUBLIC_URL: {issuer} {what}")))
}

/// Whether a service with this public URL answers there.
pub(super) fn is_ours(site: &Site, view: &View) -> bool {
    view.metadata.as_ref().is_ok_and(|answer| stranger(site.issuer(), answer).is_none())
}

fn unreachable(issuer: &str, listen: SocketAddr, reason: &str, readiness: &Result<(), String>) -> Finding {
    let what = format!("nobody answers at AUTH_PUBLIC_URL {issuer}: {reason}");
    match readiness {
        Ok(()) => Finding::error(format!(
            "{what}; the service itself is ready: check that DNS, firewall and proxy route it to {listen} (AUTH_LISTEN)"
        )),
        Err(why) => Finding::error(format!("{what}; the service is not ready here either ({why}): start it")),
    }
}

/// What is wrong if another program answers, or a proxy for itself.
fn stranger(issuer: &str, answer: &Answer) -> Option<Finding> {
    if let (300..400, Some(location)) = (answer.status, answer.header("location")) {
        let advice = "set AUTH_PUBLIC_URL to where the redirects end: verifiers and cookies do not follow them";
        return Some(Finding::error(format!("AUTH_PUBLIC_URL: {issuer} redirects to {location}; {advice}")));
    }
    if answer.status != 200 {
        let advice = "make the proxy pass every path to auth-service unchanged";
        return Some(Finding::error(format!(
            "AUTH_PUBLIC_URL: {issuer} answers {} instead of metadata; {advice}",
            answer.status
        )));
    }
    let metadata: Value = serde_json::from_str(&answer.body).unwrap_or_default();
    match metadata["issuer"].as_str() {
        Some(name) if name == issuer => None,
        Some(name) => Some(Finding::error(format!(
            "AUTH_PUBLIC_URL: the service that answers at {issuer} calls itself {name}; start it with the same AUTH_PUBLIC_URL, or give the doctor its settings"
        ))),
        None => Some(Finding::error(format!(
            "AUTH_PUBLIC_URL: something other than auth-service answers at {issuer}; make the proxy pass every path to it"
        ))),
    }
}

fn key_set(view: &View, published: Option<&[String]>) -> Finding {
    let answer = match &view.key_set {
        Ok(answer) if answer.status == 200 => answer,
        Ok(answer) => {
            return Finding::error(format!(
                "/.well-known/jwks.json is answered {}: verifiers get no keys; make the proxy pass it on",
                answer.status
            ));
        }
        Err(reason) => return Finding::error(format!("/.well-known/jwks.json is not answered: {reason}")),
    };
    let set: Value = serde_json::from_str(&answer.body).unwrap_or_default();
    let shown: BTreeSet<&str> =
        set["keys"].as_array().into_iter().flatten().filter_map(|key| key["kid"].as_str()).collect();
    let hidden: Vec<&str> =
        published.into_iter().flatten().map(String::as_str).filter(|kid| !shown.contains(kid)).collect();
    if shown.is_empty() {
        return Finding::error(
            "/.well-known/jwks.json holds no key: verifiers refuse every token; make the proxy pass it on",
        );
    }
    if !hidden.is_empty() {
        let advice = "another database answers there, or a cache keeps the set longer than its max-age";
        return Finding::warning(format!("/.well-known/jwks.json does not show {}: {advice}", hidden.join(", ")));
    }
    if !answer.header("cache-control").is_some_and(|value| value.contains("max-age")) {
        return Finding::warning(
            "/.well-known/jwks.json comes without Cache-Control: max-age: a proxy removes it, and verifiers have to guess; make the proxy keep it",
        );
    }
    Finding::ok(format!("/.well-known/jwks.json shows verifiers {} key(s)", shown.len()))
}

fn ready(readiness: &Result<(), String>) -> Finding {
    match readiness {
        Ok(()) => Finding::ok("the service on this machine is ready"),
        Err(why) => Finding::note(format!(
            "the service that answers was not found at AUTH_ADMIN_LISTEN: {why}; run the doctor beside it, or watch its own /health/ready"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Severity;
    use std::collections::BTreeMap;
    use url::Url;

    const ISSUER: &str = "https://auth.example.com";

    fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Answer {
        let headers: BTreeMap<_, _> =
            headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Answer { status, headers, body: body.to_owned() }
    }

    fn found(metadata: Result<Answer, String>, key_set: Answer, published: &[&str]) -> Vec<Finding> {
        let site = Site::new(&Url::parse(ISSUER).unwrap(), Vec::new(), Vec::new());
        let view =
            View { metadata, key_set: Ok(key_set), preflights: Vec::new(), marked: None, spoken: Spoken::AsWritten };
        let published: Vec<String> = published.iter().map(|kid| (*kid).to_owned()).collect();
        findings(&site, SocketAddr::from(([127, 0, 0, 1], 8080)), &view, &Ok(()), Some(&published))
    }

    fn good() -> Answer {
        answer(200, &[], r#"{"issuer":"https://auth.example.com"}"#)
    }

    fn keys() -> Answer {
        answer(200, &[("cache-control", "public, max-age=300")], r#"{"keys":[{"kid":"a"}]}"#)
    }

    #[test]
    fn a_healthy_service_is_ok() {
        let found = found(Ok(good()), keys(), &["a"]);
        assert!(found.iter().all(|finding| finding.severity == Severity::Ok), "{found:?}");
    }

    #[test]
    fn whatever_answers_instead_of_the_service_is_named() {
        let cases = [
            (Err("connection refused".to_owned()), "connection refused"),
            (
                Ok(answer(301, &[("location", "https://login.example.com/")], "")),
                "redirects to https://login.example.com/",
            ),
            (Ok(answer(502, &[], "")), "answers 502"),
            (Ok(answer(200, &[], "<html>")), "something other"),
            (Ok(answer(200, &[], r#"{"issuer":"http://auth.example.com"}"#)), "calls itself http://auth.example.com"),
        ];
        for (metadata, words) in cases {
            let found = found(metadata, keys(), &["a"]);
            assert_eq!(found.len(), 1, "{found:?}");
            assert_eq!(found[0].severity, Severity::Error);
            assert!(found[0].text.contains(words), "{found:?}");
        }
    }

    #[test]
    fn keys_that_verifiers_do_not_see_are_named() {
        assert!(found(Ok(good()), keys(), &["a", "b"])[1].text.contains("does not show b"));
        assert_eq!(found(Ok(good()), answer(200, &[], r#"{"keys":[]}"#), &[])[1].severity, Severity::Error);
        assert_eq!(found(Ok(good()), answer(404, &[], ""), &[])[1].severity, Severity::Error);
        let bare = answer(200, &[], r#"{"keys":[{"kid":"a"}]}"#);
        assert_eq!(found(Ok(good()), bare, &["a"])[1].severity, Severity::Warning);
    }
}
