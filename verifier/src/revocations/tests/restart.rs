//! A restart while the issuer is down.

use super::*;
use crate::{
    clock::Clock as _,
    revocations::{Revocations, Snapshot},
};
use std::fs;
use tempfile::TempDir;

/// A directory whose snapshots were written by a process that has followed the feed of an issuer that is gone.
async fn after_a_first_life() -> (TempDir, Config, PathBuf) {
    let directory = TempDir::new().expect("a directory");
    let issuer = TestIssuer::start();
    issuer.ends(session("ended"));
    issuer.ends(json!({ "h": name("sub", "bob"), "u": 900, "epoch": 8, "but": name("sid", "spared") }));
    issuer.ends(json!({ "h": name("sub", "cleo"), "u": 900, "rev": 3 }));
    issuer.ends(json!({ "u": 900, "epoch": 2 }));
    let config = config(&issuer, Some(directory.path().join("jwks.json")));
    let path = directory.path().join("jwks.json.revocations");
    let keys = start(config.clone(), hurry()).await;
    is_up_to_date(&keys).await;
    eventually("both are kept", async || path.exists() && directory.path().join("jwks.json").exists()).await;
    drop(keys);
    issuer.stop().await;
    (directory, config, path)
}

async fn is_ended(keys: &PublishedKeys) -> bool {
    verdict(keys, &of_session("ended")).await == ENDED
}

#[actix_web::test]
async fn with_a_dead_issuer_all_are_served_and_what_has_ended_stays_refused_also_after_a_restart() {
    let (_directory, config, _) = after_a_first_life().await;
    let keys = start(config, hurry()).await;
    assert!(is_ended(&keys).await, "at once, without the feed");
    for number in 0..100 {
        assert_eq!(verdict(&keys, &of_session(&number.to_string())).await, Ok(()));
    }
    for (is_ended, changes) in [
        (true, json!({ "sub": "bob", "jti": "1" })),
        (false, json!({ "sub": "bob", "jti": "2", "sid": "spared" })),
        (true, json!({ "sub": "cleo", "jti": "3", "rev": 2 })),
        (false, json!({ "sub": "cleo", "jti": "4", "rev": 3 })),
        (true, json!({ "sub": "zoe", "jti": "5", "epoch": 1 })),
    ] {
        assert_eq!(verdict(&keys, &token(changes.clone())).await, if is_ended { ENDED } else { Ok(()) }, "{changes}");
    }
    let feed = keys.feed().expect("a feed");
    assert_eq!((feed.age, feed.entries, feed.is_behind), (None, 3, true), "it gives no freshness");
}

#[actix_web::test]
async fn a_feed_that_comes_back_goes_on_where_it_was() {
    let directory = TempDir::new().expect("a directory");
    let issuer = TestIssuer::start();
    issuer.ends(session("ended"));
    let port = issuer.port();
    let keys = start(config(&issuer, Some(directory.path().join("jwks.json"))), hurry()).await;
    is_up_to_date(&keys).await;
    issuer.stop().await;
    eventually("it is behind", async || keys.feed().is_some_and(|feed| feed.is_behind)).await;
    assert!(is_ended(&keys).await);
    let again = TestIssuer::start_again_at(port);
    again.sets_its_clock(NOW + 1000);
    again.ends(session("ended"));
    again.ends(session("later"));
    eventually("it goes on", async || verdict(&keys, &of_session("later")).await == ENDED).await;
    is_up_to_date(&keys).await;
    assert!(is_ended(&keys).await);
}

#[actix_web::test]
async fn the_snapshot_is_for_its_owner_only_and_leaves_no_draft_behind() {
    let (directory, _, _path) = after_a_first_life().await;
    assert_eq!(fs::read_dir(directory.path()).expect("a directory").count(), 2);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(&_path).expect("a file").permissions().mode() & 0o777, 0o600);
    }
}

#[actix_web::test]
async fn a_wrong_clock_does_not_drop_what_was_kept() {
    let (_directory, config, _) = after_a_first_life().await;
    let hour = 60 * 60;
    for moved in [-365 * 24 * hour, -hour, hour] {
        let clock = ManualClock::at(crate::clock::Timestamp::from_secs(NOW + moved));
        let keys = start(config.clone().clock(Arc::new(clock)), hurry()).await;
        assert_eq!(keys.feed().expect("a feed").entries, 3, "{moved}");
        let mut claims = claims(NOW + moved);
        claims["sid"] = "ended".into();
        assert_eq!(verdict(&keys, &Issuer::usual().token_of(&claims)).await, ENDED, "{moved}");
    }
    let clock = ManualClock::at(crate::clock::Timestamp::from_secs(NOW + 4 * hour));
    let keys = start(config.clock(Arc::new(clock)), hurry()).await;
    assert_eq!(keys.feed().expect("a feed").entries, 0, "hours later nothing of it matters");
}

#[actix_web::test]
async fn a_snapshot_that_is_damaged_or_another_issuers_or_open_to_anybody_is_not_used() {
    let (_directory, config, path) = after_a_first_life().await;
    let whole = fs::read_to_string(&path).expect("a snapshot");
    let port = |text: &str| text.replace("http://127.0.0.1:", "http://127.0.0.2:");
    for damaged in [
        &whole[..whole.len() / 2],
        "",
        "null",
        &port(&whole),
        &whole.replace(ISSUER, "https://evil.test"),
        &whole.replace("kept_at", "fetched_at"),
    ] {
        fs::write(&path, damaged).expect("a written file");
        let keys = start(config.clone(), hurry()).await;
        assert!(!is_ended(&keys).await, "{damaged:.40}");
    }
    fs::write(&path, &whole).expect("a written file");
    let keys = start(config.clone(), hurry()).await;
    assert!(is_ended(&keys).await, "it was the damage");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).expect("our own file");
        let keys = start(config, hurry()).await;
        assert!(!is_ended(&keys).await);
    }
}

#[test]
fn a_file_that_is_no_snapshot_is_left_alone_and_said_once() {
    let log = Logged::begin();
    let directory = TempDir::new().expect("a directory");
    let path = directory.path().join("jwks.json.revocations");
    fs::write(&path, "SQLite format 3\0").expect("a written file");
    let address = "https://auth.example/revocations".parse().expect("a URL");
    let mut snapshot = Snapshot::beside(&directory.path().join("jwks.json"), address, ISSUER.to_owned());
    let revocations = Revocations::nothing(BOUND);
    assert!(snapshot.load(&revocations, clock().now()).is_empty());
    assert_eq!(log.times("the snapshot of what has ended is not used"), 1);
    for _ in 0..3 {
        snapshot.keep(&revocations, &clock());
    }
    assert_eq!(log.times("cannot keep what has ended for a restart"), 1);
    assert_eq!(fs::read_to_string(&path).expect("a file"), "SQLite format 3\0");
}
