//! The revocation feed: whether it can be read and verified, and how old it is.

use super::{Finding, PATIENCE};
use crate::config::Config;
use http::{HeaderMap, Method, StatusCode};
use jeton_verifier::{
    KeySet, Reading,
    keys::{Address, KeySource, fetch::Client, read_pinned},
    revocations::{FeedError, Glance, glance},
};
use shared::clock::{Clock as _, SystemClock, Timestamp};
use std::time::Duration;

/// A first page that is older comes from a cache, or one of the two clocks is wrong.
const TOLERABLE: Duration = Duration::from_secs(120);

pub(super) async fn findings(config: &Config) -> Vec<Finding> {
    let Some(address) = &config.revocations.address else {
        return vec![Finding::note(
            "no revocation feed is followed: tokens of ended sessions stay good until they expire; set RESOURCE_REVOCATIONS_URL",
        )];
    };
    // That there are no keys is a finding about the keys.
    let Some(keys) = keys(&config.keys).await else {
        return vec![Finding::note(format!("the revocation feed at {address} cannot be verified without keys"))];
    };
    let seen = tokio::time::timeout(PATIENCE, glance(address, &config.issuer, &keys)).await;
    vec![match seen {
        Ok(Ok(page)) => readable(address, &page, SystemClock.now()),
        Ok(Err(FeedError::Status(StatusCode::NOT_FOUND))) => Finding::warning(format!(
            "{address} answers 404 instead of a revocation feed: tokens of ended sessions stay good until they expire; upgrade auth-service, or point RESOURCE_REVOCATIONS_URL at its /revocations"
        )),
        Ok(Err(reason)) => unreadable(address, &reason.to_string()),
        Err(_) => unreadable(address, "no answer in time"),
    }]
}

fn unreadable(address: &Address, reason: &str) -> Finding {
    Finding::warning(format!(
        "the revocation feed at {address} cannot be read: {reason}; what ends now is noticed when its tokens expire"
    ))
}

fn readable(address: &Address, page: &Glance, now: Timestamp) -> Finding {
    let more = if page.more { " and more" } else { "" };
    let made_at = Timestamp::from_secs(i64::try_from(page.made_at).unwrap_or(i64::MAX));
    let age = now.since(made_at);
    let text = format!(
        "the revocation feed at {address} can be read: {} endings{more}, {} s old",
        page.entries,
        age.as_secs()
    );
    if age > TOLERABLE {
        return Finding::warning(format!(
            "{text}: a cache keeps it for too long, or the clock of this machine or of the issuer's database is wrong"
        ));
    }
    Finding::ok(text)
}

async fn keys(source: &KeySource) -> Option<KeySet> {
    match source {
        KeySource::Pinned(path) => read_pinned(path).ok()?.keys.ok(),
        KeySource::Published { address, .. } => {
            let client = Client::of(address, PATIENCE).ok()?;
            let answer = client.send(Method::GET, address.url(), HeaderMap::new()).await.ok()?;
            tokio::task::spawn_blocking(move || Reading::of_jwks(answer.body()).keys).await.ok()?.ok()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::finding::Severity;

    #[actix_web::test]
    async fn what_cannot_be_read_or_is_not_followed_is_said() {
        let found = async |environment: &[(&str, String)]| {
            let flags = crate::cli::command().no_binary_name(true).get_matches_from(Vec::<String>::new());
            let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
            let config = Config::gather(&flags, environment).expect("settings");
            let found = findings(&config).await;
            (found[0].severity, found[0].text.clone())
        };
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), testkit::Issuer::usual().key_set().to_string()).expect("a written file");
        let pinned = ("RESOURCE_JWKS_FILE", file.path().to_str().expect("a path in UTF-8").to_owned());
        let (severity, text) = found(std::slice::from_ref(&pinned)).await;
        assert!(severity == Severity::Note && text.contains("stay good until they expire"), "{text}");
        let nobody = ("RESOURCE_REVOCATIONS_URL", "http://127.0.0.1:1/revocations".to_owned());
        let (severity, text) = found(&[pinned, nobody]).await;
        assert!(severity == Severity::Warning && text.contains("cannot be read: no answer"), "{text}");
    }
}
