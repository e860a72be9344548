//! What is asked of new passwords, wherever one is set; and the lists of those that are known from breaches.

use crate::metrics::counted;
use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use harness::{
    Answer, Stack, Storage, Transport, assert_problem,
    command::{Ended, Run},
    eventually,
    person::{fresh_email, fresh_password},
    range_api::{Manner, RangeApi},
};
use serde_json::json;
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};
use tempfile::TempDir;
use tokio::time::timeout;

/// What no rule but the list forbids.
const BREACHED: &str = "grumpy-otter-42";

fn sha1(password: &str) -> String {
    let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes());
    hash.as_ref().iter().map(|byte| format!("{byte:02X}")).collect()
}

async fn build(directory: &Path, list: &str, more: &[&str]) -> Ended {
    let arguments = [&["passwords", "build", "--in", "-", "--out", "breached.filter"], more].concat();
    Run::new("auth-service", directory, &arguments).input(list).ended().await
}

/// A filter file that lists [`BREACHED`] and a few others.
async fn filter_in(directory: &Path) -> PathBuf {
    let list: String = ["one", "two", "three", BREACHED].map(|text| format!("{}:12\r\n", sha1(text))).concat();
    let ended = build(directory, &list, &[]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    directory.join("breached.filter")
}

/// What each way to set a password answers to this one: over HTTP, and on the command line.
async fn set_everywhere(stack: &Stack, password: &str) -> (Vec<(&'static str, Answer)>, Vec<(&'static str, Ended)>) {
    let (admin, ada) = (stack.admin().await, stack.ada().await);
    let user = json!({ "email": fresh_email("bob"), "password": password });
    let answers = vec![
        ("registration", stack.auth.register(&fresh_email("ada"), password).await),
        ("change", stack.auth.change_password(&ada.tokens, &ada.password, password).await),
        ("creation by an admin", stack.auth.create_user(&admin.tokens, &user).await),
    ];
    let input = format!("{password}\n");
    let (create, set) = (fresh_email("cleo"), ada.email.clone());
    let mut ended = Vec::new();
    for (way, arguments) in [
        ("user create", ["user", "create", "--email", &create]),
        ("user set-password", ["user", "set-password", &set, "--json"]),
    ] {
        ended.push((way, stack.auth.command(&arguments).input(&input).ended().await));
    }
    let directory = TempDir::new().expect("a directory");
    let first = Run::new("auth-service", directory.path(), &["init"]).envs(stack.auth.settings());
    let first = first.env("AUTH_DATABASE_URL", "sqlite://fresh/auth.db");
    ended.push(("the first admin", first.env("AUTH_ADMIN_PASSWORD", password).ended().await));
    (answers, ended)
}

#[tokio::test]
async fn a_breached_password_is_refused_wherever_one_is_set() {
    let directory = TempDir::new().expect("a directory");
    let filter = filter_in(directory.path()).await;
    let stack = Stack::on(Storage::Embedded);
    let stack = stack.auth("AUTH_BREACHED_PASSWORDS", &filter.to_string_lossy()).start_auth().await;
    let (answers, ended) = set_everywhere(&stack, BREACHED).await;
    for (way, answer) in answers {
        eprintln!("{way}");
        assert_problem(&answer, 422, "password_breached");
        assert!(answer.json["detail"].as_str().is_some_and(|detail| detail.contains("choose another one")), "{answer}");
    }
    for (way, ended) in ended {
        assert!(ended.code == Some(1) && ended.errors.contains("known from a data breach"), "{way}: {ended:?}");
        assert!(!format!("{ended:?}").contains(BREACHED), "{way}: {ended:?}");
    }
    let (answers, ended) = set_everywhere(&stack, &format!("{BREACHED}, really")).await;
    assert!(answers.iter().all(|(_, answer)| (200..300).contains(&answer.status)), "{answers:?}");
    assert!(ended.iter().all(|(_, ended)| ended.code == Some(0)), "{ended:?}");
    assert_eq!(counted(&stack.auth, r#"breached_password_checks_total{outcome="breached"}"#).await, 3.0);
}

#[tokio::test]
async fn as_many_characters_as_the_settings_say_are_asked_for_wherever_a_password_is_set() {
    for (setting, value) in [("AUTH_PASSWORD_MIN", "15"), ("AUTH_PASSWORD_POLICY", "nist")] {
        let stack = Stack::on(Storage::Embedded).auth(setting, value).start_auth().await;
        let (answers, ended) = set_everywhere(&stack, &BREACHED[1..]).await;
        for (way, answer) in answers {
            eprintln!("{way}");
            assert_problem(&answer, 422, "weak_password");
            assert!(answer.body.contains("15 to 256 characters"), "{answer}");
        }
        for (way, ended) in ended {
            assert!(ended.code == Some(1) && ended.errors.contains("15 to 256 characters"), "{way}: {ended:?}");
        }
        let (answers, ended) = set_everywhere(&stack, BREACHED).await;
        assert!(answers.iter().all(|(_, answer)| (200..300).contains(&answer.status)), "{answers:?}");
        assert!(ended.iter().all(|(_, ended)| ended.code == Some(0)), "{ended:?}");
    }
}

#[tokio::test]
async fn words_of_the_company_make_no_password_wherever_one_is_set() {
    let stack = Stack::on(Storage::Embedded).auth("AUTH_PASSWORD_WORDS", "Quuxcorp, frobnicator").start_auth().await;
    let (answers, ended) = set_everywhere(&stack, "Quuxcorp2026").await;
    for (way, answer) in answers {
        eprintln!("{way}");
        assert_problem(&answer, 422, "weak_password");
    }
    assert!(
        ended.iter().all(|(_, ended)| ended.code == Some(1) && ended.errors.contains("easy to guess")),
        "{ended:?}"
    );
}

#[tokio::test]
async fn a_password_that_was_set_before_the_rules_still_logs_in() {
    let mut stack = Stack::on(Storage::Embedded).start_auth().await;
    let email = fresh_email("ada");
    stack.auth.register(&email, BREACHED).await.expect(201);
    let filter = filter_in(stack.directory()).await;
    stack.auth.set("AUTH_BREACHED_PASSWORDS", &filter.to_string_lossy());
    stack.auth.set("AUTH_PASSWORD_MIN", "64");
    stack.auth.set("AUTH_PASSWORD_WORDS", BREACHED);
    stack.auth.restart().await;
    stack.auth.login(&email, BREACHED, Transport::Body).await.tokens();
}

#[tokio::test]
async fn with_hibp_a_breached_password_is_refused_and_an_outage_refuses_nobody() {
    let api = RangeApi::start(Manner::Well, &[(sha1(BREACHED), 3)]);
    let stack = Stack::on(Storage::Embedded).auth("AUTH_BREACHED_PASSWORDS", "hibp");
    let stack = stack.auth("AUTH_BREACHED_PASSWORDS_URL", &api.url()).start_auth().await;
    let asked = api.received().len();
    assert_problem(&stack.auth.register(&fresh_email("ada"), BREACHED).await, 422, "password_breached");
    stack.auth.register(&fresh_email("ada"), &fresh_password()).await.expect(201);
    assert_eq!(api.received().len(), asked + 2);
    assert_problem(&stack.auth.register(&fresh_email("ada"), "password").await, 422, "weak_password");
    let ada = stack.ada().await;
    let asked = api.received().len();
    stack.auth.login(&ada.email, &ada.password, Transport::Body).await.tokens();
    stack.auth.login(&ada.email, BREACHED, Transport::Body).await;
    assert_eq!(api.received().len(), asked, "nothing is asked at a login, nor about what is weak anyway");

    for manner in [Manner::Silent, Manner::Drips, Manner::HangsUp, Manner::Status(500)] {
        api.becomes(manner);
        for _ in 0..2 {
            // Ten times as long as it may take: the machine may be busy.
            let email = fresh_email("ada");
            let registered = stack.auth.register(&email, BREACHED);
            timeout(Duration::from_secs(10), registered).await.expect("an outage costs a second").expect(201);
        }
    }
    assert_eq!(counted(&stack.auth, r#"breached_password_checks_total{outcome="unanswered"}"#).await, 8.0);
    let lines = |words: &str| stack.auth.log().lines().filter(|line| line.contains(words)).count();
    let warned = "the list of breached passwords does not answer";
    eventually("the reasons are logged", Duration::from_secs(10), async || (lines(warned) >= 3).then_some(())).await;
    assert_eq!(lines(warned), 3, "each reason once: {}", stack.auth.log());
    assert_eq!(lines(&sha1(BREACHED)[..5]), 0);
}

#[tokio::test]
async fn a_filter_file_that_is_damaged_or_missing_stops_the_start() {
    let directory = TempDir::new().expect("a directory");
    let filter = filter_in(directory.path()).await;
    let whole = fs::read(&filter).expect("our own file");
    let damaged = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        bytes
    };
    let start = |more: &'static str| {
        let run = Run::new("auth-service", directory.path(), &[]).env("AUTH_LISTEN", "127.0.0.1:0");
        let run = run.env("AUTH_ADMIN_LISTEN", "127.0.0.1:0").env("AUTH_BREACHED_PASSWORDS", "breached.filter");
        if more.is_empty() { run } else { run.env("AUTH_PASSWORD_MIN", more) }
    };
    for (bytes, words) in [
        (whole[..whole.len() - 2].to_vec(), "build it again"),
        (damaged(whole.len() - 1), "it is damaged"),
        (damaged(60), "it is damaged"),
        (b"5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8:1\n".repeat(9), "not a filter"),
        (Vec::new(), "not a filter"),
    ] {
        fs::write(&filter, bytes).expect("our own file");
        let ended = start("").ended().await;
        assert!(ended.code.is_some_and(|code| code != 0), "{ended:?}");
        for words in ["AUTH_BREACHED_PASSWORDS: breached.filter: ", words] {
            assert!(ended.errors.contains(words), "{words}: {ended:?}");
        }
        assert!(!directory.path().join("data/auth.db").exists(), "no installation was made: {words}");
    }
    fs::remove_file(&filter).expect("our own file");
    let ended = start("3").ended().await;
    assert_eq!(ended.code, Some(2), "{ended:?}");
    for words in
        ["AUTH_BREACHED_PASSWORDS: breached.filter: cannot read it", "AUTH_PASSWORD_MIN: must be a number from 8 to 64"]
    {
        assert!(ended.errors.contains(words), "all mistakes at once: {words}: {ended:?}");
    }
}

#[tokio::test]
async fn a_list_becomes_a_filter_file_or_an_error_that_leaves_the_old_one() {
    let directory = TempDir::new().expect("a directory");
    let filter = filter_in(directory.path()).await;
    let before = fs::read(&filter).expect("our own file");
    for (list, more, words) in [
        ("nonsense\n".to_owned(), &[][..], "line 1 is not SHA1:COUNT"),
        (format!("{}:9\n", sha1("one")), &[], "seen 10 times or more"),
        (String::new(), &[], "none of the 0 lines"),
        (String::new(), &["--json"], "none of the 0 lines"),
    ] {
        let ended = build(directory.path(), &list, more).await;
        assert!(ended.code == Some(1) && ended.errors.contains(words), "{ended:?}");
        assert_eq!(fs::read(&filter).expect("our own file"), before);
    }
    let lists = [(1, 3), (2, 2), (3, 1)].map(|(min_count, kept)| {
        let list = format!("{}:1\n{}:2\r\n{}:3", sha1("one"), sha1("two"), sha1("three").to_lowercase());
        (min_count.to_string(), kept, list)
    });
    for (min_count, kept, list) in lists {
        fs::write(directory.path().join("pwned.txt"), &list).expect("our own directory");
        let arguments =
            ["passwords", "build", "--in", "pwned.txt", "--out", "other.filter", "--min-count", &min_count, "--json"];
        let ended = Run::new("auth-service", directory.path(), &arguments).ended().await;
        let report: serde_json::Value = serde_json::from_str(&ended.output).unwrap_or_else(|_| panic!("{ended:?}"));
        assert_eq!((&report["passwords"], &report["one_false_alarm_in"]), (&json!(kept), &json!(65_536)), "{report}");
        assert!(ended.errors.contains(&format!("3 lines read, {kept} passwords kept")), "{ended:?}");
    }
    let wrong =
        Run::new("auth-service", directory.path(), &["passwords", "build", "--in", "pwned.txt", "--out", "no/filter"]);
    let ended = wrong.ended().await;
    assert!(ended.code == Some(1) && ended.errors.contains("--out: cannot write no/filter"), "{ended:?}");
}

#[tokio::test]
async fn a_build_that_is_interrupted_leaves_no_file() {
    let directory = TempDir::new().expect("a directory");
    let mut command = Command::new(harness::binaries::path_of("auth-service"));
    command.args(["passwords", "build", "--in", "-", "--out", "breached.filter"]).env_clear();
    let mut child =
        command.current_dir(&directory).stdin(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
    let signals = format!("/proc/{}/status", child.id());
    eventually("it handles the signal", Duration::from_secs(10), async || {
        let status = fs::read_to_string(&signals).expect("it runs");
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"))?;
        let caught = u64::from_str_radix(caught.trim(), 16).expect("a mask");
        (caught >> (libc::SIGINT - 1) & 1 == 1).then_some(())
    })
    .await;
    let id = i32::try_from(child.id()).expect("ids are small");
    #[expect(unsafe_code, reason = "kill(2) has no safe form in std")]
    // SAFETY: the child has not been waited for, so the id is still its own.
    let sent = unsafe { libc::kill(id, libc::SIGINT) };
    assert_eq!(sent, 0);
    let status = eventually("it ends", Duration::from_secs(10), || {
        let ended = child.try_wait().expect("our own child");
        async move { ended }
    })
    .await;
    assert_eq!(status.code(), Some(1));
    assert_eq!(fs::read_dir(&directory).expect("our own directory").count(), 0);
}

#[tokio::test]
async fn the_doctor_says_whether_breached_passwords_are_looked_up() {
    let api = RangeApi::start(Manner::Well, &[(sha1("password"), 3)]);
    let mut stack = Stack::on(Storage::Embedded).start_auth().await;
    let filter = filter_in(stack.directory()).await.to_string_lossy().into_owned();
    let url = api.url();
    let says = async |stack: &Stack, list: &str, words: &str| {
        let run = stack.auth.command(&["doctor"]).env("AUTH_BREACHED_PASSWORDS", list);
        let run = if list == "hibp" { run.env("AUTH_BREACHED_PASSWORDS_URL", &url) } else { run };
        let ended = run.ended().await;
        assert!(ended.output.lines().any(|line| line.starts_with(words)), "{words}: {ended:?}");
    };
    says(&stack, "off", "note     new passwords are not looked up").await;
    says(&stack, &filter, "ok       new passwords are looked up among breached ones: 4 passwords").await;
    says(&stack, "hibp", "ok       new passwords are looked up among the breached ones of 127.0.0.1").await;
    api.becomes(Manner::Garbage);
    says(
        &stack,
        "hibp",
        "warning  AUTH_BREACHED_PASSWORDS: 127.0.0.1 cannot be asked about breached passwords: its answer is not",
    )
    .await;
    drop(api);
    let empty = RangeApi::start(Manner::Well, &[]);
    stack.auth.set("AUTH_BREACHED_PASSWORDS_URL", &empty.url());
    let ended = stack.auth.command(&["doctor"]).env("AUTH_BREACHED_PASSWORDS", "hibp").ended().await;
    assert!(ended.output.contains("127.0.0.1 does not list \"password\""), "{ended:?}");
    stack.auth.unset("AUTH_BREACHED_PASSWORDS_URL");
    let mut bytes = fs::read(&filter).expect("our own file");
    *bytes.last_mut().expect("it is not empty") ^= 1;
    fs::write(&filter, bytes).expect("our own file");
    says(&stack, &filter, "error    AUTH_BREACHED_PASSWORDS: ").await;
}
