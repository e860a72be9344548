//! Settings, and what they mean.

use crate::{books, doctor};
use clap::{Arg, ArgAction, ArgMatches, Command};
use jeton_verifier::keys::{Address, KeySource};
use shared::{
    origin,
    server::{Limits, Timeouts, are_in_conflict},
    settings,
    settings::{Catalog, Mistakes, Settings, duration_within, number_within, parsed},
};
use sqlx::sqlite::SqliteConnectOptions;
use std::{
    ffi::OsString,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};
use url::Url;

settings! {
    /// Address of the public API.
    plain RESOURCE_LISTEN: SocketAddr = "127.0.0.1:8081", address;
    /// Address for health checks and metrics; keep it private.
    plain RESOURCE_ADMIN_LISTEN: SocketAddr = "127.0.0.1:9081", address;
    /// Maximum number of connections to the public API; more are closed.
    plain RESOURCE_MAX_CONNECTIONS: usize = "1000", |text| number_within(text, 1, 1_000_000);
    /// Maximum number of connections from one IPv4 address or IPv6 /56; 0: no limit, as behind a proxy.
    plain RESOURCE_MAX_CONNECTIONS_PER_ADDRESS: usize = "500", |text| number_within(text, 0, 1_000_000);
    /// Time a client has to send a request's head: 1s to 5m.
    plain RESOURCE_HEAD_TIMEOUT: Duration = "5s", timeout;
    /// Time a client has to send a request's body: 1s to 5m.
    plain RESOURCE_BODY_TIMEOUT: Duration = "30s", timeout;
    /// Time a client may go without reading any of a response: 1s to 5m.
    plain RESOURCE_WRITE_TIMEOUT: Duration = "30s", timeout;
    /// Exact issuer (iss) of accepted tokens.
    plain RESOURCE_ISSUER: String = "http://localhost:8080", issuer;
    /// Exact audience (aud) of accepted tokens.
    plain RESOURCE_AUDIENCE: String = "jeton", audience;
    /// URL of the published public keys; by default /.well-known/jwks.json of the issuer.
    url RESOURCE_JWKS_URL: Url, http_url;
    /// File of pinned public keys (JWKS or PEM), reloaded when it changes; nothing is fetched then.
    plain RESOURCE_JWKS_FILE: PathBuf, path;
    /// File that keeps the last good keys, for a restart without auth-service.
    plain RESOURCE_JWKS_SNAPSHOT: PathBuf = "data/jwks.json", path;
    /// SQLite database of the books.
    plain RESOURCE_DATABASE_URL: SqliteConnectOptions = "sqlite://data/books.db", books::connect_options;
    /// Browser origins that may call, separated by commas.
    plain RESOURCE_ALLOWED_ORIGINS: Vec<String>, origin::list;
}

const CATALOG: Catalog = Catalog { prefix: "RESOURCE_", lists: &[SETTINGS], shown_by: &["doctor"] };

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
        .subcommand(Command::new("healthcheck").about("Exit with 0 if the running service is ready, else with 1"))
        .subcommand(
            Command::new("doctor")
                .about("Check the settings, the keys, the issuer and the books, and suggest fixes")
                .arg(Arg::new("json").long("json").action(ArgAction::SetTrue).help("Print one JSON document"))
                .after_help(doctor::EXIT_STATUS),
        );
    CATALOG.flags(command)
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
        let settings = Settings::gather(CATALOG, flags, environment);
        // Mistakes are reported in the order of reading.
        let (listen, admin_listen) = (settings.get(&RESOURCE_LISTEN), settings.get(&RESOURCE_ADMIN_LISTEN));
        if are_in_conflict(listen, admin_listen) {
            settings.mistake("RESOURCE_ADMIN_LISTEN: RESOURCE_LISTEN has this address already: give it another port");
        }
        let connections = connections(&settings);
        let issuer = settings.get(&RESOURCE_ISSUER);
        let config = Self {
            listen,
            admin_listen,
            connections,
            keys: keys(&settings, &issuer),
            issuer,
            audience: settings.get(&RESOURCE_AUDIENCE),
            database: settings.get(&RESOURCE_DATABASE_URL),
            allowed_origins: settings.find(&RESOURCE_ALLOWED_ORIGINS).unwrap_or_default(),
        };
        if config.keeps_keys_in_books() {
            settings.mistake("RESOURCE_JWKS_SNAPSHOT and RESOURCE_DATABASE_URL name the same file: keep them apart");
        }
        settings.finish(config)
    }
}

impl Config {
    fn keeps_keys_in_books(&self) -> bool {
        let KeySource::Published { snapshot: Some(snapshot), .. } = &self.keys else { return false };
        place(snapshot) == place(self.database.get_filename())
    }
}

/// What tells whether two paths lead to one file, also before it is there.
fn place(path: &Path) -> PathBuf {
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let of_directory = || Some(whole.parent()?.canonicalize().ok()?.join(whole.file_name()?));
    whole.canonicalize().ok().or_else(of_directory).unwrap_or(whole)
}

fn connections(settings: &Settings) -> Limits {
    Limits {
        total: settings.get(&RESOURCE_MAX_CONNECTIONS),
        per_address: settings.get(&RESOURCE_MAX_CONNECTIONS_PER_ADDRESS),
        timeouts: Timeouts {
            head: settings.get(&RESOURCE_HEAD_TIMEOUT),
            body: settings.get(&RESOURCE_BODY_TIMEOUT),
            write: settings.get(&RESOURCE_WRITE_TIMEOUT),
        },
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

fn address(text: &str) -> Result<SocketAddr, String> {
    parsed(text, "an address such as 127.0.0.1:8081")
}

fn timeout(text: &str) -> Result<Duration, String> {
    duration_within(text, "1s", "5m")
}

fn path(text: &str) -> Result<PathBuf, String> {
    Ok(PathBuf::from(text))
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
    fn the_keys_and_the_books_are_two_files() {
        let mistake = "RESOURCE_JWKS_SNAPSHOT and RESOURCE_DATABASE_URL name the same file: keep them apart";
        let here = std::env::current_dir().expect("a directory").join("data/books.db");
        let here = here.to_str().expect("a path in UTF-8");
        for path in ["data/books.db", "./data//books.db", here] {
            assert_eq!(gather(&[("RESOURCE_JWKS_SNAPSHOT", path)]).err().as_deref(), Some(mistake), "{path}");
        }
        let directory = tempfile::TempDir::new().expect("a directory");
        let place = directory.path().to_str().expect("a path in UTF-8");
        let (snapshot, books) = (
            format!("{place}/../{}/x", directory.path().file_name().and_then(|name| name.to_str()).expect("a name")),
            format!("sqlite://{place}/x"),
        );
        let both = [("RESOURCE_JWKS_SNAPSHOT", &*snapshot), ("RESOURCE_DATABASE_URL", &*books)];
        assert_eq!(gather(&both).err().as_deref(), Some(mistake));
    }

    #[test]
    fn books_are_in_a_file_that_is_written_to() {
        let refused = |url| gather(&[("RESOURCE_DATABASE_URL", url)]).expect_err("it is refused");
        for memory in [
            "sqlite::memory:",
            "sqlite://:memory:",
            "sqlite://data/books.db?mode=memory",
            "sqlite://?mode=memory&cache=shared",
            "sqlite:file::memory:",
            "sqlite:",
        ] {
            assert!(refused(memory).contains("would be gone at the next start"), "{memory}");
        }
        for read_only in ["sqlite://books.db?mode=ro", "sqlite://books.db?cache=shared&immutable=1"] {
            assert!(refused(read_only).contains("books are written to"), "{read_only}");
        }
        for good in ["sqlite://data/books.db", "sqlite:books.db?mode=rw", "sqlite:///var/lib/books.db?mode=rwc"] {
            assert!(gather(&[("RESOURCE_DATABASE_URL", good)]).is_ok(), "{good}");
        }
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
    fn the_two_addresses_differ() {
        let both = |public, admin| gather(&[("RESOURCE_LISTEN", public), ("RESOURCE_ADMIN_LISTEN", admin)]);
        for (public, admin) in [("127.0.0.1:8081", "127.0.0.1:8081"), ("0.0.0.0:8081", "127.0.0.1:8081")] {
            let mistake = "RESOURCE_ADMIN_LISTEN: RESOURCE_LISTEN has this address already: give it another port";
            assert_eq!(both(public, admin).err().as_deref(), Some(mistake));
        }
        for (public, admin) in [("127.0.0.1:0", "127.0.0.1:0"), ("127.0.0.1:8081", "127.0.0.2:8081")] {
            assert!(both(public, admin).is_ok(), "{public} {admin}");
        }
    }

    #[test]
    fn a_duration_beyond_all_bounds_is_refused_by_every_setting() {
        for setting in CATALOG.settings().filter(|setting| setting.value_name() == "DURATION") {
            let mistakes = gather(&[(setting.name, "18446744073709551615s")]).expect_err("refused");
            assert_eq!(mistakes, format!("{}: must be from 1s to 5m", setting.name));
        }
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
