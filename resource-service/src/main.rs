//! The resource server's program.

use resource_service::{app, config::Config};
use std::process::ExitCode;

/// The settings are wrong.
const EXIT_SETTINGS: u8 = 2;

#[actix_web::main]
async fn main() -> ExitCode {
    shared::access_token::install_crypto();
    let flags = resource_service::config::command().get_matches();
    let environment =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let config = match Config::gather(&flags, environment) {
        Ok(config) => config,
        Err(mistakes) => {
            eprintln!("{mistakes}");
            return ExitCode::from(EXIT_SETTINGS);
        }
    };
    let outcome = match flags.subcommand_name() {
        Some("healthcheck") => shared::server::healthcheck(config.admin_listen),
        _ => app::serve(config).await,
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("{reason}");
            ExitCode::FAILURE
        }
    }
}
