//! What waits for what to be built, and that nothing is built twice: by `cargo tree`.

use std::{collections::BTreeSet, process::Command};

/// Every crate is a second or two of the first minute of somebody new.
const MAX_CRATES_BEFORE_UP: usize = 50;

/// A line for each crate of the workspace and each that it needs, in the order of the tree.
fn tree(arguments: &[&str]) -> Vec<String> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["tree", "--locked", "--no-dedupe"]).args(arguments).current_dir(env!("CARGO_MANIFEST_DIR"));
    let ended = cargo.output().expect("cargo runs");
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    let printed = String::from_utf8(ended.stdout).expect("names of crates are UTF-8");
    printed.lines().filter(|line| !line.is_empty()).map(|line| line.replace(" (proc-macro)", "")).collect()
}

/// `cargo build --workspace --bin xtask` is what `cargo xtask` runs first.
#[test]
fn up_waits_for_few_crates_before_it_speaks() {
    let mut crates = BTreeSet::new();
    let mut is_below_xtask = false;
    for line in tree(&["--workspace", "--edges", "normal,build", "--prefix", "depth", "--format", " {p}"]) {
        let (depth, name) = line.split_once(' ').expect("the depth, and then the crate");
        if depth == "0" {
            is_below_xtask = name.starts_with("xtask ");
        }
        if is_below_xtask {
            crates.insert(name.to_owned());
        }
    }
    assert!(crates.len() > 10, "xtask was not found");
    assert!(crates.len() <= MAX_CRATES_BEFORE_UP, "{}: {crates:#?}", crates.len());
}

/// Programs are built without the dev-dependencies, tests with them: if those turn on features of crates that the programs need
/// too, everything above these crates is built once for each.
#[test]
fn programs_and_tests_of_the_workspace_share_what_is_built() {
    let built = |arguments: &[&str]| {
        let arguments = [&["--workspace", "--prefix", "none", "--format", "{p} [{f}]", "--edges"], arguments].concat();
        tree(&arguments).into_iter().collect::<BTreeSet<_>>()
    };
    let (programs, tests) = (built(&["normal,build"]), built(&["normal,build,dev", "--all-features"]));
    let twice: Vec<_> = programs.difference(&tests).collect();
    assert!(
        twice.is_empty(),
        "tests have other features of {twice:#?}: turn on theirs in tests/harness/Cargo.toml too (`cargo tree --workspace \
         --edges normal,build,dev,features -i CRATE` shows where they come from)"
    );
}

#[test]
fn the_harness_uses_no_crate_of_the_services() {
    let tree = tree(&["--package", "harness", "--edges", "normal,build,dev", "--prefix", "none", "--format", "{p}"]);
    let is_service =
        |line: &&String| ["auth-service ", "resource-service ", "shared "].iter().any(|name| line.starts_with(name));
    assert_eq!(tree.iter().find(is_service), None, "tests of the services depend on it");
}
