//! Logs: to stderr, human-readable on a terminal and JSON elsewhere; and the moment from which things are counted.

use crate::metrics;
use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;

/// Starts logging, and takes down when the process began. `RUST_LOG` chooses what is logged; without it, `info`.
pub fn start() {
    metrics::started();
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,actix_server=warn,sqlx=warn"));
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if std::io::stderr().is_terminal() {
        logs.with_target(false).init();
    } else {
        logs.json().flatten_event(true).with_span_list(false).init();
    }
}
