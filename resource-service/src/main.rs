//! The resource server's program.

use resource_service::{app, config::Config};
use shared::server::{self, StopSignal};

/// The settings are wrong.
const EXIT_SETTINGS: u8 = 2;

fn main() {
    server::run_to_exit(run())
}

/// The exit status.
async fn run() -> u8 {
    let flags = resource_service::config::command().get_matches();
    let asks_for_health = flags.subcommand_name() == Some("healthcheck");
    // Before anything that takes time.
    let stop_signal = (!asks_for_health).then(StopSignal::listen);
    shared::access_token::install_crypto();
    let environment =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let config = match Config::gather(&flags, environment) {
        Ok(config) => config,
        Err(mistakes) => {
            eprintln!("{mistakes}");
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
            eprintln!("{reason}");
            1
        }
    }
}
