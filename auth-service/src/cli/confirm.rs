//! Asks before what cannot be taken back.

use std::io::{self, IsTerminal as _, Write as _};

/// Whether whoever sits at the terminal agrees; without a terminal, `--yes` must have been given.
///
/// # Errors
/// One sentence, when nobody agrees.
pub fn confirm(question: &str, has_agreed: bool) -> Result<(), String> {
    if has_agreed {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        return Err("nobody can be asked here: confirm with --yes".to_owned());
    }
    let mut errors = io::stderr();
    let asked = write!(errors, "{question} [y/N] ").and_then(|()| errors.flush());
    let mut answer = String::new();
    asked.and_then(|()| io::stdin().read_line(&mut answer)).map_err(|error| format!("nobody can be asked: {error}"))?;
    if matches!(answer.trim(), "y" | "Y" | "yes") { Ok(()) } else { Err("nothing was changed".to_owned()) }
}
