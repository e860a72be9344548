//! A line a second on standard error: how many users, how fast, and how much longer.

use shared::output::complain;
use std::time::{Duration, Instant};

const EVERY: Duration = Duration::from_secs(1);

/// How far an import is.
pub struct Progress {
    begun: Instant,
    shown: Instant,
    /// How many bytes there are; `None`: nobody knows.
    bytes: Option<u64>,
}

impl Progress {
    /// Begins now.
    pub fn begin(bytes: Option<u64>) -> Self {
        Self { begun: Instant::now(), shown: Instant::now(), bytes }
    }

    /// Shows it, if it is time.
    pub fn show(&mut self, users: u64, bytes_read: u64) {
        if self.shown.elapsed() < EVERY {
            return;
        }
        self.shown = Instant::now();
        complain(line(users, self.begun.elapsed(), self.bytes, bytes_read));
    }
}

fn line(users: u64, elapsed: Duration, bytes: Option<u64>, bytes_read: u64) -> String {
    let millis = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX).max(1);
    let rate = users.saturating_mul(1000) / millis;
    let left = bytes.filter(|_| bytes_read > 0).map(|bytes| {
        let rest = u128::from(bytes.saturating_sub(bytes_read));
        rest * elapsed.as_millis() / u128::from(bytes_read) / 1000
    });
    let left = left.map_or_else(String::new, |seconds| format!(", {}:{:02} left", seconds / 60, seconds % 60));
    format!("{users} users, {rate} a second{left}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_that_is_left_follows_from_the_part_that_was_read() {
        let after = Duration::from_secs(30);
        assert_eq!(line(60_000, after, Some(400), 100), "60000 users, 2000 a second, 1:30 left");
        assert_eq!(line(60_000, after, None, 100), "60000 users, 2000 a second");
        assert_eq!(line(0, Duration::ZERO, Some(400), 0), "0 users, 0 a second");
    }
}
