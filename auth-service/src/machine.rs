//! What the machine, or the container, gives to the process.

use std::{fs, thread};

/// A hashing thread's working memory, and so much again for all that a login needs beside it.
const PER_HASHING_THREAD: u64 = (2 * 19) << 20;

/// Where Linux tells the limit of a container's memory: control groups version 2, then 1.
const LIMITS: [&str; 2] = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];

/// How many threads hash passwords: one fewer than there are cores, at least one, and no more than memory is there for. Else
/// a burst of logins would have the container killed on a machine with many cores.
#[must_use]
pub fn hashing_threads() -> usize {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let limit = LIMITS.iter().find_map(|file| fs::read_to_string(file).ok()?.trim().parse().ok());
    threads(cores, limit)
}

/// Without a limit, version 2 says `max`, and version 1 a number beyond any machine's memory.
fn threads(cores: usize, memory_limit: Option<u64>) -> usize {
    let fitting = memory_limit.map_or(u64::MAX, |bytes| bytes / PER_HASHING_THREAD);
    cores.saturating_sub(1).min(usize::try_from(fitting).unwrap_or(usize::MAX)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

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
