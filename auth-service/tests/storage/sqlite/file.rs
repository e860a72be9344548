//! What is specific to a database in a file.

use crate::{
    promises,
    samples::{LATER, account, change, now, rotated, session},
    servers::{sql, sqlite_url},
};
use auth_service::{
    domain::{
        accounts::Accounts as _,
        sessions::{
            endings::Endings as _,
            store::{Commit, SessionStore},
        },
        throttling::counters::Counters as _,
    },
    storage::sql::Sql,
};
use futures_util::future::{join_all, try_join_all};
use harness::{eventually, lateness::Lateness};
use shared::{
    clock::{ManualClock, SystemClock, Timestamp},
    ids::{SessionId, UserId},
};
use sqlx::{ConnectOptions as _, Connection as _, raw_sql, sqlite::SqliteConnectOptions};
use std::{
    env,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Stdio},
    str::FromStr as _,
    sync::Arc,
    time::{Duration, Instant},
};

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn the_file_and_its_directory_are_for_their_owner_alone() {
    let directory = tempfile::tempdir().unwrap();
    let store = sql(&sqlite_url(directory.path())).await;
    store.create(&account()).await.unwrap();
    let data = directory.path().join("data");
    assert_eq!(mode(&data), 0o700);
    for file in data.read_dir().unwrap() {
        let path = file.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}

#[tokio::test]
async fn what_was_written_is_there_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let (new, record) = (account(), session(UserId::fresh()));
    {
        let store = sql(&sqlite_url(directory.path())).await;
        store.create(&new).await.unwrap();
        assert_eq!(store.commit(&change(None, &record, LATER)).await.unwrap(), Commit::Done);
    }
    let store = sql(&sqlite_url(directory.path())).await;
    assert!(store.by_id(new.id).await.unwrap().is_some());
    assert_eq!(store.of_user(record.sub).await.unwrap(), [(record.sid, record.sealed)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_stores_may_open_an_empty_database_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let url = sqlite_url(directory.path());
    let stores = join_all((0..8).map(|_| Sql::connect(&url, Arc::new(SystemClock)))).await;
    for store in stores {
        promises::sessions::the_store_can_be_reached(&store.unwrap()).await;
    }
}

/// The database that the processes of the next test open; without it, a process opens a new one.
const DATABASE: &str = "STORAGE_TEST_DATABASE";

#[tokio::test]
async fn a_process_opens_a_database_and_writes() {
    let directory = tempfile::tempdir().unwrap();
    let store = sql(&env::var(DATABASE).unwrap_or_else(|_| sqlite_url(directory.path()))).await;
    store.create(&account()).await.unwrap();
}

#[test]
fn many_processes_may_open_an_empty_database_at_once() {
    for _ in 0..5 {
        let directory = tempfile::tempdir().unwrap();
        let opening = || {
            let mut process = Command::new(env::current_exe().unwrap());
            process.args(["--exact", "sqlite::file::a_process_opens_a_database_and_writes"]);
            process.env(DATABASE, sqlite_url(directory.path())).stdout(Stdio::piped()).stderr(Stdio::piped());
            process.spawn().unwrap()
        };
        let processes: Vec<_> = (0..6).map(|_| opening()).collect();
        for process in processes {
            let ended = process.wait_with_output().unwrap();
            assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stdout));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_that_write_at_once_never_fail() {
    let directory = tempfile::tempdir().unwrap();
    let stores = [sql(&sqlite_url(directory.path())).await, sql(&sqlite_url(directory.path())).await];
    let writer = |store: Sql| async move {
        for _ in 0..50 {
            let new = account();
            store.create(&new).await.unwrap();
            store.end_session(new.id, SessionId::fresh(), now()).await.unwrap();
            let record = session(new.id);
            assert_eq!(store.commit(&change(None, &record, LATER)).await.unwrap(), Commit::Done);
            let next = rotated(&record);
            assert_eq!(store.commit(&change(Some(&record), &next, LATER)).await.unwrap(), Commit::Done);
            store.add(&[crate::samples::counter()], Duration::from_secs(1)).await.unwrap();
        }
    };
    let writers = (0..8).map(|number| tokio::spawn(writer(stores[number % 2].clone())));
    try_join_all(writers).await.unwrap();
    let everybody = stores[0].raise_all_epochs(now()).await.unwrap();
    assert_eq!(everybody, 8 * 50);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_locks_the_file_is_an_outage_for_writers_until_it_unlocks() {
    let directory = tempfile::tempdir().unwrap();
    let url = sqlite_url(directory.path());
    let (store, new) = (sql(&url).await, account());
    store.create(&new).await.unwrap();
    let mut other = SqliteConnectOptions::from_str(&url).unwrap().connect().await.unwrap();
    raw_sql("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();

    let (asked, lateness) = (Instant::now(), Lateness::from_now());
    let outcomes = join_all((0..5).map(|_| store.end_session(new.id, SessionId::fresh(), now()))).await;
    assert!(outcomes.iter().all(Result::is_err));
    assert!(asked.elapsed() < Duration::from_secs(1) + lateness.so_far(), "{:?}", asked.elapsed());
    assert!(store.by_id(new.id).await.unwrap().is_some(), "readers do not wait for writers");

    raw_sql("ROLLBACK").execute(&mut other).await.unwrap();
    let ends = || async { store.end_session(new.id, SessionId::fresh(), now()).await.ok() };
    eventually("it ends with the lock", Duration::from_secs(2), ends).await;
    other.close().await.unwrap();
}

#[tokio::test]
async fn a_database_that_a_later_version_has_added_to_is_served() {
    let directory = tempfile::tempdir().unwrap();
    let url = sqlite_url(directory.path());
    drop(sql(&url).await);
    let mut other = SqliteConnectOptions::from_str(&url).unwrap().connect().await.unwrap();
    let added = "ALTER TABLE users ADD COLUMN later TEXT; ALTER TABLE audit ADD COLUMN later TEXT; CREATE TABLE later (id TEXT)";
    raw_sql(added).execute(&mut other).await.unwrap();
    let later = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
                 VALUES (999999, 'later', TRUE, x'00', 0)";
    raw_sql(later).execute(&mut other).await.unwrap();
    other.close().await.unwrap();
    let store = sql(&url).await;
    crate::promises::accounts::an_account_is_found_by_address_and_by_id(&store).await;
    crate::promises::audit::events_are_read_back_unchanged_the_newest_first(&store).await;
}

#[tokio::test]
async fn the_store_goes_by_the_clock_of_the_program() {
    let directory = tempfile::tempdir().unwrap();
    let clock = ManualClock::at(Timestamp::from_secs(1_000));
    let store = Sql::connect(&sqlite_url(directory.path()), Arc::new(clock.clone())).await.unwrap();
    clock.advance(Duration::from_secs(5));
    let snapshot = SessionStore::read(&store, UserId::fresh(), SessionId::fresh()).await.unwrap();
    assert_eq!(snapshot.now, Timestamp::from_secs(1_005));
}

#[tokio::test]
async fn urls_that_cannot_be_databases_are_refused_with_a_reason() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().display();
    for (url, reason) in [
        ("mysql://localhost/a".to_owned(), "sqlite: nor postgres:"),
        ("sqlite::memory:".to_owned(), "in memory"),
        (format!("sqlite://{path}"), "unable to open"),
        (format!("sqlite://{path}/a/\0b"), "cannot create"),
    ] {
        let error = Sql::connect(&url, Arc::new(SystemClock)).await.map(drop).unwrap_err();
        assert!(error.to_string().contains(reason), "{error}");
    }
}

#[tokio::test]
async fn no_event_can_be_changed() {
    let directory = tempfile::tempdir().unwrap();
    let url = sqlite_url(directory.path());
    promises::audit::no_event_can_be_changed(&sql(&url).await, &url).await;
}
