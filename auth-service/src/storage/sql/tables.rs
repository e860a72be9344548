//! Whose tables a database holds. Nothing is made or changed.

use super::engine::{backend::Backend, migrate};
use sqlx::{AnyConnection, Executor as _, Row as _, query};
use std::collections::BTreeSet;

/// Whose tables they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Tables {
    /// There are none.
    None,
    /// Ours.
    Ours {
        /// Whether they are of this version, or a later one.
        is_current: bool,
    },
    /// Another application's, on a server where ours have room beside them.
    Shared,
    /// Another application's, which leave no room for ours: their names.
    Foreign(String),
}

const LEDGER: &str = "_sqlx_migrations";

/// The tables that are there.
pub(super) async fn found(backend: Backend, connection: &mut AnyConnection) -> sqlx::Result<Tables> {
    let names = names(backend, connection).await?;
    if names.contains(LEDGER) {
        let applied = applied(connection).await?;
        let first = migrate::known(backend).find(|(version, _)| *version == 1);
        let is_ours = first.is_some_and(|(version, description)| applied.contains(&(version, description.to_owned())));
        if is_ours {
            let versions: BTreeSet<i64> = applied.iter().map(|(version, _)| *version).collect();
            let is_current = migrate::known(backend).all(|(version, _)| versions.contains(&version));
            return Ok(Tables::Ours { is_current });
        }
    }
    Ok(whose(backend, &names))
}

/// Whose tables these are, if they are not ours. A file belongs to one application; on a server, another's tables are
/// in the way only if they have our names.
fn whose(backend: Backend, names: &BTreeSet<String>) -> Tables {
    let is_in_the_way = |name: &String| backend == Backend::Sqlite || name == LEDGER || OURS.contains(&name.as_str());
    let in_the_way: Vec<&str> = names.iter().filter(|name| is_in_the_way(name)).map(String::as_str).take(5).collect();
    match (names.is_empty(), in_the_way.is_empty()) {
        (true, _) => Tables::None,
        (false, true) => Tables::Shared,
        (false, false) => Tables::Foreign(in_the_way.join(", ")),
    }
}

/// The tables that the first version makes.
const OURS: [&str; 6] = ["users", "ended_sessions", "sessions", "counters", "signing_keys", "facts"];

async fn names(backend: Backend, connection: &mut AnyConnection) -> sqlx::Result<BTreeSet<String>> {
    let statement = match backend {
        Backend::Sqlite => {
            "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%'"
        }
        Backend::Postgres => {
            "SELECT CAST(relname AS TEXT) AS name FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
             WHERE nspname = current_schema() AND relkind IN ('r', 'p', 'v', 'm', 'f')"
        }
    };
    let rows = connection.fetch_all(query(statement)).await?;
    rows.iter().map(|row| row.try_get("name")).collect()
}

async fn applied(connection: &mut AnyConnection) -> sqlx::Result<BTreeSet<(i64, String)>> {
    let rows = connection.fetch_all(query("SELECT version, description FROM _sqlx_migrations WHERE success")).await?;
    rows.iter().map(|row| Ok((row.try_get("version")?, row.try_get("description")?))).collect()
}

/// The text encoding of a database, by PostgreSQL's name.
pub(super) async fn encoding(connection: &mut AnyConnection) -> sqlx::Result<String> {
    let row = connection.fetch_one(query("SELECT current_setting('server_encoding') AS encoding")).await?;
    row.try_get("encoding")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_applications_file_is_left_alone_and_a_server_is_shared_unless_names_collide() {
        let found = |backend, names: &[&str]| whose(backend, &names.iter().map(|&name| name.to_owned()).collect());
        for backend in [Backend::Sqlite, Backend::Postgres] {
            assert_eq!(found(backend, &[]), Tables::None);
            assert_eq!(found(backend, &["_sqlx_migrations"]), Tables::Foreign("_sqlx_migrations".to_owned()));
            assert_eq!(found(backend, &["users", "sessions"]), Tables::Foreign("sessions, users".to_owned()));
        }
        assert_eq!(found(Backend::Sqlite, &["books"]), Tables::Foreign("books".to_owned()));
        assert_eq!(found(Backend::Postgres, &["spatial_ref_sys"]), Tables::Shared);
    }
}
