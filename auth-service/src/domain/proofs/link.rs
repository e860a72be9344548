//! Links in mails. They lead to the configured pages and nowhere else: nothing of a request is in them.

use super::{Code, Proof};
use url::Url;
use zeroize::Zeroizing;

/// Where the pages are that confirm.
#[derive(Debug, Clone)]
pub struct Links {
    pages: String,
}

impl Links {
    /// Links to the pages `confirm` and `forgot` below this address.
    #[must_use]
    pub fn to(pages: &Url) -> Self {
        Self { pages: pages.as_str().trim_end_matches('/').to_owned() }
    }

    /// The link that carries a code. Nothing happens when it is opened: the page asks first.
    #[must_use]
    pub fn confirming(&self, proof: &Proof, code: &Code) -> Zeroizing<String> {
        let (flow, code) = (proof.id, code.expose());
        Zeroizing::new(format!("{}/confirm?flow={flow}&code={}", self.pages, code.as_str()))
    }

    /// The link to where a forgotten password is replaced.
    #[must_use]
    pub fn forgot(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("{}/forgot", self.pages))
    }
}
