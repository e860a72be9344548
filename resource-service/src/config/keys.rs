//! Whose tokens are accepted, and where the keys come from.

use jeton_verifier::keys::{Address, KeySource};
use shared::{settings, settings::Settings};
use std::path::PathBuf;
use url::Url;

settings! {
    /// Exact issuer (iss) of accepted tokens.
    plain RESOURCE_ISSUER: String = "http://localhost:8080", issuer;
    /// Exact audience (aud) of accepted tokens.
    plain RESOURCE_AUDIENCE: String = "jeton", audience;
    /// URL of the published public keys; by default /.well-known/jwks.json of the issuer.
    url RESOURCE_JWKS_URL: Url, http_url;
    /// File of pinned public keys (JWKS or PEM), reloaded when it changes; disables fetching.
    plain RESOURCE_JWKS_FILE: PathBuf, path;
    /// File that keeps the last good keys, for a restart without auth-service.
    plain RESOURCE_JWKS_SNAPSHOT: PathBuf = "data/jwks.json", path;
}

/// Whose tokens are accepted, and for whom.
pub(super) struct Accepted {
    pub(super) issuer: String,
    pub(super) keys: KeySource,
    pub(super) audience: String,
}

impl Accepted {
    pub(super) fn read(settings: &Settings) -> Self {
        let issuer = settings.get(&RESOURCE_ISSUER);
        Self { keys: keys(settings, &issuer), issuer, audience: settings.get(&RESOURCE_AUDIENCE) }
    }
}

fn keys(settings: &Settings, issuer: &str) -> KeySource {
    let url = settings.find(&RESOURCE_JWKS_URL);
    if let Some(path) = settings.find(&RESOURCE_JWKS_FILE) {
        if settings.is_given(&RESOURCE_JWKS_URL.named) {
            settings.mistake("RESOURCE_JWKS_FILE and RESOURCE_JWKS_URL are both set: keep one of them");
        }
        return KeySource::Pinned(path);
    }
    let published = match url {
        Some(url) => KeySource::Published { address: Address::from(url), snapshot: None },
        None => KeySource::of_issuer(issuer).expect("an issuer is a URL"),
    };
    published.with_snapshot(settings.get(&RESOURCE_JWKS_SNAPSHOT))
}

fn path(text: &str) -> Result<PathBuf, String> {
    Ok(PathBuf::from(text))
}

fn audience(text: &str) -> Result<String, String> {
    let is_word = !text.is_empty() && text.trim() == text && !text.contains(char::is_control);
    if is_word {
        Ok(text.to_owned())
    } else {
        Err("must not be empty, start or end with whitespace, or contain control characters".to_owned())
    }
}

/// An issuer is compared byte by byte, so it stays as it was written (RFC 8414, section 2).
fn issuer(text: &str) -> Result<String, String> {
    let url = http_url(text)?;
    if text.contains(char::is_whitespace) {
        return Err("an issuer must not contain whitespace: no token would match it".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("an issuer must not have a query or a fragment".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("an issuer must not have a user or a password: put them into RESOURCE_JWKS_URL".to_owned());
    }
    Ok(text.to_owned())
}

pub(super) fn http_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|_| "not a URL such as https://auth.example".to_owned())?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err("must start with http:// or https://".to_owned());
    }
    Ok(url)
}
