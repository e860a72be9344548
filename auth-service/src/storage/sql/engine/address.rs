//! What a database URL says, and whether sqlx understands all of it.

use shared::settings::known_parameters;
use sqlx::{any::AnyConnectOptions, postgres::PgConnectOptions, sqlite::SqliteConnectOptions};
use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    str::FromStr as _,
};
use url::{Host, Url, form_urlencoded};

const SQLITE_PARAMETERS: [&str; 4] = ["mode", "cache", "immutable", "vfs"];

const POSTGRES_PARAMETERS: [&str; 19] = [
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "statement-cache-capacity",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
    "options[]",
];

/// Parameters that name a file, which is read at each connection: a missing file would look like a server that does not
/// answer.
const FILES: [&str; 7] = ["sslrootcert", "ssl-root-cert", "ssl-ca", "sslcert", "ssl-cert", "sslkey", "ssl-key"];

/// Checks for what waiting does not cure: unknown parameters, unusable values, missing certificates.
///
/// # Errors
/// What is wrong, without any value of the URL except the path of a certificate.
pub fn check(url: &str) -> Result<(), String> {
    if url.starts_with("sqlite:") {
        known_parameters(url, &SQLITE_PARAMETERS)?;
        check_values(url, |pair| SqliteConnectOptions::from_str(&format!("sqlite:x?{pair}")).is_ok())?;
        return names_a_file(url);
    }
    known_parameters(url, &POSTGRES_PARAMETERS)?;
    check_values(url, |pair| PgConnectOptions::from_str(&format!("postgres://host?{pair}")).is_ok())?;
    check_files(url)?;
    PgConnectOptions::from_str(url).map(drop).map_err(|_| "it cannot be read".to_owned())
}

/// The file of an SQLite database; `None` for another database.
#[must_use]
pub fn file_of(url: &str) -> Option<PathBuf> {
    let options = SqliteConnectOptions::from_str(url).ok().filter(|_| url.starts_with("sqlite:"))?;
    Some(options.get_filename().to_owned())
}

/// Whether a URL of SQLite names a file.
///
/// # Errors
/// What would be right.
pub(in crate::storage) fn names_a_file(url: &str) -> Result<(), String> {
    let options = SqliteConnectOptions::from_str(url).map_err(|_| "it cannot be read".to_owned())?;
    if options.get_filename().as_os_str().is_empty() || url.contains(":memory:") || url.contains("mode=memory") {
        return Err("connections cannot share a database in memory: name a file".to_owned());
    }
    Ok(())
}

fn query(url: &str) -> &str {
    url.split_once('?').map_or("", |(_, query)| query)
}

fn check_values(url: &str, reads: impl Fn(&str) -> bool) -> Result<(), String> {
    let Some(pair) = query(url).split('&').find(|pair| !reads(pair)) else { return Ok(()) };
    let name = pair.split('=').next().unwrap_or_default();
    let words = match name {
        "sslmode" | "ssl-mode" => ": write disable, allow, prefer, require, verify-ca or verify-full",
        "mode" => ": write rw or rwc",
        _ => "",
    };
    Err(format!("the value of {name} cannot be used{words}"))
}

fn check_files(url: &str) -> Result<(), String> {
    let named = form_urlencoded::parse(query(url).as_bytes()).filter(|(name, _)| FILES.contains(&&**name));
    for (name, value) in named {
        // The URL may also hold the certificate itself.
        if !value.trim().starts_with("-----BEGIN") {
            readable(Path::new(&*value)).map_err(|error| format!("{name}: cannot read {value}: {error}"))?;
        }
    }
    Ok(())
}

fn readable(path: &Path) -> io::Result<()> {
    let is_file = File::open(path)?.metadata()?.is_file();
    if is_file { Ok(()) } else { Err(io::Error::other("it is not a file")) }
}

/// The URL in a form that sqlx reads correctly.
///
/// # Errors
/// If it is not a URL.
pub(in crate::storage) fn options(url: &str) -> sqlx::Result<AnyConnectOptions> {
    // After `//`, the first directory would be taken for a host, and `..` would be resolved.
    if let Some(path) = url.strip_prefix("sqlite://") {
        return AnyConnectOptions::from_str(&format!("sqlite:{path}"));
    }
    let mut options = AnyConnectOptions::from_str(url)?;
    without_brackets(&mut options.database_url);
    Ok(options)
}

/// sqlx looks up `[::1]`, brackets included, as a name.
fn without_brackets(url: &mut Url) {
    let Some(Host::Ipv6(address)) = url.host() else { return };
    if !url.query_pairs().any(|(name, _)| matches!(&*name, "host" | "hostaddr")) {
        url.query_pairs_mut().append_pair("host", &address.to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sqlx::ConnectOptions as _;

    #[test]
    fn an_ipv6_address_is_not_looked_up_as_a_name() {
        let host = |url: &str| {
            let options = options(url).expect("a URL");
            PgConnectOptions::from_url(&options.database_url).expect("options").get_host().to_owned()
        };
        assert_eq!(host("postgres://jeton@[::1]:5432/jeton"), "::1");
        assert_eq!(host("postgres://jeton@[::1]/jeton?sslmode=require"), "::1");
        assert_eq!(host("postgres://jeton@[::1]/jeton?host=db"), "db");
        assert_eq!(host("postgres://jeton@db/jeton"), "db");
    }

    #[test]
    fn an_sqlite_file_lies_where_its_url_says() {
        for (url, path) in [
            ("sqlite://data/auth.db", "data/auth.db"),
            ("sqlite://dir%20with%20space/b.db?mode=rw", "dir with space/b.db"),
            ("sqlite://dir with space/b.db", "dir with space/b.db"),
            ("sqlite://../../data/auth.db", "../../data/auth.db"),
            ("sqlite://Data/a%3Fb.db", "Data/a?b.db"),
            ("sqlite:///var/lib/jeton/auth.db", "/var/lib/jeton/auth.db"),
        ] {
            let options = options(url).expect("a URL");
            let options = SqliteConnectOptions::from_url(&options.database_url).expect("options");
            assert_eq!(options.get_filename(), Path::new(path), "{url}");
        }
    }

    #[test]
    fn what_sqlx_would_ignore_or_fail_on_later_is_refused_without_its_value() {
        for (url, words) in [
            ("postgres://h/d?pasword=hunter2", "pasword; did you mean password?"),
            ("postgres://h/d?sslmode=hunter2", "the value of sslmode"),
            ("postgres://h/d?host=x&port=hunter2", "the value of port"),
            ("postgres://u:%FFhunter2@h/d", "cannot be read"),
            ("postgres://h/d?sslrootcert=/nonexistent", "sslrootcert: cannot read /nonexistent: No such file"),
            ("postgres://h/d?sslcert=/", "sslcert: cannot read /: it is not a file"),
            ("sqlite://a.db?nonsense=hunter2", "unknown parameter nonsense: it takes mode"),
            ("sqlite://a.db?mode=hunter2", "the value of mode"),
            ("sqlite::memory:", "name a file"),
            ("sqlite://a.db?mode=memory", "name a file"),
        ] {
            let reason = check(url).expect_err(url);
            assert!(reason.contains(words) && !reason.contains("hunter2"), "{url}: {reason}");
        }
        for url in [
            "postgres://jeton:a%40b@h:5432/d?sslmode=require&application_name=jeton&options[search_path]=x",
            "postgres:///d?host=/run/postgresql&user=u&password=p",
            "sqlite://data/auth.db?mode=rwc",
        ] {
            assert_eq!(check(url), Ok(()), "{url}");
        }
    }
}
