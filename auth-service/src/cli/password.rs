//! Where a command gets a password from: never from its arguments, which every process of the machine can read.

use auth_service::domain::passwords::Password;
use clap::{Arg, ArgAction, ArgMatches};
use shared::files;
use std::{
    io::{self, IsTerminal as _, Read as _},
    path::Path,
};
use zeroize::Zeroizing;

/// Its arguments.
pub fn arguments() -> [Arg; 2] {
    let stdin = Arg::new("password-stdin")
        .long("password-stdin")
        .action(ArgAction::SetTrue)
        .conflicts_with("password-file")
        .help("Read the password from standard input even on a terminal");
    let file = Arg::new("password-file").long("password-file").value_name("PATH").help("Read the password from a file");
    [stdin, file]
}

/// From a file, from standard input, or typed twice.
///
/// # Errors
/// One sentence.
pub fn read(arguments: &ArgMatches) -> Result<Password, String> {
    if let Some(path) = arguments.get_one::<String>("password-file") {
        let text = files::read_text(Path::new(path));
        return text.map(Password::new).map_err(|error| format!("--password-file: cannot read {path}: {error}"));
    }
    if !arguments.get_flag("password-stdin") && io::stdin().is_terminal() {
        return typed_twice();
    }
    let mut bytes = Zeroizing::new(Vec::new());
    let read = io::stdin().take(files::MAX_TEXT).read_to_end(&mut bytes);
    let password = read.and_then(|_| files::text(&bytes));
    password.map(Password::new).map_err(|error| format!("no password on standard input: {error}"))
}

fn typed_twice() -> Result<Password, String> {
    let ask = |prompt| rpassword::prompt_password(prompt).map_err(|error| format!("no password: {error}"));
    let (first, second) = (Zeroizing::new(ask("Password: ")?), Zeroizing::new(ask("Again: ")?));
    if first == second { Ok(Password::new(first.to_string())) } else { Err("the two passwords differ".to_owned()) }
}
