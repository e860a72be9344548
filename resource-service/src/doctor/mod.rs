//! `resource-service doctor`: checks what the service would meet with these settings, and suggests fixes. Changes
//! nothing.

mod books;
mod feed;
mod issuer;
mod keys;
mod place;
mod service;
mod snapshot;

use crate::config::Config;
use jeton_verifier::keys::{Address, KeySource, fetch::Client};
use shared::{clock::SystemClock, finding::Finding};
use std::time::Duration;

/// The meaning of the exit statuses, for `--help`.
pub const EXIT_STATUS: &str = "Exit status: 0 for ok and notes, 1 if there are warnings, 2 if there are errors.\nNothing is changed; it works whether or not the service runs, and takes 10 s at most.";

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(4);

/// Checks everything.
pub async fn examine(config: Config) -> Vec<Finding> {
    let (keys, feed, service, books) = tokio::join!(
        about_keys(&config),
        feed::findings(&config),
        service::findings(&config),
        books::findings(&config.database)
    );
    [keys, feed, books, service].concat()
}

async fn about_keys(config: &Config) -> Vec<Finding> {
    match &config.keys {
        KeySource::Pinned(path) => keys::pinned(path),
        KeySource::Published { address, snapshot } => {
            let mut findings = published(address, &config.issuer).await;
            findings.extend(snapshot::findings(snapshot.as_deref(), address, &config.issuer));
            findings
        }
    }
}

async fn published(address: &Address, issuer: &str) -> Vec<Finding> {
    let client = match Client::of(address, PATIENCE) {
        Ok(client) => client,
        Err(reason) => return vec![Finding::error(format!("RESOURCE_JWKS_URL: {reason}"))],
    };
    let (keys, issuer) =
        tokio::join!(keys::published(&client, address), issuer::findings(&client, address, issuer, &SystemClock));
    [keys, issuer].concat()
}
