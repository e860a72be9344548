//! A restart while the publisher is down.

use super::{publisher::Answer, *};
use crate::published_keys::Origin;
use std::fs;
use tempfile::TempDir;
use url::Url;

/// A directory whose snapshot was written by a process that has fetched keys, and the address they came from, where
/// nobody answers any more.
async fn after_a_first_life() -> (TempDir, PathBuf, Url) {
    let directory = TempDir::new().expect("a directory");
    let path = directory.path().join("data").join("jwks.json");
    let publisher = TestPublisher::that_answers(Answer::good(Issuer::usual().jwks()));
    let url = publisher.url();
    let keys = start(KeySource::Published { url: url.clone(), snapshot: Some(path.clone()) }, &clock(), pace());
    eventually("the key is there", async || keys.held().is_some()).await;
    publisher.stop().await;
    (directory, path, url)
}

#[actix_web::test]
async fn a_restart_works_from_the_snapshot() {
    let (_directory, path, url) = after_a_first_life().await;
    let keys = start(KeySource::Published { url, snapshot: Some(path) }, &clock(), pace());
    assert_eq!(verdict(&keys, Issuer::usual()).await, Ok(()));
    assert_eq!(keys.held().expect("keys").source, Origin::Snapshot);
}

#[actix_web::test]
async fn the_snapshot_is_for_its_owner_only_and_leaves_no_draft_behind() {
    let (_directory, path, _) = after_a_first_life().await;
    let files = fs::read_dir(path.parent().expect("a directory")).expect("a directory").count();
    assert_eq!(files, 1);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o600);
    }
}

#[actix_web::test]
async fn a_snapshot_says_when_its_keys_were_last_confirmed_and_is_not_used_after_a_day() {
    let (_directory, path, url) = after_a_first_life().await;
    let day = Duration::from_secs(24 * 60 * 60);
    for (age, is_used) in [(day, true), (day + Duration::from_secs(1), false)] {
        let clock = clock();
        clock.advance(age);
        let keys = start(KeySource::Published { url: url.clone(), snapshot: Some(path.clone()) }, &clock, pace());
        assert_eq!(keys.held().is_some(), is_used);
        assert!(keys.held().is_none_or(|held| held.age == age));
    }
}

#[actix_web::test]
async fn a_snapshot_of_another_address_or_from_the_future_or_damaged_is_not_used() {
    let (_directory, path, url) = after_a_first_life().await;
    let elsewhere = Url::parse("http://127.0.0.1:1/jwks.json").expect("a URL");
    let start_at = |now: i64, url: &Url| {
        let clock = ManualClock::at(Timestamp::from_secs(now));
        start(KeySource::Published { url: url.clone(), snapshot: Some(path.clone()) }, &clock, pace()).held()
    };
    assert!(start_at(NOW, &elsewhere).is_none());
    assert!(start_at(NOW - 61, &url).is_none());
    assert!(start_at(NOW, &url).is_some());
    let whole = fs::read_to_string(&path).expect("a snapshot");
    for damaged in [&whole[..whole.len() / 2], "", "null", &whole.replace("RS256", "HS256")] {
        fs::write(&path, damaged).expect("a written file");
        assert!(start_at(NOW, &url).is_none(), "{damaged:.30}");
    }
}

#[actix_web::test]
async fn a_snapshot_that_cannot_be_written_harms_nothing() {
    let publisher = TestPublisher::that_answers(Answer::good(Issuer::usual().jwks()));
    let file = tempfile::NamedTempFile::new().expect("a file where a directory should be");
    let snapshot = Some(file.path().join("jwks.json"));
    let keys = start(KeySource::Published { url: publisher.url(), snapshot }, &clock(), pace());
    eventually("the key is there", async || verdict(&keys, Issuer::usual()).await.is_ok()).await;
}
