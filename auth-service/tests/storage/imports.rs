//! Rows of users that another program has written: unreadable ones harm nobody else.

use crate::{
    samples::account,
    servers::{sql, sqlite_url},
};
use auth_service::{
    domain::{
        accounts::{Account, AccountQuery, Accounts as _, FindError, NewAccount, Unreadable},
        passwords::PasswordHash,
    },
    storage::sql::Sql,
};
use shared::ids::UserId;
use sqlx::{AnyConnection, AssertSqlSafe, Connection as _, raw_sql};

/// What an import may have written: a column, and its value in SQL.
const ON_BOTH: [(&str, &str); 6] = [
    ("email", "'jürgen@example.com'"),
    ("name", "''"),
    ("roles", "'reader'"),
    ("custom", "''"),
    ("custom", "'[]'"),
    ("kept_sid", "'x'"),
];

/// SQLite stores values of any type.
const ON_SQLITE: [(&str, &str); 8] = [
    ("name", "CAST(x'4afc7267656e' AS TEXT)"),
    ("name", "x'ff'"),
    ("email", "CAST(x'fc40612e62' AS TEXT)"),
    ("email", "x'6140622e63'"),
    ("roles", "CAST(x'ff' AS TEXT)"),
    ("roles", "x'5b5d'"),
    ("disabled", "'no'"),
    ("created_at", "'2020-01-01'"),
];

struct Imported {
    store: Sql,
    raw: AnyConnection,
}

impl Imported {
    async fn into(url: &str) -> Self {
        let store = sql(url).await;
        Self { store, raw: AnyConnection::connect(url).await.unwrap() }
    }

    async fn set(&mut self, id: UserId, column: &str, value: &str) {
        let update = format!("UPDATE users SET {column} = {value} WHERE id = '{id}'");
        raw_sql(AssertSqlSafe(update)).execute(&mut self.raw).await.unwrap();
    }

    async fn somebody(&self) -> NewAccount {
        let new = account();
        self.store.create(&new).await.unwrap();
        new
    }

    async fn page(&self, search: Option<&str>, after: Option<UserId>, limit: u32) -> Vec<UserId> {
        let query = AccountQuery { search: search.map(str::to_owned), after, limit, ..AccountQuery::default() };
        let page: Vec<Account> = self.store.page(&query).await.unwrap();
        page.iter().map(|user| user.id).collect()
    }

    /// One row at a time.
    async fn is_named_and_harms_nobody(&mut self, column: &'static str, value: &str) {
        let (bad, good) = (self.somebody().await, self.somebody().await);
        self.set(bad.id, column, value).await;
        let row = Unreadable { id: Some(bad.id), column };
        let found = self.store.by_id(bad.id).await;
        assert!(matches!(found, Err(FindError::Unreadable(error)) if error == row), "{column} {value} {found:?}");
        assert!(self.page(None, None, 9).await == [good.id], "{column} {value}");
        assert!(self.page(Some("example"), None, 9).await == [good.id], "{column} {value}");
        let is_reader = |roles: &[String]| roles.contains(&"reader".to_owned());
        let other = self.store.another_enabled(UserId::fresh(), &is_reader).await.unwrap();
        assert_eq!(other.map(|user| user.id), Some(good.id), "{column} {value}");
        assert_eq!(self.store.holders().await.unwrap().len(), 1, "{column} {value}");
        let rows = self.store.rows_of_users().await.unwrap();
        assert_eq!(rows.flawed.into_iter().collect::<Vec<_>>(), [(column, (1, Some(bad.id)))], "{value}");
        assert!(rows.are_all);
        if column != "email" {
            assert!(self.store.is_taken(&bad.email).await.unwrap(), "{column} {value}");
            assert!(matches!(self.store.by_email(&bad.email).await, Err(FindError::Unreadable(_))), "{column} {value}");
        }
        for id in [bad.id, good.id] {
            assert!(self.store.delete(id, &[], None, &[]).await.unwrap(), "{column} {value}");
        }
    }

    async fn unreadable_rows_are_skipped_whatever_the_page(&mut self) {
        let mut good = Vec::new();
        for number in 0..12 {
            let id = self.somebody().await.id;
            if number % 4 == 3 { good.push(id) } else { self.set(id, "roles", "'reader'").await }
        }
        for search in [None, Some("example")] {
            assert_eq!(self.page(search, None, 9).await, good);
            assert_eq!(self.page(search, None, 2).await, good[..2]);
            assert_eq!(self.page(search, None, 1).await, good[..1]);
            assert_eq!(self.page(search, Some(good[1]), 1).await, good[2..]);
            assert_eq!(self.page(search, Some(good[2]), 1).await, []);
        }
    }

    async fn an_address_in_upper_case_is_found_by_the_doctor(&mut self) {
        let id = self.somebody().await.id;
        self.set(id, "email", "'Ada@Example.com'").await;
        let rows = self.store.rows_of_users().await.unwrap();
        assert_eq!(rows.flawed.into_iter().collect::<Vec<_>>(), [("email", (1, Some(id)))]);
        assert_eq!(self.page(None, None, 9).await, [id], "it can be read");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unreadable_row_is_named_and_harms_nobody_else() {
    let directory = tempfile::tempdir().unwrap();
    let mut sqlite = Imported::into(&sqlite_url(directory.path())).await;
    let mut postgres = Imported::into(&harness::postgres::fresh_database()).await;
    for (column, value) in ON_BOTH {
        sqlite.is_named_and_harms_nobody(column, value).await;
        postgres.is_named_and_harms_nobody(column, value).await;
    }
    for (column, value) in ON_SQLITE {
        sqlite.is_named_and_harms_nobody(column, value).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_are_full_although_rows_in_between_are_unreadable() {
    let directory = tempfile::tempdir().unwrap();
    for url in [sqlite_url(directory.path()), harness::postgres::fresh_database()] {
        let mut imported = Imported::into(&url).await;
        imported.unreadable_rows_are_skipped_whatever_the_page().await;
        if url.starts_with("postgres") {
            imported.store.make_indexes().await.unwrap();
            imported = Imported::into(&url).await;
            let all = imported.page(None, None, 9).await;
            assert_eq!(imported.page(Some("example"), None, 9).await, all, "by the index");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn addresses_that_nobody_can_log_in_with_are_counted() {
    let directory = tempfile::tempdir().unwrap();
    for url in [sqlite_url(directory.path()), harness::postgres::fresh_database()] {
        Imported::into(&url).await.an_address_in_upper_case_is_found_by_the_doctor().await;
    }
}

#[tokio::test]
async fn malformed_ids_cut_no_list_short() {
    let directory = tempfile::tempdir().unwrap();
    let mut imported = Imported::into(&sqlite_url(directory.path())).await;
    let good = imported.somebody().await.id;
    for value in ["x'ff'", "x'00'", "'0'", "'zz'", "'ü'", "7"] {
        let id = imported.somebody().await.id;
        imported.set(id, "id", value).await;
        for search in [None, Some("example")] {
            assert_eq!(imported.page(search, None, 9).await, [good], "{value}");
            assert_eq!(imported.page(search, None, 1).await, [good], "{value}");
        }
    }
    let spelled = imported.somebody().await.id;
    imported.set(spelled, "id", "upper(id)").await;
    assert_eq!(imported.page(None, None, 9).await, [good]);
    let rows = imported.store.rows_of_users().await.unwrap();
    assert_eq!(rows.flawed.into_iter().collect::<Vec<_>>(), [("id", (7, Some(spelled)))]);
}

#[tokio::test]
async fn a_hash_stored_as_bytes_is_used_if_it_is_text_and_unusable_otherwise() {
    let directory = tempfile::tempdir().unwrap();
    let mut imported = Imported::into(&sqlite_url(directory.path())).await;
    let new = imported.somebody().await;
    imported.set(new.id, "password_hash", "x'246162'").await;
    let stored = async |store: &Sql| store.by_email(&new.email).await.unwrap().expect("a user").hash;
    let (as_text, next) = (PasswordHash("$ab".to_owned()), PasswordHash("$cd".to_owned()));
    assert_eq!(stored(&imported.store).await, as_text);
    assert_eq!(imported.store.odd_hashes(9).await.unwrap(), std::slice::from_ref(&as_text));
    assert!(imported.store.rehash(new.id, &as_text, &next).await.unwrap());
    for value in ["x'ff'", "CAST(x'ff' AS TEXT)"] {
        imported.set(new.id, "password_hash", value).await;
        assert_eq!(stored(&imported.store).await, PasswordHash(String::new()), "{value}");
        assert_eq!(imported.store.odd_hashes(9).await.unwrap(), [PasswordHash(String::new())], "{value}");
    }
    assert!(imported.store.rows_of_users().await.unwrap().flawed.is_empty(), "hashes are counted elsewhere");
}
