//! What the crate brings along, counted: `cargo tree -p jeton-verifier -e normal,build --prefix none`, each crate once.

use std::{collections::BTreeSet, process::Command};

/// The crates that are compiled, this one among them.
fn compiled(features: &[&str]) -> BTreeSet<String> {
    let mut tree = Command::new(env!("CARGO"));
    tree.args(["tree", "--package", "jeton-verifier", "--edges", "normal,build", "--prefix", "none", "--locked"]);
    let output = tree.arg("--no-default-features").args(features).output().expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("names of crates are ASCII");
    text.lines().map(|line| line.trim_end_matches(" (*)").to_owned()).filter(|line| !line.is_empty()).collect()
}

#[test]
fn verification_alone_compiles_at_most_forty_five_crates_and_no_runtime() {
    let crates = compiled(&[]);
    assert!((20..=45).contains(&crates.len()), "{}: {crates:#?}", crates.len());
    let named = |name: &str| crates.iter().any(|line| line.starts_with(&format!("{name} ")));
    assert!(
        named("aws-lc-rs") && !["tokio", "reqwest", "actix-web", "axum-core", "jsonwebtoken"].into_iter().any(named)
    );
}

#[test]
fn with_fetching_it_compiles_at_most_a_hundred_and_ten() {
    let crates = compiled(&["--features", "fetch"]);
    assert!((46..=110).contains(&crates.len()), "{}: {crates:#?}", crates.len());
}
