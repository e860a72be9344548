//! Settings: read once, every mistake reported at once. DESIGN's table, in the same order.

use crate::{
    domain::{
        Policy, ReuseEnds,
        account::EmailAddress,
        limits::{LimitSettings, NoRate, Rates},
        password::Password,
        register::Registration,
        roles::{ADMIN_ROLE, Roles, USERS_READ, USERS_WRITE},
        secret::{KeyRing, RootSecret},
        session,
        signing_keys::KeyPolicy,
        throttle::FailureLimits,
    },
    http::{AddressHeader, COOKIE_NAME, Site},
};
use clap::ArgMatches;
use ipnet::{IpNet, Ipv4Net};
use shared::{
    files, origin,
    server::{Limits, Patience},
    settings::{Mistakes, Setting, Settings, duration, duration_within, number_within, on_off, parsed},
};
use std::{
    ffi::OsString,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};
use url::{Host, Url};

mod secret_file;

/// What all variables begin with.
pub const PREFIX: &str = "AUTH_";

const fn setting(name: &'static str, default: &'static str, help: &'static str) -> Setting {
    Setting::plain(name, Some(default), help)
}

/// All settings.
pub const SETTINGS: &[Setting] = &[
    setting("AUTH_LISTEN", "127.0.0.1:8080", "Address of the public API."),
    setting("AUTH_ADMIN_LISTEN", "127.0.0.1:9080", "Address of health and metrics: not for the public."),
    setting("AUTH_MAX_CONNECTIONS", "1000", "How many connections the public API takes at once; more are closed."),
    setting(
        "AUTH_MAX_CONNECTIONS_PER_ADDRESS",
        "500",
        "How many of them may come from one IPv4 address or IPv6 /64; 0: no limit. AUTH_TRUSTED_PROXIES are exempt.",
    ),
    setting("AUTH_HEAD_TIMEOUT", "5s", "How long a client may take to send a request's head: 1s to 5m."),
    setting("AUTH_BODY_TIMEOUT", "30s", "How long it may take to send a request's body: 1s to 5m."),
    setting("AUTH_WRITE_TIMEOUT", "30s", "How long it may go without reading any of an answer: 1s to 5m."),
    setting(
        "AUTH_PUBLIC_URL",
        "http://localhost:8080",
        "Where clients reach the public API: the issuer; cookie flags and allowed origins follow from it.",
    ),
    Setting::url(
        "AUTH_DATABASE_URL",
        Some("sqlite://data/auth.db"),
        "Users, signing keys, what has ended: sqlite://path or postgres://…",
    ),
    Setting::url(
        "AUTH_REDIS_URL",
        None,
        "Sessions and throttling: redis://…, rediss://…, redis+cluster://a,b,c, redis+sentinel://a,b,c/master. Without it they are in the database.",
    ),
    Setting::secret(
        "AUTH_SECRET",
        "Root secret: 32 or more random bytes in hex or base64 (`auth-service secret` prints one). With everything embedded it is made at first start, beside the database.",
    ),
    Setting::secret("AUTH_SECRET_PREVIOUS", "The root secret before, while it is being rotated."),
    setting("AUTH_AUDIENCE", "jeton", "aud of access tokens."),
    setting("AUTH_ACCESS_TTL", "15m", "How long an access token lives: 1s to 1h."),
    setting("AUTH_SESSION_IDLE", "7d", "A session unused for so long ends."),
    setting("AUTH_SESSION_MAX", "30d", "A session's life, whatever its use."),
    setting(
        "AUTH_MAX_SESSIONS",
        "50",
        "How many sessions a user has at most; beyond it, the least recently used ends.",
    ),
    setting(
        "AUTH_REPLAY_WINDOW",
        "10s",
        "For so long after a rotation, the tokens before it get the same answer; 0s: never.",
    ),
    setting(
        "AUTH_LATE_RETRY",
        "on",
        "Whether a client whose response was lost may retry later than that, 16 times at most: on or off.",
    ),
    setting("AUTH_REUSE_ENDS", "user", "What a stolen refresh token ends: user (all the user's sessions) or session."),
    setting("AUTH_AUDIT_KEEP", "365d", "How long the audit log in the database goes back."),
    setting(
        "AUTH_LIMIT_REGISTRATIONS",
        "300/15m,1500/1d",
        "Registrations from one address, as number/time; several hold together, off or 0: no limit. This and the next ones are counted by each process for itself.",
    ),
    setting("AUTH_LIMIT_LOGINS", "1500/15m,6000/1d", "Passwords shown from one address, right or wrong."),
    setting("AUTH_LIMIT_LOGINS_PER_ACCOUNT", "120/15m", "Right passwords of one account."),
    setting("AUTH_LIMIT_REFRESHES", "20000/15m", "Refreshes from one address."),
    setting("AUTH_LIMIT_REFRESHES_PER_SESSION", "60/20s", "Refreshes of one session."),
    setting(
        "AUTH_LIMIT_FAILURES",
        "100/15m",
        "Wrong passwords from one address. This and the next ones are one number/time, counted by all replicas together; off or 0: no limit.",
    ),
    setting(
        "AUTH_LIMIT_FAILURES_PER_ACCOUNT",
        "50/15m",
        "Wrong passwords for one account; devices that have logged in to it before are exempt.",
    ),
    setting(
        "AUTH_LIMIT_FAILURES_PER_ACCOUNT_AND_NETWORK",
        "10/15m",
        "Wrong passwords for one account from one network (an IPv4 /24, an IPv6 /56).",
    ),
    setting("AUTH_KEY_LIFETIME", "30d", "How long a signing key signs before the next takes over; 0: by command only."),
    setting(
        "AUTH_KEY_LEAD",
        "24h",
        "How long a new key is published before it signs: at least twice AUTH_JWKS_MAX_AGE.",
    ),
    setting("AUTH_KEY_BITS", "2048", "Size of new signing keys: 2048, 3072 or 4096."),
    setting("AUTH_JWKS_MAX_AGE", "5m", "How long verifiers may cache the key set."),
    setting("AUTH_CLIENT_ID", "jeton", "client_id of access tokens."),
    setting(
        "AUTH_REGISTRATION",
        "open",
        "open: whoever can reach the service may register; closed: admins and the command line create users.",
    ),
    Setting::plain(
        "AUTH_ROLES_FILE",
        None,
        "More roles, or others: TOML of the form role = [\"scope\", …]. See docs/roles.md.",
    ),
    setting(
        "AUTH_BUILT_IN_ROLES",
        "on",
        "Whether the roles reader, author and admin exist beside the file's: on or off.",
    ),
    setting("AUTH_DEFAULT_ROLE", "reader", "What whoever registers is."),
    setting(
        "AUTH_STORED_HASH_MEMORY",
        "64MiB",
        "What a stored password hash may take at most, and four passes over it; a dearer one is refused. See docs/operate.md.",
    ),
    Setting::plain("AUTH_ADMIN_EMAIL", None, "Creates this admin at start if there is none."),
    Setting::secret("AUTH_ADMIN_PASSWORD", "The password of that admin."),
    Setting::plain(
        "AUTH_ALLOWED_ORIGINS",
        None,
        "Browser origins that may call with credentials beside the public URL's, separated by commas.",
    ),
    Setting::plain(
        "AUTH_TRUSTED_PROXIES",
        None,
        "Networks of your own proxies, separated by commas: what they say of their clients' addresses is believed.",
    ),
    setting(
        "AUTH_CLIENT_ADDRESS_HEADER",
        "x-forwarded-for",
        "The one header in which they say it: x-forwarded-for, forwarded, or one with a single address (cf-connecting-ip, x-real-ip, …).",
    ),
    setting(
        "AUTH_COOKIE_NAME",
        COOKIE_NAME,
        "Name of the refresh cookie, for several deployments on one host; over https __Host- is put before it.",
    ),
];

/// The settings of a service, all of them valid.
pub struct Config {
    /// Public API.
    pub listen: SocketAddr,
    /// Health and metrics.
    pub admin_listen: SocketAddr,
    /// Connections of the public API.
    pub connections: Limits,
    /// Where the service is on the web.
    pub site: Site,
    /// SQLite or PostgreSQL.
    pub database_url: String,
    /// Redis, if any.
    pub redis_url: Option<String>,
    /// Keys derived from the root secrets.
    pub keys: KeyRing,
    /// How signing keys are made and published.
    pub key_policy: KeyPolicy,
    /// The domain's choices.
    pub policy: Policy,
    /// How much anybody may ask for.
    pub limits: LimitSettings,
    /// How often anybody may fail.
    pub failure_limits: FailureLimits,
    /// Roles.
    pub roles: Roles,
    /// How many KiB a stored password hash may take at most.
    pub stored_hash_memory: u32,
    /// The admin to create at first start.
    pub bootstrap_admin: Option<(EmailAddress, Password)>,
}

impl Config {
    /// Reads flags and environment.
    ///
    /// # Errors
    /// All mistakes at once.
    pub fn read(
        flags: &ArgMatches,
        environment: impl IntoIterator<Item = (impl Into<OsString>, impl Into<OsString>)>,
    ) -> Result<Self, Mistakes> {
        Self::gather(flags, environment, secret_file::read_or_create)
    }

    /// Reads them as [`Config::read`] does, but makes no file: where there is no secret yet, one stands in that nothing was
    /// made with.
    ///
    /// # Errors
    /// All mistakes at once.
    pub fn examine(
        flags: &ArgMatches,
        environment: impl IntoIterator<Item = (impl Into<OsString>, impl Into<OsString>)>,
    ) -> Result<Self, Mistakes> {
        Self::gather(flags, environment, secret_file::read_or_stand_in)
    }

    /// Reads them for a command, which needs an installation that is there and makes none.
    ///
    /// # Errors
    /// All mistakes at once.
    pub fn of_installation(
        flags: &ArgMatches,
        environment: impl IntoIterator<Item = (impl Into<OsString>, impl Into<OsString>)>,
    ) -> Result<Self, Mistakes> {
        Self::gather(flags, environment, secret_file::read)
    }

    fn gather(
        flags: &ArgMatches,
        environment: impl IntoIterator<Item = (impl Into<OsString>, impl Into<OsString>)>,
        own_secret: OwnSecret,
    ) -> Result<Self, Mistakes> {
        let settings = Settings::gather(PREFIX, SETTINGS, flags, environment);
        let localhost = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let address = || parsed::<SocketAddr>("an address such as 127.0.0.1:8080");
        let policy = policy(&settings);
        let database_url = settings.required("AUTH_DATABASE_URL", String::new(), database_url);
        let roles = roles(&settings, &policy);
        let config = Self {
            listen: settings.required("AUTH_LISTEN", localhost(8080), address()),
            admin_listen: settings.required("AUTH_ADMIN_LISTEN", localhost(9080), address()),
            connections: connections(&settings),
            site: site(&settings),
            redis_url: settings.optional("AUTH_REDIS_URL", redis_url),
            keys: keys(&settings, &database_url, own_secret),
            key_policy: key_policy(&settings, policy.access_ttl),
            policy,
            roles,
            limits: limits(&settings),
            failure_limits: failure_limits(&settings),
            stored_hash_memory: settings.required("AUTH_STORED_HASH_MEMORY", 0, mebibytes),
            bootstrap_admin: bootstrap_admin(&settings),
            database_url,
        };
        settings.finish(config)
    }
}

fn connections(settings: &Settings) -> Limits {
    Limits {
        total: settings.required("AUTH_MAX_CONNECTIONS", 1, number_within(1, 1_000_000)),
        per_address: settings.required("AUTH_MAX_CONNECTIONS_PER_ADDRESS", 0, number_within(0, 1_000_000)),
        patience: Patience {
            head: settings.required("AUTH_HEAD_TIMEOUT", Duration::ZERO, duration_within("1s", "5m")),
            body: settings.required("AUTH_BODY_TIMEOUT", Duration::ZERO, duration_within("1s", "5m")),
            write: settings.required("AUTH_WRITE_TIMEOUT", Duration::ZERO, duration_within("1s", "5m")),
        },
    }
}

fn site(settings: &Settings) -> Site {
    let fallback = Url::parse("http://localhost:8080").expect("the default is a URL");
    let public_url = settings.required("AUTH_PUBLIC_URL", fallback, public_url);
    let origins = settings.optional("AUTH_ALLOWED_ORIGINS", origin::list).unwrap_or_default();
    let proxies = settings.optional("AUTH_TRUSTED_PROXIES", networks).unwrap_or_default();
    let header = settings.required("AUTH_CLIENT_ADDRESS_HEADER", AddressHeader::XForwardedFor, AddressHeader::parse);
    let cookie = settings.required("AUTH_COOKIE_NAME", COOKIE_NAME.to_owned(), cookie_name);
    Site::new(&public_url, origins, proxies).with_address_header(header).with_cookie_name(&cookie)
}

fn public_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|_| format!("{text:?} is no URL: write it as https://auth.example.com"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("{text:?} must begin with https:// or http://"));
    }
    let is_nowhere = match url.host() {
        Some(Host::Ipv4(address)) => address.is_unspecified(),
        Some(Host::Ipv6(address)) => address.is_unspecified(),
        _ => false,
    };
    if is_nowhere {
        return Err(format!(
            "{text:?} is no address that clients can reach: it is for AUTH_LISTEN; write the name of the host"
        ));
    }
    origin::parse(text).map(|_| url)
}

fn networks(text: &str) -> Result<Vec<IpNet>, String> {
    let networks = text.split(',').map(str::trim).filter(|item| !item.is_empty());
    let networks: Vec<IpNet> = networks.map(network).collect::<Result<_, _>>()?;
    if networks.is_empty() { Err("names no network such as 10.0.0.0/8".to_owned()) } else { Ok(networks) }
}

/// The shortest prefixes of private networks: 10.0.0.0/8, fc00::/7. Anything wider holds clients.
const WIDEST: [u8; 2] = [8, 7];

fn network(text: &str) -> Result<IpNet, String> {
    let address = text.parse::<IpAddr>().map(IpNet::from);
    let network: IpNet =
        text.parse().or(address).map_err(|_| format!("{text:?} is no network such as 10.0.0.0/8, and no address"))?;
    // As peers are compared: never as IPv4 in IPv6.
    let IpNet::V6(v6) = network else { return narrow(text, network, network.trunc(), WIDEST[0]) };
    match v6.addr().to_ipv4_mapped().zip(v6.prefix_len().checked_sub(96)) {
        Some((v4, prefix)) => {
            let written = Ipv4Net::new(v4, prefix).map(|v4| IpNet::V4(v4.trunc())).unwrap_or(network);
            Err(format!("write {text:?} as {written}"))
        }
        None => narrow(text, network, network.trunc(), WIDEST[1]),
    }
}

fn narrow(text: &str, network: IpNet, written: IpNet, widest: u8) -> Result<IpNet, String> {
    if network.prefix_len() < widest {
        return Err(format!(
            "{text:?} would have clients believed that name any address: name the networks of your proxies"
        ));
    }
    if network == written {
        Ok(network)
    } else {
        Err(format!("write {text:?} as {written}, or as {}/{}", network.addr(), network.max_prefix_len()))
    }
}

/// Prefixes that browsers give a meaning to, whatever their case.
const COOKIE_PREFIXES: [&str; 4] = ["__host-", "__secure-", "__http-", "__host-http-"];

fn cookie_name(text: &str) -> Result<String, String> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if !(1..=64).contains(&text.len()) || !text.bytes().all(is_token) {
        return Err(format!("{text:?} is no name of a cookie: write 1 to 64 letters, digits and hyphens"));
    }
    let lower = text.to_ascii_lowercase();
    if COOKIE_PREFIXES.iter().any(|prefix| lower.starts_with(prefix)) {
        return Err(format!("write {text:?} without its prefix: over https, __Host- is added"));
    }
    Ok(text.to_owned())
}

/// What cannot be read is said at once; waiting for the database would not help. It is not repeated: it may hold a password.
fn database_url(text: &str) -> Result<String, String> {
    const FORM: &str = "must be sqlite://path or postgres://user:password@host:port/database";
    if text.starts_with("sqlite:") {
        return Ok(text.to_owned());
    }
    if !["postgres://", "postgresql://"].iter().any(|scheme| text.starts_with(scheme)) {
        return Err(FORM.to_owned());
    }
    percent_encoded(text).map_err(|reason| format!("{FORM}; {reason}"))?;
    Url::parse(text).map(|_| text.to_owned()).map_err(|_| FORM.to_owned())
}

fn redis_url(text: &str) -> Result<String, String> {
    percent_encoded(text)?;
    crate::storage::redis::RedisStores::connect(text).map(|_| text.to_owned())
}

/// A password that was put into a URL as it is makes another URL of it, with another host, that may even be looked for. An `@`
/// or `#` where none belongs, or a lone `%`, gives it away.
fn percent_encoded(url: &str) -> Result<(), String> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, after) = rest.split_at(end);
    let is_lone = |(at, _): (usize, &str)| {
        let code = authority.as_bytes().get(at + 1..at + 3);
        !code.is_some_and(|code| code.iter().all(u8::is_ascii_hexdigit))
    };
    let several = authority.matches('@').count() > 1;
    if several || after.contains(['@', '#']) || authority.match_indices('%').any(is_lone) {
        return Err(
            "its user or password holds a character that means something else in a URL: write @ as %40, # as %23, / as %2F, ? as %3F, : as %3A and % as %25"
                .to_owned(),
        );
    }
    Ok(())
}

/// How the secret of an embedded installation is got.
type OwnSecret = fn(&Path) -> Result<RootSecret, String>;

fn keys(settings: &Settings, database_url: &str, own_secret: OwnSecret) -> KeyRing {
    let parse = |text: &str| RootSecret::parse(text).map_err(|error| error.to_string());
    let given = settings.optional("AUTH_SECRET", parse);
    let previous = settings.optional("AUTH_SECRET_PREVIOUS", parse);
    let current = given.or_else(|| {
        if settings.text("AUTH_SECRET").is_some() {
            return None;
        }
        match sqlite_directory(database_url).filter(|_| settings.text("AUTH_REDIS_URL").is_none()) {
            Some(directory) => own_secret(&directory.join("secret"))
                .map_err(|mistake| settings.mistake(format!("AUTH_SECRET: {mistake}")))
                .ok(),
            None => {
                settings.mistake(
                    "AUTH_SECRET: missing; `auth-service secret` prints one, and every replica needs the same",
                );
                None
            }
        }
    });
    // Only stands in until the mistake is reported.
    let stand_in = || RootSecret::parse(&RootSecret::generate()).expect("a generated secret is accepted");
    KeyRing::new(&current.unwrap_or_else(stand_in), previous.as_ref())
}

/// Where an SQLite file lies; `None` for another database or one in memory.
fn sqlite_directory(database_url: &str) -> Option<PathBuf> {
    let path = database_url.strip_prefix("sqlite:")?.trim_start_matches("//").split('?').next()?;
    let path = Path::new(path).parent()?;
    Some(if path.as_os_str().is_empty() { PathBuf::from(".") } else { path.to_path_buf() })
}

/// Verifiers take so many keys in one set, and a margin.
const MOST_KEYS_AT_ONCE: u128 = 50;

fn key_policy(settings: &Settings, token_life: Duration) -> KeyPolicy {
    let max_age = settings.required("AUTH_JWKS_MAX_AGE", Duration::from_secs(300), duration_within("1s", "1d"));
    let lead = settings.required("AUTH_KEY_LEAD", max_age * 2, duration);
    let lifetime = settings.required("AUTH_KEY_LIFETIME", Duration::ZERO, duration);
    if lead < max_age * 2 {
        settings
            .mistake("AUTH_KEY_LEAD: must be at least twice AUTH_JWKS_MAX_AGE, or verifiers would meet unknown keys");
    }
    if !lifetime.is_zero() && lifetime <= lead {
        settings.mistake("AUTH_KEY_LIFETIME: must be longer than AUTH_KEY_LEAD, or 0");
    }
    if !lifetime.is_zero() && (lead + token_life).as_millis() > lifetime.as_millis() * MOST_KEYS_AT_ONCE {
        settings.mistake("AUTH_KEY_LIFETIME: so short that too many keys would be published at once");
    }
    let bits = settings.required("AUTH_KEY_BITS", 2048, |text| match text {
        "2048" => Ok(2048),
        "3072" => Ok(3072),
        "4096" => Ok(4096),
        _ => Err("must be 2048, 3072 or 4096".to_owned()),
    });
    KeyPolicy { bits, max_age, lifetime, lead, token_life }
}

fn policy(settings: &Settings) -> Policy {
    let word = |text: &str| {
        let fits = (1..=256).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if fits {
            Ok(text.to_owned())
        } else {
            Err("must be 1 to 256 printable ASCII characters without spaces".to_owned())
        }
    };
    let day = Duration::from_secs(24 * 3600);
    Policy {
        audience: settings.required("AUTH_AUDIENCE", String::new(), word),
        client_id: settings.required("AUTH_CLIENT_ID", String::new(), word),
        access_ttl: settings.required("AUTH_ACCESS_TTL", day, duration_within("1s", "1h")),
        session_idle: settings.required("AUTH_SESSION_IDLE", day, duration_within("1s", "400d")),
        session_max: settings.required("AUTH_SESSION_MAX", day, duration_within("1s", "400d")),
        max_sessions: settings.required("AUTH_MAX_SESSIONS", 1, |text| {
            text.parse()
                .ok()
                .filter(|count| (1..=1000).contains(count))
                .ok_or_else(|| "must be from 1 to 1000".to_owned())
        }),
        session: session::Policy {
            replay_window: settings.required("AUTH_REPLAY_WINDOW", Duration::ZERO, duration_within("0s", "5m")),
            late_retries: settings.required("AUTH_LATE_RETRY", session::LATE_RETRIES, |text| {
                on_off(text).map(|is_on| if is_on { session::LATE_RETRIES } else { 0 })
            }),
        },
        reuse_ends: settings.required("AUTH_REUSE_ENDS", ReuseEnds::User, |text| match text {
            "user" => Ok(ReuseEnds::User),
            "session" => Ok(ReuseEnds::Session),
            _ => Err("must be user or session".to_owned()),
        }),
        audit_keep: settings.required("AUTH_AUDIT_KEEP", day, duration_within("1h", "3650d")),
        registration: settings.required("AUTH_REGISTRATION", Registration::Closed, |text| match text {
            "open" => Ok(Registration::Open),
            "closed" => Ok(Registration::Closed),
            _ => Err("must be open or closed".to_owned()),
        }),
        default_role: settings.required("AUTH_DEFAULT_ROLE", String::new(), |text| Ok(text.to_owned())),
    }
}

fn limits(settings: &Settings) -> LimitSettings {
    let rates = |name| settings.required(name, Rates::default(), |text| text.parse().map_err(in_words));
    LimitSettings {
        registrations: rates("AUTH_LIMIT_REGISTRATIONS"),
        logins: rates("AUTH_LIMIT_LOGINS"),
        logins_per_account: rates("AUTH_LIMIT_LOGINS_PER_ACCOUNT"),
        refreshes: rates("AUTH_LIMIT_REFRESHES"),
        refreshes_per_session: rates("AUTH_LIMIT_REFRESHES_PER_SESSION"),
    }
}

fn failure_limits(settings: &Settings) -> FailureLimits {
    let rate = |name| {
        settings.required(name, None, |text| match text {
            "off" | "0" => Ok(None),
            text => text.parse().map(Some).map_err(in_words),
        })
    };
    FailureLimits {
        per_address: rate("AUTH_LIMIT_FAILURES"),
        per_account: rate("AUTH_LIMIT_FAILURES_PER_ACCOUNT"),
        per_account_and_network: rate("AUTH_LIMIT_FAILURES_PER_ACCOUNT_AND_NETWORK"),
    }
}

fn in_words(error: NoRate) -> String {
    error.to_string()
}

fn mebibytes(text: &str) -> Result<u32, String> {
    let number = text.strip_suffix("MiB").and_then(|number| number.parse::<u32>().ok());
    let fitting = number.filter(|number| (19..=1024).contains(number));
    fitting.map(|number| number * 1024).ok_or_else(|| "must be from 19MiB to 1024MiB".to_owned())
}

/// Every mistake of the roles file, and what contradicts it, is reported; about a file that cannot be read there is nothing
/// more to say.
fn roles(settings: &Settings, policy: &Policy) -> Roles {
    let built_in = settings.required("AUTH_BUILT_IN_ROLES", true, on_off);
    let file = settings.text("AUTH_ROLES_FILE").map(roles_file).transpose();
    let own = match file {
        Ok(own) => own,
        Err(mistakes) => {
            mistakes.into_iter().for_each(|mistake| settings.mistake(format!("AUTH_ROLES_FILE: {mistake}")));
            return Roles::default();
        }
    };
    let roles = match own {
        Some(own) if built_in => own.with_built_in(),
        Some(own) => own,
        None => {
            if !built_in {
                settings.mistake("AUTH_BUILT_IN_ROLES: is off, and AUTH_ROLES_FILE names no roles instead");
            }
            Roles::default()
        }
    };
    check_roles(settings, &roles, policy);
    roles
}

fn check_roles(settings: &Settings, roles: &Roles, policy: &Policy) {
    if !roles.has(ADMIN_ROLE) {
        settings.mistake("AUTH_ROLES_FILE: the role admin is missing, and AUTH_BUILT_IN_ROLES is off");
    }
    let default = &policy.default_role;
    if !roles.has(default) {
        let known: Vec<&str> = roles.names().collect();
        settings.mistake(format!("AUTH_DEFAULT_ROLE: there is no role {default:?}; there are {}", known.join(", ")));
    }
    let brings = roles.scopes(std::slice::from_ref(default));
    if policy.registration == Registration::Open && [USERS_READ, USERS_WRITE].iter().any(|scope| brings.contains(scope))
    {
        settings.mistake(format!(
            "AUTH_DEFAULT_ROLE: with open registration, strangers would see or change the users: {default:?} brings \
             {USERS_READ} or {USERS_WRITE}"
        ));
    }
}

fn roles_file(path: &str) -> Result<Roles, Vec<String>> {
    let text = files::read_text(Path::new(path)).map_err(|error| vec![format!("cannot read {path}: {error}")])?;
    Roles::parse(&text).map_err(|mistakes| mistakes.into_iter().map(|mistake| format!("{path}, {mistake}")).collect())
}

fn bootstrap_admin(settings: &Settings) -> Option<(EmailAddress, Password)> {
    let email =
        settings.optional("AUTH_ADMIN_EMAIL", |text| EmailAddress::parse(text).map_err(|error| error.to_string()));
    let password = settings.text("AUTH_ADMIN_PASSWORD").map(|text| Password::new(text.to_owned()));
    match (settings.text("AUTH_ADMIN_EMAIL").is_some(), password.is_some()) {
        (true, false) => settings.mistake("AUTH_ADMIN_PASSWORD: missing; AUTH_ADMIN_EMAIL is set"),
        (false, true) => settings.mistake("AUTH_ADMIN_EMAIL: missing; AUTH_ADMIN_PASSWORD is set"),
        _ => {}
    }
    email.zip(password)
}

#[cfg(test)]
mod tests;
