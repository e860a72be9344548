//! The address of the keys, which may hold a secret.

use std::{fmt, str::FromStr};
use url::Url;

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
    fn secrets_in_the_address_are_not_shown() {
        let url = Url::parse("https://reader:hunter2@auth.example/jwks.json?key=hunter2#hunter2").expect("a URL");
        let address = Address::from(url);
        assert_eq!(address.shown(), "https://auth.example/jwks.json");
        assert_eq!(format!("{address} {address:?}"), format!("{0} {0}", address.shown()));
    }
}
