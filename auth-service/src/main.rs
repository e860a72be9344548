//! The auth-service program.

mod cli;

use auth_service::{app, config::Config};
use clap::ArgMatches;
use shared::{
    arguments,
    output::complain,
    server::{self, StopSignal},
    telemetry,
};

/// The settings are wrong.
const EXIT_SETTINGS: u8 = 2;

fn main() {
    let matches = arguments::read(cli::command());
    telemetry::start();
    if matches.subcommand().is_some() {
        server::run_to_exit(cli::run(&matches));
    }
    server::run_to_exit(serve(&matches))
}

/// The exit status.
async fn serve(matches: &ArgMatches) -> u8 {
    // Before anything that takes time.
    let stop_signal = StopSignal::listen();
    let config = match Config::read(matches, std::env::vars_os()) {
        Ok(config) => config,
        Err(mistakes) => {
            complain(mistakes);
            return EXIT_SETTINGS;
        }
    };
    match app::serve(config, stop_signal).await {
        Ok(()) => 0,
        Err(reason) => {
            complain(reason);
            1
        }
    }
}
