//! auth-service: registers and logs in users, signs access tokens, keeps refresh sessions.

pub mod app;
pub mod breached_passwords;
pub mod config;
pub mod crypto;
pub mod doctor;
pub mod domain;
pub mod http;
pub mod machine;
pub mod mailing;
pub mod metrics;
pub mod pages;
pub mod storage;
