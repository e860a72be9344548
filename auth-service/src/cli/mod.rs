//! The command line: what operators do beside the service, whether or not it runs.

mod arguments;
mod confirm;
mod export;
mod import;
mod keys;
mod list;
mod mail;
mod password;
mod passwords;
mod report;
mod sessions;
mod users;

pub use arguments::command;

use self::report::Report;
use auth_service::{
    app::{self, Installation},
    config::Config,
    doctor,
    domain::secrets::RootSecret,
    http,
    storage::sql::Opening,
};
use clap::ArgMatches;
use serde_json::json;
use shared::{
    finding::{self, Finding},
    output::{complain, print},
    server,
};
use std::{env, pin::Pin};

/// The settings or the arguments are wrong.
const EXIT_SETTINGS: u8 = 2;
/// The command failed.
const EXIT_FAILED: u8 = 1;

/// Why a command failed.
pub struct Failure {
    code: u8,
    reason: String,
}

impl From<String> for Failure {
    fn from(reason: String) -> Self {
        Self { code: EXIT_FAILED, reason }
    }
}

/// Runs the chosen subcommand. Returns the exit status.
pub async fn run(matches: &ArgMatches) -> u8 {
    let (name, arguments) = innermost(matches);
    let is_json = arguments.try_get_one::<bool>("json").ok().flatten().copied().unwrap_or_default();
    let outcome = match name.as_str() {
        "doctor" => return see_doctor(matches, is_json).await,
        "user list" => users::list(matches, arguments, is_json).await,
        "users export" => export::export(matches, arguments).await,
        "users import" => match import::import(matches, arguments).await {
            // The result is printed even if it is not the one that was wished for.
            Ok((report, failure)) => report.print(is_json).map_err(Failure::from).and(failure.map_or(Ok(()), Err)),
            Err(failure) => Err(refused(failure, is_json)),
        },
        other => match carry_out(other, matches, arguments).await {
            Ok(report) => report.print(is_json).map_err(Failure::from),
            Err(failure) => Err(refused(failure, is_json)),
        },
    };
    outcome.map_or_else(fail, |()| 0)
}

/// The full name of the chosen subcommand, such as `user show`, and its arguments.
fn innermost(matches: &ArgMatches) -> (String, &ArgMatches) {
    let (mut name, mut arguments) = (Vec::new(), matches);
    while let Some((subcommand, its_arguments)) = arguments.subcommand() {
        name.push(subcommand);
        arguments = its_arguments;
    }
    (name.join(" "), arguments)
}

async fn carry_out(name: &str, matches: &ArgMatches, arguments: &ArgMatches) -> Result<Report, Failure> {
    match name {
        "secret" => Ok(secret()),
        "healthcheck" => healthcheck(matches),
        "passwords build" => passwords::build(arguments).await,
        "init" => init(matches).await,
        "user create" => users::create(&*change(matches).await?, arguments).await,
        "user show" => users::show(&*look(matches).await?, arguments).await,
        "user set-password" => users::set_password(&*change(matches).await?, arguments).await,
        "user set-roles" => users::set_roles(&*change(matches).await?, arguments).await,
        "user disable" => users::set_disabled(&*change(matches).await?, arguments, true).await,
        "user enable" => users::set_disabled(&*change(matches).await?, arguments, false).await,
        "user unlock" => users::unlock(&*change(matches).await?, arguments).await,
        "user delete" => users::delete(&*change(matches).await?, arguments).await,
        "sessions list" => sessions::list(&*look(matches).await?, arguments).await,
        "sessions end" => sessions::end(&*change(matches).await?, arguments).await,
        "sessions end-all" => sessions::end_all(&*change(matches).await?).await,
        "keys list" => keys::list(&*look(matches).await?).await,
        "keys rotate" => keys::rotate(&*change(matches).await?).await,
        "keys retire" => keys::retire(&*change(matches).await?, arguments).await,
        "keys revoke" => keys::revoke(&*change(matches).await?, arguments).await,
        "mail list" => mail::list(&*look(matches).await?).await,
        "mail show" => mail::show(&*look(matches).await?, arguments).await,
        "mail test" => {
            let config = Config::examine(matches, env::vars_os()).map_err(wrong_settings)?;
            mail::test(&config.mail.sending, arguments).await
        }
        other => Err(format!("there is no command {other:?}: see `auth-service --help`").into()),
    }
}

/// With `--json`, prints the failure on standard output as well.
fn refused(failure: Failure, is_json: bool) -> Failure {
    match is_json.then(|| print(json!({ "error": failure.reason }))) {
        Some(Err(reason)) => Failure { reason: format!("{}\n{reason}", failure.reason), ..failure },
        _ => failure,
    }
}

fn fail(failure: Failure) -> u8 {
    complain(&failure.reason);
    failure.code
}

/// The settings of an existing installation.
fn settings(matches: &ArgMatches) -> Result<Config, Failure> {
    Config::of_installation(matches, env::vars_os()).map_err(wrong_settings)
}

fn wrong_settings(mistakes: shared::settings::Mistakes) -> Failure {
    Failure { code: EXIT_SETTINGS, reason: mistakes.to_string() }
}

/// On the heap: without optimisation, the frame of a function holds a copy of everything that any of its branches awaits, and
/// those of commands are all on one stack.
type Boxed<'a, T> = Pin<Box<dyn Future<Output = Result<T, Failure>> + 'a>>;

/// For a command that changes nothing.
fn look(matches: &ArgMatches) -> Boxed<'_, Box<Installation>> {
    Box::pin(async { Ok(Box::new(Installation::open(settings(matches)?, Opening::Look).await?)) })
}

/// For a command that changes something.
fn change(matches: &ArgMatches) -> Boxed<'_, Box<Installation>> {
    Box::pin(async { Ok(Box::new(Installation::open(settings(matches)?, Opening::Update).await?)) })
}

fn secret() -> Report {
    let secret = RootSecret::generate();
    Report { json: json!({ "secret": *secret }), text: secret.to_string() }
}

fn healthcheck(matches: &ArgMatches) -> Result<Report, Failure> {
    let config = Config::examine(matches, env::vars_os()).map_err(wrong_settings)?;
    server::healthcheck(config.admin_listen, http::HEALTH_PROOF)?;
    Ok(Report::silent(json!({ "ready": true })))
}

/// Does what a start of the service does, without serving.
fn init(matches: &ArgMatches) -> Boxed<'_, Report> {
    Box::pin(async {
        let config = Config::read(matches, env::vars_os()).map_err(wrong_settings)?;
        app::assemble(config).await?;
        Ok(Report {
            text: "the installation is complete: the service can start".to_owned(),
            json: json!({ "ready": true }),
        })
    })
}

/// Reports wrong settings as findings, too.
async fn see_doctor(matches: &ArgMatches, is_json: bool) -> u8 {
    let findings = match Config::examine(matches, env::vars_os()) {
        Ok(config) => doctor::examine(config).await,
        Err(mistakes) => mistakes.to_string().lines().map(Finding::error).collect(),
    };
    let report = Report { text: finding::lines(&findings), json: finding::document(&findings) };
    report.print(is_json).map_or_else(|reason| fail(reason.into()), |()| finding::exit_code(&findings))
}
