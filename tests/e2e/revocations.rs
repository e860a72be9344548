//! The feed of what has ended, for verifiers that work offline: it refuses what auth-service itself refuses.

mod caches;
mod endings;
mod feed;
mod outages;
mod pages;
mod replicas;
mod restarts;
mod restores;
mod sequences;
mod waiting;
