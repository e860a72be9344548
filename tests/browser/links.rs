//! Mails, as their readers see them: codes and links.

use harness::{Stack, eventually};
use std::time::Duration;

/// How long a mail may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// The newest mail of a kind to an address: its code, and its link.
pub async fn mail(stack: &Stack, to: &str, kind: &str) -> (String, String) {
    let text = eventually("a mail", PATIENCE, async || {
        let mails = stack.auth.mails(to).await;
        let mail = mails.into_iter().find(|mail| mail["kind"] == kind)?;
        Some(mail["text"].as_str().expect("a mail has a text").to_owned())
    })
    .await;
    let link = text.split_whitespace().find(|word| word.contains("/confirm?flow=")).unwrap_or_default().to_owned();
    let code = link.split(['?', '&']).find_map(|pair| pair.strip_prefix("code=")).unwrap_or_default().to_owned();
    (code, link)
}

/// A code that is not this one.
pub fn another(code: &str) -> String {
    let first = if code.starts_with('7') { '8' } else { '7' };
    format!("{first}{}", &code[1..])
}
