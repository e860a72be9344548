//! Asks for confirmation of what cannot be undone.

use std::io::{self, IsTerminal as _, Write as _};

/// Asks on the terminal; without one, `--yes` must have been given.
///
/// # Errors
/// One sentence, if nobody agrees.
pub fn confirm(question: &str, has_agreed: bool) -> Result<(), String> {
    if has_agreed {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        return Err("there is no terminal to ask on: confirm with --yes".to_owned());
    }
    let mut errors = io::stderr();
    let asked = write!(errors, "{question} [y/N] ").and_then(|()| errors.flush());
    let mut answer = String::new();
    asked
        .and_then(|()| io::stdin().read_line(&mut answer))
        .map_err(|error| format!("cannot ask on the terminal: {error}"))?;
    if matches!(answer.trim(), "y" | "Y" | "yes") { Ok(()) } else { Err("nothing was changed".to_owned()) }
}
