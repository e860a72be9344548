//! What resource-service logs about the publisher of its keys, how often, and where its settings do not agree with the
//! issuer.

use harness::{
    Site, Stack, assert_problem, eventually,
    forge::{self, Issuer},
    service::Service,
    site::Reply,
};
use serde_json::{Value, json};
use std::{
    fs,
    process::Command,
    sync::{Arc, Mutex},
    time::Duration,
};

const TIMEOUT: Duration = Duration::from_secs(60);

/// A key server whose answers can be changed.
struct KeyServer {
    site: Site,
    keys: Arc<Mutex<Reply>>,
    metadata: Arc<Mutex<Reply>>,
}

impl KeyServer {
    fn of(issuer: &Issuer) -> Self {
        let keys = Arc::new(Mutex::new(Reply::json(&issuer.key_set())));
        let metadata = Arc::new(Mutex::new(Reply::json(&json!({ "issuer": issuer.url() }))));
        let (answers, about) = (Arc::clone(&keys), Arc::clone(&metadata));
        let site = Site::start(move |request| {
            let is_for_keys = request.target.starts_with("/.well-known/jwks.json");
            let reply = if is_for_keys { &answers } else { &about };
            reply.lock().expect("nobody has panicked").clone()
        });
        Self { site, keys, metadata }
    }

    fn now_answers(&self, reply: Reply) {
        *self.keys.lock().expect("nobody has panicked") = reply;
    }

    fn now_says_of_itself(&self, reply: Reply) {
        *self.metadata.lock().expect("nobody has panicked") = reply;
    }

    /// A resource-service that fetches its keys there; nothing else runs.
    async fn verifier(&self, issuer: &str) -> Stack {
        let mut stack = Stack::any().prepare();
        stack.resource.set("RESOURCE_ISSUER", issuer);
        stack.resource.set("RESOURCE_JWKS_URL", &format!("{}/.well-known/jwks.json", self.site.url()));
        // There is nothing but keys.
        stack.resource.set("RESOURCE_REVOCATIONS_URL", "off");
        stack.resource.start().await;
        stack
    }
}

/// The lines of the log that contain all the words.
fn lines(service: &Service, words: &[&str]) -> Vec<String> {
    let log = service.log();
    let has_all = |line: &&str| words.iter().all(|word| line.contains(word));
    log.lines().filter(has_all).map(str::to_owned).collect()
}

async fn is_logged(service: &Service, words: &[&str]) -> String {
    let what = format!("{words:?} is logged");
    eventually(&what, TIMEOUT, || async { lines(service, words).into_iter().next() }).await
}

/// Makes the service fetch the keys again, with a token of an unknown key: at most once in ten seconds.
async fn asks_again(stack: &Stack, keys: &KeyServer) {
    drop(keys.site.received());
    eventually("the keys are asked for again", TIMEOUT, || async {
        drop(stack.resource.whoami_as(&Issuer::new("http://issuer.test").token()).await);
        let received = keys.site.received();
        received.iter().any(|request| request.target.contains("jwks.json")).then_some(())
    })
    .await;
}

#[tokio::test]
async fn each_new_reason_why_fetching_keys_fails_is_logged_once_as_are_recovery_and_changes() {
    let issuer = Issuer::new("http://issuer.test");
    let keys = KeyServer::of(&issuer);
    let stack = keys.verifier(issuer.url()).await;
    let service = &stack.resource;

    keys.now_answers(Reply::status(500));
    asks_again(&stack, &keys).await;
    is_logged(service, &["WARN", "cannot fetch keys", "500"]).await;
    keys.now_answers(Reply::json(&json!({ "keys": vec![issuer.public_key(); 65] })));
    is_logged(service, &["WARN", "cannot fetch keys", "more than 64 keys"]).await;

    let other = Issuer::new("http://issuer.test");
    let foreign = |number: usize| json!({ "kty": "EC", "kid": format!("foreign-{number}") });
    let mut set: Vec<Value> = (0..63).map(foreign).collect();
    set.push(other.public_key().clone());
    keys.now_answers(Reply::json(&json!({ "keys": set })));
    is_logged(service, &["INFO", "fetching keys works again"]).await;
    let changed = is_logged(service, &["INFO", "the keys have changed"]).await;
    assert!(changed.contains(other.key_id()) && changed.contains(issuer.key_id()), "{changed}");
    asks_again(&stack, &keys).await;

    let foreign = lines(service, &["some published keys are not used"]);
    assert_eq!(foreign.len(), 1, "{foreign:#?}");
    assert!(foreign[0].contains("63 × not an RSA key"), "{foreign:#?}");
    assert_eq!(lines(service, &["WARN", "cannot fetch keys"]).len(), 2, "{}", service.log());
}

#[tokio::test]
async fn secrets_in_the_url_of_the_keys_are_in_no_log_and_no_file() {
    let issuer = Issuer::new("http://issuer.test");
    let keys = KeyServer::of(&issuer);
    let mut stack = Stack::any().prepare();
    let address = format!("http://reader:hunter2@127.0.0.1:{}/.well-known/jwks.json?key=hunter2", keys.site.port());
    stack.resource.set("RUST_LOG", "resource_service=trace,jeton_verifier=trace,shared=trace");
    stack.resource.set("RESOURCE_ISSUER", issuer.url());
    stack.resource.set("RESOURCE_JWKS_URL", &address);
    stack.resource.start().await;
    let snapshot = stack.directory().join("data/jwks.json");
    eventually("the keys are kept", TIMEOUT, || async { snapshot.exists().then_some(()) }).await;
    assert!(keys.site.received().iter().any(|request| request.target.ends_with("?key=hunter2")));
    drop(keys);
    stack.resource.restart().await;
    is_logged(&stack.resource, &["cannot fetch keys"]).await;
    let doctor = stack.resource.command(&["doctor"]).ended().await;
    let kept = fs::read_to_string(&snapshot).expect("our own directory");
    let metrics = stack.resource.admin_address().get("/metrics").send().await.expect(200).body;
    for text in [stack.resource.log(), doctor.output, doctor.errors, kept, metrics] {
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[tokio::test]
async fn an_issuer_with_another_name_is_reported_once_with_the_setting() {
    let mut stack = Stack::any().prepare();
    let auth = stack.auth.url();
    stack.resource.set("RESOURCE_ISSUER", &format!("{auth}/"));
    stack.auth.start().await;
    stack.resource.start().await;
    let said = is_logged(&stack.resource, &["WARN", "RESOURCE_ISSUER"]).await;
    assert!(said.contains(&format!(r#"calls itself \"{auth}\""#)), "{said}");
    let ready = stack.resource.admin_address().get("/health/ready").send().await.expect(200);
    assert_eq!(ready["status"], "degraded", "{ready}");
    assert_eq!(ready["disagrees_with_issuer_about"], json!(["issuer"]), "{ready}");
    let metrics = stack.resource.admin_address().get("/metrics").send().await.expect(200);
    assert!(metrics.body.contains(r#"jeton_issuer_disagreement{about="issuer"} 1"#), "{metrics}");
    let ada = stack.ada().await;
    assert_problem(&stack.resource.whoami(&ada.tokens).await, 401, "token_invalid");
    assert_eq!(lines(&stack.resource, &["WARN", "calls itself"]).len(), 1, "{}", stack.resource.log());
}

#[tokio::test]
async fn a_clock_that_is_off_is_reported_and_the_issuers_metadata_changes_no_verdict() {
    let issuer = Issuer::new("http://issuer.test");
    let keys = KeyServer::of(&issuer);
    let metadata = json!({ "issuer": issuer.url() }).to_string();
    // Adds a header to the answer, after its media type.
    let content_type = "application/json\r\ndate: Sun, 06 Nov 1994 08:49:37 GMT";
    keys.now_says_of_itself(Reply { status: 200, content_type, body: metadata });
    let stack = keys.verifier(issuer.url()).await;
    let said = is_logged(&stack.resource, &["WARN", "the clock of this machine"]).await;
    assert!(said.contains("ahead of that of the issuer"), "{said}");
    stack.resource.whoami_as(&issuer.token()).await.expect(200);

    keys.now_says_of_itself(Reply::json(&json!({ "issuer": "http://evil.test" })));
    let stack = keys.verifier(issuer.url()).await;
    is_logged(&stack.resource, &["WARN", "http://evil.test"]).await;
    stack.resource.whoami_as(&issuer.token()).await.expect(200);
    let evil = issuer.with_claims(|claims| claims["iss"] = json!("http://evil.test"));
    assert_problem(&stack.resource.whoami_as(&evil).await, 401, "token_invalid");
}

#[tokio::test]
async fn refusing_all_tokens_for_one_reason_is_reported_once_and_counted() {
    let mut stack = Stack::any().resource("RESOURCE_AUDIENCE", "library").prepare();
    stack.auth.start().await;
    stack.resource.start().await;
    let ada = stack.ada().await;
    for _ in 0..30 {
        let refused = stack.resource.whoami(&ada.tokens).await;
        assert_problem(&refused, 401, "token_invalid");
        assert!(!refused.body.contains("audience"), "strangers learn no reason\n{refused}");
    }
    let said = is_logged(&stack.resource, &["WARN", "no access token is accepted"]).await;
    assert!(said.contains("RESOURCE_AUDIENCE") && said.contains("AUTH_AUDIENCE"), "{said}");
    let metrics = stack.resource.admin_address().get("/metrics").send().await.expect(200);
    assert!(metrics.body.contains(r#"jeton_access_token_refusals_total{reason="audience"} 30"#), "{metrics}");
    assert_eq!(lines(&stack.resource, &["no access token is accepted"]).len(), 1, "{}", stack.resource.log());
}

#[tokio::test]
async fn tokens_with_unknown_keys_are_not_logged() {
    let issuer = Issuer::new("http://issuer.test");
    let keys = KeyServer::of(&issuer);
    let stack = keys.verifier(issuer.url()).await;
    stack.resource.whoami_as(&issuer.token()).await.expect(200);
    let before = stack.resource.log().lines().count();
    let stranger = Issuer::new("http://issuer.test");
    for number in 0..50 {
        let header = json!({ "alg": "RS256", "typ": "at+jwt", "kid": format!("key-{number}") });
        let refused = stack.resource.whoami_as(&stranger.sign(&header, &stranger.claims())).await;
        assert_problem(&refused, 401, "token_invalid");
        let mut old = stranger.claims();
        (old["iat"], old["exp"]) = (json!(forge::now() - 1000), json!(forge::now() - 100));
        let refused = stack.resource.whoami_as(&stranger.sign(&header, &old)).await;
        assert_problem(&refused, 401, "token_invalid");
    }
    stack.resource.whoami_as(&issuer.token()).await.expect(200);
    let new: Vec<String> = stack.resource.log().lines().skip(before).map(str::to_owned).collect();
    // If the good tokens fall into other seconds than the bad ones, this line is right.
    let others: Vec<&String> = new.iter().filter(|line| !line.contains("no access token is accepted")).collect();
    assert_eq!(others, [""; 0], "{new:#?}");
}

#[cfg(unix)]
#[tokio::test]
async fn an_odd_file_in_the_place_of_the_pinned_keys_is_reported_and_hangs_nothing() {
    for odd in ["pipe", "device", "directory", "nothing"] {
        let mut stack = Stack::any().prepare();
        let path = stack.directory().join("keys.pem");
        match odd {
            "pipe" => assert!(Command::new("mkfifo").arg(&path).status().expect("mkfifo is installed").success()),
            "device" => std::os::unix::fs::symlink("/dev/zero", &path).expect("our own directory"),
            "directory" => fs::create_dir(&path).expect("our own directory"),
            _ => {}
        }
        stack.resource.set("RESOURCE_JWKS_FILE", &path.to_string_lossy());
        stack.resource.spawn();
        is_logged(&stack.resource, &["ERROR", "cannot read the pinned file"]).await;
        let issuer = Issuer::new(&stack.auth.url());
        let answer = eventually("it answers", TIMEOUT, || async {
            stack.resource.get("/whoami").bearer(&issuer.token()).try_send().await.ok()
        });
        assert_problem(&answer.await, 503, "unavailable");
        assert!(stack.resource.stop().success(), "SIGTERM ends it: {odd}");
    }
}
