//! What a command has come to, in words and as JSON.

use serde_json::Value;
use shared::output::print;

/// Either is a whole answer.
pub struct Report {
    /// For people.
    pub text: String,
    /// One document, for programs.
    pub json: Value,
}

impl Report {
    /// For people, the exit status alone says it.
    pub fn silent(json: Value) -> Self {
        Self { text: String::new(), json }
    }

    /// Prints one of them.
    ///
    /// # Errors
    /// One sentence, when it cannot be written.
    pub fn print(&self, is_json: bool) -> Result<(), String> {
        match (is_json, self.text.is_empty()) {
            (true, _) => print(&self.json),
            (false, true) => Ok(()),
            (false, false) => print(&self.text),
        }
    }
}

/// Text that others have chosen, such as a program's name for itself, without what a terminal would obey.
pub fn printable(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { '\u{FFFD}' } else { character }).collect()
}
