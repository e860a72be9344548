//! `cargo xtask openapi`: the committed OpenAPI documents, regenerated from the code.

use crate::commands::{cargo, run};

/// Writes `docs/openapi/*.json`, by the tests that otherwise compare them.
///
/// # Errors
/// One sentence.
pub(crate) fn write() -> Result<(), String> {
    let mut tests =
        cargo(&["test", "--quiet", "--workspace", "--test", "openapi", "--test", "http", "the_committed_document"]);
    run(tests.env("JETON_WRITE_OPENAPI", "1"))
}
