//! What both services, and any other Rust service, agree on: access tokens and the only way to get a verified one,
//! the request guards, errors as problem documents, settings, and how a process starts and stops.

pub mod arguments;
pub mod body;
pub mod cors;
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

pub use jeton_verifier::{self as access_token, clock};
