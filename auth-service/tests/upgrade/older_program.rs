//! The statements of earlier versions, as in their sources, with values in place: each must go on working on tables
//! that later versions have added to.

use auth_service::storage::sql::Sql;
use harness::postgres;
use shared::clock::SystemClock;
use sqlx::{AnyConnection, Connection as _};
use std::sync::Arc;

/// Each with the number of rows it answers: those of the first landed version, and of the version that brought the
/// audit log.
const STATEMENTS: [(&str, usize); 17] = [
    (
        "INSERT INTO users (id, email, name, search, password_hash, roles, custom, disabled, session_epoch, created_at)
         VALUES ('u', 'a@example.com', NULL, 'a@example.com', 'hash', '[\"reader\"]', '{}', 0, 0, 1) ON CONFLICT (email) DO NOTHING",
        0,
    ),
    (
        "SELECT id, email, name, password_hash, roles, custom, disabled, session_epoch, kept_sid, created_at FROM users
         WHERE email = 'a@example.com'",
        1,
    ),
    ("UPDATE users SET password_hash = 'other' WHERE id = 'u' AND password_hash = 'hash'", 0),
    ("UPDATE users SET kept_sid = 's', session_epoch = CASE WHEN session_epoch >= 5 THEN session_epoch + 1 ELSE 5 END WHERE id = 'u'", 0),
    (
        "INSERT INTO ended_sessions (sub, sid, until) VALUES ('u', 's', 9)
         ON CONFLICT (sub, sid) DO UPDATE SET until = excluded.until WHERE ended_sessions.until < excluded.until",
        0,
    ),
    ("SELECT users.id, sid AS ended FROM users LEFT JOIN ended_sessions ON sub = id AND sid = 's' WHERE id = 'u' AND session_epoch = 5", 1),
    (
        "INSERT INTO sessions (sub, sid, gen, fam, record, expires_at) SELECT 'u', 's', 1, 'f', '{}', 9 WHERE 5 >= 4
         ON CONFLICT (sub, sid) DO UPDATE
         SET gen = excluded.gen, fam = excluded.fam, record = excluded.record, expires_at = excluded.expires_at
         WHERE sessions.expires_at <= 4",
        0,
    ),
    ("UPDATE sessions SET gen = 2, fam = 'g', record = '{}', expires_at = 9 WHERE sub = 'u' AND sid = 's' AND gen = 1 AND fam = 'f'", 0),
    (
        "SELECT clock.now AS now, record FROM (SELECT 4 AS now) AS clock
         LEFT JOIN sessions ON sub = 'u' AND sid = 's' AND expires_at > clock.now WHERE gen = 2",
        1,
    ),
    ("DELETE FROM sessions WHERE (sub, sid) IN (SELECT sub, sid FROM sessions WHERE expires_at < 99 ORDER BY expires_at LIMIT 5)", 0),
    (
        "INSERT INTO signing_keys (slot, kid, jwk, sealed, published_at, active_at)
         VALUES (0, 'k', '{}', 'sealed', 1, 1) ON CONFLICT DO NOTHING",
        0,
    ),
    (
        "SELECT clock.now AS now, slot, kid, jwk, sealed, published_at, active_at, revoked_at
         FROM (SELECT 4 AS now) AS clock LEFT JOIN signing_keys ON 1 = 1 ORDER BY slot",
        1,
    ),
    (
        "INSERT INTO facts (name, value) VALUES ('secret_check', 'check')
         ON CONFLICT (name) DO UPDATE SET value = facts.value RETURNING value",
        1,
    ),
    ("SELECT kid FROM signing_keys WHERE kid = 'k' AND revoked_at IS NULL", 1),
    (
        "INSERT INTO audit (id, at, action, result, actor, sub, sid, ip, user_agent, details)
         VALUES ('e', 1, 'login', 'success', NULL, 'u', 's', '::1', NULL, '{}')",
        0,
    ),
    (
        "SELECT id, at, action, result, actor, sub, sid, ip, user_agent, details FROM audit
         WHERE sub = 'u' AND id < 'g' ORDER BY id DESC LIMIT 5",
        1,
    ),
    ("DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE at < 9 AND id < 'g' ORDER BY id LIMIT 5)", 0),
];

async fn earlier_versions_go_on(url: &str) {
    drop(Sql::connect(url, Arc::new(SystemClock)).await.unwrap());
    let mut connection = AnyConnection::connect(url).await.unwrap();
    for (statement, rows) in STATEMENTS {
        let answer = sqlx::query(statement).fetch_all(&mut connection).await;
        let answer = answer.unwrap_or_else(|error| panic!("{statement}\n{error}"));
        assert_eq!(answer.len(), rows, "{statement}");
    }
    connection.close().await.unwrap();
}

#[tokio::test]
async fn earlier_versions_go_on_with_a_current_sqlite_file() {
    let directory = tempfile::tempdir().unwrap();
    earlier_versions_go_on(&format!("sqlite://{}", directory.path().join("auth.db").display())).await;
}

#[tokio::test]
async fn earlier_versions_go_on_with_a_current_postgres() {
    earlier_versions_go_on(&postgres::fresh_database()).await;
}
