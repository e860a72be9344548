//! What the text of a mail needs.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// What the text of a mail needs, by name. It may hold codes that let somebody in: it has no `Debug`, and is wiped when
/// dropped. Nothing in it may be of a stranger's choosing.
#[derive(Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Params(BTreeMap<String, Zeroizing<String>>);

impl Params {
    /// Adds one.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.0.insert(name.to_owned(), Zeroizing::new(value.into()));
        self
    }

    /// All of them, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}
