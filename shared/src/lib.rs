//! What both services have in common beside the verifier: settings, errors as problem documents, the server, telemetry, OpenAPI
//! documents, and how a process starts and stops.

pub mod arguments;
pub mod body;
pub mod cors;
pub mod exposition;
pub mod files;
pub mod finding;
pub mod guard;
pub mod ids;
mod memory;
pub mod metrics;
pub mod observe;
pub mod openapi;
pub mod origin;
pub mod output;
pub mod paging;
pub mod problem;
pub mod seldom;
pub mod server;
pub mod settings;
pub mod telemetry;

/// The clock of the verifier is that of the services, too.
pub use jeton_verifier::clock;
