//! What `auth-service doctor` asks of the service through its public URL: as whom it sees the caller. An answer is for who
//! has the root secret only; for all others the question is not there.

use super::{State, client};
use crate::domain::secret::KeyRing;
use actix_web::HttpRequest;
use shared::clock::Timestamp;
use std::time::Duration;

/// The header of the question: the time in seconds, and what vouches for it.
pub const ASKS: &str = "x-jeton-doctor";
/// The header of the answer.
pub const SEEN: &str = "x-jeton-client";

/// How old a question may be, and how far the clocks may be apart.
const FRESH: Duration = Duration::from_secs(300);

/// The question of this moment.
#[must_use]
pub fn question(secrets: &KeyRing, now: Timestamp) -> String {
    let text = now.secs().to_string();
    format!("{text}.{}", secrets.vouch(&text))
}

/// `<address of the client>, <address of the peer>, <yes or no>`: the last, whether different clients have different
/// addresses here.
#[must_use]
pub fn answer(request: &HttpRequest, state: &State) -> Option<String> {
    let asked = request.headers().get(ASKS)?.to_str().ok()?;
    is_ours(asked, &state.secrets, state.auth.clock.now()).then(|| {
        let client = client::client(request, state);
        let peer = request.peer_addr().map_or(client.address, |peer| peer.ip().to_canonical());
        format!("{}, {peer}, {}", client.address, if client.is_told_apart { "yes" } else { "no" })
    })
}

fn is_ours(asked: &str, secrets: &KeyRing, now: Timestamp) -> bool {
    let Some((text, voucher)) = asked.split_once('.') else { return false };
    let Ok(asked_at) = text.parse().map(Timestamp::from_secs) else { return false };
    let apart = now.since(asked_at).max(asked_at.since(now));
    secrets.is_vouched_for(text, voucher) && apart <= FRESH
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::secret::RootSecret;

    fn ring() -> KeyRing {
        KeyRing::new(&RootSecret::parse(&RootSecret::generate()).unwrap_or_else(|error| panic!("{error}")), None)
    }

    #[test]
    fn only_who_has_the_secret_is_answered_and_not_for_long() {
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
