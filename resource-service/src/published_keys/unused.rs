//! Published keys that are not used: said once, in one line, and again when it changes.

use shared::access_token;

/// What was last said.
#[derive(Debug, Default)]
pub(super) struct Unused(String);

impl Unused {
    pub(super) fn say(&mut self, unused: &[access_token::Unused]) {
        let summary = access_token::Unused::summary(unused);
        if summary == self.0 {
            return;
        }
        if unused.is_empty() {
            tracing::info!("all published keys are used");
        } else {
            tracing::warn!(count = unused.len(), reasons = summary, "published keys that are not used");
        }
        self.0 = summary;
    }
}
