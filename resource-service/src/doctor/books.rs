//! The books' database: whether requests can write to it.

use super::{Finding, PATIENCE, place};
use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};
use std::time::Duration;

/// As long as a request would wait for another process's write.
const BUSY: Duration = Duration::from_millis(800);

pub(super) async fn findings(options: &SqliteConnectOptions) -> Vec<Finding> {
    let file = options.get_filename();
    let name = format!("RESOURCE_DATABASE_URL: {}", file.display());
    if !file.exists() {
        return vec![match place::can_be_made(file) {
            Ok(()) => Finding::note(format!("{name} does not exist yet: the first start creates it")),
            Err(reason) => Finding::error(format!("{name} cannot be created: {reason}")),
        }];
    }
    let tried = tokio::time::timeout(PATIENCE, try_to_write(options.clone())).await;
    vec![match tried {
        Ok(Ok(())) => Finding::ok(format!("{name} accepts writes")),
        Ok(Err(error)) => Finding::error(format!("{name} does not accept writes: {error}")),
        Err(_) => Finding::error(format!("{name} does not answer within {} s", PATIENCE.as_secs())),
    }]
}

/// Goes as far as a write can without changing anything.
async fn try_to_write(options: SqliteConnectOptions) -> Result<(), sqlx::Error> {
    let options = options.create_if_missing(false).busy_timeout(BUSY);
    let mut connection = SqliteConnection::connect_with(&options).await?;
    sqlx::query("BEGIN IMMEDIATE").execute(&mut connection).await?;
    let written = sqlx::query("UPDATE books SET title = title WHERE id = (SELECT MAX(id) FROM books)")
        .execute(&mut connection)
        .await;
    sqlx::query("ROLLBACK").execute(&mut connection).await?;
    written?;
    connection.close().await
}
