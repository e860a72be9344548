//! The result of a command, as text and as JSON.

use auth_service::domain::accounts::is_obeyed;
use serde_json::Value;
use shared::output::print;

/// Each form is complete.
pub struct Report {
    /// For people.
    pub text: String,
    /// One document, for programs.
    pub json: Value,
}

impl Report {
    /// For people, the exit status alone is the result.
    pub fn silent(json: Value) -> Self {
        Self { text: String::new(), json }
    }

    /// Prints one of the two.
    ///
    /// # Errors
    /// One sentence, if it cannot be written.
    pub fn print(&self, is_json: bool) -> Result<(), String> {
        match (is_json, self.text.is_empty()) {
            (true, _) => print(&self.json),
            (false, true) => Ok(()),
            (false, false) => print(&self.text),
        }
    }
}

/// Text that others have chosen, such as a user agent, without the characters that a terminal would obey.
pub fn printable(text: &str) -> String {
    text.chars().map(|character| if is_obeyed(character) { '\u{FFFD}' } else { character }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_obeys_is_printed() {
        let text = "a\u{1B}\n\u{9B}\u{61C}\u{200E}\u{202E}\u{2028}\u{2029}\u{2067}\u{FEFF}z";
        assert_eq!(printable(text), format!("a{}z", "\u{FFFD}".repeat(10)));
        assert_eq!(printable("Ада \u{200D}é"), "Ада \u{200D}é");
    }
}
