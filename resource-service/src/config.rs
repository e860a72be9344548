//! Settings, and what they mean.

use crate::{
    books, doctor,
    published_keys::{Address, KeySource},
};
use clap::{Arg, ArgAction, ArgMatches, Command};
use shared::{
    origin,
    server::{Limits, Patience},
    settings::{self, Mistakes, Setting, Settings, duration_within, number_within, parsed},
};
use sqlx::sqlite::SqliteConnectOptions;
use std::{
    ffi::OsString,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};
use url::Url;

const PREFIX: &str = "RESOURCE_";
const JWKS_PATH: &str = "/.well-known/jwks.json";

const SETTINGS: &[Setting] = &[
    Setting::plain("RESOURCE_LISTEN", Some("127.0.0.1:8081"), "Address of the public API."),
    Setting::plain(
        "RESOURCE_ADMIN_LISTEN",
        Some("127.0.0.1:9081"),
        "Address for health and metrics, not for the public.",
    ),
    Setting::plain(
        "RESOURCE_MAX_CONNECTIONS",
        Some("1000"),
        "How many connections the public API takes at once; more are closed.",
    ),
    Setting::plain(
        "RESOURCE_MAX_CONNECTIONS_PER_ADDRESS",
        Some("500"),
        "How many of them may come from one IPv4 address or IPv6 /64; 0: no limit, as behind a proxy.",
    ),
    Setting::plain(
        "RESOURCE_HEAD_TIMEOUT",
        Some("5s"),
        "How long a client may take to send a request's head: 1s to 5m.",
    ),
    Setting::plain("RESOURCE_BODY_TIMEOUT", Some("30s"), "How long it may take to send a request's body: 1s to 5m."),
    Setting::plain(
        "RESOURCE_WRITE_TIMEOUT",
        Some("30s"),
        "How long it may go without reading any of an answer: 1s to 5m.",
    ),
    Setting::plain("RESOURCE_ISSUER", Some("http://localhost:8080"), "Exact issuer (iss) of the tokens to accept."),
    Setting::plain("RESOURCE_AUDIENCE", Some("jeton"), "Exact audience (aud) of the tokens to accept."),
    Setting::url(
        "RESOURCE_JWKS_URL",
        None,
        "Where the public keys are published; without it, the issuer and /.well-known/jwks.json.",
    ),
    Setting::plain(
        "RESOURCE_JWKS_FILE",
        None,
        "Public keys pinned in a file (JWKS or PEM), reloaded when it changes; no network then.",
    ),
    Setting::plain(
        "RESOURCE_JWKS_SNAPSHOT",
        Some("data/jwks.json"),
        "File that keeps the last good keys for a restart without auth-service.",
    ),
    Setting::plain("RESOURCE_DATABASE_URL", Some("sqlite://data/books.db"), "SQLite file of the books."),
    Setting::plain("RESOURCE_ALLOWED_ORIGINS", None, "Browser origins that may call, separated by commas."),
];

/// Everything that can be set.
#[derive(Debug, Clone)]
pub struct Config {
    /// Address of the public API.
    pub listen: SocketAddr,
    /// Address for health and metrics.
    pub admin_listen: SocketAddr,
    /// Connections of the public API.
    pub connections: Limits,
    /// Exact `iss` to accept.
    pub issuer: String,
    /// Exact `aud` to accept.
    pub audience: String,
    /// Where the public keys come from.
    pub keys: KeySource,
    /// The books' database.
    pub database: SqliteConnectOptions,
    /// Browser origins that may call.
    pub allowed_origins: Vec<String>,
}

/// The command line: a flag for each setting, and the subcommands.
#[must_use]
pub fn command() -> Command {
    let command = Command::new("resource-service")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Serves protected data; verifies access tokens offline. Without a subcommand, it serves.")
        .subcommand(Command::new("healthcheck").about("Succeeds if the running service is ready"))
        .subcommand(
            Command::new("doctor")
                .about("Looks at the settings, the keys, the issuer and the books, and says what to change")
                .arg(Arg::new("json").long("json").action(ArgAction::SetTrue).help("Print one JSON document"))
                .after_help(doctor::EXIT_STATUS),
        );
    settings::flags(command, PREFIX, SETTINGS)
}

impl Config {
    /// Reads flags and environment.
    ///
    /// # Errors
    /// Every mistake at once.
    pub fn gather(
        flags: &ArgMatches,
        environment: impl IntoIterator<Item = (impl Into<OsString>, impl Into<OsString>)>,
    ) -> Result<Self, Mistakes> {
        let settings = Settings::gather(PREFIX, SETTINGS, flags, environment);
        let nowhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let address = parsed("an address such as 127.0.0.1:8081");
        let config = Self {
            listen: settings.required("RESOURCE_LISTEN", nowhere, &address),
            admin_listen: settings.required("RESOURCE_ADMIN_LISTEN", nowhere, &address),
            connections: connections(&settings),
            issuer: settings.required("RESOURCE_ISSUER", String::new(), issuer),
            audience: settings.required("RESOURCE_AUDIENCE", String::new(), audience),
            keys: keys(&settings),
            database: settings.required("RESOURCE_DATABASE_URL", SqliteConnectOptions::new(), books::connect_options),
            allowed_origins: settings.optional("RESOURCE_ALLOWED_ORIGINS", origin::list).unwrap_or_default(),
        };
        settings.finish(config)
    }
}

fn connections(settings: &Settings) -> Limits {
    Limits {
        total: settings.required("RESOURCE_MAX_CONNECTIONS", 1, number_within(1, 1_000_000)),
        per_address: settings.required("RESOURCE_MAX_CONNECTIONS_PER_ADDRESS", 0, number_within(0, 1_000_000)),
        patience: Patience {
            head: settings.required("RESOURCE_HEAD_TIMEOUT", Duration::ZERO, duration_within("1s", "5m")),
            body: settings.required("RESOURCE_BODY_TIMEOUT", Duration::ZERO, duration_within("1s", "5m")),
            write: settings.required("RESOURCE_WRITE_TIMEOUT", Duration::ZERO, duration_within("1s", "5m")),
        },
    }
}

fn keys(settings: &Settings) -> KeySource {
    let url = settings.optional("RESOURCE_JWKS_URL", http_url);
    if let Some(path) = settings.text("RESOURCE_JWKS_FILE") {
        if settings.text("RESOURCE_JWKS_URL").is_some() {
            settings.mistake("RESOURCE_JWKS_FILE and RESOURCE_JWKS_URL are both set: keep one of them");
        }
        return KeySource::Pinned(PathBuf::from(path));
    }
    let issuer = settings.text("RESOURCE_ISSUER").unwrap_or_default().trim_end_matches('/');
    KeySource::Published {
        address: Address::from(
            url.or_else(|| Url::parse(&format!("{issuer}{JWKS_PATH}")).ok()).unwrap_or_else(unusable),
        ),
        snapshot: settings.text("RESOURCE_JWKS_SNAPSHOT").map(PathBuf::from),
    }
}

/// Stands in for a URL that was refused, until all mistakes are reported.
fn unusable() -> Url {
    Url::parse("http://localhost").expect("a constant URL")
}

fn audience(text: &str) -> Result<String, String> {
    let is_word = !text.is_empty() && text.trim() == text && !text.contains(char::is_control);
    if is_word {
        Ok(text.to_owned())
    } else {
        Err("must be a word that tokens can have, without blanks around it".to_owned())
    }
}

/// An issuer is compared byte by byte, so it stays as it was written (RFC 8414, section 2).
fn issuer(text: &str) -> Result<String, String> {
    let url = http_url(text)?;
    if text.contains(char::is_whitespace) {
        return Err("an issuer has no blanks: no token would have it".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("an issuer has no query and no fragment".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("an issuer has no user and no password: they belong into RESOURCE_JWKS_URL".to_owned());
    }
    Ok(text.to_owned())
}

fn http_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|_| "not a URL such as https://auth.example".to_owned())?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err("must start with http:// or https://".to_owned());
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gather(environment: &[(&str, &str)]) -> Result<Config, String> {
        let flags = command().no_binary_name(true).get_matches_from(Vec::<String>::new());
        let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Config::gather(&flags, environment).map_err(|mistakes| mistakes.to_string())
    }

    #[test]
    fn nothing_need_be_set() {
        let config = gather(&[]).expect("defaults");
        let KeySource::Published { address, snapshot } = config.keys else { panic!("keys are published by default") };
        assert_eq!(address.shown(), "http://localhost:8080/.well-known/jwks.json");
        assert_eq!(snapshot, Some(PathBuf::from("data/jwks.json")));
        assert_eq!(config.database.get_filename(), PathBuf::from("data/books.db"));
    }

    #[test]
    fn the_keys_are_looked_for_at_the_issuer_with_or_without_a_slash_at_its_end() {
        for issuer in ["https://auth.example/tenant", "https://auth.example/tenant/"] {
            let config = gather(&[("RESOURCE_ISSUER", issuer)]).expect("settings");
            let KeySource::Published { address, .. } = config.keys else { panic!("keys are published by default") };
            assert_eq!(address.shown(), "https://auth.example/tenant/.well-known/jwks.json");
            assert_eq!(config.issuer, issuer, "the issuer is compared byte by byte");
        }
    }

    #[test]
    fn a_secret_in_the_address_of_the_keys_is_used_and_never_shown() {
        let url = "https://reader:hunter2@auth.example/jwks.json?key=hunter2";
        let config = gather(&[("RESOURCE_JWKS_URL", url)]).expect("settings");
        assert!(!format!("{config:?}").contains("hunter2"), "{config:?}");
        let mistakes = gather(&[("RESOURCE_ISSUER", "https://reader:hunter2@auth.example")]).expect_err("refused");
        assert!(!mistakes.contains("hunter2"), "{mistakes}");
    }

    #[test]
    fn keys_have_one_source() {
        let both = [("RESOURCE_JWKS_FILE", "keys.pem"), ("RESOURCE_JWKS_URL", "https://auth.example/jwks")];
        let mistake = "RESOURCE_JWKS_FILE and RESOURCE_JWKS_URL are both set: keep one of them";
        assert_eq!(gather(&both).err().as_deref(), Some(mistake));
        let config = gather(&both[..1]).expect("settings");
        assert_eq!(config.keys, KeySource::Pinned(PathBuf::from("keys.pem")));
    }

    #[test]
    fn every_mistake_is_reported_at_once() {
        let mistakes = gather(&[
            ("RESOURCE_LISTEN", "8081"),
            ("RESOURCE_ISSUER", "auth.example"),
            ("RESOURCE_DATABASE_URL", "postgres://db"),
            ("RESOURCE_ALLOWED_ORIGINS", "https://app.example/path"),
            ("RESOURCE_JWKS_ULR", "x"),
        ]);
        assert_eq!(
            mistakes.err().as_deref(),
            Some(
                "RESOURCE_JWKS_ULR: unknown; did you mean RESOURCE_JWKS_URL?\n\
                 RESOURCE_LISTEN: not an address such as 127.0.0.1:8081\n\
                 RESOURCE_ISSUER: not a URL such as https://auth.example\n\
                 RESOURCE_DATABASE_URL: must be an SQLite file, such as sqlite://data/books.db\n\
                 RESOURCE_ALLOWED_ORIGINS: \"https://app.example/path\" must be scheme, host and port only: https://app.example"
            )
        );
    }

    #[test]
    fn origins_are_written_as_browsers_write_them() {
        let origins = |text| gather(&[("RESOURCE_ALLOWED_ORIGINS", text)]).map(|config| config.allowed_origins);
        let both = vec!["https://app.example".to_owned(), "http://localhost:3000".to_owned()];
        assert_eq!(origins("https://app.example, http://localhost:3000/"), Ok(both));
        for wrong in ["*", "null", "https://APP.example", "https://app.example:443", "ftp://app.example", ","] {
            assert!(origins(wrong).is_err(), "{wrong}");
        }
    }
}
