//! `GET /metrics`: everything that both services count, in the text format of OpenMetrics, which Prometheus reads.

use crate::{metrics, server, telemetry};
use actix_web::{HttpResponse, http::header};
use prometheus_client::{encoding::text::encode, metrics::counter::ConstCounter, registry::Registry};

/// A registry with what both services count; names begin with `jeton_`.
#[must_use]
pub fn registry() -> Registry {
    let mut registry = Registry::with_prefix("jeton");
    metrics::show(&mut registry);
    let help = "Log lines that could not be written";
    registry.register("log_lines_lost", help, ConstCounter::new(telemetry::lost_lines()));
    server::show_metrics(&mut registry);
    registry
}

/// The answer of `GET /metrics`.
#[must_use]
pub fn exposed(registry: &Registry) -> HttpResponse {
    let mut text = String::new();
    if encode(&mut text, registry).is_err() {
        return HttpResponse::InternalServerError().finish();
    }
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8"))
        .body(text)
}
