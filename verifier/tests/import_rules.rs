//! Verification uses neither a web server nor a private key, and the crate uses none of the services: checked in the
//! sources.

use testkit::imports::Rule;

const RULES: [Rule; 3] = [
    verification("verifier/src/access_token"),
    verification("verifier/src/clock.rs"),
    // Programs that use the crate must not need the services.
    Rule { part: "verifier/src", crates: &["shared", "auth_service", "resource_service"], modules: &[], words: &[] },
];

const fn verification(part: &'static str) -> Rule {
    Rule {
        part,
        crates: &["actix", "axum", "axum_core", "http", "reqwest", "tokio", "rsa"],
        modules: &["guard", "keys", "revocations"],
        words: &["PrivateKey", "KeyPair", "EncodingKey"],
    }
}

#[test]
fn verification_names_neither_a_web_server_nor_a_private_key() {
    let broken: Vec<String> = RULES.iter().flat_map(Rule::broken).collect();
    assert!(broken.is_empty(), "{broken:#?}");
}
