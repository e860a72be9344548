//! The corpus of the fuzzer, replayed: what it once found, or began with, breaks no rule.

mod targets;

use std::{fs, path::Path};

/// Replays one directory, and returns the names of the files that were accepted.
fn taken(name: &str, target: fn(&[u8]) -> bool) -> Vec<String> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(name);
    let files = fs::read_dir(directory).expect("the corpus is there").map(|file| file.expect("a file"));
    let mut taken: Vec<String> = files
        .filter(|file| target(&fs::read(file.path()).expect("our own file")))
        .map(|file| file.file_name().to_string_lossy().into_owned())
        .collect();
    taken.sort();
    taken
}

#[test]
fn of_all_access_tokens_only_the_good_one_is_accepted() {
    assert_eq!(taken("access_token", targets::access_token), ["good"]);
}

#[test]
fn header_and_claims_that_are_in_order_get_as_far_as_the_key() {
    assert_eq!(taken("parts", targets::parts), ["another-kid"]);
}

#[test]
fn key_sets_are_read_as_far_as_they_are_good() {
    assert_eq!(taken("key_set", targets::key_set), ["bad-neighbours", "good", "pem", "same-key-twice", "two-keys"]);
}
