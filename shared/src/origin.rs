//! Origins of pages, as settings name them and browsers write them (RFC 6454).

use url::{Host, Url};

/// Schemes for whose pages browsers send no origin, or which no page has.
const NEVER_AN_ORIGIN: [&str; 9] = ["about", "blob", "data", "file", "ftp", "javascript", "mailto", "ws", "wss"];

/// Reads origins that are separated by commas.
///
/// # Errors
/// What is wrong with one of them, and what would be right.
pub fn list(text: &str) -> Result<Vec<String>, String> {
    let origins = text.split(',').map(str::trim).filter(|item| !item.is_empty());
    let origins: Vec<String> = origins.map(parse).collect::<Result<_, _>>()?;
    if origins.is_empty() {
        Err("names no origin: write one such as https://app.example.com".to_owned())
    } else {
        Ok(origins)
    }
}

/// Whether browsers know a URL to be this machine.
#[must_use]
pub fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Reads an origin: `https://app.example.com`, `http://localhost:3000`; also that of a native application's web view, such as
/// `capacitor://localhost`.
///
/// # Errors
/// What is wrong with it, and what would be right.
pub fn parse(text: &str) -> Result<String, String> {
    if text == "null" {
        return Err(
            "null is the origin of every sandboxed page and of every local file: it cannot be allowed".to_owned()
        );
    }
    if text.contains('*') {
        return Err(format!(
            "{text:?} holds a wildcard, which matches nothing: list each origin, such as https://app.example.com"
        ));
    }
    let url =
        Url::parse(text).map_err(|_| format!("{text:?} is not an origin: write it as https://app.example.com"))?;
    let written = written(&url).ok_or_else(|| {
        format!(
            "{text:?} is not the origin of a page: write scheme, host and port only, such as https://app.example.com"
        )
    })?;
    // Anything more was written by mistake, and may have been meant to narrow what is allowed.
    let is_bare = matches!(url.path(), "" | "/")
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    if !is_bare {
        return Err(format!("{text:?} must be scheme, host and port only: {written}"));
    }
    if text.strip_suffix('/').unwrap_or(text) == written {
        Ok(written)
    } else {
        Err(format!("write {text:?} as {written}"))
    }
}

/// As a browser writes it.
fn written(url: &Url) -> Option<String> {
    if matches!(url.scheme(), "http" | "https") {
        return (url.has_host() && url.port() != Some(0)).then(|| url.origin().ascii_serialization());
    }
    if NEVER_AN_ORIGIN.contains(&url.scheme()) {
        return None;
    }
    let host = url.host_str().filter(|host| !host.is_empty())?.to_ascii_lowercase();
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    Some(format!("{}://{host}{port}", url.scheme()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_accepted_as_browsers_write_them() {
        let origins = [
            "https://app.example.com",
            "http://localhost:3000",
            "http://127.0.0.1:8080",
            "http://[::1]:3000",
            "https://xn--bcher-kva.example",
            "capacitor://localhost",
            "ionic://localhost",
            "tauri://localhost",
            "http://tauri.localhost",
            "app://obsidian.md",
            "chrome-extension://abcdefghijklmnopabcdefghijklmnop",
        ];
        for origin in origins {
            assert_eq!(parse(origin).as_deref(), Ok(origin));
            assert_eq!(parse(&format!("{origin}/")).as_deref(), Ok(origin));
        }
        let both = vec!["https://a.example".to_owned(), "https://b.example".to_owned()];
        assert_eq!(list("https://a.example/, https://b.example,"), Ok(both));
    }

    #[test]
    fn texts_that_are_not_origins_are_refused_with_what_was_meant() {
        let refused = [
            ("*", "wildcard"),
            ("https://*.example.com", "wildcard"),
            ("null", "sandboxed"),
            ("app.example.com", "https://app.example.com"),
            ("localhost:3000", "scheme, host and port"),
            ("https://APP.example.com", "as https://app.example.com"),
            ("HTTPS://app.example.com", "as https://app.example.com"),
            ("https://app.example.com:443", "as https://app.example.com"),
            ("http://app.example.com:80/", "as http://app.example.com"),
            ("https://b\u{fc}cher.example", "as https://xn--bcher-kva.example"),
            ("https://app.example.com/login", "only: https://app.example.com"),
            ("https://app.example.com//", "only: https://app.example.com"),
            ("https://app.example.com?", "only: https://app.example.com"),
            ("https://app.example.com/#x", "only: https://app.example.com"),
            ("https://ada@app.example.com", "only: https://app.example.com"),
            ("http://app.example.com:0", "scheme, host and port"),
            ("Capacitor://localhost", "as capacitor://localhost"),
            ("capacitor://LOCALHOST", "as capacitor://localhost"),
            ("capacitor://", "scheme, host and port"),
            ("capacitor://localhost/x", "only: capacitor://localhost"),
            ("ws://app.example.com", "scheme, host and port"),
            ("ftp://app.example.com", "scheme, host and port"),
            ("file:///index.html", "scheme, host and port"),
            ("data:text/html,x", "scheme, host and port"),
            ("", "https://app.example.com"),
        ];
        for (text, words) in refused {
            assert!(parse(text).is_err_and(|mistake| mistake.contains(words)), "{text}: {:?}", parse(text));
        }
        assert!(list(",").is_err() && list(" ").is_err());
    }

    #[test]
    fn only_loopback_is_this_machine() {
        let is_local = |text: &str| is_this_machine(&Url::parse(text).expect("a URL"));
        assert!(
            ["http://localhost:8080", "http://auth.localhost", "https://127.0.0.2", "http://[::1]:1"]
                .into_iter()
                .all(is_local)
        );
        assert!(
            ![
                "http://localhost.example",
                "https://mylocalhost",
                "http://10.0.0.1",
                "http://[::2]",
                "https://128.0.0.1"
            ]
            .into_iter()
            .any(is_local)
        );
    }
}
