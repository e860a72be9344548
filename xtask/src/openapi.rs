//! `cargo xtask openapi`: the committed OpenAPI documents, written anew from the code.

use crate::commands::{cargo, run};

/// Writes `docs/openapi/*.json`, by the tests that otherwise compare them.
///
/// # Errors
/// One sentence.
pub(crate) fn write() -> Result<(), String> {
    for (package, target) in [("auth-service", "openapi"), ("resource-service", "http")] {
        let mut tests = cargo(&["test", "--quiet", "--package", package, "--test", target, "the_committed_document"]);
        run(tests.env("JETON_WRITE_OPENAPI", "1"))?;
    }
    Ok(())
}
