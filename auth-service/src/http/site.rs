//! Where auth-service is on the web: what cookies and allowed origins follow from.

use ipnet::IpNet;
use std::net::IpAddr;
use url::Url;

/// The public URL, the origins that may call, and the proxies that are believed.
#[derive(Debug, Clone)]
pub struct Site {
    issuer: String,
    is_https: bool,
    allowed_origins: Vec<String>,
    trusted_proxies: Vec<IpNet>,
}

impl Site {
    /// `public_url` is an origin without a path; so are `allowed_origins`.
    #[must_use]
    pub fn new(public_url: &Url, allowed_origins: &[Url], trusted_proxies: Vec<IpNet>) -> Self {
        let origin = |url: &Url| url.origin().ascii_serialization();
        Self {
            issuer: origin(public_url),
            is_https: public_url.scheme() == "https",
            allowed_origins: allowed_origins.iter().map(origin).collect(),
            trusted_proxies,
        }
    }

    /// The issuer: the public URL without a slash at its end.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Whether browsers reach us over https, wherever TLS ends.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.is_https
    }

    /// The public URL's origin and the allowed ones.
    pub fn origins(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.issuer.as_str()).chain(self.allowed_origins.iter().map(String::as_str))
    }

    /// Whether a page of this origin may call.
    #[must_use]
    pub fn allows(&self, origin: &str) -> bool {
        self.origins().any(|allowed| allowed == origin)
    }

    /// Whether what a proxy at this address says of its clients is believed.
    #[must_use]
    pub fn trusts(&self, proxy: IpAddr) -> bool {
        self.trusted_proxies.iter().any(|network| network.contains(&proxy.to_canonical()))
    }
}
