//! For whom passkeys are made: the relying party (WebAuthn Level 3, section 5.1.2), and the origins that may ask for them.

use url::{Host, Url};

/// The domain that passkeys belong to, and the origins whose pages may use them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelyingParty {
    /// The rpId. Another one makes all passkeys useless.
    pub id: String,
    /// Every origin whose pages may use the passkeys, as browsers write them.
    pub origins: Vec<String>,
    /// Those of them that are not below the domain: browsers let them only if the domain says so.
    pub related: Vec<String>,
}

/// Why there is no relying party.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoParty {
    /// Browsers make passkeys for names only.
    #[error("the host of the public URL is an IP address, for which browsers make no passkeys")]
    AddressAsHost,
    /// The public URL's pages could not use the passkeys of this domain.
    #[error("the host of AUTH_PUBLIC_URL is neither this domain nor below it")]
    NotAParent,
}

impl RelyingParty {
    /// The relying party of a service with this public URL: `domain`, or the URL's host. Pages of `allowed` origins below it
    /// may use the passkeys as well; others only if the domain was named, because then it can say so to browsers.
    ///
    /// # Errors
    /// [`NoParty`].
    pub fn of<'a>(
        public_url: &Url,
        domain: Option<&str>,
        allowed: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, NoParty> {
        let Some(Host::Domain(host)) = public_url.host() else { return Err(NoParty::AddressAsHost) };
        let id = domain.unwrap_or(host).to_ascii_lowercase();
        if !is_below(host, &id) {
            return Err(NoParty::NotAParent);
        }
        let own = public_url.origin().ascii_serialization();
        let mut party = Self { id, origins: vec![own.clone()], related: Vec::new() };
        for origin in allowed.into_iter().filter(|origin| *origin != own) {
            match party.covers(origin) {
                true => party.origins.push(origin.to_owned()),
                false if domain.is_some() && origin.starts_with("https://") => {
                    party.origins.push(origin.to_owned());
                    party.related.push(origin.to_owned());
                }
                false => {}
            }
        }
        Ok(party)
    }

    /// Whether pages of an origin may use the passkeys without the domain's consent.
    fn covers(&self, origin: &str) -> bool {
        let url = Url::parse(origin).ok().filter(|url| ["http", "https"].contains(&url.scheme()));
        url.as_ref().and_then(Url::host_str).is_some_and(|host| is_below(host, &self.id))
    }
}

/// Whether a host is a domain or below it.
fn is_below(host: &str, domain: &str) -> bool {
    let above = host.strip_suffix(domain);
    !domain.is_empty() && above.is_some_and(|above| above.is_empty() || above.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn party(url: &str, domain: Option<&str>, allowed: &[&str]) -> Result<RelyingParty, NoParty> {
        RelyingParty::of(&Url::parse(url).unwrap(), domain, allowed.iter().copied())
    }

    #[test]
    fn the_domain_is_the_host_or_one_above_it() {
        let id = |url, domain| party(url, domain, &[]).map(|party| party.id);
        assert_eq!(id("https://auth.example.com", None), Ok("auth.example.com".to_owned()));
        assert_eq!(id("https://auth.example.com:8443", Some("example.com")), Ok("example.com".to_owned()));
        assert_eq!(id("http://localhost:8080", None), Ok("localhost".to_owned()));
        for domain in ["ample.com", "other.com", "x.auth.example.com", "", "auth.example.com.", ".example.com"] {
            assert_eq!(id("https://auth.example.com", Some(domain)), Err(NoParty::NotAParent), "{domain}");
        }
        for address in ["http://127.0.0.1:8080", "https://[::1]", "https://10.0.0.1"] {
            assert_eq!(id(address, None), Err(NoParty::AddressAsHost), "{address}");
            assert_eq!(id(address, Some("127.0.0.1")), Err(NoParty::AddressAsHost), "{address}");
        }
    }

    #[test]
    fn pages_of_other_domains_may_use_the_passkeys_only_if_the_domain_can_say_so() {
        let allowed =
            ["https://app.example.com", "https://example.de", "https://badexample.com", "capacitor://localhost"];
        let named = party("https://auth.example.com", Some("example.com"), &allowed).unwrap();
        assert_eq!(named.origins[..2], ["https://auth.example.com", "https://app.example.com"]);
        assert_eq!(named.related, ["https://example.de", "https://badexample.com"]);
        assert_eq!(named.origins[2..], named.related);
        let unnamed = party("https://auth.example.com", None, &allowed).unwrap();
        assert_eq!(unnamed.origins, ["https://auth.example.com"]);
        assert_eq!(unnamed.related, [""; 0]);
    }
}
