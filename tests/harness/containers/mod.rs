//! Containers instead of processes: with `JETON_STACK=compose`, a stack is a project as docker-compose makes it of
//! `docker-compose.yml`, with its own names, ports, networks and volumes. `cargo xtask test --compose` builds the images
//! first.
//!
//! docker-compose itself makes one project for each test process (`pattern.rs`), and those of [`Shipped`]. The others are
//! copied from what the engine says of it: the same images, users, limits, networks and settings, sooner.
//! The services of a stack are always new; its stores are emptied and go to the next one (`stores.rs`), unless the test
//! has changed more than data in them.

mod compose;
mod docker;
mod engine;
mod pattern;
mod ports;
mod project;
mod redis;
mod service;
mod shipped;
mod stores;

pub use self::{compose::compose_program, shipped::Shipped};
pub(crate) use self::{docker::Container, project::Project, redis::RedisContainer, service::ContainerOf};

use std::env;

/// The variable that says where stacks run.
const SETTING: &str = "JETON_STACK";

/// Whether stacks run in containers.
///
/// # Panics
/// When the variable says something else.
#[must_use]
pub fn are_used() -> bool {
    match env::var(SETTING).as_deref() {
        Err(_) | Ok("processes") => false,
        Ok("compose") => true,
        Ok(other) => panic!("{SETTING} is {other:?}: it must be `processes` or `compose`"),
    }
}
