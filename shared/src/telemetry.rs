//! Logs: to stderr, human-readable on a terminal and JSON elsewhere; and the moment from which things are counted.

mod line_writer;

use crate::metrics;
use line_writer::LineWriter;
use std::{
    io::{self, IsTerminal},
    panic,
    sync::OnceLock,
    time::Duration,
};
use tracing_subscriber::EnvFilter;

/// What is logged unless `RUST_LOG` says otherwise. `actix_http` calls an ERROR what any stranger can send: that is counted instead
/// (`jeton_connections_ended`).
const FILTER: &str = "info,actix_server=warn,actix_http=off,sqlx=warn";

/// How long the end of a process waits for its last lines to be taken.
const LAST_LINES: Duration = Duration::from_millis(500);

static LINES: OnceLock<LineWriter> = OnceLock::new();

/// Starts logging, and takes down when the process began. `RUST_LOG` chooses what is logged; without it, `info`. Whatever becomes of
/// stderr, nobody who logs fails or waits.
pub fn start() {
    metrics::started();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(FILTER));
    let lines = LINES.get_or_init(|| LineWriter::start(io::stderr()));
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(move || lines);
    if io::stderr().is_terminal() {
        logs.with_target(false).init();
    } else {
        logs.json().flatten_event(true).with_span_list(false).init();
    }
    panic::set_hook(Box::new(|panic| {
        tracing::error!("{panic}");
        flush();
    }));
}

/// Waits, for half a second at most, until what has been logged is written.
pub fn flush() {
    if let Some(lines) = LINES.get() {
        lines.flush(LAST_LINES);
    }
}

/// How many lines could not be written.
pub(crate) fn lost_lines() -> u64 {
    LINES.get().map_or(0, LineWriter::lost)
}
