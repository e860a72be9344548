//! The address of the keys, which may hold a secret.

use std::{fmt, str::FromStr};
use url::Url;

/// Where an issuer publishes its keys, below its URL.
pub(super) const JWKS_PATH: &str = "/.well-known/jwks.json";
/// Where an issuer publishes what it has ended, below its URL.
const FEED_PATH: &str = "/revocations";

/// A text is not the address of a key set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a URL such as https://auth.example/.well-known/jwks.json")]
pub struct AddressError;

/// A URL whose user, password and query are used in requests only: they are never shown or stored.
#[derive(Clone, PartialEq, Eq)]
pub struct Address(Url);

impl Address {
    /// The whole, for requests.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.0
    }

    /// The revocation feed of the issuer whose keys are here: beside them, with the same secrets, if they are where issuers
    /// have them, and otherwise below the issuer's URL.
    ///
    /// # Errors
    /// When neither says where that is.
    pub fn of_feed(&self, issuer: &str) -> Result<Self, AddressError> {
        match self.0.path().strip_suffix(JWKS_PATH) {
            Some(base) => {
                let mut url = self.0.clone();
                url.set_path(&format!("{base}{FEED_PATH}"));
                Ok(Self(url))
            }
            None => format!("{}{FEED_PATH}", issuer.trim_end_matches('/')).parse(),
        }
    }

    /// What may be shown and stored.
    #[must_use]
    pub fn shown(&self) -> String {
        let mut url = self.0.clone();
        // Only a URL without a host can have neither, and that one stays as it is.
        let _has_no_user = url.set_username("").and_then(|()| url.set_password(None));
        url.set_query(None);
        url.set_fragment(None);
        url.to_string()
    }
}

impl From<Url> for Address {
    fn from(url: Url) -> Self {
        Self(url)
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let url = Url::parse(text).map_err(|_| AddressError)?;
        if matches!(url.scheme(), "http" | "https") && url.has_host() { Ok(Self(url)) } else { Err(AddressError) }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown())
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_url_of_http_or_https() {
        assert!("http://auth:8080/keys".parse::<Address>().is_ok());
        for text in ["", "auth.example", "ftp://auth.example/keys", "https:", "data:x,y"] {
            assert_eq!(text.parse::<Address>(), Err(AddressError), "{text}");
        }
    }

    #[test]
    fn the_feed_is_beside_the_keys_or_below_the_issuer() {
        let of = |keys: &str, issuer: &str| {
            let address: Address = keys.parse().expect("a URL");
            address.of_feed(issuer).map(|feed| feed.url().to_string())
        };
        let beside = of("https://reader:hunter2@auth.example/tenant/.well-known/jwks.json?key=x", "us");
        assert_eq!(beside.as_deref(), Ok("https://reader:hunter2@auth.example/tenant/revocations?key=x"));
        let below = of("https://cdn.example/keys", "https://auth.example/tenant/");
        assert_eq!(below.as_deref(), Ok("https://auth.example/tenant/revocations"));
        assert_eq!(of("https://cdn.example/keys", "us"), Err(AddressError));
    }

    #[test]
    fn secrets_in_the_address_are_not_shown() {
        let url = Url::parse("https://reader:hunter2@auth.example/jwks.json?key=hunter2#hunter2").expect("a URL");
        let address = Address::from(url);
        assert_eq!(address.shown(), "https://auth.example/jwks.json");
        assert_eq!(format!("{address} {address:?}"), format!("{0} {0}", address.shown()));
    }
}
