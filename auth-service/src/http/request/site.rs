//! The public site of auth-service, from which cookies and allowed origins follow.

use super::forwarded::AddressHeader;
use ipnet::IpNet;
use std::net::IpAddr;
use url::Url;

/// The public URL, the origins that may call, and the trusted proxies.
#[derive(Debug, Clone)]
pub struct Site {
    issuer: String,
    host: String,
    is_https: bool,
    allowed_origins: Vec<String>,
    trusted_proxies: Vec<IpNet>,
    address_header: AddressHeader,
    cookie_name: String,
    flow_cookie_name: String,
}

/// The name of the refresh cookie, unless another is set.
pub const COOKIE_NAME: &str = "jeton-refresh";

impl Site {
    /// `public_url` is an origin without a path; `allowed_origins` are as browsers write them.
    #[must_use]
    pub fn new(public_url: &Url, allowed_origins: Vec<String>, trusted_proxies: Vec<IpNet>) -> Self {
        let is_https = public_url.scheme() == "https";
        Self {
            issuer: public_url.origin().ascii_serialization(),
            host: public_url.host_str().unwrap_or_default().to_owned(),
            is_https,
            allowed_origins,
            trusted_proxies,
            address_header: AddressHeader::XForwardedFor,
            cookie_name: String::new(),
            flow_cookie_name: String::new(),
        }
        .with_cookie_name(COOKIE_NAME)
    }

    /// With another header in which trusted proxies name their client.
    #[must_use]
    pub fn with_address_header(self, address_header: AddressHeader) -> Self {
        Self { address_header, ..self }
    }

    /// With another name of the refresh cookie, and so of the other one. Over https they begin with `__Host-`: no other
    /// host can set such a cookie.
    #[must_use]
    pub fn with_cookie_name(self, name: &str) -> Self {
        let prefix = if self.is_https { "__Host-" } else { "" };
        let flow_cookie_name = format!("{prefix}{}-flow", name.strip_suffix("-refresh").unwrap_or(name));
        Self { cookie_name: format!("{prefix}{name}"), flow_cookie_name, ..self }
    }

    /// The issuer: the public URL without a slash at its end.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The host of the public URL.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Whether browsers reach the service over https, wherever TLS ends.
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
    pub fn allows(&self, origin: &[u8]) -> bool {
        self.origins().any(|allowed| allowed.as_bytes() == origin)
    }

    /// The name of the refresh cookie.
    #[must_use]
    pub fn cookie_name(&self) -> &str {
        &self.cookie_name
    }

    /// The name of the cookie of a flow by mail.
    #[must_use]
    pub fn flow_cookie_name(&self) -> &str {
        &self.flow_cookie_name
    }

    /// The header in which trusted proxies name their client.
    #[must_use]
    pub fn address_header(&self) -> &AddressHeader {
        &self.address_header
    }

    /// Whether any proxy is trusted.
    #[must_use]
    pub fn names_proxies(&self) -> bool {
        !self.trusted_proxies.is_empty()
    }

    /// Whether a proxy at this address is trusted to name its clients.
    #[must_use]
    pub fn trusts(&self, proxy: IpAddr) -> bool {
        self.trusted_proxies.iter().any(|network| network.contains(&proxy.to_canonical()))
    }
}
