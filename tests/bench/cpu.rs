//! Processor time, user and system, on the clocks that Linux keeps for it.

use std::time::Duration;

/// What a process of this machine has used.
///
/// # Panics
/// When there is no such process.
pub(crate) fn of_process(id: u32) -> Duration {
    let mut clock: libc::clockid_t = 0;
    let id = libc::pid_t::try_from(id).expect("process ids are positive and small");
    #[expect(unsafe_code, reason = "clock_getcpuclockid(3) has no safe form in std")]
    // SAFETY: the clock's id is plain data that the call fills.
    let found = unsafe { libc::clock_getcpuclockid(id, &raw mut clock) };
    assert_eq!(found, 0, "process {id} runs");
    reading(clock)
}

/// What this thread uses for some work.
pub(crate) fn spent(work: impl FnOnce()) -> Duration {
    let before = reading(libc::CLOCK_THREAD_CPUTIME_ID);
    work();
    reading(libc::CLOCK_THREAD_CPUTIME_ID) - before
}

fn reading(clock: libc::clockid_t) -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    #[expect(unsafe_code, reason = "clock_gettime(2) has no safe form in std for these clocks")]
    // SAFETY: the time is plain data that the call fills.
    let read = unsafe { libc::clock_gettime(clock, &raw mut time) };
    assert_eq!(read, 0, "the clock of a running process can be read");
    let seconds = u64::try_from(time.tv_sec).expect("time is not negative");
    Duration::new(seconds, u32::try_from(time.tv_nsec).expect("a fraction of a second"))
}

/// The average of `count` shares of the whole.
pub(crate) fn each(whole: Duration, count: usize) -> Duration {
    whole.div_f64(count as f64)
}

/// In microseconds.
pub(crate) fn micros(span: Duration) -> f64 {
    span.as_secs_f64() * 1e6
}
