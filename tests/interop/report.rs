//! One line for each check.

use std::process::ExitCode;

/// What was checked so far.
#[derive(Debug, Default)]
pub(crate) struct Report {
    passed: usize,
    failed: Vec<String>,
}

impl Report {
    /// Prints and counts one check: of which library, what must hold, and whether it does, or what happened instead.
    pub(crate) fn check(&mut self, library: &str, what: &str, outcome: Result<(), String>) {
        let word = match outcome {
            Ok(()) => "ok".to_owned(),
            Err(instead) => format!("FAILED: {instead}"),
        };
        let line = format!("{library:<14} {what:<64} {word}");
        println!("{line}");
        if word == "ok" { self.passed += 1 } else { self.failed.push(line) }
    }

    /// Repeats what failed.
    pub(crate) fn conclude(self) -> ExitCode {
        println!("{} checks passed, {} failed", self.passed, self.failed.len());
        self.failed.iter().for_each(|line| eprintln!("{line}"));
        if self.failed.is_empty() && self.passed > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}
