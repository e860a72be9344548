//! The resource server: serves protected data and verifies access tokens offline, with nothing but the published
//! public keys.

pub mod agreement;
pub mod app;
pub mod books;
pub mod cli;
pub mod config;
pub mod doctor;
pub mod http;
pub mod metrics;
pub mod refusals;
