//! Metrics of connections.

use crate::metrics::Counts;
use actix_http::error::DispatchError;
use prometheus_client::{
    metrics::{family::Family, gauge::Gauge},
    registry::Registry,
};
use std::{io::ErrorKind, sync::LazyLock};

/// A request head took too long.
pub(super) const SLOW_HEAD: &str = "slow_head";
/// A request head was too large.
pub(super) const LARGE_HEAD: &str = "large_head";
const SLOW_ANSWER: &str = "slow_answer";
const MALFORMED: &str = "malformed";
const BROKEN: &str = "broken";

/// Connections that were closed at once, by the limit that they met.
pub(super) static REFUSED: LazyLock<Counts> = LazyLock::new(|| Counts::by("limit", &["total", "address"]));

static ENDED: LazyLock<Counts> =
    LazyLock::new(|| Counts::by("reason", &[SLOW_HEAD, LARGE_HEAD, SLOW_ANSWER, MALFORMED, BROKEN]));

static OPEN: LazyLock<Family<[(&'static str, &'static str); 1], Gauge>> = LazyLock::new(Family::default);

/// Counts connections that are open, on a socket.
pub(super) fn opened(socket: &'static str, difference: i64) {
    OPEN.get_or_create(&[("socket", socket)]).inc_by(difference);
}

/// Counts a connection that was ended because of its client.
pub(super) fn count_ended(reason: &'static str) {
    ENDED.add(reason);
}

/// Counts the framework's error by its kind. Anybody can cause these errors: no line is logged.
pub(super) fn count_error(error: &DispatchError) {
    match error {
        DispatchError::Parse(_) => count_ended(MALFORMED),
        DispatchError::Io(error) if error.kind() == ErrorKind::TimedOut => count_ended(SLOW_ANSWER),
        DispatchError::Io(error) if error.kind() == ErrorKind::QuotaExceeded => {}
        _ => count_ended(BROKEN),
    }
}

/// Shows them.
pub(crate) fn show(registry: &mut Registry) {
    registry.register("connections_open", "Connections that are open, by socket", OPEN.clone());
    REFUSED.show(registry, "connections_refused", "Connections that were closed at once, by the limit that they met");
    ENDED.show(registry, "connections_ended", "Connections that were ended because of what their clients did");
}
