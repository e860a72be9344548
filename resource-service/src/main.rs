//! The resource server's program.

use clap::ArgMatches;
use resource_service::{app, cli};
use shared::{
    arguments,
    server::{self, StopSignal},
    telemetry,
};

fn main() {
    let flags = arguments::read(cli::command());
    if flags.subcommand().is_some() {
        server::run_to_exit(cli::run(&flags));
    }
    server::run_to_exit(serve(&flags))
}

/// The exit status.
async fn serve(flags: &ArgMatches) -> u8 {
    telemetry::start();
    // Before anything that takes time.
    let stop_signal = StopSignal::listen();
    match cli::settings(flags) {
        Ok(config) => cli::status(app::serve(config, stop_signal).await),
        Err(status) => status,
    }
}
