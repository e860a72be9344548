//! `cargo xtask test --compose`: the images, then the tests against stacks of `docker-compose.yml`.

use crate::{
    commands::{binaries, cargo, output, run, step, workspace},
    counted::run_and_count,
    tests::{Faults, at_least_one, provide_servers},
};
use harness::containers::compose_program;
use std::process::Command;

/// Stacks that run at the same time: they wait more than they work.
const STACKS: &str = "--test-threads=4";

/// What docker-compose.yml does not have.
const OTHER_STORAGE: [(&str, &str); 4] = [
    ("embedded", "docker-compose.yml has Redis and PostgreSQL"),
    ("redis_and_sqlite::", "docker-compose.yml has Redis and PostgreSQL"),
    ("cluster::", "docker-compose.yml has one Redis"),
    ("sentinel::", "docker-compose.yml has one Redis"),
];

/// The tests that have nothing to do with containers or cannot run in them, each with its reason.
const NOT_IN_CONTAINERS: [(&str, &str); 5] = [
    ("bit_flips::", "counts what is asked of stores on this machine"),
    (
        "doctor::a_healthy_service_is_told_notes_at_most",
        "is about SQLite; of containers: the_doctor_finds_nothing_wrong",
    ),
    ("doctor::a_postgres_that_may_lose_data_is_the_only_warning", "the PostgreSQL of docker-compose.yml loses nothing"),
    ("doctor::a_wrong_public_url_is_told_by_what_answers_there", "asks other ports of this machine, from within"),
    ("doctor::clients_behind_a_proxy_are_told_apart_once_it_is_trusted", "asks a proxy on this machine, from within"),
];

/// Those that nobody has made run in containers yet; with processes they do. What stands here is to be tried, and taken out.
const NOT_TRIED_IN_CONTAINERS: [&str; 27] = [
    "authority::",
    "availability::",
    "connections::",
    "files::",
    "gateway::",
    "installations::",
    "key_server::",
    "operators::",
    "output::",
    "proxies::",
    "registration::",
    "resource_doctor::",
    "roles::",
    "tls_proxy::",
    "thief::",
    "doctor::the_doctor_says_what_is_wrong_with_a_certificate_or_a_scheme",
    "health::a_postgres_user_without_a_right_that_requests_need_is_not_ready",
    "health::a_redis_that_is_a_replica_or_forbids_what_is_needed_is_not_ready",
    "health::a_redis_that_refuses_the_password_is_reported_once_with_the_setting",
    "health::an_sqlite_file_that_another_process_holds_is_not_ready",
    "lost_stores::redis_and_postgres::after_a_wipe_a_token_of_long_ago_is_found_out_even_right_after_a_refresh",
    "origins::",
    "passwords::a_password_does_not_depend_on_how_its_letters_are_composed",
    "passwords::redis_and_postgres::what_comes_after_all_sessions_have_ended_changes_nothing",
    "reuse::",
    "sessions::redis_and_postgres::the_list_does_not_show_that_a_session_was_just_refreshed",
    "throttling::behind_a_proxy_that_is_not_trusted_nobody_is_locked_out_from_afar",
];

/// What answers for containers, or why nothing does.
///
/// # Errors
/// One sentence.
pub(crate) fn engine() -> Result<(), String> {
    let version = output(Command::new("docker").args(["version", "--format", "{{.Server.Version}}"]));
    version.map_err(|error| format!("no Docker engine answers, so nothing runs in containers: {error}"))?;
    let missing = |error| format!("neither `docker compose` nor docker-compose is installed: {error}");
    output(compose().arg("version")).map(drop).map_err(missing)
}

/// Builds the images and runs the end-to-end tests and fault runs against them, with those of the containers themselves.
///
/// # Errors
/// One sentence: what is missing, or what failed.
pub(crate) fn run_all(faults: Faults, arguments: &[String]) -> Result<(), String> {
    engine()?;
    provide_servers()?;
    step("build the images", || run(compose().arg("build")))?;
    step("build the services", || run(&mut cargo(&["build", "-p", "auth-service", "-p", "resource-service"])))?;
    let own = step("containers: the tests of docker-compose.yml itself", || test("compose", &[], faults, arguments))?;
    let not_tried = NOT_TRIED_IN_CONTAINERS.map(|name| (name, "has not been tried in containers yet"));
    let skipped: Vec<_> = OTHER_STORAGE.into_iter().chain(NOT_IN_CONTAINERS).chain(not_tried).collect();
    let e2e = step("containers: the end-to-end tests", || test("e2e", &skipped, faults, arguments))?;
    let faults = step("containers: the fault runs", || test("faults", &skipped, faults, arguments))?;
    at_least_one([own, e2e, faults].into_iter().flatten().reduce(|all, ran| all + ran))
}

/// How many tests ran, if any were looked for.
fn test(target: &str, skipped: &[(&str, &str)], faults: Faults, arguments: &[String]) -> Result<Option<usize>, String> {
    let mut tests = cargo(&["test", "--package", "e2e", "--test", target, "--"]);
    tests.arg(STACKS);
    for (name, reason) in named(target, skipped)? {
        println!("    not in containers: {name} ({reason})");
        tests.args(["--skip", name]);
    }
    tests.env("JETON_STACK", "compose").env("JETON_BIN_DIR", binaries("debug")?).env("JETON_FAULTS", faults.name());
    run_and_count(tests.args(arguments))
}

/// Those that are tests of this target.
///
/// # Errors
/// When one is no test of any: it was renamed or is gone.
fn named<'a>(target: &str, skipped: &[(&'a str, &'a str)]) -> Result<Vec<(&'a str, &'a str)>, String> {
    let list = |target| output(&mut cargo(&["test", "--quiet", "--package", "e2e", "--test", target, "--", "--list"]));
    let (own, other) = (list(target)?, if target == "e2e" { list("faults")? } else { list("e2e")? });
    if let Some((name, _)) = skipped.iter().find(|(name, _)| !own.contains(name) && !other.contains(name)) {
        return Err(format!("xtask/src/compose.rs names {name}, and there is no such test"));
    }
    Ok(skipped.iter().copied().filter(|(name, _)| own.contains(name)).collect())
}

fn compose() -> Command {
    let [program, words @ ..] = compose_program() else { unreachable!("it has a name") };
    let mut compose = Command::new(program);
    compose.args(words).current_dir(workspace());
    compose
}
