//! The resource server's program.

use resource_service::{app, config::Config};
use shared::{
    output::complain,
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
    let flags = resource_service::config::command().get_matches();
    let asks_for_health = flags.subcommand_name() == Some("healthcheck");
    telemetry::start();
    // Before anything that takes time.
    let stop_signal = (!asks_for_health).then(StopSignal::listen);
    shared::access_token::install_crypto();
    let config = match Config::gather(&flags, std::env::vars_os()) {
        Ok(config) => config,
        Err(mistakes) => {
            complain(mistakes);
            return EXIT_SETTINGS;
        }
    };
    let outcome = match stop_signal {
        Some(stop_signal) => app::serve(config, stop_signal).await,
        None => server::healthcheck(config.admin_listen),
    };
    match outcome {
        Ok(()) => 0,
        Err(reason) => {
            complain(reason);
            1
        }
    }
}
