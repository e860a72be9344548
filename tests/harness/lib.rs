//! A running Jeton for tests: the real processes, the servers they need, people who use it, and forged tokens.
//!
//! ```no_run
//! # async fn example() {
//! use harness::{Stack, Storage};
//! let stack = Stack::on(Storage::RedisAndPostgres).start().await;
//! let ada = stack.ada().await; // registered and logged in over HTTP
//! let answer = stack.books(&ada.tokens).await;
//! assert_eq!(answer.status, 200, "{answer}");
//! # }
//! ```
//!
//! Sockets are bound here and handed over, so that no test waits for a "free port, hopefully"; whatever was started
//! ends with the test process, also when that is killed.

pub mod answer;
pub mod authenticator;
mod authenticator_app;
pub mod binaries;
pub mod browser;
mod caddy;
pub mod challenge;
pub mod chromium;
pub mod command;
pub mod containers;
mod documented;
pub mod eventually;
pub mod gateway;
pub mod http;
mod installation;
pub mod lateness;
mod local;
mod nginx;
pub mod pages;
pub mod person;
pub mod pgbouncer;
pub mod postgres;
pub mod process;
pub mod prometheus;
pub mod proxy;
pub mod range_api;
pub mod raw;
pub mod readings;
pub mod redis;
mod runner;
pub mod secrets;
pub mod service;
pub mod site;
pub mod smtp;
pub mod sockets;
pub mod stack;
pub mod storage;
pub mod tls_proxy;
pub mod tokens;
mod warden;
pub mod wire;

pub use answer::{Answer, assert_problem};
pub use authenticator_app::AuthenticatorApp;
pub use challenge::{Challenge, StepUp};
pub use eventually::eventually;
pub use gateway::Gateway;
pub use http::{Http, Request};
pub use person::Person;
pub use prometheus::Prometheus;
pub use readings::Reading;
pub use site::Site;
pub use smtp::MailServer;
pub use stack::{Stack, StackBuilder};
pub use storage::Storage;
pub use tls_proxy::TlsProxy;
pub use tokens::{Tokens, Transport};

/// Forged, foreign and damaged tokens.
pub use testkit as forge;
