//! The stores from outside: everything that they hold, value by value, and as the bytes of their files.

use harness::{Stack, Storage, postgres::Postgres};
use redis::{FromRedisValue, cmd};
use sqlx::{AnyConnection, AssertSqlSafe, Connection as _, Row as _};
use std::{fs, path::Path};

/// One value, or the bytes of a whole file, and where it was found.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) store: &'static str,
    pub(crate) place: String,
    pub(crate) value: String,
    /// One row, or one element of a key, and not the bytes of a whole store.
    pub(crate) is_element: bool,
}

/// A full dump of every store of a stack.
pub(crate) async fn dump(stack: &mut Stack, storage: Storage) -> Vec<Stored> {
    let mut found = match database(stack) {
        ("PostgreSQL", url) => {
            let mut found = tables("PostgreSQL", &url).await;
            found.push(Stored {
                store: "PostgreSQL",
                place: "pg_dump".to_owned(),
                value: Postgres::dump(&url),
                is_element: false,
            });
            found
        }
        (store, url) => tables(store, &url).await,
    };
    let data = stack.data();
    found.extend(tables("books", &sqlite(&data.join("books.db"))).await);
    found.extend(files(&data));
    if storage != Storage::Embedded {
        found.extend(redis_values(&stack.redis().url()).await);
        let saved = String::from_utf8_lossy(&stack.redis().save()).into_owned();
        found.push(Stored { store: "Redis", place: "dump.rdb".to_owned(), value: saved, is_element: false });
    }
    found
}

/// auth-service's database: its kind and its URL.
pub(crate) fn database(stack: &Stack) -> (&'static str, String) {
    match stack.postgres_url() {
        Some(url) => ("PostgreSQL", url),
        None => ("SQLite", sqlite(&stack.directory().join("data/auth.db"))),
    }
}

fn sqlite(path: &Path) -> String {
    format!("sqlite://{}", path.display())
}

pub(crate) async fn open(url: &str) -> AnyConnection {
    sqlx::any::install_default_drivers();
    AnyConnection::connect(url).await.expect("the database is there")
}

/// Every row of every table as a JSON object, binary values in hex.
async fn tables(store: &'static str, url: &str) -> Vec<Stored> {
    let mut database = open(url).await;
    let mut found = Vec::new();
    for table in table_names(store, &mut database).await {
        let row = match store {
            "PostgreSQL" => "CAST(to_jsonb(t) AS TEXT)".to_owned(),
            _ => format!("json_object({})", members(&mut database, &table).await),
        };
        for row in texts(&mut database, &format!("SELECT {row} AS text FROM {table} AS t")).await {
            found.push(Stored { store, place: table.clone(), value: row, is_element: true });
        }
    }
    found
}

/// The tables of a database.
pub(crate) async fn table_names(store: &str, database: &mut AnyConnection) -> Vec<String> {
    let query = match store {
        "PostgreSQL" => {
            "SELECT CAST(table_name AS TEXT) AS text FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1"
        }
        _ => "SELECT name AS text FROM sqlite_schema WHERE type = 'table' ORDER BY 1",
    };
    texts(database, query).await
}

/// The arguments of SQLite's `json_object`: names and values. It does not take binary values.
async fn members(database: &mut AnyConnection, table: &str) -> String {
    let columns = texts(database, &format!("SELECT name AS text FROM pragma_table_info('{table}')")).await;
    let member = |name: &String| format!("'{name}', CASE typeof({name}) WHEN 'blob' THEN hex({name}) ELSE {name} END");
    columns.iter().map(member).collect::<Vec<_>>().join(", ")
}

async fn texts(database: &mut AnyConnection, query: &str) -> Vec<String> {
    let rows = sqlx::query(AssertSqlSafe(query)).fetch_all(database).await.expect("the database answers");
    rows.iter().map(|row| row.get("text")).collect()
}

/// Whatever the services keep in files, as bytes: they also hold what was deleted. Except for the root secret: it is
/// beside the store for want of another place, and opens everything.
fn files(directory: &Path) -> Vec<Stored> {
    let files = fs::read_dir(directory).expect("the services keep their files there").map(|file| file.expect("a file"));
    let files = files.filter(|file| file.path().is_file() && file.file_name() != "secret");
    files
        .map(|file| {
            let bytes = fs::read(file.path()).expect("our own file");
            let place = file.file_name().to_string_lossy().into_owned();
            Stored { store: "file", place, value: String::from_utf8_lossy(&bytes).into_owned(), is_element: false }
        })
        .collect()
}

pub(crate) async fn connect(url: &str) -> redis::aio::MultiplexedConnection {
    redis::Client::open(url).expect("a URL").get_multiplexed_async_connection().await.expect("Redis answers")
}

/// Every element of every key, whatever its type.
async fn redis_values(url: &str) -> Vec<Stored> {
    let mut redis = connect(url).await;
    let keys: Vec<String> = ask(&mut redis, cmd("KEYS").arg("*")).await;
    let mut found = Vec::new();
    for key in keys {
        let kind: String = ask(&mut redis, cmd("TYPE").arg(&key)).await;
        let read = match kind.as_str() {
            "string" => cmd("MGET").arg(&key).clone(),
            "hash" => cmd("HGETALL").arg(&key).clone(),
            "list" => cmd("LRANGE").arg(&key).arg(0).arg(-1).clone(),
            "set" => cmd("SMEMBERS").arg(&key).clone(),
            "zset" => cmd("ZRANGE").arg(&key).arg(0).arg(-1).arg("WITHSCORES").clone(),
            other => panic!("{key} has an unknown type, {other}"),
        };
        let elements: Vec<Vec<u8>> = ask(&mut redis, &read).await;
        for value in elements.into_iter().map(text_or_hex).chain([key.clone()]) {
            found.push(Stored { store: "Redis", place: key.clone(), value, is_element: true });
        }
    }
    found
}

/// Binary values in hex.
fn text_or_hex(value: Vec<u8>) -> String {
    String::from_utf8(value).unwrap_or_else(|error| error.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect())
}

pub(crate) async fn ask<T: FromRedisValue>(redis: &mut redis::aio::MultiplexedConnection, command: &redis::Cmd) -> T {
    command.query_async(redis).await.expect("Redis answers")
}
