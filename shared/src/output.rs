//! What commands print. The macros of the standard library panic when nobody reads any more, as in `keys list | head -1`.

use std::{
    fmt::Display,
    io::{self, ErrorKind, Write as _},
};

/// Prints a line, or several, to standard output. Whoever has closed it has seen enough: that is not an error.
///
/// # Errors
/// One sentence, when it cannot be written for another reason, such as a full disk.
pub fn print(text: impl Display) -> Result<(), String> {
    let mut output = io::stdout().lock();
    match writeln!(output, "{text}").and_then(|()| output.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(format!("cannot write to standard output: {error}")),
        _ => Ok(()),
    }
}

/// Writes a line, or several, to standard error, after what has been logged. There is no place left to complain about
/// an error.
pub fn complain(text: impl Display) {
    crate::telemetry::flush();
    let _nobody_reads = writeln!(io::stderr(), "{text}");
}
