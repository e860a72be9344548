//! The address of a mail server.

use lettre::transport::smtp::authentication::Credentials;
use shared::settings::{known_parameters, percent_encoded};
use std::net::{Ipv4Addr, Ipv6Addr};
use url::{Host, Url};

const FORM: &str =
    "must be smtps://user:password@host, or smtp://user:password@host?tls=required for STARTTLS (docs/mail.md)";

/// How the connection is secured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Security {
    /// TLS from the first byte.
    Tls,
    /// STARTTLS, without which nothing is sent.
    StartTls,
    /// None: for a server on the same machine.
    None,
}

/// A mail server, and how to log in to it. It holds a password, and so has no `Debug`.
#[derive(Clone)]
pub struct MailServer {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) security: Security,
    pub(super) credentials: Option<Credentials>,
}

impl MailServer {
    /// Reads a URL.
    ///
    /// # Errors
    /// What would be right; never the URL, which holds a password.
    pub fn parse(text: &str) -> Result<Self, String> {
        let is_tls = match text.split_once("://") {
            Some(("smtps", _)) => true,
            Some(("smtp", _)) => false,
            _ => return Err(FORM.to_owned()),
        };
        percent_encoded(text).map_err(|reason| format!("{FORM}; {reason}"))?;
        known_parameters(text, if is_tls { &[] } else { &["tls"] })?;
        let url = Url::parse(text).map_err(|_| FORM.to_owned())?;
        if !matches!(url.path(), "" | "/") {
            return Err(FORM.to_owned());
        }
        let host = url.host_str().and_then(|host| Host::parse(host).ok()).ok_or_else(|| FORM.to_owned())?;
        let tls = url.query_pairs().find(|(name, _)| name == "tls").map(|(_, value)| value.into_owned());
        let security = if is_tls { Security::Tls } else { without_implicit_tls(tls.as_deref(), &host)? };
        let usual = match security {
            Security::Tls => 465,
            Security::StartTls => 587,
            Security::None => 25,
        };
        let host = match host {
            Host::Domain(name) => name,
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => address.to_string(),
        };
        Ok(Self { host, port: url.port().unwrap_or(usual), security, credentials: credentials(&url)? })
    }

    /// What messages call it: host and port.
    #[must_use]
    pub fn name(&self) -> String {
        let Self { host, port, .. } = self;
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    }
}

fn without_implicit_tls(tls: Option<&str>, host: &Host) -> Result<Security, String> {
    match tls {
        Some("required") => Ok(Security::StartTls),
        Some("none") => Ok(Security::None),
        Some("opportunistic") => Err(
            "tls=opportunistic sends in clear whenever somebody in between asks for it: write tls=required".to_owned()
        ),
        Some(_) => Err("tls must be required or none".to_owned()),
        None if is_this_machine(host) => Ok(Security::None),
        None => Err("add ?tls=required for STARTTLS, or write smtps://; ?tls=none sends mails and the password in clear, for a network that nobody else can read".to_owned()),
    }
}

fn is_this_machine(host: &Host) -> bool {
    match host {
        Host::Domain(name) => name == "localhost",
        Host::Ipv4(address) => *address == Ipv4Addr::LOCALHOST,
        Host::Ipv6(address) => *address == Ipv6Addr::LOCALHOST,
    }
}

fn credentials(url: &Url) -> Result<Option<Credentials>, String> {
    let decoded = |text: &str| {
        let bytes: Vec<u8> = percent_encoding::percent_decode_str(text).collect();
        String::from_utf8(bytes).map_err(|_| "its user or password is not UTF-8 text".to_owned())
    };
    match (url.username(), url.password()) {
        ("", None) => Ok(None),
        ("", Some(_)) => Err("it has a password and no user".to_owned()),
        (_, None) => Err("it has a user and no password".to_owned()),
        (user, Some(password)) => Ok(Some(Credentials::new(decoded(user)?, decoded(password)?))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(url: &str) -> (String, Security, bool) {
        let server = MailServer::parse(url).unwrap_or_else(|reason| panic!("{url}: {reason}"));
        (server.name(), server.security, server.credentials.is_some())
    }

    #[test]
    fn the_url_says_how_the_connection_is_secured() {
        let named = |name: &str| name.to_owned();
        assert_eq!(seen("smtps://u:p@mail.example.com"), (named("mail.example.com:465"), Security::Tls, true));
        assert_eq!(seen("smtps://mail.example.com:2465/"), (named("mail.example.com:2465"), Security::Tls, false));
        assert_eq!(
            seen("smtp://u:p%40%3A@mail.example.com?tls=required"),
            (named("mail.example.com:587"), Security::StartTls, true)
        );
        assert_eq!(seen("smtp://10.0.0.7:2525?tls=none"), (named("10.0.0.7:2525"), Security::None, false));
        for local in ["localhost", "127.0.0.1", "[::1]"] {
            assert_eq!(seen(&format!("smtp://{local}")), (format!("{local}:25"), Security::None, false));
        }
    }

    #[test]
    fn nothing_is_sent_in_clear_by_mistake_and_no_refusal_shows_the_password() {
        for url in [
            "smtp://u:hunter2@mail.example.com",
            "smtp://u:hunter2@mail.example.com?tls=opportunistic",
            "smtp://u:hunter2@mail.example.com?tls=hunter2",
            "smtp://u:hunter2@mail.example.com?tsl=required",
            "smtps://u:hunter2@mail.example.com?tls=none",
            "smtps://u:hunter2@mail.example.com/path",
            "smtps://u:hunter2@@mail.example.com",
            "smtps://u:hunter2#@mail.example.com",
            "smtps://:hunter2@mail.example.com",
            "smtps://hunter2@mail.example.com",
            "smtps://u:hunter2@",
            "smtps://u:hunter2@mail example.com",
            "u:hunter2@mail.example.com",
            "https://u:hunter2@mail.example.com",
        ] {
            let reason = MailServer::parse(url).err().unwrap_or_else(|| panic!("{url} is accepted"));
            assert!(!reason.contains("hunter2"), "{url}: {reason}");
        }
    }
}
