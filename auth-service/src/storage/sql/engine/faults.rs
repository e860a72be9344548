//! What a database error means to operators: whether waiting may cure it, and what else does.

use sqlx::{
    Error, error::DatabaseError, migrate::MigrateError, postgres::PgConnectOptions, sqlite::SqliteConnectOptions,
};
use std::{io::ErrorKind, str::FromStr as _};

/// Why a database was not opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CannotOpen {
    /// Waiting may cure it: the server does not answer yet, or has too many clients.
    #[error("{0}")]
    NotYet(String),
    /// Waiting does not cure it.
    #[error("{0}")]
    Never(String),
}

/// How a password is written in a URL.
pub(in crate::storage) const PERCENT_ENCODED: &str =
    "in the URL, a password's @ is written as %40, # as %23, / as %2F, ? as %3F, : as %3A and % as %25";

/// Where a database is, without the password.
#[derive(Debug, Clone)]
pub(in crate::storage) struct Place {
    name: String,
    user: String,
    database: String,
    has_socket: bool,
}

impl Place {
    /// The place that a URL names. A malformed URL is never repeated.
    pub(in crate::storage) fn of(url: &str) -> Self {
        if url.starts_with("sqlite:") {
            let options = SqliteConnectOptions::from_str(url);
            let path = options.map(|options| options.get_filename().display().to_string()).unwrap_or_default();
            return Self {
                name: format!("SQLite file {path}"),
                user: String::new(),
                database: path,
                has_socket: false,
            };
        }
        let Ok(options) = PgConnectOptions::from_str(url) else {
            let (user, database) = (String::new(), String::new());
            return Self { name: "PostgreSQL".to_owned(), user, database, has_socket: false };
        };
        let (host, port, user) = (options.get_host(), options.get_port(), options.get_username());
        let name = options.get_socket().map_or_else(
            || format!("PostgreSQL at {host}:{port}"),
            |directory| format!("PostgreSQL at {}, port {port}", directory.display()),
        );
        let database = options.get_database().unwrap_or(user);
        let has_socket = options.get_socket().is_some();
        Self { name, user: user.to_owned(), database: database.to_owned(), has_socket }
    }

    /// A reason, preceded by the place.
    pub(in crate::storage) fn says(&self, reason: impl AsRef<str>) -> String {
        format!("{}: {}", self.name, reason.as_ref())
    }

    pub(in crate::storage) fn database(&self) -> &str {
        &self.database
    }

    /// Why it was not opened.
    pub(in crate::storage) fn refusal(&self, error: &Error) -> CannotOpen {
        match self.lasting(error) {
            Some(reason) => CannotOpen::Never(self.says(reason)),
            None => CannotOpen::NotYet(self.says(told(error))),
        }
    }

    /// As [`Place::refusal`], for tables that could not be brought up to date.
    pub(in crate::storage) fn migration_refusal(&self, error: &MigrateError) -> CannotOpen {
        match error {
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => self.refusal(error),
            error => CannotOpen::Never(self.says(format!(
                "{error}: its tables are not those of any release of auth-service; restore a backup, or use another database"
            ))),
        }
    }

    /// The reason, with advice, if waiting does not cure it.
    fn lasting(&self, error: &Error) -> Option<String> {
        match error {
            Error::Configuration(cause) => Some(format!("the URL: {cause}")),
            Error::Tls(cause) => Some(format!("TLS: {cause}; {TLS}")),
            Error::Io(cause) if matches!(cause.kind(), ErrorKind::InvalidData | ErrorKind::InvalidInput) => {
                Some(format!("TLS: {cause}; {TLS}"))
            }
            // Hosts are not files; sockets and certificates are.
            Error::Io(cause) if cause.kind() == ErrorKind::NotFound && !self.has_socket => Some(format!(
                "a certificate or key: {cause}; sslrootcert, sslcert and sslkey in the URL, or PGSSLROOTCERT, PGSSLCERT and PGSSLKEY, name their files"
            )),
            Error::Database(cause) => self.refused(&**cause),
            _ => None,
        }
    }

    fn refused(&self, cause: &dyn DatabaseError) -> Option<String> {
        let (user, database) = (&self.user, &self.database);
        let code = cause.code().unwrap_or_default();
        let advice = match &*code {
            "28000" | "28P01" => format!("give the user and password that the server knows; {PERCENT_ENCODED}"),
            "3D000" => {
                format!("create it (`createdb --encoding=UTF8 --template=template0 {database}`), or name another")
            }
            "42501" => format!(
                "as the owner of the database: GRANT USAGE, CREATE ON SCHEMA public TO {user} (from PostgreSQL 15 on, only the owner has it)"
            ),
            "3F000" => {
                format!("the user {user} needs a schema to make tables in: CREATE SCHEMA {user} AUTHORIZATION {user}")
            }
            "26000" | "42P05" => POOLER.to_owned(),
            "08P01" if cause.message().contains("startup parameter") => {
                "set PgBouncer's ignore_startup_parameters = extra_float_digits,options".to_owned()
            }
            "08P01" if cause.message().contains("no such") => {
                "name a database and a user that PgBouncer knows".to_owned()
            }
            // SQLite's.
            "26" => "name another file: this one is not an SQLite database".to_owned(),
            "8" | "14" | "264" | "520" | "776" | "1032" | "1288" | "1544" => FILE.to_owned(),
            // The statement itself is refused: rights and names, values, constraints, features.
            code if ["42", "22", "23", "0A"].iter().any(|class| code.len() == 5 && code.starts_with(class)) => {
                return Some(cause.message().to_owned());
            }
            _ => return None,
        };
        Some(format!("{}: {advice}", cause.message()))
    }
}

const TLS: &str = "sslmode and sslrootcert in the URL say what is required of the server";

const FILE: &str = "allow the service to read and write the file and its directory";

/// The advice about transaction pooling without prepared statements.
pub(in crate::storage) const POOLER: &str = "this is a connection pooler that hands each statement to another session (PgBouncer, pool_mode = transaction): set pool_mode = session for this database, or from PgBouncer 1.21 on max_prepared_statements = 200, or give PostgreSQL's own address";

/// An error in the words of the database, and what an operator can do.
pub(in crate::storage) fn told(error: &Error) -> String {
    match advice(error) {
        Some(advice) => format!("{error}: {advice}"),
        None => error.to_string(),
    }
}

fn advice(error: &Error) -> Option<&'static str> {
    let Error::Database(cause) = error else { return None };
    match &*cause.code()? {
        "25006" => Some(
            "PostgreSQL takes no writes (a standby, or default_transaction_read_only): point AUTH_DATABASE_URL at the primary, or set it off",
        ),
        "42501" => Some("the user needs SELECT, INSERT, UPDATE and DELETE on all of auth-service's tables: GRANT them"),
        "53100" | "13" => Some("the disk is full: make room"),
        "53300" => Some("raise max_connections, or have fewer clients connect"),
        "26000" | "42P05" => Some(POOLER),
        "5" | "261" | "517" | "773" => Some("another process holds the file: find it (`fuser`), and end it"),
        "8" | "14" | "264" | "520" | "776" | "1032" | "1288" | "1544" => Some(FILE),
        "10" | "266" | "522" | "778" | "1034" => Some("the disk or the file system fails: look at the machine's log"),
        _ => None,
    }
}

/// Whether the database has understood a value, and refuses it: repeating is useless, and the connection is as good as
/// before.
pub(in crate::storage) fn is_refused_data(error: &Error) -> bool {
    let Error::Database(cause) = error else { return false };
    let code = cause.code().unwrap_or_default();
    code.len() == 5 && (code.starts_with("22") || code == "54000")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_named_without_its_password() {
        let named = |url: &str| Place::of(url).says("down");
        assert_eq!(named("postgres://jeton:hunter2@db.example.com:6432/x"), "PostgreSQL at db.example.com:6432: down");
        assert_eq!(
            named("postgres:///x?host=/run/postgresql&password=hunter2"),
            "PostgreSQL at /run/postgresql, port 5432: down"
        );
        assert_eq!(named("sqlite://data/auth.db?mode=rw"), "SQLite file data/auth.db: down");
        assert!(!named("postgres://u:hunter2@h/d?sslmode=nonsense").contains("hunter2"));
    }

    #[test]
    fn waiting_cures_what_is_not_there_yet_and_nothing_that_is_wrong() {
        let place = Place::of("postgres://jeton:hunter2@db/jeton");
        let io = |kind: ErrorKind| Error::Io(std::io::Error::from(kind));
        for cured in [io(ErrorKind::ConnectionRefused), io(ErrorKind::TimedOut), Error::PoolTimedOut] {
            assert!(matches!(place.refusal(&cured), CannotOpen::NotYet(_)), "{cured}");
        }
        for lasting in [
            io(ErrorKind::InvalidData),
            io(ErrorKind::NotFound),
            Error::Tls("server does not support TLS".into()),
            Error::Configuration("sslmode".into()),
        ] {
            assert!(matches!(place.refusal(&lasting), CannotOpen::Never(_)), "{lasting}");
        }
        let socket = Place::of("postgres:///jeton?host=/run/postgresql");
        assert!(matches!(socket.refusal(&io(ErrorKind::NotFound)), CannotOpen::NotYet(_)));
    }
}
