//! The findings of the `doctor` commands.

use serde_json::{Value, json};
use std::fmt;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// As it should be.
    Ok,
    /// Good to know.
    Note,
    /// Works, but not as well, or not for long.
    Warning,
    /// Does not work.
    Error,
}

impl Severity {
    /// The exit status of a report of which this is the worst.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Ok | Self::Note => 0,
            Self::Warning => 1,
            Self::Error => 2,
        }
    }

    /// Its name, in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// The exit status of a report: that of the worst finding.
#[must_use]
pub fn exit_code(findings: &[Finding]) -> u8 {
    findings.iter().map(|finding| finding.severity).max().unwrap_or(Severity::Ok).exit_code()
}

/// A report for people: a line for each finding.
#[must_use]
pub fn lines(findings: &[Finding]) -> String {
    findings.iter().map(Finding::to_string).collect::<Vec<_>>().join("\n")
}

/// A report for programs: `{"findings": [{"severity": …, "text": …}]}`.
#[must_use]
pub fn document(findings: &[Finding]) -> Value {
    let listed = findings.iter().map(|found| json!({ "severity": found.severity.name(), "text": found.text }));
    json!({ "findings": listed.collect::<Vec<_>>() })
}

/// The result of one check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// What was found, and what to change.
    pub text: String,
}

impl Finding {
    /// Something that is as it should be.
    #[must_use]
    pub fn ok(text: impl Into<String>) -> Self {
        Self { severity: Severity::Ok, text: text.into() }
    }

    /// Something that is good to know.
    #[must_use]
    pub fn note(text: impl Into<String>) -> Self {
        Self { severity: Severity::Note, text: text.into() }
    }

    /// Something that works, but not as well, or not for long.
    #[must_use]
    pub fn warning(text: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, text: text.into() }
    }

    /// Something that does not work.
    #[must_use]
    pub fn error(text: impl Into<String>) -> Self {
        Self { severity: Severity::Error, text: text.into() }
    }
}

/// One line.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<7}  {}", self.severity.name(), self.text.replace('\n', " "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_one_line_that_begins_with_its_severity() {
        assert_eq!(Finding::warning("this\nand that").to_string(), "warning  this and that");
    }

    #[test]
    fn the_exit_status_follows_the_worst_finding() {
        let codes = [Severity::Ok, Severity::Note, Severity::Warning, Severity::Error].map(Severity::exit_code);
        assert_eq!(codes, [0, 0, 1, 2]);
        assert!(Severity::Error > Severity::Warning);
    }
}
