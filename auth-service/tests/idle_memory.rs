//! What the hashing pool costs when nobody logs in. It has its own process: other tests would need memory meanwhile.

#![cfg(target_os = "linux")]

use auth_service::domain::passwords::{
    Password,
    argon2id::Grant,
    pool::{Hasher, Lane},
};
use std::{
    fs,
    time::{Duration, Instant},
};

/// The process's resident memory, in KiB.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux has it");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("the resident size");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

#[tokio::test]
async fn an_idle_pool_gives_its_memory_back() {
    let hasher = Hasher::start(1, Grant { memory: 64 * 1024, at_once: 1 });
    hasher.hash(Lane::HERE, &Password::new("grumpy-otter-42".to_owned())).await.expect("a hash");
    let busy = resident();
    let deadline = Instant::now() + Duration::from_secs(10);
    while resident() + 15_000 > busy {
        assert!(Instant::now() < deadline, "of {busy} KiB, {} are still in use; a hash needs 19 MiB", resident());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
