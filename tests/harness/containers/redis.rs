//! The Redis of a project. It appends everything to a file in a volume, so a kill alone loses nothing.

use super::{Container, Project, docker::docker};
use std::sync::Arc;

/// A copy, beside the files that Redis writes.
const KEPT: &str = "/data/kept";
/// The files that Redis writes all the time.
const APPENDED: &str = "/data/appendonlydir";

/// The container of Redis.
#[derive(Debug)]
pub(crate) struct RedisContainer {
    project: Arc<Project>,
    container: Container,
    has_kept: bool,
}

impl RedisContainer {
    pub(crate) fn of(project: &Arc<Project>) -> Self {
        Self { project: Arc::clone(project), container: project.container("redis"), has_kept: false }
    }

    /// What it asks for.
    pub(crate) fn password(&self) -> &str {
        self.project.redis_password()
    }

    pub(crate) fn disturb(&self) {
        self.project.disturb();
    }

    pub(crate) fn kill(&self) {
        self.container.kill();
    }

    pub(crate) fn pause(&self) {
        self.container.pause();
    }

    pub(crate) fn resume(&self) {
        self.container.resume();
    }

    /// Keeps what has been written, and returns the snapshot.
    pub(crate) fn keep(&mut self) -> Vec<u8> {
        self.container.run(&["sh", "-c", &format!("rm -rf {KEPT} && cp -a {APPENDED} {KEPT}")]);
        self.has_kept = true;
        self.container.read("/data/dump.rdb")
    }

    /// With everything that it had written when it ended.
    pub(crate) fn start_as_it_was(&self) {
        self.container.start();
    }

    /// As after a backup was restored; or, if nothing was kept, with a new volume.
    pub(crate) fn start_from_what_was_kept(&self) {
        if self.has_kept {
            let restore = format!("rm -rf {APPENDED} && cp -a {KEPT} {APPENDED}");
            let from = ["run", "--rm", "--volumes-from", self.container.name(), "--entrypoint", "sh"];
            docker(&[&from[..], &["redis:7-bookworm", "-c", &restore]].concat()).expect("the backup is restored");
            self.container.start();
        } else {
            self.project.make_store_anew("redis", "redis-data");
        }
    }
}
