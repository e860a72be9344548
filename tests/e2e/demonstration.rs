//! What `cargo xtask demo` becomes.

use harness::binaries;
use std::process::Command;

#[test]
fn the_demonstration_goes_on_reading_without_auth_service_and_names_what_cannot_be_done() {
    let mut demo = Command::new(env!("CARGO_BIN_EXE_demo"));
    // Long enough for a slow machine to repeat a refresh within it.
    demo.args(["6", "own"]).env("JETON_BIN_DIR", binaries::directory());
    // It starts processes, wherever the tests run.
    let ended = demo.env_remove("JETON_STACK").output().expect("cargo has built it");
    let [output, errors] = [&ended.stdout, &ended.stderr].map(|text| String::from_utf8_lossy(text));
    assert!(ended.status.success(), "{output}\n{errors}");
    let mut rest = &*output;
    for words in [
        ". stop auth-service",
        "← 200",
        ". restart resource-service alone",
        "← 200",
        ". what cannot be done now",
        "← no answer",
        ". start auth-service again",
        "← 200",
        "steps went as they must",
    ] {
        let (_, after) = rest.split_once(words).unwrap_or_else(|| panic!("{words} is missing in\n{output}"));
        rest = after;
    }
}
