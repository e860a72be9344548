//! The command line: what operators run beside the service, whether or not it is running.

use crate::{
    config::{CATALOG, Config},
    doctor, http,
};
use clap::{Arg, ArgAction, ArgMatches, Command};
use shared::{
    finding::{self, Finding},
    output::{complain, print},
    server, telemetry,
};
use std::env;

/// The settings are wrong.
const EXIT_SETTINGS: u8 = 2;
/// The command failed.
const EXIT_FAILED: u8 = 1;

/// The command line: a flag for each setting, and the subcommands.
#[must_use]
pub fn command() -> Command {
    let command = Command::new("resource-service")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Serves protected data; verifies access tokens offline. Without a subcommand, it serves.")
        .subcommand(Command::new("healthcheck").about("Exit with 0 if the running service is ready, else with 1"))
        .subcommand(
            Command::new("doctor")
                .about("Check the settings, the keys, the issuer and the books, and suggest fixes")
                .arg(Arg::new("json").long("json").action(ArgAction::SetTrue).help("Print one JSON document"))
                .after_help(doctor::EXIT_STATUS),
        );
    CATALOG.flags(command)
}

/// Runs the subcommand. Returns the exit status.
pub async fn run(flags: &ArgMatches) -> u8 {
    match flags.subcommand() {
        Some(("doctor", doctor)) => see_doctor(flags, doctor.get_flag("json")).await,
        _ => healthcheck(flags),
    }
}

/// The settings, or the exit status once their mistakes are reported.
///
/// # Errors
/// The exit status.
pub fn settings(flags: &ArgMatches) -> Result<Config, u8> {
    Config::gather(flags, env::vars_os()).map_err(|mistakes| {
        complain(mistakes);
        EXIT_SETTINGS
    })
}

/// The exit status for an outcome; what went wrong is reported.
#[must_use]
pub fn status(outcome: Result<(), String>) -> u8 {
    match outcome {
        Ok(()) => 0,
        Err(reason) => {
            complain(reason);
            EXIT_FAILED
        }
    }
}

fn healthcheck(flags: &ArgMatches) -> u8 {
    telemetry::start();
    match settings(flags) {
        Ok(config) => status(server::healthcheck(config.admin_listen, http::HEALTH_PROOF)),
        Err(status) => status,
    }
}

/// Wrong settings are findings as well.
async fn see_doctor(flags: &ArgMatches, is_json: bool) -> u8 {
    let findings = match Config::gather(flags, env::vars_os()) {
        Ok(config) => doctor::examine(config).await,
        Err(mistakes) => mistakes.to_string().lines().map(Finding::error).collect(),
    };
    let report = if is_json { finding::document(&findings).to_string() } else { finding::lines(&findings) };
    match print(report) {
        Ok(()) => finding::exit_code(&findings),
        failed => status(failed),
    }
}
