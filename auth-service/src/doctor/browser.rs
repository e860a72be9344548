//! What a browser makes of the settings: which cookie it keeps, and which pages may call.

use super::{Finding, web::Fetched};
use crate::{
    domain::passkeys::{NoPasskeys, RelyingParty},
    http::{Site, cookie},
};
use shared::origin;
use url::{Host, Url};

pub(super) fn cookie(site: &Site) -> Option<Finding> {
    let name = site.cookie_name();
    let url = Url::parse(site.issuer()).ok()?;
    let host = url.host()?.to_owned();
    Some(if site.is_https() {
        Finding::ok(format!("browsers keep the cookie {name}: over https, for {host} alone; no other host can set it"))
    } else if origin::is_this_machine(&url) {
        Finding::note(format!("browsers keep the cookie {name}: over plain http, for development on this machine only"))
    } else {
        Finding::warning(format!(
            "AUTH_PUBLIC_URL is plain http: browsers keep the cookie {name}, but passwords and tokens cross the network unencrypted; terminate TLS in a proxy, and write https://{host}"
        ))
    })
}

/// Whether there can be passkeys.
pub(super) fn passkeys(party: Option<&RelyingParty>) -> Finding {
    match party {
        Some(party) if party.related.is_empty() => Finding::ok(format!("passkeys belong to {}", party.id)),
        Some(party) => Finding::ok(format!(
            "passkeys belong to {id}; pages of {} use them only if https://{id}/.well-known/webauthn leads here",
            party.related.join(", "),
            id = party.id
        )),
        None => Finding::note(format!("AUTH_PUBLIC_URL: {NoPasskeys}; give the service a name, such as localhost")),
    }
}

/// Whether a page of the origin may refresh, according to the answer to a real preflight.
pub(super) fn preflight(origin: &str, answer: &Fetched) -> Finding {
    let answer = match answer {
        Ok(answer) => answer,
        Err(reason) => return Finding::error(format!("a preflight from {origin} is not answered: {reason}")),
    };
    let has = |name: &str, word: &str| {
        let value = answer.header(name).unwrap_or_default();
        value.split(',').any(|part| part.trim().eq_ignore_ascii_case(word))
    };
    let lacks: Vec<&str> = [
        ("access-control-allow-origin", origin),
        ("access-control-allow-credentials", "true"),
        ("access-control-allow-methods", "POST"),
        ("access-control-allow-headers", "content-type"),
        ("access-control-allow-headers", cookie::CSRF_HEADER),
    ]
    .into_iter()
    .filter(|(name, word)| !has(name, word))
    .map(|(name, _)| name)
    .collect();
    if (200..300).contains(&answer.status) && lacks.is_empty() {
        return Finding::ok(format!("pages of {origin} may call with credentials"));
    }
    Finding::error(format!(
        "browsers keep pages of {origin} from calling: the preflight is answered {}, with a wrong or missing {}; restart the service with the current AUTH_ALLOWED_ORIGINS, and keep the proxy from changing CORS headers",
        answer.status,
        lacks.first().unwrap_or(&"status")
    ))
}

/// Whether the cookie reaches the service from pages of that origin. `None`: it does.
pub(super) fn site(issuer: &str, origin: &str) -> Option<Finding> {
    let (ours, theirs) = (Url::parse(issuer).ok()?, Url::parse(origin).ok()?);
    let is_same_site = ours.scheme() == theirs.scheme() && are_related(&ours.host()?, &theirs.host()?);
    (!is_same_site).then(|| {
        Finding::note(format!(
            "{origin} is another site than {issuer}: browsers send no SameSite=Strict cookie from its pages; use transport body there, or a common domain and scheme"
        ))
    })
}

/// The same host, or hosts of one domain. The list of public suffixes is not consulted: two labels in common are
/// enough.
fn are_related(ours: &Host<&str>, theirs: &Host<&str>) -> bool {
    let (Host::Domain(ours), Host::Domain(theirs)) = (ours, theirs) else { return ours == theirs };
    let common = ours.rsplit('.').zip(theirs.rsplit('.')).take_while(|(one, other)| one == other).count();
    ours == theirs || common >= 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::{Severity, web::Answer};

    fn cookie_of(url: &str) -> Finding {
        cookie(&Site::new(&Url::parse(url).unwrap(), Vec::new(), Vec::new())).unwrap()
    }

    #[test]
    fn the_cookie_follows_from_the_public_url() {
        let secure = cookie_of("https://auth.example.com");
        assert_eq!(secure.severity, Severity::Ok);
        assert!(secure.text.contains("__Host-jeton-refresh"));
        assert_eq!(cookie_of("http://localhost:8080").severity, Severity::Note);
        assert_eq!(cookie_of("http://[::1]:8080").severity, Severity::Note);
        assert_eq!(cookie_of("http://auth.example.com").severity, Severity::Warning);
    }

    fn answered(origin: &str, headers: &str) -> Fetched {
        let headers = [
            ("access-control-allow-origin", origin),
            ("access-control-allow-credentials", "true"),
            ("access-control-allow-methods", "GET, POST"),
            ("access-control-allow-headers", headers),
        ];
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Ok(Answer { status: 200, headers, body: String::new() })
    }

    #[test]
    fn a_preflight_must_allow_the_exact_origin_and_the_headers() {
        let app = "https://app.example.com";
        let severity = |answer: Fetched| preflight(app, &answer).severity;
        assert_eq!(severity(answered(app, "X-CSRF-Token,content-type")), Severity::Ok);
        assert_eq!(severity(answered("*", "x-csrf-token,content-type")), Severity::Error);
        assert_eq!(severity(answered(app, "content-type")), Severity::Error);
        assert_eq!(severity(Err("refused".to_owned())), Severity::Error);
    }

    #[test]
    fn pages_of_another_site_do_not_send_the_cookie() {
        let found = |origin| site("https://auth.example.com", origin).is_some();
        assert!(!found("https://app.example.com") && !found("https://auth.example.com:8443"));
        assert!(found("http://app.example.com") && found("https://app.example.org") && found("https://another.com"));
        assert!(site("http://localhost:8080", "http://localhost:3000").is_none());
        assert!(site("http://127.0.0.1:8080", "http://127.0.0.2:3000").is_some());
    }
}
