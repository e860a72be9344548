//! Containers instead of processes: with `JETON_STACK=compose`, each stack is a run of `docker-compose.yml` with its
//! own names, ports, network and volumes. `cargo xtask test --compose` builds the images first.

mod docker;
mod project;
mod redis;
mod service;
mod shipped;

pub(crate) use self::{docker::Container, project::Project, redis::RedisContainer, service::ContainerOf};
pub use self::{project::compose_program, shipped::Shipped};

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
