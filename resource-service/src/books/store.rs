//! Books in an SQLite file of their own.

use super::{Book, BookId, Chapter, OpenBook, Shelf, Title};
use futures_util::TryStreamExt as _;
use shared::{clock::Clock, files, settings::known_parameters};
use sqlx::{
    SqlitePool,
    migrate::MigrateError,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use std::{str::FromStr as _, sync::Arc, time::Duration};
use url::form_urlencoded;

/// How long a write waits for another process's, so that an outage is answered within a second.
const PATIENCE: Duration = Duration::from_millis(800);
/// How much text one answer carries before it ends with `next`, in bytes.
const TEXT_PER_ANSWER: usize = 1024 * 1024;

/// How often, and how far apart, creating the tables is retried while another process creates them.
const MIGRATION_RETRIES: usize = 5;
const MIGRATION_PAUSE: Duration = Duration::from_millis(200);

/// The store of books. Clones share it.
#[derive(Clone)]
pub struct Books {
    pool: SqlitePool,
    clock: Arc<dyn Clock>,
}

/// Why an operation on the books failed.
#[derive(Debug, thiserror::Error)]
pub enum BooksError {
    /// There is no book with this id.
    #[error("there is no such book")]
    NoSuchBook,
    /// The store cannot be reached or is too busy: retry later.
    #[error(transparent)]
    Unavailable(sqlx::Error),
}

impl From<sqlx::Error> for BooksError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::RowNotFound => Self::NoSuchBook,
            sqlx::Error::Database(refusal) if refusal.is_foreign_key_violation() => Self::NoSuchBook,
            _ => Self::Unavailable(error),
        }
    }
}

/// Reads a URL such as `sqlite://data/books.db`.
///
/// # Errors
/// One sentence that says what would be right.
pub fn connect_options(url: &str) -> Result<SqliteConnectOptions, String> {
    if url.starts_with("sqlite:") {
        known_parameters(url, &["mode", "cache", "immutable", "vfs"])?;
    }
    let options = SqliteConnectOptions::from_str(url).ok().filter(|_| url.starts_with("sqlite:"));
    let options = options.ok_or_else(|| "must be an SQLite file, such as sqlite://data/books.db".to_owned())?;
    let has = |wanted: &[(&str, &str)]| {
        let parameters = url.split_once('?').map_or("", |(_, parameters)| parameters);
        form_urlencoded::parse(parameters.as_bytes()).any(|(name, value)| wanted.contains(&(&*name, &*value)))
    };
    let file = options.get_filename().as_os_str().as_encoded_bytes();
    // SQLite takes a name that begins like this for a URI with parameters of its own.
    let is_address = file.starts_with(b"file:");
    if file.is_empty() || is_address || has(&[("mode", "memory")]) {
        return Err(
            "books in memory would be gone at the next start: name a file, such as sqlite://data/books.db".to_owned()
        );
    }
    if has(&[("mode", "ro"), ("immutable", "true"), ("immutable", "1")]) {
        return Err("books must be writable: leave out mode=ro and immutable".to_owned());
    }
    Ok(options)
}

impl Books {
    /// Opens the file, creates it and its directory if need be, and brings its tables up to date.
    ///
    /// # Errors
    /// One sentence.
    pub async fn open(options: SqliteConnectOptions, clock: Arc<dyn Clock>) -> Result<Self, String> {
        let file = options.get_filename().to_owned();
        let failed = |reason: &dyn std::fmt::Display| format!("cannot open the books in {}: {reason}", file.display());
        files::create_private_database(&file).map_err(|error| failed(&error))?;
        let options = options
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .foreign_keys(true)
            .busy_timeout(PATIENCE);
        let pool = SqlitePoolOptions::new().max_connections(4).acquire_timeout(PATIENCE).connect_lazy_with(options);
        migrate(&pool).await.map_err(|error| failed(&error))?;
        Ok(Self { pool, clock })
    }

    /// At most `limit` books whose ids come after `after`.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn list(&self, after: i64, limit: u32) -> Result<Shelf, BooksError> {
        let query = "SELECT id, title, created_by, created_at, \
                     (SELECT COUNT(*) FROM chapters WHERE book_id = books.id) AS chapters \
                     FROM books WHERE id > $1 ORDER BY id LIMIT $2";
        let mut books: Vec<Book> =
            sqlx::query_as(query).bind(after).bind(i64::from(limit) + 1).fetch_all(&self.pool).await?;
        let more = books.len() > limit as usize;
        books.truncate(limit as usize);
        let next = books.last().filter(|_| more).map(|last| last.id);
        Ok(Shelf { books, next })
    }

    /// A book with at most `limit` chapters whose numbers come after `after`, fewer if they are long.
    ///
    /// # Errors
    /// If there is no such book, or the store does not answer.
    pub async fn read(&self, id: BookId, after: i64, limit: u32) -> Result<OpenBook, BooksError> {
        let query = "SELECT id, title, created_by, created_at, 0 AS chapters FROM books WHERE id = $1";
        let book: Book = sqlx::query_as(query).bind(id).fetch_one(&self.pool).await?;
        let (chapters, next) = self.chapters(id, after, limit as usize).await?;
        let Book { id, title, created_by, created_at, .. } = book;
        Ok(OpenBook { id, title, created_by, created_at, chapters, next })
    }

    async fn chapters(&self, id: BookId, after: i64, limit: usize) -> Result<(Vec<Chapter>, Option<i64>), BooksError> {
        let query = "SELECT number, title, text, created_by, created_at FROM chapters \
                     WHERE book_id = $1 AND number > $2 ORDER BY number";
        let mut rows = sqlx::query_as::<_, Chapter>(query).bind(id).bind(after).fetch(&self.pool);
        let mut chapters: Vec<Chapter> = Vec::new();
        let mut text = 0;
        while let Some(chapter) = rows.try_next().await? {
            text += chapter.text.len();
            if let Some(last) = chapters.last()
                && (chapters.len() == limit || text > TEXT_PER_ANSWER)
            {
                let next = last.number;
                return Ok((chapters, Some(next)));
            }
            chapters.push(chapter);
        }
        Ok((chapters, None))
    }

    /// Adds a book without chapters.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn create(&self, title: &Title, author: &str) -> Result<Book, BooksError> {
        let query = "INSERT INTO books (title, created_by, created_at) VALUES ($1, $2, $3) \
                     RETURNING id, title, created_by, created_at, 0 AS chapters";
        let now = self.clock.now().millis();
        Ok(sqlx::query_as(query).bind(&title.0).bind(author).bind(now).fetch_one(&self.pool).await?)
    }

    /// Appends a chapter to a book.
    ///
    /// # Errors
    /// If there is no such book, or the store does not answer.
    pub async fn append(&self, id: BookId, title: &Title, text: String, author: &str) -> Result<Chapter, BooksError> {
        let query = "INSERT INTO chapters (book_id, number, title, text, created_by, created_at) \
                     VALUES ($1, (SELECT COALESCE(MAX(number), 0) + 1 FROM chapters WHERE book_id = $1), $2, $3, $4, $5) \
                     RETURNING number, title, text, created_by, created_at";
        let now = self.clock.now().millis();
        Ok(sqlx::query_as(query)
            .bind(id)
            .bind(&title.0)
            .bind(text)
            .bind(author)
            .bind(now)
            .fetch_one(&self.pool)
            .await?)
    }
}

/// Processes that share the file may start at the same moment: the second one may find the tables half created. A
/// moment later they are complete.
async fn migrate(pool: &SqlitePool) -> Result<(), MigrateError> {
    for _ in 0..MIGRATION_RETRIES {
        if sqlx::migrate!().run(pool).await.is_ok() {
            return Ok(());
        }
        tokio::time::sleep(MIGRATION_PAUSE).await;
    }
    sqlx::migrate!().run(pool).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::future::join_all;
    use shared::clock::SystemClock;

    #[actix_web::test]
    async fn processes_that_start_together_share_one_file() {
        let directory = tempfile::TempDir::new().expect("a directory");
        let file = directory.path().join("books.db");
        let open = || Books::open(SqliteConnectOptions::new().filename(&file), Arc::new(SystemClock));
        let opened = join_all((0..8).map(|_| open())).await;
        for books in opened {
            let books = books.expect("a store");
            let title = Title::parse("Shared".to_owned()).expect("a title");
            books.create(&title, "ada").await.expect("a book");
        }
        assert_eq!(open().await.expect("a store").list(0, 100).await.expect("a list").books.len(), 8);
    }

    #[actix_web::test]
    async fn a_file_that_cannot_be_created_is_named() {
        let file = tempfile::NamedTempFile::new().expect("a file where a directory should be");
        let options = SqliteConnectOptions::new().filename(file.path().join("books.db"));
        let refused = Books::open(options, Arc::new(SystemClock)).await.err().expect("a reason");
        assert!(refused.starts_with("cannot open the books in ") && refused.contains("books.db"), "{refused}");
    }
}
