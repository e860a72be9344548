use super::*;
use std::{fs, path::Path};
use tempfile::TempDir;
use testkit::{ISSUER, Issuer};
use url::Url;

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);
const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

fn at(path: &Path) -> Snapshot {
    let url = Url::parse("https://auth.example/jwks.json").expect("a URL");
    Snapshot::at(path.to_owned(), url.into(), ISSUER.to_owned())
}

fn usual() -> Arc<KeySet> {
    Arc::new(KeySet::from_jwks(Issuer::usual().key_set().to_string().as_bytes()).expect("a key set"))
}

fn place() -> (TempDir, PathBuf) {
    let directory = TempDir::new().expect("a directory");
    let path = directory.path().join("jwks.json");
    (directory, path)
}

fn date(path: &Path) -> Timestamp {
    let stored: Stored<Value> = serde_json::from_slice(&fs::read(path).expect("a file")).expect("a snapshot");
    stored.fetched_at
}

#[test]
fn a_date_from_a_clock_that_was_ahead_is_corrected_with_the_next_answer() {
    let (_directory, path) = place();
    let mut snapshot = at(&path);
    snapshot.keep(&usual(), NOW.plus(YEAR));
    snapshot.keep(&usual(), NOW);
    assert_eq!(date(&path), NOW);
    at(&path).keep(&usual(), NOW.plus(YEAR));
    let mut restarted = at(&path);
    let kept = restarted.load(NOW).expect("the keys are good");
    assert_eq!(kept.ahead(NOW), Some(YEAR));
    restarted.keep(&usual(), NOW);
    assert_eq!(date(&path), NOW);
}

#[test]
fn clocks_that_differ_by_a_minute_agree() {
    let (_directory, path) = place();
    at(&path).keep(&usual(), NOW.plus(TOLERANCE));
    assert_eq!(at(&path).load(NOW).expect("keys").ahead(NOW), None);
}

#[test]
fn a_snapshot_that_a_replica_has_written_is_not_written_again() {
    let (_directory, path) = place();
    let (mut one, mut other) = (at(&path), at(&path));
    one.keep(&usual(), NOW);
    other.keep(&usual(), NOW);
    let stamp = Stamp::at(&path);
    for moment in [0, 60, 120] {
        one.keep(&usual(), NOW.plus(Duration::from_secs(moment)));
        other.keep(&usual(), NOW.plus(Duration::from_secs(moment)));
    }
    assert_eq!(Stamp::at(&path), stamp);
}

#[test]
fn a_file_that_is_not_a_snapshot_is_left_alone() {
    let (_directory, path) = place();
    for content in ["SQLite format 3\0", r#"{"keys":[]}"#, "notes"] {
        fs::write(&path, content).expect("a written file");
        let mut snapshot = at(&path);
        assert!(snapshot.load(NOW).is_none());
        snapshot.keep(&usual(), NOW);
        assert_eq!(fs::read_to_string(&path).expect("a file"), content);
        assert!(snapshot.try_to_replace().is_err_and(|error| error.to_string() == FORM.not_ours));
    }
    for lost in ["", "\0\0\0", r#"{"fetched_at":180"#, "{\n  \"fetched_at\": 180"] {
        fs::write(&path, lost).expect("a written file");
        at(&path).try_to_replace().expect("it was a snapshot");
        at(&path).keep(&usual(), NOW);
        assert!(at(&path).load(NOW).is_some(), "{lost:?}");
    }
}

#[test]
fn a_foreign_file_in_place_of_a_snapshot_is_left_alone_too() {
    let (directory, path) = place();
    let mut snapshot = at(&path);
    snapshot.keep(&usual(), NOW);
    let foreign = directory.path().join("books.db");
    fs::write(&foreign, "SQLite format 3\0").expect("a written file");
    fs::rename(&foreign, &path).expect("our own directory");
    for _ in 0..2 {
        snapshot.keep(&usual(), NOW);
        assert_eq!(fs::read_to_string(&path).expect("a file"), "SQLite format 3\0");
    }
}

#[test]
fn trying_to_replace_changes_nothing_and_fails_where_writing_would() {
    let (directory, path) = place();
    at(&path).keep(&usual(), NOW);
    let stamp = Stamp::at(&path);
    at(&path).try_to_replace().expect("it could be replaced");
    assert_eq!(Stamp::at(&path), stamp);
    assert_eq!(fs::read_dir(directory.path()).expect("a directory").count(), 1, "no draft is left");
    assert!(at(directory.path()).try_to_replace().is_err());
    assert!(at(&directory.path().join("none/jwks.json")).try_to_replace().is_err(), "nor is a directory made");
    assert!(!directory.path().join("none").exists());
}

#[test]
fn a_snapshot_of_up_to_512_kib_is_read() {
    let (_directory, path) = place();
    at(&path).keep(&usual(), NOW);
    let written = fs::read(&path).expect("a snapshot");
    for (bytes, is_read) in [(512 * 1024, true), (512 * 1024 + 1, false)] {
        let mut padded = written.clone();
        padded.resize(bytes, b' ');
        fs::write(&path, padded).expect("our own file");
        assert_eq!(at(&path).read(NOW).is_ok_and(|kept| kept.is_some()), is_read, "{bytes}");
    }
}

#[cfg(unix)]
#[test]
fn a_snapshot_that_anybody_may_write_is_used_and_replaced_by_a_private_one() {
    use std::os::unix::fs::PermissionsExt as _;
    let (_directory, path) = place();
    at(&path).keep(&usual(), NOW);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).expect("our own file");
    let mut restarted = at(&path);
    assert!(restarted.load(NOW).is_some());
    restarted.keep(&usual(), NOW);
    assert_eq!(fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o600);
}
