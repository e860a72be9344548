//! Mails with codes, as the mailbox of a service without a mail server has them, and what is done with the codes.

use harness::{Answer, Http, Stack, eventually};
use serde_json::json;
use std::time::Duration;

/// How long a mail may take.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// What a mail carries.
pub struct Letter {
    pub flow: String,
    pub code: String,
    pub text: String,
}

/// The newest mail of a kind to this address, from the mailbox.
pub async fn letter(stack: &Stack, to: &str, kind: &str) -> Letter {
    eventually("a mail", PATIENCE, async || {
        let mails = stack.auth.mails(to).await;
        let mail = mails.into_iter().find(|mail| mail["kind"] == kind)?;
        let text = mail["text"].as_str().expect("a mail has a text").to_owned();
        let link = text.split_whitespace().find(|word| word.contains("/confirm?flow=")).unwrap_or_default().to_owned();
        let parameter = |name: &str| {
            let found = link.split(['?', '&']).find_map(|pair| pair.strip_prefix(&format!("{name}=")));
            found.unwrap_or_default().to_owned()
        };
        Some(Letter { flow: parameter("flow"), code: parameter("code"), text })
    })
    .await
}

/// Waits until a mail with these words has come to this address.
pub async fn hears(stack: &Stack, to: &str, words: &str) {
    eventually(words, PATIENCE, async || {
        let mails = stack.auth.mails(to).await;
        mails.iter().any(|mail| mail["text"].as_str().is_some_and(|text| text.contains(words))).then_some(())
    })
    .await;
}

/// Brings a code back.
pub async fn confirm(auth: &Http, flow: &str, code: &str, secret: Option<&str>) -> Answer {
    let body = json!({ "flow": flow, "code": code, "flow_secret": secret, "transport": "body" });
    auth.post("/auth/confirm").json(&body).send().await
}

/// A code that is not this one.
pub fn another(code: &str) -> String {
    let first = if code.starts_with('7') { '8' } else { '7' };
    format!("{first}{}", &code[1..])
}
