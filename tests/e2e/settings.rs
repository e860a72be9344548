//! Wrong settings stop the start with a sentence that says what to change.

use harness::{
    Stack, Storage,
    command::{Ended, Run},
    storage::random_secret,
};
use std::{collections::BTreeSet, fs, path::Path};
use tempfile::TempDir;

async fn start(service: &str, settings: &[(&str, &str)]) -> Ended {
    let directory = TempDir::new().expect("a temporary directory");
    let prefix = if service == "auth-service" { "AUTH" } else { "RESOURCE" };
    let run = Run::new(service, directory.path(), &[])
        .env(&format!("{prefix}_LISTEN"), "127.0.0.1:0")
        .env(&format!("{prefix}_ADMIN_LISTEN"), "127.0.0.1:0");
    settings.iter().fold(run, |run, (name, value)| run.env(name, value)).ended().await
}

#[track_caller]
fn assert_refused(ended: &Ended, words: &[&str]) {
    assert!(ended.code.is_some_and(|code| code != 0), "{ended:?}");
    assert!(!ended.errors.contains("panicked"), "{}", ended.errors);
    for word in words {
        assert!(ended.errors.contains(word), "{word:?} is missing: {}", ended.errors);
    }
}

#[tokio::test]
async fn a_misspelt_setting_is_named_with_what_was_meant() {
    let ended = start("auth-service", &[("AUTH_REDIS_ULR", "redis://127.0.0.1")]).await;
    assert_refused(&ended, &["AUTH_REDIS_ULR", "did you mean AUTH_REDIS_URL?"]);
    let ended = start("resource-service", &[("RESOURCE_ISUER", "http://localhost")]).await;
    assert_refused(&ended, &["RESOURCE_ISUER", "did you mean RESOURCE_ISSUER?"]);
}

#[tokio::test]
async fn every_mistake_is_reported_at_once() {
    let mistakes =
        [("AUTH_ACCESS_TTL", "2h"), ("AUTH_LATE_RETRY", "maybe"), ("AUTH_REDIS_ULR", "x"), ("AUTH_PUBLIC_URL", "x")];
    let ended = start("auth-service", &mistakes).await;
    assert_refused(&ended, &["AUTH_ACCESS_TTL", "AUTH_LATE_RETRY", "did you mean AUTH_REDIS_URL?", "AUTH_PUBLIC_URL"]);
    let mistakes =
        [("RESOURCE_JWKS_URL", "not a url"), ("RESOURCE_ISUER", "x"), ("RESOURCE_DATABASE_URL", "oracle://x")];
    let ended = start("resource-service", &mistakes).await;
    assert_refused(&ended, &["RESOURCE_JWKS_URL", "did you mean RESOURCE_ISSUER?", "RESOURCE_DATABASE_URL"]);
}

#[tokio::test]
async fn values_that_make_no_sense_are_refused() {
    let wrong = [
        ("AUTH_ACCESS_TTL", "0s"),
        ("AUTH_ACCESS_TTL", "soon"),
        ("AUTH_SESSION_IDLE", "-1d"),
        ("AUTH_REUSE_ENDS", "nobody"),
        ("AUTH_DATABASE_URL", "mysql://localhost/x"),
        ("AUTH_REDIS_URL", "http://localhost"),
        ("AUTH_LIMIT_LOGINS", "many"),
        ("AUTH_LIMIT_FAILURES", "10/15m,100/1d"),
        ("AUTH_ALLOWED_ORIGINS", "*"),
        ("AUTH_ALLOWED_ORIGINS", "https://*.example.com"),
        ("AUTH_ALLOWED_ORIGINS", "https://app.example/login"),
        ("AUTH_TRUSTED_PROXIES", "everybody"),
        ("AUTH_TRUSTED_PROXIES", "0.0.0.0/0"),
        ("AUTH_CLIENT_ADDRESS_HEADER", "host"),
        ("AUTH_COOKIE_NAME", "__Host-x"),
        ("AUTH_PASSKEY_RP_ID", "example.com"),
        ("AUTH_ROLES_FILE", "/nowhere/roles.toml"),
        ("AUTH_REGISTRATION", "ajar"),
        ("AUTH_LOGIN_CODE", "perhaps"),
        ("AUTH_UNVERIFIED", "perhaps"),
        ("AUTH_UNVERIFIED", "block"),
        ("AUTH_BUILT_IN_ROLES", "perhaps"),
        ("AUTH_DEFAULT_ROLE", "emperor"),
        ("AUTH_SECRET_FILE", "/nowhere/secret"),
        ("AUTH_PUBLIC_URL", "ftp://auth.example"),
        ("AUTH_KEY_LEAD", "1s"),
        ("AUTH_KEY_LEAD", "18446744073709551615s"),
        ("AUTH_SESSION_IDLE", "400d"),
        ("AUTH_LIMIT_LOGINS", "4294967295/1s"),
        ("AUTH_TRUSTED_PROXIES", "0.0.0.0"),
        ("AUTH_DATABASE_URL", "sqlite://data/auth.db?nonsense=1"),
    ];
    for (name, value) in wrong {
        let ended = start("auth-service", &[(name, value)]).await;
        eprintln!("{name}={value}");
        assert_refused(&ended, &[name]);
    }
}

#[tokio::test]
async fn a_passphrase_or_a_short_secret_is_refused() {
    for secret in
        ["correct horse battery staple and some more words", "00112233445566778899aabbccddeeff", "x", &"0".repeat(64)]
    {
        let ended = start("auth-service", &[("AUTH_SECRET", secret)]).await;
        eprintln!("{secret}");
        assert_refused(&ended, &["AUTH_SECRET"]);
        assert!(!ended.errors.contains(secret) || secret == "x", "a secret is repeated: {}", ended.errors);
    }
}

#[tokio::test]
async fn stores_that_replicas_may_share_need_an_explicit_secret() {
    let shared = [("AUTH_DATABASE_URL", "postgres://127.0.0.1:1/jeton"), ("AUTH_REDIS_URL", "redis://127.0.0.1:1")];
    for store in shared {
        assert_refused(&start("auth-service", &[store]).await, &["AUTH_SECRET"]);
    }
}

#[tokio::test]
async fn an_unknown_parameter_of_a_store_is_named_and_its_value_never_shown() {
    let directory = TempDir::new().expect("a temporary directory");
    for (setting, url) in [
        ("AUTH_DATABASE_URL", "postgres://jeton@127.0.0.1:1/jeton?pasword=hunter2"),
        ("AUTH_REDIS_URL", "redis://127.0.0.1:1?pasword=hunter2"),
    ] {
        for arguments in [&[][..], &["init"], &["user", "list"], &["doctor"]] {
            let run = Run::new("auth-service", directory.path(), arguments).env("RUST_LOG", "trace");
            let ended = run.env(setting, url).env("AUTH_SECRET", &random_secret()).ended().await;
            let said = format!("{}{}", ended.output, ended.errors);
            assert_eq!(ended.code, Some(2), "{said}");
            assert!(said.contains(&format!("{setting}: unknown parameter pasword")), "{said}");
            assert!(!said.contains("hunter2"), "{said}");
        }
    }
}

#[tokio::test]
async fn postgresql_faults_that_waiting_does_not_cure_are_not_waited_for() {
    let directory = TempDir::new().expect("a temporary directory");
    let run = |arguments: &[&str], url: &str| {
        let run = Run::new("auth-service", directory.path(), arguments).env("AUTH_SECRET", &random_secret());
        run.env("AUTH_DATABASE_URL", url).ended()
    };
    let ended = run(&[], "postgres://jeton@127.0.0.1:1/jeton?sslrootcert=/nonexistent").await;
    assert_refused(&ended, &["AUTH_DATABASE_URL: sslrootcert: cannot read /nonexistent"]);
    let ended = run(&["user", "list"], "postgres://jeton@[::1]:1/jeton").await;
    assert!(!ended.errors.contains("lookup"), "{}", ended.errors);
    assert_refused(&ended, &["PostgreSQL at [::1]:1"]);
}

#[tokio::test]
async fn an_unknown_flag_is_refused() {
    let directory = TempDir::new().expect("a temporary directory");
    for service in ["auth-service", "resource-service"] {
        let ended = Run::new(service, directory.path(), &["--lissten", "x"]).ended().await;
        assert_refused(&ended, &["--lissten", "--listen"]);
    }
}

#[tokio::test]
async fn another_secret_on_the_same_database_is_refused() {
    let mut stack = Stack::on(Storage::RedisAndPostgres).start().await;
    stack.auth.stop();
    let ended = with_free_ports(stack.auth.command(&[])).env("AUTH_SECRET", &random_secret()).ended().await;
    assert_refused(&ended, &["AUTH_SECRET"]);
    stack.auth.start().await;
    stack.admin().await;
}

#[tokio::test]
async fn the_secret_can_be_changed_if_the_previous_one_is_given() {
    let mut stack = Stack::on(Storage::RedisAndPostgres).start().await;
    let mut ada = stack.ada().await;
    let keys = stack.auth.key_set().await.json;
    let before = stack.root_secret();
    stack.auth.set("AUTH_SECRET", &random_secret());
    stack.auth.set("AUTH_SECRET_PREVIOUS", &before);
    stack.auth.restart().await;
    ada.refresh().await;
    ada.refresh().await;
    assert_eq!(stack.auth.key_set().await.json, keys);
    let browser = stack.ada_in_a_browser().await;
    stack.auth.refresh(&browser.tokens).await.tokens();
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let stack = Stack::any().start().await;
    for service in [&stack.auth, &stack.resource] {
        let ended = service.command(&[]).ended().await;
        assert_refused(&ended, &[&format!(":{}", service.port())]);
    }
}

#[tokio::test]
async fn help_lists_every_setting() {
    let directory = TempDir::new().expect("a temporary directory");
    let expected = [
        (
            "auth-service",
            "AUTH_LISTEN AUTH_ADMIN_LISTEN AUTH_MAX_CONNECTIONS AUTH_MAX_CONNECTIONS_PER_ADDRESS AUTH_FEED_WAITERS AUTH_HEAD_TIMEOUT \
            AUTH_BODY_TIMEOUT AUTH_WRITE_TIMEOUT AUTH_KEY_BITS AUTH_PUBLIC_URL AUTH_DATABASE_URL AUTH_REDIS_URL AUTH_SECRET \
            AUTH_SECRET_PREVIOUS AUTH_AUDIENCE AUTH_ACCESS_TTL AUTH_SESSION_IDLE AUTH_SESSION_MAX AUTH_REPLAY_WINDOW \
            AUTH_LATE_RETRY AUTH_REUSE_ENDS AUTH_MAX_SESSIONS AUTH_AUDIT_KEEP AUTH_LIMIT_REGISTRATIONS \
            AUTH_LIMIT_LOGINS AUTH_LIMIT_LOGINS_PER_ACCOUNT AUTH_LIMIT_REFRESHES AUTH_LIMIT_REFRESHES_PER_SESSION AUTH_LIMIT_FAILURES \
            AUTH_LIMIT_FAILURES_PER_ACCOUNT AUTH_LIMIT_FAILURES_PER_ACCOUNT_AND_NETWORK AUTH_KEY_LIFETIME AUTH_KEY_LEAD AUTH_JWKS_MAX_AGE AUTH_CLIENT_ID \
            AUTH_REGISTRATION AUTH_REGISTRATION_PROOF AUTH_LOGIN_CODE AUTH_UNVERIFIED AUTH_SECOND_FACTOR AUTH_STEP_UP_MAX_AGE AUTH_TRUSTED_DEVICE_LIFE AUTH_FACTOR_RESET_DELAY AUTH_PAGES AUTH_BRAND_DIR AUTH_PLAYGROUND AUTH_PAGES_URL AUTH_LIMIT_MAILS AUTH_ROLES_FILE AUTH_BUILT_IN_ROLES AUTH_DEFAULT_ROLE AUTH_STORED_HASH_MEMORY AUTH_ADMIN_EMAIL AUTH_ADMIN_PASSWORD \
            AUTH_PASSWORD_MIN AUTH_PASSWORD_POLICY AUTH_PASSWORD_WORDS AUTH_BREACHED_PASSWORDS AUTH_BREACHED_PASSWORDS_URL AUTH_ALLOWED_ORIGINS AUTH_TRUSTED_PROXIES \
            AUTH_CLIENT_ADDRESS_HEADER AUTH_COOKIE_NAME AUTH_PASSKEY_RP_ID",
        ),
        (
            "resource-service",
            "RESOURCE_LISTEN RESOURCE_ADMIN_LISTEN RESOURCE_MAX_CONNECTIONS RESOURCE_MAX_CONNECTIONS_PER_ADDRESS \
            RESOURCE_HEAD_TIMEOUT RESOURCE_BODY_TIMEOUT RESOURCE_WRITE_TIMEOUT RESOURCE_ISSUER RESOURCE_AUDIENCE RESOURCE_JWKS_URL \
            RESOURCE_JWKS_FILE RESOURCE_JWKS_SNAPSHOT RESOURCE_REVOCATIONS_URL RESOURCE_FRESH_SCOPES RESOURCE_FRESH_WITHIN \
            RESOURCE_DATABASE_URL RESOURCE_ALLOWED_ORIGINS",
        ),
    ];
    for (service, settings) in expected {
        let ended = Run::new(service, directory.path(), &["--help"]).ended().await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        for setting in settings.split_whitespace() {
            assert!(ended.output.contains(setting), "{setting} is missing in\n{}", ended.output);
        }
    }
}

#[tokio::test]
async fn every_setting_is_in_the_documents() {
    let directory = TempDir::new().expect("a temporary directory");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let pages = fs::read_dir(root.join("docs")).expect("the documents").map(|page| page.expect("a page").path());
    let pages: Vec<String> = pages
        .filter(|page| page.extension().is_some_and(|extension| extension == "md"))
        .chain([root.join("README.md")])
        .map(|page| fs::read_to_string(page).expect("a page"))
        .collect();
    let words: BTreeSet<&str> = pages.iter().flat_map(|page| names(page)).collect();
    for service in ["auth-service", "resource-service"] {
        let help = Run::new(service, directory.path(), &["--help"]).ended().await.output;
        let help: String = help.split_whitespace().flat_map(|word| [word, " "]).collect();
        let settings: BTreeSet<&str> = help.split("[env: ").skip(1).flat_map(|rest| names(rest).next()).collect();
        assert!(settings.len() > 10, "{settings:?}");
        let missing: Vec<&&str> = settings.difference(&words).collect();
        assert!(missing.is_empty(), "{service}: in no page of docs/: {missing:?}");
    }
}

/// What may be names of settings.
fn names(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|letter: char| !letter.is_ascii_uppercase() && letter != '_');
    words.map(|word| word.trim_end_matches("_FILE")).filter(|word| word.contains('_'))
}

fn with_free_ports(run: Run) -> Run {
    run.env("AUTH_LISTEN", "127.0.0.1:0").env("AUTH_ADMIN_LISTEN", "127.0.0.1:0")
}
