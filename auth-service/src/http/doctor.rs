//! Answers `auth-service doctor`, which asks through the public URL which address the service sees for it. Only holders
//! of the root secret get an answer; for everybody else the question is ignored.

use super::{
    State,
    request::client::{self, peer},
};
use crate::domain::secrets::KeyRing;
use actix_web::{
    HttpRequest,
    http::header::{self, HeaderName},
};
use serde_json::json;
use shared::clock::Timestamp;
use std::{collections::BTreeMap, time::Duration};

/// The header of the question: the time in seconds, and a proof of the root secret for it.
pub const ASKS: &str = "x-jeton-doctor";
/// The header of the answer.
pub const SEEN: &str = "x-jeton-client";

/// The header that repeats the headers in which proxies name their client, as they arrived: JSON, by name.
pub const FORWARDED: &str = "x-jeton-forwarded";
/// How many bytes of each are repeated, from the right.
const SHOWN: usize = 300;

/// How old a question may be, and how far the clocks may be apart.
const FRESH: Duration = Duration::from_secs(300);

/// The question, dated now.
#[must_use]
pub fn question(secrets: &KeyRing, now: Timestamp) -> String {
    let text = now.secs().to_string();
    format!("{text}.{}", secrets.sign_probe(&text))
}

/// [`SEEN`]: `<address of the client>, <address of the peer>, <yes or no>`, the last for whether different clients have
/// different addresses here. And [`FORWARDED`].
#[must_use]
pub fn answer(request: &HttpRequest, state: &State) -> Option<[(&'static str, String); 2]> {
    let asked = request.headers().get(ASKS)?.to_str().ok()?;
    is_ours(asked, &state.secrets, state.clock.now()).then(|| {
        let client = client::client(request, state);
        let has_own_address = if client.has_own_address { "yes" } else { "no" };
        let seen = format!("{}, {}, {has_own_address}", client.address, peer(request));
        [(SEEN, seen), (FORWARDED, forwarded(request, state))]
    })
}

fn forwarded(request: &HttpRequest, state: &State) -> String {
    let names = [state.site.address_header().name(), header::X_FORWARDED_FOR, header::FORWARDED];
    let named = names.iter().filter(|name| request.headers().contains_key(*name));
    json!(named.map(|name| (name.as_str(), shown(request, name))).collect::<BTreeMap<_, _>>()).to_string()
}

/// All lines of a header, as text.
fn shown(request: &HttpRequest, name: &HeaderName) -> String {
    let lines: Vec<&[u8]> = request.headers().get_all(name).map(|line| line.as_bytes()).collect();
    let bytes = lines.join(&b", "[..]);
    let end = &bytes[bytes.len().saturating_sub(SHOWN)..];
    end.iter().map(|byte| if (b' '..=b'~').contains(byte) { char::from(*byte) } else { '?' }).collect()
}

fn is_ours(asked: &str, secrets: &KeyRing, now: Timestamp) -> bool {
    let Some((text, voucher)) = asked.split_once('.') else { return false };
    let Ok(asked_at) = text.parse().map(Timestamp::from_secs) else { return false };
    let apart = now.since(asked_at).max(asked_at.since(now));
    secrets.is_probe_signature(text, voucher) && apart <= FRESH
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::secrets::RootSecret;

    fn ring() -> KeyRing {
        KeyRing::new(&RootSecret::parse(&RootSecret::generate()).unwrap_or_else(|error| panic!("{error}")), None)
    }

    #[test]
    fn only_holders_of_the_secret_are_answered_and_not_for_long() {
        let (ours, anothers) = (ring(), ring());
        let now = Timestamp::from_secs(1_000_000);
        let asked = question(&ours, now);
        assert!(is_ours(&asked, &ours, now));
        assert!(!is_ours(&asked, &anothers, now));
        assert!(!is_ours(&asked, &ours, now.plus(Duration::from_secs(301))));
        assert!(!is_ours(&asked.replace("1000000", "1000001"), &ours, now));
        assert!(!is_ours("1000000.", &ours, now));
    }
}
