//! Keys pinned in a file.

use super::*;
use crate::keys::Origin;
use std::fs;
use tempfile::TempDir;

fn file_with(content: &str) -> (TempDir, PathBuf) {
    let directory = TempDir::new().expect("a directory");
    let path = directory.path().join("keys.json");
    fs::write(&path, content).expect("a written file");
    (directory, path)
}

#[actix_web::test]
async fn pinned_keys_are_there_at_once() {
    let (_directory, path) = file_with(&Issuer::usual().key_set().to_string());
    let keys = pinned(path).await;
    assert_eq!(verdict(&keys, Issuer::usual()).await, Ok(()));
    assert_eq!(keys.held().expect("keys").source, Origin::Pinned);
}

#[actix_web::test]
async fn a_pinned_file_has_at_most_256_kib() {
    for (bytes, are_used) in [(256 * 1024, true), (256 * 1024 + 1, false)] {
        let (_directory, path) = file_with(&padded(bytes));
        assert_eq!(pinned(path).await.held().is_some(), are_used, "{bytes}");
    }
}

#[actix_web::test]
async fn a_changed_file_is_read_again_and_a_broken_one_keeps_the_keys() {
    let (_directory, path) = file_with(&Issuer::usual().key_set().to_string());
    let keys = pinned(path.clone()).await;
    let is_in_doubt = || keys.held().expect("keys").is_in_doubt;
    fs::write(&path, "not yet written comp").expect("a written file");
    eventually("the broken file is seen", async || is_in_doubt()).await;
    assert_eq!(verdict(&keys, Issuer::usual()).await, Ok(()));
    fs::write(&path, Issuer::usual().key_set().to_string()).expect("a written file");
    eventually("it is whole again", async || !is_in_doubt()).await;
    fs::remove_file(&path).expect("a removed file");
    eventually("its absence is seen", async || is_in_doubt()).await;
    assert_eq!(verdict(&keys, Issuer::usual()).await, Ok(()));
    fs::write(&path, Issuer::other().key_set().to_string()).expect("a written file");
    eventually("the other key", async || verdict(&keys, Issuer::other()).await.is_ok()).await;
    assert!(verdict(&keys, Issuer::usual()).await.is_err());
}

#[actix_web::test]
async fn a_file_that_appears_later_is_found() {
    let directory = TempDir::new().expect("a directory");
    let path = directory.path().join("keys.pem");
    let keys = pinned(path.clone()).await;
    assert_eq!(verdict(&keys, Issuer::usual()).await, Err(Rejection::KeysUnavailable));
    fs::write(&path, Issuer::usual().public_pem()).expect("a written file");
    eventually("the key is there", async || keys.held().is_some()).await;
}

#[actix_web::test]
async fn a_file_confirms_its_keys_for_as_long_as_it_is_sound() {
    let (_directory, path) = file_with(&Issuer::usual().key_set().to_string());
    let clock = clock();
    let keys = start(KeySource::Pinned(path.clone()), &clock, pace()).await;
    clock.advance(LONG);
    let held = || keys.held().expect("keys");
    eventually("the keys are confirmed", async || held().age < LONG).await;
    assert!(!held().is_in_doubt);
    fs::write(&path, "broken").expect("a written file");
    eventually("the keys are in doubt", async || held().is_in_doubt).await;
    clock.advance(LONG);
    assert!(held().age >= LONG);
    fs::write(&path, Issuer::usual().key_set().to_string()).expect("a written file");
    eventually("they are confirmed again", async || !held().is_in_doubt && held().age < LONG).await;
}

#[cfg(unix)]
#[actix_web::test]
async fn a_pipe_does_not_block_and_a_file_in_its_place_is_read() {
    let directory = TempDir::new().expect("a directory");
    let path = directory.path().join("keys.json");
    rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::RUSR).expect("a pipe");
    let keys = pinned(path.clone()).await;
    assert_eq!(verdict(&keys, Issuer::usual()).await, Err(Rejection::KeysUnavailable));
    fs::remove_file(&path).expect("a removed pipe");
    fs::write(&path, Issuer::usual().key_set().to_string()).expect("a written file");
    eventually("the key is there", async || verdict(&keys, Issuer::usual()).await.is_ok()).await;
    fs::write(&path, " ".repeat(300 * 1024)).expect("a written file");
    eventually("it is too large", async || keys.held().expect("keys").is_in_doubt).await;
    assert_eq!(verdict(&keys, Issuer::usual()).await, Ok(()));
}
