//! A machine without CA certificates: only https needs them.

use harness::{Stack, Storage, command::Run};
use tempfile::TempDir;

const NOWHERE: [(&str, &str); 2] = [("SSL_CERT_FILE", "/nowhere/certs.pem"), ("SSL_CERT_DIR", "/nowhere")];

#[tokio::test]
async fn without_ca_certificates_both_services_run_on_plain_http() {
    let stack = Stack::on(Storage::RedisAndPostgres);
    let stack = NOWHERE.into_iter().fold(stack, |stack, (name, value)| stack.auth(name, value).resource(name, value));
    let stack = stack.start().await;
    let ada = stack.ada().await;
    stack.resource.whoami(&ada.tokens).await.expect(200);
}

#[tokio::test]
async fn without_ca_certificates_an_https_url_is_refused_with_a_remedy() {
    let directory = TempDir::new().expect("a temporary directory");
    let mut run = Run::new("resource-service", directory.path(), &[]);
    for (name, value) in NOWHERE.into_iter().chain([
        ("RESOURCE_LISTEN", "127.0.0.1:0"),
        ("RESOURCE_ADMIN_LISTEN", "127.0.0.1:0"),
        ("RESOURCE_ISSUER", "https://auth.example"),
    ]) {
        run = run.env(name, value);
    }
    let ended = run.ended().await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let sentences: Vec<&str> = ended.errors.lines().filter(|line| !line.starts_with('{')).collect();
    assert_eq!(sentences.len(), 1, "{ended:?}");
    for words in ["https://auth.example/.well-known/jwks.json", "ca-certificates"] {
        assert!(sentences[0].contains(words), "{ended:?}");
    }
}
