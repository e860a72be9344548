//! All users, in the format of our own.

use super::format::{FORMAT, Header, UserLine, written};
use crate::domain::{
    Unavailable,
    accounts::{Unreadable, transfer::Transfer},
    audit::{Action, Audit},
};
use serde_json::to_string;
use shared::clock::Timestamp;
use std::sync::Arc;

/// How many users are read at once.
const STRETCH: u32 = 1000;

/// An export.
pub struct Export {
    store: Arc<dyn Transfer>,
    audit: Arc<Audit>,
    with_hashes: bool,
    after: Option<String>,
}

/// Some lines.
pub struct Lines {
    /// The lines, each with its line end.
    pub text: String,
    /// How many users they are.
    pub users: u64,
    /// Rows that cannot be read, and are not among them.
    pub unreadable: Vec<Unreadable>,
}

impl Export {
    /// An export of the users of this store.
    #[must_use]
    pub fn new(store: Arc<dyn Transfer>, audit: Arc<Audit>, with_hashes: bool) -> Self {
        Self { store, audit, with_hashes, after: Some(String::new()) }
    }

    /// The first line.
    ///
    /// # Panics
    /// Never: it is text.
    #[must_use]
    pub fn header(&self, now: Timestamp) -> String {
        let header = Header { format: FORMAT.to_owned(), made_at: written(now), with_hashes: self.with_hashes };
        to_string(&header).expect("a header is text") + "\n"
    }

    /// The next lines; `None`: these were all.
    ///
    /// # Errors
    /// [`Unavailable`].
    ///
    /// # Panics
    /// Never: users are text.
    pub async fn next(&mut self) -> Result<Option<Lines>, Unavailable> {
        let Some(after) = self.after.take() else { return Ok(None) };
        let stretch = self.store.stretch(&after, STRETCH).await?;
        self.after = stretch.next;
        let mut lines = Lines { text: String::new(), users: 0, unreadable: Vec::new() };
        for user in stretch.users {
            match user {
                Ok((account, hash)) => {
                    let line = UserLine::of(account, self.with_hashes.then_some(hash));
                    lines.text += &to_string(&line).expect("what is stored has text for keys");
                    lines.text.push('\n');
                    lines.users += 1;
                }
                Err(unreadable) => lines.unreadable.push(unreadable),
            }
        }
        Ok(Some(lines))
    }

    /// Records the export. Before the first line: what is recorded need not have arrived, but what arrives is recorded.
    pub async fn record(&self) {
        let event = self.audit.event(Action::UsersExport).on_command_line().with("with_hashes", self.with_hashes);
        self.audit.record(event).await;
    }
}
