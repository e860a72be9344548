//! A restart while the publisher is down.

use super::{publisher::Answer, *};
use crate::{
    KeySet,
    keys::{Origin, Snapshot},
};
use std::{fs, path::Path};
use tempfile::TempDir;

/// A directory whose snapshot was written by a process that has fetched keys, and the address they came from, where
/// nobody answers any more.
async fn after_a_first_life() -> (TempDir, PathBuf, Url) {
    let directory = TempDir::new().expect("a directory");
    let path = directory.path().join("data").join("jwks.json");
    let publisher = TestPublisher::that_answers(Answer::good(Issuer::usual().key_set().to_string()));
    let url = publisher.url();
    let keys = start(published_at(url.clone(), Some(path.clone())), &clock(), pace()).await;
    eventually("the key is kept", async || keys.held().is_some() && path.exists()).await;
    publisher.stop().await;
    (directory, path, url)
}

#[actix_web::test]
async fn a_restart_works_from_the_snapshot() {
    let (_directory, path, url) = after_a_first_life().await;
    let keys = start(published_at(url, Some(path)), &clock(), pace()).await;
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
        let keys = start(published_at(url.clone(), Some(path.clone())), &clock, pace()).await;
        assert_eq!(keys.held().is_some(), is_used);
        assert!(keys.held().is_none_or(|held| held.age == age));
    }
}

#[actix_web::test]
async fn a_damaged_snapshot_or_one_of_another_address_is_not_used() {
    let (_directory, path, url) = after_a_first_life().await;
    let elsewhere = Url::parse("http://127.0.0.1:1/jwks.json").expect("a URL");
    let start_at = async |now: i64, url: &Url| {
        let clock = ManualClock::at(Timestamp::from_secs(now));
        start(published_at(url.clone(), Some(path.clone())), &clock, pace()).await.held()
    };
    assert!(start_at(NOW, &elsewhere).await.is_none());
    assert!(start_at(NOW, &url).await.is_some());
    let whole = fs::read_to_string(&path).expect("a snapshot");
    for damaged in [
        &whole[..whole.len() / 2],
        "",
        "null",
        &whole.replace("RS256", "HS256"),
        &whole.replace(ISSUER, "https://evil.test"),
    ] {
        fs::write(&path, damaged).expect("a written file");
        assert!(start_at(NOW, &url).await.is_none(), "{damaged:.30}");
    }
}

#[actix_web::test]
async fn the_keys_of_a_snapshot_are_used_although_the_clock_has_jumped_back() {
    let (_directory, path, url) = after_a_first_life().await;
    let year = 365 * 24 * 60 * 60;
    let clock = ManualClock::at(Timestamp::from_secs(NOW - year));
    let keys = start(published_at(url, Some(path)), &clock, pace()).await;
    let held = keys.held().expect("keys");
    assert_eq!((held.source, held.is_in_doubt), (Origin::Snapshot, true));
    clock.advance(Duration::from_secs(7));
    assert_eq!(keys.held().expect("keys").age, Duration::from_secs(7), "it counts from the start");
}

#[actix_web::test]
async fn a_snapshot_that_cannot_be_written_harms_nothing() {
    let publisher = TestPublisher::that_answers(Answer::good(Issuer::usual().key_set().to_string()));
    let file = tempfile::NamedTempFile::new().expect("a file where a directory should be");
    let snapshot = Some(file.path().join("jwks.json"));
    let keys = start(published_at(publisher.url(), snapshot), &clock(), pace()).await;
    eventually("the key is there", async || verdict(&keys, Issuer::usual()).await.is_ok()).await;
}

/// Keys that are fetched all the time and kept in a snapshot, once it is written.
async fn keeps(url: Url, path: &Path, clock: &ManualClock) -> Arc<PublishedKeys> {
    let keys = start(published_at(url, Some(path.to_owned())), clock, Pace { longest: Duration::ZERO, ..pace() }).await;
    eventually("the key is kept", async || path.exists()).await;
    keys
}

#[actix_web::test]
async fn the_snapshot_is_written_when_the_keys_change_and_once_an_hour() {
    let directory = TempDir::new().expect("a directory");
    let path = directory.path().join("jwks.json");
    let publisher = TestPublisher::that_answers(Answer::good(Issuer::usual().key_set().to_string()));
    let clock = clock();
    let keys = keeps(publisher.url(), &path, &clock).await;
    let asked_more = async |more: usize| {
        let before = publisher.asked().len();
        eventually("more answers", async || publisher.asked().len() > before + more).await;
    };
    let first = fs::read_to_string(&path).expect("a file");
    asked_more(5).await;
    clock.advance(Duration::from_secs(59 * 60));
    asked_more(2).await;
    assert_eq!(fs::read_to_string(&path).expect("a file"), first);
    clock.advance(Duration::from_secs(2 * 60));
    let fetched_at = || {
        Some(fs::read_to_string(&path).ok()?.contains(&format!("\"fetched_at\":{}", keys.state.clock.now().millis())))
    };
    eventually("it is confirmed", async || fetched_at() == Some(true)).await;
    publisher.now_answers(Answer::good(Issuer::other().key_set().to_string()));
    let holds_other = || fs::read_to_string(&path).is_ok_and(|text| text.contains(Issuer::other().key_id()));
    eventually("the other key is kept", async || holds_other()).await;
}

#[actix_web::test]
async fn a_snapshot_that_could_not_be_written_is_tried_again() {
    let directory = TempDir::new().expect("a directory");
    let path = directory.path().join("data/jwks.json");
    fs::write(directory.path().join("data"), "in the way").expect("a written file");
    let publisher = TestPublisher::that_answers(Answer::good(Issuer::usual().key_set().to_string()));
    let hurry = Pace { longest: Duration::ZERO, ..pace() };
    let _keys = start(published_at(publisher.url(), Some(path.clone())), &clock(), hurry).await;
    eventually("some attempts", async || publisher.asked().len() > 3).await;
    fs::remove_file(directory.path().join("data")).expect("a removed file");
    eventually("the key is kept", async || path.exists()).await;
}

#[actix_web::test]
async fn secrets_of_the_address_are_sent_and_not_kept() {
    let directory = TempDir::new().expect("a directory");
    let path = directory.path().join("jwks.json");
    let publisher = TestPublisher::that_answers(Answer::good(Issuer::usual().key_set().to_string()));
    let mut url = publisher.url();
    url.set_username("reader").expect("a URL with a host");
    url.set_password(Some("hunter2")).expect("a URL with a host");
    url.set_query(Some("key=hunter2"));
    let clock = clock();
    drop(keeps(url.clone(), &path, &clock).await);
    assert!(!fs::read_to_string(&path).expect("a file").contains("hunter2"));
    publisher.stop().await;
    let again = start(published_at(url, Some(path)), &clock, pace()).await;
    assert_eq!(again.held().expect("keys").source, Origin::Snapshot);
}

#[actix_web::test]
async fn a_snapshot_that_is_removed_or_damaged_meanwhile_is_written_with_the_next_answer() {
    let directory = TempDir::new().expect("a directory");
    let path = directory.path().join("jwks.json");
    let publisher = TestPublisher::that_answers(Answer::good(Issuer::usual().key_set().to_string()));
    let _keys = keeps(publisher.url(), &path, &clock()).await;
    let whole = fs::read_to_string(&path).expect("a snapshot");
    let is_whole = || fs::read_to_string(&path).is_ok_and(|text| text == whole);
    fs::remove_file(&path).expect("a removed file");
    eventually("it is there again", async || is_whole()).await;
    for damaged in ["", "damaged", &whole[..whole.len() / 2], &whole.replace("RS256", "HS256")] {
        fs::write(&path, damaged).expect("a written file");
        eventually("it is sound again", async || is_whole()).await;
    }
}

#[cfg(unix)]
#[actix_web::test]
async fn a_snapshot_that_is_a_pipe_is_neither_waited_for_nor_used_nor_replaced() {
    use std::os::unix::fs::FileTypeExt as _;
    let directory = TempDir::new().expect("a directory");
    let path = directory.path().join("jwks.json");
    rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::RUSR).expect("a pipe");
    let publisher = TestPublisher::that_answers(Answer::good(Issuer::usual().key_set().to_string()));
    let hurry = Pace { longest: Duration::ZERO, ..pace() };
    let keys = start(published_at(publisher.url(), Some(path.clone())), &clock(), hurry).await;
    eventually("the key is there", async || keys.held().is_some()).await;
    eventually("some answers", async || publisher.asked().len() > 3).await;
    assert!(fs::metadata(&path).expect("it is there").file_type().is_fifo());
}

#[test]
fn a_snapshot_that_is_missing_is_no_mistake_and_one_that_cannot_be_read_or_written_is_said_once() {
    let log = Logged::begin();
    let directory = TempDir::new().expect("a directory");
    let at = |path: &Path| {
        let address = Url::parse("https://auth.example.com/jwks.json").expect("a URL").into();
        Snapshot::at(path.to_owned(), address, ISSUER.to_owned())
    };
    let now = Timestamp::from_secs(NOW);
    assert!(at(&directory.path().join("none.json")).read(now).is_ok_and(|kept| kept.is_none()));
    assert!(at(directory.path()).read(now).is_err(), "a directory is none");
    let mut in_the_way = at(directory.path());
    let keys = Arc::new(KeySet::from_jwks(jwks_of(&[Issuer::usual()]).as_bytes()).expect("a key"));
    for _ in 0..3 {
        in_the_way.keep(&keys, now);
    }
    assert_eq!(log.times("cannot keep the keys for a restart"), 1);
}
