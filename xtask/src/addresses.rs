//! Where both services listen, and every setting that follows from it.

use clap::Args;
use std::{
    env,
    net::{IpAddr, Ipv6Addr, SocketAddr, TcpListener, TcpStream},
    time::Duration,
};

/// Which ports.
#[derive(Debug, Clone, Copy, Default, Args)]
pub(crate) struct Ports {
    /// The first port: auth-service's; resource-service has the next, and health is 1000 above each
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..=64_534))]
    port: Option<u16>,
    /// Use any free ports
    #[arg(long, conflicts_with = "port")]
    free_ports: bool,
}

/// Where each of the two listens, for clients and for operators.
#[derive(Debug)]
pub(crate) struct Addresses {
    auth: SocketAddr,
    auth_admin: SocketAddr,
    resource: SocketAddr,
    resource_admin: SocketAddr,
    public_url: String,
    issuer: String,
    has_keys: bool,
    /// Whether the environment says who calls whom from the playground.
    has_playground: bool,
}

impl Addresses {
    /// From the flags, then the settings in the environment, then the defaults.
    ///
    /// # Errors
    /// A line for each setting that is not an address, or that contradicts another.
    pub(crate) fn gather(ports: Ports) -> Result<Self, String> {
        Self::from(ports, |name| env::var(name).ok().filter(|value| !value.is_empty()))
    }

    fn from(ports: Ports, setting: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        const NAMES: [&str; 4] = ["AUTH_LISTEN", "RESOURCE_LISTEN", "AUTH_ADMIN_LISTEN", "RESOURCE_ADMIN_LISTEN"];
        let mut addresses = Vec::new();
        for (name, port) in NAMES.into_iter().zip(numbers(ports)?) {
            let given = setting(name).filter(|_| ports.port.is_none() && !ports.free_ports);
            let text = given.unwrap_or_else(|| format!("127.0.0.1:{port}"));
            addresses
                .push(text.parse().map_err(|_| format!("{name}={text} is not an address such as 127.0.0.1:{port}"))?);
        }
        let [auth, resource, auth_admin, resource_admin] = addresses[..] else { unreachable!("as many as names") };
        let public_url = setting("AUTH_PUBLIC_URL").unwrap_or_else(|| url(auth));
        let own = public_url.trim_end_matches('/');
        let issuer = setting("RESOURCE_ISSUER").unwrap_or_else(|| own.to_owned());
        if issuer != own {
            return Err(format!(
                "RESOURCE_ISSUER is {issuer}, but auth-service's tokens name {own} (AUTH_PUBLIC_URL): all of them would be \
                refused. Leave RESOURCE_ISSUER out: it follows"
            ));
        }
        let is_given = |name: &&str| setting(name).is_some();
        let has_keys = ["RESOURCE_JWKS_URL", "RESOURCE_JWKS_FILE"].iter().any(is_given);
        let has_playground = ["AUTH_PLAYGROUND", "RESOURCE_ALLOWED_ORIGINS"].iter().any(is_given);
        Ok(Self { auth, auth_admin, resource, resource_admin, public_url, issuer, has_keys, has_playground })
    }

    /// The settings of both services.
    pub(crate) fn settings(&self) -> Vec<(String, String)> {
        let mut settings = vec![
            ("AUTH_LISTEN", self.auth.to_string()),
            ("AUTH_ADMIN_LISTEN", self.auth_admin.to_string()),
            ("AUTH_PUBLIC_URL", self.public_url.clone()),
            ("RESOURCE_LISTEN", self.resource.to_string()),
            ("RESOURCE_ADMIN_LISTEN", self.resource_admin.to_string()),
            ("RESOURCE_ISSUER", self.issuer.clone()),
        ];
        if !self.has_keys {
            settings.push(("RESOURCE_JWKS_URL", format!("{}/.well-known/jwks.json", url(self.auth))));
        }
        if !self.has_playground {
            settings.push(("AUTH_PLAYGROUND", url(self.resource)));
            settings.push(("RESOURCE_ALLOWED_ORIGINS", self.issuer.clone()));
        }
        settings.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// Where clients reach auth-service, and resource-service.
    pub(crate) fn urls(&self) -> [String; 2] {
        [url(self.auth), url(self.resource)]
    }

    /// Where health is.
    pub(crate) fn admin(&self) -> [SocketAddr; 2] {
        [self.auth_admin, self.resource_admin]
    }

    /// Where health is, for clients.
    pub(crate) fn admin_urls(&self) -> [String; 2] {
        self.admin().map(url)
    }

    /// Reports which addresses are in use, before anything is built or started.
    ///
    /// # Errors
    /// A line for each, and what to do.
    pub(crate) fn check(&self) -> Result<(), String> {
        let all = [
            ("auth-service", "AUTH_LISTEN", self.auth),
            ("resource-service", "RESOURCE_LISTEN", self.resource),
            ("auth-service's health", "AUTH_ADMIN_LISTEN", self.auth_admin),
            ("resource-service's health", "RESOURCE_ADMIN_LISTEN", self.resource_admin),
        ];
        let taken = all.iter().filter_map(|(whose, setting, address)| {
            let reason = in_the_way(*address)?;
            Some(format!("{address} cannot be used for {whose} ({setting}): {reason}"))
        });
        let mut taken: Vec<String> = taken.collect();
        if taken.is_empty() {
            return Ok(());
        }
        taken.push(
            "Stop whatever listens there (perhaps another `cargo xtask up`), or choose other ports, and everything else \
            follows: `cargo xtask up --port 9100`, or `cargo xtask up --free-ports`"
                .to_owned(),
        );
        Err(taken.join("\n"))
    }
}

/// The ports in the order of public ones, then those of operators.
fn numbers(ports: Ports) -> Result<[u16; 4], String> {
    if ports.free_ports {
        // All at once, so that they differ.
        let listeners = [(); 4].map(|()| TcpListener::bind("127.0.0.1:0"));
        let mut numbers = [0; 4];
        for (number, listener) in numbers.iter_mut().zip(&listeners) {
            let address = listener
                .as_ref()
                .map_err(ToString::to_string)
                .and_then(|listener| listener.local_addr().map_err(|error| error.to_string()));
            *number = address.map_err(|error| format!("there is no free port: {error}"))?.port();
        }
        return Ok(numbers);
    }
    let first = ports.port.unwrap_or(8080);
    Ok([first, first + 1, first + 1000, first + 1001])
}

/// How a client on this machine reaches it.
fn url(address: SocketAddr) -> String {
    if is_localhost(address) { format!("http://localhost:{}", address.port()) } else { format!("http://{address}") }
}

/// Whether `localhost` leads there.
fn is_localhost(address: SocketAddr) -> bool {
    address.ip().is_unspecified() || address.ip() == IpAddr::from([127, 0, 0, 1])
}

/// Why an address cannot be used.
fn in_the_way(address: SocketAddr) -> Option<String> {
    if let Err(error) = TcpListener::bind(address) {
        return Some(error.to_string());
    }
    let other = SocketAddr::from((Ipv6Addr::LOCALHOST, address.port()));
    let is_taken = is_localhost(address) && TcpStream::connect_timeout(&other, Duration::from_millis(500)).is_ok();
    is_taken.then(|| format!("something listens at {other}, which is `localhost` as well"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gathered(ports: Ports, set: &[(&str, &str)]) -> Result<Addresses, String> {
        let set = |name: &str| set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        Addresses::from(ports, set)
    }

    fn setting(addresses: &Addresses, name: &str) -> String {
        let settings = addresses.settings();
        settings.into_iter().find(|(known, _)| known == name).map(|(_, value)| value).unwrap_or_default()
    }

    #[test]
    fn everything_follows_from_one_port() {
        let addresses = gathered(Ports { port: Some(9100), free_ports: false }, &[]).expect("a port is enough");
        for (name, value) in [
            ("AUTH_LISTEN", "127.0.0.1:9100"),
            ("AUTH_ADMIN_LISTEN", "127.0.0.1:10100"),
            ("AUTH_PUBLIC_URL", "http://localhost:9100"),
            ("RESOURCE_LISTEN", "127.0.0.1:9101"),
            ("RESOURCE_ADMIN_LISTEN", "127.0.0.1:10101"),
            ("RESOURCE_ISSUER", "http://localhost:9100"),
            ("RESOURCE_JWKS_URL", "http://localhost:9100/.well-known/jwks.json"),
            ("AUTH_PLAYGROUND", "http://localhost:9101"),
            ("RESOURCE_ALLOWED_ORIGINS", "http://localhost:9100"),
        ] {
            assert_eq!(setting(&addresses, name), value, "{name}");
        }
    }

    #[test]
    fn everything_follows_from_one_setting() {
        let addresses = gathered(Ports::default(), &[("AUTH_LISTEN", "0.0.0.0:9100")]).expect("a setting is enough");
        assert_eq!(setting(&addresses, "AUTH_PUBLIC_URL"), "http://localhost:9100");
        assert_eq!(setting(&addresses, "RESOURCE_ISSUER"), "http://localhost:9100");
        assert_eq!(setting(&addresses, "RESOURCE_JWKS_URL"), "http://localhost:9100/.well-known/jwks.json");
        assert_eq!(addresses.urls(), ["http://localhost:9100", "http://localhost:8081"]);
    }

    #[test]
    fn settings_that_are_given_are_followed_and_contradictions_are_named() {
        let addresses = gathered(
            Ports::default(),
            &[("AUTH_PUBLIC_URL", "https://auth.example/"), ("RESOURCE_JWKS_FILE", "keys.json")],
        );
        let addresses = addresses.expect("they do not contradict each other");
        assert_eq!(setting(&addresses, "RESOURCE_ISSUER"), "https://auth.example");
        assert_eq!(setting(&addresses, "RESOURCE_JWKS_URL"), "");
        let error =
            gathered(Ports::default(), &[("RESOURCE_ISSUER", "http://localhost:1")]).expect_err("another issuer");
        assert!(error.contains("RESOURCE_ISSUER") && error.contains("AUTH_PUBLIC_URL"), "{error}");
        let error = gathered(Ports::default(), &[("AUTH_LISTEN", "8080")]).expect_err("no address");
        assert!(error.contains("AUTH_LISTEN=8080"), "{error}");
    }

    #[test]
    fn a_taken_port_is_named_with_its_setting_and_what_to_do() {
        let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = taken.local_addr().expect("it is bound").to_string();
        let mut addresses = gathered(Ports { port: None, free_ports: true }, &[]).expect("there are free ports");
        addresses.resource = address.parse().expect("an address");
        let error = addresses.check().expect_err("it is taken");
        assert!(error.contains(&address) && error.contains("RESOURCE_LISTEN") && error.contains("--port"), "{error}");
    }

    #[test]
    fn a_listener_on_the_other_address_of_localhost_is_in_the_way() {
        let Ok(taken) = TcpListener::bind("[::1]:0") else { return };
        let address = taken.local_addr().expect("it is bound");
        let reason = in_the_way(SocketAddr::from(([127, 0, 0, 1], address.port()))).expect("it is in the way");
        assert!(reason.contains("localhost"), "{reason}");
    }
}
