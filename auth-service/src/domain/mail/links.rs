//! Links in mails. They lead to the configured pages and nowhere else: nothing of a request is in them.

use shared::ids::ProofId;
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

    /// The link that carries a code. Nothing happens when it is opened: the page says what the code is good for, and asks first.
    #[must_use]
    pub fn confirming(&self, flow: ProofId, code: &str, purpose: &str) -> Zeroizing<String> {
        Zeroizing::new(format!("{}/confirm?flow={flow}&code={code}&for={purpose}", self.pages))
    }

    /// The link to where a forgotten password is replaced.
    #[must_use]
    pub fn forgot(&self) -> String {
        format!("{}/forgot", self.pages)
    }
}
