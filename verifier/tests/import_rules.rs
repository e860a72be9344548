//! Verifying needs neither a web server nor a private key, checked against the sources.

use testkit::imports::Rule;

const RULES: [Rule; 2] = [verification("verifier/src/access_token"), verification("verifier/src/clock.rs")];

const fn verification(part: &'static str) -> Rule {
    Rule {
        part,
        crates: &["actix", "axum", "axum_core", "http", "reqwest", "tokio", "rsa"],
        modules: &["guard", "keys"],
        words: &["PrivateKey", "KeyPair", "EncodingKey"],
    }
}

#[test]
fn verification_names_neither_a_web_server_nor_a_private_key() {
    let broken: Vec<String> = RULES.iter().flat_map(Rule::broken).collect();
    assert!(broken.is_empty(), "{broken:#?}");
}
