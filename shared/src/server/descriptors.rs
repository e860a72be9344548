//! File descriptors: a connection is one.

use std::{fs, thread};

/// What is kept for stores, files and the admin socket.
const RESERVE: usize = 96;

/// What a worker may have beyond its connections: its runtime, and those that it is about to close.
pub(super) const RESERVE_PER_WORKER: usize = 8;

/// The fewest connections in any case.
const MIN_CONNECTIONS: usize = 16;

/// Raises the soft limit of this process to the hard one: systemd's 1,024 is for programs that use `select`.
#[cfg(unix)]
pub(super) fn raise_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current == maximum {
        return;
    }
    match setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        Ok(()) => tracing::debug!(was = current, is = maximum, "raised the limit of open files"),
        Err(error) => tracing::debug!(%error, was = current, "the limit of open files could not be raised"),
    }
}

#[cfg(not(unix))]
pub(super) fn raise_limit() {}

/// How many connections there may be, if `wanted` is more than there are file descriptors for.
pub(super) fn connections(wanted: usize) -> usize {
    let workers = thread::available_parallelism().map_or(2, usize::from);
    let fitting = limit().map_or(wanted, |limit| fitting(limit, in_use(), workers));
    if fitting < wanted {
        tracing::warn!(wanted, fitting, "the limit of open files (`ulimit -n`) leaves room for fewer connections");
    }
    fitting.min(wanted)
}

fn fitting(limit: usize, in_use: usize, workers: usize) -> usize {
    limit.saturating_sub(in_use + RESERVE + workers * RESERVE_PER_WORKER).max(MIN_CONNECTIONS)
}

fn in_use() -> usize {
    fs::read_dir("/proc/self/fd").map_or(0, Iterator::count)
}

#[cfg(unix)]
fn limit() -> Option<usize> {
    rustix::process::getrlimit(rustix::process::Resource::Nofile).current.and_then(|limit| usize::try_from(limit).ok())
}

#[cfg(not(unix))]
fn limit() -> Option<usize> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_file_descriptors_to_everything_else() {
        assert_eq!(fitting(1024, 30, 4), 866);
        assert_eq!(fitting(256, 30, 2), 114);
        assert_eq!(fitting(64, 30, 64), MIN_CONNECTIONS, "a few in any case");
    }
}
