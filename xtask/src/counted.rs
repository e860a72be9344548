//! Counts the tests that ran: a filter that matches none must not look like success.

use crate::commands::ended;
use std::{
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
};

/// Runs a command that runs tests, shows what it prints, and counts the tests that ran; `None` when it was not to run any
/// (`--list`, `--no-run`).
///
/// # Errors
/// One sentence, if it does not succeed.
pub(crate) fn run_and_count(command: &mut Command) -> Result<Option<usize>, String> {
    let failed = |error: std::io::Error| format!("cargo: {error}");
    let mut child = command.stdout(Stdio::piped()).spawn().map_err(failed)?;
    let mut ran = None;
    for line in BufReader::new(child.stdout.take().ok_or("cargo: its output is gone")?).split(b'\n') {
        let line = String::from_utf8_lossy(&line.map_err(failed)?).into_owned();
        println!("{line}");
        if let Some(count) = count(&line) {
            ran = Some(ran.unwrap_or(0) + count);
        }
    }
    ended(command, child.wait().map_err(failed)?)?;
    Ok(ran)
}

/// How many tests ran, by the line that sums up a test program.
fn count(line: &str) -> Option<usize> {
    let result = line.strip_prefix("test result: ")?;
    let of = |word: &str| {
        let before = result.split(word).next()?;
        before.trim_end().rsplit([' ', ';']).next()?.parse::<usize>().ok()
    };
    Some(of("passed")? + of("failed;")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_are_counted_by_the_line_that_sums_them_up() {
        let line = "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.10s";
        assert_eq!(count(line), Some(12));
        let line = "test result: FAILED. 2 passed; 3 failed; 0 ignored; 0 measured; 3 filtered out; finished in 0.10s";
        assert_eq!(count(line), Some(5));
        assert_eq!(count("running 12 tests"), None);
    }

    #[test]
    fn a_filter_that_matches_no_test_counts_none() {
        let lines = "running 0 tests\n\ntest result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 9 filtered out\n";
        let ran = run_and_count(Command::new("printf").arg(lines.repeat(2)));
        assert_eq!(ran, Ok(Some(0)));
        assert_eq!(run_and_count(Command::new("printf").arg("a_test: test\n")), Ok(None));
        assert!(run_and_count(&mut Command::new("false")).is_err());
    }
}
