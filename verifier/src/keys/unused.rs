//! Published keys that are not used: logged once, in one line, and again when they change.

/// What was last logged.
#[derive(Debug, Default)]
pub(super) struct Unused(String);

impl Unused {
    pub(super) fn say(&mut self, unused: &[crate::Unused]) {
        let summary = crate::Unused::summary(unused);
        if summary == self.0 {
            return;
        }
        if unused.is_empty() {
            tracing::info!("all published keys are used");
        } else {
            tracing::warn!(count = unused.len(), reasons = summary, "some published keys are not used");
        }
        self.0 = summary;
    }
}
