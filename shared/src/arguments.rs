//! The arguments of a program.

use crate::output::{complain, print};
use clap::{ArgMatches, Command, Error};
use serde_json::json;
use std::env;

/// Reads the arguments of this process. Wrong ones end it with the reason on standard error and exit status 2; with
/// `--json` among them, standard output gets the reason as a document, as when a command fails. `--help` and
/// `--version` end it as well.
#[must_use]
pub fn read(command: Command) -> ArgMatches {
    command.try_get_matches().unwrap_or_else(|error| refuse(&error))
}

fn refuse(error: &Error) -> ! {
    let is_json = env::args_os().any(|argument| argument == "--json");
    if is_json && error.use_stderr() {
        print(json!({ "error": reason(error) })).unwrap_or_else(complain);
    }
    error.exit()
}

/// One line, without the hints that follow it.
fn reason(error: &Error) -> String {
    let text = error.to_string();
    let (reason, _) = text.split_once("\n\n").unwrap_or((&text, ""));
    let words: Vec<&str> = reason.trim_start_matches("error: ").split_whitespace().collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Arg;

    #[test]
    fn a_reason_is_one_line_without_usage() {
        let command = || Command::new("keys").arg(Arg::new("kid").required(true).value_name("KID"));
        let of = |arguments: &[&str]| reason(&command().try_get_matches_from(arguments).expect_err("wrong"));
        assert_eq!(of(&["keys"]), "the following required arguments were not provided: <KID>");
        assert_eq!(of(&["keys", "a", "b"]), "unexpected argument 'b' found");
    }
}
