//! The resource server's program.

use clap::ArgMatches;
use resource_service::{app, config::Config, doctor, http};
use shared::{
    arguments,
    finding::{self, Finding},
    output::{complain, print},
    server::{self, StopSignal},
    telemetry,
};

/// The settings are wrong.
const EXIT_SETTINGS: u8 = 2;

fn main() {
    server::run_to_exit(run())
}

/// The exit status.
async fn run() -> u8 {
    let flags = arguments::read(resource_service::config::command());
    if let Some(("doctor", doctor)) = flags.subcommand() {
        return see_doctor(&flags, doctor.get_flag("json")).await;
    }
    let asks_for_health = flags.subcommand_name() == Some("healthcheck");
    telemetry::start();
    // Before anything that takes time.
    let stop_signal = (!asks_for_health).then(StopSignal::listen);
    let config = match Config::gather(&flags, std::env::vars_os()) {
        Ok(config) => config,
        Err(mistakes) => {
            complain(mistakes);
            return EXIT_SETTINGS;
        }
    };
    let outcome = match stop_signal {
        Some(stop_signal) => app::serve(config, stop_signal).await,
        None => server::healthcheck(config.admin_listen, http::HEALTH_PROOF),
    };
    match outcome {
        Ok(()) => 0,
        Err(reason) => {
            complain(reason);
            1
        }
    }
}

/// Wrong settings are findings as well.
async fn see_doctor(flags: &ArgMatches, is_json: bool) -> u8 {
    let findings = match Config::gather(flags, std::env::vars_os()) {
        Ok(config) => doctor::examine(config).await,
        Err(mistakes) => mistakes.to_string().lines().map(Finding::error).collect(),
    };
    let report = if is_json { finding::document(&findings).to_string() } else { finding::lines(&findings) };
    match print(report) {
        Ok(()) => finding::exit_code(&findings),
        Err(reason) => {
            complain(reason);
            1
        }
    }
}
