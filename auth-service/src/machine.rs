//! How many threads and how much memory the machine or the container has for hashing.

use crate::domain::passwords::argon2id::Grant;
use std::{fs, thread};

/// Bytes for each hashing thread: its working memory, and as much again for the rest of a login.
const PER_HASHING_THREAD: u64 = (2 * 19) << 20;

/// Where Linux states the memory limit of a container: control groups version 2, then 1.
const LIMITS: [&str; 2] = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];

/// How many threads hash passwords: one fewer than there are cores, at least one, and no more than memory allows.
/// Otherwise a burst of logins would get the container killed on a machine with many cores.
#[must_use]
pub fn hashing_threads() -> usize {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    threads(cores, memory_limit())
}

/// What stored hashes that are costlier than new ones may take: at most `wished` KiB each, and how many at once.
#[must_use]
pub fn hash_grant(wished: u32, threads: usize) -> Grant {
    grant(wished, threads, memory_limit())
}

fn memory_limit() -> Option<u64> {
    LIMITS.iter().find_map(|file| fs::read_to_string(file).ok()?.trim().parse().ok())
}

/// In total a quarter of the limit: what new hashes leave of their half.
fn grant(wished: u32, threads: usize, memory_limit: Option<u64>) -> Grant {
    let in_all = memory_limit.map_or(u64::MAX, |bytes| bytes / 4 / 1024);
    let memory = u32::try_from(in_all).unwrap_or(u32::MAX).min(wished);
    let fitting = usize::try_from(in_all / u64::from(memory.max(1))).unwrap_or(usize::MAX);
    Grant { memory, at_once: fitting.clamp(1, threads.max(1)) }
}

/// Without a limit, version 2 reads `max`, and version 1 a number beyond any machine's memory.
fn threads(cores: usize, memory_limit: Option<u64>) -> usize {
    let fitting = memory_limit.map_or(u64::MAX, |bytes| bytes / PER_HASHING_THREAD);
    cores.saturating_sub(1).min(usize::try_from(fitting).unwrap_or(usize::MAX)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    #[test]
    fn costlier_hashes_take_no_more_than_a_quarter_of_the_container() {
        let wished = 64 * 1024;
        assert_eq!(grant(wished, 6, Some(256 * MIB)), Grant { memory: wished, at_once: 1 });
        assert_eq!(grant(wished, 6, Some(1024 * MIB)), Grant { memory: wished, at_once: 4 });
        assert_eq!(grant(wished, 1, Some(64 * MIB)), Grant { memory: 16 * 1024, at_once: 1 });
        for unlimited in [None, Some(u64::MAX)] {
            assert_eq!(grant(wished, 6, unlimited), Grant { memory: wished, at_once: 6 });
        }
    }

    #[test]
    fn one_core_is_left_to_everything_else() {
        assert_eq!([1, 2, 8].map(|cores| threads(cores, None)), [1, 1, 7]);
    }

    #[test]
    fn a_container_on_a_large_machine_hashes_within_its_memory() {
        assert_eq!(threads(64, Some(256 * MIB)), 6);
        assert_eq!(threads(4, Some(256 * MIB)), 3);
        assert_eq!(threads(64, Some(32 * MIB)), 1, "at least one");
        assert_eq!(threads(64, Some(u64::MAX)), 63);
    }
}
