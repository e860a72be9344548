//! Logs: to stderr, human-readable on a terminal and JSON elsewhere; and the start of counting.

mod line_writer;

use crate::metrics;
use line_writer::LineWriter;
use std::{
    env,
    ffi::OsString,
    io::{self, IsTerminal},
    panic,
    sync::OnceLock,
    time::Duration,
};
use tracing_subscriber::{EnvFilter, filter::LevelFilter};

/// What is logged without `RUST_LOG`.
const USUAL: &str = "info";

/// What is logged of these targets at most, unless `RUST_LOG` names them. `actix_http` logs as ERROR what any stranger
/// can send: that is counted instead (`jeton_connections_ended`). `sqlx_postgres` warns of parameters that it does not
/// know, with their values.
const CAPS: [(&str, LevelFilter); 4] = [
    ("actix_http", LevelFilter::OFF),
    ("actix_server", LevelFilter::WARN),
    ("sqlx", LevelFilter::WARN),
    ("sqlx_postgres::options::parse", LevelFilter::OFF),
];

/// How long the end of a process waits for its last lines to be written.
const LAST_LINES: Duration = Duration::from_millis(500);

static LINES: OnceLock<LineWriter> = OnceLock::new();

/// Starts logging, and records when the process began. `RUST_LOG` chooses what is logged; without it, or if it cannot
/// be read, `info`. Whatever happens to stderr, logging neither fails nor waits.
pub fn start() {
    metrics::started();
    let (filter, complaint) = chosen(env::var_os("RUST_LOG").unwrap_or_default());
    let lines = LINES.get_or_init(|| LineWriter::start(io::stderr()));
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(move || lines);
    if io::stderr().is_terminal() {
        logs.with_target(false).init();
    } else {
        logs.json().flatten_event(true).with_span_list(false).init();
    }
    if let Some(reason) = complaint {
        tracing::warn!(reason, "RUST_LOG cannot be read, and is ignored: write it as `debug` or `info,sqlx=debug`");
    }
    panic::set_hook(Box::new(|panic| {
        tracing::error!("{panic}");
        flush();
    }));
}

/// The filter that a value of `RUST_LOG` chooses, and what is wrong with the value.
fn chosen(value: OsString) -> (EnvFilter, Option<String>) {
    let read = value.into_string().map_err(|_| "it is not UTF-8 text".to_owned());
    let read = read.and_then(|text| {
        let text = if text.trim().is_empty() { USUAL } else { text.trim() };
        EnvFilter::try_new(capped(text)).map_err(|error| error.to_string())
    });
    match read {
        Ok(filter) => (filter, None),
        Err(reason) => (EnvFilter::new(capped(USUAL)), Some(reason)),
    }
}

/// These directives after the caps. Of two directives for one target, the later one holds.
fn capped(directives: &str) -> String {
    let mut levels = directives.rsplit(',').map(str::trim).filter(|directive| !directive.is_empty());
    let of_all = levels.find_map(|level| level.parse().ok()).unwrap_or(LevelFilter::OFF);
    let caps = CAPS.iter().filter(|(_, level)| *level < of_all).map(|(target, level)| format!("{target}={level}"));
    caps.chain([directives.to_owned()]).collect::<Vec<_>>().join(",")
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};
    use tracing_subscriber::fmt::MakeWriter;

    /// What is logged, in memory.
    #[derive(Default, Clone)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("nobody panics").write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl MakeWriter<'_> for Log {
        type Writer = Self;

        fn make_writer(&self) -> Self {
            self.clone()
        }
    }

    /// Which of some lines are logged with this `RUST_LOG`.
    fn logged(value: &str) -> Vec<String> {
        let log = Log::default();
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter(chosen(value.into()).0)
            .with_writer(log.clone())
            .with_level(false)
            .with_target(false)
            .without_time()
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            tracing::error!(target: "actix_http::h1::dispatcher", "stranger");
            tracing::info!(target: "actix_server::builder", "workers");
            tracing::info!(target: "sqlx::query", "quick");
            tracing::warn!(target: "sqlx::query", "slow");
            tracing::warn!(target: "sqlx_postgres::options::parse", "unknown parameter");
            tracing::info!(target: "resource_service::app", "listens");
            tracing::debug!(target: "resource_service::app", "detail");
        });
        let lines = log.0.lock().expect("nobody panics").clone();
        String::from_utf8(lines).expect("text").lines().map(|line| line.trim().to_owned()).collect()
    }

    #[test]
    fn strangers_write_no_lines_unless_rust_log_names_the_target() {
        assert_eq!(logged(""), ["slow", "listens"]);
        assert_eq!(logged("info"), ["slow", "listens"]);
        assert_eq!(logged("info,"), ["slow", "listens"]);
        assert_eq!(logged(" DEBUG "), ["slow", "listens", "detail"]);
        assert_eq!(logged("trace,resource_service=info"), ["slow", "listens"]);
        assert_eq!(logged("info,actix_http=error"), ["stranger", "slow", "listens"]);
        assert_eq!(logged("actix_http"), ["stranger"]);
        assert_eq!(logged("info,actix_http::h1=debug"), ["stranger", "slow", "listens"]);
        assert_eq!(logged("info,actix_server=info"), ["workers", "slow", "listens"]);
    }

    #[test]
    fn a_cap_lets_nothing_through_that_rust_log_does_not() {
        assert_eq!(logged("off"), [""; 0]);
        assert_eq!(logged("error"), [""; 0]);
        assert_eq!(logged("resource_service=debug"), ["listens", "detail"]);
    }

    #[test]
    fn an_unreadable_value_is_reported_and_logging_is_as_usual() {
        for wrong in ["info,sqlx=loud", "[", "a=b=c"] {
            let (_, complaint) = chosen(wrong.into());
            assert!(complaint.is_some(), "{wrong}");
            assert_eq!(logged(wrong), ["slow", "listens"], "{wrong}");
        }
        assert_eq!(chosen("debug,sqlx=info".into()).1, None);
        #[cfg(unix)]
        {
            let bytes = std::os::unix::ffi::OsStringExt::from_vec(vec![0xFF]);
            assert_eq!(chosen(bytes).1.as_deref(), Some("it is not UTF-8 text"));
        }
    }
}
