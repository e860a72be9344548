//! `cargo xtask test --compose`: the images, then the tests against stacks of `docker-compose.yml`.

use crate::{
    commands::{SERVICES, binaries, build, cargo, compose_program, output, run, step, workspace},
    counted::run_and_count,
    tests::{Faults, at_least_one, provide_servers},
};
use std::process::Command;

/// How many tests run at the same time. They wait for the engine more than they work, those of `docker-compose.yml` itself most
/// of all: for health checks.
fn at_once(target: &str) -> &'static str {
    if target == "compose" { "--test-threads=8" } else { "--test-threads=4" }
}

/// What docker-compose.yml does not have.
const OTHER_STORAGE: [(&str, &str); 4] = [
    ("embedded", "docker-compose.yml has Redis and PostgreSQL"),
    ("redis_and_sqlite::", "docker-compose.yml has Redis and PostgreSQL"),
    ("cluster::", "docker-compose.yml has one Redis"),
    ("sentinel::", "docker-compose.yml has one Redis"),
];

/// Tests about this machine, or something on it that containers do not see, each with its reason. All of them run with
/// processes.
const NOT_IN_CONTAINERS: [(&str, &str); 37] = [
    ("bit_flips::", "counts queries to stores on this machine"),
    ("files::", "is about the files of a process on this machine"),
    ("installations::", "is about databases and files of other programs on this machine"),
    ("output::", "is about the pipes of a process on this machine"),
    ("gateway::", "runs nginx and Caddy on this machine, in front of services on its loopback address"),
    ("revocations::caches::", "runs nginx on this machine, in front of a service on its loopback address"),
    ("revocations::restores::", "makes and drops databases on a server that other tests use"),
    (
        "revocations::waiting::readers_that_find_no_room",
        "has clients at several addresses, which the published port hides",
    ),
    ("proxies::", "runs nginx and Caddy on this machine, in front of services on its loopback address"),
    ("step_up_verify::nginx_", "runs nginx on this machine, in front of a service on its loopback address"),
    ("step_up_verify::caddy_", "runs Caddy on this machine, in front of a service on its loopback address"),
    ("tls_proxy::", "runs nginx and Caddy on this machine, in front of services on its loopback address"),
    ("key_server::each_new_reason", "the keys come from a server of this machine"),
    ("key_server::secrets_in_the_url", "the keys come from a server of this machine"),
    ("key_server::a_clock_that_is_off", "the keys come from a server of this machine"),
    ("key_server::tokens_with_unknown_keys", "the keys come from a server of this machine"),
    ("key_server::an_odd_file", "is about files of this machine"),
    ("resource_doctor::each_", "asks other ports of this machine, from within"),
    ("connections::a_soft_limit_of_open_files", "the limits of a container are those of the engine"),
    ("connections::with_few_open_files", "the limits of a container are those of the engine"),
    ("mail::", "the mail server is a process on this machine"),
    ("mailbox::the_mailbox_is_a_page", "the mailbox is shown to its own machine only"),
    ("mailbox::where_mails_are_sent", "the mail server is a process on this machine"),
    ("new_passwords::", "the lists of breached passwords are files and a server of this machine"),
    ("recovery::a_copy_of_the_database", "reads the file of a database on this machine"),
    ("operators::output_that_nobody_reads", "is about the pipes of a process on this machine"),
    ("new_devices::", "clients come from several addresses of this machine"),
    ("pages::a_folder_", "is about a folder of this machine"),
    ("imports::", "imports and exports read and write files of this machine"),
    ("doctor::a_healthy_service_gets_notes_at_most", "is about SQLite; for containers: the_doctor_finds_nothing_wrong"),
    ("doctor::a_postgres_that_may_lose_data_is_the_only_warning", "the PostgreSQL of docker-compose.yml loses nothing"),
    ("doctor::a_wrong_public_url_is_diagnosed_by_what_answers_there", "asks other ports of this machine, from within"),
    ("doctor::clients_behind_a_proxy_are_told_apart_once_it_is_trusted", "asks a proxy on this machine, from within"),
    ("doctor::the_doctor_says_what_is_wrong_with_a_certificate", "asks a proxy on this machine, from within"),
    ("health::a_postgres_user_without_a_right", "names PostgreSQL as this machine does"),
    ("health::a_redis_that_refuses_the_password", "begins with a Redis without a password"),
    ("health::an_sqlite_file_that_another_process_holds", "docker-compose.yml has PostgreSQL"),
];

/// Whether there is a Docker engine, or why nothing runs in containers.
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
    step("build the services", || build("debug", &SERVICES))?;
    let own = step("containers: the tests of docker-compose.yml itself", || test("compose", &[], faults, arguments))?;
    let skipped: Vec<_> = OTHER_STORAGE.into_iter().chain(NOT_IN_CONTAINERS).collect();
    let e2e = step("containers: the end-to-end tests", || test("e2e", &skipped, faults, arguments))?;
    let faults = step("containers: the fault runs", || test("faults", &skipped, faults, arguments))?;
    at_least_one([own, e2e, faults].into_iter().flatten().reduce(|all, ran| all + ran))
}

/// How many tests ran, if any were to run.
fn test(target: &str, skipped: &[(&str, &str)], faults: Faults, arguments: &[String]) -> Result<Option<usize>, String> {
    let mut tests = cargo(&["test", "--workspace", "--test", target, "--"]);
    tests.arg(at_once(target));
    for (name, reason) in named(target, skipped)? {
        println!("    not in containers: {name} ({reason})");
        tests.args(["--skip", name]);
    }
    tests.env("JETON_STACK", "compose").env("JETON_BIN_DIR", binaries("debug")?).env("JETON_FAULTS", faults.name());
    run_and_count(tests.args(arguments))
}

/// Those of the skipped that are tests of this target.
///
/// # Errors
/// When one is not a test of any target: it was renamed or is gone.
fn named<'a>(target: &str, skipped: &[(&'a str, &'a str)]) -> Result<Vec<(&'a str, &'a str)>, String> {
    let list = |target| output(&mut cargo(&["test", "--quiet", "--workspace", "--test", target, "--", "--list"]));
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
