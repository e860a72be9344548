//! `users export`.

use super::{Failure, look};
use auth_service::domain::operator::transfer::export::Export;
use clap::{Arg, ArgAction, ArgMatches, Command};
use shared::{
    clock::{Clock as _, SystemClock},
    output::complain,
};
use std::{
    fs::{File, OpenOptions},
    io::{self, BufWriter, ErrorKind, Write},
};

/// The command and its arguments.
pub fn command() -> Command {
    Command::new("export")
        .about("Write all users as lines of JSON, in the format that `users import --from jeton` reads")
        .arg(
            Arg::new("with-hashes")
                .long("with-hashes")
                .action(ArgAction::SetTrue)
                .help("With the hashes of their passwords: guard the result like the database"),
        )
        .arg(
            Arg::new("output")
                .long("output")
                .value_name("FILE")
                .help("Write to a new file that only its owner may read, instead of standard output"),
        )
}

/// Exports as it reads.
pub async fn export(matches: &ArgMatches, arguments: &ArgMatches) -> Result<(), Failure> {
    let installation = look(matches).await?;
    let export = installation.export(arguments.get_flag("with-hashes"));
    let path = arguments.get_one::<String>("output");
    let output: Box<dyn Write> = match path {
        Some(path) => Box::new(private(path).map_err(|error| format!("--output: cannot create {path}: {error}"))?),
        None => Box::new(io::stdout()),
    };
    export.record().await;
    let (users, unreadable) = write_all(export, BufWriter::new(output)).await?;
    complain(format!("{users} users exported"));
    if unreadable > 0 {
        return Err(format!("{unreadable} users were not exported: their rows cannot be read, see above").into());
    }
    Ok(())
}

async fn write_all(mut export: Export, mut output: impl Write) -> Result<(u64, u64), String> {
    let (mut users, mut unreadable) = (0, 0);
    let cannot = |error: io::Error| format!("cannot write: {error}");
    output.write_all(export.header(SystemClock.now()).as_bytes()).map_err(cannot)?;
    while let Some(lines) = export.next().await.map_err(|error| error.to_string())? {
        output.write_all(lines.text.as_bytes()).map_err(cannot)?;
        users += lines.users;
        unreadable += lines.unreadable.len() as u64;
        lines.unreadable.iter().for_each(complain);
    }
    output.flush().map_err(cannot)?;
    Ok((users, unreadable))
}

/// An existing file is left alone.
fn private(path: &str) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => io::Error::new(ErrorKind::AlreadyExists, "there is such a file already"),
        _ => error,
    })
}
